# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class CrmLead(models.Model):
    """What this addon adds to an order, to a customer, and to the rules of a move."""

    _inherit = "crm.lead"

    delivery_date = fields.Date("Wished Delivery", copy=False)
    campaign_code = fields.Char(copy=False)
    checked_by_supervisor = fields.Boolean(copy=False)

    def _prepare_dealer_order_values(self):
        """Send the wished delivery, which every Odoo knows, and a code that few of them know."""
        return {
            **super()._prepare_dealer_order_values(),
            "commitment_date": f"{self.delivery_date} 12:00:00" if self.delivery_date else "",
            "x_campaign_code": self.campaign_code or "",
        }

    def _prepare_dealer_customer_values(self):
        return {**super()._prepare_dealer_customer_values(), "function": self.function or ""}

    def _get_move_rules(self):
        return [*super()._get_move_rules(), self._get_problems_unchecked]

    def _get_problems_unchecked(self, origins):
        """Win large deals only after a supervisor has looked at them."""
        return {
            lead: [self.env._("a supervisor has to check deals above 100,000 first")]
            for lead in self
            if lead.closed_status == "won"
            and lead.expected_revenue > 100_000
            and not lead.checked_by_supervisor
        }
