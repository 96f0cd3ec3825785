# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The orders that a dealer has: read, and looked for by their keys, without writing anything."""

from dataclasses import dataclass
from datetime import datetime

from .errors import DealerBadAnswer, DealerFault
from .loader import Loader, LoadRecord
from .payload import LINE_MODEL, ORDER_MODEL, is_number
from .records import is_id, many2one_id, many2one_name, read_datetime, short_text
from .session import major_version

# From here on ``load()`` leaves rows out when told so; before, every user may read external ids
# (addons/base/security/ir.model.access.csv).
SKIPPING_VERSION = 15
CANCELLED = "cancel"

# Every Odoo with sales has these fields.
_FIELDS = (
    "name",
    "state",
    "currency_id",
    "create_date",
    "partner_id",
    "client_order_ref",
    "amount_untaxed",
    "amount_total",
    "write_date",
)
# {model: (a model with a reference to it, that field, another reference of that model)}
_REFERRING = {ORDER_MODEL: (LINE_MODEL, "order_id", "product_id")}


@dataclass
class RemoteOrder:
    """An order as it is at the dealer; what could not be read is None.

    :ivar state: as Odoo names it: ``draft``, ``sent``, ``sale``, ``cancel``
    :ivar created: naive UTC, by the dealer's clock
    :ivar changed: when it was last changed, likewise
    :ivar tax_included: the dealer's prices include the tax; None while there was nothing to
        compare the amounts with
    """

    id: int
    name: str | None = None
    state: str | None = None
    currency: str | None = None
    created: datetime | None = None
    changed: datetime | None = None
    partner_id: int | None = None
    partner_name: str | None = None
    reference: str | None = None
    amount_untaxed: float | None = None
    amount_total: float | None = None
    tax_included: bool | None = None

    @classmethod
    def from_record(cls, record):
        """Return the order of a record as read, or None when it is no record of one."""
        if not isinstance(record, dict) or not is_id(record.get("id")):
            return None
        return cls(
            record["id"],
            name=short_text(record.get("name")),
            state=short_text(record.get("state")),
            currency=short_text(many2one_name(record.get("currency_id"))),
            created=read_datetime(record.get("create_date")),
            changed=read_datetime(record.get("write_date")),
            partner_id=many2one_id(record.get("partner_id")),
            partner_name=short_text(many2one_name(record.get("partner_id"))),
            reference=short_text(record.get("client_order_ref")),
            amount_untaxed=_amount(record.get("amount_untaxed")),
            amount_total=_amount(record.get("amount_total")),
        )

    def describe(self):
        """Return what names the order to people, for messages."""
        return {
            "name": self.name or str(self.id),
            "reference": self.reference or "-",
            "customer": self.partner_name or "-",
        }


def _amount(value):
    return float(value) if is_number(value) else None


def read_orders(session, remote_ids):
    """Return ``{id: RemoteOrder}`` of the orders the service user may read, in one request."""
    wanted = sorted({remote_id for remote_id in remote_ids if is_id(remote_id)})
    if not wanted:
        return {}
    records = _search_read(session, ORDER_MODEL, [("id", "in", wanted)], _FIELDS)
    orders = [RemoteOrder.from_record(record) for record in records]
    return {order.id: order for order in orders if order and order.id in wanted}


def read_orders_of_creator(session, uid, last_id, limit):
    """Return the next ``RemoteOrder`` that a user has created, by ascending id, in one request.

    :param last_id: only those with a larger id
    """
    domain = [("create_uid", "=", uid), ("id", ">", last_id)]
    records = _search_read(session, ORDER_MODEL, domain, _FIELDS, limit=limit)
    orders = [RemoteOrder.from_record(record) for record in records]
    return [order for order in orders if order]


def read_lines(session, remote_ids):
    """Return ``{order: [(product, quantity, price)]}`` of readable orders, in one request."""
    wanted = sorted(set(remote_ids))
    if not wanted:
        return {}
    names = ("order_id", "product_id", "product_uom_qty", "price_unit")
    found = {remote_id: [] for remote_id in wanted}
    for record in _search_read(session, LINE_MODEL, [("order_id", "in", wanted)], names):
        record = record if isinstance(record, dict) else {}
        product_id = many2one_id(record.get("product_id"))
        # A line without a product is a section or a note.
        if product_id:
            found.setdefault(many2one_id(record.get("order_id")), []).append(
                (product_id, record.get("product_uom_qty"), record.get("price_unit"))
            )
    return found


def _search_read(session, model, domain, fields, **kwargs):
    """Read without judging the records: a bad one is to spoil nothing but itself."""
    kwargs = {"domain": domain, "fields": list(fields), "order": "id", **kwargs}
    records = session.call(model, "search_read", **kwargs)
    if not isinstance(records, list):
        raise DealerBadAnswer("unexpected_answer", call=f"{model} (read)")
    return records


def find_existing(session, model, external_ids):
    """Return which of the external ids have a record of the model at the dealer.

    One request that writes nothing, logs nothing at the dealer and needs no right to read the
    records. Up to Odoo 14 every user may read external ids; later ones are asked by ``load()``.
    """
    external_ids = list(dict.fromkeys(external_ids))
    if not external_ids:
        return set()
    known = _read_external_ids(session, model, external_ids)
    return _ask_load(session, model, external_ids) if known is None else set(known)


def _read_external_ids(session, model, external_ids):
    """Return ``{external id: id}`` of those that are at the dealer, None where that is closed."""
    major = major_version(session.server_version)
    if major is None or major >= SKIPPING_VERSION:
        return None
    parts = [external_id.partition(".") for external_id in external_ids]
    domain = [
        ("model", "=", model),
        ("module", "in", sorted({module for module, _dot, _name in parts})),
        ("name", "in", sorted({name for _module, _dot, name in parts})),
    ]
    fields = ("module", "name", "res_id")
    try:
        records = _search_read(session, "ir.model.data", domain, fields)
    except DealerFault as fault:
        if fault.kind != "access":
            raise
        return None
    found = {
        f"{record.get('module')}.{record.get('name')}": record.get("res_id")
        for record in records
        if isinstance(record, dict) and is_id(record.get("res_id"))
    }
    return {external_id: found[external_id] for external_id in external_ids if external_id in found}


def _ask_load(session, model, external_ids):
    """Return which of the external ids exist, by what ``load()`` says of references to them.

    It is called on a model that refers to this one. It turns the external ids into references, and
    then leaves all rows out, as it is told to do with those without the other reference
    (``import_skip_records``), which no row has. What it complains about is the external ids that it
    could not find (odoo/addons/base/models/ir_fields.py: ``db_id_for``, ``_xmlid_to_record_id``;
    orm/models.py: ``load``).
    """
    referring, reference, other = _REFERRING[model]
    answer = session.call(
        referring,
        "load",
        fields=[f"{reference}/id", f"{other}/.id"],
        data=[[external_id, -1] for external_id in external_ids],
        context={"import_file": True, "import_skip_records": [other]},
    )
    messages = answer.get("messages") if isinstance(answer, dict) else None
    if not isinstance(messages, list) or answer.get("ids"):
        raise DealerBadAnswer("unexpected_answer", call=f"{referring}.load")
    missing = set()
    for message in messages:
        if not isinstance(message, dict) or message.get("field") not in (reference, other):
            continue
        number = message.get("record")
        if not isinstance(number, int) or not 0 <= number < len(external_ids):
            raise DealerBadAnswer("unexpected_answer", call=f"{referring}.load")
        if message["field"] == reference:
            missing.add(external_ids[number])
    return set(external_ids) - missing


def find_ids(session, external_ids):
    """Return ``{external id: id}`` of orders that are at the dealer, in two requests or one.

    ``load()`` tells the ids of records that exist and leaves these alone; it is not asked for
    others, which it would try to create. The id is None where it did not tell it this time.
    """
    external_ids = list(dict.fromkeys(external_ids))
    known = _read_external_ids(session, ORDER_MODEL, external_ids) if external_ids else {}
    if known is not None:
        return known
    existing = sorted(_ask_load(session, ORDER_MODEL, external_ids))
    if not existing:
        return {}
    records = [LoadRecord(("id",), [[external_id]]) for external_id in existing]
    results = Loader(session, ORDER_MODEL).load(records)
    return {
        external_id: result.record_id for external_id, result in zip(existing, results, strict=True)
    }
