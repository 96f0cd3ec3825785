# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class BpoLeadLine(models.Model):
    """What this addon adds to a line of an order."""

    _inherit = "bpo.lead.line"

    lead_days = fields.Float("Days to Delivery")

    def _prepare_dealer_line_values(self):
        return {**super()._prepare_dealer_line_values(), "customer_lead": self.lead_days}
