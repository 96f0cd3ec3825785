# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What became of orders at a real dealer is seen by the daily look."""

import pytest


@pytest.fixture(scope="module")
def own_dealer(world):
    """A dealer's server that may restore its database."""
    server = world.new_dealer()
    yield server
    server.destroy()


def survey(bpo, dealership):
    """Let a day pass, and look."""
    bpo.sql(f"UPDATE bpo_dealership SET next_survey = NULL WHERE id = {dealership}")
    cron = bpo.rpc.ref("bpo_crm.ir_cron_check_dealer_orders")
    bpo.rpc.call("ir.cron", "method_direct_trigger", [cron])


def steps(bpo, leads):
    """Return how the orders of leads stand, as people see it on the leads."""
    records = bpo.rpc.call("crm.lead", "read", list(leads), ["dealer_order_step"])
    by_id = {record["id"]: record["dealer_order_step"] for record in records}
    return [by_id[lead] for lead in leads]


def requests_in(log):
    """Return how many calls of the External API a dealer's log tells of."""
    return log.count("POST /json/2/") + log.count("POST /xmlrpc/2/object")


def test_what_people_at_the_dealer_do(resting_bpo, own_dealer):
    """Confirm, cancel, edit, delete, reassign, merge the customer, restore a backup."""
    bpo, dealer = resting_bpo, own_dealer
    dealership = bpo.connect(dealer)
    leads = [bpo.create_lead(dealership) for _number in range(7)]
    bpo.win(*leads)
    bpo.push()
    orders = [bpo.order(lead) for lead in leads]
    assert {order["state"] for order in orders} == {"sent"}, orders
    assert steps(bpo, leads) == ["in_step"] * 7
    backup = dealer.back_up()

    _untouched, confirmed, cancelled, edited, deleted, hidden, merged = (
        order["remote_id"] for order in orders
    )
    dealer.rpc.call("sale.order", "action_confirm", [confirmed])
    dealer.rpc.write("sale.order", cancelled, state="cancel")
    lines = dealer.rpc.read("sale.order", edited, "order_line")["order_line"]
    dealer.rpc.write("sale.order.line", lines, product_uom_qty=3.0)
    dealer.rpc.write("sale.order", deleted, state="cancel")
    dealer.rpc.call("sale.order", "unlink", [deleted])
    dealer.rpc.write("sale.order", hidden, user_id=dealer.rpc.uid)
    other = dealer.rpc.create("res.partner", name="Merged Person", email="merged@example.com")
    dealer.rpc.write("sale.order", merged, partner_id=other)

    logged = len(dealer.log_text())
    survey(bpo, dealership)
    expected = ["in_step", "in_step", "cancelled", "changed", "missing", "hidden", "in_step"]
    assert steps(bpo, leads) == expected
    assert bpo.order(leads[1])["remote_state"] == "sale"
    assert requests_in(dealer.log_text()[logged:]) <= 5
    for lead, words in ((leads[2], "cancelled at the dealer"), (leads[3], "by now")):
        activities = bpo.rpc.search_read(
            "mail.activity", [("res_model", "=", "crm.lead"), ("res_id", "=", lead)], ["note"]
        )
        assert words in activities[0]["note"]
    counts = bpo.rpc.read(
        "bpo.dealership", dealership, "in_step_count", "missing_count", "stranger_count"
    )
    assert (counts["in_step_count"], counts["missing_count"], counts["stranger_count"]) == (3, 1, 0)

    # the missing one is sent again, once
    order = bpo.order(leads[4])
    bpo.rpc.call("bpo.dealer.order", "action_send_again", [order["id"]])
    bpo.push()
    survey(bpo, dealership)
    assert steps(bpo, leads)[4] == "in_step"
    assert len(dealer.orders_of(bpo, leads[4])) == 1

    # an older database of the dealer: what was changed there is undone, nothing is doubled
    dealer.restore(backup)
    survey(bpo, dealership)
    assert steps(bpo, leads) == ["in_step"] * 7
    assert [len(dealer.orders_of(bpo, lead)) for lead in leads] == [1] * 7


def test_orders_unknown_here_after_a_backup_was_restored(world, own_dealer):
    bpo = world.new_bpo(crons=0)
    dealership = bpo.connect(own_dealer)
    first = bpo.create_lead(dealership)
    bpo.win(first)
    bpo.push()
    backup = bpo.back_up()
    second = bpo.create_lead(dealership)
    bpo.win(second)
    bpo.push()
    name = bpo.order(second)["remote_name"]
    ours = [("create_uid.login", "=", own_dealer.login), ("state", "!=", "cancel")]
    known = own_dealer.count("sale.order", ours)
    bpo.restore(backup)
    survey(bpo, dealership)
    record = bpo.rpc.read("bpo.dealership", dealership, "stranger_count", "strangers")
    assert name in [stranger["name"] for stranger in record["strangers"]]
    # those of the other test's database are unknown here, too
    assert record["stranger_count"] == known - 1
    bpo.destroy()
