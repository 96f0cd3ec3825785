# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import Command
from odoo.tests import HttpCase, new_test_user, tagged

from odoo.addons.bpo_crm.models.constants import UNDO_PARAMETER

from .common import BpoCrmCommon


@tagged("post_install", "-at_install")
class TestUndoTour(HttpCase):
    """Cards that are dropped by mistake, on Won and on Lost, and taken back, in a real browser."""

    def test_undo_on_the_board(self):
        # however slow the browser is
        self.env["ir.config_parameter"].set_param(UNDO_PARAMETER, "300")
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
                "push_orders": True,
                "stage_ids": [
                    Command.create({"name": "Inbox"}),
                    Command.create({"name": "Offer"}),
                    Command.create({"name": "Sold", "is_won": True}),
                    Command.create({"name": "Gone", "is_lost": True}),
                ],
            }
        )
        self.env["crm.lost.reason"].create({"name": "Too dear, tour", "sequence": -1})
        inbox, offer = pipeline.stage_ids[:2]
        dealership = self.env["bpo.dealership"].create(
            BpoCrmCommon._prepare_dealership.__func__(self)
        )
        product = self.env["product.product"].create({"name": "Hatchback", "default_code": "T-1"})
        won, lost = self.env["crm.lead"].create(
            [
                {
                    "name": name,
                    "type": "opportunity",
                    "pipeline_id": pipeline.id,
                    "stage_id": stage.id,
                    "user_id": agent.id,
                    "contact_name": "Jo Customer",
                    "email_from": "jo.customer@example.com",
                    "dealership_id": dealership.id,
                    "line_ids": [Command.create({"product_id": product.id})],
                }
                for name, stage in (("First deal", offer), ("Second deal", inbox))
            ]
        )
        self.start_tour("/odoo/pipelines", "bpo_crm_undo", login="tour_agent")
        self.env.invalidate_all()
        self.assertEqual((won | lost).mapped("won_status"), ["pending", "pending"])
        self.assertEqual(won.stage_id, offer)
        self.assertEqual(won.dealer_order_id.state, "cancelled")
        self.assertEqual(lost.stage_id, inbox)
        self.assertFalse(lost.lost_reason_id)
        for lead in (won, lost):
            [text] = [
                str(message.body)
                for message in lead.message_ids
                if "Taken back with Undo" in str(message.body)
            ]
            self.assertEqual("nothing was sent" in text, lead == won)
