# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is believed here is what is there: restored backups, lost answers, another address.

Real servers on both sides. Each won lead ends with exactly one order with its content, or says
plainly why not.
"""

import pytest
from answer_relay import AnswerRelay
from devlib.rpc import RpcError


@pytest.fixture
def own_dealer(world):
    """A dealer's server for one test, which may restore its database."""
    server = world.new_dealer()
    yield server
    server.destroy()


def customer(bpo, name):
    """Create a contact, and return the values of a lead for it."""
    email = f"{name.lower().replace(' ', '.')}@example.com"
    return {"partner_id": bpo.rpc.create("res.partner", name=name, email=email)}


def chatter(bpo, lead):
    """Return all that chatter says of a lead."""
    messages = bpo.rpc.search_read(
        "mail.message", [("model", "=", "crm.lead"), ("res_id", "=", lead)], ["body"]
    )
    return " ".join(message["body"] for message in messages)


def reopen(bpo, lead):
    """Take a lead out of Won, as an administrator, who is a BPO manager."""
    [stage] = bpo.rpc.call("crm.stage", "search", [("is_won", "=", False)], limit=1)
    bpo.rpc.write("crm.lead", lead, stage_id=stage)


def change_units(bpo, lead, quantity):
    """Change how many of its first unit a lead sells."""
    [line, *_more] = bpo.rpc.call("bpo.lead.line", "search", [("lead_id", "=", lead)])
    bpo.rpc.write("bpo.lead.line", line, quantity=quantity)


def content(dealer, order_id):
    """Return customer and quantities of an order at the dealer."""
    order = dealer.rpc.read("sale.order", order_id, "partner_id", "order_line")
    lines = dealer.rpc.call(
        "sale.order.line", "read", order["order_line"], ["product_uom_qty", "price_unit"]
    )
    return order["partner_id"][1], [line["product_uom_qty"] for line in lines]


def win_and_push(bpo, lead):
    """Win a lead, push, and return its order."""
    bpo.win(lead)
    bpo.forget_back_off()
    bpo.push()
    return bpo.order(lead)


def test_lead_id_that_comes_again_after_a_restore(restored_bpo, dealer):
    bpo = restored_bpo
    dealership = bpo.connect(dealer)
    bpo.product("BIKE-1")
    backup = bpo.back_up()
    first = bpo.create_lead(dealership, **customer(bpo, "First Person"))
    assert win_and_push(bpo, first)["state"] == "sent"
    first_order = bpo.order(first)

    bpo.restore(backup)
    second = bpo.create_lead(dealership, units=[("BIKE-1", 3)], **customer(bpo, "Second Person"))
    assert second == first, "the id is given out again: what this test is about"
    order = win_and_push(bpo, second)
    assert order["state"] == "sent", order
    assert order["remote_id"] != first_order["remote_id"]
    assert content(dealer, order["remote_id"]) == ("Second Person", [3.0])
    assert content(dealer, first_order["remote_id"]) == ("First Person", [1.0])


def test_key_that_is_taken_is_never_called_sent(restored_bpo, dealer):
    """As of a row made by the first release, whose keys could come again."""
    bpo = restored_bpo
    dealership = bpo.connect(dealer)
    bpo.product("BIKE-1")
    backup = bpo.back_up()

    def win_with_old_key(name):
        lead = bpo.create_lead(dealership, **customer(bpo, name))
        bpo.win(lead)
        key = f"bpo_crm_{bpo.uuid.replace('-', '')[:12]}.lead_{lead}"
        bpo.sql(
            f"UPDATE bpo_dealer_order SET external_id = '{key}',"
            f" payload = jsonb_set(payload::jsonb, '{{external_id}}', '\"{key}\"')"
            f" WHERE lead_id = {lead}"
        )
        bpo.push()
        return lead

    first = bpo.order(win_with_old_key("Elder Person"))
    assert first["state"] == "sent", first
    bpo.restore(backup)
    lead = win_with_old_key("Younger Person")
    order = bpo.order(lead)
    assert (order["state"], order["error_code"]) == ("failed", "order_conflict"), order
    assert "Elder Person" in order["error"]
    assert "Elder Person" in chatter(bpo, lead)
    assert content(dealer, first["remote_id"])[0] == "Elder Person"
    # a manager has looked, and sends it again
    bpo.rpc.call("bpo.dealer.order", "action_retry", [order["id"]])
    bpo.push()
    order = bpo.order(lead)
    assert order["state"] == "sent", order
    assert content(dealer, order["remote_id"]) == ("Younger Person", [1.0])


def test_bpo_restored_to_before_the_answer(restored_bpo, dealer):
    """Won, sent, then our database goes back to when the order still waited: it is found."""
    bpo = restored_bpo
    dealership = bpo.connect(dealer)
    lead = bpo.create_lead(dealership, **customer(bpo, "Patient Person"))
    bpo.win(lead)
    backup = bpo.back_up()
    bpo.push()
    before = bpo.order(lead)
    assert before["state"] == "sent"
    bpo.restore(backup)
    assert bpo.order(lead)["state"] == "pending"
    # a day passes before the backup is brought back
    dealer.sql(
        "UPDATE sale_order SET create_date = create_date - interval '1 day'"
        f" WHERE id = {before['remote_id']}"
    )
    bpo.push()
    after = bpo.order(lead)
    assert (after["state"], after["remote_id"]) == ("sent", before["remote_id"]), after
    assert len(dealer.orders_of(bpo, lead)) == 1
    assert "restored from a backup" in chatter(bpo, lead)


def test_bpo_restored_to_when_another_content_was_sent(restored_bpo, dealer):
    """The dealer has what was sent after the backup, under the same key; that is said."""
    bpo = restored_bpo
    dealership = bpo.connect(dealer)
    lead = bpo.create_lead(dealership, **customer(bpo, "Changing Person"))
    bpo.win(lead)
    bpo.push()
    before = bpo.order(lead)
    backup = bpo.back_up()
    reopen(bpo, lead)
    dealer.rpc.write("sale.order", before["remote_id"], state="cancel")
    dealer.rpc.call("sale.order", "unlink", [before["remote_id"]])
    change_units(bpo, lead, 7)
    later = win_and_push(bpo, lead)
    assert (later["state"], content(dealer, later["remote_id"])[1]) == ("sent", [7.0])
    bpo.restore(backup)
    bpo.rpc.call("bpo.dealer.order", "action_check_at_dealer", [before["id"]])
    bpo.push()
    order = bpo.order(lead)
    assert (order["remote_id"], order["remote_name"]) == (later["remote_id"], later["remote_name"])
    assert "8050.00 USD by now" in chatter(bpo, lead)


def test_dealer_restored_to_before_the_order(resting_bpo, own_dealer):
    bpo = resting_bpo
    dealership = bpo.connect(own_dealer)
    backup = own_dealer.back_up()
    lead = bpo.create_lead(dealership, units=[("BIKE-1", 4)], **customer(bpo, "Lost Person"))
    order = win_and_push(bpo, lead)
    assert order["state"] == "sent"
    own_dealer.restore(backup)
    # the id of our order is given to a stranger's
    partner = own_dealer.rpc.create("res.partner", name="Stranger")
    while own_dealer.rpc.create("sale.order", partner_id=partner) != order["remote_id"]:
        pass
    bpo.rpc.call("bpo.dealer.order", "action_check_at_dealer", [order["id"]])
    bpo.push()
    order = bpo.order(lead)
    assert (order["state"], order["remote_state"]) == ("sent", "missing")
    assert "no longer" in chatter(bpo, lead)
    bpo.rpc.call("bpo.dealer.order", "action_send_again", [order["id"]])
    bpo.push()
    order = bpo.order(lead)
    assert order["state"] == "sent", order
    [remote] = own_dealer.orders_of(bpo, lead)
    assert remote["id"] == order["remote_id"]
    assert content(own_dealer, remote["id"]) == ("Lost Person", [4.0])


def test_what_became_of_orders(resting_bpo, own_dealer):
    bpo, dealer = resting_bpo, own_dealer
    dealership = bpo.connect(dealer)
    leads = [bpo.create_lead(dealership) for _number in range(4)]
    bpo.win(*leads)
    bpo.push()
    confirmed, cancelled, deleted, hidden = (bpo.order(lead) for lead in leads)
    dealer.rpc.call("sale.order", "action_confirm", [confirmed["remote_id"]])
    dealer.rpc.write("sale.order", cancelled["remote_id"], state="cancel")
    dealer.rpc.write("sale.order", deleted["remote_id"], state="cancel")
    dealer.rpc.call("sale.order", "unlink", [deleted["remote_id"]])
    dealer.rpc.write("sale.order", hidden["remote_id"], user_id=dealer.rpc.uid)
    ids = [bpo.order(lead)["id"] for lead in leads]
    bpo.rpc.call("bpo.dealer.order", "action_check_at_dealer", ids)
    bpo.push()
    states = [bpo.order(lead)["remote_state"] for lead in leads]
    assert states == ["sale", "cancel", "missing", "hidden"]
    assert "check_object_reference" not in dealer.log_text()
    assert "Traceback" not in dealer.log_text()


def win_with_lost_answer(bpo, dealer, relay_url):
    """Win a lead whose order arrives, but whose answer gets lost; return lead and dealership."""
    dealership = bpo.connect(dealer, odoo_url=relay_url)
    lead = bpo.create_lead(dealership, units=[("BIKE-1", 2)])
    bpo.win(lead)
    bpo.push()
    assert bpo.order(lead)["state"] == "pending"
    assert len(dealer.orders_of(bpo, lead)) == 1
    return lead


def test_answer_lost_then_reopened_and_won_with_other_units(resting_bpo, dealer):
    """The dealer has the old order: it is adopted as what it is, and that is said."""
    bpo, answers = resting_bpo, iter([False])
    with AnswerRelay(dealer, lambda: next(answers, True)) as relay:
        lead = win_with_lost_answer(bpo, dealer, relay.url)
        reopen(bpo, lead)
        change_units(bpo, lead, 7)
        order = win_and_push(bpo, lead)
    assert order["state"] == "sent", order
    [remote] = dealer.orders_of(bpo, lead)
    assert content(dealer, remote["id"])[1] == [2.0]
    snapshot = bpo.rpc.read("bpo.dealer.order", order["id"], "payload")["payload"]
    assert snapshot["lines"][0]["values"]["product_uom_qty"] == 2
    assert "2 × City Bike" in chatter(bpo, lead)
    assert "7 × City Bike" in chatter(bpo, lead)


def win_again_after_cancelling(bpo, dealer, lead, order_id):
    """Let the dealer cancel an order, win its lead with other units; the new order goes there."""
    reopen(bpo, lead)
    dealer.rpc.write("sale.order", order_id, state="cancel")
    change_units(bpo, lead, 7)
    order = win_and_push(bpo, lead)
    assert order["state"] == "sent", order
    assert order["remote_id"] != order_id
    assert content(dealer, order["remote_id"])[1] == [7.0]


def test_answer_lost_then_cancelled_by_the_dealer_and_won_again(resting_bpo, dealer):
    """The dealer did what our chatter asks: the new order goes under a new key."""
    bpo, answers = resting_bpo, iter([False])
    with AnswerRelay(dealer, lambda: next(answers, True)) as relay:
        lead = win_with_lost_answer(bpo, dealer, relay.url)
        [old] = dealer.orders_of(bpo, lead)
        win_again_after_cancelling(bpo, dealer, lead, old["id"])
    assert len(dealer.orders_of(bpo, lead)) == 2


def test_sent_then_cancelled_by_the_dealer_and_won_again(resting_bpo, dealer):
    bpo = resting_bpo
    dealership = bpo.connect(dealer)
    lead = bpo.create_lead(dealership)
    old = win_and_push(bpo, lead)
    win_again_after_cancelling(bpo, dealer, lead, old["remote_id"])


def move_to(bpo, dealership, other):
    """Give a dealership another dealer's server."""
    bpo.rpc.write(
        "bpo.dealership",
        dealership,
        odoo_url=other.url,
        odoo_db=other.database,
        odoo_api_key=other.api_key,
    )


def test_another_address_is_another_odoo(world, resting_bpo, dealer):
    bpo = resting_bpo
    other = world.new_dealer()
    dealership = bpo.connect(dealer)
    lead = bpo.create_lead(dealership)
    order = win_and_push(bpo, lead)
    assert order["state"] == "sent"
    # a stranger with the id of our order
    other.sql(f"SELECT setval('sale_order_id_seq', {order['remote_id']}, FALSE)")
    partner = other.rpc.create("res.partner", name="Stranger")
    stranger = other.rpc.create("sale.order", partner_id=partner, state="cancel")
    assert stranger == order["remote_id"]
    move_to(bpo, dealership, other)
    assert not bpo.rpc.read("crm.lead", lead, "dealer_so_url")["dealer_so_url"]
    bpo.rpc.call("bpo.dealer.order", "action_check_at_dealer", [order["id"]])
    bpo.push()
    after = bpo.order(lead)
    assert (after["state"], after["remote_name"]) == ("sent", order["remote_name"])
    assert after["remote_state"] == "draft", "of our order; the stranger is cancelled"
    other.destroy()


def test_doubtful_order_and_another_address(world, resting_bpo, dealer):
    bpo, answers = resting_bpo, iter([False])
    other = world.new_dealer()
    with AnswerRelay(dealer, lambda: next(answers, True)) as relay:
        lead = win_with_lost_answer(bpo, dealer, relay.url)
    dealership = bpo.rpc.read("crm.lead", lead, "dealership_id")["dealership_id"][0]
    move_to(bpo, dealership, other)
    bpo.forget_back_off()
    bpo.push()
    order = bpo.order(lead)
    assert (order["state"], order["error_code"]) == ("failed", "place_changed")
    assert len(other.orders_of(bpo, lead)) == 0
    with pytest.raises(RpcError):
        bpo.rpc.call("bpo.dealer.order", "action_send_again", [order["id"]])
    other.destroy()
