# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models


class BpoPipeline(models.Model):
    """How many deals of a pipeline have an order that their dealership did not take."""

    _inherit = "bpo.pipeline"

    failed_order_count = fields.Integer("Failed Orders", compute="_compute_failed_order_count")

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_failed_order_count(self):
        """Count the deals that the user may see."""
        groups = self.env["crm.lead"]._read_group(
            [("pipeline_id", "in", self.ids), ("dealer_order_state", "=", "failed")],
            ["pipeline_id"],
            ["__count"],
        )
        counts = dict(groups)
        for pipeline in self:
            pipeline.failed_order_count = counts.get(pipeline._origin, 0)

    def action_open_failed_orders(self):
        """Open the deals of this pipeline whose order failed."""
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm.crm_lead_opportunities")
        return {
            **action,
            "view_mode": "list,kanban,form",
            "views": [(False, "list"), (False, "kanban"), (False, "form")],
            "domain": [("pipeline_id", "=", self.id), ("dealer_order_state", "=", "failed")],
            "context": {},
        }
