# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from unittest.mock import patch

import psycopg2

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.bpo_crm.dealer_api import CheckLine, ConnectionReport, DealerUnreachable
from odoo.addons.bpo_crm.models import walk
from odoo.addons.bpo_crm.models.connection import bpo_dealer_connection_check
from odoo.addons.bpo_crm.models.dealership import bpo_dealership_walk
from odoo.addons.bpo_crm.models.engine.dealer_push import MAX_TALKS
from odoo.addons.bpo_crm.models.order import bpo_dealer_order_walk, bpo_dealer_problem

from .test_dealer_problem import ProblemCommon
from .test_dealer_product import ProductsCommon


class WalkCommon:
    """Batches as the client asks for them."""

    def _walk(self, action, user=None):
        """Walk to the end, and return ``{id: text}`` of the problems, and the ids of each batch."""
        params = action["params"]
        problems, batches = {}, []
        for begin in range(0, len(params["ids"]), params["batch_size"]):
            ids = params["ids"][begin : begin + params["batch_size"]]
            records = self.env[params["model"]].with_user(user or self.manager).browse(ids)
            self.env.flush_all()
            with self.enter_registry_test_mode():
                found = getattr(records, params["method"])()
            self.env.invalidate_all()
            problems |= {each["id"]: each["text"] for each in found}
            batches.append(ids)
        return problems, batches

    def _add_dealerships(self, count):
        return self.env["bpo.dealership"].create(
            [
                self._prepare_dealership(
                    name=f"Branch {number:02}",
                    code=f"BR-{number:02}",
                    odoo_url=f"https://branch{number}.example.com",
                )
                for number in range(count)
            ]
        )


@tagged("post_install", "-at_install")
class TestTestWalk(WalkCommon, ProblemCommon):
    """Many connections tested, in batches, side by side."""

    def setUp(self):
        super().setUp()
        self.gone = set()
        self.asked = []
        self.enterContext(
            patch.object(bpo_dealer_connection_check, "check_connection", self._answer)
        )

    def _answer(self, settings, **_kwargs):
        self.asked.append(settings.url)
        if settings.url in self.gone:
            return ConnectionReport([CheckLine("address", "host_unknown", False, {"host": "x"})])
        return ConnectionReport([CheckLine("login", "check_login_ok", True)], "19.0", "json2", 7)

    def test_batches(self):
        dealerships = self._add_dealerships(MAX_TALKS + 3)
        self.gone = {dealerships[3].odoo_url}
        action = dealerships.with_user(self.manager).action_walk_test_connection()
        self.assertEqual(action["params"]["batch_size"], MAX_TALKS)
        with self.assertLogs(walk.__name__) as logs:
            problems, batches = self._walk(action)
        self.assertEqual([len(each) for each in batches], [MAX_TALKS, 3])
        self.assertEqual(list(problems), dealerships[3].ids)
        self.assertEqual(problems[dealerships[3].id], dealerships[3].last_message)
        self.assertEqual(
            set((dealerships - dealerships[3]).mapped("connection_state")), {"connected"}
        )
        self.assertEqual(dealerships[3].connection_state, "failed")
        self.assertIn(f"Connections tested: {MAX_TALKS} in ", logs.output[0])
        self.assertIn("a second; with problems: 1", logs.output[0])

    def test_begins_with_those_that_another_walk_did_not_come_to(self):
        dealerships = self._add_dealerships(4)
        now = fields.Datetime.now()
        for dealership, minutes in zip(dealerships, (1, 0, 30, 5), strict=True):
            dealership.last_check = minutes and now - timedelta(minutes=minutes)
        action = dealerships.with_user(self.manager).action_walk_test_connection()
        self.assertEqual(
            action["params"]["ids"], [dealerships[number].id for number in (1, 2, 3, 0)]
        )

    def test_one_that_cannot_be_tested_keeps_the_others_from_nothing(self):
        dealerships = self._add_dealerships(3)
        dealerships[0].odoo_login = False
        dealerships[2].slowed_until = fields.Datetime.now() + timedelta(hours=1)
        problems, _batches = self._walk(
            dealerships.with_user(self.manager).action_walk_test_connection()
        )
        self.assertEqual(list(problems), [dealerships[0].id, dealerships[2].id])
        self.assertIn("Fill in first", problems[dealerships[0].id])
        self.assertIn("asked for a pause", problems[dealerships[2].id])
        self.assertEqual(self.asked, [dealerships[1].odoo_url])
        self.assertEqual(dealerships[1].connection_state, "connected")

    def test_deleted_meanwhile(self):
        dealerships = self._add_dealerships(2)
        action = dealerships.with_user(self.manager).action_walk_test_connection()
        dealerships[0].unlink()
        self.assertEqual(self._walk(action)[0], {})

    def test_errors_that_nobody_expects(self):
        """Are said of the one dealership, without their words: these may hold a key."""
        dealerships = self._add_dealerships(2)
        for error, words in (
            (psycopg2.OperationalError("secret"), "Somebody else"),
            (ValueError("secret"), "nobody expected"),
        ):
            action = dealerships.with_user(self.manager).action_walk_test_connection()

            def test(model, dealership_id, error=error):
                if dealership_id == dealerships[0].id:
                    raise error

            with (
                patch.object(bpo_dealership_walk.BpoDealership, "_test_apart", test),
                mute_logger("odoo.addons.bpo_crm.models.order.bpo_dealer_order_push"),
            ):
                problems, _batches = self._walk(action)
            self.assertEqual(list(problems), dealerships[0].ids)
            self.assertIn(words, problems[dealerships[0].id])
            self.assertNotIn("secret", problems[dealerships[0].id])

    def test_side_by_side(self):
        """Each waits until all others are asked: one after the other they would wait for ever."""
        dealerships = self._add_dealerships(MAX_TALKS)
        barrier = threading.Barrier(len(dealerships))
        with (
            ThreadPoolExecutor(20) as pool,
            patch.object(type(self.env["bpo.dealer.order"]), "_open_push_pool", lambda _self: pool),
            patch.object(
                bpo_dealership_walk.BpoDealership,
                "_test_apart",
                lambda _self, _id: barrier.wait(30) and None,
            ),
        ):
            self.assertEqual(dealerships.with_user(self.manager).walk_test_connection(), [])

    def test_server_holds_batch_and_rights(self):
        dealerships = self._add_dealerships(MAX_TALKS + 1)
        methods = (
            *("action_walk_test_connection", "walk_test_connection"),
            *("action_walk_check_products", "walk_check_products"),
        )
        for method in methods:
            for user in (self.agent, self.supervisor):
                with self.subTest(method, user=user.login), self.assertRaises(UserError):
                    getattr(dealerships[0].with_user(user), method)()
            if not method.startswith("action"):
                words = f"At most {MAX_TALKS} at a time, not {MAX_TALKS + 1}"
                with self.assertRaisesRegex(UserError, words):
                    getattr(dealerships.with_user(self.manager), method)()
        dealerships[0].company_id = self.env["res.company"].create({"name": "Elsewhere"})
        for method in methods:
            with self.subTest(method), self.assertRaises(AccessError):
                getattr(dealerships[0].with_user(self.manager), method)()
        self.assertFalse(self.asked)


@tagged("post_install", "-at_install")
class TestProductWalk(WalkCommon, ProductsCommon):
    """Many dealerships asked for products, in batches, side by side."""

    def _ask(self, dealerships):
        return self._walk(dealerships.with_user(self.manager).action_walk_check_products())

    def test_asks_at_once_and_for_all(self):
        codes = self.rows._get_codes_to_check(self.dealership)
        self.offers = {
            code: self._known(100 + number) for number, code in enumerate(codes.values())
        }
        dealerships = self.dealership | self._add_dealerships(1)
        dealerships.connection_state = "connected"
        dealerships.write(
            {"products_since": self.since, "last_product_full": fields.Datetime.now()}
        )
        problems, batches = self._ask(dealerships)
        self.assertEqual((problems, [len(each) for each in batches]), ({}, [2]))
        self.assertEqual([since for _codes, _known, since in self.looks], [None, None])
        self.assertTrue(all(dealerships.mapped("products_checked")))

    def test_says_what_is_unknown(self):
        problems, _batches = self._ask(self.dealership)
        count = self.dealership.product_count
        self.assertEqual(
            problems[self.dealership.id],
            f"Products unknown there: {count - 1} of {count}; in doubt: 0.",
        )

    def test_those_that_cannot_be_asked(self):
        gone, held, untested, off = dealerships = self._add_dealerships(4)
        (gone | held | off).connection_state = "connected"
        self.dealer.errors[gone.odoo_url] = DealerUnreachable("host_unknown", host="x")
        held.write({"on_hold": True, "hold_reason": "Moves house."})
        off.next_attempt = fields.Datetime.now() + timedelta(hours=1)
        problems, _batches = self._ask(dealerships)
        self.assertEqual(problems[gone.id], gone.last_message)
        self.assertIn("Moves house.", problems[held.id])
        self.assertIn("Test Connection", problems[untested.id])
        self.assertIn("as soon as that is possible", problems[off.id])
        self.assertEqual(len(self.looks), 1)

    def test_begins_with_those_that_another_walk_did_not_come_to(self):
        dealerships = self._add_dealerships(3)
        now = fields.Datetime.now()
        dealerships[0].write({"products_checked": now, "next_product_check": now})
        dealerships[1].write(
            {"products_checked": now - timedelta(days=1), "next_product_check": now}
        )
        action = dealerships.with_user(self.manager).action_walk_check_products()
        self.assertEqual(action["params"]["ids"], dealerships[::-1].ids)


@tagged("post_install", "-at_install")
class TestRetryWalk(WalkCommon, ProblemCommon):
    """Many failed orders retried, in batches."""

    def setUp(self):
        super().setUp()
        for module in (bpo_dealer_order_walk, bpo_dealer_problem):
            self.enterContext(patch.object(module, "RETRY_BATCH", 3))

    def test_what_is_one_batch_goes_at_once(self):
        orders = self._fail(count=3)
        notice = self._problems().action_walk_retry_all()
        self.assertIn("tried again: 3.", notice["params"]["message"])
        self.assertEqual(set(orders.mapped("state")), {"pending"})

    def test_batches(self):
        orders = self._fail(count=5)
        orders[-1].failed_date = fields.Datetime.now() + timedelta(hours=1)
        action = self._problems().action_walk_retry_all()
        self.assertIn("tried again: 5.", action["params"]["all_well"])
        self.assertEqual(set(orders.mapped("state")), {"failed"})
        problems, batches = self._walk(action, self.supervisor)
        self.assertEqual((problems, [len(each) for each in batches]), ({}, [3, 2]))
        self.assertEqual(batches[-1][-1], orders[-1].id)
        self.assertEqual(set(orders.mapped("state")), {"pending"})
        self.dealer.answers.clear()
        self._push()
        self.assertEqual(set(orders.mapped("state")), {"sent"})
        # some went by themselves while the walk was stopped
        self.assertEqual(self._walk(action, self.supervisor)[0], {})
        self.assertEqual(set(orders.mapped("state")), {"sent"})

    def test_one_that_cannot_go_keeps_the_others_from_nothing(self):
        orders = self._fail(count=4)
        orders[1].lead_id.line_ids.unlink()
        problems, _batches = self._walk(self._problems().action_walk_retry_all(), self.supervisor)
        self.assertEqual(list(problems), orders[1].ids)
        self.assertIn("no units", problems[orders[1].id])
        self.assertEqual(orders[1].state, "failed")
        self.assertEqual(set((orders - orders[1]).mapped("state")), {"pending"})

    def test_server_holds_batch_and_rights(self):
        orders = self._fail(count=4)
        with self.assertRaisesRegex(UserError, "At most 3 at a time, not 4"):
            orders.with_user(self.manager).walk_retry()
        with self.assertRaises(AccessError):
            orders[:2].with_user(self.other_agent).walk_retry()
        self.assertEqual(set(orders.mapped("state")), {"failed"})
