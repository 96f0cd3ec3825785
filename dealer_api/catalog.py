# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which of our products a dealer sells, at what price: read in pages, and nothing is written.

A look asks for our codes only, however much else the dealer sells: one request per 1000 of them.
Of products that were there at the last look it asks for those only that were changed since.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from .payload import is_number
from .products import Products
from .records import many2one_id, many2one_name, short_text

# Codes per request, and products per answer.
PAGE_SIZE = 1000
# A change is seen by others when its transaction ends, and bears the time when that began.
OVERLAP = timedelta(hours=1)
# What costs more is no price.
MAX_PRICE = 1e12

_MODEL = "product.product"
# What every Odoo has of a product. ``lst_price`` is the price of the variant, with what its
# attributes add, before any price list.
_FIELDS = (
    "default_code",
    "active",
    "sale_ok",
    "type",
    "company_id",
    "lst_price",
    "currency_id",
)


class Offer(NamedTuple):
    """What a dealer has under one code.

    :ivar problem: what keeps orders from having it, a code of ``MESSAGES``; None when nothing does
    :ivar remote_id: the product there, None with a problem
    :ivar price: its list price; None with a problem, or when it is none
    :ivar currency: the code of the price's currency, or None
    """

    problem: str | None = None
    remote_id: int | None = None
    price: float | None = None
    currency: str | None = None


@dataclass
class Catalog:
    """What a look at a dealer's products came to.

    :ivar offers: ``{code: Offer}`` of the codes that were read anew; of the others nothing changed
    :ivar since: from when on changes may have been missed, naive UTC by the dealer's clock; None
        when the dealer does not tell the time
    """

    offers: dict = field(default_factory=dict)
    since: datetime | None = None


def look_at_products(session, codes, known=None, since=None):
    """Return the ``Catalog`` of a dealer: what it has under our codes.

    What is deleted there leaves no trace that could be asked for: now and then everything has to
    be read, without ``since``.

    :param codes: the codes to ask for
    :param dict known: ``{id of the product there: its code}`` of what was there at the last look
    :param datetime since: what that look returned
    """
    wanted = set(codes) - {""}
    known = {id_: code for id_, code in (known or {}).items() if since and code in wanted}
    kept = set(known.values())
    records = []
    for page in _pages(sorted(wanted)):
        records += _read(session, _changed_domain(page, known, since))
    touched = _find_touched(records, known)
    records = [record for record in records if record["default_code"] not in kept]
    for page in _pages(sorted(touched)):
        records += _read(session, [("default_code", "in", page)])
    records = _without_foreign(session, records)
    return Catalog(_make_offers((wanted - kept) | touched, records), _last_moment(session))


def _changed_domain(codes, known, since):
    """Return the domain of the products with these codes, but those that are known and unchanged.

    Archived ones are in it: to archive a product is to change it.
    """
    ids = sorted(id_ for id_, code in known.items() if code in set(codes))
    if not ids:
        return [("default_code", "in", codes)]
    unknown = sorted(set(codes) - {known[id_] for id_ in ids})
    moment = since.strftime("%Y-%m-%d %H:%M:%S")
    return [
        ("active", "in", [True, False]),
        "|",
        ("default_code", "in", unknown),
        "&",
        "|",
        ("default_code", "in", codes),
        ("id", "in", ids),
        # up to Odoo 13 a product is not changed with its template, which has name and price
        "|",
        ("write_date", ">=", moment),
        ("product_tmpl_id.write_date", ">=", moment),
    ]


def _find_touched(records, known):
    """Return the known codes under which something was changed: what they have is read anew."""
    codes = set(known.values())
    touched = {known[record["id"]] for record in records if record["id"] in known}
    return touched | {record["default_code"] for record in records} & codes


def _read(session, domain):
    """Return all products of a domain, page by page, by ascending id."""
    found, last_id = [], 0
    while True:
        page = session.search_read(
            _MODEL, [*domain, ("id", ">", last_id)], _FIELDS, limit=PAGE_SIZE
        )
        new = [record for record in page if record["id"] > last_id]
        found += [{**record, "default_code": _code(record)} for record in new]
        # a dealer that gives fewer than it has, or the same ones again, must not hold us
        if len(page) < PAGE_SIZE or not new:
            return found
        last_id = max(record["id"] for record in new)


def _code(record):
    code = record.get("default_code")
    return code if isinstance(code, str) else ""


def _without_foreign(session, records):
    """Return the products that orders may have: no archived ones, none of foreign companies."""
    records = [record for record in records if record.get("active") is not False]
    owned = {record["id"]: many2one_id(record.get("company_id")) for record in records}
    owned = {id_: company for id_, company in owned.items() if company}
    if not owned or set(owned.values()) == {session.company.id}:
        return records
    ours = set()
    for page in _pages(sorted(owned)):
        domain = [("id", "in", page), *session.company_domain()]
        ours.update(record["id"] for record in session.search_read(_MODEL, domain, ["id"]))
    return [record for record in records if record["id"] not in owned or record["id"] in ours]


def _make_offers(codes, records):
    products = Products(records)
    by_id = {record["id"]: record for record in records}
    offers = {}
    for code in codes:
        problem, _codes = products.find_problem([code])
        offers[code] = Offer(problem) if problem else _make_offer(by_id[products[code][0]])
    return offers


def _make_offer(record):
    price = record.get("lst_price")
    return Offer(
        None,
        record["id"],
        float(price) if is_number(price) and abs(price) < MAX_PRICE else None,
        short_text(many2one_name(record.get("currency_id"))),
    )


def _last_moment(session):
    """Return from when on changes are asked for next time, by the dealer's clock."""
    offset = session.clock_offset
    return None if offset is None else session.started + offset - OVERLAP


def _pages(items):
    return [items[start : start + PAGE_SIZE] for start in range(0, len(items), PAGE_SIZE)]
