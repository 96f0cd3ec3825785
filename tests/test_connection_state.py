# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import xmlrpc.client
from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from odoo.addons.bpo_crm.dealer_api import (
    MESSAGES,
    PAUSE_IF_STANDING,
    CheckLine,
    ConnectionReport,
    DealerAccessRefused,
    DealerUnreachable,
    OrderResult,
)
from odoo.addons.bpo_crm.models import constants
from odoo.addons.bpo_crm.models.connection import bpo_dealer_connection_check

from .dealer_common import CRON, DealerOrderCommon

NOTIFY_LOGGER = "odoo.addons.bpo_crm.models.connection.bpo_dealer_connection_notify"
PUSH_LOGGER = "odoo.addons.bpo_crm.models.order.bpo_dealer_order_push"
UNREACHABLE = constants.ACTIVITY_UNREACHABLE


class ConnectionCommon(DealerOrderCommon):
    def _break(self, error=None):
        self.dealer.errors[self.dealership.odoo_url] = error or DealerUnreachable(
            "answer_timeout", host="secret.host", seconds=30
        )

    def _push_again(self):
        self._make_due(self.dealership)
        self._push()

    def _refuse(self, order, code="product_unknown", status="failed", **details):
        self.dealer.answers[order.reference] = OrderResult(status, code, details)


@tagged("post_install", "-at_install")
class TestUnreachable(ConnectionCommon):
    """People are told of a dealership that is out of reach for long, while orders wait."""

    def _fail_for(self, hours):
        """Let talks fail, the first of them so many hours ago."""
        self._break()
        self._push()
        self.dealership.failing_since -= timedelta(hours=hours)
        self._push_again()

    def _get_activities(self):
        return self.dealership.activity_search([UNREACHABLE])

    def test_not_at_once(self):
        lead, _order = self._win_one()
        before = len(lead.message_ids)
        self._fail_for(3.9)
        self.assertFalse(self._get_activities())
        self.assertEqual(len(lead.message_ids), before)

    def test_after_four_hours(self):
        leads = self._create_leads(3)
        self._win(leads)
        self._break()
        self._push()
        self.dealership.failing_since -= timedelta(hours=4)
        with self._assert_note(leads[0], "Northside Motors", "4 hours", "by itself"):
            self._push_again()
        activity = self._get_activities()
        self.assertEqual(len(activity), 1)
        self.assertTrue(activity.user_id.has_group(constants.MANAGER))
        self.assertIn("Connection page", str(activity.note))
        for lead in leads:
            self.assertNotIn("secret.host", "".join(self._get_notes(lead)))

    def test_once_for_each_outage(self):
        lead, _order = self._win_one()
        self._fail_for(5)
        self._get_activities().action_done()
        before = len(lead.message_ids)
        self._push_again()
        self.assertFalse(self._get_activities())
        self.assertEqual(len(lead.message_ids), before)

    def test_closed_on_success(self):
        _lead, order = self._win_one()
        self._fail_for(5)
        self.assertTrue(self._get_activities())
        self.dealer.errors.clear()
        self._push_again()
        self.assertEqual(order.state, "sent")
        self.assertFalse(self._get_activities())
        self.assertFalse(self.dealership.failing_since)
        self.assertFalse(self.dealership.unreachable_told)

    def test_closed_by_a_test_of_the_connection(self):
        self._win_one()
        self._fail_for(5)
        self.dealership._resume()
        self.assertFalse(self._get_activities())
        self.assertFalse(self.dealership.failing_since)

    def test_counted_anew_once_it_is_changed(self):
        self._win_one()
        self._break()
        self._push()
        self.assertTrue(self.dealership.failing_since)
        self.dealership.with_user(self.manager).odoo_url = "https://new-place.example.com"
        self.assertFalse(self.dealership.failing_since)

    def test_the_first_failure_counts(self):
        self._win_one()
        self._break()
        self._push()
        since = self.dealership.failing_since
        self.dealership.last_check = False
        self._push_again()
        self.assertEqual(self.dealership.failing_since, since)

    def test_nobody_waits(self):
        """A dealer that is only asked for a name keeps nobody waiting."""
        _lead, order = self._win_one()
        self.dealer.answers[order.reference] = OrderResult("sent", "order_sent", remote_id=77)
        self._push()
        self._make_due(order)
        self._break()
        self._push()
        self.dealership.failing_since -= timedelta(hours=5)
        self._make_due(order)
        self._push_again()
        self.assertTrue(self.dealership.next_attempt)
        self.assertFalse(self._get_activities())

    def test_the_number_of_hours_is_a_setting(self):
        settings = self.env["res.config.settings"].create({})
        self.assertEqual(settings.bpo_crm_unreachable_hours, 4)
        settings.bpo_crm_unreachable_hours = 1.5
        settings.execute()
        self.assertEqual(self.dealership._get_unreachable_hours(), 1.5)
        lead, _order = self._win_one()
        self._fail_for(1.4)
        self.assertFalse(self._get_activities())
        self.dealership.failing_since -= timedelta(hours=1)
        with self._assert_note(lead, "1.5 hours"):
            self._push_again()
        self.assertTrue(self._get_activities())

    def test_nonsense_in_the_parameter(self):
        for value in ("soon", "0", "-3", "", "nan", "inf"):
            self.env["ir.config_parameter"].set_param("bpo_crm.unreachable_hours", value)
            self.assertEqual(self.dealership._get_unreachable_hours(), 4, value)

    def test_constant_queries(self):
        self._win(self._create_leads(12))
        self.env.flush_all()
        counts = {}
        for number in (2, 12):
            orders = self.dealership.order_ids.sorted("id")
            orders.state = "pending"
            orders[number:].state = "cancelled"
            self.dealership.write(
                {"failing_since": fields.Datetime.now() - timedelta(5), "unreachable_told": False}
            )
            self.dealership.activity_unlink([UNREACHABLE])
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.dealership._back_off("down")
            self.env.flush_all()
            counts[number] = self.cr.sql_log_count - before
        self.assertLessEqual(counts[12], counts[2])

    def test_a_pause_takes_its_place(self):
        self._win_one()
        self._fail_for(5)
        self.dealership._pause("The key expired")
        self.assertFalse(self._get_activities())
        self.assertEqual(len(self.dealership.activity_ids), 1)


@tagged("post_install", "-at_install")
class TestWhoIsAsked(ConnectionCommon):
    """Who is asked to look after a connection can open the dealership."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env["res.company"].create({"name": "Another Call Centre"})
        cls.group = cls.env.ref(constants.MANAGER)

    def _get_asked(self):
        self.dealership._pause("The key expired")
        return self.dealership.activity_ids.user_id

    @classmethod
    def _create_by_manager(cls):
        return (
            cls.env["bpo.dealership"]
            .with_user(cls.manager)
            .create(cls._prepare_dealership(code="OWN"))
            .with_env(cls.env)
        )

    def test_who_entered_it(self):
        self.dealership = self._create_by_manager()
        self.assertEqual(self._get_asked(), self.manager)

    def test_who_entered_it_lost_the_role(self):
        self.dealership = self._create_by_manager()
        self.env.flush_all()
        self._create_user("manager", login="bpo_second_manager")
        self.manager.group_ids -= self.group
        asked = self._get_asked()
        self.assertNotEqual(asked, self.manager)
        self.assertTrue(asked.has_group(constants.MANAGER))

    def test_in_the_company_of_the_dealership(self):
        self.dealership.company_id = self.company
        near = self._create_user("manager", login="bpo_near_manager")
        near.write({"company_ids": [Command.link(self.company.id)]})
        self.dealership.with_user(near).city = "Springfield"
        self.env.flush_all()
        asked = self._get_asked()
        self.assertIn(self.company, asked.company_ids)
        self.dealership.with_user(asked).with_context(allowed_company_ids=[]).read(["name"])

    def test_no_manager(self):
        self.dealership.company_id = self.company
        self.group.sudo().all_user_ids.write({"company_ids": [Command.unlink(self.company.id)]})
        with self.assertLogs(NOTIFY_LOGGER, "WARNING") as logs:
            asked = self._get_asked()
        self.assertFalse(asked)
        self.assertFalse(self.dealership.activity_ids)
        self.assertIn(str(self.dealership.id), logs.output[0])
        self.assertIn("nobody was asked", "".join(self._get_notes(self.dealership)))
        self.assertTrue(self.dealership.paused)

    def test_owner_of_a_lead_who_may_not_see_it(self):
        lead, order = self._win_one()
        self.agent.group_ids = self.env.ref("base.group_user")
        self._refuse(order, codes="TH-100")
        self._push()
        self.assertEqual(order.state, "failed")
        self.assertTrue(lead.activity_ids.user_id)
        self.assertNotEqual(lead.activity_ids.user_id, self.agent)

    def test_owner_of_a_lead_in_another_company(self):
        lead, order = self._win_one(company_id=self.env.company.id)
        self.assertEqual(order._get_responsible(), self.agent)
        self.env.cr.execute(
            "UPDATE crm_lead SET company_id = %s WHERE id = %s", [self.company.id, lead.id]
        )
        lead.invalidate_recordset()
        self.assertNotEqual(order._get_responsible(), self.agent)


@tagged("post_install", "-at_install")
class TestLastPush(ConnectionCommon):
    """A connection says what the last push came to, also where the dealer can be worked with."""

    def test_all_refused(self):
        orders = self._win(self._create_leads(3))
        for order in orders:
            self._refuse(order, codes="TH-100")
        self._push()
        self.assertEqual(self.dealership.connection_state, "connected")
        message = self.dealership.last_message
        for words in ("taken 0", "refused 3", "waiting 0", "TH-100"):
            self.assertIn(words, message)

    def test_some_refused_some_wait(self):
        orders = self._win(self._create_leads(4))
        self._refuse(orders[1], codes="TH-100")
        self._refuse(orders[2], "order_busy", "retry")
        self._push()
        for words in ("taken 2", "refused 1", "waiting 1"):
            self.assertIn(words, self.dealership.last_message)

    def test_all_taken(self):
        _lead, order = self._win_one()
        self._refuse(order, codes="TH-100")
        self._push()
        self.dealer.answers.clear()
        order.with_user(self.agent).action_retry()
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertFalse(self.dealership.last_message)

    def test_names_say_nothing_about_orders(self):
        self.dealership.connection_state = "untested"
        _lead, order = self._win_one()
        self.dealer.answers[order.reference] = OrderResult("sent", "order_sent", remote_id=77)
        self._push()
        self._make_due(order)
        self._push()
        self.assertEqual(self.dealership.connection_state, "connected")
        self.assertFalse(self.dealership.last_message)


@tagged("post_install", "-at_install")
class TestStandingRefusal(ConnectionCommon):
    """What may be a hiccup of the dealer's database pauses only when it stands."""

    def setUp(self):
        super().setUp()
        error = DealerAccessRefused("access_denied")
        error.remedy = PAUSE_IF_STANDING
        self._break(error)

    def _pass_time(self, minutes):
        if self.dealership.refused_since:
            self.dealership.refused_since -= timedelta(minutes=minutes)

    def test_backs_off_then_pauses(self):
        _lead, order = self._win_one()
        for attempt in range(1, 4):
            self._push_again()
            self.assertFalse(self.dealership.paused, attempt)
            self.assertEqual(self.dealership.connection_state, "failed")
            self.assertGreater(self.dealership.next_attempt, fields.Datetime.now())
            self.assertFalse(self.dealership.activity_ids)
            self._pass_time(2)
        self._push_again()
        self.assertTrue(self.dealership.paused)
        self.assertEqual(len(self.dealership.activity_ids), 1)
        self.assertEqual(order.state, "pending")
        self.assertFalse(order.possibly_sent)

    def test_hiccup(self):
        _lead, order = self._win_one()
        for _attempt in range(3):
            self._push_again()
            self._pass_time(10)
        self.dealer.errors.clear()
        self._push_again()
        self.assertEqual(order.state, "sent")
        self.assertFalse(self.dealership.refusal_count)

    def test_in_a_row(self):
        self._win_one()
        refusal = self.dealer.errors[self.dealership.odoo_url]
        for _round in range(3):
            self._break(refusal)
            for _attempt in range(3):
                self._push_again()
                self._pass_time(10)
            self._break()
            self._push_again()
        self.assertFalse(self.dealership.paused)

    def test_with_time_between_them(self):
        """Push Now makes many attempts in a minute."""
        self._win_one()
        for _attempt in range(6):
            with self.enter_registry_test_mode():
                self.dealership.with_user(self.manager).action_push_now()
        self.assertEqual(len(self.dealer.talks), 6)
        self.assertFalse(self.dealership.paused)
        self._pass_time(10)
        self._push_again()
        self.assertTrue(self.dealership.paused)

    def test_certain_refusal(self):
        self._win_one()
        self._break(DealerAccessRefused("login_refused"))
        self._push()
        self.assertTrue(self.dealership.paused)


@tagged("post_install", "-at_install")
class TestWordsForAgents(ConnectionCommon):
    """What an agent reads on an order that waits: a login is blamed only where it is to blame."""

    def test_each_cause(self):
        uncertain = DealerAccessRefused("database_unknown")
        uncertain.remedy = PAUSE_IF_STANDING
        causes = {
            "refuses our login": DealerAccessRefused("login_refused"),
            "connection to the dealership has to be put right": DealerAccessRefused("key_invalid"),
            "cannot be worked with right now": uncertain,
        }
        _lead, order = self._win_one()
        for words, error in causes.items():
            with self.subTest(words):
                self.dealership.paused = False
                self._break(error)
                self._push_again()
                self.assertIn(words, order.error)
                others = [each for each in causes if each != words]
                self.assertFalse([each for each in others if each in order.error])


@tagged("post_install", "-at_install")
class TestScheduledActionGone(ConnectionCommon):
    """That nothing goes out by itself is said where managers look; winning goes on."""

    def _get_warning(self):
        dealership = self.dealership.with_user(self.manager)
        dealership.invalidate_recordset()
        return dealership.push_warning

    def test_switched_off(self):
        self.cron.active = False
        self.assertIs(self._get_warning(), False, "nothing waits")
        self._win_one()
        self.assertIn("switched off", self._get_warning())
        self.assertIn(self.cron.name, self._get_warning())
        self.cron.active = True
        self.assertFalse(self._get_warning())

    def test_deleted(self):
        self.cron.unlink()
        with self.assertLogs(PUSH_LOGGER, "ERROR") as logs:
            lead, order = self._win_one()
        self.assertEqual((lead.stage_id, order.state), (self.stage_sold, "pending"))
        self.assertIn(CRON, logs.output[0])
        self.assertIn("deleted", self._get_warning())
        with mute_logger(PUSH_LOGGER):
            self.dealership._resume()

    def test_push_now_works(self):
        self.cron.active = False
        _lead, order = self._win_one()
        with self.enter_registry_test_mode():
            self.dealership.with_user(self.manager).action_push_now()
        self.assertEqual(order.state, "sent")

    def test_costs_agents_nothing(self):
        agents = self.env["bpo.dealership"].with_user(self.agent)
        views = agents.get_views([(False, kind) for kind in ("list", "kanban", "form")])
        self.assertNotIn("push_warning", str(views))


@tagged("post_install", "-at_install")
class TestPushNowMessage(ConnectionCommon):
    def _push_now(self):
        with self.enter_registry_test_mode():
            action = self.dealership.with_user(self.manager).action_push_now()
        return action["params"]

    def test_sent(self):
        self._win_one()
        params = self._push_now()
        self.assertEqual((params["type"], params["sticky"]), ("success", False))

    def test_waiting_says_why(self):
        self._win_one()
        self._break()
        params = self._push_now()
        self.assertEqual((params["type"], params["sticky"]), ("warning", True))
        self.assertIn("Northside Motors: The server secret.host", params["message"])

    def test_failed(self):
        _lead, order = self._win_one()
        self._refuse(order, codes="TH-100")
        self.assertEqual(self._push_now()["type"], "danger")

    def test_nothing_waits(self):
        params = self._push_now()
        self.assertEqual((params["type"], params["message"]), ("info", "No orders were waiting."))


@tagged("post_install", "-at_install")
class TestConnectionRpc(DealerOrderCommon, HttpCase):
    def test_report_of_a_failed_test_by_xmlrpc(self):
        """XML-RPC has no word for nothing: what is not known is left out."""
        report = ConnectionReport(
            [
                CheckLine("address", "check_address_ok", True, {"host": "a", "none": None}),
                CheckLine("login", "login_refused", False),
                CheckLine("rights", "check_not_reached", None),
            ]
        )
        with patch.object(bpo_dealer_connection_check, "check_connection", return_value=report):
            self.dealership.with_user(self.manager).action_test_connection()
        self.env.flush_all()
        self.manager.password = "bpo_manager_password"  # noqa: S105
        with (
            self.allow_requests(all_requests=True),
            mute_logger("odoo.addons.rpc.controllers.xmlrpc"),
        ):
            proxy = xmlrpc.client.ServerProxy(
                f"{self.base_url()}/xmlrpc/2/object", transport=self._get_transport()
            )
            [values] = proxy.execute_kw(
                self.env.cr.dbname,
                self.manager.id,
                "bpo_manager_password",
                "bpo.dealership",
                "read",
                [self.dealership.ids, ["check_report", "left_out_fields"]],
            )
        self.assertEqual([line.get("ok") for line in values["check_report"]], [True, False, None])
        html = str(self.dealership.check_report_html)
        self.assertIn("fa-minus", html)
        self.assertIn("fa-times", html)

    def _get_transport(self):
        """Return a transport with the cookie by which the test's server knows its cursor."""
        cookie = f"test_request_key={self.http_request_key}"

        class Transport(xmlrpc.client.Transport):
            def send_headers(self, connection, headers):
                connection.putheader("Cookie", cookie)
                return super().send_headers(connection, headers)

        return Transport()

    def test_currency_of_the_dealer(self):
        """A call centre in dollars is not sent into a dead end by a dealer in euros."""
        text = MESSAGES["check_currency_mismatch"] % {
            "company": "Harbour",
            "currency": "USD",
            "dealer_currency": "EUR",
        }
        self.assertIn("If its leads are in EUR, set the dealership's currency to that", text)
        self.assertIn("If they are in USD", text)
        self.assertIn("price list in USD", text)

    def test_a_key_of_another_database_cannot_be_pushed_now(self):
        self.dealership.key_database_uuid = "another"
        with self.assertRaises(UserError):
            self.dealership.with_user(self.manager).action_push_now()
