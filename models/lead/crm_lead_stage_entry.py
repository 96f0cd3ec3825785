# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models

from ..report.bpo_stage_entry import Move


class CrmLead(models.Model):
    """Writing down which stages a deal enters and leaves."""

    _inherit = "crm.lead"

    def _follow_up_move(self, origins):
        """Write down the moves, for the reports; one that is taken back has never been."""
        res = super()._follow_up_move(origins)
        if self._is_being_undone():
            self.env["bpo.stage.entry"]._take_back_leads(self.ids)
            return res
        leads = self.sudo().filtered(lambda lead: lead._is_entering(origins[lead]))
        self.env["bpo.stage.entry"]._enter_leads(
            [lead._prepare_entry(origins[lead]) for lead in leads]
        )
        return res

    def _is_entering(self, origin):
        """Tell whether this lead is in another stage now, or is something else in the same one.

        The latter where a stage became a closing one: the deal was won, or lost, at that moment.
        A lead that is won once more, to be sent to its dealer at last, has not moved.
        """
        return (self.stage_id, self.closed_status) != (origin.stage, origin.status)

    def _prepare_entry(self, origin):
        """Return the move of this lead as it is written down.

        :param Origin origin: where it comes from
        """
        return Move(
            record=self.id,
            workflow=self.pipeline_id.id,
            company=self.company_id.id,
            stage=self.stage_id.id,
            from_stage=origin.stage.id,
            closed_status=self.closed_status,
            outcome=self._get_entry_outcome(origin),
        )

    def _get_entry_outcome(self, origin):
        """Return how this lead left the stage it comes from, nothing if there is none."""
        stage = origin.stage.sudo()
        if not stage:
            return None
        if self.closed_status:
            return self.closed_status
        if stage.pipeline_id != self.pipeline_id:
            return "elsewhere"
        if origin.status:
            return "reopened"
        is_further = (self.stage_id.sequence, self.stage_id.id) > (stage.sequence, stage.id)
        return "forward" if is_further else "back"
