# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Make pipelines ready for the teams of stock CRM's own tests: run once all addons are loaded.

The fixture of those tests creates teams, then stages reserved for them, a won stage among them,
and no pipeline. Reserved stages join those that their teams have already; so here a BPO Manager's
work is done first: a pipeline with a Lost stage reserved for the teams. It changes no rule.
"""

from odoo.addons.bpo_crm.models.lead.crm_team import CrmTeam

get_own_pipeline = CrmTeam._get_own_pipeline


def make_own_pipeline(self):
    """Return the pipeline of the teams, made beforehand where there is none."""
    pipeline = get_own_pipeline(self)
    if pipeline or not self:
        return pipeline
    pipelines = self.env["bpo.pipeline"].with_context(bpo_crm_no_default_stages=True)
    # the suite wins leads that have no dealership
    pipeline = pipelines.create({"name": f"Reserved for {self.ids}", "push_orders": False})
    self.env["crm.stage"].create(
        {
            "name": "Lost",
            "pipeline_id": pipeline.id,
            "team_ids": self.ids,
            "sequence": 1000,
            "is_lost": True,
            "fold": True,
        }
    )
    return pipeline


CrmTeam._get_own_pipeline = make_own_pipeline
