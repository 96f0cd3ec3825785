# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from typing import NamedTuple

from odoo import models

from .bpo_stage_entry import Move


class Origin(NamedTuple):
    """Where a request comes from in a move; all is empty for a new one."""

    service: models.BaseModel
    stage: models.BaseModel


class BpoServiceRequest(models.Model):
    """Writing down which stages a request enters and leaves."""

    _inherit = "bpo.service.request"

    def _get_origins(self):
        """Return ``{request: Origin}``: where these requests are before a move."""
        return {request: Origin(request.service_id, request.stage_id) for request in self}

    def _enter_as_new(self):
        """Follow up new requests by the stage they have."""
        nowhere = Origin(self.env["bpo.service"], self.env["crm.stage"])
        self._follow_up_move(dict.fromkeys(self, nowhere))

    def _follow_up_move(self, origins):
        """Do what follows from a move that was written, in the same transaction.

        This method serves as a hook, as its namesake of deals does.

        :param dict origins: ``{request: Origin}``, where each request comes from
        """
        requests = self.sudo().filtered(
            lambda request: Origin(request.service_id, request.stage_id) != origins[request]
        )
        if not requests:
            return
        services = requests.service_id.concat(*(each.service.sudo() for each in origins.values()))
        places = {
            service: {line.stage_id: n for n, line in enumerate(service._get_sorted_lines())}
            for service in services
        }
        self.env["bpo.stage.entry"]._enter_requests(
            [request._prepare_entry(origins[request], places) for request in requests]
        )

    def _prepare_entry(self, origin, places):
        """Return the move of this request as it is written down.

        :param Origin origin: where it comes from
        :param dict places: ``{service: {stage: place}}``
        """
        return Move(
            record=self.id,
            workflow=self.service_id.id,
            company=self.company_id.id,
            stage=self.stage_id.id,
            from_stage=origin.stage.id,
            closed_status=None,
            outcome=self._get_entry_outcome(origin, places),
        )

    def _get_entry_outcome(self, origin, places):
        """Return how this request left the stage it comes from, nothing if there is none."""
        if not origin.stage:
            return None
        if origin.service != self.service_id:
            return "elsewhere"
        places = places[self.service_id]
        # a stage that is taken out of the service has no place any more
        is_further = places.get(self.stage_id, 0) >= places.get(origin.stage, 0)
        return "forward" if is_further else "back"
