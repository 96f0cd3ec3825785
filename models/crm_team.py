# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models
from odoo.fields import Domain


class CrmTeam(models.Model):
    """Assignment of leads to teams and agents: leads in a lost stage are not work to be done.

    Stock needs no rule for them, since its lost leads are archived.
    """

    _inherit = "crm.team"

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
