# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models


class BpoDealership(models.Model):
    """What a pause by a manager means for the orders of a dealership."""

    _inherit = "bpo.dealership"

    @api.private
    def _hold(self, reason):
        res = super()._hold(reason)
        self._lock_waiting_orders()._say_on_hold()
        return res

    def action_resume(self):
        """Take back also what the waiting orders say."""
        self._check_manager()
        self.check_access("write")
        held = self.filtered("on_hold")
        res = super().action_resume()
        held._lock_waiting_orders().error = False
        return res

    def _lock_waiting_orders(self):
        """Return the waiting orders, but those that are being sent: their talk says what is."""
        orders = (
            self.env["bpo.dealer.order"]
            .sudo()
            .search([("dealership_id", "in", self.ids), ("state", "=", "pending")])
        )
        return orders.try_lock_for_update(allow_referencing=True)
