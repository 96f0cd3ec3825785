# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.fields import Domain

from .bpo_service_request import CLOSED_STATUSES, STATUSES


class BpoServiceRequest(models.Model):
    """The board of requests: which stages and statuses are its columns."""

    _inherit = "bpo.service.request"

    @api.model
    def _read_group_stage_ids(self, stages, domain):
        """Show all stages of the service at hand as columns, in its order, also empty ones.

        Where several services are at hand, their stages follow the order of the Stages screen.
        """
        services = self._get_services_at_hand(domain)
        if len(services) == 1:
            stages = stages.with_context(bpo_crm_service_id=services.id)
        return stages.search(
            Domain("id", "in", stages.ids) | Domain("service_ids", "in", services.ids)
        )

    @api.model
    def _get_services_at_hand(self, domain):
        """Return the services that a search is about: those it names, else all on offer."""
        services = self.env["bpo.service"]
        if service_id := self.env.context.get("bpo_crm_service_id"):
            return services.browse(service_id)
        for condition in Domain(domain).optimize(self).iter_conditions():
            if condition.field_expr == "service_id" and condition.operator == "in":
                services |= services.browse(id_ for id_ in condition.value if id_)
        if service_id := not services and self.env.context.get("default_service_id"):
            return services.browse(service_id)
        return services or services.search([])

    @api.model
    def _read_group_status(self, statuses, domain):
        """Show the open statuses as columns, also empty ones; closed ones where there are any."""
        return [
            status
            for status, _label in STATUSES
            if status in statuses or status not in CLOSED_STATUSES
        ]
