# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from odoo.addons.base.tests.test_ir_cron import CronMixinCase

from ..dealer_api import DealerSlowDown, pace
from .test_dealer_order_wire import DealerWireCommon

NOW = "2026-03-02 08:00:00"


@tagged("post_install", "-at_install")
class TestDealerPace(DealerWireCommon, CronMixinCase):
    """A dealer is asked as often as it may be; waiting for that is no failure."""

    def setUp(self):
        super().setUp()
        pace.forget_turns()
        self.addCleanup(pace.forget_turns)
        self.slept = 0.0
        self.time = 1000.0
        self.enterContext(patch.object(pace, "clock", lambda: self.time))
        self.enterContext(patch.object(pace, "sleep", self._sleep))

    def _sleep(self, seconds):
        self.slept += seconds
        self.time += seconds

    def _get_rate(self):
        return self.dealership._get_connection_settings().requests_per_second

    @staticmethod
    def _get_error(seconds):
        details = {"host": "dealer.example", "status": 429, "seconds": seconds}
        return DealerSlowDown("too_many_requests", wait=seconds, **details)

    def _ask_to_slow_down(self, call="product", **headers):
        self.dealer.inject("status", call, status=429, headers=headers)

    # ------------------------------------------------------------
    # THE RATE
    # ------------------------------------------------------------

    def test_rate(self):
        for url, rate in (
            ("https://dealer.example", None),
            ("https://dealer.odoo.com", 1.0),
            ("https://odoo.com", 1.0),
            ("https://DEALER.Odoo.Com", 1.0),
            ("https://notodoo.com", None),
            ("https://odoo.com.example", None),
        ):
            with self.subTest(url=url):
                self.dealership.odoo_url = url
                self.assertEqual(self._get_rate(), rate)
                self.assertEqual(self.dealership.current_rate, rate or 0.0)
                self.dealership.requests_per_second = 2.5
                self.assertEqual(self._get_rate(), 2.5)
                self.dealership.requests_per_second = 0

    def test_lowest_rate(self):
        self.dealership.requests_per_second = 0.2
        for rate in (0.1, -1):
            with self.assertRaisesRegex(ValidationError, "5 seconds"):
                self.dealership.requests_per_second = rate

    def test_managers_only(self):
        for user in (self.agent, self.supervisor):
            with self.assertRaises(AccessError):
                self.dealership.with_user(user).requests_per_second = 1
            with self.assertRaises(AccessError):
                self.dealership.with_user(user).read(["requests_per_second"])
        self.dealership.with_user(self.manager).requests_per_second = 1

    def test_learned(self):
        """Half as often after each time, twice as often after each hour without."""
        self.dealership.requests_per_second = 4
        with freeze_time(NOW) as clock:
            for rate in (2.0, 1.0, 0.5, 0.25, 0.2, 0.2):
                self.dealership._slow_down(self._get_error(5))
                self.assertEqual(self._get_rate(), rate)
                clock.tick(timedelta(seconds=11))
            for rate in (0.2, 0.4, 0.8, 1.6, 3.2, 4.0, 4.0):
                self.assertAlmostEqual(self._get_rate(), rate)
                clock.tick(timedelta(hours=1))

    def test_learned_without_a_limit(self):
        with freeze_time(NOW) as clock:
            self.dealership._slow_down(self._get_error(5))
            for rate in (1.0, 2.0, 4.0, None, None):
                self.assertEqual(self._get_rate(), rate)
                clock.tick(timedelta(hours=1))
            clock.tick(timedelta(days=4000))
            self.assertIsNone(self._get_rate())

    def test_talks_at_the_same_time_hear_the_same(self):
        for _talk in range(3):
            self.dealership._slow_down(self._get_error(5))
        self.assertEqual(self._get_rate(), 1.0)

    def test_another_address_has_another_pace(self):
        self.dealership._slow_down(self._get_error(500))
        self.dealership.odoo_url = "https://dealer.example"
        self.assertIsNone(self._get_rate())
        self.assertFalse(self.dealership._is_left_alone())

    # ------------------------------------------------------------
    # ORDERS
    # ------------------------------------------------------------

    def test_asked_to_slow_down(self):
        """The dealership is left alone as long as its server says; the order waits, and goes."""
        self.dealership.connection_state = "connected"
        order = self._win()
        self._ask_to_slow_down(**{"Retry-After": "120"})
        before = fields.Datetime.now()
        with self.capture_triggers(self.cron.id) as triggers:
            self._push()
        wait = self.dealership.next_attempt - before
        self.assertTrue(timedelta(seconds=119) <= wait <= timedelta(seconds=125), wait)
        self.assertIn(self.dealership.next_attempt, triggers.records.mapped("call_at"))
        self.assertEqual((order.state, order.possibly_sent), ("pending", False))
        self.assertIn("so many requests", order.error)
        self.assertEqual(
            (self.dealership.connection_state, self.dealership.back_off_count), ("connected", 0)
        )
        self.assertIn("slow down", self.dealership.last_message)
        self.assertEqual(self._get_rate(), 1.0)
        requests = len(self.dealer.requests)
        self._push()
        self.assertEqual(len(self.dealer.requests), requests)
        self.time += 120
        self.dealership.write({"next_attempt": False, "slowed_until": False})
        self._push()
        self.assertEqual(order.state, "sent", order.error)
        self.assertFalse(self.dealership.failing_since)

    def test_asked_to_slow_down_while_the_order_is_given(self):
        """It may be there, as far as we know; there is one in the end."""
        order = self._win()
        self._ask_to_slow_down("sale.order.load")
        self._push()
        self.assertEqual((order.state, order.possibly_sent), ("pending", True))
        self.assertFalse(self.dealership.batch_size)
        self.time += 60
        self.dealership.write({"next_attempt": False, "slowed_until": False})
        self._push()
        self.assertEqual(order.state, "sent", order.error)
        self.assertEqual(len(self.dealer.orders), 1)

    def test_asked_to_slow_down_when_the_number_is_read(self):
        order = self._win()
        self._ask_to_slow_down("sale.order.search_read")
        self._push()
        self.assertEqual((order.state, order.remote_name), ("sent", False))
        self.assertTrue(self.dealership._is_left_alone())
        self.assertEqual(self._get_rate(), 1.0)

    def test_a_pace_that_is_set(self):
        """The first talk asks much, and ends before it sleeps too long; the next one goes on."""
        self.dealership.requests_per_second = 0.2
        order = self._win()
        before = fields.Datetime.now()
        self._push()
        self.assertLessEqual(self.slept, pace.PATIENCE)
        self.assertEqual((order.state, order.possibly_sent), ("pending", False))
        self.assertTrue(before < self.dealership.next_attempt <= before + timedelta(seconds=10))
        self.assertFalse(self.dealership.slowed_date)
        asked = len(self.dealer.requests)
        for _turn in range(3):
            self.time += 10
            self.dealership.next_attempt = False
            self._push()
        self.assertEqual(order.state, "sent", order.error)
        # what the first talk asked was not asked again
        self.assertEqual(self.dealer.calls("res.company.read"), 1)
        self.assertEqual(self.dealer.calls("context_get"), 1)
        self.assertLess(len(self.dealer.requests), 2 * asked + 4)

    def test_push_now_keeps_the_pause(self):
        self._win()
        self._ask_to_slow_down(**{"Retry-After": "300"})
        self._push()
        until = self.dealership.next_attempt
        requests = len(self.dealer.requests)
        self.env["bpo.dealer.order"]._push_now(self.dealership)
        self.assertEqual(self.dealership.next_attempt, until)
        self.assertEqual(len(self.dealer.requests), requests)

    def test_a_server_that_is_down_says_how_long(self):
        self._win()
        self.dealer.inject("status", "product", status=503, headers={"Retry-After": "1800"})
        self._push()
        self.assertEqual(self.dealership.back_off_count, 1)
        wait = self.dealership.next_attempt - fields.Datetime.now()
        self.assertGreater(wait, timedelta(seconds=1700))

    # ------------------------------------------------------------
    # OTHERS WHO ASK
    # ------------------------------------------------------------

    def test_the_daily_look(self):
        order = self._win()
        self._push()
        self.assertEqual(order.state, "sent", order.error)
        self._ask_to_slow_down("sale.order.search_read", **{"Retry-After": "300"})
        self.dealership.next_survey = False
        self.dealership._survey_dealership(self.dealership.id)
        self.assertEqual(self.dealership.next_survey, self.dealership.next_attempt)
        self.assertEqual(self.dealership.connection_state, "connected")

    def test_test_connection(self):
        """The test says so; the connection is what it was."""
        self.dealership.connection_state = "connected"
        self._ask_to_slow_down("has_access", **{"Retry-After": "300"})
        self.dealership.with_user(self.manager).action_test_connection()
        self.assertEqual(self.dealership.connection_state, "connected")
        self.assertIn("slow down", self.dealership.check_report_html)
        with self.assertRaisesRegex(UserError, "in 5 min"):
            self.dealership.with_user(self.manager).action_test_connection()
