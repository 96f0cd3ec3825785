# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.fields import Domain
from odoo.tools.safe_eval import safe_eval


class CrmTeam(models.Model):
    """Stock's ways to a board of deals open it on one pipeline."""

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
            "domain": list(domain & Domain("pipeline_id", "=", pipeline.id)),
            "context": {**action["context"], **pipeline._get_board_context()},
        }

    def action_open_leads(self):
        """Open a team's deals in its pipeline first: a filter that people can take away."""
        action = super().action_open_leads()
        pipeline = self[:1]._get_pipeline()
        if not pipeline:
            return action
        context = safe_eval(
            action["context"] or "{}", {"active_id": self[:1].id, "uid": self.env.uid}
        )
        # Text, like stock's: the callers evaluate it.
        action["context"] = str({**context, "search_default_pipeline_id": pipeline.id})
        return action

    def _get_pipeline(self):
        """Return the pipeline reserved for this team, else the default one."""
        pipelines = self.env["bpo.pipeline"]
        return pipelines._get_for_team(self) or pipelines._get_default(self.env.company)
