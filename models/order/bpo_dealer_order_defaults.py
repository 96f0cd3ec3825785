# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models

from ...dealer_api import Order

# Causes of failures that are about an order default.
DEFAULT_CODES = ("default_unknown", "default_ambiguous", "default_hidden", "default_refused")


class BpoDealerOrder(models.Model):
    """The order defaults of the dealership, in the snapshots.

    They are the dealership's, not the deal's: whoever mends one means all orders that are not there
    yet. So a snapshot takes them when its dealer is about to be asked, not when the lead is won.
    From then on it says what was sent: where the dealer may have the order, it is kept, and what is
    wanted by now (``payload_wanted``) takes the present ones.
    """

    _inherit = "bpo.dealer.order"

    def _take_order_defaults(self):
        """Put the present defaults of the dealership into what is about to be sent."""
        defaults = {each: each._get_order_defaults() for each in self.dealership_id}
        for order in self:
            names = ["payload_wanted"] if order.possibly_sent else ["payload", "payload_wanted"]
            vals = {
                name: payload
                for name in names
                if (payload := self._fill_in(order[name], defaults[order.dealership_id]))
            }
            if vals:
                order.write(vals)

    @api.model
    def _fill_in(self, payload, defaults):
        """Return a snapshot with these defaults; None where there is nothing to change."""
        if not payload or (not defaults and not payload.get("defaults")):
            return None
        content = Order.from_payload(payload)
        if content.unreadable or content.defaults == defaults:
            return None
        content.defaults = defaults
        return content.to_payload()

    @api.private
    def _retry_for_defaults(self, dealerships):
        """Try orders again that failed because of an order default of these dealerships."""
        failed = self.search(
            [
                ("state", "=", "failed"),
                ("error_code", "in", DEFAULT_CODES),
                ("dealership_id", "in", dealerships.ids),
            ]
        )
        for order in failed._try_soon():
            if order.possibly_sent and not order.payload_wanted:
                # the same, with other defaults: the dealer is asked first
                order.payload_wanted = order.payload
