# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A batch of orders: each exactly once, one bad one does not sink the rest, few requests."""

import json
from concurrent.futures import ThreadPoolExecutor

from ...dealer_api import (
    ConnectionSettings,
    DealerAccessRefused,
    DealerBadAnswer,
    DealerError,
    DealerFault,
    DealerSession,
    DealerUnreachable,
    Order,
    push_orders,
    read_orders,
    render,
)
from .common import LOOK_UPS, PROTOCOLS, DealerApiCase, cases
from .fault_dealer import FaultDealer, OdooError

NAMESPACE = "bpo_crm_0123456789ab"


def connect(dealer, protocol="xmlrpc", **kwargs):
    return DealerSession(
        ConnectionSettings(
            dealer.url,
            dealer.database,
            dealer.login,
            dealer.secret,
            protocol=protocol,
            allow_http=True,
            allow_private=True,
            **{"read_timeout": 10.0, **kwargs},
        )
    )


def push(dealer, payloads, protocol="xmlrpc", **kwargs):
    with connect(dealer, protocol, **kwargs) as session:
        # As they come out of a database: through JSON
        stored = json.loads(json.dumps(payloads))
        return push_orders(session, [Order.from_payload(each) for each in stored])


def payload(number, codes=("VH-1",), currency="EUR", **customer):
    customer = {
        "external_id": f"{NAMESPACE}.customer_{number}",
        "name": f"Customer {number}",
        "email": f"customer-{number}@buyer.example",
        "phone": None,
        "street": None,
        "street2": None,
        "zip": None,
        "city": None,
        "country_code": None,
        "company_name": None,
        **customer,
    }
    return {
        "external_id": f"{NAMESPACE}.lead_{number}",
        "reference": f"BPO/LEAD/{number}",
        "origin": f"Lead {number}",
        "currency": currency,
        "customer": customer,
        "lines": [
            {"default_code": code, "name": f"Unit {code}", "quantity": 1.0, "price_unit": 100.0}
            for code in codes
        ],
    }


def payloads(count):
    return [payload(number) for number in range(1, count + 1)]


def statuses(results):
    return [result.status for result in results]


BAD_ONES = [{1}, {2}, {25}, {50}, {1, 2}, {1, 50}, {3, 4, 30}, set(range(5, 17)), set(range(1, 51))]


class TestDealerOrders(DealerApiCase):
    """Batches of orders, against a dealer in memory."""

    def prepare(self):
        self.dealer.add_product("VH-1")
        self.dealer.add_product("VH-2")

    def set_kind(self, kind):
        """Make the dealer one with or one without the apps that normalize e-mails and phones."""
        if kind == "plain":
            self.dealer.missing_fields["res.partner"] = {
                "email_normalized",
                "phone_sanitized",
                "company_name",
            }

    # ------------------------------------------------------------
    # What is created
    # ------------------------------------------------------------
    @cases("version", ["19.0", "16.0"])
    def test_one_order(self, version):
        self.start_case(version=version)
        order = payload(
            1,
            codes=("VH-1", "VH-2"),
            name="Ann Ash",
            phone="+3225550101",
            street="High Street 1",
            city="Ghent",
            zip="9000",
            country_code="be",
            company_name="Ash & Co",
        )
        order["lines"][1].update(quantity=2.5, price_unit=0.0, name="Gift <b>&</b> \x07 more")
        [result] = push(self.dealer, [order])
        self.assertEqual((result.status, result.code, result.remote_id), ("sent", "order_sent", 1))
        self.assertEqual(
            (result.remote_name, result.remote_currency, result.notes), ("S00001", "EUR", [])
        )
        self.assertTrue(result.text)
        created = self.dealer.order_of(f"{NAMESPACE}.lead_1")
        self.assertEqual(created["client_order_ref"], "BPO/LEAD/1")
        self.assertEqual(created["origin"], "Lead 1")
        self.assertEqual(
            created["order_line"],
            [
                {
                    "product_id/.id": 1,
                    "product_uom_qty": 1.0,
                    "price_unit": 100.0,
                    "name": "Unit VH-1",
                },
                {
                    "product_id/.id": 2,
                    "product_uom_qty": 2.5,
                    "price_unit": 0.0,
                    # Control characters cannot be sent in XML
                    "name": "Gift <b>&</b>  more",
                },
            ],
        )
        [customer] = self.dealer.partners.values()
        self.assertEqual(customer["name"], "Ann Ash")
        self.assertEqual(customer["country_id/.id"], 20)
        self.assertEqual(
            {key: customer[key] for key in ("street", "city", "zip", "company_name")},
            {
                "street": "High Street 1",
                "city": "Ghent",
                "zip": "9000",
                "company_name": "Ash & Co",
            },
        )
        self.assertEqual(
            self.dealer.external_ids[f"{NAMESPACE}.customer_1"], ("res.partner", 1, True)
        )
        self.assertEqual(self.dealer.external_ids[f"{NAMESPACE}.lead_1"], ("sale.order", 1, True))
        self.assertEqual(
            {tuple(context.items()) for _model, context in self.dealer.contexts},
            {(("mode", "update"), ("noupdate", True))},
        )

    @cases("protocol", PROTOCOLS)
    def test_fifty_orders_in_a_handful_of_requests(self, protocol):
        results = push(self.dealer, payloads(1), protocol)
        alone = len(self.dealer.requests)
        results = push(self.dealer, payloads(50), protocol)
        self.assertEqual(statuses(results), ["sent"] * 50)
        self.assertEqual([result.remote_id for result in results], list(range(1, 51)))
        self.assertEqual([result.remote_name for result in results[:2]], ["S00001", "S00002"])
        self.assertLessEqual(len(self.dealer.requests) - alone, alone)
        self.assertLessEqual(alone, 13)
        self.assertEqual(self.dealer.calls("sale.order.load"), 2)

    @cases("protocol", ["auto", "xmlrpc", "json2"])
    def test_requests_once_the_dealer_is_known(self, protocol):
        push(self.dealer, payloads(50), protocol)
        self.dealer.requests.clear()
        results = push(
            self.dealer, payloads(50), protocol, server_version="19.0", uid=self.dealer.uid
        )
        self.assertEqual(statuses(results), ["sent"] * 50)
        self.assertEqual(
            self.dealer.requests,
            [
                *LOOK_UPS,
                "sale.order.load",
                "sale.order.search_read",
            ],
        )

    @cases("protocol", PROTOCOLS)
    @cases("remembered", [8, 999])
    def test_remembered_as_somebody_else(self, protocol, remembered):
        """The currency is that of the service user's company, not of whoever has the id now."""
        dollar = self.dealer.add("res.currency", name="USD")
        company = self.dealer.add("res.company", name="Other", currency_id=dollar)
        self.assertEqual(self.dealer.add("res.users", login="other", company_id=company), 8)
        results = push(self.dealer, payloads(2), protocol, server_version="19.0", uid=remembered)
        self.assertEqual(statuses(results), ["sent"] * 2)

    @cases("protocol", PROTOCOLS)
    def test_again_is_the_same(self, protocol):
        """What the dealer has changed meanwhile stays as it is."""
        before = push(self.dealer, payloads(5), protocol)
        self.dealer.orders[2]["client_order_ref"] = "changed by the dealer"
        self.dealer.orders[2]["order_line"] = []
        self.dealer.partners[3]["name"] = "Renamed"
        self.dealer.partners[3]["email"] = "moved@buyer.example"
        again = push(self.dealer, payloads(5), protocol)
        self.assertEqual([r.remote_id for r in again], [r.remote_id for r in before])
        self.assertEqual(len(self.dealer.orders), len(self.dealer.partners))
        self.assertEqual(len(self.dealer.partners), 5)
        self.assertEqual(self.dealer.orders[2]["client_order_ref"], "changed by the dealer")
        self.assertEqual(self.dealer.orders[2]["order_line"], [])
        self.assertEqual(self.dealer.partners[3]["name"], "Renamed")

    def test_nothing_to_do(self):
        self.assertEqual(push(self.dealer, []), [])
        self.assertEqual(self.dealer.requests, [])

    def test_the_same_order_twice_in_a_batch(self):
        results = push(self.dealer, [payload(1), payload(2), payload(1)])
        self.assertEqual([result.remote_id for result in results], [1, 2, 1])
        self.assertEqual(len(self.dealer.orders), 2)

    def test_callers_at_once_make_one_order(self):
        with ThreadPoolExecutor(6) as pool:
            results = list(pool.map(lambda _turn: push(self.dealer, [payload(1)])[0], range(6)))
        self.assertEqual({result.remote_id for result in results}, {1})
        self.assertEqual(len(self.dealer.orders), len(self.dealer.partners))
        self.assertEqual(len(self.dealer.partners), 1)

    def test_names_are_filled_in_later(self):
        push(self.dealer, payloads(2))
        self.dealer.orders[1]["user_id"] = 99
        with connect(self.dealer) as session:
            readable = read_orders(session, [1, 2])
            self.assertEqual(
                {number: (order.name, order.currency) for number, order in readable.items()},
                {2: ("S00002", "EUR")},
            )
            self.assertEqual(read_orders(session, []), {})

    def test_an_order_given_to_somebody_else(self):
        push(self.dealer, payloads(2))
        self.dealer.orders[1]["user_id"] = 99
        results = push(self.dealer, payloads(2))
        self.assertEqual(statuses(results), ["sent", "sent"])
        self.assertEqual([result.remote_id for result in results], [1, 2])
        self.assertEqual([result.remote_name for result in results], [None, "S00002"])
        self.assertEqual([note[0] for note in results[0].notes], ["name_unknown"])

    # ------------------------------------------------------------
    # No answer
    # ------------------------------------------------------------
    @cases("protocol", PROTOCOLS)
    @cases("fault", ["drop_after", "cut", "hang_after"])
    @cases("call", ["sale.order.load", "res.partner.load"])
    def test_an_answer_is_lost(self, protocol, fault, call):
        """The dealer did it, we do not know: asked again, nothing is there twice."""
        self.dealer.inject(fault, call)
        with self.assertRaises(DealerUnreachable) as caught:
            push(self.dealer, payloads(3), protocol, read_timeout=0.5)
        self.assertEqual(self.dealer.calls(call), 1)
        # A customer who may have been created is no order.
        self.assertIs(caught.exception.request_sent, call == "sale.order.load")
        self.assertEqual(len(self.dealer.partners), 3)
        self.assertEqual(len(self.dealer.orders), 3 if call == "sale.order.load" else 0)
        results = push(self.dealer, payloads(3), protocol)
        self.assertEqual([result.remote_id for result in results], [1, 2, 3])
        self.assertEqual(len(self.dealer.partners), len(self.dealer.orders))
        self.assertEqual(len(self.dealer.orders), 3)

    @cases("fault", ["drop_before", "html", "server_error", "user_error", "access_denied"])
    @cases(
        "call",
        [
            "authenticate",
            "product.product.search_read",
            "res.users.search_read",
            "res.company.read",
            "res.partner.search_read",
        ],
    )
    def test_a_problem_before_the_orders(self, call, fault):
        self.dealer.inject(fault, call)
        with self.assertRaises(DealerError) as caught:
            push(self.dealer, payloads(3))
        self.assertIs(caught.exception.request_sent, False)
        self.assertEqual(caught.exception.remedy, "pause" if fault == "access_denied" else "retry")
        self.assertEqual(self.dealer.calls(call), 1)
        self.assertEqual(len(self.dealer.orders), 0)

    @cases("fault", ["drop_after", "server_error", "access_error", "html"])
    def test_names_are_no_reason_to_fail(self, fault):
        self.dealer.inject(fault, "sale.order.search_read", times=2)
        results = push(self.dealer, payloads(2))
        self.assertEqual(statuses(results), ["sent", "sent"])
        self.assertEqual(
            [(result.remote_id, result.remote_name) for result in results], [(1, None), (2, None)]
        )

    def test_broken_off_half_way(self):
        """What is there is reported, the rest waits; nobody waits once more for the names."""
        self.dealer.reject = lambda model, values: (
            "No." if values.get("client_order_ref") == "BPO/LEAD/2" else None
        )
        calls = []

        def fault_at_the_third(name):
            calls.append(name)
            return ("drop_before", {}) if calls.count("sale.order.load") == 3 else (None, {})

        self.dealer.take_fault = fault_at_the_third
        results = push(self.dealer, payloads(3))
        self.assertEqual(statuses(results), ["sent", "retry", "sent"])
        self.assertEqual(results[1].code, "order_postponed")
        self.assertEqual(self.dealer.requests[-1], "sale.order.load")

    @cases(
        "value",
        [
            "yes",
            {"ids": "all"},
            {"ids": [1, "2", 3]},
            {"ids": [True, True, True]},
            {"ids": [1, 2, 0]},
            {"ids": False, "messages": "none"},
        ],
    )
    def test_load_answers_nonsense(self, value):
        self.dealer.inject("nonsense", "sale.order.load", value=value)
        with self.assertRaises(DealerBadAnswer) as caught:
            push(self.dealer, payloads(3))
        self.assertEqual(
            (caught.exception.code, caught.exception.request_sent), ("unexpected_answer", True)
        )

    def test_load_answers_too_few_ids(self):
        self.dealer.inject("nonsense", "sale.order.load", value={"ids": [1], "messages": []})
        results = push(self.dealer, payloads(3))
        self.assertEqual([result.remote_id for result in results], [1, 2, 3])

    # ------------------------------------------------------------
    # Bad orders among good ones
    # ------------------------------------------------------------
    @cases("protocol", PROTOCOLS)
    @cases(
        ("codes", "code", "named"),
        [
            (["VH-1", "NEW-7"], "product_unknown", "NEW-7"),
            (["NEW-8", "NEW-7"], "product_unknown", "NEW-7, NEW-8"),
            (["TWICE"], "product_ambiguous", "TWICE"),
            ([""], "product_unknown", "?"),
        ],
    )
    def test_products(self, protocol, codes, code, named):
        self.dealer.add_product("TWICE")
        self.dealer.add_product("TWICE")
        results = push(self.dealer, [payload(1), payload(2, codes=codes), payload(3)], protocol)
        self.assertEqual(statuses(results), ["sent", "failed", "sent"])
        self.assertEqual((results[1].code, results[1].details), (code, {"codes": named}))
        self.assertIn(named, results[1].text)
        self.assertEqual(len(self.dealer.orders), len(self.dealer.partners))
        self.assertEqual(len(self.dealer.partners), 2)

    def test_archived_products_do_not_count(self):
        self.dealer.tables["product.product"][1]["active"] = False
        [result] = push(self.dealer, [payload(1)])
        self.assertEqual(result.code, "product_unknown")

    def test_an_order_the_dealer_has_is_not_refused(self):
        """The answer of the first attempt was lost, then the product was renamed."""
        push(self.dealer, [payload(1)])
        self.dealer.tables["product.product"][1]["default_code"] = "RENAMED"
        results = push(self.dealer, [payload(1), payload(2)])
        self.assertEqual(statuses(results), ["sent", "failed"])
        self.assertEqual((results[0].remote_id, results[0].remote_name), (1, "S00001"))
        self.assertEqual(len(self.dealer.orders), 1)

    @cases("bad", BAD_ONES)
    def test_refused_when_created(self, bad):
        """``load()`` puts a common error first, under the number of an innocent."""
        references = {f"BPO/LEAD/{number}" for number in bad}
        self.dealer.reject = lambda model, values: (
            f"{values['client_order_ref']} must not be."
            if values.get("client_order_ref") in references
            else None
        )
        results = push(self.dealer, payloads(50))
        failed = {number for number, result in enumerate(results, 1) if result.status == "failed"}
        self.assertEqual(failed, bad)
        self.assertLessEqual({result.status for result in results}, {"sent", "failed"})
        for number in bad:
            result = results[number - 1]
            self.assertEqual(result.code, "order_refused")
            self.assertEqual(result.details["message"], f"BPO/LEAD/{number} must not be.")
        self.assertEqual(len(self.dealer.orders), 50 - len(bad))
        self.assertLessEqual(self.dealer.calls("sale.order.load"), 3 + len(bad))

    @cases("bad", BAD_ONES)
    def test_refused_when_read(self, bad):
        """The products of some orders vanish between the look-up and ``load()``."""
        vanishing = {self.dealer.add_product(f"GONE-{number}"): number for number in bad}
        original = self.dealer.call

        def call(model, method, *args, **kwargs):
            if (model, method) == ("sale.order", "load"):
                for product_id in vanishing:
                    self.dealer.tables["product.product"].pop(product_id, None)
            return original(model, method, *args, **kwargs)

        self.dealer.call = call
        orders = payloads(50)
        for number in bad:
            orders[number - 1] = payload(number, codes=("VH-1", f"GONE-{number}", "VH-2"))
        results = push(self.dealer, orders)
        failed = {number for number, result in enumerate(results, 1) if result.status == "failed"}
        self.assertEqual(failed, bad)
        self.assertEqual(len(self.dealer.orders), 50 - len(bad))

    def test_words_of_a_refusal(self):
        self.dealer.reject = lambda model, values: (
            "<p>No &amp; <b>never</b></p>\nTraceback (most recent call last):\n  File x\n"
            "ValueError: no"
            if model == "sale.order"
            else None
        )
        [result] = push(self.dealer, [payload(1)])
        self.assertEqual(result.status, "failed")
        self.assertNotIn("Traceback", result.text)
        self.assertNotIn("<", result.text)

    def test_a_country_that_may_not_be_read(self):
        self.dealer.denied.add(("res.country", "read"))
        [result] = push(self.dealer, [payload(1, country_code="BE")])
        self.assertEqual(result.status, "sent")
        self.assertNotIn("country_id/.id", self.dealer.partners[1])

    def test_a_refused_customer(self):
        self.dealer.reject = lambda model, values: (
            "Not this one." if values.get("name") == "Customer 2" else None
        )
        results = push(self.dealer, payloads(3))
        self.assertEqual(statuses(results), ["sent", "failed", "sent"])
        self.assertEqual(
            (results[1].code, results[1].details),
            (
                "customer_refused",
                {"message": "Not this one."},
            ),
        )

    @cases("protocol", PROTOCOLS)
    @cases(
        ("right", "code"),
        [
            (("sale.order", "create"), "order_refused"),
            (("res.partner", "create"), "customer_refused"),
            (("product.product", "read"), "right_missing"),
            (("res.partner", "read"), "right_missing"),
        ],
    )
    def test_a_missing_right_on_one_model(self, protocol, right, code):
        self.dealer.denied.add(right)
        results = push(self.dealer, payloads(2), protocol)
        self.assertEqual(statuses(results), ["failed", "failed"])
        self.assertEqual({result.code for result in results}, {code})
        self.assertIn("not allowed", results[0].text)
        self.assertEqual(len(self.dealer.orders), 0)

    def test_no_sales_app(self):
        del self.dealer.tables["sale.order"]
        with self.assertRaises(DealerAccessRefused) as caught:
            push(self.dealer, payloads(2))
        self.assertEqual(
            (caught.exception.code, caught.exception.request_sent), ("sales_missing", False)
        )

    @cases(
        ("change", "code"),
        [
            ({"lines": []}, "order_empty"),
            ({"external_id": "no-module"}, "payload_invalid"),
            ({"external_id": None}, "payload_invalid"),
            ({"currency": ""}, "payload_invalid"),
            ({"customer": None}, "payload_invalid"),
        ],
    )
    def test_an_incomplete_snapshot(self, change, code):
        results = push(self.dealer, [payload(1), {**payload(2), **change}])
        self.assertEqual(statuses(results), ["sent", "failed"])
        self.assertEqual(results[1].code, code)

    # ------------------------------------------------------------
    # Conflicts and internal errors at the dealer
    # ------------------------------------------------------------
    @cases("protocol", PROTOCOLS)
    @cases("fault", ["serialization", "serialization_fault"])
    def test_a_conflict_that_passes(self, protocol, fault):
        self.dealer.inject(fault, "sale.order.load")
        results = push(self.dealer, payloads(20), protocol)
        self.assertEqual(statuses(results), ["sent"] * 20)
        self.assertEqual(len(self.dealer.orders), 20)

    @cases("protocol", PROTOCOLS)
    @cases("fault", ["serialization", "serialization_fault"])
    def test_a_conflict_that_stays(self, protocol, fault):
        self.dealer.inject(fault, "sale.order.load", times=100)
        results = push(self.dealer, payloads(3), protocol)
        self.assertEqual(statuses(results), ["retry"] * 3)
        self.assertEqual({result.code for result in results}, {"order_busy"})
        self.assertLessEqual(self.dealer.calls("sale.order.load"), 12)

    @cases("protocol", PROTOCOLS)
    def test_an_internal_error_of_one_order(self, protocol):
        """It is found by halving, and waits; the others are not held up."""
        original = self.dealer.call

        def call(model, method, ids, kwargs, fault=None):
            if method == "load" and any("BPO/LEAD/7" in row for row in kwargs["data"]):
                raise OdooError("KeyError", "'boom'")
            return original(model, method, ids, kwargs, fault)

        self.dealer.call = call
        results = push(self.dealer, payloads(20), protocol)
        self.assertEqual(statuses(results), ["sent"] * 6 + ["retry"] + ["sent"] * 13)
        self.assertEqual(results[6].code, "remote_error")
        self.assertNotIn("Traceback", results[6].text)
        self.assertEqual(len(self.dealer.orders), 19)
        self.assertLessEqual(self.dealer.calls("sale.order.load"), 12)

    @cases("protocol", PROTOCOLS)
    def test_internal_errors_of_all_orders(self, protocol):
        """That is the dealer's trouble: it is given up soon, and may have created something."""
        self.dealer.inject("server_error", "sale.order.load", times=1000)
        with self.assertRaises(DealerFault) as caught:
            push(self.dealer, payloads(50), protocol)
        self.assertEqual((caught.exception.remedy, caught.exception.request_sent), ("retry", True))
        self.assertLessEqual(self.dealer.calls("sale.order.load"), 15)

    # ------------------------------------------------------------
    # Currency
    # ------------------------------------------------------------
    @cases("protocol", PROTOCOLS)
    def test_currency_of_the_company(self, protocol):
        results = push(self.dealer, [payload(1), payload(2, currency="USD")], protocol)
        self.assertEqual(statuses(results), ["sent", "failed"])
        self.assertEqual(
            (results[1].code, results[1].details),
            (
                "currency_mismatch",
                {"currency": "USD", "dealer_currency": "EUR"},
            ),
        )
        # Nothing was created for it.
        self.assertEqual(len(self.dealer.orders), len(self.dealer.partners))
        self.assertEqual(len(self.dealer.partners), 1)

    @cases("protocol", PROTOCOLS)
    def test_currency_where_customers_have_no_price_list(self, protocol):
        """Then it is the company's for whomever, also for those whom the dealer has already."""
        self.dealer.missing_fields["res.partner"].add("property_product_pricelist")
        for number in (1, 2):
            self.dealer.add_partner(
                name=f"Customer {number}", email=f"customer-{number}@buyer.example"
            )
        orders = [payload(1), payload(2, currency="USD"), payload(3, currency="USD")]
        results = push(self.dealer, orders, protocol)
        self.assertEqual(statuses(results), ["sent", "failed", "failed"])
        self.assertEqual({result.code for result in results[1:]}, {"currency_mismatch"})
        self.assertEqual((len(self.dealer.orders), len(self.dealer.partners)), (1, 2))

    def test_currency_of_the_price_list(self):
        dollar = self.dealer.add("res.currency", name="USD")
        pricelist = self.dealer.add("product.pricelist", name="Export", currency_id=dollar)
        for number in (1, 2):
            self.dealer.add_partner(
                name="Exporter",
                email=f"customer-{number}@buyer.example",
                property_product_pricelist=pricelist,
            )
        results = push(self.dealer, [payload(1), payload(2, currency="USD"), payload(3)])
        self.assertEqual(statuses(results), ["failed", "sent", "sent"])
        self.assertEqual(
            (results[0].code, results[0].details["dealer_currency"]), ("currency_mismatch", "USD")
        )
        self.assertEqual([result.remote_currency for result in results[1:]], ["USD", "EUR"])

    def test_currency_that_could_not_be_known(self):
        """The price list may not be read: seen on the order only, which exists by then."""
        dollar = self.dealer.add("res.currency", name="USD")
        pricelist = self.dealer.add("product.pricelist", name="Export", currency_id=dollar)
        self.dealer.add_partner(
            name="Customer 1",
            email="customer-1@buyer.example",
            property_product_pricelist=pricelist,
        )
        self.dealer.missing_fields["res.partner"].add("property_product_pricelist")
        [result] = push(self.dealer, [payload(1)])
        self.assertEqual((result.status, result.remote_currency), ("sent", "USD"))
        self.assertEqual([note[0] for note in result.notes], ["currency_differs"])
        self.assertIn("USD instead of EUR", render(*result.notes[0]))

    @cases(
        ("stored", "sent"),
        [
            ("ann@buyer.example", "ann@buyer.example"),
            ("Ann@Buyer.Example", "ann@buyer.example"),
            ("ann@buyer.example", "ANN@BUYER.EXAMPLE"),
            ("a_n%n\\@buyer.example", "a_n%n\\@buyer.example"),
        ],
    )
    @cases("kind", ["normalized", "plain"])
    def test_customer_by_email(self, kind, stored, sent):
        self.set_kind(kind)
        partner_id = self.dealer.add_partner(name="Ann", email=stored)
        [result] = push(self.dealer, [payload(1, email=sent)])
        self.assertEqual(result.status, "sent")
        self.assertEqual(self.dealer.orders[1]["partner_id/.id"], partner_id)
        self.assertEqual(len(self.dealer.partners), 1)

    @cases("stored", ["aXnn@buyer.example", "ann@buyer.example.org", "xann@buyer.example"])
    @cases("kind", ["normalized", "plain"])
    def test_not_the_customers_email(self, kind, stored):
        self.set_kind(kind)
        self.dealer.add_partner(name="Other", email=stored)
        push(
            self.dealer,
            [payload(1, email="a_nn@buyer.example"), payload(2, email="ann@buyer.example")],
        )
        self.assertEqual(len(self.dealer.partners), 3)

    @cases("stored", ["+3225550101", "+32 2 555.01.01", "+32 (2) 555-01-01"])
    @cases("kind", ["normalized", "plain"])
    def test_customer_by_phone(self, kind, stored):
        self.set_kind(kind)
        partner_id = self.dealer.add_partner(name="Ann", phone=stored)
        results = push(
            self.dealer,
            [payload(1, email=None, phone="+3225550101"), payload(2, phone="+32 2 555 01 01")],
        )
        self.assertEqual(statuses(results), ["sent", "sent"])
        self.assertEqual(
            {order["partner_id/.id"] for order in self.dealer.orders.values()}, {partner_id}
        )

    @cases("stored", ["+32255501010", "+33225550101", "0032 2 555 01 02", "no number"])
    @cases("kind", ["normalized", "plain"])
    def test_not_the_customers_phone(self, kind, stored):
        self.set_kind(kind)
        self.dealer.add_partner(name="Other", phone=stored)
        push(self.dealer, [payload(1, email=None, phone="+3225550101")])
        self.assertEqual(len(self.dealer.partners), 2)

    @cases("kind", ["normalized", "plain"])
    def test_customer_by_a_phone_of_unknown_country(self, kind):
        self.set_kind(kind)
        partner_id = self.dealer.add_partner(name="Ann", phone="02/555.01.01")
        push(self.dealer, [payload(1, email=None, phone="02 555 01 01")])
        self.assertEqual(self.dealer.orders[1]["partner_id/.id"], partner_id)

    def test_customer_by_mobile(self):
        with FaultDealer(version="17.0") as dealer:
            dealer.add_product("VH-1")
            dealer.missing_fields["res.partner"] = {"phone_sanitized"}
            partner_id = dealer.add_partner(
                name="Ann", phone="+3225550102", mobile="+32 471 00 00 01"
            )
            push(dealer, [payload(1, email=None, phone="+32471000001")])
            self.assertEqual(dealer.orders[1]["partner_id/.id"], partner_id)

    @cases("kind", ["normalized", "plain"])
    def test_email_counts_more_than_phone(self, kind):
        self.set_kind(kind)
        self.dealer.add_partner(name="Same phone", phone="+3225550101")
        partner_id = self.dealer.add_partner(name="Same e-mail", email="ann@buyer.example")
        push(self.dealer, [payload(1, email="ann@buyer.example", phone="+3225550101")])
        self.assertEqual(self.dealer.orders[1]["partner_id/.id"], partner_id)

    @cases("kind", ["normalized", "plain"])
    def test_several_customers_match(self, kind):
        self.set_kind(kind)
        ids = [self.dealer.add_partner(name=str(i), email="ann@buyer.example") for i in range(3)]
        [result] = push(self.dealer, [payload(1, email="ann@buyer.example")])
        self.assertEqual(self.dealer.orders[1]["partner_id/.id"], ids[0])
        [(code, details)] = result.notes
        self.assertEqual(code, "customer_ambiguous")
        self.assertEqual(details, {"matches": "ann@buyer.example", "partner_id": ids[0]})
        self.assertIn(str(ids[0]), render(code, details))

    def test_archived_customers_are_not_found(self):
        self.dealer.add_partner(name="Gone", email="ann@buyer.example", active=False)
        push(self.dealer, [payload(1, email="ann@buyer.example")])
        self.assertEqual(len(self.dealer.partners), 2)

    def test_one_customer_with_several_orders(self):
        orders = [
            payload(1, email="Ann@buyer.example"),
            payload(2, email="ann@buyer.example"),
            payload(3, email=None, phone="+3225550101"),
            payload(4, email="ann@buyer.example", phone="+3225550101"),
            payload(5, email="bob@buyer.example"),
        ]
        results = push(self.dealer, orders)
        self.assertEqual(statuses(results), ["sent"] * 5)
        partners = [self.dealer.orders[number]["partner_id/.id"] for number in range(1, 6)]
        self.assertEqual(partners[0], partners[1])
        self.assertEqual(partners[1], partners[3])
        self.assertNotIn(partners[4], partners[:4])
        again = push(self.dealer, orders)
        self.assertEqual(
            [result.remote_id for result in again], [result.remote_id for result in results]
        )
        self.assertEqual(len(self.dealer.orders), 5)

    def test_very_many_namesakes_do_not_hide_others(self):
        for number in range(1005):
            self.dealer.add_partner(name=str(number), email="info@buyer.example")
        last = self.dealer.add_partner(name="Ann", email="ann@buyer.example")
        push(
            self.dealer,
            [payload(1, email="info@buyer.example"), payload(2, email="ann@buyer.example")],
        )
        self.assertEqual(self.dealer.orders[2]["partner_id/.id"], last)
        self.assertEqual(len(self.dealer.partners), 1006)

    def test_fields_are_asked_once_per_dealer_and_version(self):
        push(self.dealer, payloads(1))
        push(self.dealer, payloads(2))
        self.assertEqual(self.dealer.calls("res.partner.fields_get"), 1)
        # A dealer without the field any more (an app was removed): it is asked again.
        self.dealer.missing_fields["res.partner"].add("email_normalized")
        self.assertEqual(statuses(push(self.dealer, payloads(3))), ["sent"] * 3)
        self.assertEqual(self.dealer.calls("res.partner.fields_get"), 2)

    # ------------------------------------------------------------
    # Values of hooks
    # ------------------------------------------------------------

    def push_new(self, *orders, **kwargs):
        """Push orders of today's schema, as they come out of a database."""
        stored = json.loads(json.dumps([order.to_payload() for order in orders]))
        with connect(self.dealer, **kwargs) as session:
            return push_orders(session, [Order.from_payload(each) for each in stored])

    @cases("protocol", PROTOCOLS)
    def test_values_of_hooks_arrive(self, protocol):
        self.dealer.extra_fields = {
            "sale.order": {"team_id", "tag_ids", "x_urgent"},
            "sale.order.line": {"x_colour"},
            "res.partner": {"lang"},
        }
        order = Order.from_payload(payload(1, codes=("VH-1", "VH-2")))
        order.values.update({"team_id/.id": 3, "tag_ids": ["BPO", "Bike"], "x_urgent": True})
        order.lines[0].values["x_colour"] = "blue"
        order.customer.values["lang"] = "nl_BE"
        [result] = self.push_new(order, protocol=protocol)
        self.assertEqual((result.status, result.notes, result.left_out), ("sent", [], {}))
        created = self.dealer.order_of(f"{NAMESPACE}.lead_1")
        self.assertEqual(created["team_id/.id"], "3")
        self.assertEqual((created["tag_ids"], created["x_urgent"]), ("BPO,Bike", "1"))
        self.assertEqual([line["x_colour"] for line in created["order_line"]], ["blue", ""])
        self.assertEqual(self.dealer.partners[1]["lang"], "nl_BE")

    @cases("protocol", PROTOCOLS)
    def test_what_the_dealer_lacks_is_left_out_and_said(self, protocol):
        self.dealer.extra_fields = {"sale.order": {"team_id"}}
        self.dealer.missing_fields["res.partner"].add("company_name")
        order = Order.from_payload(payload(1, company_name="Ash & Co"))
        order.values.update({"team_id": "BPO", "x_b": 0, "x_a/id": "bpo.a", "x_empty": ""})
        order.lines[0].values["x_colour"] = "blue"
        order.customer.values["x_vip"] = True
        other = Order.from_payload(payload(2))
        results = self.push_new(order, other, protocol=protocol)
        self.assertEqual(statuses(results), ["sent", "sent"])
        left_out = {
            "res.partner": ["company_name", "x_vip"],
            "sale.order": ["x_a", "x_b"],
            "sale.order.line": ["x_colour"],
        }
        self.assertEqual(results[0].left_out, left_out)
        self.assertEqual(
            {details["model"]: details["fields"] for _code, details in results[0].notes}, left_out
        )
        self.assertEqual({code for code, _details in results[0].notes}, {"fields_left_out"})
        said = " ".join(render(*note) for note in results[0].notes)
        for words in ("company_name, x_vip (res.partner)", "x_a, x_b (sale.order)"):
            self.assertIn(words, said)
        self.assertEqual((results[1].left_out, results[1].notes), ({}, []))
        self.assertEqual(self.dealer.orders[1]["team_id"], "BPO")
        # An order without the column keeps the dealer's default: no empty cell is sent for it.
        self.assertNotIn("team_id", self.dealer.orders[2])

    def test_a_known_customer_is_not_written_so_nothing_is_left_out(self):
        self.dealer.add_partner(name="Ann", email="customer-1@buyer.example")
        order = Order.from_payload(payload(1))
        order.customer.values["x_vip"] = True
        [result] = self.push_new(order)
        self.assertEqual((result.status, result.left_out), ("sent", {}))
        self.assertNotIn("x_vip", self.dealer.partners[1])

    def test_fields_of_hooks_are_asked_once(self):
        known = {"protocol": "xmlrpc", "server_version": "19.0", "uid": self.dealer.uid}
        orders = [Order.from_payload(each) for each in payloads(2)]
        for order in orders:
            order.values["x_a"] = "a"
        self.push_new(orders[0], **known)
        self.assertEqual(self.dealer.calls("sale.order.fields_get"), 1)
        self.assertEqual(self.dealer.calls("sale.order.line.fields_get"), 0)
        self.push_new(orders[1], **known)
        self.assertEqual(self.dealer.calls("sale.order.fields_get"), 1)

    def test_a_field_that_is_gone_is_asked_again(self):
        self.dealer.extra_fields = {"sale.order": {"x_a"}}
        orders = [Order.from_payload(each) for each in payloads(3)]
        for order in orders:
            order.values["x_a"] = "a"
        self.push_new(orders[0])
        self.dealer.extra_fields = {}
        results = self.push_new(orders[1])
        self.assertEqual((statuses(results), len(self.dealer.orders)), (["retry"], 1))
        [result] = self.push_new(orders[1])
        self.assertEqual((result.status, result.left_out), ("sent", {"sale.order": ["x_a"]}))

    def test_no_price_is_the_dealers_price(self):
        order = Order.from_payload(payload(1))
        del order.lines[0].values["price_unit"]
        [result] = self.push_new(order)
        self.assertEqual(result.status, "sent")
        self.assertNotIn("price_unit", self.dealer.orders[1]["order_line"][0])

    def test_large_quantities_keep_their_digits(self):
        order = Order.from_payload(payload(1))
        order.lines[0].values.update(product_uom_qty=1234567.25, price_unit=98765432.1)
        self.push_new(order)
        [line] = self.dealer.orders[1]["order_line"]
        self.assertEqual((line["product_uom_qty"], line["price_unit"]), (1234567.25, 98765432.1))

    def test_no_sales_app_is_seen_before_its_fields(self):
        del self.dealer.tables["sale.order"]
        self.dealer.call = lambda model, method, *args: (
            FaultDealer.call(self.dealer, model, method, *args)
            if model != "sale.order"
            else self.fail_as_missing(model)
        )
        order = Order.from_payload(payload(1))
        order.values["x_a"] = "a"
        with self.assertRaises(DealerAccessRefused) as caught:
            self.push_new(order)
        self.assertEqual(caught.exception.code, "sales_missing")

    def fail_as_missing(self, model):
        """Answer as an Odoo without this model."""
        raise OdooError("missing", f"Object {model} doesn't exist")

    def test_a_snapshot_that_cannot_be_read_fails_alone(self):
        orders = [Order.from_payload(each) for each in (payload(1), None, "text", payload(2))]
        with connect(self.dealer) as session:
            results = push_orders(session, orders)
        self.assertEqual(statuses(results), ["sent", "failed", "failed", "sent"])
        self.assertEqual({result.code for result in results[1:3]}, {"payload_invalid"})
        self.assertIn("payload", results[2].text)
