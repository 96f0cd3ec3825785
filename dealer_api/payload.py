# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What an order is: the contract between those who prepare orders and this package.

The values of orders, lines and customers are keyed by the columns of ``load()`` on
``sale.order``, ``sale.order.line`` and ``res.partner`` of the dealer: ``client_order_ref``,
``price_unit``, ``tag_ids`` (names, parted by commas), ``team_id/id`` (an external id),
``team_id/.id`` (an id), ... Other addons may add keys of their own. What they hold is plain
JSON: text, numbers, booleans, None, and lists of texts for what goes parted by commas.

* A key that is there is sent, also with an empty value: the field then is empty at the dealer.
* A key that is not there is not sent: the dealer's own default applies. All lines of one order
  share their columns, so a key that only some lines have is sent empty for the others.
* A field that the dealer's Odoo does not have is left out, and said.

Beside the values of the deal an order has *defaults*, which a manager has entered for the
dealership: how its people file the orders of the call centre. They are texts, as a person would
write them into a file to import, and an empty one empties its field. What the deal itself says of a
field comes before them.

A snapshot is what ``to_payload`` returns. Its ``schema`` number tells which release wrote it; the
first one wrote none, the second one knew neither defaults nor notes.
"""

import math
import re
from dataclasses import dataclass, field
from datetime import datetime

SCHEMA = 3

ORDER_MODEL, LINE_MODEL, CUSTOMER_MODEL = "sale.order", "sale.order.line", "res.partner"
# The notes of an order stand in its chatter there: seen without a click, and by the dealer's people
# alone. The terms of an order and its lines are printed for the customer.
NOTES_FIELD = "message_ids"
# The fields that every Odoo with sales has, those of the first release: nobody asks for them.
ORDER_FIELDS = ("client_order_ref", "origin")
LINE_FIELDS = ("product_uom_qty", "price_unit", "name")
STOCK_LINE_FIELDS = (*LINE_FIELDS, "discount")
CUSTOMER_FIELDS = (
    "name",
    "email",
    "phone",
    "street",
    "street2",
    "zip",
    "city",
    "company_name",
)
# What this package fills in itself. An ``.id`` would let an order write over another record.
_OWN_FIELDS = {
    ORDER_MODEL: frozenset(("id", "partner_id", "order_line")),
    LINE_MODEL: frozenset(("id", "order_id", "product_id")),
    CUSTOMER_MODEL: frozenset(("id", "country_id", "state_id")),
}
# What no default may say: what this package or a deal fills in itself, what makes an order another
# one's or another sale (its number, state, company, currency, price list), and Odoo's own fields.
_NO_DEFAULTS = _OWN_FIELDS[ORDER_MODEL].union(
    *[("name", "state", "company_id", "currency_id", "pricelist_id", "date_order")],
    *[("create_uid", "create_date", "write_uid", "write_date", "display_name", NOTES_FIELD)],
    ORDER_FIELDS,
)
_COLUMN = re.compile(r"[A-Za-z]\w*([./:][\w./]+)?")
_DEFAULT_COLUMN = re.compile(r"[A-Za-z]\w*(/\.?id)?")
_KEY_FOR_GOOD = re.compile(r"_[0-9a-f]{8}(_\d+)?$")
_EXTERNAL_ID = re.compile(r"[\w-]+\.[\w.-]+")
# What next_external_id appends; "lead_5" itself ends in no such thing.
_TRY = re.compile(r"(.+_.+)_(\d{1,3})")


def is_external_id(value):
    """Tell whether a value is ``module.name`` as ``load()`` takes it apart."""
    return isinstance(value, str) and bool(_EXTERNAL_ID.fullmatch(value))


def next_external_id(external_id):
    """Return the key to send an order anew under, when this one's is taken or given up.

    ``lead_5_ab12cd34`` is followed by ``lead_5_ab12cd34_2``, that by ``lead_5_ab12cd34_3``.
    """
    module, _dot, name = external_id.partition(".")
    found = _TRY.fullmatch(name)
    name, number = found.groups() if found else (name, 1)
    return f"{module}.{name}_{int(number) + 1}"


def first_external_id(external_id):
    """Return the key that an order had first: ``lead_5_ab12cd34`` of ``lead_5_ab12cd34_3``."""
    module, _dot, name = external_id.partition(".")
    found = _TRY.fullmatch(name)
    return f"{module}.{found.group(1)}" if found else external_id


def earlier_external_ids(external_id):
    """Return the keys that an order had before this one, the first one first."""
    keys, key = [], first_external_id(external_id)
    while key != external_id:
        keys.append(key)
        key = next_external_id(key)
    return keys


def is_key_for_good(external_id):
    """Tell whether a key ends in the digest of a creation, so that no other order can have it.

    Those of the first release did not: ids are given out again after a backup is restored.
    """
    return bool(_KEY_FOR_GOOD.search(external_id))


def field_of(column):
    """Return the field of a column of ``load()``: ``team_id`` of ``team_id/id``."""
    return re.split(r"[./:]", column, maxsplit=1)[0]


def is_default_column(column):
    """Tell whether a column is written like one that a default may fill: ``team_id``,
    ``team_id/id``, ``team_id/.id``.
    """
    return isinstance(column, str) and bool(_DEFAULT_COLUMN.fullmatch(column))


def may_be_default(column):
    """Tell whether a column is none of those that an order fills in itself."""
    return field_of(column) not in _NO_DEFAULTS


def is_empty(value):
    """Tell whether a value leaves its field empty; zero does not."""
    return value is None or value is False or value == "" or value == []


@dataclass
class OrderLine:
    """One line of an order.

    :param product_code: the Internal Reference of the product at the dealer
    :param values: by column of ``sale.order.line``: ``product_uom_qty``, ``price_unit``,
        ``name``, and what hooks add
    """

    product_code: str
    values: dict

    @property
    def subtotal(self):
        """Return the amount of the line before the dealer's taxes; text counts as nothing."""
        values = self.values
        amount = _number(values.get("product_uom_qty"), 1.0) * _number(values.get("price_unit"))
        return amount * (1 - _number(values.get("discount")) / 100)

    @property
    def rounding(self):
        """Return how far the amount may be off where prices and amounts are rounded to cents."""
        price = _number(self.values.get("price_unit"))
        quantity = _number(self.values.get("product_uom_qty"), 1.0)
        return 0.005 + abs(quantity) * abs(price - round(price, 2))


@dataclass
class Customer:
    """Who an order is for.

    :param external_id: under which the customer is created where the dealer does not know them
    :param values: by column of ``res.partner``: ``name``, ``email``, ``phone``, ``street``,
        ``street2``, ``zip``, ``city``, ``company_name``, and what hooks add
    :param country_code: two letters; ids of countries differ between databases
    :param state_code: of the state of that country, empty when there is none
    """

    external_id: str
    values: dict
    country_code: str = ""
    state_code: str = ""


@dataclass
class Order:
    """One order of a dealer.

    :param external_id: ``module.name``, under which the dealer's database keeps it unique
    :param currency: code of the currency of the prices
    :param values: by column of ``sale.order``: ``client_order_ref``, ``origin``, and what hooks add
    :param defaults: by column of ``sale.order``: what the dealership files all its orders by
    :param notes: plain text for the dealer's people

    What is known of earlier attempts is no part of the snapshot; who sends the order again says it:

    :ivar maybe_there: an earlier attempt may have created it
    :ivar first_attempt: when it was sent for the first time, naive UTC by our clock; None when
        this is the first time
    :ivar replacement: the ``Order`` that is wanted by now, where this one is what may have been
        sent
    """

    external_id: str
    currency: str
    customer: Customer
    lines: list[OrderLine]
    values: dict
    defaults: dict = field(default_factory=dict)
    notes: str = ""
    # What could not be read of the snapshot
    unreadable: list[str] = field(default_factory=list, repr=False, compare=False)
    maybe_there: bool = field(default=False, compare=False)
    first_attempt: datetime | None = field(default=None, compare=False)
    replacement: "Order | None" = field(default=None, repr=False, compare=False)

    @property
    def reference(self):
        """Return how people here and at the dealership name the order to each other."""
        return self.values.get("client_order_ref") or ""

    @property
    def used_defaults(self):
        """Return the defaults of the fields of which the deal itself says nothing."""
        own = {field_of(column) for column in self.values}
        return {
            column: value for column, value in self.defaults.items() if field_of(column) not in own
        }

    @property
    def all_values(self):
        """Return what is sent of the order itself, by column: its defaults and its values."""
        return {**self.used_defaults, **self.values}

    @property
    def total(self):
        """Return the sum of the lines, before the dealer's taxes."""
        return math.fsum(line.subtotal for line in self.lines)

    @property
    def has_amounts(self):
        """Tell whether no line leaves its quantity or price to the dealer."""
        return bool(self.lines) and all(
            is_number(line.values.get(name))
            for line in self.lines
            for name in ("product_uom_qty", "price_unit")
        )

    @property
    def rounding(self):
        """Return how far the total may be off at a dealer, who rounds prices and amounts."""
        return 0.005 + math.fsum(line.rounding for line in self.lines)

    def used_fields(self):
        """Return ``{model: the fields at the dealer that values are given for}``."""
        used = {
            ORDER_MODEL: [*self.all_values, *([NOTES_FIELD] if self.notes else [])],
            CUSTOMER_MODEL: self.customer.values,
            LINE_MODEL: [column for line in self.lines for column in line.values],
        }
        return {model: {field_of(column) for column in columns} for model, columns in used.items()}

    def to_payload(self):
        """Return the snapshot of the order: plain JSON."""
        return {
            "schema": SCHEMA,
            "external_id": self.external_id,
            "currency": self.currency,
            "values": dict(self.values),
            "defaults": dict(self.defaults),
            "notes": self.notes,
            "customer": {
                "external_id": self.customer.external_id,
                "country_code": self.customer.country_code,
                "state_code": self.customer.state_code,
                "values": dict(self.customer.values),
            },
            "lines": [
                {"product_code": line.product_code, "values": dict(line.values)}
                for line in self.lines
            ],
        }

    @classmethod
    def from_payload(cls, payload):
        """Return the order of a snapshot, of this release or of an earlier one.

        Never raises: what is missing is empty, what cannot be read is in ``problems``.
        """
        reader = _Reader()
        payload = reader.part(payload, dict, "payload")
        schema = payload.get("schema", 1)
        readers = {1: _read_schema_1, 2: _read_schema_3, SCHEMA: _read_schema_3}
        read = readers.get(schema if is_number(schema) else 0)
        if read is None:
            reader.unreadable.append(f"schema {schema}")
            read = _read_schema_3
        return cls(**read(payload, reader), unreadable=reader.unreadable)

    def problems(self):
        """Return the names of what is missing or wrong, so that the order cannot be sent.

        An order without lines is not among them: that has a message of its own.
        """
        customer = self.customer
        missing = {
            "external_id": is_external_id(self.external_id),
            "currency": self.currency,
            "customer.external_id": is_external_id(customer.external_id),
            "customer.name": customer.values.get("name"),
        }
        found = [name for name, value in missing.items() if not value]
        found += self.unreadable
        found += _wrong_values(ORDER_MODEL, "", self.values)
        found += _wrong_defaults(self.defaults)
        found += _wrong_values(CUSTOMER_MODEL, "customer.", customer.values)
        for line in self.lines:
            found += _wrong_values(LINE_MODEL, "lines.", line.values)
            found += [
                f"lines.{name}"
                for name in ("product_uom_qty", "price_unit")
                if name in line.values and not is_number(line.values[name])
            ]
        return list(dict.fromkeys(found))


def is_number(value):
    """Tell whether a value is a finite number; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _number(value, default=0.0):
    return value if is_number(value) else default


def _wrong_values(model, prefix, values):
    """Return the columns that must not be, or whose value no cell can hold."""
    return [
        f"{prefix}{column}"
        for column, value in values.items()
        if not _is_column(model, column) or not _fits_a_cell(value)
    ]


def _wrong_defaults(defaults):
    """Return the defaults that must not be, or are no texts."""
    return [
        f"defaults.{column}"
        for column, value in defaults.items()
        if not (is_default_column(column) and may_be_default(column) and isinstance(value, str))
    ]


def _is_column(model, column):
    if not isinstance(column, str) or not _COLUMN.fullmatch(column):
        return False
    return field_of(column) not in _OWN_FIELDS[model]


def _fits_a_cell(value):
    plain = (str, int, float, bool, type(None))
    parts = value if isinstance(value, list) else [value]
    return all(isinstance(part, plain) for part in parts)


# ------------------------------------------------------------
# Reading snapshots
# ------------------------------------------------------------


class _Reader:
    """Take a snapshot apart, noting what is not of the kind that it should be."""

    def __init__(self):
        self.unreadable = []

    def part(self, value, kind, name):
        """Return a value of the kind, an empty one instead of another."""
        if isinstance(value, kind):
            return value
        if value is not None:
            self.unreadable.append(name)
        return kind()

    def parts(self, value, kind, name):
        """Return a list of values of the kind."""
        return [self.part(each, kind, name) for each in self.part(value, list, name)]


def _read_schema_3(payload, reader):
    """Read what this release writes; the one before wrote less of the same."""
    customer = reader.part(payload.get("customer"), dict, "customer")
    return {
        "external_id": reader.part(payload.get("external_id"), str, "external_id"),
        "currency": reader.part(payload.get("currency"), str, "currency"),
        "values": dict(reader.part(payload.get("values"), dict, "values")),
        "defaults": dict(reader.part(payload.get("defaults"), dict, "defaults")),
        "notes": reader.part(payload.get("notes"), str, "notes"),
        "customer": Customer(
            reader.part(customer.get("external_id"), str, "customer.external_id"),
            dict(reader.part(customer.get("values"), dict, "customer.values")),
            reader.part(customer.get("country_code"), str, "customer.country_code"),
            reader.part(customer.get("state_code"), str, "customer.state_code"),
        ),
        "lines": [
            OrderLine(
                reader.part(line.get("product_code"), str, "lines.product_code"),
                dict(reader.part(line.get("values"), dict, "lines.values")),
            )
            for line in reader.parts(payload.get("lines"), dict, "lines")
        ],
    }


def _read_schema_1(payload, reader):
    """Read what the first release wrote: fixed names, all of them sent, with these defaults."""
    customer = reader.part(payload.get("customer"), dict, "customer")
    return {
        "external_id": reader.part(payload.get("external_id"), str, "external_id"),
        "currency": reader.part(payload.get("currency"), str, "currency"),
        "values": {
            "client_order_ref": payload.get("reference") or "",
            "origin": payload.get("origin") or "",
        },
        "customer": Customer(
            reader.part(customer.get("external_id"), str, "customer.external_id"),
            {name: customer.get(name) or "" for name in CUSTOMER_FIELDS},
            reader.part(customer.get("country_code"), str, "customer.country_code"),
            reader.part(customer.get("state_code"), str, "customer.state_code"),
        ),
        "lines": [
            _read_line_1(line, reader) for line in reader.parts(payload.get("lines"), dict, "lines")
        ],
    }


def _read_line_1(line, reader):
    code = reader.part(line.get("default_code"), str, "lines.default_code")
    quantity = line.get("quantity")
    return OrderLine(
        code,
        {
            "product_uom_qty": 1.0 if quantity is None else quantity,
            "price_unit": line.get("price_unit") or 0.0,
            "name": line.get("name") or code,
        },
    )
