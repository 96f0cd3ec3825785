# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The same work with a dealer of every version of Odoo, by each way in that the version has."""

from datetime import UTC, datetime, timedelta

from ...dealer_api import (
    HIDDEN,
    MISSING,
    ConnectionSettings,
    DealerAccessRefused,
    DealerSession,
    KnownOrder,
    Order,
    check_connection,
    find_existing,
    look_at_orders,
    push_orders,
    survey_orders,
)
from .common import DealerApiCase, cases
from .test_orders import NAMESPACE, payload, statuses
from .versions import FIRST, LAST, VERSIONS, has

WAYS_IN = [
    (version, protocol)
    for version in VERSIONS
    for protocol in ("xmlrpc", "json2")
    if has(protocol, int(version.partition(".")[0]))
]


class TestDealerVersions(DealerApiCase):
    """What differs between the versions makes no difference to our orders."""

    def prepare(self):
        self.dealer.add_product("VH-1")
        self.dealer.add_product("VH-2")

    def start_version(self, version):
        """Start a dealer of a version in the place of the one that was there."""
        self.start_case(version=version)
        self.dealer.reject = lambda model, values: (
            "Not at this price" if values.get("client_order_ref") == "BPO/LEAD/13" else None
        )

    def settings(self, protocol="auto", **kwargs):
        dealer = self.dealer
        options = {"api_key": dealer.secret, "allow_http": True, "allow_private": True, **kwargs}
        return ConnectionSettings(
            dealer.url, dealer.database, dealer.login, protocol=protocol, **options
        )

    def push(self, protocol, *orders):
        with DealerSession(self.settings(protocol)) as session:
            return push_orders(session, list(orders))

    @staticmethod
    def order(number, quantity=None, **customer):
        order = Order.from_payload(payload(number, **customer))
        if quantity:
            order.lines[0].values["product_uom_qty"] = quantity
        return order

    # ------------------------------------------------------------
    # Test connection
    # ------------------------------------------------------------

    @cases("version", VERSIONS)
    def test_the_way_in_is_found(self, version):
        self.start_version(version)
        report = check_connection(self.settings(), currency="EUR", product_codes=["VH-1"])
        self.assertTrue(report.ok, [line.text for line in report.lines])
        self.assertEqual(report.server_version, version)
        expected = "json2" if self.dealer.has("json2") else "xmlrpc"
        self.assertEqual(report.protocol, expected)
        self.assertEqual(report.lines[-1].code, "check_trial_ok")
        self.assertEqual((self.dealer.orders, self.dealer.partners), ({}, {}))
        self.assertEqual(self.dealer.log, [])

    @cases(("version", "protocol"), WAYS_IN)
    def test_missing_rights_are_said(self, version, protocol):
        self.start_version(version)
        self.dealer.denied.add(("sale.order", "create"))
        report = check_connection(self.settings(protocol), product_codes=["VH-1"])
        [line] = [line for line in report.lines if line.ok is False]
        self.assertEqual(line.code, "check_rights_missing")
        self.assertIn("create sale.order", line.text)

    @cases("version", VERSIONS)
    def test_a_key_where_there_are_none(self, version):
        self.start_version(version)
        settings = self.settings(api_key=self.dealer.api_key)
        with DealerSession(settings) as session:
            if self.dealer.has("api_keys"):
                self.assertEqual(session.uid, self.dealer.uid)
                return
            with self.assertRaises(DealerAccessRefused) as caught:
                _ = session.uid
        self.assertEqual(caught.exception.code, "login_refused")

    # ------------------------------------------------------------
    # Orders
    # ------------------------------------------------------------

    @cases(("version", "protocol"), WAYS_IN)
    def test_orders_arrive_once(self, version, protocol):
        self.start_version(version)
        orders = [self.order(number, country_code="BE") for number in range(1, 4)]
        first = self.push(protocol, *orders)
        again = self.push(protocol, *orders)
        self.assertEqual(statuses(first), ["sent"] * 3)
        self.assertEqual([result.notes for result in (*first, *again)], [[]] * 6)
        self.assertEqual(
            [result.remote_id for result in again], [result.remote_id for result in first]
        )
        self.assertEqual((len(self.dealer.orders), len(self.dealer.partners)), (3, 3))
        self.assertEqual(self.dealer.partners[1]["country_id/.id"], 20)
        self.assertEqual(self.dealer.log, [])

    @cases(("version", "protocol"), WAYS_IN)
    def test_the_answer_is_lost(self, version, protocol):
        self.start_version(version)
        self.dealer.inject("drop_after", "sale.order.load")
        with self.assertRaises(Exception) as caught:
            self.push(protocol, self.order(1))
        self.assertTrue(caught.exception.request_sent)
        [result] = self.push(protocol, self.order(1))
        self.assertEqual((result.status, result.remote_id), ("sent", 1))
        self.assertEqual((len(self.dealer.orders), len(self.dealer.partners)), (1, 1))

    @cases(("version", "protocol"), WAYS_IN)
    def test_what_the_dealer_refuses(self, version, protocol):
        """The words of the dealer's rule, without what only programmers understand."""
        self.start_version(version)
        results = self.push(protocol, *(self.order(number) for number in range(1, 20)))
        refused = results.pop(12)
        self.assertEqual((refused.status, refused.code), ("failed", "order_refused"))
        self.assertEqual(refused.details["message"], "Not at this price")
        self.assertEqual(statuses(results), ["sent"] * 18)

    @cases(("version", "protocol"), WAYS_IN)
    def test_many_are_refused(self, version, protocol):
        """More than ``load()`` of some versions blames at once."""
        self.start_version(version)
        self.dealer.reject = lambda model, values: "No" if model == "sale.order" else None
        results = self.push(protocol, *(self.order(number) for number in range(1, 31)))
        self.assertEqual({result.code for result in results}, {"order_refused"})
        self.assertEqual({result.details["message"] for result in results}, {"No"})

    @cases(("version", "protocol"), WAYS_IN)
    def test_products_that_no_order_may_have(self, version, protocol):
        self.start_version(version)
        self.dealer.add("product.product", default_code="NO-SALE", sale_ok=False)
        self.dealer.add("product.product", default_code="SET", type="combo")
        orders = [
            Order.from_payload(payload(number, codes=(code,)))
            for number, code in enumerate(("VH-1", "GONE", "NO-SALE", "SET"), 1)
        ]
        results = self.push(protocol, *orders)
        self.assertEqual(
            [result.code for result in results],
            ["order_sent", "product_unknown", "product_not_saleable", "product_combo"],
        )
        self.assertEqual(self.dealer.log, [])

    @cases(("version", "protocol"), WAYS_IN)
    def test_fields_that_only_some_versions_have(self, version, protocol):
        self.start_version(version)
        order = self.order(1)
        order.lines[0].values.update({"product_uom/.id": 1, "product_uom_id/.id": 1})
        order.values["locked"] = True
        [result] = self.push(protocol, order)
        self.assertEqual(result.status, "sent")
        lacking = self.dealer.missing_fields
        expected = {
            "sale.order": sorted({"locked"} & lacking["sale.order"]),
            "sale.order.line": sorted(
                {"product_uom", "product_uom_id"} & lacking["sale.order.line"]
            ),
        }
        expected = {model: names for model, names in expected.items() if names}
        self.assertEqual(result.left_out, expected)
        [line] = self.dealer.orders[1]["order_line"]
        units = [name for name in line if name.startswith("product_uom") and name[-4:] == "/.id"]
        self.assertEqual(len(units), 1)

    # ------------------------------------------------------------
    # Customers
    # ------------------------------------------------------------

    @cases(("version", "protocol"), WAYS_IN)
    def test_customers_that_are_there(self, version, protocol):
        self.start_version(version)
        by_email = self.dealer.add_partner(name="Customer 1", email="Customer-1@Buyer.Example")
        by_phone = self.dealer.add_partner(name="Customer 2", phone="+32 2 555 01 01")
        found = [
            self.order(1),
            self.order(2, email="", phone="+3225550101"),
        ]
        if "mobile" not in self.dealer.missing_fields["res.partner"]:
            self.dealer.add_partner(name="Customer 3", mobile="02/555.02.02")
            found.append(self.order(3, email="", phone="025550202"))
        results = self.push(protocol, *found, self.order(4))
        self.assertEqual([result.notes for result in results], [[]] * len(results))
        partners = [order["partner_id/.id"] for order in self.dealer.orders.values()]
        self.assertEqual(partners[:2], [by_email, by_phone])
        self.assertEqual(len(self.dealer.partners), len(results))

    @cases(("version", "protocol"), WAYS_IN)
    def test_the_currency_of_new_customers(self, version, protocol):
        """No order in another currency is sent, whatever a new customer gets of price lists."""
        self.start_version(version)
        dollar = self.dealer.add("res.currency", name="USD")
        self.dealer.add("product.pricelist", name="Export", currency_id=dollar)
        self.dealer.pricelists_used = True
        results = self.push(protocol, self.order(1), self.order(2, currency="USD"))
        self.assertEqual([result.code for result in results], ["currency_mismatch", "order_sent"])
        self.assertEqual(results[1].remote_currency, "USD")

    # ------------------------------------------------------------
    # What is there
    # ------------------------------------------------------------

    @cases(("version", "protocol"), WAYS_IN)
    def test_orders_are_looked_for(self, version, protocol):
        """Without writing anything, and without a trace in the dealer's log."""
        self.start_version(version)
        self.push(protocol, *(self.order(number) for number in (1, 2, 3)))
        self.dealer.orders[2]["user_id"] = 99
        del self.dealer.orders[3]
        self.dealer.denied.add(("sale.order.line", "create"))
        keys = [f"{NAMESPACE}.lead_{number}" for number in (1, 2, 3, 9)]
        keys.append(f"{NAMESPACE}.customer_1")
        self.dealer.requests.clear()
        with DealerSession(self.settings(protocol)) as session:
            self.assertTrue(session.uid and session.server_version)
            logged_in = len(self.dealer.requests)
            self.assertEqual(find_existing(session, "sale.order", keys), set(keys[:2]))
            self.assertEqual(len(self.dealer.requests), logged_in + 1)
            looks = look_at_orders(session, [self.order(number) for number in (1, 2, 3, 9)])
        seen = [look.seen for look in looks.values()]
        self.assertEqual(seen[0].name, "S00001")
        self.assertEqual(seen[1:], [HIDDEN, MISSING, MISSING])
        self.assertEqual(self.dealer.log, [])
        self.assertEqual(len(self.dealer.orders), 2)

    @cases(("version", "protocol"), WAYS_IN)
    def test_orders_are_surveyed(self, version, protocol):
        self.start_version(version)
        self.push(protocol, *(self.order(number) for number in range(1, 6)))
        orders = self.dealer.orders
        orders[1]["state"] = "done" if self.dealer.has("state_done") else "sale"
        orders[2]["state"] = "cancel"
        orders[3]["user_id"] = 99
        del orders[4]
        known = [
            KnownOrder(f"{NAMESPACE}.lead_{number}", number, f"BPO/LEAD/{number}")
            for number in range(1, 5)
        ]
        with DealerSession(self.settings(protocol)) as session:
            survey = survey_orders(session, known)
        seen = [look.seen for look in survey.looks.values()]
        self.assertEqual([each.state for each in seen[:2]], [orders[1]["state"], "cancel"])
        self.assertEqual(seen[2:], [HIDDEN, MISSING])
        self.assertEqual([stranger.id for stranger in survey.strangers], [5])
        self.assertEqual(self.dealer.log, [])

    @cases(("version", "protocol"), WAYS_IN)
    def test_a_newer_content(self, version, protocol):
        self.start_version(version)
        self.push(protocol, self.order(1, quantity=2.0))
        order = self.order(1, quantity=2.0)
        order.maybe_there = True
        order.first_attempt = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=5)
        order.replacement = self.order(1, quantity=7.0)
        [result] = self.push(protocol, order)
        self.assertEqual((result.status, result.content, result.remote_id), ("sent", "old", 1))
        self.dealer.orders[1]["state"] = "cancel"
        [result] = self.push(protocol, order)
        self.assertEqual((result.content, result.external_id), ("new", f"{NAMESPACE}.lead_1_2"))
        self.assertEqual(len(self.dealer.orders), 2)
        self.assertEqual(self.dealer.log, [])

    def test_every_version_is_tried(self):
        self.assertEqual(len(VERSIONS), LAST - FIRST + 1)
        self.assertEqual({version for version, _protocol in WAYS_IN}, set(VERSIONS))
