# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from lxml import etree

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, HttpCase, TransactionCase, new_test_user, tagged

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

    def test_the_first_dealership_is_a_new_form(self):
        self.assertEqual(self._get_steps()[2].get("view"), "form", "not an empty list")
        self._create_dealership()
        self.assertNotIn("view", self._get_steps()[2])

    def test_the_first_deal_is_for_the_dealership(self):
        self.assertNotIn("context", self._get_steps()[4])
        dealership = self._create_dealership()
        dealership.sudo().connection_state = "connected"
        self.assertEqual(self._get_steps()[4]["context"], {"default_dealership_id": dealership.id})
        dealership.copy({"code": "SOUTH"}).sudo().connection_state = "connected"
        self.assertNotIn("context", self._get_steps()[4], "which one is for people to say")

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
        with self.assertQueryCount(10):
            pipelines.get_first_steps()


@tagged("post_install", "-at_install")
class TestFirstDealership(FirstStepsCase):
    """What stood in the way of people who entered their first dealership."""

    def _enter(self, name, **values):
        form = Form(self.env["bpo.dealership"].with_user(self.manager))
        form.name = name
        for field, value in values.items():
            form[field] = value
        return form

    def test_a_code_is_proposed(self):
        form = self._enter("  Nórth Branch, Athens ")
        self.assertEqual(form.code, "NORTH")
        form.save()
        self.assertEqual(self._enter("North Quay").code, "NORTH-2", "codes are unique")
        self.assertEqual(self._enter("Αθήνα").code, "ΑΘΗΝΑ")
        self.assertFalse(self._enter("***").code)

    def test_a_code_is_left_alone(self):
        form = self._enter("Harbour")
        form.code = "H-1"
        form.name = "North Branch"
        self.assertEqual(form.code, "H-1")
        dealership = form.save()
        with Form(dealership) as form:
            form.name = "South Branch"
        self.assertEqual(dealership.code, "H-1")

    def test_a_connection_is_tested_without_saving_first(self):
        arch = etree.fromstring(self.env["bpo.dealership"].get_view(view_type="form")["arch"])
        (button,) = arch.xpath("//button[@name='action_test_connection']")
        self.assertFalse(button.get("invisible"))

    def test_dealers_in_private_networks_are_a_setting(self):
        with self.assertRaisesRegex(ValidationError, "Settings → CRM → BPO CRM"):
            self._enter("Here", odoo_url="https://127.0.0.1").save()
        settings = self.env["res.config.settings"]
        self.assertFalse(Form(settings).bpo_crm_allow_private_addresses)
        settings.create({"bpo_crm_allow_private_addresses": True}).execute()
        self.assertTrue(Form(settings).bpo_crm_allow_private_addresses)
        self._enter("Here", odoo_url="https://127.0.0.1").save()
        settings.create({}).execute()
        self.assertTrue(Form(settings).bpo_crm_allow_private_addresses, "left as it was")
        settings.create({"bpo_crm_allow_private_addresses": False}).execute()
        with self.assertRaises(ValidationError):
            self._enter("There", odoo_url="https://127.0.0.1").save()

    def test_a_setting_says_what_holds(self):
        parameters = self.env["ir.config_parameter"]
        for value, allowed in (("False", False), ("nonsense", False), ("1", True)):
            parameters.set_param("bpo_crm.allow_private_addresses", value)
            form = Form(self.env["res.config.settings"])
            self.assertEqual(form.bpo_crm_allow_private_addresses, allowed, value)

    def test_administrators_alone_allow_private_networks(self):
        for user in (self.agent, self.supervisor, self.manager):
            settings = self.env["res.config.settings"].with_user(user)
            with self.assertRaises(AccessError):
                settings.create({"bpo_crm_allow_private_addresses": True})

    def test_plain_http_names_its_box(self):
        with self.assertRaisesRegex(ValidationError, "Allow Plain HTTP"):
            self._enter("Plain", odoo_url="http://dealer.example.com").save()

    def test_an_empty_board_of_my_own_says_so(self):
        for user in (self.agent, self.supervisor, self.manager):
            action = self.env["crm.team"].with_user(user).action_your_pipeline()
            self.assertIn("My Pipeline", action["help"])


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
