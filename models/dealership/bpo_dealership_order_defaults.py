# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models

from ..constants import MANAGER


class BpoDealership(models.Model):
    """What goes with each order of a dealership, whatever was sold."""

    _inherit = "bpo.dealership"

    order_default_ids = fields.One2many(
        "bpo.dealership.order.default",
        "dealership_id",
        string="Order Defaults",
        copy=True,
        groups=MANAGER,
    )

    @api.private
    def _get_order_defaults(self):
        """Return ``{column: value}`` of what goes with each order, for ``dealer_api``."""
        self.ensure_one()
        return self.sudo().order_default_ids._get_values()

    @api.private
    def _on_order_defaults_changed(self):
        """Send the orders again that failed because of a default: it may be mended now."""
        self.env["bpo.dealer.order"].sudo()._retry_for_defaults(self)

    @api.private
    def _store_check_report(self, report):
        """Try failed orders again, too, where their order defaults are known there by now."""
        res = super()._store_check_report(report)
        lines = [line for line in report.lines if line.step in ("defaults", "trial")]
        if self._get_order_defaults() and all(line.ok for line in lines):
            self._on_order_defaults_changed()
        return res
