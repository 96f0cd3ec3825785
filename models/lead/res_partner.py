# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models


class ResPartner(models.Model):
    """A client, with the service requests made in their name."""

    _inherit = "res.partner"

    service_request_count = fields.Integer(
        "Service Requests",
        compute="_compute_service_request_count",
        groups="bpo_crm.group_agent",
    )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_service_request_count(self):
        """Count the requests of a client and of their contacts."""
        counts = self.env["bpo.service.request"]._count_by(
            "partner_id", [("partner_id", "child_of", self.ids)]
        )
        self.service_request_count = 0
        for partner, count in counts.items():
            parent = partner
            while parent:
                if parent in self:
                    parent.service_request_count += count
                parent = parent.sudo().parent_id

    def action_view_service_requests(self):
        """Open the requests of this client and of their contacts."""
        self.ensure_one()
        self.check_access("read")
        return self.env["bpo.service.request"]._get_related_action(
            [("partner_id", "child_of", self.id)], {"default_partner_id": self.id}
        )
