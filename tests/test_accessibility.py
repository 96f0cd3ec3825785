# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import os
from pathlib import Path

from odoo import Command
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from .common import BpoCrmCommon

# Where scripts/test has put axe-core.
AXE = "BPO_TEST_AXE"


@tagged("post_install", "-at_install")
class TestAccessibility(HttpCase):
    """axe-core finds nothing serious in our own screens, in a real browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = new_test_user(
            cls.env,
            login="tour_manager",
            groups="base.group_partner_manager,bpo_crm.group_manager",
            password="tour_manager",
        )
        # First steps are shown until a dealer has an order.
        cls.env.cr.execute("UPDATE bpo_dealer_order SET state = 'failed' WHERE state = 'sent'")
        cls.env.invalidate_all()
        pipeline = cls.env["bpo.pipeline"].create(
            {
                "name": "Vehicles",
                "sequence": -1,
                "stage_ids": [
                    Command.create({"name": "Inbox", "color": 2, "record_limit": 1}),
                    Command.create({"name": "Offer", "color": 4}),
                    Command.create({"name": "Sold", "is_won": True, "color": 10}),
                    Command.create({"name": "Gone", "is_lost": True, "color": 1}),
                ],
            }
        )
        cls.env["crm.lost.reason"].create({"name": "Too dear, tour", "sequence": -1})
        dealership = cls.env["bpo.dealership"].create(
            BpoCrmCommon._prepare_dealership.__func__(cls)
        )
        product = cls.env["product.product"].create({"name": "Hatchback", "default_code": "T-1"})
        lead = {
            "type": "opportunity",
            "pipeline_id": pipeline.id,
            "user_id": cls.manager.id,
            "dealership_id": dealership.id,
            "expected_revenue": 20000,
            "date_deadline": "2035-01-31",
        }
        ready = {
            "contact_name": "Jo Customer",
            "email_from": "jo.customer@example.com",
            "line_ids": [Command.create({"product_id": product.id, "price_unit": 20000})],
        }
        leads = cls.env["crm.lead"].create(
            [
                {**lead, "name": "Not ready"},
                {**lead, "name": "To lose"},
                *({**lead, **ready, "name": f"Won {number}"} for number in range(4)),
            ]
        )
        won = leads[2:]
        won.stage_id = pipeline.won_stage_id
        cls.env.flush_all()
        # each badge that a card can have; a sent one ends the first steps
        won[1].dealer_order_id.sudo().state = "failed"
        won[2].dealer_order_id.sudo().state = "cancelled"
        cls.env["crm.stage"].create(
            {"name": "Received, tour", "stage_type": "service", "icon": "fa-inbox", "color": 3}
        )

    def test_our_screens(self):
        path = os.environ.get(AXE)
        if not path:
            self.skipTest(f"axe-core is not here: scripts/test names it in {AXE}")
        self.env["ir.attachment"].create(
            {
                "name": "axe.min.js",
                "raw": Path(path).read_bytes(),
                "mimetype": "application/javascript",
                "url": "/bpo_crm/tests/axe.min.js",
                "public": True,
            }
        )
        # the win that is refused, for the dialog that asks for what is missing
        with mute_logger("odoo.http"):
            self.start_tour("/odoo/pipelines", "bpo_crm_accessibility", login="tour_manager")
