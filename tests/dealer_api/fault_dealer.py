# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A dealer's Odoo in memory, on 127.0.0.1, that fails on demand.

It speaks as much XML-RPC and JSON-2 as the product needs, with the semantics of ``load()``
that matter (external ids, all or nothing, messages by record) in the version that it plays
(``versions.py``), and one fault at a time::

    with FaultDealer() as dealer:
        dealer.add_product("VH-1")
        dealer.inject("drop_after", "sale.order.load")
        ...
        assert dealer.calls("sale.order.load") == 1
        assert len(dealer.orders) == 1

Only the standard library is used, so that both Odoo's test runner and pytest can have it.
"""

import base64
import gzip
import itertools
import json
import re
import socket
import ssl
import threading
import time
import xmlrpc.client
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

if __package__:
    from .versions import has, lacking_fields
else:
    # taken from its folder, by those who have no package above it
    from versions import has, lacking_fields

API_KEY = "0123456789abcdef0123456789abcdef01234567"
# The contact of the service user itself; no test has to count it among the customers.
OWN_PARTNER = 900_000
TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/opt/odoo/odoo/http.py", line 1, in dispatch\n'
    "    secret_source_code()\n"
    "{}\n"
)
SERIALIZATION_ERROR = (
    "could not serialize access due to concurrent update\n"
    'CONTEXT:  SQL statement "INSERT INTO ir_model_data"\n'
)

_numbers = itertools.count(1)

# Faults that need no answer from the dealer's models: (before the call is carried out)
_BEFORE = frozenset(
    (
        "hang",
        "drop_before",
        "status",
        "html",
        "redirect",
        "content_type",
        "garbage",
        "dtd",
        "entity_bomb",
        "huge",
        "gzip_bomb",
        "bad_encoding",
        "access_denied",
        "access_error",
        "user_error",
        "server_error",
        "serialization_fault",
        "unknown_database",
        "nonsense",
        "drip_head",
    )
)
# ... and those that spoil the answer after it was.
_AFTER = frozenset(("drop_after", "hang_after", "cut", "cut_chunked", "drip", "gzip"))
# ... and those that happen inside ``load()``.
_LOAD = frozenset(("serialization",))
FAULTS = _BEFORE | _AFTER | _LOAD


# The fields that ``load()`` and ``fields_get()`` know.
FIELDS = {
    "res.partner": frozenset(
        (
            "name",
            "email",
            "email_normalized",
            "phone",
            "mobile",
            "phone_sanitized",
            "street",
            "street2",
            "zip",
            "city",
            "country_id",
            "state_id",
            "company_id",
            "company_name",
            "property_product_pricelist",
            "color",
        )
    ),
    "sale.order": frozenset(
        (
            *("name", "date_order", "partner_id", "client_order_ref", "origin", "order_line"),
            *("note", "locked", "message_ids"),
        )
    ),
    "sale.order.line": frozenset(
        (
            *("product_id", "product_uom_qty", "price_unit", "discount", "name"),
            *("product_uom", "product_uom_id", "tax_id", "tax_ids"),
        )
    ),
}

# {field: the model that it refers to}
RELATIONS = {
    "currency_id": "res.currency",
    "company_id": "res.company",
    "partner_id": "res.partner",
    "property_product_pricelist": "product.pricelist",
}


# Fields whose values ``load()`` has to read, with what it says where it cannot.
CONVERTED = {
    "date_order": "'{}' does not seem to be a valid datetime for field 'Order Date'",
    "color": "'{}' does not seem to be an integer for field 'Color Index'",
}


class OdooError(Exception):
    """An exception as the dealer's Odoo would report it."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class FaultDealer:
    """The server and the database of one dealer.

    :param version: the Odoo version it plays
    :param certificate: paths of (certificate, key) to speak https
    """

    login = "bpo-service@dealer.example"
    api_key = API_KEY
    password = "correct horse battery staple"
    uid = 7
    # Between two looks whether it is to stop
    poll_seconds = 0.02

    def __init__(self, version="19.0", currency="EUR", certificate=None):
        # Two dealers are never taken for one, also when the second gets the port of the first.
        self.database = f"dealer_db_{next(_numbers)}"
        # As it says, and what it is
        self.version = version
        self.major = int(re.search(r"\d+", version).group())
        self.certificate = certificate
        self.lock = threading.RLock()
        # What arrived: names of the requests, their headers, the contexts of load()
        self.requests = []
        self.headers = []
        self.contexts = []
        self.connection_count = 0
        # What a real dealer would find in its log because of us
        self.log = []
        # Faults that take long and were waited for to their end
        self.waited_for = []
        self._faults = []
        self._server = None
        self._port = 0
        self.stopping = threading.Event()
        self.delay = 0.0
        # Seconds by which the dealer's clock is ahead of ours; None: it does not tell the time
        self.clock_shift = 0
        # Odoo's server has the library that makes phones uniform
        self.has_phone_library = True
        # In percent: the tax, in the prices or on top of them, and what the price list takes off
        self.tax = 0.0
        self.tax_included = False
        self.pricelist_discount = 0.0
        # Price lists are switched on: a new customer gets the first one
        self.pricelists_used = False
        # What an automation of the dealer does to a new order: f(values)
        self.automation = lambda values: None
        # What the service user may not do: {(model, operation)}
        self.denied = set()
        # Keeps what ``load()`` has created in spite of a message, as no Odoo does
        self.keeps_bad_loads = False
        # Returns a message to refuse a record that is about to be created: f(model, values)
        self.reject = lambda model, values: None
        # Fields of other apps of this dealer: {model: {names}}
        self.extra_fields = {}
        # Fields of orders with what ``fields_get()`` says of them, beside those that are text:
        # {name: {"type": …, "relation": …}}
        self.order_kinds = {}
        self.missing_fields = lacking_fields(self.major)
        self.tables = {
            "res.currency": {1: {"name": currency}},
            "res.company": {1: {"name": "Dealer", "currency_id": 1}},
            "res.users": {
                self.uid: {"login": self.login, "company_id": 1, "partner_id": OWN_PARTNER}
            },
            "res.country": {20: {"code": "BE"}, 75: {"code": "FR"}, 233: {"code": "US"}},
            "res.country.state": {
                10: {"code": "CA", "country_id": 233},
                11: {"code": "VAN", "country_id": 20},
            },
            "res.partner": {},
            "product.product": {},
            "product.pricelist": {},
            "sale.order": {},
        }
        # The contact of the service user, which no test has to count among the customers
        self.own_contact = {"name": "Service"}
        # {external id: (model, id, noupdate)}
        self.external_ids = {}
        # How many numbers of orders were drawn: they stay used up
        self.numbers_drawn = 0

    # ------------------------------------------------------------
    # Serving
    # ------------------------------------------------------------

    def has(self, name):
        """Tell whether the version has one of the ``DIFFERENCES``."""
        return has(name, self.major)

    @property
    def secret(self):
        """Return what the service user gets in with from outside."""
        return self.api_key if self.has("api_keys") else self.password

    @property
    def url(self):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self._port}"

    @property
    def port(self):
        return self._port

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc_info):
        self.stop()

    def start(self):
        self.stopping.clear()
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._server.dealer = self
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            # The handshake is left to the thread of the connection.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._port = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": self.poll_seconds},
            daemon=True,
        ).start()
        return self

    def stop(self):
        """Stop serving: from now on connections are refused, until ``start`` is called."""
        self.stopping.set()
        if self._server:
            self._server.shutdown()
            self._server.close_connections()
            self._server.server_close()
            self._server = None

    # ------------------------------------------------------------
    # What tests set up and look at
    # ------------------------------------------------------------

    def inject(self, fault, call="", times=1, **options):
        """Play a fault at the next request whose name contains ``call``, ``times`` times.

        Names of requests are like ``sale.order.load``, ``version`` and ``authenticate``.
        """
        if fault not in FAULTS:
            raise ValueError(f"unknown fault {fault!r}")
        self._faults.extend([(fault, call, options)] * times)

    def take_fault(self, name):
        with self.lock:
            for index, (fault, call, options) in enumerate(self._faults):
                if call in name:
                    del self._faults[index]
                    return fault, options
        return None, {}

    def calls(self, name):
        """Return how many requests with this name arrived."""
        return sum(name in request for request in self.requests)

    @property
    def orders(self):
        return self.tables["sale.order"]

    @property
    def partners(self):
        return self.tables["res.partner"]

    def add(self, model, **values):
        record_id = self.next_id(model)
        self.tables[model][record_id] = values
        return record_id

    def next_id(self, model):
        """Return the id of the next record of a model."""
        return max(self.tables[model], default=0) + 1

    @property
    def products(self):
        return self.tables["product.product"]

    def add_product(self, code, name=None, **values):
        return self.add("product.product", default_code=code, name=name or code, **values)

    def add_partner(self, **values):
        return self.add("res.partner", **values)

    def order_of(self, external_id):
        return self.orders[self.external_ids[external_id][1]]

    # ------------------------------------------------------------
    # The dealer's Odoo
    # ------------------------------------------------------------

    def authenticate(self, database, login, secret):
        self._check_database(database)
        return self.uid if login == self.login and self._is_secret(secret) else False

    def check_uid(self, database, uid, secret):
        self._check_database(database)
        if uid != self.uid or not self._is_secret(secret):
            raise OdooError("AccessDenied", "Access Denied")

    def _is_secret(self, secret):
        return secret == self.password or (self.has("api_keys") and secret == self.api_key)

    def _check_database(self, database):
        if database != self.database:
            raise OdooError(
                "OperationalError",
                'connection to server on socket "/run/postgresql/.s.PGSQL.5432" failed: '
                f'FATAL:  database "{database}" does not exist\n',
            )

    def call(self, model, method, ids, kwargs, fault=None):
        if model not in self.tables and model not in ("ir.model.data", "sale.order.line"):
            raise OdooError("missing", f"Object {model} doesn't exist")
        kwargs = dict(kwargs)
        context = kwargs.pop("context", {})
        handler = getattr(self, f"_do_{method}", None)
        is_gone = method in ("has_access", "check_access_rights") and not self.has(method)
        if handler is None or is_gone:
            raise OdooError("missing", f"The method '{model}.{method}' does not exist")
        with self.lock:
            if method == "load":
                self.contexts.append((model, context))
                return self._do_load(model, context, fault=fault, **kwargs)
            if ids is not None:
                kwargs["ids"] = ids
            return handler(model, **kwargs)

    def _do_context_get(self, model, ids=None):
        return {"lang": "en_US", "tz": False, "uid": self.uid}

    def _do_has_access(self, model, operation, ids=None):
        return (model, operation) not in self.denied

    def _do_has_group(self, model, group_ext_id, ids=None):
        return group_ext_id == "product.group_product_pricelist" and self.pricelists_used

    def _do_check_access_rights(self, model, operation, raise_exception=True):
        return (model, operation) not in self.denied

    def _do_check_object_reference(self, model, module, xml_id):
        found = self.external_ids.get(f"{module}.{xml_id}")
        if not found:
            self.log.append("ValueError: External ID not found in the system")
            raise OdooError("ValueError", f"External ID not found in the system: {module}.{xml_id}")
        return list(found[:2])

    def _do_fields_get(self, model, allfields=None, attributes=None):
        if model not in self.tables and model not in FIELDS:
            raise OdooError("missing", f"Object {model} doesn't exist")
        known = self._known_fields(model)
        kinds = self.order_kinds if model == "sale.order" else {}
        return {name: kinds.get(name, {"type": "char"}) for name in allfields if name in known}

    def _do_name_search(self, model, name, operator, limit):
        self._check_right(model, "read")
        found = self._named(model, name)
        return [[record_id, name] for record_id in found[:limit]]

    def _named(self, model, name):
        return [key for key, row in self.tables[model].items() if row.get("name") == name]

    def _known_fields(self, model):
        known = FIELDS.get(model, frozenset()) | self.extra_fields.get(model, set())
        if model == "sale.order":
            known |= self.order_kinds.keys()
        return known - self.missing_fields.get(model, set())

    def _do_read(self, model, ids, fields=None):
        self._check_right(model, "read")
        for record_id in ids:
            self._readable(model, record_id, strict=True)
        return [self._read_record(model, record_id, fields) for record_id in ids]

    def _do_search_read(self, model, domain=(), fields=None, limit=None, order=None):
        self._check_right(model, "read")
        if model == "ir.model.data":
            self.tables[model] = dict(enumerate(self._read_external_ids(), 1))
        if model == "sale.order.line":
            self.tables[model] = dict(enumerate(self._order_lines(domain), 1))
        candidates = self._candidates(model, domain)
        if model == "res.partner":
            candidates = [*candidates, OWN_PARTNER]
        archived_too = any(leaf[0] == "active" for leaf in domain)
        found = [
            self._read_record(model, record_id, fields)
            for record_id in candidates
            if self._readable(model, record_id, archived_too=archived_too)
            and self._matches(model, record_id, list(domain))
        ]
        return found[:limit] if limit else found

    def _candidates(self, model, domain):
        """Return the ids of the records that may be in a domain, ascending."""
        return sorted(self.tables[model])

    def _read_external_ids(self):
        """Return the external ids; those of deleted records went with these."""
        for key, (model, record_id, _noupdate) in sorted(self.external_ids.items()):
            if record_id in self.tables[model]:
                module, name = key.split(".")
                yield {"module": module, "name": name, "model": model, "res_id": record_id}

    def _check_right(self, model, operation):
        is_closed = model == "ir.model.data" and not self.has("readable_external_ids")
        if is_closed or (model, operation) in self.denied:
            raise OdooError(
                "AccessError",
                f"You are not allowed to {operation} '{model}' records.\n\nContact your"
                " administrator to request access if necessary.",
            )

    def _readable(self, model, record_id, strict=False, archived_too=False):
        record = self._record(model, record_id)
        hidden = record is not None and record.get("user_id") not in (None, False, self.uid)
        if strict and (record is None or hidden):
            raise OdooError("AccessError", f"You cannot read {model}({record_id})")
        if record is None or hidden:
            return False
        return archived_too or record.get("active", True)

    def _record(self, model, record_id):
        if (model, record_id) == ("res.partner", OWN_PARTNER):
            return self.own_contact
        return self.tables[model].get(record_id)

    def _value(self, model, record_id, name):
        record = self._record(model, record_id)
        if name == "id":
            return record_id
        if name.startswith("user_ids."):
            return self._value_of_user(record_id, name.split(".")[1:])
        if name == "email_normalized":
            return (record.get("email") or "").strip().lower() or False
        if name == "phone_sanitized":
            phone = record.get("phone") or False
            if not self.has_phone_library:
                return phone
            digits = re.sub(r"[^\d+]", "", phone or "")
            return digits if digits.startswith("+") else False
        if name in ("active", "sale_ok"):
            return record.get(name, True)
        if model == "product.product" and name in ("write_date", "product_tmpl_id.write_date"):
            return record.get("write_date", "2000-01-01 00:00:00")
        if name == "state_id" or name == "country_id":
            return record.get(name) or record.get(f"{name}/.id", False)
        if model == "sale.order" and name == "partner_id":
            return record.get("partner_id/.id", False)
        if name in ("amount_untaxed", "amount_total") and name not in record:
            return self._amounts(record)[name]
        return record.get(name, False)

    def _value_of_user(self, partner_id, names):
        """Return a value of the user whose contact it is, by a path of fields."""
        model, records = "res.users", self.tables["res.users"].items()
        value = next((key for key, user in records if user.get("partner_id") == partner_id), None)
        for name in names:
            if not value:
                return False
            value = self._value(model, value, name)
            model = RELATIONS.get(name)
        return value

    def _amounts(self, record):
        """Return the amounts of an order, as the dealer's taxes and price lists make them."""
        total = 0.0
        for line in record.get("order_line", ()):
            discount = line.get("discount", self.pricelist_discount)
            amount = (line.get("product_uom_qty") or 0) * (line.get("price_unit") or 0)
            total += amount * (1 - (discount or 0) / 100)
        factor = 1 + self.tax / 100
        untaxed = total / factor if self.tax_included else total
        return {"amount_untaxed": round(untaxed, 2), "amount_total": round(untaxed * factor, 2)}

    def _order_lines(self, domain):
        """Return the lines of all orders, or more of them than are in a domain."""
        return [
            {"order_id": order_id, "product_id": line.get("product_id/.id"), **line}
            for order_id, order in sorted(self.orders.items())
            for line in order.get("order_line", ())
        ]

    def _read_record(self, model, record_id, fields):
        values = {"id": record_id}
        for name in fields or ():
            if name in self.missing_fields.get(model, ()):
                raise OdooError("ValueError", f"Invalid field {name!r} on {model}")
            value = self._value(model, record_id, name)
            if name in RELATIONS and value:
                value = [value, self.tables[RELATIONS[name]].get(value, {}).get("name")]
            values[name] = value
        return values

    def _matches(self, model, record_id, domain):
        """Evaluate a domain in Polish notation."""
        tokens = list(domain)
        results = []

        def evaluate():
            token = tokens.pop(0)
            if token in ("|", "&"):
                left, right = evaluate(), evaluate()
                return (left or right) if token == "|" else (left and right)
            return self._matches_leaf(model, record_id, *token)

        while tokens:
            results.append(evaluate())
        return all(results)

    def _matches_leaf(self, model, record_id, name, operator, value):
        if name in self.missing_fields.get(model, ()):
            raise OdooError("ValueError", f"Invalid field {model}.{name} in condition")
        own = self._value(model, record_id, name)
        if operator == "in":
            return own in value
        if operator == ">":
            return own > value
        if operator == ">=":
            return own >= value
        if operator == "parent_of":
            companies, company_id = set(), value[0]
            while company_id:
                companies.add(company_id)
                company_id = self.tables["res.company"][company_id].get("parent_id")
            return own in companies
        if operator == "!=":
            return own != value
        if operator in ("like", "not like"):
            return (value in (own or "")) == (operator == "like")
        if operator == "=":
            return own == value
        if operator == "=ilike":
            pattern = re.sub(
                r"\\(.)|(%)|(_)|(.)",
                lambda m: (
                    ".*"
                    if m.group(2)
                    else "."
                    if m.group(3)
                    else re.escape(m.group(1) or m.group(4))
                ),
                value,
                flags=re.DOTALL,
            )
            return bool(own) and bool(re.fullmatch(pattern, own, re.IGNORECASE | re.DOTALL))
        raise OdooError("ValueError", f"Invalid operator {operator}")

    # load() ------------------------------------------------------

    def _do_load(self, model, context, fields, data, fault=None):
        """Create records under external ids as ``BaseModel.load()`` does."""
        if model == "sale.order.line":
            return self._load_lines(context, fields, data)
        self._check_columns(model, fields)
        # records that are there are replaced, never changed in place
        saved = dict(self.tables[model]), dict(self.external_ids)
        records, messages = self._extract(model, fields, data)
        if fault == "serialization":
            # The loser of a race: the records are there a moment later, made by the winner.
            for number, (_xml_id, _values, info) in enumerate(records):
                messages.append(dict(info, type="error", message=SERIALIZATION_ERROR))
                if number >= 9:
                    break
        ids = []
        errors = [message for message in messages if message["type"] == "error"]
        if all(message.get("field") in {*CONVERTED, *self.order_kinds} for message in errors):
            # A cell that cannot be read is left out, to see what else is wrong.
            ids = self._create_or_keep(model, context, records, messages)
        refused = any(message["type"] == "error" for message in messages)
        if refused and not self.keeps_bad_loads:
            self.tables[model].clear()
            self.tables[model].update(saved[0])
            self.external_ids = saved[1]
            ids = False
        return {"ids": ids, "messages": messages, "nextrow": 0}

    def _check_columns(self, model, columns):
        """Fail as ``load()`` does for a field that is not there."""
        for column in columns:
            name, _slash, rest = column.partition("/")
            owner = model
            if name == "order_line":
                owner, name = "sale.order.line", rest.partition("/")[0]
            if name not in self._known_fields(owner) | {"id"}:
                raise OdooError("ValueError", f"Invalid field name {name!r}")

    def _load_lines(self, context, fields, data):
        """Read references as ``load()`` does; nobody here gets as far as to create a line."""
        if "sale.order" not in self.tables:
            raise OdooError("missing", "Object sale.order.line doesn't exist")
        if fields != ["order_id/id", "product_id/.id"]:
            raise OdooError("ValueError", f"This dealer has no lines with {fields}")
        skips = context.get("import_file") and self.has("import_skip_records")
        skipped = context.get("import_skip_records", []) if skips else []
        messages = []
        for number, (xml_id, product) in enumerate(data):
            info = {"rows": {"from": number, "to": number}, "record": number, "type": "error"}
            model, record_id, _noupdate = self.external_ids.get(xml_id, ("", 0, False))
            if model != "sale.order" or record_id not in self.orders:
                text = f"No matching record found for external id '{xml_id}' in field 'Order'"
                messages.append(dict(info, field="order_id", message=text))
            if product in self.tables["product.product"]:
                raise OdooError("ValueError", "A line would be created")
            if "product_id" not in skipped:
                # The real one now tries to create the line, and logs what PostgreSQL says to it.
                self.log.append("bad query: INSERT INTO sale_order_line")
                text = f"No matching record found for database id '{product}' in field 'Product'"
                messages.append(dict(info, field="product_id", message=text))
        return {"ids": False if messages else [], "messages": messages, "nextrow": 0}

    def _extract(self, model, fields, data):
        """Return the (external id, values, info) of the rows, and the messages about them."""
        lines_at = [i for i, name in enumerate(fields) if name.startswith("order_line/")]
        head_at = [i for i in range(len(fields)) if i not in lines_at]
        records, messages = [], []
        for row_number, row in enumerate(data):
            line = {fields[i].removeprefix("order_line/"): row[i] for i in lines_at}
            continues = records and lines_at and not any(row[i] for i in head_at)
            if continues:
                records[-1][2]["rows"]["to"] = row_number
            else:
                info = {"rows": {"from": row_number, "to": row_number}, "record": len(records)}
                values = {fields[i]: row[i] for i in head_at}
                records.append((values.pop("id"), values, info))
            values, info = records[-1][1:]
            for name in values.keys() & CONVERTED.keys():
                text = CONVERTED[name].format(values.pop(name))
                messages.append(dict(info, type="error", field=name, message=text))
            if model == "sale.order":
                self._find_named(values, info, messages)
            if any(line.values()):
                values.setdefault("order_line", []).append(line)
            if "product_id" in line:
                self._find_product(line, info, messages)
            partner = values.get("partner_id/.id")
            if partner and partner != OWN_PARTNER and partner not in self.partners:
                text = f"No matching record found for database id '{partner}' in field 'Customer'"
                problem = dict(info, type="error", field="partner_id", message=text)
                if problem not in messages:
                    messages.append(problem)
            product = line.get("product_id/.id")
            if product and product not in self.tables["product.product"]:
                messages.append(
                    dict(
                        info,
                        type="error",
                        field="order_line",
                        message=f"No matching record found for database id '{product}' in field"
                        " 'Order Lines/Product'",
                    )
                )
        return records, messages

    def _find_product(self, line, info, messages):
        """Find a line's product by what names it, as ``name_search`` does with "="."""
        name = line.pop("product_id")
        in_brackets = re.search(r"(\[(.*?)\])", name)
        tries = [("default_code", name), ("barcode", name), ("name", name)]
        tries += [("default_code", in_brackets.group(2))] if in_brackets else []
        for field, value in tries:
            found = [
                record_id
                for record_id, product in sorted(self.tables["product.product"].items())
                if product.get(field) == value and product.get("active", True)
            ]
            if found:
                line["product_id/.id"] = found[0]
                if len(found) > 1:
                    text = f'Found multiple matches for value "{name}" in field "Product"'
                    messages.append(dict(info, type="warning", field="order_line", message=text))
                return
        text = f"No matching record found for name '{name}' in field 'Order Lines/Product'"
        messages.append(dict(info, type="error", field="order_line", message=text))

    def _find_named(self, values, info, messages):
        """Put ids in the place of names; of several records with one name, that of the first."""
        for field, kind in self.order_kinds.items():
            if "relation" not in kind or not isinstance(values.get(field), str):
                continue
            names = values[field].split(",") if kind["type"] == "many2many" else [values[field]]
            ids = []
            for name in filter(None, names):
                found = self._named(kind["relation"], name)
                ids += found[:1]
                if not found:
                    text = f"No matching record found for name '{name}' in field '{field}'"
                    messages.append(dict(info, type="error", field=field, message=text))
            values[field] = ids if kind["type"] == "many2many" else ids[0] if ids else False

    def _create_or_keep(self, model, context, records, messages):
        ids, problems = [], []
        for xml_id, values, info in records:
            existing = self.external_ids.get(xml_id)
            if existing and existing[1] in self.tables[model]:
                ids.append(existing[1])
                if not (context.get("mode") == "update" and existing[2]):
                    kept = self.tables[model][existing[1]]
                    self.tables[model][existing[1]] = {**kept, **values}
                continue
            problem = self._problem_with(model, values)
            if problem:
                problems.append(dict(info, type="error", message=problem))
                continue
            record_id = self._create(model, values)
            self.external_ids[xml_id] = (model, record_id, bool(context.get("noupdate")))
            ids.append(record_id)
        if problems:
            self._report(messages, problems, records)
        return ids

    def _report(self, messages, problems, records):
        """Report as ``load()`` does: at most ten, and the common error under the first."""
        if self.has("load_logs_refusals"):
            self.log += ["Error while loading record"] * len(problems)
        stops = self.has("load_stops_after_ten")
        messages.extend(problems[:10] if stops else problems)
        if stops and len(problems) >= 10:
            messages.append({"type": "warning", "message": "Found more than 10 errors"})
        common = dict(records[0][2], type="error", message=problems[0]["message"])
        if self.has("load_says_common_error") and common not in messages:
            messages.insert(0, common)

    def _problem_with(self, model, values):
        if model == "sale.order" and not values.get("partner_id/.id"):
            return "Missing required value for the field 'Customer' (partner_id)."
        if (model, "create") in self.denied:
            return self._refusal("AccessError", f"You are not allowed to create '{model}' records.")
        text = self.reject(model, values)
        # what PostgreSQL says has no class of Odoo's around it
        return text if not text or text == SERIALIZATION_ERROR else self._refusal("UserError", text)

    def _refusal(self, kind, text):
        """Return an exception's text as ``load()`` gives it."""
        if self.has("load_says_only_the_message"):
            return text
        said = text
        if self.has("load_says_a_tuple"):
            said = (text, "" if kind == "UserError" else None)
        return f"Unknown error during import: <class 'odoo.exceptions.{kind}'>: {said}"

    def _create(self, model, values):
        always = not self.has("pricelists_can_be_off")
        if model == "res.partner" and (self.pricelists_used or always):
            first = min(self.tables["product.pricelist"], default=False)
            values = {"property_product_pricelist": first, **values}
        if model != "sale.order":
            return self.add(model, **values)
        partner = (
            {}
            if values["partner_id/.id"] == OWN_PARTNER
            else self.partners[values["partner_id/.id"]]
        )
        pricelist = partner.get("property_product_pricelist")
        currency = (
            self.tables["product.pricelist"][pricelist]["currency_id"]
            if pricelist
            else self.tables["res.company"][1]["currency_id"]
        )
        number = self.next_id("sale.order")
        self.numbers_drawn += "name" not in values
        values = {
            "name": f"S{number:05d}",
            "state": "draft",
            "create_date": self.now(),
            "write_date": self.now(),
            "create_uid": self.uid,
            "currency_id": currency,
            "user_id": self.uid,
            **values,
        }
        self.automation(values)
        self.orders[number] = values
        return number

    def now(self, **shift):
        """Return the moment by the dealer's clock as Odoo gives it, shifted if so told."""
        moment = datetime.now(UTC) + timedelta(seconds=self.clock_shift or 0) + timedelta(**shift)
        return moment.strftime("%Y-%m-%d %H:%M:%S")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    # Many callers at once are part of the tests.
    request_queue_size = 128

    def __init__(self, *args):
        self.connections = set()
        super().__init__(*args)

    def handle_error(self, request, client_address):
        """Stay quiet: clients that go away are what the tests are about."""

    def close_connections(self):
        for connection in list(self.connections):
            _shut(connection)


def _shut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Hangup(Exception):
    """Close the connection now."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        result = super().setup()
        self.server.connections.add(self.connection)
        self.dealer.connection_count += 1
        return result

    def finish(self):
        self.server.connections.discard(self.connection)
        return super().finish()

    def date_time_string(self, timestamp=None):
        """Return the time by the dealer's clock."""
        return super().date_time_string(time.time() + (self.dealer.clock_shift or 0))

    def send_header(self, keyword, value):
        """Leave the time out where the dealer does not tell it."""
        if keyword == "Date" and self.dealer.clock_shift is None:
            return None
        return super().send_header(keyword, value)

    def log_message(self, *args):
        """Keep no log: the tests look at ``requests``."""

    @property
    def dealer(self):
        return self.server.dealer

    def do_GET(self):
        self._serve(self._get)

    def do_POST(self):
        self._serve(self._post)

    def _serve(self, function):
        self.close_connection = False
        try:
            function()
        except _Hangup:
            self.close_connection = True
            _shut(self.connection)

    # ------------------------------------------------------------
    # The two protocols
    # ------------------------------------------------------------

    def _get(self):
        if self.path == "/web/version" and self.dealer.has("web_version"):
            body = {"version": self.dealer.version, "version_info": [self.dealer.major, 0]}
            self._handle("version", lambda fault: body, self._json_answer)
        else:
            self._not_found("version")

    def _post(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/xmlrpc/2/") and self.dealer.has("xmlrpc"):
            self._post_xmlrpc(body)
        elif self.path.startswith("/json/2/") and self.dealer.has("json2"):
            self._post_json2(body)
        else:
            self._not_found(self.path)

    def _not_found(self, name):
        self.dealer.requests.append(f"{name} (404)")
        self._send(404, "text/html; charset=utf-8", b"<!DOCTYPE html><h1>Not Found</h1>")

    def _post_xmlrpc(self, body):
        params, method = xmlrpc.client.loads(body)
        dealer = self.dealer
        if method == "execute_kw":
            database, uid, secret, model, method, args, kwargs = params

            def work(fault):
                dealer.check_uid(database, uid, secret)
                return dealer.call(model, method, args[0] if args else None, kwargs, fault)

            self._handle(f"{model}.{method}", work, self._xml_answer)
        elif method == "authenticate":
            self._handle(method, lambda fault: dealer.authenticate(*params[:3]), self._xml_answer)
        else:
            version = {"server_version": dealer.version, "server_serie": dealer.version}
            self._handle(method, lambda fault: version, self._xml_answer)

    def _post_json2(self, body):
        model, method = self.path.removeprefix("/json/2/").split("/")
        kwargs = json.loads(body)
        dealer = self.dealer
        if self.headers.get("X-Odoo-Database") != dealer.database:
            dealer.requests.append(f"{model}.{method} (no database)")
            page = b"<!DOCTYPE html><p>No database is selected and the requested URL was not found"
            self._send(404, "text/html; charset=utf-8", page)
            return

        def work(fault):
            if self.headers.get("Authorization") != f"bearer {dealer.api_key}":
                raise OdooError("Unauthorized", "Invalid apikey")
            ids = kwargs.pop("ids", None)
            return dealer.call(model, method, ids, kwargs, fault)

        self._handle(f"{model}.{method}", work, self._json_answer)

    def _handle(self, name, work, answer):
        """Do the work of one request, with the fault that is due, and answer."""
        self.dealer.requests.append(name)
        self.dealer.headers.append(dict(self.headers))
        fault, options = self.dealer.take_fault(name)
        if self.dealer.delay:
            time.sleep(self.dealer.delay)
        try:
            if fault in _BEFORE:
                result = self._play_before(fault, options)
                if result is None:
                    return
                [result] = result
            else:
                result = work(fault)
            status, content_type, body = answer(result, None)
        except OdooError as error:
            status, content_type, body = answer(None, error)
        if fault in _AFTER:
            self._play_after(fault, options, status, content_type, body)
        else:
            self._send(status, content_type, body)

    def _xml_answer(self, result, error):
        if error is None:
            body = xmlrpc.client.dumps((result,), methodresponse=True, allow_none=True)
            return 200, "text/xml; charset=utf-8", body.encode()
        codes = {"AccessDenied": 3, "Unauthorized": 3, "AccessError": 4, "UserError": 2}
        codes["missing"] = 2
        code = codes.get(error.kind, 1)
        text = str(error)
        if code == 1:
            text = TRACEBACK.format(f"psycopg2.{error.kind}: {error}")
        body = xmlrpc.client.dumps(xmlrpc.client.Fault(code, text), methodresponse=True)
        return 200, "text/xml; charset=utf-8", body.encode()

    def _json_answer(self, result, error):
        if error is None:
            return 200, "application/json; charset=utf-8", json.dumps(result).encode()
        status, name = {
            "AccessDenied": (403, "odoo.exceptions.AccessDenied"),
            "AccessError": (403, "odoo.exceptions.AccessError"),
            "UserError": (422, "odoo.exceptions.UserError"),
            "Unauthorized": (401, "werkzeug.exceptions.Unauthorized"),
            "missing": (404, "werkzeug.exceptions.NotFound"),
        }.get(error.kind, (500, f"psycopg2.errors.{error.kind}"))
        message = str(error)
        if error.kind == "missing" and message.startswith("Object"):
            message = f"the model '{message.split()[1]}' does not exist"
        body = {
            "name": name,
            "message": message,
            "arguments": [message],
            "context": {},
            "debug": TRACEBACK.format(message),
        }
        return status, "application/json; charset=utf-8", json.dumps(body).encode()

    # ------------------------------------------------------------
    # Faults
    # ------------------------------------------------------------

    def _play_before(self, fault, options):
        """Play a fault instead of the call. Return [value] to answer that value normally."""
        raised = {
            "access_denied": ("AccessDenied", "Access Denied"),
            "access_error": ("AccessError", "You are not allowed to access these records."),
            "user_error": ("UserError", "The operation cannot be completed."),
            "server_error": ("KeyError", "'boom'"),
            "serialization_fault": ("SerializationFailure", SERIALIZATION_ERROR),
            "unknown_database": (
                "OperationalError",
                f'connection failed: FATAL:  database "{self.dealer.database}" does not exist',
            ),
        }
        if fault in raised:
            kind, message = raised[fault]
            raise OdooError(kind, options.get("message", message))
        if fault == "nonsense":
            return [options.get("value", {"ids": "all of them"})]
        getattr(self, f"_play_{fault}")(**options)
        return None

    def _play_hang(self, seconds=30):
        self._wait(seconds)
        raise _Hangup

    def _play_drop_before(self):
        raise _Hangup

    def _play_status(
        self,
        status,
        body=b"<html><body>Service page</body></html>",
        kind="text/html",
        headers=None,
    ):
        self._send(status, kind, body, headers)

    def _play_html(self):
        page = "<!DOCTYPE html><html><script>alert(1)</script><h1>Welcome</h1></html>"
        self._send(200, "text/html; charset=utf-8", page.encode())

    def _play_redirect(self, location="https://elsewhere.example/xmlrpc/2/object", status=302):
        self._send(status, "text/html", b"", {"Location": location})

    def _play_content_type(self, content_type="application/octet-stream"):
        self._send(200, content_type, b"\x00\x01\x02")

    def _play_garbage(self, body=b"<methodResponse><params>{{{"):
        self._send(200, self._own_type(), body)

    def _play_dtd(self):
        body = (
            '<?xml version="1.0"?>'
            '<!DOCTYPE methodResponse [<!ENTITY local SYSTEM "file:///etc/hostname">]>'
            "<methodResponse><params><param><value><string>&local;</string></value></param>"
            "</params></methodResponse>"
        )
        self._send(200, "text/xml", body.encode())

    def _play_entity_bomb(self):
        entities = ['<!ENTITY a0 "bomb">']
        for level in range(1, 12):
            entities.append(f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">')
        body = (
            f'<?xml version="1.0"?><!DOCTYPE bomb [{"".join(entities)}]>'
            "<methodResponse><params><param><value><string>&a11;</string></value></param>"
            "</params></methodResponse>"
        )
        self._send(200, "text/xml", body.encode())

    def _play_huge(self, size=64 * 1024 * 1024, announced=False):
        headers = {"Content-Length": str(size)} if announced else {"Connection": "close"}
        self._send_head(200, self._own_type(), headers)
        block = b" " * 65536
        for _turn in range(size // len(block)):
            self._write(block)
        raise _Hangup

    def _play_gzip_bomb(self, size=64 * 1024 * 1024):
        body = gzip.compress(b" " * size)
        self._send(200, self._own_type(), body, {"Content-Encoding": "gzip"})

    def _play_bad_encoding(self, encoding="br"):
        self._send(200, self._own_type(), base64.b64decode("Zm9v"), {"Content-Encoding": encoding})

    def _play_drip_head(self, seconds=8, pause=0.1):
        self._write(b"HTTP/1.1 200 OK\r\n")
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.dealer.stopping.is_set():
            self._write(b"X-Filler: x\r\n")
            time.sleep(pause)
        self.dealer.waited_for.append("drip_head")
        raise _Hangup

    def _play_after(self, fault, options, status, content_type, body):
        if fault == "drop_after":
            raise _Hangup
        if fault == "hang_after":
            self._wait(options.get("seconds", 30))
            raise _Hangup
        if fault == "gzip":
            self._send(status, content_type, gzip.compress(body), {"Content-Encoding": "gzip"})
            return
        if fault == "cut_chunked":
            self._send_head(status, content_type, {"Transfer-Encoding": "chunked"})
            self._write(b"%x\r\n%s\r\n" % (len(body) // 2, body[: len(body) // 2]))
            raise _Hangup
        self._send_head(status, content_type, {"Content-Length": str(len(body))})
        if fault == "cut":
            self._write(body[: len(body) // 2])
            raise _Hangup
        for position in range(len(body)):
            if self.dealer.stopping.is_set():
                break
            self._write(body[position : position + 1])
            time.sleep(options.get("pause", 0.1))
        self.dealer.waited_for.append("drip")

    def _own_type(self):
        return "application/json" if self.path.startswith(("/json", "/web")) else "text/xml"

    def _wait(self, seconds):
        self.dealer.stopping.wait(seconds)
        self.dealer.waited_for.append("hang")

    # ------------------------------------------------------------
    # Sending
    # ------------------------------------------------------------

    def _send(self, status, content_type, body, headers=None):
        self._send_head(status, content_type, {"Content-Length": str(len(body)), **(headers or {})})
        self._write(body)

    def _send_head(self, status, content_type, headers):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        # As Odoo does; a client that kept it would contradict the database it names.
        self.send_header("Set-Cookie", "session_id=stale; Path=/; HttpOnly")
        for name, value in headers.items():
            self.send_header(name, value)
        try:
            self.end_headers()
        except OSError as error:
            raise _Hangup from error

    def _write(self, data):
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError as error:
            raise _Hangup from error
