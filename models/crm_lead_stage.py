# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.fields import Domain


class CrmLead(models.Model):
    """Which leads count in their stage."""

    _inherit = "crm.lead"

    @api.model
    def _get_domain_open_in_stage(self):
        return Domain("closed_status", "=", False) & Domain("active", "=", True)

    def _is_open_in_stage(self):
        return self.active and not self.closed_status
