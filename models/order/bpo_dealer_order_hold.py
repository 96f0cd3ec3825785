# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models


class BpoDealerOrder(models.Model):
    """Orders of dealerships that a manager has paused: they wait, and say why."""

    _inherit = "bpo.dealer.order"

    @api.model_create_multi
    def create(self, vals_list):
        dealerships = self.env["bpo.dealership"].sudo()
        for vals in vals_list:
            if dealerships.browse(vals.get("dealership_id")).on_hold:
                vals["error"] = self._get_on_hold_text()
        return super().create(vals_list)

    @api.private
    def _say_on_hold(self):
        """Say on the waiting orders of paused dealerships why they wait. Agents read this."""
        held = self.sudo().filtered(
            lambda order: order.state == "pending" and order.dealership_id.on_hold
        )
        if held:
            held.error = self._get_on_hold_text()

    @api.model
    def _get_on_hold_text(self):
        return self.env._(
            "Waiting: a BPO manager has paused the dealership. The order goes out by itself once "
            "it is resumed."
        )
