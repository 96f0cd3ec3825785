# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A won lead becomes exactly one order on the dealer's own Odoo, whatever happens between.

Real servers on both sides; the only thing between them that is not real is, in one test, a relay
that lets the BPO's server die after the dealer has committed and before it hears of it.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from answer_relay import AnswerRelay
from devlib import databases
from devlib.rpc import RpcError
from devlib.world import wait_until


def test_one_lead(bpo, dealer):
    dealership = bpo.connect(dealer)
    lead = bpo.create_lead(dealership, units=[("BIKE-1", 2), ("HELMET-1", 1, 75.0)])
    bpo.win(lead)
    order = bpo.wait_for_order(lead)
    assert order["state"] == "sent", order
    [remote] = dealer.orders_of(bpo, lead)
    written = bpo.rpc.read("crm.lead", lead, "dealer_so_id", "dealer_so_name", "dealer_so_url")
    assert written["dealer_so_id"] == remote["id"]
    assert written["dealer_so_name"] == remote["name"]
    assert str(remote["id"]) in written["dealer_so_url"]
    assert remote["amount_untaxed"] == 2 * 1000.0 + 75.0
    assert remote["state"] == "draft"


def test_manager_is_told_by_mail_and_chatter(bpo, dealer):
    dealership = bpo.connect(dealer, manager_email="branch.manager@example.com")
    lead = bpo.create_lead(dealership)
    bpo.win(lead)
    name = bpo.wait_for_order(lead)["remote_name"]
    [mail] = bpo.rpc.search_read(
        "mail.mail", [("email_to", "ilike", "branch.manager@example.com")], ["subject", "body_html"]
    )
    assert name in mail["subject"] + mail["body_html"]
    messages = bpo.rpc.search_read(
        "mail.message", [("model", "=", "crm.lead"), ("res_id", "=", lead)], ["body"]
    )
    assert any(name in message["body"] for message in messages)


def test_customer_is_found_and_not_doubled(bpo, dealer):
    known = dealer.rpc.create("res.partner", name="Known Already", email="Known@Example.com")
    dealership = bpo.connect(dealer)
    customer = bpo.rpc.create("res.partner", name="Known", email="known@example.com")
    leads = [bpo.create_lead(dealership, partner_id=customer) for _number in range(2)]
    bpo.win(*leads)
    for lead in leads:
        bpo.wait_for_order(lead)
    orders = dealer.orders_of(bpo, *leads, fields=["partner_id"])
    assert [order["partner_id"][0] for order in orders] == [known, known]


def test_fifty_leads_with_one_bad_product(bpo, dealer):
    dealership = bpo.connect(dealer)
    good = [bpo.create_lead(dealership) for _number in range(49)]
    bad = bpo.create_lead(dealership, units=[("NO-SUCH-BIKE", 1)])
    leads = [*good[:20], bad, *good[20:]]
    bpo.win(*leads)
    states = {lead: bpo.wait_for_order(lead)["state"] for lead in leads}
    assert states.pop(bad) == "failed"
    assert set(states.values()) == {"sent"}
    assert len(dealer.orders_of(bpo, *leads)) == 49
    assert "NO-SUCH-BIKE" in bpo.order(bad)["error"]
    activities = bpo.rpc.search_read(
        "mail.activity", [("res_model", "=", "crm.lead"), ("res_id", "=", bad)], ["note"]
    )
    assert len(activities) == 1
    # put right, it goes out by Retry
    product = bpo.product("NO-SUCH-BIKE")
    bpo.rpc.call("product.product", "write", [product], {"default_code": "BIKE-2"})
    bpo.rpc.call("bpo.dealer.order", "action_retry", [bpo.order(bad)["id"]])
    bpo.wait_for_order(bad, states=("sent",))
    assert len(dealer.orders_of(bpo, bad)) == 1


def test_same_push_repeated(resting_bpo, dealer):
    bpo = resting_bpo
    dealership = bpo.connect(dealer)
    leads = [bpo.create_lead(dealership) for _number in range(3)]
    bpo.win(*leads)
    bpo.push()
    first = {lead: bpo.order(lead)["remote_id"] for lead in leads}
    assert all(first.values())
    edited = first[leads[0]]
    dealer.rpc.call("sale.order", "write", [edited], {"client_order_ref": "Changed by the dealer"})
    # as if nothing had ever been written back
    bpo.sql(
        "UPDATE bpo_dealer_order SET state = 'pending', remote_id = NULL, remote_name = NULL"
        f" WHERE lead_id IN ({','.join(map(str, leads))})"
    )
    bpo.push()
    assert {lead: bpo.order(lead)["remote_id"] for lead in leads} == first
    orders = dealer.orders_of(bpo, *leads)
    assert len(orders) == 3
    assert orders[0]["client_order_ref"] == "Changed by the dealer"


def test_two_workers_at_once(world, resting_bpo, dealer):
    bpo = resting_bpo
    dealership = bpo.connect(dealer)
    leads = [bpo.create_lead(dealership) for _number in range(30)]
    bpo.win(*leads)
    before = dealer.count()

    def work(_number):
        databases.shell(
            world.odoo,
            world.postgres,
            bpo.database,
            "env['bpo.dealer.order']._cron_push(); env.cr.commit()",
        )

    with ThreadPoolExecutor(2) as workers:
        list(workers.map(work, range(2)))
    if any(bpo.order(lead)["state"] != "sent" for lead in leads):
        bpo.forget_back_off()
        bpo.push()
    assert {bpo.order(lead)["state"] for lead in leads} == {"sent"}
    assert len(dealer.orders_of(bpo, *leads)) == 30
    assert dealer.count() == before + 30


def test_talks_follow_each_other(bpo, dealer):
    """Each is chosen while the one before is under way; the dealer gets all in their order."""
    dealership = bpo.connect(dealer)
    unit = {"product_id": bpo.product("BIKE-1"), "quantity": 1, "price_unit": 10.0}
    values = [
        {
            "name": f"One of many, {number}",
            "type": "opportunity",
            "contact_name": f"Follower {number}",
            "email_from": f"follower{number}@example.com",
            "dealership_id": dealership,
            "line_ids": [(0, 0, unit)],
        }
        for number in range(170)
    ]
    leads = bpo.rpc.call("crm.lead", "create", values)
    bpo.win(*leads)
    for lead in leads:
        assert bpo.wait_for_order(lead)["state"] == "sent"
    orders = bpo.rpc.search_read(
        "bpo.dealer.order", [("lead_id", "in", leads)], ["remote_id", "possibly_sent"], order="id"
    )
    remote_ids = [order["remote_id"] for order in orders]
    assert remote_ids == sorted(remote_ids)
    assert not any(order["possibly_sent"] for order in orders)
    assert len(dealer.orders_of(bpo, *leads)) == len(leads)


def test_killed_between_the_dealers_commit_and_our_write_back(bpo, dealer):
    died = threading.Event()

    def die_once():
        if not died.is_set():
            died.set()
            bpo.kill()
            return False
        return True

    with AnswerRelay(dealer, die_once) as relay:
        dealership = bpo.connect(dealer, odoo_url=relay.url)
        leads = [bpo.create_lead(dealership) for _number in range(5)]
        bpo.win(*leads)
        assert died.wait(60), "the dealer was never asked"
        wait_until(lambda: not bpo.is_running, 10)
        # the dealer has the orders, we do not know of them
        assert len(dealer.orders_of(bpo, *leads)) == 5
        bpo.start()
        for lead in leads:
            order = bpo.order(lead)
            assert order["state"] in ("pending", "sent")
        for lead in leads:
            assert bpo.wait_for_order(lead, hasten=True)["state"] == "sent"
        orders = dealer.orders_of(bpo, *leads)
        assert len(orders) == 5
        assert {bpo.order(lead)["remote_id"] for lead in leads} == {order["id"] for order in orders}


def test_dealer_down_then_up(bpo, dealer):
    dealership = bpo.connect(dealer)
    dealer.kill()
    lead = bpo.create_lead(dealership)
    bpo.win(lead)
    wait_until(lambda: (bpo.order(lead)["attempt_count"] or 0) >= 1, 60)
    assert bpo.order(lead)["state"] == "pending"
    dealer.start()
    order = bpo.wait_for_order(lead, hasten=True)
    assert order["state"] == "sent", order
    assert len(dealer.orders_of(bpo, lead)) == 1


def test_refused_login_pauses_the_dealership_until_it_is_tested(bpo, dealer):
    dealership = bpo.connect(dealer, odoo_api_key="wrong")
    leads = [bpo.create_lead(dealership) for _number in range(2)]
    bpo.win(*leads)
    wait_until(lambda: bpo.rpc.read("bpo.dealership", dealership, "paused")["paused"], 60)
    assert {bpo.order(lead)["state"] for lead in leads} == {"pending"}
    bpo.rpc.call("bpo.dealership", "write", [dealership], {"odoo_api_key": dealer.api_key})
    bpo.rpc.call("bpo.dealership", "action_test_connection", [dealership])
    for lead in leads:
        assert bpo.wait_for_order(lead)["state"] == "sent"
    assert len(dealer.orders_of(bpo, *leads)) == 2


def test_many_dealerships_are_talked_with_side_by_side(bpo, dealer):
    """In threads, with transactions of their own: what is found is kept, whatever others find."""
    well, refused = bpo.connect(dealer), bpo.connect(dealer, odoo_api_key="wrong")
    gone = bpo.connect(dealer, odoo_url="http://127.0.0.1:9")
    batch = [well, refused, gone]
    action = bpo.rpc.call("bpo.dealership", "action_walk_test_connection", batch)
    assert sorted(action["params"]["ids"]) == batch
    problems = bpo.rpc.call("bpo.dealership", "walk_test_connection", batch)
    texts = {each["id"]: each["text"] for each in problems}
    assert set(texts) == {refused, gone}
    assert "login" in texts[refused] and "127.0.0.1" in texts[gone]
    states = {
        each["id"]: each["connection_state"]
        for each in bpo.rpc.call("bpo.dealership", "read", batch, ["connection_state"])
    }
    assert states == {well: "connected", refused: "failed", gone: "failed"}
    assert "Connections tested: 3 in " in bpo.log_text()
    bpo.product("BIKE-1")
    problems = bpo.rpc.call("bpo.dealership", "walk_check_products", batch)
    assert {refused, gone} <= {each["id"] for each in problems}
    assert bpo.rpc.read("bpo.dealership", well, "products_checked")["products_checked"]


def test_lead_that_is_not_ready_lists_everything_and_stays(bpo):
    dealership = bpo.rpc.create("bpo.dealership", name="Not connected", code="NOT-CONNECTED")
    lead = bpo.rpc.create(
        "crm.lead", name="Nothing there", type="opportunity", dealership_id=dealership
    )
    stage = bpo.rpc.read("crm.lead", lead, "stage_id")["stage_id"]
    with pytest.raises(RpcError) as refused:
        bpo.win(lead)
    message = str(refused.value)
    for part in ("connection", "units", "name", "e-mail"):
        assert part in message
    assert "Traceback" not in message
    assert bpo.rpc.read("crm.lead", lead, "stage_id")["stage_id"] == stage
    assert bpo.order(lead) is None


def test_keys_are_nowhere_to_be_read(bpo, dealer):
    dealership = bpo.connect(dealer)
    fields = list(bpo.rpc.call("bpo.dealership", "fields_get"))
    assert dealer.api_key not in str(bpo.rpc.call("bpo.dealership", "read", [dealership], fields))
    assert dealer.api_key not in str(
        bpo.rpc.call("bpo.dealership", "export_data", [dealership], ["name", "odoo_api_key"])
    )
    assert dealer.api_key not in bpo.log_text()
