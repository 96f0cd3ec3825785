# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The dialog that asks for what a stage needs, by mouse, finger and keyboard in a real browser."""

from unittest.mock import patch

from odoo import Command
from odoo.tests import HttpCase, common, new_test_user, tagged
from odoo.tools import mute_logger

from .test_lost_tours import BOARD, Hand, LostBrowserCase

CONTACT = ".modal [name=contact_name] input"
TAKEN_FOCUS = f"document.activeElement.matches({CONTACT!r})"
NO_DIALOG = "!document.querySelector('.modal')"


class RefusedTours:
    """Tours in which the server refuses moves: it warns of that in its log."""

    def start_tour(self, *args, **kwargs):
        with mute_logger("odoo.http"):
            return super().start_tour(*args, **kwargs)


class FillInBrowserCase(RefusedTours, LostBrowserCase):
    """A stage in the middle that asks for the contact and for some revenue."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stage_sold = cls.pipeline.stage_ids.filtered("is_won")
        cls.stage_middle.write(
            {
                "entry_field_ids": [Command.link(cls._get_field("crm.lead", "contact_name").id)],
                "entry_domain": "[('expected_revenue', '>=', 100)]",
                "entry_message": "Agree on at least 100",
            }
        )

    @classmethod
    def _get_field(cls, model, name):
        return cls.env["ir.model.fields"]._get(model, name)

    def _work(self, work, url=BOARD, ready=None):
        """Let ``work(hand)`` act in the browser of the agent."""

        def act(browser, *_args, **_kwargs):
            work(Hand(browser))

        with (
            patch.object(common.ChromeBrowser, "_wait_code_ok", act),
            mute_logger("odoo.http"),  # refusals
        ):
            self.browser_js(
                url,
                code="",
                ready=ready or "document.querySelectorAll('.o_kanban_record').length >= 4",
                login=self.agent.login,
            )
        self.env.invalidate_all()

    def _type(self, hand, text):
        hand.browser._websocket_request("Input.insertText", params={"text": text})

    def _fill_in(self, hand, contact, revenue):
        """Answer the dialog by keyboard alone."""
        hand.wait(TAKEN_FOCUS)
        self._type(hand, contact)
        hand.press("Tab", "Tab", 9)
        hand.wait("document.activeElement.matches('.modal [name=expected_revenue] input')")
        self._type(hand, revenue)
        hand.press("Enter", "Enter", 13, modifiers=2)  # with Ctrl
        hand.wait(NO_DIALOG)

    def _is_in(self, name, stage):
        return (
            "[...document.querySelectorAll('.o_kanban_group')].find((group) =>"
            f" group.textContent.includes('{stage}')).textContent.includes('{name}')"
        )

    def _assert_in_middle(self, lead):
        self.assertRecordValues(
            lead,
            [
                {
                    "stage_id": self.stage_middle.id,
                    "contact_name": "Carla",
                    "expected_revenue": 150,
                }
            ],
        )


@tagged("post_install", "-at_install")
class TestFillInByHand(FillInBrowserCase):
    """The path of an agent, dozens of times a day."""

    def _drop(self, hand, name, stage):
        hand.drag(hand.locate(".o_kanban_record", name), hand.locate(".o_kanban_group", stage))

    def test_drop(self):
        def work(hand):
            self._drop(hand, "Tour car 1", "Middle")
            self._fill_in(hand, "Carla", "150")
            hand.wait(self._is_in("Tour car 1", "Middle"))

        self._work(work)
        self._assert_in_middle(self.leads[0])

    def test_drop_cancelled(self):
        def work(hand):
            self._drop(hand, "Tour car 2", "Middle")
            hand.wait(TAKEN_FOCUS)
            self._type(hand, "Carla")
            hand.press("Escape", "Escape", 27)
            hand.wait(NO_DIALOG)
            hand.wait(self._is_in("Tour car 2", "Start"))

        before = self.leads[1].write_date
        self._work(work)
        self.assertEqual(self.leads[1].stage_id, self.stage_start)
        self.assertFalse(self.leads[1].contact_name)
        self.assertEqual(self.leads[1].write_date, before)

    def test_keyboard_only(self):
        """Alt+X moves to the next stage; what was edited in the form is written with it."""

        def work(hand):
            hand.evaluate("document.querySelector('.o_form_view [name=name] textarea').focus()")
            hand.press("End", "End", 35)
            self._type(hand, ", used")
            # stock's shortcuts wait until nobody is typing
            hand.evaluate("document.activeElement.blur()")
            hand.press("x", "KeyX", 88, modifiers=1)  # with Alt
            self._fill_in(hand, "Carla", "150")
            hand.wait(
                "document.querySelector('.o_arrow_button_current').textContent.includes('Middle')"
            )

        self._work(
            work,
            url=f"{BOARD}/{self.leads[2].id}",
            ready="Boolean(document.querySelector('.o_form_view [name=name] textarea'))",
        )
        self._assert_in_middle(self.leads[2])
        self.assertEqual(self.leads[2].name, "Tour car 3, used")


@tagged("post_install", "-at_install")
class TestFillInTours(FillInBrowserCase):
    def test_batch(self):
        self.start_tour(BOARD, "bpo_crm_fill_in_batch", login=self.agent.login)
        self.assertEqual(self.leads[:3].stage_id, self.stage_middle)
        self.assertEqual(self.leads[:3].mapped("contact_name"), ["Carla", "Dora", "Carla"])
        self.assertEqual(self.leads[:3].mapped("expected_revenue"), [200, 200, 200])
        self.assertEqual(self.leads[3].stage_id, self.stage_start)

    def test_lost_with_a_condition(self):
        self.stage_gone.entry_field_ids = self._get_field("crm.lead", "contact_name")
        self.start_tour(BOARD, "bpo_crm_fill_in_lost", login=self.agent.login)
        self._assert_lost(self.leads[:2], self.price)
        self.assertEqual(self.leads[:2].mapped("contact_name"), ["Carla", "Dora"])
        self.assertEqual(self.leads[0].lost_note, "Bought a boat")

    def test_won_with_what_the_dealer_needs(self):
        self.pipeline.push_orders = True
        self.stage_sold.entry_field_ids = self._get_field("crm.lead", "tag_ids")
        self.env["crm.tag"].create({"name": "Trade-in of the tour"})
        self.env["product.product"].create(
            {"name": "Hatchback of the tour", "default_code": "TOUR-1", "list_price": 20000.0}
        )
        self.env["bpo.dealership"].create(
            {
                "name": "Dealer of the tour",
                "code": "TOUR",
                "odoo_url": "https://tour.example.com",
                "odoo_db": "tour",
                "odoo_login": "tour",
                "odoo_api_key": "not-a-real-key",
                "currency_id": self.env.company.currency_id.id,
            }
        )
        self.start_tour(BOARD, "bpo_crm_fill_in_won", login=self.agent.login)
        lead = self.leads[0]
        self.assertEqual(lead.won_status, "won")
        self.assertEqual(lead.dealership_id.name, "Dealer of the tour")
        self.assertEqual(lead.line_ids.mapped("price_unit"), [20000.0])
        self.assertEqual(lead.tag_ids.mapped("name"), ["Trade-in of the tour"])
        self.assertEqual(lead.dealer_order_state, "pending")


@tagged("post_install", "-at_install")
class TestFillInOnPhone(FillInBrowserCase):
    browser_size = "375x667"
    touch_enabled = True

    def test_phone(self):
        self.start_tour(
            f"{BOARD}/{self.leads[0].id}", "bpo_crm_fill_in_phone", login=self.agent.login
        )
        self._assert_in_middle(self.leads[0])


@tagged("post_install", "-at_install")
class TestFillInByFinger(FillInBrowserCase):
    """A phone held across, or a tablet: cards are dragged there after a long press.

    On a phone held upright a column takes the whole screen, and stock lets no card be dragged.
    """

    browser_size = "844x390"
    touch_enabled = True

    def _drop(self, hand, name, stage):
        hand.drag_by_touch(
            hand.locate(".o_kanban_record", name), hand.locate(".o_kanban_group", stage)
        )
        hand.wait("document.querySelector('.modal .o_bpo_fill_in')")

    def test_drop(self):
        def work(hand):
            self._drop(hand, "Tour car 4", "Middle")
            hand.tap(".modal footer button", "Discard")
            hand.wait(NO_DIALOG)
            hand.wait(self._is_in("Tour car 4", "Start"))
            self._drop(hand, "Tour car 4", "Middle")
            hand.tap(CONTACT)
            hand.wait(TAKEN_FOCUS)
            self._type(hand, "Carla")
            hand.tap(".modal [name=expected_revenue] input")
            hand.wait("document.activeElement.matches('.modal [name=expected_revenue] input')")
            self._type(hand, "150")
            hand.tap(".modal .o_bpo_fill_in_and_move")
            hand.wait(NO_DIALOG)
            hand.wait(self._is_in("Tour car 4", "Middle"))

        self._work(work)
        self._assert_in_middle(self.leads[3])


@tagged("post_install", "-at_install")
class TestFillInService(RefusedTours, HttpCase):
    def test_request(self):
        agent = new_test_user(self.env, "fill_in_agent", "bpo_crm.group_agent")
        field = self.env["ir.model.fields"]._get("bpo.service.request", "deadline")
        stage_in, stage_ready = self.env["crm.stage"].create(
            [
                {"name": "Tour In", "stage_type": "service"},
                {
                    "name": "Tour Ready",
                    "stage_type": "service",
                    "entry_field_ids": [Command.link(field.id)],
                },
            ]
        )
        service = self.env["bpo.service"].create(
            {"name": "Tour Service", "stage_ids": [Command.set((stage_in + stage_ready).ids)]}
        )
        requests = self.env["bpo.service.request"].create(
            [
                {"name": f"Tour request {n}", "service_id": service.id, "user_id": agent.id}
                for n in (1, 2)
            ]
        )
        self.start_tour(
            f"/odoo/action-bpo_crm.bpo_service_action/{service.id}",
            "bpo_crm_fill_in_service",
            login=agent.login,
        )
        self.assertEqual(requests.stage_id, stage_ready)
        self.assertTrue(all(requests.mapped("deadline")))
