# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Customers, products and currencies of a real dealer: found, created, refused or said."""

import pytest
from test_dealer_api_live import _numbers, currency, make, orders_at, push, settings, settings_for

from dealer_api import DealerSession, Order, check_connection, push_orders

__all__ = ["currency", "make", "settings"]


def partners_of(dealer, payloads):
    return [order["partner_id"][0] for order in orders_at(dealer, payloads, ["partner_id"])]


def codes(result):
    return [code for code, _details in result.notes]


# ------------------------------------------------------------
# Customers
# ------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["json2", "xmlrpc"])
def test_a_shared_address_is_said(dealer, make, protocol):
    number = next(_numbers)
    partner = dealer.rpc.create(
        "res.partner", name="Somebody Else", email=f"none{number}@none.example"
    )
    payload = make(email=f"none{number}@none.example", name="Ann Ash")
    [result] = push(settings_for(dealer, protocol), [payload])
    assert partners_of(dealer, [payload]) == [partner]
    [(code, details)] = result.notes
    assert code == "customer_name_differs"
    assert details == {
        "customer": "Ann Ash",
        "dealer_customer": "Somebody Else",
        "partner_id": partner,
    }


def test_no_phone_of_anybody(dealer, settings, make):
    dealer.rpc.create("res.partner", name="Zero", phone="000")
    payloads = [make(email="", phone="000"), make(email="", phone="000")]
    results = push(settings, payloads)
    assert [result.status for result in results] == ["sent", "sent"]
    names = [order["partner_id"][1] for order in orders_at(dealer, payloads, ["partner_id"])]
    assert names == [payload["customer"]["name"] for payload in payloads]


@pytest.mark.parametrize("change", ["archived", "renamed", "merged"])
def test_a_contact_that_is_the_customers_no_more(dealer, settings, make, change):
    first = make()
    push(settings, [first])
    [old] = partners_of(dealer, [first])
    if change == "archived":
        dealer.rpc.write("res.partner", old, active=False)
    elif change == "renamed":
        dealer.rpc.write("res.partner", old, name="Moved", email="moved@buyers.example")
    else:
        other = dealer.rpc.create("res.partner", name="Kept", email="kept@buyers.example")
        wizard = dealer.rpc.create(
            "base.partner.merge.automatic.wizard",
            partner_ids=[(6, 0, [old, other])],
            dst_partner_id=other,
        )
        dealer.rpc.call("base.partner.merge.automatic.wizard", "action_merge", [wizard])
        old = other
    second = make(**first["customer"])
    [result] = push(settings, [second])
    [new] = partners_of(dealer, [second])
    assert new != old
    assert dealer.rpc.read("res.partner", new, "email")["email"] == first["customer"]["email"]
    assert codes(result) == ["customer_replaced"]
    assert result.notes[0][1]["partner_id"] == old
    # The order that is there is found again, and nobody is created for it.
    count = dealer.count("res.partner")
    order = Order.from_payload(first)
    order.maybe_there = True
    with DealerSession(settings) as session:
        [again] = push_orders(session, [order])
    assert (again.status, codes(again)) == ("sent", ["customer_differs"])
    assert dealer.count("res.partner") == count


def test_state(dealer, settings, make):
    payloads = [
        make(country_code="US", state_code="CA"),
        make(country_code="BE", state_code="CA"),
    ]
    push(settings, payloads)
    places = [
        dealer.rpc.read("res.partner", partner, "state_id", "country_id")
        for partner in partners_of(dealer, payloads)
    ]
    assert [place["country_id"][1] for place in places] == ["United States", "Belgium"]
    assert [bool(place["state_id"]) for place in places] == [True, False]
    assert places[0]["state_id"][1] == "California (US)"


def test_no_second_contact_by_phone_without_the_library(dealer, settings, make):
    """Odoo's server lacks ``phonenumbers``: what was typed stands where E.164 should."""
    number = next(_numbers)
    partner = dealer.rpc.create("res.partner", name="B", phone=f"+32 2 777 {number:04}")
    dealer.sql(f"UPDATE res_partner SET phone_sanitized = phone WHERE id = {partner}")
    payload = make(email="", phone=f"+322777{number:04}", name="B")
    with DealerSession(settings) as session:
        session.forget()
    [result] = push(settings, [payload])
    assert (result.status, result.notes) == ("sent", [])
    assert partners_of(dealer, [payload]) == [partner]


# ------------------------------------------------------------
# Products
# ------------------------------------------------------------


def test_products_that_no_order_may_have(dealer, settings, make):
    number = next(_numbers)
    part = dealer.rpc.create("product.product", name="Part", default_code=f"PART-{number}")
    combo = dealer.rpc.create(
        "product.combo", name="Choice", combo_item_ids=[(0, 0, {"product_id": part})]
    )
    dealer.rpc.create(
        "product.product",
        name="Set",
        default_code=f"SET-{number}",
        type="combo",
        combo_ids=[(6, 0, [combo])],
    )
    dealer.rpc.create("product.product", name="Tool", default_code=f"TOOL-{number}", sale_ok=False)
    payloads = [make([f"SET-{number}"]), make([f"TOOL-{number}"]), make([f"PART-{number}"])]
    count = dealer.count("res.partner")
    results = push(settings, payloads)
    assert [result.code for result in results] == [
        "product_combo",
        "product_not_saleable",
        "order_sent",
    ]
    assert dealer.count("res.partner") == count + 1
    report = check_connection(settings, product_codes=[f"SET-{number}"])
    assert [line.code for line in report.lines if line.ok is False] == ["product_combo"]


@pytest.mark.parametrize("protocol", ["json2", "xmlrpc"])
def test_a_service_user_of_several_companies(dealer, make, protocol):
    """Products and contacts of the other company are none for the orders of the own one."""
    number = next(_numbers)
    [user] = dealer.rpc.search_read("res.users", [("login", "=", dealer.login)], ["company_id"])
    own = user["company_id"][0]
    other = dealer.rpc.create("res.company", name=f"Other {number}")
    dealer.rpc.write("res.users", user["id"], company_ids=[(4, other)])
    try:
        [admin] = dealer.rpc.search_read("res.users", [("login", "=", "admin")], ["id"])
        dealer.rpc.write("res.users", admin["id"], company_ids=[(4, other)])
        for company in (other, own):
            dealer.rpc.create(
                "product.product",
                name=f"Of {company}",
                default_code=f"BOTH-{number}",
                company_id=company,
            )
        stranger = dealer.rpc.create(
            "res.partner", name="A", email=f"both{number}@buyers.example", company_id=other
        )
        payload = make([f"BOTH-{number}"], email=f"both{number}@buyers.example")
        settings = settings_for(dealer, protocol)
        [result] = push(settings, [payload])
        assert (result.status, result.notes) == ("sent", [])
        assert stranger not in partners_of(dealer, [payload])
        report = check_connection(settings, product_codes=[f"BOTH-{number}"])
        assert report.ok, [line.text for line in report.lines]
        [line] = [line for line in report.lines if line.step == "currency"]
        assert line.details["company"] == user["company_id"][1]
    finally:
        dealer.rpc.write("res.users", user["id"], company_ids=[(3, other)])


# ------------------------------------------------------------
# Currency
# ------------------------------------------------------------


@pytest.fixture
def foreign_list(dealer):
    """The dealer uses price lists, and the first one is in another currency."""
    [euro] = dealer.rpc.search_read(
        "res.currency", [("name", "=", "CHF")], ["id"], context={"active_test": False}
    )
    dealer.rpc.write("res.currency", euro["id"], active=True)
    group = dealer.rpc.ref("product.group_product_pricelist")
    users = dealer.rpc.ref("base.group_user")
    dealer.rpc.write("res.groups", users, implied_ids=[(4, group)])
    pricelist = dealer.rpc.create(
        "product.pricelist", name="First", currency_id=euro["id"], sequence=-1
    )
    yield pricelist
    dealer.rpc.write("product.pricelist", pricelist, active=False)
    dealer.rpc.write("res.groups", users, implied_ids=[(3, group)])


def test_the_first_price_list_is_in_another_currency(
    dealer, settings, make, currency, foreign_list
):
    report = check_connection(settings, currency=currency, product_codes=["BIKE-1"])
    [line] = [line for line in report.lines if line.ok is False]
    assert (line.step, line.code) == ("currency", "check_pricelist_mismatch")
    assert check_connection(settings, currency="CHF", product_codes=["BIKE-1"]).ok
    count = dealer.count("res.partner")
    ours, theirs = make(), make()
    theirs["currency"] = "CHF"
    results = push(settings, [ours, theirs])
    assert [result.code for result in results] == ["currency_mismatch", "order_sent"]
    assert results[1].remote_currency == "CHF"
    assert dealer.count("res.partner") == count + 1
