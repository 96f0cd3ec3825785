# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models

from ...dealer_api import Order
from ..dealership.bpo_dealer_product import KNOWN, STATES

# Refusals for which the dealer's products are the cause.
PRODUCT_CAUSES = tuple(cause for cause in STATES if cause)


def replace_codes(payload, codes):
    """Return a snapshot with other product codes, or None where it has none of them.

    :param dict codes: ``{code of before: code of now}``
    """
    content = Order.from_payload(payload)
    lines = [line for line in content.lines if codes.get(line.product_code)]
    if not lines or content.unreadable:
        return None
    for line in lines:
        line.product_code = codes[line.product_code]
    return content.to_payload()


class BpoDealerOrder(models.Model):
    """Orders that wait for a product: under which code, and go once the dealer has it.

    The snapshot of an order has the codes that the dealership is told. A manager who enters another
    one means the orders, too, that were not taken yet: they go under it, without a click.
    """

    _inherit = "bpo.dealer.order"

    @api.model
    @api.private
    def _replace_codes(self, changes):
        """Let orders that are not at their dealership yet go under other product codes.

        What may be there already is not replaced before the dealer was asked, as ever.

        :param dict changes: ``{dealership: {product: (code of before, code of now)}}``
        """
        changes = {
            dealership: {
                product: codes
                for product, codes in products.items()
                if all(codes) and codes[0] != codes[1]
            }
            for dealership, products in changes.items()
        }
        product_ids = {product.id for products in changes.values() for product in products}
        if not product_ids:
            return
        orders = self.sudo().search(
            [
                ("dealership_id", "in", [dealership.id for dealership in changes]),
                ("state", "in", ("pending", "failed")),
                ("lead_id.line_ids.product_id", "in", list(product_ids)),
            ]
        )
        # one that is being sent goes as it is
        replaced = orders.try_lock_for_update(allow_referencing=True).filtered(
            lambda order: order._replace_own_codes(
                {
                    codes[0]: codes[1]
                    for product, codes in changes.get(order.dealership_id, {}).items()
                    if product.id in order.lead_id.line_ids.product_id.ids
                }
            )
        )
        replaced.filtered(lambda order: order.error_code in PRODUCT_CAUSES)._try_soon()
        self._trigger_push()

    def _replace_own_codes(self, codes):
        """Let one order go under other product codes; return whether it has any of them.

        :param dict codes: ``{code of before: code of now}``
        """
        self.ensure_one()
        replaced = replace_codes(self.payload_wanted or self.payload, codes)
        if replaced:
            may_be_there = self.possibly_sent or self.payload_wanted
            self["payload_wanted" if may_be_there else "payload"] = replaced
        return bool(replaced)

    @api.model
    @api.private
    def _heal_products(self, dealership):
        """Try those failed orders again at once whose products a look has found there.

        :param dealership: the dealership that was looked at
        """
        orders = self.search(
            [
                ("dealership_id", "=", dealership.id),
                ("state", "=", "failed"),
                ("error_code", "in", PRODUCT_CAUSES),
            ]
        )
        if not orders:
            return
        rows = self.env["bpo.dealer.product"].search_fetch(
            [("dealership_id", "=", dealership.id), ("state", "=", KNOWN)], ["checked_code"]
        )
        known = set(rows.mapped("checked_code"))
        orders.filtered(lambda order: order._get_wanted_codes() <= known)._try_soon()

    def _get_wanted_codes(self):
        """Return the product codes of what this order is to be at the dealer."""
        content = Order.from_payload(self.payload_wanted or self.payload)
        return {line.product_code for line in content.lines}
