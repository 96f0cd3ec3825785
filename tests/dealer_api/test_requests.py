# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How few requests an order takes once the dealer is known, and what that must not cost."""

from datetime import timedelta
from unittest.mock import patch

from ...dealer_api import DealerSession, Order, memory, push_orders, session, transport
from .common import PROTOCOLS, DealerApiCase, cases
from .fault_dealer import OWN_PARTNER, OdooError
from .test_orders import connect, payload, payloads, push, statuses

STEADY = ["res.partner.search_read", "sale.order.load", "sale.order.search_read"]
NEW_CUSTOMERS = ["res.partner.load", "res.partner.read"]
PRODUCTS = ["product.product.search_read"]


def notes_of(result):
    return [code for code, _details in result.notes]


class TestRequests(DealerApiCase):
    """What rarely changes is asked once in a while; what rests on it is proved when it is used."""

    def prepare(self):
        self.product = self.dealer.add_product("VH-1")
        self.known = {"server_version": self.dealer.version, "uid": self.dealer.uid}

    def push(self, *orders, protocol="xmlrpc", **kwargs):
        """Push, and return the results; ``self.dealer.requests`` are those of this time."""
        self.dealer.requests.clear()
        return push(self.dealer, orders, protocol, **{**self.known, **kwargs})

    def warm_up(self, protocol="xmlrpc"):
        """Push so often that the dealer is known, and the customers 1 to 50 are."""
        phones = {"phone": "+3225550999"}
        self.push(
            *(payload(n, **(phones if n == 1 else {})) for n in range(1, 51)), protocol=protocol
        )
        self.push(payload(1), protocol=protocol)
        self.push(payload(2), protocol=protocol)

    def later(self, **shift):
        """Let the clocks, of this process and of the dealer, be so much ahead."""
        shift = timedelta(**shift)
        now = session.utcnow() + shift
        self.dealer.clock_shift = shift.total_seconds()
        for module in (session, transport):
            patched = patch.object(module, "utcnow", lambda: now)
            patched.start()
            self.fixtures.callback(patched.stop)

    # ------------------------------------------------------------
    # How many
    # ------------------------------------------------------------
    @cases("protocol", [*PROTOCOLS, "auto"])
    def test_one_order_of_a_known_customer(self, protocol):
        self.warm_up(protocol)
        order = {**payload(51), "customer": payload(3)["customer"]}
        [result] = self.push(order, protocol=protocol)
        self.assertEqual(self.dealer.requests, STEADY)
        self.assertEqual((result.status, result.remote_name, result.notes), ("sent", "S00051", []))
        [line] = self.dealer.orders[51]["order_line"]
        self.assertEqual(line["product_id/.id"], self.product)

    @cases("version", ["12.0", "16.0", "19.0"])
    @cases("count", [1, 50])
    def test_orders_of_new_customers(self, count, version):
        self.start_case(version=version)
        self.warm_up()
        orders = [payload(100 + number, phone=f"+322555{number:04}") for number in range(count)]
        self.assertEqual(statuses(self.push(*orders)), ["sent"] * count)
        self.assertEqual(len(self.dealer.requests), 6)
        self.assertCountEqual(self.dealer.requests, [*STEADY, *PRODUCTS, *NEW_CUSTOMERS])

    @cases("protocol", PROTOCOLS)
    def test_fifty_orders_of_known_customers(self, protocol):
        self.warm_up(protocol)
        orders = [{**payload(100 + n), "customer": payload(n)["customer"]} for n in range(1, 51)]
        self.assertEqual(statuses(self.push(*orders, protocol=protocol)), ["sent"] * 50)
        self.assertEqual(self.dealer.requests, [*PRODUCTS, *STEADY])

    def test_another_process(self):
        """What was learnt is stored, and needs no look where it is read again."""
        self.warm_up()
        with connect(self.dealer, **self.known) as talk:
            push_orders(talk, [Order.from_payload(payload(60))])
            stored = talk.learnt
        memory.clear()
        order = {**payload(51), "customer": payload(3)["customer"]}
        self.push(order, remembered=stored)
        self.assertEqual(self.dealer.requests, STEADY)

    def test_nothing_new_is_nothing_to_store(self):
        self.warm_up()
        with connect(self.dealer, **self.known) as talk:
            push_orders(talk, [Order.from_payload(payload(3))])
            self.assertIsNone(talk.learnt)

    @cases("stored", [None, [], {"answers": []}, {"version": "19.0", "since": "x", "answers": 7}])
    def test_what_is_stored_may_be_anything(self, stored):
        self.assertEqual(statuses(self.push(payload(1), remembered=stored)), ["sent"])

    def test_an_hour_later(self):
        """What nothing proves, that no other product has the code, is asked again."""
        self.warm_up()
        self.later(minutes=61)
        self.push({**payload(51), "customer": payload(3)["customer"]})
        self.assertEqual(self.dealer.requests, [*PRODUCTS, *STEADY])

    def test_a_day_later(self):
        self.warm_up()
        self.later(hours=25)
        self.push({**payload(51), "customer": payload(3)["customer"]})
        self.assertEqual(
            self.dealer.requests,
            [
                *PRODUCTS,
                "res.users.search_read",
                "res.company.read",
                "res.partner.fields_get",
                *STEADY,
            ],
        )

    def test_a_fresh_session_asks_and_forgets(self):
        self.warm_up()
        with DealerSession(connect(self.dealer, **self.known).settings, fresh=True) as talk:
            self.assertEqual(talk.company_currency, "EUR")
        self.assertEqual(self.dealer.calls("res.company.read"), 1)
        self.push(payload(3))
        self.assertIn(PRODUCTS[0], self.dealer.requests)

    # ------------------------------------------------------------
    # Products
    # ------------------------------------------------------------
    def test_the_code_is_another_products_by_now(self):
        """A remembered id is no product of an order: the code says which one it is."""
        self.warm_up()
        products = self.dealer.tables["product.product"]
        products[self.product] = {"default_code": "OLD-1", "name": "Old"}
        now = self.dealer.add_product("VH-1")
        [result] = self.push({**payload(51), "customer": payload(3)["customer"]})
        self.assertEqual((result.status, result.notes), ("sent", []))
        [line] = self.dealer.orders[51]["order_line"]
        self.assertEqual(line["product_id/.id"], now)

    @cases(
        "other",
        [{}, {"name": "VH-1"}, {"barcode": "VH-1"}, {"default_code": "vh-1"}],
    )
    @cases("change", [{"default_code": "OLD-1"}, {"active": False}])
    def test_no_product_has_the_code_any_more(self, change, other):
        """Neither is one taken that has it for a name or a barcode."""
        self.warm_up()
        self.dealer.tables["product.product"][self.product].update(change)
        self.dealer.add("product.product", **{"default_code": "OTHER", "name": "Other", **other})
        drawn = self.dealer.numbers_drawn
        [result] = self.push({**payload(51), "customer": payload(3)["customer"]})
        self.assertEqual((result.status, result.code), ("failed", "product_unknown"))
        self.assertEqual((len(self.dealer.orders), self.dealer.numbers_drawn), (50, drawn))
        self.assertEqual(self.dealer.calls("sale.order.load"), 1)

    def test_nobody_is_created_for_an_order_without_product(self):
        self.warm_up()
        self.dealer.tables["product.product"][self.product]["default_code"] = "OLD-1"
        [result] = self.push(payload(51))
        self.assertEqual((result.status, result.code), ("failed", "product_unknown"))
        self.assertEqual(len(self.dealer.partners), 50)

    def test_two_products_have_the_code_by_now(self):
        """The order has one that has the code; it is said, and the next one is refused."""
        self.warm_up()
        self.dealer.add_product("VH-1")
        [result] = self.push({**payload(51), "customer": payload(3)["customer"]})
        self.assertEqual((result.status, notes_of(result)), ("sent", ["product_ambiguous"]))
        [result] = self.push({**payload(52), "customer": payload(3)["customer"]})
        self.assertEqual((result.status, result.code), ("failed", "product_ambiguous"))

    def test_a_dealer_whose_codes_find_other_products(self):
        """An addon of the dealer may search in its own way: seen once, and not relied upon."""
        other = self.dealer.add_product("OTHER")
        find = self.dealer._find_product

        def find_other(line, info, messages):
            find(line, info, messages)
            line["product_id/.id"] = other

        self.dealer._find_product = find_other
        self.push(*payloads(3))
        [result] = self.push({**payload(51), "customer": payload(3)["customer"]})
        self.assertEqual((result.status, notes_of(result)), ("sent", ["lines_differ"]))
        for number in (52, 53):
            [result] = self.push({**payload(number), "customer": payload(3)["customer"]})
            self.assertEqual((result.status, notes_of(result)), ("sent", []))
            [line] = self.dealer.orders[number - 47]["order_line"]
            self.assertEqual(line["product_id/.id"], self.product)

    @cases("code", ["A]B", "[A", " A", "A\nB"])
    def test_codes_that_cannot_stand_in_brackets(self, code):
        self.dealer.add_product(code)
        for number in (1, 2, 3):
            [result] = self.push({**payload(number, [code]), "customer": payload(1)["customer"]})
            self.assertEqual((result.status, result.notes), ("sent", []))
            self.assertIn(PRODUCTS[0], self.dealer.requests)

    def test_products_of_companies_are_looked_up(self):
        self.dealer.tables["product.product"][self.product]["company_id"] = 1
        self.warm_up()
        [result] = self.push({**payload(51), "customer": payload(3)["customer"]})
        self.assertEqual(self.dealer.requests, [*PRODUCTS, *STEADY])

    def test_what_is_looked_up_after_the_refusal_breaks_off(self):
        """Orders of the same batch may be there by then: it is said that it is not known."""
        self.dealer.add_product("VH-2")
        self.warm_up()
        self.push(payload(1, ["VH-2"]))
        del self.dealer.tables["product.product"][self.product]
        self.dealer.inject("drop_before", PRODUCTS[0])
        orders = [payload(51), payload(52, ["VH-2"])]
        for order in orders:
            order["customer"] = payload(3)["customer"]
        with self.assertRaises(session.DealerUnreachable) as caught:
            self.push(*orders)
        self.assertTrue(caught.exception.request_sent)
        again = self.push(*orders)
        self.assertEqual(statuses(again), ["failed", "sent"])
        self.assertEqual(len(self.dealer.orders), 51)

    # ------------------------------------------------------------
    # Company and currency
    # ------------------------------------------------------------
    def move_user(self, currency):
        """Let the service user work in another company."""
        currency_id = self.dealer.add("res.currency", name=currency)
        company = self.dealer.add("res.company", name="Other", currency_id=currency_id)
        self.dealer.tables["res.users"][self.dealer.uid]["company_id"] = company

    def test_the_user_works_in_another_company_by_now(self):
        self.warm_up()
        self.move_user("USD")
        [result] = self.push({**payload(51), "customer": payload(3)["customer"]})
        self.assertEqual((result.status, result.code), ("failed", "currency_mismatch"))
        self.assertEqual(len(self.dealer.orders), 50)

    def test_the_other_company_has_the_same_currency(self):
        self.warm_up()
        self.move_user("EUR")
        order = {**payload(51), "customer": payload(3)["customer"]}
        self.assertEqual(statuses(self.push(order)), ["sent"])
        self.push(payload(4))
        self.push(payload(5))
        self.assertEqual(self.dealer.requests, STEADY)

    def test_the_company_has_another_currency_by_now(self):
        self.warm_up()
        self.dealer.tables["res.currency"][1]["name"] = "USD"
        [result] = self.push({**payload(51), "customer": payload(3)["customer"]})
        self.assertEqual((result.status, result.code), ("failed", "currency_mismatch"))
        [result] = self.push({**payload(52, currency="USD"), "customer": payload(3)["customer"]})
        self.assertEqual(result.status, "sent")

    def test_a_currency_is_asked_again_before_an_order_is_refused_for_it(self):
        self.warm_up()
        self.dealer.tables["res.currency"][1]["name"] = "USD"
        [result] = self.push({**payload(51, currency="USD"), "customer": payload(3)["customer"]})
        self.assertEqual(result.status, "sent")

    def test_a_customer_with_the_e_mail_of_the_service_user_proves_nothing(self):
        self.warm_up()
        self.dealer.own_contact["email"] = "customer-3@buyer.example"
        self.move_user("USD")
        [result] = self.push({**payload(51), "customer": payload(3)["customer"]})
        self.assertEqual((result.status, result.code), ("failed", "currency_mismatch"))

    def test_a_user_who_may_not_be_asked_for(self):
        """Then the company is asked for each time."""
        search = self.dealer._do_search_read

        def refuse(model, domain=(), **kwargs):
            if any("user_ids" in str(leaf) for leaf in domain):
                raise OdooError("AccessError", "You are not allowed to read 'res.users' records.")
            return search(model, domain=domain, **kwargs)

        self.dealer._do_search_read = refuse
        for number in range(1, 5):
            self.assertEqual(statuses(self.push(payload(number))), ["sent"])
        self.assertCountEqual(
            self.dealer.requests,
            ["res.users.search_read", "res.company.read", *NEW_CUSTOMERS, *PRODUCTS, *STEADY],
        )

    def test_a_contact_that_is_not_ours_to_read(self):
        self.dealer.tables["res.users"][self.dealer.uid]["partner_id"] = OWN_PARTNER + 1
        self.dealer.tables["res.partner"].clear()
        for number in range(1, 5):
            self.assertEqual(statuses(self.push(payload(number))), ["sent"])

    def test_price_lists_are_read_each_time(self):
        """Nothing of an order would prove what currency a list has."""
        self.dealer.pricelists_used = True
        price_list = self.dealer.add("product.pricelist", name="Public", currency_id=1)
        self.warm_up()
        dollar = self.dealer.add("res.currency", name="USD")
        self.dealer.tables["product.pricelist"][price_list]["currency_id"] = dollar
        [result] = self.push({**payload(51), "customer": payload(3)["customer"]})
        self.assertEqual((result.status, result.code), ("failed", "currency_mismatch"))

    def test_a_refusal_makes_it_all_forgotten(self):
        self.warm_up()
        self.dealer.reject = lambda model, values: "Not today."
        self.assertEqual(statuses(self.push(payload(51))), ["failed"])
        self.dealer.reject = lambda model, values: None
        self.push(payload(52))
        self.assertIn("res.company.read", self.dealer.requests)
