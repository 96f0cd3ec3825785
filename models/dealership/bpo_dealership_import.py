# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models


class BpoDealership(models.Model):
    """Importing dealerships."""

    _inherit = "bpo.dealership"

    @api.model
    def get_import_templates(self):
        return [
            {
                "label": self.env._("Import Template for Dealerships"),
                # without the key: a file of keys lies about
                "template": "/bpo_crm/static/xls/bpo_dealership.csv",
            }
        ]
