# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models
from odoo.fields import Domain

from .bpo_weekly_graph import WeeklySource


class BpoService(models.Model):
    """The small graph on a service's card: requests completed per week."""

    _name = "bpo.service"
    _inherit = ["bpo.service", "bpo.weekly.graph"]

    def _get_weekly_source(self):
        return WeeklySource(
            model="bpo.request.report",
            owner="service_id",
            date="date_closed",
            measure="completed:sum",
            # as completed counts them: once, where the request is now
            domain=Domain("status", "=", "completed") & Domain("left_date", "=", False),
            title=self.env._("Requests completed per week"),
        )
