# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A batch of orders: each exactly once, one bad one does not sink the rest, few requests."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from fault_dealer import FaultDealer, OdooError

from dealer_api import (
    ConnectionSettings,
    DealerAccessRefused,
    DealerBadAnswer,
    DealerError,
    DealerFault,
    DealerSession,
    DealerUnreachable,
    push_orders,
    read_orders,
)

PROTOCOLS = ["xmlrpc", "json2"]
NAMESPACE = "bpo_crm_0123456789ab"


def connect(dealer, protocol="xmlrpc", **kwargs):
    return DealerSession(
        ConnectionSettings(
            dealer.url,
            dealer.database,
            dealer.login,
            dealer.api_key,
            protocol=protocol,
            allow_http=True,
            allow_private=True,
            **{"read_timeout": 10.0, **kwargs},
        )
    )


def push(dealer, payloads, protocol="xmlrpc", **kwargs):
    with connect(dealer, protocol, **kwargs) as session:
        # As they come out of a database: through JSON
        return push_orders(session, json.loads(json.dumps(payloads)))


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


def outcomes(results):
    return [result.outcome for result in results]


@pytest.fixture(params=["19.0", "16.0"])
def any_dealer(request):
    with FaultDealer(version=request.param) as dealer:
        dealer.add_product("VH-1")
        dealer.add_product("VH-2")
        yield dealer


@pytest.fixture
def dealer():
    with FaultDealer() as dealer:
        dealer.add_product("VH-1")
        dealer.add_product("VH-2")
        yield dealer


# ------------------------------------------------------------
# What is created
# ------------------------------------------------------------


def test_one_order(any_dealer):
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
    [result] = push(any_dealer, [order])
    assert (result.outcome, result.code, result.remote_id) == ("sent", "order_sent", 1)
    assert (result.remote_name, result.remote_currency, result.notes) == ("S00001", "EUR", [])
    assert result.text
    created = any_dealer.order_of(f"{NAMESPACE}.lead_1")
    assert created["client_order_ref"] == "BPO/LEAD/1"
    assert created["origin"] == "Lead 1"
    assert created["order_line"] == [
        {"product_id/.id": 1, "product_uom_qty": 1.0, "price_unit": 100.0, "name": "Unit VH-1"},
        {
            "product_id/.id": 2,
            "product_uom_qty": 2.5,
            "price_unit": 0.0,
            # Control characters cannot be sent in XML
            "name": "Gift <b>&</b>  more",
        },
    ]
    [customer] = any_dealer.partners.values()
    assert customer["name"] == "Ann Ash"
    assert customer["country_id/.id"] == 20
    assert {key: customer[key] for key in ("street", "city", "zip", "company_name")} == {
        "street": "High Street 1",
        "city": "Ghent",
        "zip": "9000",
        "company_name": "Ash & Co",
    }
    assert any_dealer.external_ids[f"{NAMESPACE}.customer_1"] == ("res.partner", 1, True)
    assert any_dealer.external_ids[f"{NAMESPACE}.lead_1"] == ("sale.order", 1, True)
    assert {tuple(context.items()) for _model, context in any_dealer.contexts} == {
        (("mode", "update"), ("noupdate", True))
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_fifty_orders_in_a_handful_of_requests(dealer, protocol):
    results = push(dealer, payloads(1), protocol)
    alone = len(dealer.requests)
    results = push(dealer, payloads(50), protocol)
    assert outcomes(results) == ["sent"] * 50
    assert [result.remote_id for result in results] == list(range(1, 51))
    assert [result.remote_name for result in results[:2]] == ["S00001", "S00002"]
    assert len(dealer.requests) - alone <= alone <= 13
    assert dealer.calls("sale.order.load") == 2


@pytest.mark.parametrize("protocol", ["auto", "xmlrpc", "json2"])
def test_requests_once_the_dealer_is_known(dealer, protocol):
    push(dealer, payloads(50), protocol)
    dealer.requests.clear()
    results = push(dealer, payloads(50), protocol, server_version="19.0", uid=dealer.uid)
    assert outcomes(results) == ["sent"] * 50
    assert dealer.requests == [
        "product.product.search_read",
        "res.users.search_read",
        "res.company.read",
        "res.partner.search_read",
        "sale.order.load",
        "sale.order.search_read",
    ]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("remembered", [8, 999])
def test_remembered_as_somebody_else(dealer, protocol, remembered):
    """The company's currency is that of the service user, not that of whoever has the id now."""
    dollar = dealer.add("res.currency", name="USD")
    company = dealer.add("res.company", name="Other", currency_id=dollar)
    assert dealer.add("res.users", login="other", company_id=company) == 8
    results = push(dealer, payloads(2), protocol, server_version="19.0", uid=remembered)
    assert outcomes(results) == ["sent"] * 2


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_again_is_the_same(dealer, protocol):
    """What the dealer has changed meanwhile stays as it is."""
    before = push(dealer, payloads(5), protocol)
    dealer.orders[2]["client_order_ref"] = "changed by the dealer"
    dealer.orders[2]["order_line"] = []
    dealer.partners[3]["name"] = "Renamed"
    dealer.partners[3]["email"] = "moved@buyer.example"
    again = push(dealer, payloads(5), protocol)
    assert [r.remote_id for r in again] == [r.remote_id for r in before]
    assert len(dealer.orders) == len(dealer.partners) == 5
    assert dealer.orders[2]["client_order_ref"] == "changed by the dealer"
    assert dealer.orders[2]["order_line"] == []
    assert dealer.partners[3]["name"] == "Renamed"


def test_nothing_to_do(dealer):
    assert push(dealer, []) == []
    assert dealer.requests == []


def test_the_same_order_twice_in_a_batch(dealer):
    results = push(dealer, [payload(1), payload(2), payload(1)])
    assert [result.remote_id for result in results] == [1, 2, 1]
    assert len(dealer.orders) == 2


def test_callers_at_once_make_one_order(dealer):
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _turn: push(dealer, [payload(1)])[0], range(6)))
    assert {result.remote_id for result in results} == {1}
    assert len(dealer.orders) == len(dealer.partners) == 1


def test_names_are_filled_in_later(dealer):
    push(dealer, payloads(2))
    dealer.orders[1]["user_id"] = 99
    with connect(dealer) as session:
        assert read_orders(session, [1, 2]) == {2: {"name": "S00002", "currency": "EUR"}}
        assert read_orders(session, []) == {}


def test_an_order_given_to_somebody_else(dealer):
    push(dealer, payloads(2))
    dealer.orders[1]["user_id"] = 99
    results = push(dealer, payloads(2))
    assert outcomes(results) == ["sent", "sent"]
    assert [result.remote_id for result in results] == [1, 2]
    assert [result.remote_name for result in results] == [None, "S00002"]
    assert [note[0] for note in results[0].notes] == ["name_unknown"]


# ------------------------------------------------------------
# No answer
# ------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", ["drop_after", "cut", "hang_after"])
@pytest.mark.parametrize("call", ["sale.order.load", "res.partner.load"])
def test_an_answer_is_lost(dealer, protocol, fault, call):
    """The dealer did it, we do not know: asked again, nothing is there twice."""
    dealer.inject(fault, call)
    with pytest.raises(DealerUnreachable) as caught:
        push(dealer, payloads(3), protocol, read_timeout=0.5)
    assert dealer.calls(call) == 1
    # A customer who may have been created is no order.
    assert caught.value.request_sent is (call == "sale.order.load")
    assert len(dealer.partners) == 3
    assert len(dealer.orders) == (3 if call == "sale.order.load" else 0)
    results = push(dealer, payloads(3), protocol)
    assert [result.remote_id for result in results] == [1, 2, 3]
    assert len(dealer.partners) == len(dealer.orders) == 3


@pytest.mark.parametrize(
    "fault", ["drop_before", "html", "server_error", "user_error", "access_denied"]
)
@pytest.mark.parametrize(
    "call",
    [
        "authenticate",
        "product.product.search_read",
        "res.users.search_read",
        "res.company.read",
        "res.partner.search_read",
    ],
)
def test_a_problem_before_the_orders(dealer, call, fault):
    dealer.inject(fault, call)
    with pytest.raises(DealerError) as caught:
        push(dealer, payloads(3))
    assert caught.value.request_sent is False
    assert caught.value.outcome == ("pause" if fault == "access_denied" else "retry")
    assert dealer.calls(call) == 1
    assert len(dealer.orders) == 0


@pytest.mark.parametrize("fault", ["drop_after", "server_error", "access_error", "html"])
def test_names_are_no_reason_to_fail(dealer, fault):
    dealer.inject(fault, "sale.order.search_read")
    results = push(dealer, payloads(2))
    assert outcomes(results) == ["sent", "sent"]
    assert [(result.remote_id, result.remote_name) for result in results] == [(1, None), (2, None)]


def test_broken_off_half_way(dealer):
    """What is there is reported, the rest waits; nobody waits once more for the names."""
    dealer.reject = lambda model, values: (
        "No." if values.get("client_order_ref") == "BPO/LEAD/2" else None
    )
    calls = []

    def fault_at_the_third(name):
        calls.append(name)
        return ("drop_before", {}) if calls.count("sale.order.load") == 3 else (None, {})

    dealer.take_fault = fault_at_the_third
    results = push(dealer, payloads(3))
    assert outcomes(results) == ["sent", "retry", "sent"]
    assert results[1].code == "order_postponed"
    assert dealer.requests[-1] == "sale.order.load"


@pytest.mark.parametrize(
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
def test_load_answers_nonsense(dealer, value):
    dealer.inject("nonsense", "sale.order.load", value=value)
    with pytest.raises(DealerBadAnswer) as caught:
        push(dealer, payloads(3))
    assert (caught.value.code, caught.value.request_sent) == ("unexpected_answer", True)


def test_load_answers_too_few_ids(dealer):
    dealer.inject("nonsense", "sale.order.load", value={"ids": [1], "messages": []})
    results = push(dealer, payloads(3))
    assert [result.remote_id for result in results] == [1, 2, 3]


# ------------------------------------------------------------
# Bad orders among good ones
# ------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("codes", "code", "named"),
    [
        (["VH-1", "NEW-7"], "product_unknown", "NEW-7"),
        (["NEW-8", "NEW-7"], "product_unknown", "NEW-7, NEW-8"),
        (["TWICE"], "product_ambiguous", "TWICE"),
        ([""], "product_unknown", "?"),
    ],
)
def test_products(dealer, protocol, codes, code, named):
    dealer.add_product("TWICE")
    dealer.add_product("TWICE")
    results = push(dealer, [payload(1), payload(2, codes=codes), payload(3)], protocol)
    assert outcomes(results) == ["sent", "failed", "sent"]
    assert (results[1].code, results[1].details) == (code, {"codes": named})
    assert named in results[1].text
    assert len(dealer.orders) == len(dealer.partners) == 2


def test_archived_products_do_not_count(dealer):
    dealer.tables["product.product"][1]["active"] = False
    [result] = push(dealer, [payload(1)])
    assert result.code == "product_unknown"


def test_an_order_the_dealer_has_is_not_refused(dealer):
    """The answer of the first attempt was lost, then the product was renamed."""
    push(dealer, [payload(1)])
    dealer.tables["product.product"][1]["default_code"] = "RENAMED"
    results = push(dealer, [payload(1), payload(2)])
    assert outcomes(results) == ["sent", "failed"]
    assert (results[0].remote_id, results[0].remote_name) == (1, "S00001")
    assert len(dealer.orders) == 1


BAD_ONES = [{1}, {2}, {25}, {50}, {1, 2}, {1, 50}, {3, 4, 30}, set(range(5, 17)), set(range(1, 51))]


@pytest.mark.parametrize("bad", BAD_ONES, ids=lambda bad: f"{len(bad)}-from-{min(bad)}")
def test_refused_when_created(dealer, bad):
    """``load()`` puts a common error first, under the number of an innocent."""
    references = {f"BPO/LEAD/{number}" for number in bad}
    dealer.reject = lambda model, values: (
        f"{values['client_order_ref']} must not be."
        if values.get("client_order_ref") in references
        else None
    )
    results = push(dealer, payloads(50))
    failed = {number for number, result in enumerate(results, 1) if result.outcome == "failed"}
    assert failed == bad
    assert {result.outcome for result in results} <= {"sent", "failed"}
    for number in bad:
        result = results[number - 1]
        assert result.code == "order_refused"
        assert result.details["message"] == f"BPO/LEAD/{number} must not be."
    assert len(dealer.orders) == 50 - len(bad)
    assert dealer.calls("sale.order.load") <= 3 + len(bad)


@pytest.mark.parametrize("bad", BAD_ONES, ids=lambda bad: f"{len(bad)}-from-{min(bad)}")
def test_refused_when_read(dealer, bad):
    """The products of some orders vanish between the look-up and ``load()``."""
    vanishing = {dealer.add_product(f"GONE-{number}"): number for number in bad}
    original = dealer.call

    def call(model, method, *args, **kwargs):
        if (model, method) == ("sale.order", "load"):
            for product_id in vanishing:
                dealer.tables["product.product"].pop(product_id, None)
        return original(model, method, *args, **kwargs)

    dealer.call = call
    orders = payloads(50)
    for number in bad:
        orders[number - 1] = payload(number, codes=("VH-1", f"GONE-{number}", "VH-2"))
    results = push(dealer, orders)
    failed = {number for number, result in enumerate(results, 1) if result.outcome == "failed"}
    assert failed == bad
    assert len(dealer.orders) == 50 - len(bad)


def test_words_of_a_refusal(dealer):
    dealer.reject = lambda model, values: (
        "<p>No &amp; <b>never</b></p>\nTraceback (most recent call last):\n  File x\nValueError: no"
        if model == "sale.order"
        else None
    )
    [result] = push(dealer, [payload(1)])
    assert result.outcome == "failed"
    assert "Traceback" not in result.text
    assert "<" not in result.text


def test_a_country_that_may_not_be_read(dealer):
    dealer.denied.add(("res.country", "read"))
    [result] = push(dealer, [payload(1, country_code="BE")])
    assert result.outcome == "sent"
    assert "country_id/.id" not in dealer.partners[1]


def test_a_refused_customer(dealer):
    dealer.reject = lambda model, values: (
        "Not this one." if values.get("name") == "Customer 2" else None
    )
    results = push(dealer, payloads(3))
    assert outcomes(results) == ["sent", "failed", "sent"]
    assert (results[1].code, results[1].details) == (
        "customer_refused",
        {"message": "Not this one."},
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("right", "code"),
    [
        (("sale.order", "create"), "order_refused"),
        (("res.partner", "create"), "customer_refused"),
        (("product.product", "read"), "right_missing"),
        (("res.partner", "read"), "right_missing"),
    ],
)
def test_a_missing_right_on_one_model(dealer, protocol, right, code):
    dealer.denied.add(right)
    results = push(dealer, payloads(2), protocol)
    assert outcomes(results) == ["failed", "failed"]
    assert {result.code for result in results} == {code}
    assert "not allowed" in results[0].text
    assert len(dealer.orders) == 0


def test_no_sales_app(dealer):
    del dealer.tables["sale.order"]
    with pytest.raises(DealerAccessRefused) as caught:
        push(dealer, payloads(2))
    assert (caught.value.code, caught.value.request_sent) == ("sales_missing", False)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lines": []}, "order_empty"),
        ({"external_id": "no-module"}, "payload_invalid"),
        ({"external_id": None}, "payload_invalid"),
        ({"currency": ""}, "payload_invalid"),
        ({"customer": None}, "payload_invalid"),
    ],
)
def test_an_incomplete_snapshot(dealer, change, code):
    results = push(dealer, [payload(1), {**payload(2), **change}])
    assert outcomes(results) == ["sent", "failed"]
    assert results[1].code == code


# ------------------------------------------------------------
# Conflicts and internal errors at the dealer
# ------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", ["serialization", "serialization_fault"])
def test_a_conflict_that_passes(dealer, protocol, fault):
    dealer.inject(fault, "sale.order.load")
    results = push(dealer, payloads(20), protocol)
    assert outcomes(results) == ["sent"] * 20
    assert len(dealer.orders) == 20


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", ["serialization", "serialization_fault"])
def test_a_conflict_that_stays(dealer, protocol, fault):
    dealer.inject(fault, "sale.order.load", times=100)
    results = push(dealer, payloads(3), protocol)
    assert outcomes(results) == ["retry"] * 3
    assert {result.code for result in results} == {"order_busy"}
    assert dealer.calls("sale.order.load") <= 12


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_internal_error_of_one_order(dealer, protocol):
    """It is found by halving, and waits; the others are not held up."""
    original = dealer.call

    def call(model, method, ids, kwargs, fault=None):
        if method == "load" and any("BPO/LEAD/7" in row for row in kwargs["data"]):
            raise OdooError("KeyError", "'boom'")
        return original(model, method, ids, kwargs, fault)

    dealer.call = call
    results = push(dealer, payloads(20), protocol)
    assert outcomes(results) == ["sent"] * 6 + ["retry"] + ["sent"] * 13
    assert results[6].code == "remote_error"
    assert "Traceback" not in results[6].text
    assert len(dealer.orders) == 19
    assert dealer.calls("sale.order.load") <= 12


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_internal_errors_of_all_orders(dealer, protocol):
    """That is the dealer's trouble: it is given up soon, and may have created something."""
    dealer.inject("server_error", "sale.order.load", times=1000)
    with pytest.raises(DealerFault) as caught:
        push(dealer, payloads(50), protocol)
    assert (caught.value.outcome, caught.value.request_sent) == ("retry", True)
    assert dealer.calls("sale.order.load") <= 15


# ------------------------------------------------------------
# Currency
# ------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_currency_of_the_company(dealer, protocol):
    results = push(dealer, [payload(1), payload(2, currency="USD")], protocol)
    assert outcomes(results) == ["sent", "failed"]
    assert (results[1].code, results[1].details) == (
        "currency_mismatch",
        {"currency": "USD", "dealer_currency": "EUR"},
    )
    # Nothing was created for it.
    assert len(dealer.orders) == len(dealer.partners) == 1


def test_currency_of_the_price_list(dealer):
    dollar = dealer.add("res.currency", name="USD")
    pricelist = dealer.add("product.pricelist", name="Export", currency_id=dollar)
    for number in (1, 2):
        dealer.add_partner(
            name="Exporter",
            email=f"customer-{number}@buyer.example",
            property_product_pricelist=pricelist,
        )
    results = push(dealer, [payload(1), payload(2, currency="USD"), payload(3)])
    assert outcomes(results) == ["failed", "sent", "sent"]
    assert (results[0].code, results[0].details["dealer_currency"]) == ("currency_mismatch", "USD")
    assert [result.remote_currency for result in results[1:]] == ["USD", "EUR"]


def test_currency_that_could_not_be_known(dealer):
    """The price list may not be read: seen on the order only, which exists by then."""
    dollar = dealer.add("res.currency", name="USD")
    pricelist = dealer.add("product.pricelist", name="Export", currency_id=dollar)
    dealer.add_partner(
        name="Exporter",
        email="customer-1@buyer.example",
        property_product_pricelist=pricelist,
    )
    dealer.missing_fields["res.partner"].add("property_product_pricelist")
    [result] = push(dealer, [payload(1)])
    assert (result.outcome, result.remote_currency) == ("sent", "USD")
    assert [note[0] for note in result.notes] == ["currency_differs"]
    assert "USD instead of EUR" in result.notes[0][2]


# ------------------------------------------------------------
# Customers
# ------------------------------------------------------------


@pytest.fixture(params=["normalized", "plain"])
def partner_dealer(request, dealer):
    """A dealer with and one without the apps that normalize e-mails and phones."""
    if request.param == "plain":
        dealer.missing_fields["res.partner"] = {
            "email_normalized",
            "phone_sanitized",
            "company_name",
        }
    return dealer


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        ("ann@buyer.example", "ann@buyer.example"),
        ("Ann@Buyer.Example", "ann@buyer.example"),
        ("ann@buyer.example", "ANN@BUYER.EXAMPLE"),
        ("a_n%n\\@buyer.example", "a_n%n\\@buyer.example"),
    ],
)
def test_customer_by_email(partner_dealer, stored, sent):
    partner_id = partner_dealer.add_partner(name="Ann", email=stored)
    [result] = push(partner_dealer, [payload(1, email=sent)])
    assert result.outcome == "sent"
    assert partner_dealer.orders[1]["partner_id/.id"] == partner_id
    assert len(partner_dealer.partners) == 1


@pytest.mark.parametrize(
    "stored", ["aXnn@buyer.example", "ann@buyer.example.org", "xann@buyer.example"]
)
def test_not_the_customers_email(partner_dealer, stored):
    partner_dealer.add_partner(name="Other", email=stored)
    push(
        partner_dealer,
        [payload(1, email="a_nn@buyer.example"), payload(2, email="ann@buyer.example")],
    )
    assert len(partner_dealer.partners) == 3


@pytest.mark.parametrize("stored", ["+3225550101", "+32 2 555.01.01", "+32 (2) 555-01-01"])
def test_customer_by_phone(partner_dealer, stored):
    partner_id = partner_dealer.add_partner(name="Ann", phone=stored)
    results = push(
        partner_dealer,
        [payload(1, email=None, phone="+3225550101"), payload(2, phone="+32 2 555 01 01")],
    )
    assert outcomes(results) == ["sent", "sent"]
    assert {order["partner_id/.id"] for order in partner_dealer.orders.values()} == {partner_id}


@pytest.mark.parametrize(
    "stored", ["+32255501010", "+33225550101", "0032 2 555 01 02", "no number"]
)
def test_not_the_customers_phone(partner_dealer, stored):
    partner_dealer.add_partner(name="Other", phone=stored)
    push(partner_dealer, [payload(1, email=None, phone="+3225550101")])
    assert len(partner_dealer.partners) == 2


def test_customer_by_a_phone_of_unknown_country(partner_dealer):
    partner_id = partner_dealer.add_partner(name="Ann", phone="02/555.01.01")
    push(partner_dealer, [payload(1, email=None, phone="02 555 01 01")])
    assert partner_dealer.orders[1]["partner_id/.id"] == partner_id


def test_customer_by_mobile():
    with FaultDealer(version="17.0") as dealer:
        dealer.add_product("VH-1")
        dealer.missing_fields["res.partner"] = {"phone_sanitized"}
        partner_id = dealer.add_partner(name="Ann", phone="+3225550102", mobile="+32 471 00 00 01")
        push(dealer, [payload(1, email=None, phone="+32471000001")])
        assert dealer.orders[1]["partner_id/.id"] == partner_id


def test_email_counts_more_than_phone(partner_dealer):
    partner_dealer.add_partner(name="Same phone", phone="+3225550101")
    partner_id = partner_dealer.add_partner(name="Same e-mail", email="ann@buyer.example")
    push(partner_dealer, [payload(1, email="ann@buyer.example", phone="+3225550101")])
    assert partner_dealer.orders[1]["partner_id/.id"] == partner_id


def test_several_customers_match(partner_dealer):
    ids = [partner_dealer.add_partner(name=str(i), email="ann@buyer.example") for i in range(3)]
    [result] = push(partner_dealer, [payload(1, email="ann@buyer.example")])
    assert partner_dealer.orders[1]["partner_id/.id"] == ids[0]
    [(code, details, text)] = result.notes
    assert code == "customer_ambiguous"
    assert details == {"matches": "ann@buyer.example", "partner_id": ids[0]}
    assert str(ids[0]) in text


def test_archived_customers_are_not_found(dealer):
    dealer.add_partner(name="Gone", email="ann@buyer.example", active=False)
    push(dealer, [payload(1, email="ann@buyer.example")])
    assert len(dealer.partners) == 2


def test_one_customer_with_several_orders(dealer):
    orders = [
        payload(1, email="Ann@buyer.example"),
        payload(2, email="ann@buyer.example"),
        payload(3, email=None, phone="+3225550101"),
        payload(4, email="ann@buyer.example", phone="+3225550101"),
        payload(5, email="bob@buyer.example"),
    ]
    results = push(dealer, orders)
    assert outcomes(results) == ["sent"] * 5
    partners = [dealer.orders[number]["partner_id/.id"] for number in range(1, 6)]
    assert partners[0] == partners[1] == partners[3]
    assert partners[4] not in partners[:4]
    again = push(dealer, orders)
    assert [result.remote_id for result in again] == [result.remote_id for result in results]
    assert len(dealer.orders) == 5


def test_very_many_namesakes_do_not_hide_others(dealer):
    for number in range(1005):
        dealer.add_partner(name=str(number), email="info@buyer.example")
    last = dealer.add_partner(name="Ann", email="ann@buyer.example")
    push(dealer, [payload(1, email="info@buyer.example"), payload(2, email="ann@buyer.example")])
    assert dealer.orders[2]["partner_id/.id"] == last
    assert len(dealer.partners) == 1006


def test_fields_are_asked_once_per_dealer_and_version(dealer):
    push(dealer, payloads(1))
    push(dealer, payloads(2))
    assert dealer.calls("res.partner.fields_get") == 1
    # A dealer without the field any more (an app was removed): it is asked again.
    dealer.missing_fields["res.partner"].add("email_normalized")
    with pytest.raises(DealerFault):
        push(dealer, payloads(3))
    assert outcomes(push(dealer, payloads(3))) == ["sent"] * 3
    assert dealer.calls("res.partner.fields_get") == 2
