# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models


class ProductTemplate(models.Model):
    _inherit = "product.template"

    @api.ondelete(at_uninstall=False)
    def _unlink_except_on_leads(self):
        """Guard the variants too, which the database deletes along."""
        self.with_context(active_test=False).product_variant_ids._unlink_except_on_leads()
