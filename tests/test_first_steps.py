# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import Command
from odoo.tests import HttpCase, TransactionCase, new_test_user, tagged

from .common import BpoCrmCommon


class FirstStepsCase(TransactionCase):
    """Nothing is done yet: what a demo brings is out of the way."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # by SQL, as orders that are on their way stand against it
        cls.env.flush_all()
        cls.env.cr.execute("UPDATE bpo_dealership SET active = FALSE")
        cls.env.cr.execute("DELETE FROM bpo_dealer_order")
        cls.env.cr.execute("UPDATE bpo_pipeline SET push_orders = FALSE")
        cls.env.invalidate_all()
        cls.agent, cls.supervisor, cls.manager = (
            new_test_user(
                cls.env,
                login=f"steps_{role}",
                groups=f"base.group_partner_manager,bpo_crm.group_{role}",
                password=f"steps_{role}",
            )
            for role in ("agent", "supervisor", "manager")
        )

    def _get_steps(self, user=None):
        self.env.flush_all()
        return self.env["bpo.pipeline"].with_user(user or self.manager).get_first_steps()

    def _get_done(self):
        return [step["name"] for step in self._get_steps() if step["done"]]

    def _create_dealership(self):
        return self.env["bpo.dealership"].create(BpoCrmCommon._prepare_dealership.__func__(self))

    def _create_order(self, dealership, state):
        lead = self.env["crm.lead"].create({"name": "A van", "dealership_id": dealership.id})
        return self.env["bpo.dealer.order"].create(
            {
                "lead_id": lead.id,
                "dealership_id": dealership.id,
                "state": state,
                "reference": "T-1",
                "external_id": "t-1",
            }
        )


@tagged("post_install", "-at_install")
class TestFirstSteps(FirstStepsCase):
    """Each step is ticked by what is there, and comes undone with it."""

    def test_order_of_steps(self):
        names = [step["name"] for step in self._get_steps()]
        self.assertEqual(names, ["pipeline", "stages", "dealership", "connection", "order"])
        self.assertFalse(self._get_done())

    def test_pipeline_and_stages(self):
        pipeline = self.env["bpo.pipeline"].create(
            {
                "name": "First",
                "stage_ids": [Command.create({"name": "Sold", "is_won": True})],
            }
        )
        pipeline.stage_ids.filtered("is_lost").active = False
        self.assertEqual(self._get_done(), ["pipeline"])
        self.env["crm.stage"].create(
            [
                {"name": "Talks", "pipeline_id": pipeline.id},
                {"name": "Not sold", "pipeline_id": pipeline.id, "is_lost": True},
            ]
        )
        self.assertEqual(self._get_done(), ["pipeline", "stages"])
        pipeline.push_orders = False
        self.assertFalse(self._get_done())
        pipeline.write({"push_orders": True, "active": False})
        self.assertFalse(self._get_done())

    def test_dealership_and_connection(self):
        first = self._create_dealership()
        second = first.copy({"code": "SOUTH"})
        self.assertEqual(self._get_done(), ["dealership"])
        step = self._get_steps()[3]
        self.assertEqual((step["view"], step["res_id"] in (first | second).ids), ("form", True))
        second.sudo().connection_state = "connected"
        self.assertEqual(self._get_done(), ["dealership", "connection"])
        self.assertNotIn("res_id", self._get_steps()[3])
        second.active = False
        self.assertEqual(self._get_done(), ["dealership"])

    def test_first_order(self):
        dealership = self._create_dealership()
        self.assertEqual(self._get_steps()[4]["action"], "bpo_crm.crm_lead_action_board")
        order = self._create_order(dealership, "failed")
        self.assertEqual(self._get_steps()[4]["action"], "bpo_crm.bpo_dealer_order_action")
        order.sudo().state = "sent"
        self.assertFalse(self._get_steps(), "a dealer has an order: nothing is left to do")

    def test_every_screen_exists(self):
        self._create_dealership()
        for step in self._get_steps():
            action = self.env.ref(step["action"])
            self.assertIn(step.get("view", "list"), action.view_mode.split(","))

    def test_for_managers_only(self):
        for user in (self.agent, self.supervisor):
            self.assertFalse(self._get_steps(user))
            pipelines = self.env["bpo.pipeline"].with_user(user)
            with self.assertQueryCount(0):
                pipelines.get_first_steps()

    def test_they_cost_little(self):
        self._create_dealership()
        self._get_steps()
        pipelines = self.env["bpo.pipeline"].with_user(self.manager)
        self.env.invalidate_all()
        with self.assertQueryCount(9):
            pipelines.get_first_steps()


@tagged("post_install", "-at_install")
class TestFirstStepsTour(FirstStepsCase, HttpCase):
    """The panel on the board, by mouse, in a real browser."""

    def test_a_manager_follows_the_steps(self):
        self.env["bpo.pipeline"].search([]).sequence = 10
        self.env["bpo.pipeline"].create({"name": "Vehicles", "sequence": -1, "push_orders": False})
        self._create_dealership()
        self.start_tour("/odoo/pipelines", "bpo_crm_first_steps", login="steps_manager")
        settings = self.manager.res_users_settings_id
        self.assertTrue(settings.bpo_crm_first_steps_closed)
        self.assertFalse(self.env.user.res_users_settings_id.bpo_crm_first_steps_closed)
