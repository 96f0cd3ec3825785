# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A dealer who still has Odoo 14, a real one: with XML-RPC, and the rules of its time.

Much of it is what is tried with the newest dealer; those tests are run here with another server.
"""

import pytest
from devlib import odoo14
from devlib.console import Problem
from test_dealer_api_customers import test_a_contact_that_is_the_customers_no_more, test_state
from test_dealer_api_live import (
    currency,
    make,
    password,
    push,
    settings,
    settings_for,
    test_a_key_that_comes_again,
    test_a_newer_content_when_nothing_was_sent,
    test_a_newer_content_when_the_older_one_is_there,
    test_a_newer_content_when_the_older_one_was_cancelled,
    test_again_is_the_same_and_edits_of_the_dealer_stay,
    test_an_order_given_to_another_salesperson,
    test_an_order_whose_product_was_renamed_meanwhile,
    test_looking_leaves_no_trace,
    test_one_order,
    test_refused_orders_leave_nothing_behind,
)
from test_dealer_api_trial import test_it_leaves_nothing
from test_survey import steps, survey

from dealer_api import check_connection

# pytest takes these from here
__all__ = [
    "currency",
    "make",
    "password",
    "settings",
    "test_a_contact_that_is_the_customers_no_more",
    "test_a_key_that_comes_again",
    "test_a_newer_content_when_nothing_was_sent",
    "test_a_newer_content_when_the_older_one_is_there",
    "test_a_newer_content_when_the_older_one_was_cancelled",
    "test_again_is_the_same_and_edits_of_the_dealer_stay",
    "test_an_order_given_to_another_salesperson",
    "test_an_order_whose_product_was_renamed_meanwhile",
    "test_it_leaves_nothing",
    "test_looking_leaves_no_trace",
    "test_one_order",
    "test_refused_orders_leave_nothing_behind",
    "test_state",
]


@pytest.fixture(scope="module")
def _dealer(world):
    """A server with Odoo 14; skipped where it cannot be fetched, which is said."""
    try:
        odoo = odoo14.prepare()
    except Problem as problem:
        pytest.skip(f"Odoo 14 cannot be had here: {problem}")
    server = world.new_dealer(odoo=odoo)
    # as the BPO's; in Odoo 14 each order has a price list, and that decides
    [dollar] = server.rpc.search_read("res.currency", [("name", "=", "USD")], ["id"])
    for model in ("res.company", "product.pricelist"):
        ids = server.rpc.call(model, "search", [])
        server.rpc.write(model, ids, currency_id=dollar["id"])
    yield server
    server.destroy()


@pytest.fixture
def dealer(_dealer):
    return _dealer.start()


@pytest.fixture
def way_in(settings):
    """The one way in that there is."""
    return settings


@pytest.fixture(scope="module")
def resting_bpo(world):
    """A BPO server whose scheduled actions run when a test says so."""
    server = world.new_bpo(crons=0)
    yield server
    server.destroy()


@pytest.mark.parametrize("kind", ["key", "password"])
def test_connection(dealer, password, currency, kind):
    settings = settings_for(dealer, api_key=password if kind == "password" else None)
    report = check_connection(settings, currency=currency, product_codes=["BIKE-1", "BIKE-2"])
    assert report.ok, [line.text for line in report.lines]
    assert (report.server_version, report.protocol) == ("14.0", "xmlrpc")
    assert report.lines[-1].code == "check_trial_ok"


def test_json2_is_not_there(dealer):
    report = check_connection(settings_for(dealer, "json2"))
    [line] = [line for line in report.lines if line.ok is False]
    assert (line.step, line.code) == ("version", "protocol_unavailable")


def is_sales_manager(dealer, user):
    manager = dealer.rpc.ref("sales_team.group_sale_manager")
    return manager in dealer.rpc.read("res.users", user, "groups_id")["groups_id"]


def test_the_service_user_has_few_rights(dealer):
    """Otherwise what is tried here says little."""
    service = dealer.rpc_as(dealer.login, dealer.api_key)
    assert not is_sales_manager(dealer, service.uid)


def test_a_user_without_rights(dealer, make, password):
    """As Odoo 14 makes new users, sales administrators, with that taken away."""
    user = dealer.rpc.create("res.users", name="Nobody", login="nobody", password=password)
    assert is_sales_manager(dealer, user)
    internal = dealer.rpc.ref("base.group_user")
    dealer.rpc.write("res.users", user, groups_id=[(6, 0, [internal])])
    settings = settings_for(dealer, login="nobody", api_key=password)
    report = check_connection(settings, product_codes=["BIKE-1"])
    [line] = [line for line in report.lines if line.ok is False]
    assert (line.step, line.code) == ("rights", "check_rights_missing")
    [result] = push(settings, [make()])
    assert (result.status, result.code) == ("failed", "customer_refused")
    assert "not allowed" in result.text


def test_the_words_of_the_dealers_rules(dealer, settings, make):
    """Odoo 14 puts the class of the exception in front of them."""
    [model] = dealer.rpc.search_read("ir.model", [("model", "=", "sale.order.line")], ["id"])
    rule = dealer.rpc.create(
        "ir.rule",
        name="Not that much",
        model_id=model["id"],
        domain_force="[('price_unit', '<', 1000000)]",
    )
    payloads = [make(), make(price=1_000_000), make()]
    try:
        results = push(settings, payloads)
    finally:
        dealer.rpc.call("ir.rule", "unlink", [rule])
    assert [result.status for result in results] == ["sent", "failed", "sent"]
    assert results[1].code == "order_refused"
    assert "Not that much" in results[1].text or "sale.order.line" in results[1].text
    for oddity in ("internal error", "odoo.exceptions", "Unknown error"):
        assert oddity not in results[1].text


def test_customers_the_dealer_has(dealer, settings, make):
    by_email = dealer.rpc.create("res.partner", name="A", email="Old.Case@Buyers.example")
    by_phone = dealer.rpc.create("res.partner", name="B", phone="+32 2 555 14 14")
    by_mobile = dealer.rpc.create("res.partner", name="C", mobile="+32 475 55 14 14")
    payloads = [
        make(email="old.case@buyers.example", name="A"),
        make(email="", phone="+3225551414", name="B"),
        make(email="", phone="+32475551414", name="C"),
    ]
    results = push(settings, payloads)
    assert [result.notes for result in results] == [[], [], []]
    ids = [result.remote_id for result in results]
    orders = dealer.rpc.call("sale.order", "read", ids, ["partner_id"])
    assert [order["partner_id"][0] for order in orders] == [by_email, by_phone, by_mobile]


def test_from_the_lead_to_the_daily_look(resting_bpo, dealer):
    """Through the addon: connected, won, sent once, refused, and what became of it there."""
    bpo = resting_bpo
    dealership = bpo.connect(dealer)
    good, bad = bpo.create_lead(dealership), bpo.create_lead(dealership, units=[("NO-SUCH", 1)])
    locked, cancelled = bpo.create_lead(dealership), bpo.create_lead(dealership)
    bpo.rpc.call("bpo.dealership", "action_test_connection", [dealership])
    checked = bpo.rpc.read("bpo.dealership", dealership, "server_version", "check_report")
    assert checked["server_version"] == "14.0"
    failed = [line["code"] for line in checked["check_report"] if not line.get("ok")]
    assert failed == ["product_unknown"], checked["check_report"]

    leads = [good, locked, cancelled]
    bpo.win(*leads, bad)
    bpo.push()
    assert [bpo.order(lead)["state"] for lead in leads] == ["sent"] * 3
    assert bpo.order(bad)["error_code"] == "product_unknown"
    sent = {lead: bpo.order(lead)["remote_id"] for lead in leads}
    bpo.sql("UPDATE bpo_dealer_order SET state = 'pending', remote_id = NULL WHERE state = 'sent'")
    bpo.push()
    assert {lead: bpo.order(lead)["remote_id"] for lead in leads} == sent
    [remote] = dealer.orders_of(bpo, good)
    assert remote["id"] == sent[good]
    url = bpo.rpc.read("crm.lead", good, "dealer_so_url")["dealer_so_url"]
    assert url == f"{dealer.url}/web#id={sent[good]}&model=sale.order&view_type=form"

    dealer.rpc.call("sale.order", "action_confirm", [sent[locked]])
    dealer.rpc.call("sale.order", "action_done", [sent[locked]])
    dealer.rpc.call("sale.order", "action_cancel", [sent[cancelled]])
    logged = len(dealer.log_text())
    survey(bpo, dealership)
    assert steps(bpo, leads) == ["in_step", "in_step", "cancelled"]
    assert bpo.order(locked)["remote_state"] == "sale"
    assert " ERROR " not in dealer.log_text()[logged:]
    assert len(dealer.orders_of(bpo, *leads, bad)) == 3
