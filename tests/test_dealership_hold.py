# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from odoo.addons.bpo_crm.dealer_api import CheckLine, ConnectionReport, OrderResult
from odoo.addons.bpo_crm.models import constants
from odoo.addons.bpo_crm.models.connection import bpo_dealer_connection_check

from .dealer_common import CRON
from .test_dealer_survey import SurveyCommon

REASON = "Stock-taking until Monday"


class HoldCommon(SurveyCommon):
    def _pause(self, dealerships=None, user=None):
        """Pause by the dialog, as managers do."""
        dealerships = dealerships or self.dealership
        context = {"active_model": "bpo.dealership", "active_ids": dealerships.ids}
        wizard = self.env["bpo.dealership.pause"].with_user(user or self.manager)
        with Form(wizard.with_context(**context)) as form:
            form.reason = REASON
        return form.record.action_pause()

    def _resume(self):
        self.dealership.with_user(self.manager).action_resume()


@tagged("post_install", "-at_install")
class TestHold(HoldCommon):
    """A manager pauses dealerships: nothing is sent until a manager resumes."""

    def test_pause_and_resume(self):
        _lead, order = self._win_one()
        with self._assert_note(self.dealership, "has paused", f"{REASON}.", "Resume"):
            self._pause()
        self.assertTrue(self.dealership.on_hold)
        self._push()
        self.assertFalse(self.dealer.talks)
        self.assertEqual((order.state, order.possibly_sent), ("pending", False))
        with (
            self.capture_triggers(CRON) as captured,
            self._assert_note(self.dealership, "has resumed"),
        ):
            self._resume()
        self.assertTrue(captured.records)
        self.assertFalse(self.dealership.on_hold or self.dealership.hold_reason or order.error)
        self._push()
        self.assertEqual(order.state, "sent")

    def test_agents_read_why(self):
        _lead, before = self._win_one()
        self._pause()
        _lead, after = self._win_one()
        lead, again = self._win_one()
        lead.with_user(self.manager).stage_id = self.stage_offer
        self._win(lead)
        for order in (before, after, again):
            error = order.with_user(self.agent).error
            self.assertIn("paused the dealership", error)
            self.assertIn("goes out by itself", error)
            self.assertNotIn(REASON, error)

    def test_agents_cost_nothing(self):
        """Winning asks no more queries, whether or not the dealership is paused."""
        counts = []
        for pause in (False, True):
            if pause:
                self._pause()
            leads = self._create_leads(2)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self._win(leads)
            self.env.flush_all()
            counts.append(self.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0])

    def test_retry_stays_and_says_why(self):
        _lead, order = self._win_one()
        self.dealer.answers[order.reference] = OrderResult(
            "failed", "order_refused", {"message": "No."}
        )
        self._push()
        self._pause()
        order.with_user(self.agent).action_retry()
        self.assertIn("paused the dealership", order.error)
        talks = len(self.dealer.talks)
        self._push()
        self.assertEqual((order.state, len(self.dealer.talks)), ("pending", talks))

    def test_healing_waits(self):
        _lead, order = self._win_one()
        self.dealer.answers[order.reference] = OrderResult(
            "failed", "product_unknown", {"codes": "TH-100"}
        )
        self._push()
        self._make_due(order)
        self._pause()
        self._push()
        self.assertEqual(order.state, "failed")
        self._resume()
        self.dealer.answers.clear()
        self._push()
        self.assertEqual(order.state, "sent")

    def test_looks_wait(self):
        _lead, order = self._sent()
        self._pause()
        self._survey()
        self.assertFalse(self.surveys)
        for refused in (
            order.with_user(self.manager).action_check_at_dealer,
            self.dealership.with_user(self.manager).action_survey,
            self.dealership.with_user(self.manager).action_push_now,
        ):
            with self.assertRaisesRegex(UserError, "has paused"):
                refused()
        self._resume()
        self._survey()
        self.assertTrue(self.surveys)

    def test_send_again_waits(self):
        _lead, order = self._sent()
        order.remote_state = "missing"
        self._pause()
        order.with_user(self.manager).action_send_again()
        self._push()
        self.assertEqual(order.state, "pending")
        self.assertIn("paused the dealership", order.error)

    def test_a_connection_test_does_not_resume(self):
        _lead, order = self._win_one()
        self._pause()
        self.dealership._pause("refused")
        report = ConnectionReport([CheckLine("login", "check_login_ok", True)], uid=5)
        with patch.object(bpo_dealer_connection_check, "check_connection", return_value=report):
            notes = len(self.dealership.message_ids)
            self.dealership.with_user(self.manager).action_test_connection()
        self.assertEqual(self.dealership.connection_state, "connected")
        self.assertFalse(self.dealership.paused)
        self.assertTrue(self.dealership.on_hold)
        self.assertEqual(len(self.dealership.message_ids), notes, "nothing goes out again")
        self._push()
        self.assertEqual(order.state, "pending")

    def test_resume_does_not_open_what_the_dealer_closed(self):
        _lead, order = self._win_one()
        self._pause()
        self.dealership._pause("refused")
        self._resume()
        self._push()
        self.assertEqual(order.state, "pending")
        self.assertTrue(self.dealership.paused)

    def test_paused_in_the_middle(self):
        """Orders that are marked by then are not sent, and not in doubt."""
        _lead, order = self._win_one()
        talk_class = self.env["bpo.dealer.order"]._get_talk_kinds()[0]
        mark = talk_class.mark

        def mark_and_pause(talk, env):
            mark(talk, env)
            env["bpo.dealership"].browse(talk.dealership_id).on_hold = True

        with patch.object(talk_class, "mark", mark_and_pause):
            self._push()
        self.assertFalse(self.dealer.talks)
        self.assertEqual((order.state, order.possibly_sent), ("pending", False))

    def test_new_key_is_not_tried(self):
        self.dealership.write({"connection_state": "connected", "remote_uid": 7})
        self._pause()
        self.dealership.with_user(self.manager).odoo_api_key = "new"
        self._survey()
        self.assertTrue(self.dealership.has_candidate_key)

    def test_several(self):
        others = self.env["bpo.dealership"].create(
            [self._prepare_dealership(name=code, code=code) for code in "AB"]
        )
        self._pause(self.dealership | others)
        self.assertEqual((self.dealership | others).mapped("on_hold"), [True] * 3)
        (self.dealership | others).with_user(self.manager).action_resume()
        self.assertFalse((self.dealership | others).filtered("on_hold"))
        before = others.message_ids
        others.with_user(self.manager).action_resume()
        self.assertEqual(others.message_ids, before)

    def test_managers_only(self):
        for user in (self.agent, self.supervisor):
            with self.assertRaises(AccessError):
                self._pause(user=user)
            for refused in (
                lambda one: one.action_resume(),
                lambda one: one._hold(REASON),
            ):
                with self.assertRaises(UserError):
                    refused(self.dealership.with_user(user))
        with self.assertRaises(AccessError):
            self.dealership.with_user(self.agent).read(["on_hold"])
        self.assertFalse(self.dealership.with_user(self.supervisor).on_hold)

    def test_copy(self):
        self._pause()
        self.assertFalse(self.dealership.copy().on_hold)


@tagged("post_install", "-at_install")
class TestOverview(HoldCommon):
    """How each dealership is doing: status, figures, and the orders behind them."""

    def _states(self, user=None):
        self.env.flush_all()
        self.env.invalidate_all()
        return self.dealership.with_user(user or self.supervisor).overview_state

    def test_status(self):
        today = fields.Date.context_today(self.dealership)
        soon, late = today + timedelta(days=14), today + timedelta(days=15)
        later = fields.Datetime.now() + timedelta(minutes=5)
        well = {
            "connection_state": "connected",
            "paused": False,
            "on_hold": False,
            "next_attempt": False,
            "key_expires_on": late,
        }
        for values, state in (
            ({}, "connected"),
            ({"key_expires_on": False}, "connected"),
            ({"key_expires_on": soon}, "expiring"),
            ({"key_expires_on": today - timedelta(days=3)}, "expiring"),
            ({"connection_state": "untested", "key_expires_on": soon}, "untested"),
            ({"connection_state": "failed"}, "untested"),
            ({"connection_state": "failed", "next_attempt": later}, "waiting"),
            ({"connection_state": "failed", "paused": True}, "paused"),
            ({"on_hold": True, "key_expires_on": soon}, "paused"),
            ({"key_database_uuid": "another"}, "paused"),
        ):
            with self.subTest(values):
                self.dealership.write({**well, **values})
                for user in (self.supervisor, self.manager):
                    self.assertEqual(self._states(user), state)
                found = self._found_in_states()
                self.assertEqual([name for name in found if found[name]], [state])

    def _found_in_states(self):
        dealerships = self.env["bpo.dealership"].with_user(self.supervisor)
        mine = ("id", "=", self.dealership.id)
        states = dict(dealerships._fields["overview_state"].selection)
        for state in states:
            others = dealerships.search_count([mine, ("overview_state", "!=", state)])
            found = dealerships.search_count([mine, ("overview_state", "=", state)])
            self.assertEqual(found + others, 1)
        return {
            state: dealerships.search_count([mine, ("overview_state", "=", state)])
            for state in states
        }

    def test_figures(self):
        now = fields.Datetime.now()
        _lead, waiting = self._win_one()
        _lead, older = self._win_one()
        (waiting | older).next_attempt = now + timedelta(hours=1)
        older.won_date = now - timedelta(hours=3)
        orders = self.env["bpo.dealer.order"]
        for minutes in (1, 2, 600):
            _lead, order = self._sent()
            order.won_date = order.sent_date - timedelta(minutes=minutes)
            orders |= order
        orders[2].sent_date -= timedelta(days=2)
        orders[2].won_date -= timedelta(days=2)
        _lead, failed = self._win_one()
        failed.write({"state": "failed"})
        self.env.flush_all()
        self.env.invalidate_all()
        dealership = self.dealership.with_user(self.supervisor)
        self.assertEqual(dealership.pending_order_count, 2)
        self.assertEqual(dealership.failed_order_count, 1)
        self.assertEqual(dealership.oldest_waiting, now - timedelta(hours=3))
        self.assertEqual(dealership.oldest_waiting_age, "3 hours")
        self.assertEqual(dealership.sent_today_count, 2)
        self.assertEqual(dealership.time_to_dealer, "2 minutes")
        for state, expected in (
            ("pending", waiting | older),
            ("failed", failed),
            ("sent_today", orders[:2]),
        ):
            action = dealership.with_context(
                bpo_crm_order_state=state
            ).action_view_orders_in_state()
            found = self.env["bpo.dealer.order"].with_user(self.supervisor)
            self.assertEqual(found.search(action["domain"]), expected.sorted("id", reverse=True))

    def test_nothing_yet(self):
        dealership = self.dealership.with_user(self.supervisor)
        self.assertEqual(dealership.sent_today_count, 0)
        self.assertFalse(dealership.oldest_waiting or dealership.oldest_waiting_age)
        self.assertFalse(dealership.time_to_dealer)
        self.assertFalse(dealership.new({"name": "New"}).time_to_dealer)

    def test_times(self):
        lead, order = self._win_one()
        self.assertEqual(order.delivery_minutes, 0)
        order.won_date -= timedelta(minutes=5)
        self._push()
        self.assertAlmostEqual(order.delivery_minutes, 5, delta=0.5)
        lead.with_user(self.manager).stage_id = self.stage_offer
        with self.subTest("won again"):
            lead, order = self._win_one()
            order.won_date -= timedelta(hours=5)
            lead.with_user(self.agent).stage_id = self.stage_offer
            self._win(lead)
            self.assertGreater(order.won_date, fields.Datetime.now() - timedelta(minutes=1))

    def test_queries_do_not_grow(self):
        dealerships = self.env["bpo.dealership"].create(
            [self._prepare_dealership(name=f"D{n}", code=f"D{n}") for n in range(40)]
        )
        self._win(self._create_leads(dealership_id=dealerships[-1].id))
        names = [
            *("name", "overview_state", "pending_order_count", "failed_order_count"),
            *("sent_today_count", "oldest_waiting_age", "time_to_dealer", "hold_reason"),
        ]
        counts = []
        # the first one learns what is kept
        for records in (dealerships[:1], dealerships[:1], dealerships):
            self.env.flush_all()
            self.env.invalidate_all()
            records = records.with_user(self.supervisor)
            before = self.cr.sql_log_count
            records.web_read({name: {} for name in names})
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(counts[1], counts[2])

    def test_agents_see_nothing_of_it(self):
        dealership = self.dealership.with_user(self.agent)
        for name in (
            *("overview_state", "sent_today_count", "oldest_waiting", "oldest_waiting_age"),
            *("time_to_dealer", "on_hold", "hold_reason"),
        ):
            self.assertNotIn(name, dealership.fields_get())
            with self.assertRaises(AccessError):
                dealership.read([name])
        menu = self.env.ref("bpo_crm.menu_bpo_dealership_overview")
        self.assertNotIn(menu.id, self.env["ir.ui.menu"].with_user(self.agent)._visible_menu_ids())
        for user in (self.supervisor, self.manager):
            self.assertIn(menu.id, self.env["ir.ui.menu"].with_user(user)._visible_menu_ids())

    def test_screens(self):
        action = self.env.ref("bpo_crm.bpo_dealership_action_overview")
        for user in (self.supervisor, self.manager):
            dealerships = self.env["bpo.dealership"].with_user(user)
            views = dealerships.get_views([*action.views, (action.search_view_id.id, "search")])
            for button in ("action_push_now", "action_resume"):
                is_there = button in views["views"]["kanban"]["arch"]
                self.assertEqual(is_there, user == self.manager)
            for node in ("attention", "expiring", "paused"):
                self.assertIn(f'name="{node}"', views["views"]["search"]["arch"])
            dealerships.search(
                ["|", ("overview_state", "!=", "connected"), ("order_ids.state", "=", "failed")]
            )

    def test_analysis(self):
        """By state, cause, dealership, agent and week."""
        self._win(self._create_leads(2))
        orders = self.env["bpo.dealer.order"].with_user(self.supervisor)
        for group in ("state", "error_code", "dealership_id", "user_id", "won_date:week"):
            with self.subTest(group):
                groups = orders.formatted_read_group(
                    [("dealership_id", "=", self.dealership.id)],
                    [group],
                    ["__count", "delivery_minutes:avg"],
                )
                self.assertEqual(sum(each["__count"] for each in groups), 2)
        described = orders.fields_get(["user_id", "error_code"])
        self.assertTrue(all(field["groupable"] for field in described.values()))
        orders.get_views([(False, "graph"), (False, "pivot"), (False, "search")])

    def test_constants(self):
        fields_ = self.env["bpo.dealership"]._fields
        shown = {name for name, field in fields_.items() if field.groups == constants.SUPERVISOR}
        self.assertEqual(
            shown,
            {
                *("overview_state", "sent_today_count", "oldest_waiting", "oldest_waiting_age"),
                *("time_to_dealer", "on_hold", "hold_reason"),
            },
        )
