# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A dealer is asked no faster than it may be, and left alone when it asks for that."""

import pickle
from datetime import datetime, timedelta
from email.utils import format_datetime
from unittest.mock import patch

from ...dealer_api import DealerSlowDown, DealerUnreachable, pace, push_orders
from ...dealer_api.pace import Pace, read_retry_after
from .common import DealerApiCase, cases
from .test_orders import Order, connect, payload, payloads, push, statuses

NOW = datetime(2026, 3, 2, 8, 0)


class TestPace(DealerApiCase):
    """By a clock that moves only when somebody sleeps."""

    def prepare(self):
        self.dealer.add_product("VH-1")
        self.time = 1000.0
        pace.forget_turns()
        for name, value in (("clock", lambda: self.time), ("sleep", self.sleep)):
            patched = patch.object(pace, name, value)
            patched.start()
            self.fixtures.callback(patched.stop)
        self.fixtures.callback(pace.forget_turns)

    def sleep(self, seconds):
        self.time += seconds

    # ------------------------------------------------------------
    # Turns
    # ------------------------------------------------------------
    @cases(("rate", "seconds"), [(None, 0.0), (1.0, 9.0), (4.0, 2.25), (0.5, 18.0)])
    def test_turns(self, rate, seconds):
        turns = Pace(("dealer.example", 443), rate)
        for _turn in range(10):
            turns.wait(60)
        self.assertEqual(self.time, 1000 + seconds)

    def test_sessions_share_the_turns_of_a_server(self):
        one, two = (Pace(("dealer.example", 443), 1.0) for _each in range(2))
        for _turn in range(5):
            one.wait(60)
            two.wait(60)
        self.assertEqual(self.time, 1009)
        Pace(("another.example", 443), 1.0).wait(60)
        self.assertEqual(self.time, 1009)

    def test_a_pause_makes_the_next_turn_free(self):
        turns = Pace(("dealer.example", 443), 1.0)
        turns.wait(60)
        self.time += 5
        turns.wait(60)
        self.assertEqual(self.time, 1005)

    def test_patience(self):
        """A session sleeps half a minute in all; then it ends, and says when to come again."""
        turns = Pace(("dealer.example", 443), 0.2)
        for _turn in range(7):
            turns.wait(75)
        self.assertEqual(self.time, 1030)
        with self.assertRaises(DealerSlowDown) as caught:
            turns.wait(75)
        error = caught.exception
        self.assertEqual((error.code, error.retry_after), ("pace_kept", 5.0))
        self.assertEqual((error.request_sent, error.remedy, self.time), (False, "retry", 1030))

    def test_the_time_of_the_session(self):
        turns = Pace(("dealer.example", 443), 0.2)
        turns.wait(75)
        with self.assertRaises(DealerSlowDown):
            turns.wait(4)
        # what has no pace is none of its business
        Pace(("another.example", 443)).wait(-1)

    def test_held(self):
        Pace(("dealer.example", 443)).hold(20)
        turns = Pace(("dealer.example", 443))
        turns.wait(60)
        self.assertEqual(self.time, 1020)
        turns.hold(31)
        with self.assertRaises(DealerSlowDown):
            turns.wait(60)

    def test_turns_of_the_past_are_dropped(self):
        with patch.object(pace, "_MAX_TURNS", 10):
            for number in range(50):
                Pace((f"dealer{number}.example", 443), 1.0).wait(60)
                self.time += 2
        self.assertLessEqual(len(pace._turns), 11)

    # ------------------------------------------------------------
    # Retry-After
    # ------------------------------------------------------------
    @cases(
        ("text", "seconds"),
        [
            (None, None),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
            ("²", None),
            ("0", 1.0),
            ("17", 17.0),
            ("999999999999", 3600.0),
            ("9" * 5000, 3600.0),
            ("Mon, 02 Mar 2026 08:02:00 GMT", 120.0),
            ("Mon, 02 Mar 2026 09:02:00 +0100", 120.0),
            ("Mon, 02 Mar 2026 07:00:00 GMT", 1.0),
            ("Wed, 01 Jan 2525 00:00:00 GMT", 3600.0),
            ("Mon, 99 Mar 2026 08:02:00 GMT", None),
        ],
    )
    def test_retry_after(self, text, seconds):
        self.assertEqual(read_retry_after(text, NOW), seconds)

    def test_without_the_servers_clock(self):
        later = datetime.now().astimezone() + timedelta(seconds=100)
        seconds = read_retry_after(format_datetime(later), None)
        self.assertTrue(90 <= seconds <= 101, seconds)

    # ------------------------------------------------------------
    # On the wire
    # ------------------------------------------------------------
    @cases("protocol", ["xmlrpc", "json2"])
    @cases(
        ("headers", "seconds"),
        [({}, 60.0), ({"Retry-After": "7"}, 7.0), ({"Retry-After": "100000"}, 3600.0)],
    )
    def test_too_many_requests(self, protocol, headers, seconds):
        self.dealer.inject("status", "product", status=429, headers=headers)
        with self.assertRaises(DealerSlowDown) as caught:
            push(self.dealer, payloads(1), protocol)
        error = pickle.loads(pickle.dumps(caught.exception))  # noqa: S301 (our own)
        self.assertEqual((error.code, error.retry_after), ("too_many_requests", seconds))
        self.assertEqual((error.remedy, error.request_sent), ("retry", False))
        self.assertEqual(error.details["seconds"], round(seconds))

    def test_a_server_that_is_busy_says_how_long(self):
        self.dealer.inject("status", "product", status=503, headers={"Retry-After": "90"})
        with self.assertRaises(DealerUnreachable) as caught:
            push(self.dealer, payloads(1))
        self.assertNotIsInstance(caught.exception, DealerSlowDown)
        self.assertEqual(caught.exception.retry_after, 90.0)

    def test_nobody_asks_meanwhile(self):
        self.dealer.inject("status", "product", status=429, headers={"Retry-After": "100"})
        with self.assertRaises(DealerSlowDown):
            push(self.dealer, payloads(1))
        self.dealer.requests.clear()
        with self.assertRaises(DealerSlowDown) as caught:
            push(self.dealer, payloads(1))
        self.assertEqual((caught.exception.code, self.dealer.requests), ("pace_kept", []))
        self.time += 100
        self.assertEqual(statuses(push(self.dealer, payloads(1))), ["sent"])

    def test_the_name_has_to_wait(self):
        """The order is there; that the server asked for a pause is not lost."""
        self.dealer.inject("status", "sale.order.search_read", status=429)
        with connect(self.dealer) as session:
            [result] = push_orders(session, [Order.from_payload(payload(1))])
        self.assertEqual((result.status, result.remote_name), ("sent", None))
        self.assertEqual(session.slow_down.retry_after, 60.0)
        self.assertEqual(self.dealer.calls("sale.order.search_read"), 1)

    def test_a_short_pause_is_waited_for(self):
        headers = {"Retry-After": "3"}
        self.dealer.inject("status", "sale.order.search_read", status=429, headers=headers)
        [result] = push(self.dealer, payloads(1))
        self.assertEqual((result.status, result.remote_name), ("sent", "S00001"))

    def test_orders_at_a_pace(self):
        for _turn in range(3):
            push(self.dealer, payloads(1))
        self.dealer.requests.clear()
        began = self.time
        for _turn in range(5):
            known = {"server_version": "19.0", "uid": self.dealer.uid}
            push(self.dealer, payloads(1), requests_per_second=1.0, **known)
        self.assertEqual(len(self.dealer.requests), 15)
        self.assertEqual(self.time - began, 14)
