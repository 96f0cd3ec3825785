# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import dataclasses
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.bpo_crm.models.connection.bpo_dealer_connection import BpoDealerConnection
from odoo.addons.bpo_crm.models.connection.bpo_dealer_connection_talks import (
    STANDING_REFUSALS,
    STANDING_TIME,
)

from .common import BpoCrmCommon
from .dealer_api.common import forget_dealers
from .dealer_api.fault_dealer import FaultDealer, _Hangup
from .dealer_common import PushInSameThread

KEY = FaultDealer.api_key


class DyingDealer(FaultDealer):
    """Its worker dies when it is given one of certain orders: nothing of the batch remains."""

    culprits = ()

    def _do_load(self, model, context, fields, data, fault=None):
        if any(culprit in str(data) for culprit in self.culprits):
            raise _Hangup
        return super()._do_load(model, context, fields, data, fault=fault)


class DealerWireCommon(PushInSameThread, BpoCrmCommon):
    """A dealership whose dealer is in memory, and is talked with over HTTP."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cron = cls.env.ref("bpo_crm.ir_cron_push_dealer_orders")
        cls.env["bpo.dealer.order"].search([("state", "=", "pending")]).write(
            {"state": "cancelled"}
        )
        cls.env["ir.config_parameter"].set_param("bpo_crm.allow_private_addresses", "True")

    def setUp(self):
        super().setUp()
        get_settings = BpoDealerConnection._get_connection_settings
        self.enterContext(
            patch.object(
                BpoDealerConnection,
                "_get_connection_settings",
                # seconds, for those faults that are about time
                lambda dealership, **kwargs: dataclasses.replace(
                    get_settings(dealership, **kwargs), read_timeout=1.0
                ),
            )
        )
        self._start_dealer()

    def _start_dealer(self, dealer_class=FaultDealer, **values):
        forget_dealers()
        currency = self.env.company.currency_id.name
        self.dealer = self.enterContext(dealer_class(**{"currency": currency, **values}))
        self.dealer.add_product("TH-100")
        self.dealership.write(
            {
                "odoo_url": self.dealer.url,
                "odoo_db": self.dealer.database,
                "odoo_login": self.dealer.login,
                "odoo_api_key": self.dealer.secret,
                "protocol": "auto",
                "allow_http": True,
                "paused": False,
            }
        )

    def _win(self, count=1, **values):
        leads = self._create_leads(count, **values)
        leads.with_user(self.agent).write({"stage_id": self.stage_sold.id})
        return leads.dealer_order_id


@tagged("post_install", "-at_install")
class TestDealerOrderWire(DealerWireCommon):
    """From the won lead to the dealer's database, over HTTP, each row of section 4.2.

    After each fault the dealer recovers, and the end is the same: one order, and its number on
    the lead.
    """

    def _check_one_order(self, order):
        """Let the dealer recover, push again, and look for the one order."""
        self.dealership.next_attempt = order.next_attempt = False
        self._push()
        self.assertEqual(order.state, "sent", order.error)
        self.assertEqual(list(self.dealer.orders), [order.remote_id])
        self.assertIn(order.external_id, self.dealer.external_ids)
        self.assertEqual(len(self.dealer.partners), 1)
        self.assertEqual(order.lead_id.dealer_so_id, order.remote_id)

    def _check_messages(self, order):
        """No key, traceback or markup reaches a person."""
        chatter = order.lead_id.message_ids.mapped("body")
        texts = f"{order.error} {self.dealership.last_message} {chatter}"
        for word in (KEY, "Traceback", "secret_source_code", "<html", "DOCTYPE"):
            self.assertNotIn(word, texts)

    def test_sent_by_both_protocols_and_versions(self):
        for version, protocol in (
            ("19.0", "auto"),
            ("19.0", "json2"),
            ("19.0", "xmlrpc"),
            ("17.0", "auto"),
            ("12.0", "xmlrpc"),
        ):
            with self.subTest(version=version, protocol=protocol):
                self._start_dealer(version=version)
                self.dealership.protocol = protocol
                order = self._win()
                self._push()
                self.assertEqual(order.state, "sent", order.error)
                self.assertEqual(list(self.dealer.orders), [order.remote_id])
                self.assertEqual(self.dealership.server_version, version)

    def test_fifty_leads_in_a_handful_of_requests(self):
        orders = self._win(50)
        self._push()
        self.assertEqual(set(orders.mapped("state")), {"sent"})
        self.assertEqual(len(self.dealer.orders), 50)
        self.assertEqual(self.dealer.calls("sale.order.load"), 1)
        self.assertLess(len(self.dealer.requests), 15)
        self.assertEqual(len(set(orders.mapped("remote_id"))), 50)

    def test_dealership_backs_off(self):
        """Nobody there, not in time, not to the end, or not an Odoo: try later."""
        for fault, call, options in (
            ("hang", "sale.order.load", {}),
            ("hang", "", {}),
            ("drop_before", "", {}),
            ("drop_before", "sale.order.load", {}),
            ("drop_after", "sale.order.load", {}),
            ("hang_after", "sale.order.load", {}),
            ("cut", "sale.order.load", {}),
            ("status", "", {"status": 503}),
            ("status", "sale.order.load", {"status": 502}),
            ("status", "sale.order.load", {"status": 503}),
            ("status", "", {"status": 504}),
            ("html", "sale.order.load", {}),
            ("garbage", "sale.order.load", {}),
            ("content_type", "sale.order.load", {}),
            ("huge", "sale.order.load", {}),
            ("redirect", "sale.order.load", {}),
        ):
            with self.subTest(fault=fault, call=call, **options):
                self._start_dealer()
                order = self._win()
                self.dealer.inject(fault, call, **options)
                self._push()
                self.assertEqual(order.state, "pending")
                self.assertFalse(self.dealership.paused)
                self.assertEqual(self.dealership.connection_state, "failed")
                self.assertTrue(self.dealership.last_message)
                self.assertGreater(self.dealership.next_attempt, fields.Datetime.now())
                if self.dealer.orders:
                    self.assertTrue(order.possibly_sent)
                self._check_messages(order)
                self._check_one_order(order)

    def test_document_type_in_xml(self):
        self.dealership.protocol = "xmlrpc"
        order = self._win()
        self.dealer.inject("dtd", "sale.order.load")
        self._push()
        self.assertEqual(order.state, "pending")
        self.assertFalse(self.dealership.paused)
        self._check_messages(order)
        self._check_one_order(order)

    def test_server_is_down(self):
        order = self._win()
        self.dealer.stop()
        self._push()
        self.assertEqual(order.state, "pending")
        self.assertFalse(order.possibly_sent, "nothing was sent")
        self.assertTrue(self.dealership.next_attempt)
        self.dealer.start()
        self._check_one_order(order)

    def test_unknown_host(self):
        order = self._win()
        self.dealership.odoo_url = "https://no-such-dealer.invalid"
        self._push()
        self.assertEqual(order.state, "pending")
        self.assertFalse(order.possibly_sent)
        self.assertFalse(self.dealership.paused)
        self.dealership.odoo_url = self.dealer.url
        self._check_one_order(order)

    def test_conflict_at_the_dealer(self):
        order = self._win()
        self.dealer.inject("serialization", "sale.order.load", times=5)
        self._push()
        self.assertEqual(order.state, "pending")
        self.assertFalse(self.dealership.paused)
        self.dealer._faults.clear()
        self._check_one_order(order)

    def _push_until_it_stands(self):
        """Push until a refusal, which may be a hiccup of the dealer's database, has stood."""
        self._push()
        for _attempt in range(STANDING_REFUSALS - 1):
            if not self.dealership.paused:
                self.dealership.refused_since -= STANDING_TIME
                self.dealership.next_attempt = False
                self._push()

    def test_dealership_is_paused(self):
        """Wrong key, login or database: a person has to look."""
        for name, wrong in (
            ("odoo_api_key", "f" * 40),
            ("odoo_login", "nobody"),
            ("odoo_db", "nowhere"),
        ):
            with self.subTest(name):
                self._start_dealer()
                order = self._win()
                self.dealership[name] = wrong
                self._push_until_it_stands()
                self.assertEqual(order.state, "pending")
                self.assertTrue(self.dealership.paused)
                self.assertFalse(order.possibly_sent, "no order can have come to be")
                self.assertTrue(self.dealership.last_message)
                self.assertEqual(len(self.dealership.activity_ids), 1)
                self._check_messages(order)
                self._start_dealer()
                self.dealership.paused = True
                self.dealership.with_user(self.manager).action_test_connection()
                self.assertEqual(
                    self.dealership.connection_state, "connected", self.dealership.last_message
                )
                self._check_one_order(order)

    def test_order_fails(self):
        """The dealer refuses this order; it is put right, and tried again."""
        currency = self.env.company.currency_id.name

        def break_product():
            self.dealer.tables["product.product"].clear()

        def break_right():
            self.dealer.denied.add(("sale.order", "create"))

        def break_rule():
            self.dealer.reject = lambda model, values: (
                "Orders need a warehouse." if model == "sale.order" else None
            )

        def break_currency():
            self.dealer.tables["res.currency"][1]["name"] = "XXX"

        def mend():
            if not self.dealer.tables["product.product"]:
                self.dealer.add_product("TH-100")
            self.dealer.denied.clear()
            self.dealer.reject = lambda model, values: None
            self.dealer.tables["res.currency"][1]["name"] = currency

        for break_it, words in (
            (break_product, "TH-100"),
            (break_right, "sale.order"),
            (break_rule, "Orders need a warehouse."),
            (break_currency, "XXX"),
        ):
            with self.subTest(words):
                self._start_dealer()
                order = self._win()
                break_it()
                self._push()
                self.assertEqual(order.state, "failed")
                self.assertIn(words, order.error)
                self.assertFalse(self.dealership.paused)
                self.assertEqual(self.dealership.connection_state, "connected")
                self.assertEqual(order.lead_id.activity_ids.user_id, self.agent)
                self._check_messages(order)
                self.assertFalse(self.dealer.orders)
                mend()
                order.with_user(self.agent).action_retry()
                self._check_one_order(order)

    def test_one_bad_order_does_not_sink_the_rest(self):
        van = self.env["product.product"].create({"name": "Van", "default_code": "NO-SUCH"})
        good = self._win(5)
        bad = self._create_leads()
        bad.line_ids.product_id = van
        bad.with_user(self.agent).write({"stage_id": self.stage_sold.id})
        self._push()
        self.assertEqual(set(good.mapped("state")), {"sent"})
        self.assertEqual(bad.dealer_order_id.state, "failed")
        self.assertIn("NO-SUCH", bad.dealer_order_id.error)
        self.assertEqual(len(self.dealer.orders), 5)

    def test_one_order_that_kills_the_dealers_worker(self):
        """The others arrive; it is given up, with its mark, after three times alone."""
        for protocol in ("json2", "xmlrpc"):
            with self.subTest(protocol):
                self._start_dealer(DyingDealer)
                self.dealership.protocol = protocol
                orders = self._win(9)
                culprit = orders[4]
                self.dealer.culprits = (culprit.reference,)
                for _attempt in range(9):
                    self.dealership.next_attempt = False
                    self._push()
                self.assertEqual(culprit.state, "failed", culprit.error)
                self.assertTrue(culprit.possibly_sent)
                self.assertEqual(culprit.crash_count, 3)
                self.assertEqual(set((orders - culprit).mapped("state")), {"sent"})
                self.assertEqual(len(self.dealer.orders), 8)
                self._check_messages(culprit)
                # the dealer mends it, and the agent presses Retry
                self.dealer.culprits = ()
                culprit.with_user(self.agent).action_retry()
                self.dealership.next_attempt = False
                self._push()
                self.assertEqual(culprit.state, "sent", culprit.error)
                self.assertEqual(len(self.dealer.orders), 9)

    def test_order_was_given_to_another_salesperson(self):
        order = self._win()
        self.dealer.inject("drop_after", "sale.order.load")
        self._push()
        for values in self.dealer.orders.values():
            values["user_id"] = 99
        self.dealership.next_attempt = False
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertFalse(order.remote_name)
        for values in self.dealer.orders.values():
            values["user_id"] = False
        order.next_attempt = fields.Datetime.now()
        self._push()
        self.assertTrue(order.remote_name)
        self.assertEqual(len(self.dealer.orders), 1)

    @mute_logger("odoo.addons.bpo_crm.models.order.bpo_dealer_order_push")
    def test_the_dealers_later_edits_stay(self):
        order = self._win()
        self.dealer.inject("drop_after", "sale.order.load")
        self._push()
        for values in self.dealer.orders.values():
            values["client_order_ref"] = "changed at the dealer"
        self._check_one_order(order)
        self.assertEqual(
            self.dealer.orders[order.remote_id]["client_order_ref"], "changed at the dealer"
        )
