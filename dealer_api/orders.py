# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Bring a batch of orders to a dealer, each exactly once, in a handful of requests.

What makes it exactly once is the dealer's own database: ``BaseModel.load()`` creates a
record together with its external id, which ``ir_model_data`` keeps unique, and with the
context ``{"mode": "update", "noupdate": True}`` an existing one is left as it is and its id
returned. So everything here may be repeated at any time, also half done.

What ``load()`` does, read in Odoo's ``orm/models.py`` and seen on real dealers:

* ``ids`` has one id per *order* (not per row), in the order of the rows, existing and new
  ones alike. It is ``False`` as soon as one message is an error, and then nothing at all was
  created: the savepoint around everything is rolled back.
* The rows after the first of an order have only ``order_line/...`` cells. A row belongs to
  the order before it while all other cells are empty.
* ``record`` in a message counts orders, ``rows`` counts rows. A problem with a reference is
  found while reading the rows. A problem of creation makes ``load()`` create the records again
  one by one to see which are to blame; it stops after ten, so that some of the blamed are
  found in the next round only.
* In that second case the error of the common attempt is put *first*, under the number of the
  first record of the batch, which may be innocent.
* The messages are English when the context has no language; before Odoo 17 they may be in
  the language of the service user, and PostgreSQL's are in that of the server. So nothing
  final is ever concluded from their wording: an order is refused when it was to blame in two
  separate calls. A conflict between transactions has passed by then.
* Two records of one batch with the same external id would both be created: never send any.
"""

import re
from dataclasses import dataclass, field

from .errors import DealerAccessRefused, DealerBadAnswer, DealerError, DealerFault, render
from .protocols import is_busy
from .session import is_id, many2one_id, many2one_name

LOAD_CONTEXT = {"mode": "update", "noupdate": True}
BATCH_SIZE = 50

ORDER_FIELDS = [
    "id",
    "partner_id/.id",
    "client_order_ref",
    "origin",
    "order_line/product_id/.id",
    "order_line/product_uom_qty",
    "order_line/price_unit",
    "order_line/name",
]
_CUSTOMER_CELLS = ("name", "email", "phone", "street", "street2", "zip", "city")
PRICELIST = "property_product_pricelist"
_PARTNER_FIELDS = (
    "email",
    "email_normalized",
    "phone",
    "mobile",
    "phone_sanitized",
    "company_name",
    PRICELIST,
)
# More matches than this for one look-up, and each customer is looked up alone.
_MATCH_LIMIT = 1000
# After so many orders in a row for which the dealer's Odoo fails as a whole, the fault is not
# in the orders.
_CRASH_LIMIT = 3

SENT, FAILED, RETRY = "sent", "failed", "retry"


@dataclass
class OrderResult:
    """What became of one order.

    ``sent``: it is at the dealer as ``remote_id``; ``remote_name`` is None when we may not
    read it. ``failed``: the dealer cannot take it as it is. ``retry``: not this time.
    """

    outcome: str
    code: str
    details: dict = field(default_factory=dict)
    remote_id: int | None = None
    remote_name: str | None = None
    remote_currency: str | None = None
    # Remarks for people: (code, details, text)
    notes: list = field(default_factory=list)

    @property
    def text(self):
        """Return the message in English."""
        return render(self.code, self.details)

    def add_note(self, code, **details):
        self.notes.append((code, details, render(code, details)))


def push_orders(session, payloads):
    """Create the orders that do not exist yet and return one ``OrderResult`` per payload.

    :param payloads: snapshots as described in the design, up to a few dozen at a time
    :raise DealerError: when the dealer as a whole could not be worked with and no order is
        known to be there. Calling again later is safe. ``request_sent`` then is about the
        orders: False when certainly none of them was created by this call.
    """
    push = _Push(session, payloads)
    try:
        return push.run()
    except DealerError as error:
        error.request_sent = push.uncertain
        raise


def read_orders(session, remote_ids):
    """Return ``{id: {"name", "currency"}}`` of the orders the service user may read."""
    if not remote_ids:
        return {}
    records = session.search_read(
        "sale.order", [("id", "in", sorted(set(remote_ids)))], ["name", "currency_id"]
    )
    return {
        record["id"]: {
            "name": str(record["name"])[:100] if record.get("name") else None,
            "currency": many2one_name(record.get("currency_id")),
        }
        for record in records
    }


class _Order:
    """An order on its way."""

    def __init__(self, payload):
        self.payload = payload
        self.result = None
        self.partner_id = None
        self.notes = []
        # The dealer has it already, whatever speaks against it now.
        self.known = False

    @property
    def external_id(self):
        return self.payload["external_id"]

    def settle(self, outcome, code, **details):
        self.result = OrderResult(outcome, code, details)

    def fail(self, code, **details):
        self.settle(FAILED, code, **details)


class _Push:
    def __init__(self, session, payloads):
        self.session = session
        self.payloads = list(payloads)
        self.orders = {}
        self.products = {}
        # Orders may have been created without us knowing.
        self.uncertain = False
        # The error that ended the work early.
        self.broken_off = None
        self.company_currency = None
        self.partner_fields = frozenset()
        self.pricelists = {}
        for payload in self.payloads:
            # The same order twice in a batch is one order (see above).
            self.orders.setdefault(payload.get("external_id"), _Order(payload))

    @property
    def open_orders(self):
        return [order for order in self.orders.values() if order.result is None]

    def run(self):
        if not self.payloads:
            return []
        for step in (
            self._check_payloads,
            self._find_products,
            self._check_company_currency,
            self._assign_customers,
            self._check_pricelists,
            self._look_for_refused,
            self._load_orders,
            self._read_names,
        ):
            step()
        return [self._result_of(payload) for payload in self.payloads]

    def _result_of(self, payload):
        order = self.orders[payload.get("external_id")]
        for code, details in order.notes:
            order.result.add_note(code, **details)
        order.notes = []
        return order.result

    # ------------------------------------------------------------
    # What can be told without the dealer
    # ------------------------------------------------------------

    def _check_payloads(self):
        for order in self.open_orders:
            payload = order.payload
            customer = payload.get("customer") or {}
            missing = [
                name
                for name, value in (
                    ("external_id", _is_external_id(payload.get("external_id"))),
                    ("currency", payload.get("currency")),
                    ("customer.external_id", _is_external_id(customer.get("external_id"))),
                    ("customer.name", customer.get("name")),
                )
                if not value
            ]
            if missing:
                order.fail("payload_invalid", message=", ".join(missing))
            elif not payload.get("lines"):
                order.fail("order_empty")

    # ------------------------------------------------------------
    # Products and currency
    # ------------------------------------------------------------

    def _find_products(self):
        codes = sorted(
            {
                str(line.get("default_code") or "")
                for order in self.open_orders
                for line in order.payload["lines"]
            }
            - {""}
        )
        if codes:
            self.products = self._guarded(find_products, codes) or {}
        for order in self.open_orders:
            wanted = {str(line.get("default_code") or "") for line in order.payload["lines"]}
            found = {code: len(self.products.get(code, ())) for code in wanted}
            unknown = sorted(code for code, count in found.items() if count == 0)
            ambiguous = sorted(code for code, count in found.items() if count > 1)
            if unknown:
                order.fail("product_unknown", codes=", ".join(code or "?" for code in unknown))
            elif ambiguous:
                order.fail("product_ambiguous", codes=", ".join(ambiguous))

    def _check_company_currency(self):
        """Refuse the orders in a currency that cannot come out at the dealer.

        The currency of an order is that of the customer's price list, and the company's
        without one: where dealers use price lists, only the customer can tell.
        """
        if not self.open_orders:
            return
        currency = self._guarded(lambda session: session.company_currency)
        self.company_currency = currency
        fields = self._guarded(lambda session: session.fields("res.partner", _PARTNER_FIELDS))
        self.partner_fields = fields or frozenset()
        if PRICELIST not in self.partner_fields:
            for order in self.open_orders:
                self._check_currency(order, currency)

    def _check_currency(self, order, dealer_currency):
        currency = order.payload["currency"]
        if dealer_currency and dealer_currency != currency:
            order.fail("currency_mismatch", currency=currency, dealer_currency=dealer_currency)

    def _check_pricelists(self):
        orders = self.open_orders
        if not orders or PRICELIST not in self.partner_fields:
            return
        partner_ids = {order.partner_id for order in orders}
        currencies = {}
        try:
            created = sorted(partner_ids - set(self.pricelists))
            if created:
                for partner in self.session.read_ids("res.partner", created, [PRICELIST]):
                    self.pricelists[partner["id"]] = many2one_id(partner.get(PRICELIST))
            wanted = {self.pricelists.get(partner_id) for partner_id in partner_ids} - {None}
            if wanted:
                for record in self.session.read_ids(
                    "product.pricelist", sorted(wanted), ["currency_id"]
                ):
                    currencies[record["id"]] = many2one_name(record.get("currency_id"))
        except DealerFault:
            # Not ours to read, so not to be known beforehand; the order itself will tell.
            return
        for order in orders:
            pricelist = self.pricelists.get(order.partner_id)
            self._check_currency(
                order, currencies.get(pricelist) if pricelist else self.company_currency
            )

    def _guarded(self, function, *args):
        """Call something every open order depends on; a missing right there fails them all."""
        try:
            return function(self.session, *args)
        except DealerFault as fault:
            self.session.forget_fields()
            if fault.kind != "access":
                raise
            for order in self.open_orders:
                order.fail(fault.code, **fault.details)
        return None

    # ------------------------------------------------------------
    # Customers
    # ------------------------------------------------------------

    def _assign_customers(self):
        orders = self.open_orders
        if not orders:
            return
        customers = [order.payload["customer"] for order in orders]
        search = _CustomerSearch(self.session, self.partner_fields)
        self._guarded(lambda _session: search.run(customers))
        self.pricelists = search.pricelists
        new = _NewCustomers()
        for order in self.open_orders:
            customer = order.payload["customer"]
            matches, value = search.found.get(customer["external_id"], ((), None))
            if matches:
                order.partner_id = matches[0]
                if len(matches) > 1:
                    order.notes.append(
                        ("customer_ambiguous", {"matches": value, "partner_id": matches[0]})
                    )
                continue
            if self.company_currency and self.company_currency != order.payload["currency"]:
                # A new customer gets the company's currency: no need to create one to see.
                self._check_currency(order, self.company_currency)
                continue
            new.add(order)
        if new.groups:
            self._create_customers(new.groups)

    def _create_customers(self, groups):
        columns, rows = self._customer_rows([orders[0].payload["customer"] for orders in groups])
        loader = _Loader(self.session, "res.partner", columns, LOAD_CONTEXT)
        outcomes = loader.load([[row] for row in rows])
        for orders, outcome in zip(groups, outcomes, strict=True):
            for order in orders:
                if outcome.record_id:
                    order.partner_id = outcome.record_id
                else:
                    self._settle_refused(order, outcome, "customer_refused")

    def _customer_rows(self, customers):
        """Return the columns and rows to create customers from."""
        countries = self._find_countries(
            {customer["country_code"] for customer in customers if customer.get("country_code")}
        )
        columns = ["id", *_CUSTOMER_CELLS]
        with_company = "company_name" in self.partner_fields
        if with_company:
            columns.append("company_name")
        if countries:
            columns.append("country_id/.id")
        rows = []
        for customer in customers:
            row = [customer["external_id"]]
            row.extend(customer.get(name) or "" for name in _CUSTOMER_CELLS)
            if with_company:
                row.append(customer.get("company_name") or "")
            if countries:
                row.append(countries.get(str(customer.get("country_code")).upper(), ""))
            rows.append(row)
        return columns, rows

    def _find_countries(self, codes):
        """Return the dealer's ids of countries; one it does not know is left out."""
        codes = sorted({str(code).upper() for code in codes})
        if not codes:
            return {}
        try:
            records = self.session.search_read("res.country", [("code", "in", codes)], ["code"])
        except DealerFault:
            # A customer without a country is better than none.
            return {}
        return {str(record.get("code")).upper(): record["id"] for record in records}

    # ------------------------------------------------------------
    # Orders
    # ------------------------------------------------------------

    def _look_for_refused(self):
        """See whether an order that we are about to refuse is at the dealer already.

        An earlier attempt may have been carried out without us getting the answer, and the
        product be renamed since. ``load()`` with an external id alone would tell, but try to
        create what it does not find; this method only looks.
        """
        for order in self.orders.values():
            if not (order.result and order.result.outcome == FAILED):
                continue
            if not _is_external_id(order.payload.get("external_id")):
                continue
            module, name = order.external_id.split(".", 1)
            try:
                self.session.call(
                    "ir.model.data", "check_object_reference", module=module, xml_id=name
                )
            except DealerFault:
                # "External ID not found", which Odoo reports as an internal error.
                continue
            order.result = None
            order.notes = []
            order.known = True

    def _load_orders(self):
        orders = self.open_orders
        if not orders:
            return
        known = [order for order in orders if order.known]
        fresh = [order for order in orders if not order.known]
        if known:
            self._load(known, ["id"], [[[order.external_id]] for order in known])
        if fresh:
            self._load(fresh, ORDER_FIELDS, [self._order_rows(order) for order in fresh])

    def _load(self, orders, columns, rows):
        loader = _Loader(self.session, "sale.order", columns, LOAD_CONTEXT)
        try:
            outcomes = loader.load(rows)
        finally:
            self.uncertain = self.uncertain or loader.uncertain
        self.broken_off = self.broken_off or loader.broken_off
        for order, outcome in zip(orders, outcomes, strict=True):
            if outcome.record_id:
                order.result = OrderResult(SENT, "order_sent", remote_id=outcome.record_id)
            else:
                self._settle_refused(order, outcome, "order_refused")

    def _order_rows(self, order):
        payload = order.payload
        rows = []
        for line in payload["lines"]:
            head = ["", "", "", ""]
            if not rows:
                head = [
                    payload["external_id"],
                    order.partner_id,
                    payload.get("reference") or "",
                    payload.get("origin") or "",
                ]
            [product_id] = self.products[str(line["default_code"])]
            quantity = line.get("quantity")
            rows.append(
                [
                    *head,
                    product_id,
                    1.0 if quantity is None else float(quantity),
                    float(line.get("price_unit") or 0.0),
                    line.get("name") or line["default_code"],
                ]
            )
        return rows

    def _settle_refused(self, order, outcome, code):
        if outcome.busy:
            order.settle(RETRY, "order_busy")
        elif outcome.fault:
            fault_code, details, result = _as_refusal(outcome.fault, code)
            order.settle(result, fault_code, **details)
        elif outcome.message is None:
            order.settle(RETRY, "order_postponed")
        else:
            message = self.session.transport.clean(outcome.message)
            order.fail(code, message=message)

    def _read_names(self):
        """Fill in the names; without them the orders are no less there."""
        sent = [o for o in self.orders.values() if o.result and o.result.outcome == SENT]
        known = {}
        try:
            if not self.broken_off:
                known = read_orders(self.session, [order.result.remote_id for order in sent])
        except DealerError:
            known = {}
        for order in sent:
            record = known.get(order.result.remote_id)
            if not record or not record["name"]:
                order.result.add_note("name_unknown")
                continue
            result = order.result
            result.remote_name = record["name"]
            result.remote_currency = record["currency"]
            if record["currency"] and record["currency"] != order.payload.get("currency"):
                result.add_note(
                    "currency_differs",
                    currency=order.payload.get("currency"),
                    dealer_currency=record["currency"],
                )


def _as_refusal(fault, code):
    """Return the code, details and outcome for one order that met a fault."""
    if fault.kind == "access":
        return fault.code, fault.details, FAILED
    if fault.kind == "busy":
        return "order_busy", {}, RETRY
    if fault.kind == "user":
        return code, {"message": fault.details.get("message", "")}, FAILED
    return fault.code, fault.details, RETRY


def _is_external_id(value):
    """Tell whether a value is ``module.name`` as ``load()`` takes it apart."""
    return isinstance(value, str) and bool(re.fullmatch(r"[\w-]+\.[\w.-]+", value))


# ------------------------------------------------------------
# Look-ups
# ------------------------------------------------------------


def find_products(session, codes):
    """Return ``{code: [ids]}`` of the dealer's active products, in one search."""
    records = session.search_read(
        "product.product", [("default_code", "in", list(codes))], ["default_code"]
    )
    found = {}
    for record in records:
        found.setdefault(record.get("default_code"), []).append(record["id"])
    return found


class _CustomerSearch:
    """Look customers up at the dealer: by e-mail, then by phone, one search each."""

    def __init__(self, session, partner_fields):
        self.session = session
        self.partner_fields = partner_fields
        # {external id: ([ids, ascending], the e-mail or phone that matched)}
        self.found = {}
        # {contact: its price list or None} of all contacts seen on the way
        self.pricelists = {}

    def run(self, customers):
        by_email = {}
        for customer in customers:
            email = _normal_email(customer.get("email"))
            if email:
                by_email.setdefault(email, []).append(customer)
        self._match(by_email, _email_search(self.partner_fields))
        by_phone = {}
        for customer in customers:
            phone = _normal_phone(customer.get("phone"))
            if phone and customer["external_id"] not in self.found:
                by_phone.setdefault(phone, []).append(customer)
        for search in _phone_searches(self.partner_fields):
            self._match(
                {
                    phone: people
                    for phone, people in by_phone.items()
                    if people[0]["external_id"] not in self.found
                },
                search,
            )
        return self

    def _match(self, wanted, search):
        """Search the contacts for the keys of ``wanted`` and note who was found."""
        domain_of, names, key_of = search
        keys = [key for key in wanted if domain_of([key])]
        if not keys:
            return
        if PRICELIST in self.partner_fields:
            names = [*names, PRICELIST]
        records = self._search(domain_of(keys), names, _MATCH_LIMIT)
        if len(records) >= _MATCH_LIMIT:
            # So many namesakes that one may hide the other customers.
            records = [
                record for key in keys for record in self._search(domain_of([key]), names, 20)
            ]
        ids_of = {}
        for record in records:
            self.pricelists[record["id"]] = many2one_id(record.get(PRICELIST))
            for key in key_of(record):
                ids_of.setdefault(key, set()).add(record["id"])
        for key in keys:
            if key in ids_of:
                for customer in wanted[key]:
                    self.found[customer["external_id"]] = (sorted(ids_of[key]), key)

    def _search(self, domain, names, limit):
        return self.session.search_read("res.partner", domain, names, limit=limit)


def _email_search(partner_fields):
    """Return how to search by e-mail: (domain of keys, fields to read, keys of a record)."""
    if "email_normalized" in partner_fields:
        return (
            lambda emails: [("email_normalized", "in", list(emails))],
            ["email_normalized"],
            lambda record: [_normal_email(record.get("email_normalized"))],
        )
    return (
        lambda emails: _any_of([("email", "=ilike", escape_like(email)) for email in emails]),
        ["email"],
        lambda record: [_normal_email(record.get("email"))],
    )


def _phone_searches(partner_fields):
    """Return the ways to search by phone, the best first."""
    searches = []
    if "phone_sanitized" in partner_fields:
        searches.append(
            (
                # Only the international form can be compared with what the dealer has there.
                lambda phones: _in_domain("phone_sanitized", [p for p in phones if p[0] == "+"]),
                ["phone_sanitized"],
                lambda record: [_normal_phone(record.get("phone_sanitized"))],
            )
        )
    names = [name for name in ("phone", "mobile") if name in partner_fields]
    if names:
        searches.append(
            (
                # Any characters may stand between the digits ("+32 2 555.01.01"); whether it
                # is the same number is then seen by the digits alone.
                lambda phones: _any_of(
                    [
                        (name, "=ilike", "%".join(["", *phone.lstrip("+"), ""]))
                        for phone in phones
                        if not ("phone_sanitized" in partner_fields and phone[0] == "+")
                        for name in names
                    ]
                ),
                names,
                lambda record: [_normal_phone(record.get(name)) for name in names],
            )
        )
    return searches


def _in_domain(name, values):
    return [(name, "in", values)] if values else []


def _any_of(leaves):
    return ["|"] * (len(leaves) - 1) + list(leaves)


def escape_like(text):
    """Escape what ``=ilike`` takes for a pattern: it is to be found as it stands."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _normal_email(email):
    return str(email).strip().lower() if email and "@" in str(email) else None


def _normal_phone(phone):
    """Return the digits of a phone number, with a plus in front when it is international."""
    text = str(phone or "").strip()
    digits = re.sub(r"\D", "", text)
    if text.startswith("00"):
        text, digits = "+", digits[2:]
    if len(digits) < 5:
        return None
    return f"+{digits}" if text.startswith("+") else digits


class _NewCustomers:
    """Customers to create, those of one batch with the same e-mail or phone being one."""

    def __init__(self):
        self.groups = []
        self._by_key = {}

    def add(self, order):
        customer = order.payload["customer"]
        keys = [
            ("id", customer["external_id"]),
            ("email", _normal_email(customer.get("email"))),
            ("phone", _normal_phone(customer.get("phone"))),
        ]
        keys = [key for key in keys if key[1]]
        group = next((self._by_key[key] for key in keys if key in self._by_key), None)
        if group is None:
            group = []
            self.groups.append(group)
        group.append(order)
        for key in keys:
            self._by_key.setdefault(key, group)


# ------------------------------------------------------------
# load(), until every record has an outcome
# ------------------------------------------------------------


@dataclass
class _Outcome:
    """What became of one record: its id, or the message, fault or conflict instead."""

    record_id: int | None = None
    message: str | None = None
    fault: DealerFault | None = None
    busy: bool = False


class _Loader:
    """Load records in as few calls as possible, finding out which ones cannot be.

    ``load()`` takes all or nothing. The records it blames are set aside and loaded again among
    themselves; those blamed a second time are refused. When it blames nobody in particular,
    the batch is halved. So each call that fails either marks a record, or refuses one, or
    makes a batch smaller: it ends, after at most four calls per record.
    """

    def __init__(self, session, model, columns, context):
        self.session = session
        self.model = model
        self.columns = columns
        self.context = context
        self.crashes = 0
        # An internal error may have come after the dealer had committed.
        self.uncertain = False
        # The error that ended the work before all had an outcome.
        self.broken_off = None

    def load(self, records):
        """Return one ``_Outcome`` per record, a record being a list of rows.

        :raise DealerError: when the dealer fails before the first outcome is known
        """
        self.records = records
        self.outcomes = [None] * len(records)
        self.marked = set()
        queue = [list(range(len(records)))]
        try:
            while queue:
                group = queue.pop(0)
                if self.crashes >= _CRASH_LIMIT:
                    break
                # Depth first: where all fail, single records are reached, and given up, soon.
                queue[:0] = [part for part in self._load_group(group) if part]
        except DealerError as error:
            self.uncertain = self.uncertain or error.request_sent
            if not any(outcome and outcome.record_id for outcome in self.outcomes):
                raise
            # What is there is there: report it, the rest is for the next run.
            self.broken_off = error
        return [outcome or _Outcome() for outcome in self.outcomes]

    def _load_group(self, group):
        """Load some records and return the groups that remain to be loaded."""
        rows = [row for index in group for row in self.records[index]]
        fault = None
        try:
            answer = self.session.call(
                self.model, "load", fields=self.columns, data=rows, context=self.context
            )
        except DealerFault as error:
            fault = error
        if fault:
            return self._after_fault(group, fault)
        ids, messages = self._checked(answer)
        if ids is not None and len(ids) == len(group):
            for index, record_id in zip(group, ids, strict=True):
                self.outcomes[index] = _Outcome(record_id=record_id)
            self.crashes = 0
            return []
        return self._after_messages(group, messages)

    def _checked(self, answer):
        """Return the ids (None when nothing was created) and the error messages."""
        if not isinstance(answer, dict):
            raise self._nonsense()
        ids = answer.get("ids") or None
        if ids is not None and not (isinstance(ids, list) and all(is_id(i) for i in ids)):
            raise self._nonsense()
        messages = answer.get("messages") or []
        if not isinstance(messages, list):
            raise self._nonsense()
        messages = [message for message in messages if isinstance(message, dict)]
        return ids, [m for m in messages if m.get("type", "error") == "error"]

    def _nonsense(self):
        return DealerBadAnswer("unexpected_answer", call=f"{self.model}.load")

    def _after_fault(self, group, fault):
        if fault.kind == "missing" and self.model == "sale.order":
            raise DealerAccessRefused("sales_missing")
        if fault.kind == "access":
            self._settle(group, fault=fault)
            return []
        if fault.kind == "other":
            self.uncertain = True
        if len(group) > 1:
            return _halves(group)
        if fault.kind == "busy" and group[0] not in self.marked:
            self.marked.update(group)
            return [group]
        if fault.kind == "other":
            self.crashes += 1
            if self.crashes >= _CRASH_LIMIT and not any(
                outcome and outcome.record_id for outcome in self.outcomes
            ):
                # Nothing works: that is a matter of the dealer's Odoo, not of these orders.
                raise fault
        self._settle(group, fault=fault)
        return []

    def _after_messages(self, group, messages):
        blamed = self._blamed(group, messages)
        if not blamed:
            if len(group) > 1:
                return _halves(group)
            text = messages[0].get("message") if messages else ""
            blamed = {group[0]: str(text or "")}
        again = []
        for index, text in blamed.items():
            if index in self.marked:
                self.outcomes[index] = _Outcome(message=text, busy=is_busy(text))
            else:
                self.marked.add(index)
                again.append(index)
        return [[index for index in group if index not in blamed], again]

    def _blamed(self, group, messages):
        """Return ``{record: message}`` of the records the messages blame."""
        named = [
            (message["record"], str(message.get("message") or ""))
            for message in messages
            if isinstance(message.get("record"), int) and 0 <= message["record"] < len(group)
        ]
        if len({number for number, _text in named}) > 1:
            first = named[0][0]
            if sum(number == first for number, _text in named) == 1:
                # It may be the error of all put under the first one's number. If it really
                # is the first one's, the next call will say so.
                named = named[1:]
        blamed = {}
        for number, text in named:
            blamed.setdefault(group[number], text)
        return blamed

    def _settle(self, group, **values):
        for index in group:
            self.outcomes[index] = _Outcome(**values)


def _halves(group):
    middle = len(group) // 2
    return [group[:middle], group[middle:]]
