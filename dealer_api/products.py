# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""From our product codes to the dealer's products."""

from .records import many2one_id

_FIELDS = ("default_code", "sale_ok", "type", "company_id")


class Products(dict):
    """The dealer's products that an order may have: ``{code: [ids]}``.

    :ivar refused: ``{code: why}`` of products that are there, but that no order of ours may have;
        why is a code of ``MESSAGES``
    """

    def __init__(self, records):
        super().__init__()
        self.refused = {}
        for record in records:
            code, refusal = record.get("default_code"), _refusal(record)
            if refusal:
                self.refused[code] = refusal
            else:
                self.setdefault(code, []).append(record["id"])

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
    return Products(records)
