# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json

from odoo import Command
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger


@tagged("post_install", "-at_install")
class TestBoardTours(HttpCase):
    """The board and the Stages screen by mouse and keyboard, in a real browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager, cls.agent = (
            new_test_user(
                cls.env,
                login=f"tour_{role}",
                groups=f"base.group_partner_manager,bpo_crm.group_{role}",
                password=f"tour_{role}",
            )
            for role in ("manager", "agent")
        )
        # The first one, so that its group is the first of the Stages screen.
        cls.pipeline = cls.env["bpo.pipeline"].create(
            {
                "name": "Vehicles",
                "sequence": -1,
                "push_orders": False,
                "stage_ids": [
                    Command.create({"name": "Inbox", "color": 2}),
                    Command.create({"name": "Contacted"}),
                    Command.create({"name": "Offer"}),
                    Command.create({"name": "Sold", "is_won": True}),
                    Command.create({"name": "Gone", "is_lost": True, "fold": True}),
                ],
            }
        )
        cls.fleet = cls.env["bpo.pipeline"].create({"name": "Fleet", "push_orders": False})
        cls.env["crm.stage"].create({"name": "Received, tour", "stage_type": "service"})
        cls.leads = cls.env["crm.lead"].create(
            [
                {
                    "name": name,
                    "type": "opportunity",
                    "pipeline_id": cls.pipeline.id,
                    "user_id": cls.agent.id,
                }
                for name in ("First deal", "Second deal")
            ]
        )
        cls.stages = {stage.name: stage for stage in cls.pipeline.stage_ids}

    def _get_order(self):
        self.env.invalidate_all()
        return [
            (stage.name, stage.sequence)
            for stage in self.env["crm.stage"].search([("pipeline_id", "=", self.pipeline.id)])
        ]

    def test_manager_shapes_the_board(self):
        self.start_tour("/odoo/pipelines", "bpo_crm_board_manager", login="tour_manager")
        self.assertEqual(
            self._get_order(),
            [("Contacted", 10), ("Proposal", 30), ("Offer", 40), ("Sold", 60), ("Gone", 70)],
        )
        self.assertFalse(self.stages["Inbox"].active)
        proposal = self.pipeline.stage_ids.filtered(lambda stage: stage.name == "Proposal")
        self.assertEqual(self.leads.stage_id, proposal)
        deal = self.env["crm.lead"].search([("name", "=", "Made from the column")])
        self.assertEqual(deal.stage_id, self.stages["Contacted"])
        self.assertEqual(deal.pipeline_id, self.pipeline)

    def test_dragging(self):
        self.start_tour("/odoo/pipelines", "bpo_crm_board_drag", login="tour_manager")
        self.assertEqual(
            self._get_order(),
            [("Offer", 10), ("Inbox", 20), ("Contacted", 30), ("Sold", 40), ("Gone", 50)],
        )
        self.assertEqual(self.leads[0].stage_id, self.stages["Contacted"])

    def test_agent_sees_no_stage_action(self):
        self.start_tour("/odoo/pipelines", "bpo_crm_board_agent", login="tour_agent")

    def test_board_of_a_search_over_several_pipelines(self):
        self.env["crm.lead"].create(
            {
                "name": "Third deal",
                "type": "opportunity",
                "pipeline_id": self.fleet.id,
                "user_id": self.agent.id,
            }
        )
        self.start_tour(
            "/odoo/action-crm.crm_lead_opportunities", "bpo_crm_board_choice", login="tour_agent"
        )

    def test_deal_form(self):
        self.start_tour("/odoo/pipelines", "bpo_crm_deal_form", login="tour_manager")
        self.assertEqual(
            [name for name, _sequence in self._get_order()],
            ["Inbox", "Contacted", "Offer", "Test drive", "Sold", "Gone"],
        )
        self.assertEqual(self.leads[0].pipeline_id.name, "Fleet")
        self.assertEqual(self.leads[0].stage_id.name, "New")

    def test_stage_list(self):
        self.env["ir.config_parameter"].sudo().set_param(
            "bpo_crm.adoption_notes", json.dumps(["A stage was renamed."])
        )
        with mute_logger("odoo.http"):
            self.start_tour(
                "/odoo/action-crm.crm_stage_action", "bpo_crm_stage_list", login="tour_manager"
            )
        self.assertEqual(self.leads.stage_id, self.stages["Contacted"])
        stage = self.pipeline.stage_ids.filtered(lambda stage: stage.name == "Typed again")
        self.assertTrue(stage.fold)
        self.assertEqual(stage.sequence, 60)
        self.assertFalse(self.stages["Sold"].is_won)
