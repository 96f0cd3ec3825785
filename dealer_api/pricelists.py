# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The dealer's price lists: they decide in which currency an order comes out."""

from .errors import DealerBadAnswer
from .records import many2one_name
from .session import major_version

PRICELIST = "property_product_pricelist"
PRICELIST_MODEL = "product.pricelist"
PRICELISTS_GROUP = "product.group_product_pricelist"
# From here on a new customer's list follows from the lists alone, not from a stored default.
COMPUTED_VERSION = 18
# More lists than this, and it is not worked out.
_LIMIT = 200


def new_customer_currency(session, domain, company_currency):
    """Return in which currency an order of a new customer comes out, None when that is not known.

    Nothing is created for it. A dealer's Odoo gives a new customer the first list that is not
    bound to countries, and with none works in the company's currency
    (odoo/addons/product/models/product_pricelist.py: ``_get_partner_pricelist_multi``). Lists
    that are bound to countries make it depend on the customer, a stored default of old versions
    on what we may not read: then it is not known, unless all lists are in one currency.

    :param domain: the price lists of the service user's company
    :param company_currency: the code of its currency
    """
    lists = session.call(
        PRICELIST_MODEL,
        "search_read",
        domain=domain,
        fields=["currency_id", "country_group_ids"],
        limit=_LIMIT,
    )
    if not isinstance(lists, list) or not all(isinstance(each, dict) for each in lists):
        raise DealerBadAnswer("unexpected_answer", call=f"{PRICELIST_MODEL} (read)")
    currencies = [many2one_name(each.get("currency_id")) for each in lists]
    if set(currencies) <= {company_currency}:
        return company_currency
    major = major_version(session.server_version)
    if major is None or major < COMPUTED_VERSION or len(lists) == _LIMIT:
        return None
    bound = any(each.get("country_group_ids") for each in lists)
    currency = None if bound and len(set(currencies)) > 1 else currencies[0]
    if currency in (None, company_currency):
        return currency
    # Lists that are there, but switched off, decide nothing.
    used = session.call("res.users", "has_group", [session.uid], group_ext_id=PRICELISTS_GROUP)
    return currency if used is True else company_currency


def read_currencies(session, pricelist_ids):
    """Return ``{price list: code of its currency}``."""
    if not pricelist_ids:
        return {}
    records = session.read_ids(PRICELIST_MODEL, sorted(pricelist_ids), ["currency_id"])
    return {record["id"]: many2one_name(record.get("currency_id")) for record in records}
