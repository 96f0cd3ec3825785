# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models

from ..models.bpo_dealer_order import get_total


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

    def _prepare_render_values(self, lead):
        """Return what the template shows; the payload is the one that would be sent."""
        order_model = self.env["bpo.dealer.order"]
        order = lead.sudo().dealer_order_id
        payload = order_model._prepare_payloads(lead)[lead]
        return {
            "dealership": lead.sudo().dealership_id,
            "payload": payload,
            "total": get_total(payload),
            "currency": lead.company_currency,
            "missing": lead._get_dealer_problems()[lead],
            "order": order if order.state == "sent" else None,
        }
