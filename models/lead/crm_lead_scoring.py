# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.tools import SQL


class CrmLead(models.Model):
    """Predictive scoring of leads that are lost by moving to a lost stage.

    Stock leaves a lost lead in the stage it was lost in, and counts a loss for that stage and
    all before it. The same is counted for a lead in a lost stage: by the stage it was lost
    *from*, not by the lost one, which is behind all others.
    """

    _inherit = "crm.lead"

    def _with_counted_losses(self):
        """Return these leads with the stages that their losses are counted for, before a move.

        So that the losses are taken back where they were counted, wherever the leads go now.
        """
        lost = self.filtered(lambda lead: lead.closed_status == "lost")
        reached = lost._get_stages_reached(lost.ids) if lost else {}
        return self.with_context(bpo_crm_stages_reached=reached) if reached else self

    def _pls_get_lead_pls_values(self, domain=None):
        """Count lost leads in the stage they were lost from.

        Without a domain it is not about counting: the probability of open leads is computed.
        """
        values = super()._pls_get_lead_pls_values(domain=domain)
        if not domain:
            return values
        left = self.env.context.get("bpo_crm_stages_reached") or {}
        reached = {**self._get_stages_reached(list(values)), **left}
        for lead_id, stage_id in reached.items():
            if lead_id not in values:
                continue
            values[lead_id]["values"] = [
                (field, stage_id if field == "stage_id" else value)
                for field, value in values[lead_id]["values"]
            ]
        self._leave_out_archived_stages(values)
        return values

    @api.model
    def _leave_out_archived_stages(self, values):
        """Count nothing for archived stages: stock knows the active ones only, and fails.

        Leads come into one for a moment, before that is refused.

        :param dict values: as of ``_pls_get_lead_pls_values``; it is changed
        """
        stages = self.env["crm.stage"].browse(
            {
                value
                for each in values.values()
                for field, value in each["values"]
                if field == "stage_id" and value
            }
        )
        archived = set(stages.filtered(lambda stage: not stage.active).ids)
        for each in values.values() if archived else ():
            each["values"] = [
                (field, value)
                for field, value in each["values"]
                if field != "stage_id" or value not in archived
            ]

    @api.model
    def _get_stages_reached(self, lead_ids):
        """Return ``{lead id: id of the open stage it was lost from}`` of those that are lost so.

        Where that one is gone, or was never there, it is the last open stage before it, or the
        first one of the pipeline: stock counts for active stages only.
        """
        self.env["crm.lead"].flush_model(["closed_status", "lost_from_stage_id", "pipeline_id"])
        self.env["crm.stage"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT lead.id, reached.id
                  FROM crm_lead lead
             LEFT JOIN crm_stage origin ON origin.id = lead.lost_from_stage_id
          JOIN LATERAL (
                    SELECT stage.id
                      FROM crm_stage stage
                     WHERE stage.pipeline_id = lead.pipeline_id
                       AND stage.active
                       AND stage.is_won IS NOT TRUE
                       AND stage.is_lost IS NOT TRUE
                  ORDER BY COALESCE(stage.id = origin.id, FALSE) DESC,
                           COALESCE(stage.sequence <= origin.sequence, FALSE) DESC,
                           CASE WHEN stage.sequence <= origin.sequence
                                THEN -stage.sequence ELSE stage.sequence END,
                           stage.id
                     LIMIT 1) reached ON TRUE
                 WHERE lead.closed_status = 'lost' AND lead.id = ANY(%s)
                """,
                lead_ids,
            )
        )
        return dict(rows)
