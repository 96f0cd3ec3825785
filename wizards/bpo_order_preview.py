# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models

from ..models.dealer_texts import format_quantity


class BpoOrderPreview(models.TransientModel):
    """Shows exactly what the dealer would get for a lead, and what is missing."""

    _name = "bpo.order.preview"
    _description = "Preview of a Dealer Order"

    lead_id = fields.Many2one("crm.lead", required=True, readonly=True, ondelete="cascade")
    preview_html = fields.Html(compute="_compute_preview_html", sanitize=False)

    @api.depends("lead_id")
    @api.depends_context("lang")
    def _compute_preview_html(self):
        for preview in self:
            lead = preview.lead_id
            lead.check_access("read")
            preview.preview_html = self.env["ir.qweb"]._render(
                "bpo_crm.dealer_order_preview", preview._prepare_render_values(lead)
            )

    @api.model_create_multi
    def create(self, vals_list):
        """Refuse leads that are hidden from the user."""
        previews = super().create(vals_list)
        previews.lead_id.check_access("read")
        return previews

    def write(self, vals):
        res = super().write(vals)
        self.lead_id.check_access("read")
        return res

    def _prepare_render_values(self, lead):
        """Return what the template shows; the content is what would be sent."""
        order_model = self.env["bpo.dealer.order"]
        order = lead.sudo().dealer_order_id
        content = order_model._prepare_contents(lead)[lead]
        dealership = lead.sudo().dealership_id
        if dealership:
            content.defaults = dealership._get_order_defaults()
        return {
            "dealership": dealership,
            "content": content,
            "left_out": dealership._get_left_out_text(content),
            "currency": lead._get_order_currencies()[:1],
            "format_quantity": format_quantity,
            "shown_defaults": content.used_defaults,
            "missing": lead._get_dealer_problems()[lead],
            "pipeline": lead.sudo().pipeline_id,
            "order": order if order.state == "sent" else None,
        }
