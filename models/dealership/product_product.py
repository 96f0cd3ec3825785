# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.exceptions import UserError


class ProductProduct(models.Model):
    _inherit = "product.product"

    @api.ondelete(at_uninstall=False)
    def _unlink_except_on_leads(self):
        """Say in words what needs these products, before the database refuses."""
        groups = (
            self.env["bpo.lead.line"]
            .sudo()
            ._read_group([("product_id", "in", self.ids)], ["product_id"])
        )
        if groups:
            raise UserError(
                self.env._(
                    "These products are units of leads and cannot be deleted: %(products)s. "
                    "Archive them instead.",
                    products=", ".join(product.display_name for (product,) in groups),
                )
            )
