# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models
from odoo.fields import Domain


class CrmTeam(models.Model):
    """A team whose stages are reserved for it has a pipeline of its own.

    Assignment of leads to teams and agents: leads in a lost stage are not work to be done. Stock
    needs no rule for them, since its lost leads are archived.
    """

    _inherit = "crm.team"

    def _get_own_pipeline(self):
        """Return the pipeline of the stages reserved for these teams; make one if there is none.

        A new one has a lost stage and nothing else: whoever builds a workflow as stock knows it
        creates stages to work in and to win in, but expects that leads can be lost.
        """
        stages = self.env["crm.stage"].with_context(active_test=False)
        reserved = stages.search(
            [("stage_type", "=", "deal"), ("team_ids", "in", self.ids)], limit=1
        )
        if reserved:
            return reserved.pipeline_id
        pipelines = self.env["bpo.pipeline"].with_context(active_test=False)
        name = free = ", ".join(self.mapped("name"))
        taken = {other.strip().lower() for other in pipelines.sudo().search([]).mapped("name")}
        number = 1
        while free.strip().lower() in taken:
            number += 1
            free = f"{name} ({number})"
        pipeline = pipelines.with_context(bpo_crm_no_default_stages=True).create({"name": free})
        stages.create(
            {
                **pipeline._prepare_default_stages()[-1],
                "pipeline_id": pipeline.id,
                "sequence": 1000,
                "team_ids": self.ids,
            }
        )
        return pipeline

    def _compute_lead_unassigned_count(self):
        counts = dict(
            self.env["crm.lead"]._read_group(
                [
                    ("team_id", "in", self.ids),
                    ("user_id", "=", False),
                    ("won_status", "!=", "lost"),
                ],
                ["team_id"],
                ["__count"],
            )
        )
        for team in self:
            team.lead_unassigned_count = counts.get(team, 0)

    def _allocate_leads(self, creation_delta_days=7):
        teams = self.with_context(bpo_crm_without_lost=True)
        return super(CrmTeam, teams)._allocate_leads(creation_delta_days=creation_delta_days)

    def _get_lead_to_assign_domain(self):
        return Domain(super()._get_lead_to_assign_domain()) & Domain("won_status", "!=", "lost")
