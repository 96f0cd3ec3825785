# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models
from odoo.fields import Domain

from .bpo_weekly_graph import WeeklySource


class BpoPipeline(models.Model):
    """The small graph on a pipeline's card: deals won per week."""

    _name = "bpo.pipeline"
    _inherit = ["bpo.pipeline", "bpo.weekly.graph"]

    def _get_weekly_source(self):
        return WeeklySource(
            model="bpo.deal.report",
            owner="pipeline_id",
            date="entered_date",
            measure="won_deals:sum",
            # as won_deals counts them: won, and still so
            domain=Domain("closed_status", "=", "won") & Domain("left_date", "=", False),
            title=self.env._("Deals won per week"),
        )
