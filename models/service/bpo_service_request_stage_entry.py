# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from typing import NamedTuple

from odoo import models

from ..report.bpo_stage_entry import Move


class Place(NamedTuple):
    """Where a request is: a stage that services share is another place in each."""

    service: models.BaseModel
    stage: models.BaseModel


class BpoServiceRequest(models.Model):
    """Writing down which stages a request enters and leaves."""

    _inherit = "bpo.service.request"

    def _get_places(self):
        """Return ``{request: Place}``: where these requests are."""
        return {request: Place(request.service_id, request.stage_id) for request in self}

    def _enter_first_stages(self):
        """Write down where new requests begin."""
        nowhere = Place(self.env["bpo.service"], self.env["crm.stage"])
        self._enter_stages(dict.fromkeys(self, nowhere))

    def _enter_stages(self, places):
        """Write down the moves of these requests, for the reports.

        :param dict places: ``{request: Place}``, where each request was before
        """
        requests = self.sudo().filtered(
            lambda request: Place(request.service_id, request.stage_id) != places[request]
        )
        if not requests:
            return
        sequences = {
            service: {line.stage_id: n for n, line in enumerate(service._get_sorted_lines())}
            for service in requests.service_id
        }
        self.env["bpo.stage.entry"]._enter_requests(
            [request._prepare_entry(places[request], sequences) for request in requests]
        )

    def _prepare_entry(self, place, sequences):
        """Return the move of this request as it is written down.

        :param Place place: where it was before
        :param dict sequences: ``{service: {stage: its place in the order}}``
        """
        return Move(
            record=self.id,
            workflow=self.service_id.id,
            company=self.company_id.id,
            stage=self.stage_id.id,
            from_stage=place.stage.id,
            closed_status=None,
            outcome=self._get_entry_outcome(place, sequences),
        )

    def _get_entry_outcome(self, place, sequences):
        """Return how this request left the stage it was in, nothing if there is none."""
        if not place.stage:
            return None
        if place.service != self.service_id:
            return "elsewhere"
        sequence = sequences[self.service_id]
        # a stage that was taken out of the service has no place in its order any more
        is_further = sequence.get(self.stage_id, 0) >= sequence.get(place.stage, 0)
        return "forward" if is_further else "back"
