# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a dealer's server hardly ever does: named all the same, and no order is lost by it."""

import errno
import socket
from unittest.mock import patch

from ...dealer_api import (
    DealerBadAnswer,
    DealerError,
    DealerUnreachable,
    check_connection,
    memory,
)
from ...dealer_api.identity import normal_phone
from .common import PROTOCOLS, DealerApiCase, cases
from .test_orders import NAMESPACE, connect, payload, payloads, push, statuses


class TestDealerOddAnswers(DealerApiCase):
    """A server that answers, but not as an Odoo does, or that lets its user see very little."""

    def prepare(self):
        self.dealer.add_product("VH-1")

    # ------------------------------------------------------------
    # Logging in
    # ------------------------------------------------------------

    @cases(
        ("protocol", "call", "value"),
        [
            ("xmlrpc", "authenticate", "7"),
            ("json2", "context_get", {"lang": "en_US"}),
            ("json2", "context_get", {"uid": True}),
            ("json2", "res.users.read", []),
            ("json2", "res.users.read", [{"id": 7, "login": False}]),
        ],
    )
    def test_a_login_with_an_answer_that_makes_no_sense(self, protocol, call, value):
        """Nothing was sent by then, so all is tried again; nobody is told that a key is wrong."""
        self.dealer.inject("nonsense", call, value=value)
        with (
            connect(self.dealer, protocol) as session,
            self.assertRaises(DealerBadAnswer) as caught,
        ):
            _ = session.server_version, session.uid
        error = caught.exception
        self.assertEqual((error.code, error.remedy), ("unexpected_answer", "retry"))
        self.assertEqual(statuses(push(self.dealer, payloads(1), protocol)), ["sent"])

    @cases("protocol", PROTOCOLS)
    def test_a_version_that_is_not_told(self, protocol):
        """It is no reason to send nothing; the test says that it is not known."""
        self.dealer.inject("nonsense", "version", value={}, times=9)
        self.assertEqual(statuses(push(self.dealer, payloads(1), protocol)), ["sent"])
        report = check_connection(connect(self.dealer, protocol).settings, currency="EUR")
        [line] = [line for line in report.lines if line.step == "version"]
        self.assertEqual((line.ok, line.code), (True, "check_version_unknown"))

    @cases("value", [["19.0"], "19.0", {"version": 19}])
    def test_a_version_that_only_one_protocol_tells(self, value):
        self.dealer.inject("nonsense", "version", value=value)
        with connect(self.dealer, "json2") as session:
            self.assertIn(session.server_version, ("19.0", ""))
        self.assertEqual(statuses(push(self.dealer, payloads(1), "json2")), ["sent"])

    @cases("protocol", PROTOCOLS)
    def test_a_user_without_a_company(self, protocol):
        self.dealer.tables["res.users"][self.dealer.uid]["company_id"] = False
        with (
            connect(self.dealer, protocol) as session,
            self.assertRaises(DealerBadAnswer) as caught,
        ):
            _ = session.company
        self.assertEqual(caught.exception.code, "unexpected_answer")

    # ------------------------------------------------------------
    # On the way
    # ------------------------------------------------------------

    def test_a_network_that_leads_nowhere(self):
        """Nothing was sent, and nobody waits for an answer."""
        unreachable = OSError(errno.EHOSTUNREACH, "No route to host")
        with (
            patch.object(socket.socket, "connect", side_effect=unreachable),
            connect(self.dealer) as session,
            self.assertRaises(DealerUnreachable) as caught,
        ):
            _ = session.server_version
        self.assertEqual(
            (caught.exception.code, caught.exception.request_sent), ("connection_failed", False)
        )

    @cases("protocol", PROTOCOLS)
    def test_an_answer_that_is_packed_badly(self, protocol):
        options = {"body": b"no gzip", "headers": {"Content-Encoding": "gzip"}}
        kind = "text/xml" if protocol == "xmlrpc" else "application/json"
        self.dealer.inject("status", "sale.order.load", status=200, kind=kind, **options)
        with self.assertRaises(DealerBadAnswer) as caught:
            push(self.dealer, payloads(1), protocol)
        self.assertEqual(caught.exception.code, "bad_encoding")
        # it was sent, perhaps: once more brings no second one
        self.assertEqual(statuses(push(self.dealer, payloads(1), protocol)), ["sent"])
        self.assertEqual(len(self.dealer.orders), 1)

    @cases("protocol", PROTOCOLS)
    def test_a_proxy_that_we_know_nothing_of(self, protocol):
        self.dealer.inject("status", "sale.order.load", status=407)
        with self.assertRaises(DealerError) as caught:
            push(self.dealer, payloads(1), protocol)
        self.assertEqual(
            (caught.exception.code, caught.exception.remedy), ("http_unauthorized", "pause")
        )

    # ------------------------------------------------------------
    # Rights that are lacking
    # ------------------------------------------------------------

    @cases("protocol", PROTOCOLS)
    def test_price_lists_that_may_not_be_read(self, protocol):
        """In which currency an order comes out is not known beforehand; the order itself tells."""
        self.dealer.pricelists_used = True
        pricelist = self.dealer.add("product.pricelist", name="Export", currency_id=1)
        self.dealer.add_partner(
            name="Customer 1",
            email="customer-1@buyer.example",
            property_product_pricelist=pricelist,
        )
        self.dealer.inject("access_error", "product.pricelist", times=9)
        self.assertEqual(statuses(push(self.dealer, payloads(2), protocol)), ["sent", "sent"])
        self.assertEqual(len(self.dealer.orders), 2)

    def test_a_new_contact_that_may_not_be_read_has_one_name(self):
        """Of two who write from one address the second is told under whose name its order is."""
        self.dealer.inject("access_error", "res.partner.read", times=9)
        email = "office@buyer.example"
        first = payload(1, external_id=f"{NAMESPACE}.customer_1", email=email)
        second = payload(2, external_id=f"{NAMESPACE}.customer_2", email=email)
        results = push(self.dealer, [first, second])
        self.assertEqual(len(self.dealer.partners), 1)
        notes = [[code for code, _details in result.notes] for result in results]
        self.assertEqual(
            notes, [["customer_unreadable"], ["customer_unreadable", "customer_name_differs"]]
        )

    # ------------------------------------------------------------
    # What is kept
    # ------------------------------------------------------------

    def test_a_memory_does_not_grow_for_ever(self):
        """The older half of a dealer's answers goes; of too many dealers all are asked anew."""
        with patch.object(memory, "_MAX_ANSWERS", 4), patch.object(memory, "_MAX_DEALERS", 2):
            kept = memory.open_memory(("one", "19.0"), None)
            for moment in range(5):
                kept.put(f"question {moment}", float(moment), moment)
            answers = [kept.get(f"question {moment}", 5.0, 100.0) for moment in range(5)]
            self.assertEqual(answers, [None, None, 2, 3, 4])
            memory.open_memory(("two", "19.0"), None)
            self.assertIs(memory.open_memory(("one", "19.0"), None), kept)
            memory.open_memory(("three", "19.0"), None)
            self.assertIsNot(memory.open_memory(("one", "19.0"), None), kept)

    @cases(
        ("phone", "normal"),
        [
            ("0032 2 123 45 67", "+3221234567"),
            ("+32 2 123 45 67", "+3221234567"),
            ("00 12345", None),
        ],
    )
    def test_phones_with_two_zeros_are_international(self, phone, normal):
        self.assertEqual(normal_phone(phone), normal)
