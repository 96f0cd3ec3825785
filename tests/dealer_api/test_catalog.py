# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which of our products a dealer sells is read in pages, and then what changed."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from ...dealer_api import DealerError, DealerFault, Offer, catalog, look_at_products
from .common import PROTOCOLS, DealerApiCase, cases
from .test_orders import connect

READ = "product.product.search_read"


class TestCatalog(DealerApiCase):
    def look(self, codes, known=None, since=None, protocol="xmlrpc", page=1000):
        remembered = {"server_version": "19.0", "uid": self.dealer.uid}
        with (
            patch.object(catalog, "PAGE_SIZE", page),
            connect(self.dealer, protocol, **remembered) as session,
        ):
            return look_at_products(session, codes, known, since)

    def look_again(self, first, codes, **kwargs):
        """Look for what changed since another look."""
        known = {each.remote_id: code for code, each in first.offers.items() if each.remote_id}
        self.dealer.requests.clear()
        return self.look(codes, known, first.since, **kwargs)

    def change(self, product_id, **values):
        """Let people at the dealer change a product."""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        record = self.dealer.products[product_id]
        self.dealer.products[product_id] = {**record, "write_date": now, **values}

    @cases("protocol", PROTOCOLS)
    def test_one_request_for_all(self, protocol):
        self.dealer.add_product("VH-1", lst_price=20000.0, currency_id=1)
        for _twice in range(2):
            self.dealer.add_product("VH-2")
        self.dealer.add_product("VH-4", sale_ok=False)
        self.dealer.add_product("VH-5", type="combo")
        self.dealer.add_product("VH-6", active=False)
        self.dealer.add_product("OF THE DEALER")
        result = self.look([f"VH-{number}" for number in range(1, 7)], protocol=protocol)
        self.assertEqual(self.dealer.requests, [READ])
        self.assertEqual(
            result.offers,
            {
                "VH-1": Offer(None, 1, 20000.0, "EUR"),
                "VH-2": Offer("product_ambiguous"),
                "VH-3": Offer("product_unknown"),
                "VH-4": Offer("product_not_saleable"),
                "VH-5": Offer("product_combo"),
                "VH-6": Offer("product_unknown"),
            },
        )
        self.assertEqual(self.dealer.log, [])

    @cases(("count", "requests"), [(0, 0), (9, 1), (10, 2), (25, 5)])
    def test_pages(self, count, requests):
        codes = [f"VH-{number}" for number in range(count)]
        for code in codes:
            self.dealer.add_product(code)
        result = self.look(codes, page=10)
        self.assertEqual([each.problem for each in result.offers.values()], [None] * count)
        # a full answer may not be the last
        self.assertEqual(self.dealer.calls(READ), requests)

    def test_many_under_one_code(self):
        for _number in range(25):
            self.dealer.add_product("VH-1")
        result = self.look(["VH-1"], page=10)
        self.assertEqual(result.offers["VH-1"].problem, "product_ambiguous")
        self.assertEqual(self.dealer.calls(READ), 3)

    def test_nothing_changed(self):
        codes = ["VH-1", "VH-2", "VH-3"]
        for code in codes[:2]:
            self.dealer.add_product(code)
        first = self.look(codes)
        result = self.look_again(first, codes)
        self.assertEqual(self.dealer.requests, [READ])
        # what was not there is always asked for
        self.assertEqual(result.offers, {"VH-3": Offer("product_unknown")})

    def test_what_changed(self):
        codes = [f"VH-{number}" for number in range(1, 10)]
        for code in codes[:6]:
            self.dealer.add_product(code, lst_price=100.0, currency_id=1)
        self.dealer.add_product("VH-8", sale_ok=False)
        first = self.look(codes)
        self.change(1, lst_price=90.0)
        self.change(2, active=False)
        self.change(3, default_code="of the dealer")
        self.change(4, sale_ok=False)
        self.dealer.add_product("VH-5", write_date="2999-01-01 00:00:00")
        self.dealer.add_product("VH-7", lst_price=70.0)
        self.change(7, sale_ok=True, lst_price=80.0)
        self.dealer.add_product("VH-9", active=False)
        result = self.look_again(first, codes)
        self.assertEqual(self.dealer.requests, [READ, READ])
        self.assertEqual(
            result.offers,
            {
                "VH-1": Offer(None, 1, 90.0, "EUR"),
                "VH-2": Offer("product_unknown"),
                "VH-3": Offer("product_unknown"),
                "VH-4": Offer("product_not_saleable"),
                "VH-5": Offer("product_ambiguous"),
                "VH-7": Offer(None, 9, 70.0, None),
                "VH-8": Offer(None, 7, 80.0, None),
                "VH-9": Offer("product_unknown"),
            },
        )

    def test_codes_exchanged(self):
        codes = ["VH-1", "VH-2", "VH-3"]
        for code in codes[:2]:
            self.dealer.add_product(code)
        first = self.look(codes)
        self.change(1, default_code="VH-2")
        self.change(2, default_code="VH-3")
        result = self.look_again(first, codes)
        self.assertEqual(
            {code: each.remote_id for code, each in result.offers.items()},
            {"VH-1": None, "VH-2": 1, "VH-3": 2},
        )

    def test_deleted_is_seen_when_all_is_read(self):
        self.dealer.add_product("VH-1")
        first = self.look(["VH-1"])
        del self.dealer.products[1]
        self.assertEqual(self.look_again(first, ["VH-1"]).offers, {})
        self.assertEqual(self.look(["VH-1"]).offers["VH-1"].problem, "product_unknown")

    def test_a_change_whose_transaction_lasted(self):
        """It bears the time of its beginning, and is seen at its end."""
        self.dealer.add_product("VH-1", lst_price=100.0)
        first = self.look(["VH-1"])
        began = datetime.now(UTC) - timedelta(minutes=30)
        self.change(1, lst_price=90.0, write_date=began.strftime("%Y-%m-%d %H:%M:%S"))
        self.assertEqual(self.look_again(first, ["VH-1"]).offers["VH-1"].price, 90.0)

    @cases("shift", [timedelta(days=-2), timedelta(days=2)])
    def test_the_clock_is_the_dealers(self, shift):
        self.dealer.clock_shift = shift.total_seconds()
        self.dealer.add_product("VH-1")
        first = self.look(["VH-1"])
        theirs = datetime.now(UTC).replace(tzinfo=None) + shift
        self.assertLess(abs(first.since - (theirs - catalog.OVERLAP)), timedelta(minutes=1))

    def test_a_dealer_that_does_not_tell_the_time(self):
        self.dealer.clock_shift = None
        self.dealer.add_product("VH-1")
        first = self.look(["VH-1"])
        self.assertIsNone(first.since)
        self.assertEqual(set(self.look_again(first, ["VH-1"]).offers), {"VH-1"})

    def test_products_of_companies(self):
        """Those that orders of the service user's company may not have do not count."""
        self.dealer.add("res.company", name="Another", currency_id=1)
        self.dealer.add_product("VH-1", company_id=1)
        self.dealer.add_product("VH-2", company_id=2)
        self.dealer.add_product("VH-3", company_id=2)
        self.dealer.add_product("VH-3")
        offers = self.look(["VH-1", "VH-2", "VH-3"]).offers
        self.assertEqual(
            {code: each.problem for code, each in offers.items()},
            {"VH-1": None, "VH-2": "product_unknown", "VH-3": None},
        )

    def test_a_dealer_that_never_ends(self):
        page = [{"id": number, "default_code": "VH-1"} for number in (1, 2, 3)]
        self.dealer.inject("nonsense", READ, value=page, times=99)
        self.look(["VH-1"], protocol="json2", page=3)
        self.assertLessEqual(self.dealer.calls(READ), 2)

    def test_values_that_are_none(self):
        page = [
            {"id": 1, "default_code": ["VH-1"], "company_id": {}, "active": []},
            {"id": 2, "default_code": "VH-2", "lst_price": "much", "currency_id": 7},
            {"id": 3, "default_code": "VH-3", "lst_price": 1e300, "currency_id": [1, ["EUR"]]},
        ]
        self.dealer.inject("nonsense", READ, value=page)
        offers = self.look(["VH-1", "VH-2", "VH-3"], protocol="json2").offers
        self.assertEqual(
            offers,
            {
                "VH-1": Offer("product_unknown"),
                "VH-2": Offer(None, 2),
                "VH-3": Offer(None, 3),
            },
        )

    def test_a_missing_right(self):
        self.dealer.denied.add(("product.product", "read"))
        with self.assertRaises(DealerFault) as caught:
            self.look(["VH-1"])
        self.assertEqual(caught.exception.code, "right_missing")

    @cases("fault", ["cut", "access_denied", "html"])
    def test_the_dealer_fails(self, fault):
        # the way in is tried anew once
        self.dealer.inject(fault, READ, times=2)
        with self.assertRaises(DealerError):
            self.look(["VH-1"])
