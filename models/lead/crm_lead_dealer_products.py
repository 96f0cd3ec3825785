# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models


class CrmLead(models.Model):
    """What the dealership of a lead does not know of its units, said before anybody wins it."""

    _inherit = "crm.lead"

    dealer_product_warning = fields.Text(
        compute="_compute_dealer_product_warning", compute_sudo=True, exportable=False
    )

    @api.depends("line_ids.dealer_warning")
    @api.depends_context("lang")
    def _compute_dealer_product_warning(self):
        for lead in self:
            texts = [line.dealer_warning for line in lead.line_ids if line.dealer_warning]
            lead.dealer_product_warning = "\n".join(dict.fromkeys(texts)) or False
