# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models


class CrmLead(models.Model):
    """The service requests that belong to a deal."""

    _inherit = "crm.lead"

    service_request_ids = fields.One2many(
        "bpo.service.request", "lead_id", groups="bpo_crm.group_agent"
    )
    service_request_count = fields.Integer(
        "Service Requests",
        compute="_compute_service_request_count",
        groups="bpo_crm.group_agent",
    )

    @api.depends("service_request_ids")
    @api.depends_context("uid", "allowed_company_ids")
    def _compute_service_request_count(self):
        counts = self.env["bpo.service.request"]._count_by("lead_id", [("lead_id", "in", self.ids)])
        for lead in self:
            lead.service_request_count = counts.get(lead._origin, 0)

    def action_view_service_requests(self):
        """Open the requests of this deal; new ones are for its customer."""
        self.ensure_one()
        return self.env["bpo.service.request"]._get_related_action(
            [("lead_id", "=", self.id)],
            {
                "default_lead_id": self.id,
                "default_partner_id": self.partner_id.id,
                "default_company_id": self.company_id.id,
            },
        )

    def _merge_dependences_requests(self, opportunities):
        """Take over the service requests of the merged leads, hidden ones included."""
        self.env["bpo.service.request"].sudo().with_context(active_test=False).search(
            [("lead_id", "in", opportunities.ids)]
        ).write({"lead_id": self.id})
