# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models


class BaseModuleUninstall(models.TransientModel):
    """Warn whoever is about to uninstall the addon while orders wait."""

    _inherit = "base.module.uninstall"

    bpo_crm_warning = fields.Text(compute="_compute_bpo_crm_warning")

    @api.depends("module_ids")
    def _compute_bpo_crm_warning(self):
        # the addon goes with whatever it depends on, too
        orders = self.env["bpo.dealer.order"].sudo()._get_unfinished()
        warning = orders._get_uninstall_warning() if orders else False
        for wizard in self:
            goes = "bpo_crm" in wizard._get_modules().mapped("name")
            wizard.bpo_crm_warning = goes and warning
