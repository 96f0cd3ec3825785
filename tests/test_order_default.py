# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from unittest.mock import patch

from psycopg2.errors import UniqueViolation

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from odoo.addons.bpo_crm.dealer_api import CheckLine, ConnectionReport, Order, OrderResult
from odoo.addons.bpo_crm.models.connection import bpo_dealer_connection_check as check

from .dealer_common import DealerOrderCommon, FakeDealer


class RememberingDealer(FakeDealer):
    """Keeps what it was given."""

    def __init__(self):
        super().__init__()
        # {reference: [Order]}
        self.given = {}

    def push_orders(self, session, orders):
        for order in orders:
            self.given.setdefault(order.reference, []).append(order)
        return super().push_orders(session, orders)


class OrderDefaultCommon(DealerOrderCommon):
    dealer_class = RememberingDealer

    def _set_defaults(self, dealership=None, **values):
        """Give a dealership these order defaults, as a manager."""
        dealership = (dealership or self.dealership).with_user(self.manager)
        dealership.order_default_ids = [
            Command.clear(),
            *(Command.create({"name": name, "value": value}) for name, value in values.items()),
        ]
        return dealership.order_default_ids

    def _given(self, order):
        """Return the latest content that the dealer was given of an order."""
        return self.dealer.given[order.reference][-1]


@tagged("post_install", "-at_install")
class TestOrderDefault(OrderDefaultCommon):
    """What may be an order default, and what of it is sent."""

    def test_values(self):
        self._set_defaults(
            user_id=False, team_id=" Call centre ", x_a="False", x_b="0", x_c="false"
        )
        self.assertEqual(
            self.dealership._get_order_defaults(),
            {"user_id": "", "team_id": "Call centre", "x_a": "", "x_b": "0", "x_c": ""},
        )

    def test_technical_names_only(self):
        for name in ("Sales Team", "team_id/name", "team-id", "/id", "a.b", "order_line/name"):
            with self.subTest(name=name), self.assertRaisesRegex(ValidationError, "technical"):
                self._set_defaults(**{name: "x"})
        self._set_defaults(**{"team_id/id": "sales_team.team_1"})

    def test_what_an_order_fills_in_itself(self):
        names = ("id", "partner_id", "partner_id/id", "order_line", "client_order_ref", "origin")
        for name in (*names, "name", "state", "currency_id", "company_id", "pricelist_id"):
            with self.subTest(name=name), self.assertRaisesRegex(ValidationError, "fills"):
                self._set_defaults(**{name: "1"})

    def test_one_for_each_field(self):
        self._set_defaults(team_id="A")
        other = self.dealership.copy()
        # those of a copy are its own
        self.assertEqual(other._get_order_defaults(), {"team_id": "A"})
        self._set_defaults(other, team_id="B")
        for name in ("team_id", " team_id", "team_id/id"):
            with (
                self.subTest(name=name),
                mute_logger("odoo.sql_db"),
                self.assertRaises(UniqueViolation),
                self.cr.savepoint(),
            ):
                self.env["bpo.dealership.order.default"].create(
                    {"dealership_id": self.dealership.id, "name": name}
                )

    def test_the_form(self):
        with Form(self.dealership.with_user(self.manager)) as form:
            with form.order_default_ids.new() as line:
                line.name = "user_id"
            with form.order_default_ids.new() as line:
                line.name = "team_id"
                line.value = "Call centre"
        self.assertEqual(
            self.dealership._get_order_defaults(), {"user_id": "", "team_id": "Call centre"}
        )

    def test_managers_alone(self):
        self._set_defaults(team_id="A")
        for user in (self.agent, self.supervisor, self.sales_admin):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                self.env["bpo.dealership.order.default"].with_user(user).search([])
        fields = self.env["bpo.dealership"].with_user(self.supervisor).fields_get()
        self.assertNotIn("order_default_ids", fields)

    def test_of_own_companies(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        elsewhere = self.dealership.copy({"company_id": company.id})
        elsewhere.order_default_ids = [Command.create({"name": "note"})]
        defaults = self.env["bpo.dealership.order.default"].with_user(self.manager)
        self.assertFalse(defaults.search([("dealership_id", "=", elsewhere.id)]))

    # ------------------------------------------------------------
    # What is sent
    # ------------------------------------------------------------

    def test_they_go_with_each_order(self):
        self._set_defaults(user_id="", team_id="Call centre")
        orders = self._win(self._create_leads(2))
        self._push()
        for order in orders:
            self.assertEqual(order.state, "sent", order.error)
            defaults = {"user_id": "", "team_id": "Call centre"}
            self.assertEqual(self._given(order).defaults, defaults)
            self.assertEqual(Order.from_payload(order.payload).defaults, defaults)

    def test_without_any_the_snapshot_is_left_alone(self):
        order = self._win(self._create_leads())
        with patch.object(type(order), "_fill_in", wraps=order._fill_in) as filled:
            self._push()
        self.assertEqual(order.state, "sent")
        self.assertEqual(filled.call_count, 2)
        self.assertEqual(order.payload["defaults"], {})

    def test_waiting_orders_take_a_mended_one(self):
        """Not those of the moment of winning: they are how the dealership files its orders."""
        self._set_defaults(team_id="Wrong")
        order = self._win(self._create_leads())
        self._set_defaults(team_id="Right")
        self._push()
        self.assertEqual(self._given(order).defaults, {"team_id": "Right"})

    def test_an_order_that_may_be_there_keeps_what_was_sent(self):
        self._set_defaults(team_id="Wrong")
        order = self._win(self._create_leads())
        order._take_order_defaults()
        order.possibly_sent = True
        self._set_defaults(team_id="Right")
        self._push()
        self.assertEqual(self._given(order).defaults, {"team_id": "Wrong"})

    def test_a_snapshot_of_the_first_release_takes_them(self):
        order = self._win(self._create_leads())
        content = Order.from_payload(order.payload)
        line = content.lines[0]
        order.payload = {
            "external_id": content.external_id,
            "reference": content.reference,
            "origin": "x",
            "currency": content.currency,
            "customer": {
                "external_id": content.customer.external_id,
                "name": "Jo Customer",
                "email": "jo.customer@example.com",
            },
            "lines": [
                {"default_code": line.product_code, "name": "n", "quantity": 1, "price_unit": 5.0}
            ],
        }
        self._set_defaults(team_id="Call centre")
        self._push()
        given = self._given(order)
        self.assertEqual((given.defaults, given.total), ({"team_id": "Call centre"}, 5.0))
        self.assertEqual(given.customer.values["name"], "Jo Customer")

    def test_what_cannot_be_read_is_left_alone(self):
        order = self._win(self._create_leads())
        order.payload = {**order.payload, "schema": 99}
        self._set_defaults(team_id="Call centre")
        self._push()
        self.assertEqual(order.payload["schema"], 99)

    # ------------------------------------------------------------
    # Refused, and healed
    # ------------------------------------------------------------

    def _fail(self, code="default_unknown", **values):
        order = self._win(self._create_leads())
        details = {"field": "team_id", "value": "Wrong", **values}
        self.dealer.answers[order.reference] = OrderResult("failed", code, details)
        self._push()
        self.assertEqual((order.state, order.error_code), ("failed", code))
        return order

    def test_the_default_is_named(self):
        self._set_defaults(team_id="Wrong")
        order = self._fail()
        for word in ("team_id", "Wrong", "Order Defaults"):
            self.assertIn(word, order.error)
        [problem] = self.env["bpo.dealer.problem"].search([("error_code", "=", "default_unknown")])
        self.assertIn("Wrong", problem.problem)
        # it heals by itself once the dealer knows the name
        self.assertTrue(order.next_attempt)

    def test_a_mended_default_sends_what_failed_because_of_it(self):
        default = self._set_defaults(team_id="Wrong")
        orders = self._fail() | self._fail("default_refused", message="No")
        other = self._win(self._create_leads())
        self.dealer.answers[other.reference] = OrderResult(
            "failed", "order_refused", {"message": "No"}
        )
        self._push()
        self.dealer.answers.clear()
        default.sequence = 5
        self.assertEqual(set(orders.mapped("state")), {"failed"})
        default.value = "Right"
        self._push()
        self.assertEqual(set(orders.mapped("state")), {"sent"})
        self.assertEqual(other.state, "failed")
        self.assertEqual(self._given(orders[0]).defaults, {"team_id": "Right"})
        self.assertFalse(orders.lead_id.activity_ids)

    def test_a_deleted_default_sends_what_failed_because_of_it(self):
        default = self._set_defaults(team_id="Wrong")
        order = self._fail()
        self.dealer.answers.clear()
        default.unlink()
        self._push()
        self.assertEqual((order.state, self._given(order).defaults), ("sent", {}))

    def test_what_may_be_there_is_asked_for_first(self):
        default = self._set_defaults(team_id="Wrong")
        order = self._fail()
        order.possibly_sent = True
        self.dealer.answers.clear()
        default.value = "Right"
        self._push()
        given = self._given(order)
        self.assertTrue(given.maybe_there)
        self.assertEqual(given.replacement.defaults, {"team_id": "Right"})
        self.assertEqual(order.state, "sent")

    def test_the_same_failure_is_told_once(self):
        default = self._set_defaults(team_id="Wrong")
        order = self._fail()
        notes = len(order.lead_id.message_ids)
        default.value = "Wrong again"
        self._push()
        self.assertEqual(order.state, "failed")
        self.assertEqual(len(order.lead_id.message_ids), notes)

    # ------------------------------------------------------------
    # Test connection
    # ------------------------------------------------------------

    def _check(self, *lines):
        """Test the connection, with these lines in the report; return what was asked for."""
        report = ConnectionReport(list(lines), server_version="19.0", uid=7)
        with patch.object(check, "check_connection", return_value=report) as checked:
            self.dealership.with_user(self.manager).action_test_connection()
        return checked.call_args.kwargs

    def test_they_are_checked(self):
        self._set_defaults(team_id="Wrong")
        details = {"field": "team_id", "value": "Wrong"}
        asked = self._check(
            CheckLine("login", "check_login_ok", True),
            CheckLine("defaults", "default_unknown", False, details),
            CheckLine("trial", "check_trial_ok", True),
        )
        self.assertEqual(asked["defaults"], {"team_id": "Wrong"})
        self.assertIn("Order defaults", self.dealership.check_report_html)
        self.assertIn("nothing called Wrong", self.dealership.check_report_html)
        self.assertEqual(self.dealership.connection_state, "failed")

    def test_once_they_are_known_there_what_failed_goes(self):
        self._set_defaults(team_id="New team")
        order = self._fail("default_refused", message="No")
        self.dealer.answers.clear()
        known = CheckLine("defaults", "check_defaults_ok", True, {"count": 1})
        details = {"field": "team_id", "value": "x", "message": "No"}
        self._check(known, CheckLine("trial", "default_refused", False, details))
        self.assertEqual(order.state, "failed")
        self._check(known, CheckLine("trial", "check_trial_ok", True))
        self._push()
        self.assertEqual(order.state, "sent")

    def test_a_wrong_one_keeps_no_dealership_paused(self):
        """Its orders fail one by one, each with the reason; those that wait would wait for ever."""
        self._set_defaults(team_id="Wrong")
        self.dealership.paused = True
        details = {"field": "team_id", "value": "Wrong"}
        self._check(CheckLine("defaults", "default_unknown", False, details))
        self.assertFalse(self.dealership.paused)


@tagged("post_install", "-at_install")
class TestDealerNotes(OrderDefaultCommon):
    """A lead's notes for the dealer: in the order, the preview, the e-mail."""

    def test_they_arrive_with_the_order(self):
        _lead, order = self._win_one(dealer_notes="  Call after six.\nNot <b>red</b>  ")
        self._push()
        self.assertEqual(self._given(order).notes, "Call after six.\nNot <b>red</b>")
        self.assertIn("Call after six", order.payload_html)
        self.assertIn("Not &lt;b&gt;red&lt;/b&gt;", order.payload_html)

    def test_internal_notes_stay_here(self):
        _lead, order = self._win_one(description="<p>Haggles</p>")
        self._push()
        self.assertEqual(self._given(order).notes, "")
        self.assertNotIn("Haggles", str(order.payload))

    def _preview(self, lead):
        preview = self.env["bpo.order.preview"].with_user(self.agent).create({"lead_id": lead.id})
        return str(preview.preview_html)

    def test_preview(self):
        self._set_defaults(user_id="", note="<i>Terms</i>")
        lead = self._create_leads(dealer_notes="Call after <b>six</b>")
        html = self._preview(lead)
        for words in (
            "Call after &lt;b&gt;six&lt;/b&gt;",
            "&lt;i&gt;Terms&lt;/i&gt;",
            "<code>user_id</code>",
        ):
            self.assertIn(words, html)

    def test_preview_without_any_says_nothing(self):
        html = self._preview(self._create_leads())
        for words in ("Notes for the dealer", "Order defaults"):
            self.assertNotIn(words, html)

    def test_won_again_with_other_notes(self):
        lead, order = self._win_one(dealer_notes="Blue")
        self._push()
        lead.with_user(self.manager).stage_id = self.stage_offer
        lead.dealer_notes = "Red"
        with self._assert_note(lead, "no second one is sent", "Blue", "Red", "by hand"):
            self._win(lead)
        self.assertEqual(order.state, "sent")

    def test_won_again_with_the_same_notes(self):
        lead, _order = self._win_one(dealer_notes="Blue")
        self._push()
        lead.with_user(self.manager).stage_id = self.stage_offer
        self._win(lead)
        self.assertNotIn("by hand", self._get_notes(lead)[0])

    def test_merged_leads_keep_them(self):
        head = self._create_leads(dealer_notes="First")
        others = self._create_leads(2, dealer_notes="Second") | self._create_leads()
        merged = (head | others)._merge_opportunity(max_length=0)
        notes = merged.dealer_notes.split("\n\n")
        self.assertEqual(sorted(notes), ["First", "Second"])

    def test_merged_leads_without_any_have_none(self):
        merged = self._create_leads(2)._merge_opportunity()
        self.assertFalse(merged.dealer_notes)

    def test_form_shows_them_for_a_dealership_only(self):
        lead = self._create_leads()
        view = "crm.crm_lead_view_form"
        with Form(lead.with_user(self.agent), view) as form:
            form.dealer_notes = "Call after six"
        self.assertEqual(lead.dealer_notes, "Call after six")
        alone = self._create_leads(dealership_id=False)
        form = Form(alone.with_user(self.agent), view)
        with self.assertRaisesRegex(AssertionError, "invisible"):
            form.dealer_notes = "x"
        with self.subTest("nothing is sent from this pipeline"):
            lead.pipeline_id.push_orders = False
            other = self._create_leads()
            with self.assertRaisesRegex(AssertionError, "invisible"):
                Form(other.with_user(self.agent), view).dealer_notes = "x"
        with self.subTest("those that are there stay in sight"):
            form = Form(lead.with_user(self.agent), view)
            form.dealer_notes = "Call before noon"

    # ------------------------------------------------------------
    # E-mail
    # ------------------------------------------------------------

    def _get_mail(self, **values):
        """Win a lead, push its order, and return the e-mail to the dealership's manager."""
        _lead, order = self._win_one(**values)
        before = self.env["mail.mail"].search([])
        self._push()
        self.assertEqual(order.state, "sent", order.error)
        mail = self.env["mail.mail"].search([]) - before
        self.assertEqual(mail.email_to, self.dealership.manager_email)
        return mail

    def test_mail_says_whom_to_call(self):
        self.agent.write({"name": 'Ann "A" <b>Ash</b>', "email": "ann@callcentre.example.com"})
        self.agent.partner_id.phone = "+32 2 555 01 01"
        mail = self._get_mail(dealer_notes="Call <i>after</i> six")
        body = str(mail.body_html)
        for words in (
            "&lt;b&gt;Ash&lt;/b&gt;",
            "+32 2 555 01 01",
            "tel:+3225550101",
            "ann@callcentre.example.com",
            "Call &lt;i&gt;after&lt;/i&gt; six",
        ):
            self.assertIn(words, body)
        self.assertIn("ann@callcentre.example.com", mail.reply_to)

    def test_mail_about_a_lead_of_nobody(self):
        self.env.company.partner_id.write({"phone": "+32 2 555 99 99", "email": "x@bpo.example"})
        mail = self._get_mail(user_id=False)
        self.assertIn("+32 2 555 99 99", str(mail.body_html))
        self.assertNotIn("ann@", mail.reply_to or "")

    def test_mail_without_notes_says_nothing_of_them(self):
        self.assertNotIn("Notes", str(self._get_mail().body_html))
