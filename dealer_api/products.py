# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""From our product codes to the dealer's products.

What is remembered of a product may be out of date: its code may be another's by now. So its id is
never sent. The line names the product by its code, and ``load()`` itself looks for it: what has not
that code any more, or is archived, is refused, and then the dealer is asked (``orders.py``).
"""

import re

from .memory import DAY
from .records import many2one_id

# Whether codes find the right products at the dealer: seen once a day.
BY_CODE = "products by code"
# A code that can stand in brackets.
_NAMES_ITSELF = re.compile(r"[^\[\]\s](?:[^\[\]\n]*[^\[\]\s])?")
_FIELDS = ("default_code", "sale_ok", "type", "company_id")


class Products(dict):
    """The dealer's products that an order may have: ``{code: [ids]}``.

    :ivar refused: ``{code: why}`` of products that are there, but that no order of ours may have;
        why is a code of ``MESSAGES``
    :ivar by_code: they are remembered, and orders are to name them by their codes
    :ivar of_companies: some of them belong to companies
    """

    def __init__(self, records, by_code=False, of_companies=False):
        super().__init__()
        self.of_companies = of_companies
        self.by_code = by_code
        self.refused = {}
        for record in records:
            code, refusal = record.get("default_code"), _refusal(record)
            if refusal:
                self.refused[code] = refusal
            else:
                self.setdefault(code, []).append(record["id"])

    def reference(self, code):
        """Return the column and the cell by which a line of an order names a product."""
        if self.by_code:
            # In brackets, as Odoo shows a code: so it is taken for nothing else, neither for a
            # barcode nor for a name (product/models/product_product.py: name_search).
            return "product_id", f"[{code}]"
        [product_id] = self[code]
        return "product_id/.id", product_id

    def find_problem(self, codes):
        """Return what keeps an order from having products: a code of ``MESSAGES``, and which.

        :return: (None, []) when nothing does
        """
        kinds = {}
        for code in sorted(codes):
            count = len(self.get(code, ()))
            if count > 1:
                kinds.setdefault("product_ambiguous", []).append(code)
            elif not count:
                kinds.setdefault(self.refused.get(code, "product_unknown"), []).append(code)
        order = ("product_unknown", "product_not_saleable", "product_combo", "product_ambiguous")
        return next(((kind, kinds[kind]) for kind in order if kind in kinds), (None, []))


def _refusal(record):
    if record.get("sale_ok") is False:
        return "product_not_saleable"
    if record.get("type") == "combo":
        # A line of a combo has no taxes and is never invoiced: its chosen parts are, and which
        # these are a person has to say (sale/models/sale_order_line.py: _compute_tax_ids,
        # _compute_qty_to_invoice).
        return "product_combo"
    return None


def find_products(session, codes):
    """Return the ``Products`` with these codes, in one search.

    Where some belong to companies, a second one leaves out those of companies whose products the
    service user's company may not sell.
    """
    domain = [("default_code", "in", list(codes))]
    records = session.search_read("product.product", domain, _FIELDS)
    companies = {many2one_id(record.get("company_id")) for record in records} - {None}
    if companies and companies != {session.company.id}:
        domain += session.company_domain()
        records = session.search_read("product.product", domain, _FIELDS)
    return Products(records, of_companies=bool(companies))


def remember_products(session, products):
    """Keep what was looked up for the next talk, as far as a code says which product it is."""
    for code, ids in products.items():
        # which company's product a code finds is not for us to say
        if len(ids) == 1 and code not in products.refused and not products.of_companies:
            session.remember(_question(code), ids[0])


def recall_products(session, codes):
    """Return the ``Products`` with these codes as they are remembered, None where one is not.

    :param codes: a few of them: ``load()`` looks for each line's
    """
    if session.remembered(BY_CODE, DAY) is False or not all(map(_NAMES_ITSELF.fullmatch, codes)):
        return None
    ids = {code: session.remembered(_question(code)) for code in codes}
    if not all(ids.values()):
        return None
    return Products([{"id": ids[code], "default_code": code} for code in codes], by_code=True)


def _question(code):
    return f"product {code}"
