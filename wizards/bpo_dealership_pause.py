# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class BpoDealershipPause(models.TransientModel):
    """*Pause*: ask a manager why the orders of dealerships are to wait."""

    _name = "bpo.dealership.pause"
    _description = "Pause Dealerships"

    dealership_ids = fields.Many2many(
        "bpo.dealership",
        string="Dealerships",
        required=True,
        default=lambda self: self._get_chosen(),
    )
    reason = fields.Text(
        required=True, help="Everybody who may read the dealerships reads it in their chatter."
    )

    def _get_chosen(self):
        """Return the dealerships from whose screen the dialog was opened."""
        dealerships = self.env["bpo.dealership"]
        if self.env.context.get("active_model") == dealerships._name:
            return dealerships.browse(self.env.context.get("active_ids"))
        return dealerships

    def action_pause(self):
        """Pause the dealerships."""
        self.ensure_one()
        self.dealership_ids._hold(self.reason)
        return {"type": "ir.actions.client", "tag": "soft_reload"}
