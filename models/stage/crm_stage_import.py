# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models


class CrmStage(models.Model):
    """Importing stages, of pipelines and of services."""

    _inherit = "crm.stage"

    @api.model
    def get_import_templates(self):
        return [
            {
                "label": self.env._("Import Template for Stages"),
                "template": "/bpo_crm/static/xls/crm_stage.csv",
            }
        ]
