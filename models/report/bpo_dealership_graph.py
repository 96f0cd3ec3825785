# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models
from odoo.fields import Domain

from .bpo_weekly_graph import WeeklySource


class BpoDealership(models.Model):
    """The small graph on a dealership's card: orders that arrived there per week."""

    _name = "bpo.dealership"
    _inherit = ["bpo.dealership", "bpo.weekly.graph"]

    def _get_weekly_source(self):
        return WeeklySource(
            model="bpo.dealer.order",
            owner="dealership_id",
            date="sent_date",
            measure="__count",
            domain=Domain("state", "=", "sent"),
            title=self.env._("Orders sent per week"),
        )
