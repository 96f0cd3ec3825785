# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Bring a batch of orders to a dealer, each exactly once, in a handful of requests.

Everything here may be repeated at any time, also half done; why, is said in ``loader.py``.
"""

from functools import partial

from .customers import PARTNER_FIELDS, CustomerSearch, NewCustomers
from .defaults import OrderDefaults, notes_cells, order_cells
from .errors import (
    RETRY,
    DealerAccessUncertain,
    DealerBadAnswer,
    DealerError,
    DealerFault,
    DealerUnreachable,
)
from .loader import Loader, LoadRecord, cell
from .memory import DAY
from .payload import (
    CUSTOMER_FIELDS,
    CUSTOMER_MODEL,
    LINE_MODEL,
    NOTES_FIELD,
    ORDER_FIELDS,
    ORDER_MODEL,
    STOCK_LINE_FIELDS,
    field_of,
    is_external_id,
)
from .pricelists import PRICELIST, new_customer_currency, read_currencies
from .products import BY_CODE, Products, find_products, recall_products, remember_products
from .reading_back import ReadBack
from .remote import find_existing
from .replacement import Replacements, take_renewed
from .sending import FAILED, SENT, OrderResult, Sending

# Orders per talk with one dealer.
BATCH_SIZE = 50
# So many lines may name remembered products by their codes: each costs the dealer's database some
# searches, and a search for all codes is one request.
_BY_CODE_LINES = 10


def push_orders(session, orders):
    """Create the orders that do not exist yet and return one ``OrderResult`` per order.

    :param orders: list of ``payload.Order``, at most ``BATCH_SIZE`` at a time
    :raise DealerError: when the dealer as a whole could not be worked with and no order is
        known to be there. Calling again later is safe. ``request_sent`` then is about the
        orders: False when certainly none of them was created by this call.
    """
    push = _Push(session, orders)
    try:
        return push.run()
    except DealerError as error:
        error.request_sent = push.uncertain
        raise


class _Push:
    """One batch on its way, step by step; each step leaves fewer orders open, or as many."""

    def __init__(self, session, orders):
        self.session = session
        self.keys = [order.external_id or id(order) for order in orders]
        self.sendings = {}
        for key, order in zip(self.keys, orders, strict=True):
            # The same order twice in a batch is one order (see loader.py).
            self.sendings.setdefault(key, Sending(order))
        self.products = Products([])
        self.defaults = OrderDefaults(session)
        # All orders have the columns of notes, so that they are loaded together
        self.noted = False
        # {model: {field: what the dealer's Odoo says of it, None where it does not have it}}
        self.kinds = {}
        # {order: its lines} at the dealer, of those that had to be looked at
        self.lines = {}
        # Orders may have been created without us knowing.
        self.uncertain = False
        # The error that ended the work early.
        self.broken_off = None
        self.company_currency = None
        self.partner_fields = frozenset()
        self.pricelists = {}

    @property
    def open(self):
        """Return the orders without a result."""
        return [sending for sending in self.sendings.values() if sending.result is None]

    def run(self):
        """Take all steps and return the results in the order of the batch."""
        if not self.keys:
            return []
        for step in (
            self._settle_earlier,
            self._check_orders,
            self._find_products,
            self._check_company_currency,
            self._check_defaults,
            self._assign_customers,
            self._check_pricelists,
            self._look_for_refused,
            self._load_orders,
            self._read_back,
        ):
            step()
        return [self.sendings[key].finish() for key in self.keys]

    def _read_back(self):
        sent = [s for s in self.sendings.values() if s.result and s.result.status == SENT]
        ReadBack(self.session, self.products, self.lines, self.broken_off).run(sent)

    def _guarded(self, function, *args):
        """Call something every open order depends on; a missing right there fails them all."""
        try:
            return function(*args)
        except DealerFault as fault:
            self.session.forget()
            if fault.kind != "access":
                raise
            for sending in self.open:
                sending.fail(fault.code, **fault.details)
        return None

    def _lacking(self, model, base, columns):
        """Return those fields of the columns that the dealer does not have, or hides from us.

        :param base: fields that every Odoo has; with nothing else the dealer is not asked
        """
        names = sorted({field_of(column) for column in columns} - set(base))
        known = self.kinds.setdefault(model, {})
        if unasked := [name for name in names if name not in known]:
            found = self._guarded(self.session.describe, model, unasked)
            if found is None:
                # the orders have failed by now
                return frozenset()
            known.update({name: found.get(name) for name in unasked})
        return frozenset(name for name in names if known[name] is None)

    # ------------------------------------------------------------
    # What an earlier attempt may have left there
    # ------------------------------------------------------------

    def _settle_earlier(self):
        """Decide what of orders that may be there is sent; without an answer nothing of them."""
        replaced = [sending for sending in self.open if sending.order.replacement]
        alone = [s for s in self.open if s.order.maybe_there and not s.order.replacement]
        replacements = Replacements(self.session)
        renew = partial(take_renewed, self.session)
        for sendings, settle in ((replaced, replacements.run), (alone, renew)):
            try:
                settle(sendings)
            except DealerFault as fault:
                self._wait_for_look(sendings, fault)
        self.products, self.lines = replacements.products, replacements.lines

    def _wait_for_look(self, sendings, fault):
        """Let orders wait that may be there, while the dealer's Odoo fails to tell."""
        if fault.kind == "missing":
            raise DealerAccessUncertain("sales_missing")
        for sending in sendings:
            sending.settle(RETRY, fault.code, **fault.details)

    # ------------------------------------------------------------
    # What can be told without the dealer
    # ------------------------------------------------------------

    def _check_orders(self):
        for sending in self.open:
            problems = sending.order.problems()
            if problems:
                sending.fail("payload_invalid", message=", ".join(problems))
            elif not sending.order.lines:
                sending.fail("order_empty")

    # ------------------------------------------------------------
    # Products and currency
    # ------------------------------------------------------------

    def _find_products(self, recall=True):
        """Fail the orders with products that they may not have.

        :param recall: what is remembered will do, where the order itself proves it
        """
        sendings = [s for s in self.sendings.values() if not s.result or s.result.status == SENT]
        codes = sorted({code for sending in sendings for code in sending.all_codes} - {""})
        # of those that were found there, too: they are compared
        if codes and (self.open or not self.products.keys() >= set(codes)):
            products = self._recall_products(sendings, codes) if recall else None
            if products is None:
                products = self._guarded(find_products, self.session, codes)
                remember_products(self.session, products or {})
            self.products = self.products if products is None else products
        for sending in self.open:
            problem, codes = self.products.find_problem(sending.codes)
            if problem:
                sending.fail(problem, codes=", ".join(code or "?" for code in codes))

    def _recall_products(self, sendings, codes):
        """Return remembered products, None where they have to be looked up.

        So they have where an order that is there is to be compared: with today's products.
        """
        is_doubtful = any(s.is_doubtful or s.replaced or s.result for s in sendings)
        if is_doubtful or sum(len(s.order.lines) for s in sendings) > _BY_CODE_LINES:
            return None
        return recall_products(self.session, codes)

    def _check_company_currency(self):
        """Refuse the orders in a currency that cannot come out at the dealer.

        The currency of an order is that of the customer's price list, and the company's
        without one: where dealers use price lists, only the customer can tell.
        """
        if not self.open:
            return
        currency = self._guarded(lambda: self.session.company_currency)
        self.company_currency = currency
        fields = self._guarded(self.session.fields, CUSTOMER_MODEL, PARTNER_FIELDS, DAY)
        if fields is not None and "email" not in fields:
            # Every Odoo has it: nothing of this answer is to be remembered.
            self.session.forget()
            raise DealerBadAnswer("unexpected_answer", call=f"{CUSTOMER_MODEL}.fields_get")
        self.partner_fields = fields or frozenset()
        if PRICELIST in self.partner_fields:
            return
        if not self.session.is_proved("company"):
            if any(currency and currency != each.order.currency for each in self.open):
                # It may be another company's by now.
                self.session.forget()
                self._check_company_currency()
                return
        for sending in self.open:
            self._check_currency(sending, currency)

    def _check_currency(self, sending, dealer_currency):
        currency = sending.order.currency
        if dealer_currency and dealer_currency != currency:
            sending.fail("currency_mismatch", currency=currency, dealer_currency=dealer_currency)

    def _check_pricelists(self):
        sendings = self.open
        if not sendings or PRICELIST not in self.partner_fields:
            return
        partner_ids = {sending.partner_id for sending in sendings}
        wanted = {self.pricelists.get(partner_id) for partner_id in partner_ids} - {None}
        try:
            currencies = read_currencies(self.session, wanted)
        except DealerFault:
            # Not ours to read, so not to be known beforehand; the order itself will tell.
            return
        for sending in sendings:
            if sending.partner_id in self.pricelists:
                pricelist = self.pricelists[sending.partner_id]
                self._check_currency(
                    sending, currencies.get(pricelist) if pricelist else self.company_currency
                )

    def _check_defaults(self):
        """Refuse the orders whose defaults the dealer does not know; create nobody for them."""
        if not any(sending.order.used_defaults for sending in self.open):
            return
        self._lacking_of_orders()
        sendings = [sending for sending in self.open if sending.order.used_defaults]
        self._guarded(self.defaults.check, sendings, self.kinds[ORDER_MODEL])

    # ------------------------------------------------------------
    # Customers
    # ------------------------------------------------------------

    def _assign_customers(self):
        if not self.open:
            return
        search = self._search_customers()
        if not search.company_stands:
            company = self.session.company
            self._look_up_again()
            search = self._search_customers()
            if self.session.company == company:
                self.session.ask_company_each_time()
        self.pricelists = search.pricelists
        new = []
        for sending in self.open:
            customer = sending.order.customer
            match = search.match_of(customer)
            if match:
                sending.partner_id = match.contact.id
                sending.notes += match.notes_for(customer)
            else:
                new.append(sending)
        if new and self.products.by_code:
            # Nobody is created for an order that cannot be taken.
            self._find_products(recall=False)
            new = [sending for sending in new if sending.result is None]
        if new:
            self._check_currency_of_new(new)
            self._create_customers([sending for sending in new if sending.result is None])

    def _search_customers(self):
        search = CustomerSearch(self.session, self.partner_fields)
        self._guarded(search.run, [sending.order.customer for sending in self.open])
        return search

    def _look_up_again(self):
        """Ask what was remembered: it may not be true any more."""
        self.session.forget()
        self._find_products()
        self._check_company_currency()

    def _check_currency_of_new(self, sendings):
        """Refuse orders whose new customer would get another currency: nobody is created to see."""
        expected = self._currency_of_new()
        wrong = [each for each in sendings if expected and each.order.currency != expected]
        if wrong and PRICELIST in self.partner_fields:
            # It may have been put right since it was asked for.
            self.session.forget()
            expected = self._currency_of_new()
        for sending in wrong:
            self._check_currency(sending, expected)

    def _currency_of_new(self):
        """Return the currency that orders of new customers have, empty when it is not known."""
        if PRICELIST not in self.partner_fields:
            return self.company_currency
        session, company = self.session, self.company_currency
        try:
            return session.recall(
                "currency of new customers",
                lambda: new_customer_currency(session, session.company_domain(), company) or "",
            )
        except DealerFault:
            # Price lists that may not be read; the order itself will tell.
            return ""

    def _create_customers(self, sendings):
        if not sendings:
            return
        columns = {column for sending in sendings for column in sending.order.customer.values}
        lacking = self._lacking(CUSTOMER_MODEL, CUSTOMER_FIELDS, columns)
        if "company_name" not in self.partner_fields:
            lacking |= {"company_name"}
        customers = NewCustomers(self.session, self.partner_fields, lacking)
        sendings = [sending for sending in sendings if sending.result is None]
        for sending in sendings:
            customers.add(sending.order.customer)
        customers.load()
        customers.replace_taken(self._of_orders_there(sendings, customers.taken))
        for sending in sendings:
            self._take_created(sending, customers.of(sending.order.customer), lacking)

    def _of_orders_there(self, sendings, taken):
        """Return the keys of those customers in question whose order the dealer has already.

        Nobody is created for these: the order is there for the contact that it was sent for, and
        is left as it is.
        """
        asked = {
            sending.order.external_id: sending
            for sending in sendings
            if sending.order.customer.external_id in taken
        }
        there = [asked[each] for each in find_existing(self.session, ORDER_MODEL, asked)]
        for sending in there:
            sending.known = True
        return {sending.order.customer.external_id for sending in there}

    def _take_created(self, sending, created, lacking):
        """Let an order go to the customer that was created for it."""
        customer, result = sending.order.customer, created.result
        if not result.record_id:
            self._settle_refused(sending, result, "customer_refused")
        elif created.is_taken and not sending.known:
            sending.fail("customer_taken", dealer_customer=created.contact.name or "-")
        else:
            sending.partner_id = result.record_id
            if created.contact:
                self.pricelists[result.record_id] = created.contact.pricelist
            sending.notes += created.notes_for(customer)
            sending.leave_out(CUSTOMER_MODEL, customer.values, lacking)

    # ------------------------------------------------------------
    # Orders
    # ------------------------------------------------------------

    def _look_for_refused(self):
        """See whether an order that we are about to refuse is at the dealer already.

        An earlier attempt may have been carried out without us getting the answer, and the
        product be renamed since. ``load()`` with an external id alone would tell, but try to
        create what it does not find; this method only looks.
        """
        refused = {
            sending.order.external_id: sending
            for sending in self.sendings.values()
            if sending.result
            and sending.result.status == FAILED
            and sending.result.code != "order_conflict"
            and is_external_id(sending.order.external_id)
        }
        try:
            existing = find_existing(self.session, ORDER_MODEL, refused)
        except DealerFault as fault:
            existing = ()
            possible = [each for each in refused.values() if each.order.maybe_there]
            self._wait_for_look(possible, fault)
        for external_id in existing:
            sending = refused[external_id]
            sending.result = None
            sending.known = True

    def _load_orders(self):
        refused = self._load_open()
        if refused and (self.products.by_code or any(each.customer_gone for each in refused)):
            self._load_again(refused)

    def _load_again(self, sendings):
        """Look up what refused orders rest on: remembered products, customers merged meanwhile."""
        # what is there by now is in doubt should the rest break off
        self.uncertain = self.uncertain or len(sendings) < len(self.sendings)
        for sending in sendings:
            sending.result = None
            sending.left_out = {}
        self._look_up_again()
        self._look_for_refused()
        if any(sending.customer_gone for sending in sendings):
            for sending in self.open:
                sending.notes = []
            self._assign_customers()
        self._load_open()

    def _load_open(self):
        """Load the open orders, and return those that the dealer's Odoo refused."""
        lacking, lacking_lines = self._lacking_of_orders()
        sendings = self.open
        if not sendings:
            return []
        self.noted = NOTES_FIELD not in lacking and any(each.order.notes for each in sendings)
        records = [self._load_record(sending, lacking, lacking_lines) for sending in sendings]
        loader = Loader(self.session, ORDER_MODEL)
        try:
            results = loader.load(records, again=not self.products.by_code)
        except DealerUnreachable as error:
            error.loading = _breaks_off(error)
            raise
        finally:
            self.uncertain = self.uncertain or loader.uncertain
        self.broken_off = loader.broken_off
        for sending, result in zip(sendings, results, strict=True):
            if result.record_id:
                sending.result = OrderResult(SENT, "order_sent", remote_id=result.record_id)
                if self.products.by_code:
                    sending.is_ambiguous = result.warned
                    sending.is_unproved = self.session.remembered(BY_CODE, DAY) is None
            else:
                self._settle_order_refused(sending, result)
        return [each for each in sendings if each.result.status == FAILED]

    def _lacking_of_orders(self):
        """Return the fields that the dealer does not have: of orders, of lines."""
        orders = [sending.order for sending in self.open if not sending.known]
        columns = {column for order in orders for column in order.used_fields()[ORDER_MODEL]}
        lines = [line for order in orders for line in order.lines]
        line_columns = {column for line in lines for column in line.values}
        try:
            return (
                self._lacking(ORDER_MODEL, ORDER_FIELDS, columns),
                self._lacking(LINE_MODEL, STOCK_LINE_FIELDS, line_columns),
            )
        except DealerFault as fault:
            if fault.kind != "missing":
                raise
        raise DealerAccessUncertain("sales_missing")

    def _load_record(self, sending, lacking, lacking_lines):
        """Return what is loaded for an order: nothing but its id when it is there already."""
        order = sending.order
        if sending.known:
            return LoadRecord(("id",), [[order.external_id]])
        cells = order_cells(order, self.kinds[ORDER_MODEL], lacking)
        if self.noted:
            cells |= notes_cells(order.notes, self.session.server_version)
        elif order.notes:
            sending.leave_out(ORDER_MODEL, {NOTES_FIELD: order.notes}, lacking)
        line_columns = list(
            dict.fromkeys(
                column
                for line in order.lines
                for column in line.values
                if field_of(column) not in lacking_lines
            )
        )
        head = [order.external_id, sending.partner_id]
        head += cells.values()
        rows = []
        for line in order.lines:
            product_column, product = self.products.reference(line.product_code)
            row = [cell(line.values.get(column), column) for column in line_columns]
            rows.append([*(head if not rows else [""] * len(head)), product, *row])
            sending.leave_out(LINE_MODEL, line.values, lacking_lines)
        sending.leave_out(ORDER_MODEL, order.all_values, lacking)
        return LoadRecord(
            (
                "id",
                "partner_id/.id",
                *cells,
                f"order_line/{product_column}",
                *(f"order_line/{column}" for column in line_columns),
            ),
            rows,
        )

    def _settle_order_refused(self, sending, result):
        """Let an order be that was not created, and name the default that is to blame for it."""
        defaults = sending.order.used_defaults
        sending.customer_gone = result.field == "partner_id"
        # products that are remembered only are looked up first: it may be about one of them
        is_final = result.message is not None and not (result.busy or self.products.by_code)
        if defaults and is_final:
            [product_id] = self.products[sending.order.lines[0].product_code]
            problem = self.defaults.explain(defaults, self.kinds[ORDER_MODEL], result, product_id)
            if problem:
                sending.fail(problem.code, **problem.details)
                return
        self._settle_refused(sending, result, "order_refused")

    def _settle_refused(self, sending, result, code):
        if result.busy:
            sending.settle(RETRY, "order_busy")
        elif result.fault:
            fault_code, details, status = _as_refusal(result.fault, code)
            sending.settle(status, fault_code, **details)
        elif result.message is None:
            sending.settle(RETRY, "order_postponed")
        else:
            # perhaps of something that is remembered and not there any more
            self.session.forget()
            sending.fail(code, message=self.session.transport.clean(result.message))


def _breaks_off(error):
    """Tell whether an error looks as if the dealer's worker had died of what it was given.

    A server in front of it that says that it is busy is no sign of that.
    """
    return bool(error.request_sent) and error.details.get("status") not in (429, 503)


def _as_refusal(fault, code):
    """Return the code, details and status for one order that met a fault."""
    if fault.kind == "access":
        return fault.code, fault.details, FAILED
    if fault.kind == "busy":
        return "order_busy", {}, RETRY
    if fault.kind == "user":
        return code, {"message": fault.details.get("message", "")}, FAILED
    return fault.code, fault.details, RETRY
