# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""From our product codes to the dealer's products."""


def find_products(session, codes):
    """Return ``{code: [ids]}`` of the dealer's active products, in one search."""
    records = session.search_read(
        "product.product", [("default_code", "in", list(codes))], ["default_code"]
    )
    found = {}
    for record in records:
        found.setdefault(record.get("default_code"), []).append(record["id"])
    return found


def sort_out(codes, found):
    """Return the codes that no product has and those that several have, each sorted.

    :param found: the answer of :func:`find_products` for at least these codes
    """
    unknown = sorted(code for code in codes if not found.get(code))
    ambiguous = sorted(code for code in codes if len(found.get(code, ())) > 1)
    return unknown, ambiguous
