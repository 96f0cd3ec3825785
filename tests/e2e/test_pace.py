# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A real dealer is asked seldom, and no faster than its server wants to be."""

import itertools

import pytest
from answer_relay import AnswerRelay
from devlib.world import wait_until

from dealer_api import ConnectionSettings, DealerSession, Order, memory, push_orders

STEADY = ["res.partner/search_read", "sale.order/load", "sale.order/search_read"]
NEW_CUSTOMERS = ["res.partner/load", "res.partner/read"]
PRODUCTS = ["product.product/search_read"]

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def resting_bpo(world):
    """A BPO server whose scheduled actions run when a test says so."""
    server = world.new_bpo(crons=0)
    yield server
    server.destroy()


@pytest.fixture
def relay(dealer):
    """A way to the dealer that counts what is asked; nothing is remembered of it yet."""
    memory.clear()
    with AnswerRelay(dealer) as relay:
        yield relay


@pytest.fixture
def currency(dealer):
    [company] = dealer.rpc.search_read("res.company", [("id", "=", 1)], ["currency_id"])
    return company["currency_id"][1]


@pytest.fixture
def make(currency):
    """Return a function that makes an order: ``customer`` is a number."""

    def make(customer, code="BIKE-1"):
        number = next(_numbers)
        return Order.from_payload(
            {
                "external_id": f"bpo_crm_b1c2d3e4f5a6.lead_{number}_ab12cd34",
                "reference": f"PACE-{number:05}",
                "origin": f"PACE-{number:05}: Wants a bike",
                "currency": currency,
                "customer": {
                    "external_id": f"bpo_crm_b1c2d3e4f5a6.customer_{customer}",
                    "name": f"Steady {customer}",
                    "email": f"steady-{customer}@steady.example",
                    "phone": f"+3225556{customer:03}",
                },
                "lines": [
                    {"default_code": code, "name": "Unit", "quantity": 1.0, "price_unit": 100.0}
                ],
            }
        )

    return make


def push(relay, *orders, protocol="json2"):
    """Push orders as if the dealer's version and user were known; return their results."""
    dealer = relay.dealer
    [user] = dealer.rpc.search_read("res.users", [("login", "=", dealer.login)], ["id"])
    settings = ConnectionSettings(
        relay.url,
        dealer.database,
        dealer.login,
        dealer.api_key,
        protocol=protocol,
        allow_http=True,
        allow_private=True,
        server_version="19.0",
        uid=user["id"],
    )
    relay.asked.clear()
    with DealerSession(settings) as session:
        return push_orders(session, list(orders))


def products_of(dealer, result):
    """Return the ids of the products of an order."""
    lines = dealer.rpc.search_read(
        "sale.order.line", [("order_id", "=", result.remote_id)], ["product_id"]
    )
    return [line["product_id"][0] for line in lines]


@pytest.fixture
def product(dealer):
    """Return the id of a product with the code PACE-1, which nothing else has afterwards."""
    product = dealer.rpc.create("product.product", name="Pace", default_code="PACE-1")
    yield product
    for each in dealer.rpc.call("product.product", "search", [("default_code", "=", "PACE-1")]):
        dealer.rpc.write("product.product", each, default_code=False)


@pytest.mark.parametrize("protocol", ["json2", "xmlrpc"])
def test_requests_per_order(relay, make, protocol):
    """Three for one order of a known customer, six for one or fifty of new ones."""
    start = next(_numbers) * 100
    for customer in (1, 1, 1, 2):
        results = push(relay, make(start + customer), protocol=protocol)
        assert [result.status for result in results] == ["sent"], results
    [result] = push(relay, make(start + 1), protocol=protocol)
    assert (result.status, result.notes, relay.asked) == ("sent", [], STEADY)
    [result] = push(relay, make(start + 3), protocol=protocol)
    assert (result.status, result.notes) == ("sent", [])
    assert sorted(relay.asked) == sorted([*STEADY, *PRODUCTS, *NEW_CUSTOMERS])
    results = push(relay, *(make(start + 10 + n) for n in range(50)), protocol=protocol)
    assert {result.status for result in results} == {"sent"}
    assert sorted(relay.asked) == sorted([*STEADY, *PRODUCTS, *NEW_CUSTOMERS])


def test_a_code_that_moves(relay, dealer, make, product):
    """What is remembered of a product never decides which one an order gets."""
    customer = next(_numbers) * 100
    for _turn in range(3):
        [result] = push(relay, make(customer, "PACE-1"))
        assert (result.status, result.notes) == ("sent", [])
    assert products_of(dealer, result) == [product]
    dealer.rpc.write("product.product", product, default_code="PACE-OLD")
    other = dealer.rpc.create("product.product", name="Other", default_code="PACE-1")
    [result] = push(relay, make(customer, "PACE-1"))
    assert (result.status, relay.asked) == ("sent", STEADY)
    assert products_of(dealer, result) == [other]
    dealer.rpc.write("product.product", other, default_code="PACE-OTHER")
    dealer.rpc.create("product.product", name="PACE-1", barcode="PACE-1")
    [result] = push(relay, make(customer, "PACE-1"))
    assert (result.status, result.code) == ("failed", "product_unknown")


def test_an_archived_product(relay, dealer, make, product):
    customer = next(_numbers) * 100
    for _turn in range(3):
        push(relay, make(customer, "PACE-1"))
    dealer.rpc.write("product.product", product, active=False)
    [result] = push(relay, make(customer, "PACE-1"))
    assert (result.status, result.code) == ("failed", "product_unknown")


def test_a_second_product_with_the_code(relay, dealer, make, product):
    customer = next(_numbers) * 100
    for _turn in range(3):
        push(relay, make(customer, "PACE-1"))
    dealer.rpc.create("product.product", name="Second", default_code="PACE-1")
    [result] = push(relay, make(customer, "PACE-1"))
    assert (result.status, [code for code, _details in result.notes]) == (
        "sent",
        ["product_ambiguous"],
    )
    [result] = push(relay, make(customer, "PACE-1"))
    assert (result.status, result.code) == ("failed", "product_ambiguous")


def test_a_user_who_works_in_another_company(relay, dealer, make, currency):
    """The search for the customer shows it, before anything is created."""
    customer = next(_numbers) * 100
    for _turn in range(3):
        push(relay, make(customer))
    other = "USD" if currency != "USD" else "EUR"
    [currency_id] = dealer.rpc.call(
        "res.currency", "search", [("name", "=", other), ("active", "in", [True, False])]
    )
    dealer.rpc.write("res.currency", currency_id, active=True)
    company = dealer.rpc.create("res.company", name="Abroad", currency_id=currency_id)
    [user] = dealer.rpc.search_read("res.users", [("login", "=", dealer.login)], ["company_id"])
    dealer.rpc.write("res.users", user["id"], company_ids=[(4, company)], company_id=company)
    try:
        [result] = push(relay, make(customer))
        assert (result.status, result.code) == ("failed", "currency_mismatch")
    finally:
        dealer.rpc.write("res.users", user["id"], company_id=user["company_id"][0])
        dealer.rpc.write("res.users", user["id"], company_ids=[(3, company)])


def test_a_gateway_that_asks_to_slow_down(resting_bpo, dealer):
    """429 with Retry-After: nobody asks meanwhile, nothing fails, and one order arrives."""
    bpo, refused = resting_bpo, []

    def refuse(asked):
        if asked in ("res.partner/search_read", "sale.order/load") and asked not in refused:
            refused.append(asked)
            return 429, {"Retry-After": "3", "Content-Type": "text/html"}
        return None

    with AnswerRelay(dealer, refuse=refuse) as relay:
        dealership = bpo.connect(dealer, odoo_url=relay.url, protocol="json2")
        lead = bpo.create_lead(dealership)
        bpo.win(lead)

        def push_again():
            before = len(relay.asked)
            bpo.push()
            order = bpo.order(lead)
            held = bpo.rpc.read("bpo.dealership", dealership, "slowed_until", "connection_state")
            assert order["state"] != "failed", order
            if len(relay.asked) == before:
                # nothing is asked while the gateway wants to be left alone
                assert held["slowed_until"]
            return order["state"] == "sent"

        wait_until(push_again, 60)
        assert refused == ["res.partner/search_read", "sale.order/load"]
        assert len(dealer.orders_of(bpo, lead)) == 1
        record = bpo.rpc.read(
            "bpo.dealership", dealership, "current_rate", "connection_state", "back_off_count"
        )
        assert (record["connection_state"], record["back_off_count"]) == ("connected", 0)
        # half as often once more where the two were more than some seconds apart
        assert record["current_rate"] in (1.0, 0.5)
