# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models


class ResCompany(models.Model):
    """Whether all companies have one currency is remembered, see ``crm_lead_totals.py``."""

    _inherit = "res.company"

    @api.private
    def cache_invalidation_fields(self):
        return {*super().cache_invalidation_fields(), "currency_id"}
