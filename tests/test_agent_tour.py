# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import Command
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from .common import BpoCrmCommon


@tagged("post_install", "-at_install")
class TestAgentTour(HttpCase):
    """The tour for agents leads where it says, in a real browser."""

    def test_from_the_board_to_the_order(self):
        agent = new_test_user(
            self.env,
            login="tour_agent",
            groups="base.group_partner_manager,bpo_crm.group_agent",
            password="tour_agent",
        )
        pipeline = self.env["bpo.pipeline"].create(
            {
                "name": "Vehicles",
                "sequence": -1,
                "stage_ids": [
                    Command.create({"name": "Inbox"}),
                    Command.create({"name": "Offer"}),
                    Command.create({"name": "Sold", "is_won": True}),
                    Command.create({"name": "Gone", "is_lost": True}),
                ],
            }
        )
        # by SQL, as orders of a demo that wait stand against it
        self.env.cr.execute("UPDATE bpo_dealership SET active = FALSE")
        self.env.invalidate_all()
        dealership = self.env["bpo.dealership"].create(
            BpoCrmCommon._prepare_dealership.__func__(self)
        )
        self.env["product.product"].create(
            {"name": "Hatchback of the tour", "default_code": "T-1", "list_price": 20000}
        )
        # the win that is refused, for the dialog that asks for what is missing
        with mute_logger("odoo.http"):
            self.start_tour("/odoo", "bpo_crm_agent", login="tour_agent")
        lead = self.env["crm.lead"].search([("user_id", "=", agent.id)])
        self.assertEqual(lead.pipeline_id, pipeline)
        self.assertEqual(lead.dealership_id, dealership)
        self.assertEqual(lead.won_status, "won")
        self.assertEqual(lead.dealer_order_id.state, "pending")

    def test_it_runs_for_nobody_by_itself(self):
        tour = self.env.ref("bpo_crm.tour_agent")
        stocks = self.env["web_tour.tour"].search([("id", "!=", tour.id)])
        administrator = self.env.ref("base.user_admin")
        administrator.tour_enabled = True
        stocks.user_consumed_ids = [Command.link(administrator.id)]
        tours = self.env["web_tour.tour"].with_user(administrator)
        self.assertFalse(tours.get_current_tour())
        agent = new_test_user(self.env, login="tour_new", groups="bpo_crm.group_agent")
        self.assertFalse(tours.with_user(agent).get_current_tour())
        self.assertEqual(tours.with_user(agent).get_tour_json_by_name(tour.name)["name"], tour.name)
