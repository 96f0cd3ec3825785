# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from markupsafe import Markup

from odoo import api, models
from odoo.fields import Domain
from odoo.tools.safe_eval import safe_eval


class CrmTeam(models.Model):
    """Stock's ways to a board of deals open it on one pipeline.

    A team that stages are reserved for works in their pipeline. Where leads are assigned,
    those in a lost stage are left out; stock needs no rule for them, its lost leads are archived.
    """

    _inherit = "crm.team"

    @api.model
    def action_your_pipeline(self):
        """Open *My Pipeline* as the board of the user's pipeline."""
        action = super().action_your_pipeline()
        pipeline = self.env.user.sale_team_id._get_pipeline()
        if not pipeline:
            return action
        domain = Domain(safe_eval(action["domain"] or "[]", {"uid": self.env.uid}))
        return {
            **action,
            "display_name": pipeline.display_name,
            "help": self._get_own_board_help(),
            "domain": list(domain & Domain("pipeline_id", "=", pipeline.id)),
            "context": {**action["context"], **pipeline._get_board_context()},
        }

    @api.model
    def _get_own_board_help(self):
        """Return what an empty board says that shows the user's own deals at first."""
        return Markup("<p class='o_view_nocontent_smiling_face'>%s</p><p>%s</p>") % (
            self.env._("Create a deal"),
            self.env._("Your own deals are shown here: take My Pipeline away to see the others."),
        )

    @api.model
    def _action_update_to_pipeline(self, action):
        """Have nobody join a team to see deals: boards are of pipelines."""
        empty_board = action.get("help")
        return {**super()._action_update_to_pipeline(action), "help": empty_board}

    def action_open_leads(self):
        """Open a team's deals in its pipeline first: filters that people can take away."""
        action = super().action_open_leads()
        pipeline = self[:1]._get_pipeline()
        if not pipeline:
            return action
        context = safe_eval(
            action["context"] or "{}", {"active_id": self[:1].id, "uid": self.env.uid}
        )
        context.update(self.env["crm.lead"]._get_current_context())
        # Text, like stock's: the callers evaluate it.
        action["context"] = str({**context, "search_default_pipeline_id": pipeline.id})
        return action

    def _get_pipeline(self):
        """Return the pipeline reserved for this team, else the default one."""
        pipelines = self.env["bpo.pipeline"]
        return pipelines._get_for_team(self) or pipelines._get_default(self.env.company)

    def _get_own_pipeline(self):
        """Return the one active pipeline in which each of these teams has reserved stages, if any.

        Unlike :meth:`_get_pipeline`, this is none where there are several.
        """
        stages = self.env["crm.stage"].with_context(active_test=False)
        by_pipeline = stages.search(
            [("team_ids", "in", self.ids), ("pipeline_id.active", "=", True)]
        ).grouped("pipeline_id")
        common = [
            pipeline for pipeline, reserved in by_pipeline.items() if self <= reserved.team_ids
        ]
        return common[0] if len(common) == 1 else self.env["bpo.pipeline"]

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
