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


def merge(dealer, source, kept):
    """Merge a contact into another one, as the dealer's administrator does."""
    wizard = "base.partner.merge.automatic.wizard"
    ids = [(6, 0, [source, kept])]
    merging = dealer.rpc.create(wizard, partner_ids=ids, dst_partner_id=kept)
    dealer.rpc.call(wizard, "action_merge", [merging])
    assert not dealer.count("res.partner", [("id", "=", source), ("active", "in", (True, False))])


def notes_of(bpo, lead):
    """Return all that was logged on a lead."""
    domain = [("model", "=", "crm.lead"), ("res_id", "=", lead)]
    return " ".join(each["body"] for each in bpo.rpc.search_read("mail.message", domain, ["body"]))


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


@pytest.mark.parametrize("email", ["same", "other"])
def test_customer_merged_at_the_dealer(resting_bpo, dealer, email):
    """The order is ours still, whom it is for is said once, and the next one finds a contact."""
    bpo = resting_bpo
    dealership = bpo.connect(dealer)
    lead = bpo.create_lead(dealership)
    customer = bpo.rpc.read("crm.lead", lead, "partner_id")["partner_id"][0]
    bpo.win(lead)
    bpo.push()
    order = bpo.order(lead)
    assert order["state"] == "sent", order
    [old, name] = dealer.rpc.read("sale.order", order["remote_id"], "partner_id")["partner_id"]
    address = dealer.rpc.read("res.partner", old, "email")["email"]
    values = {"name": f"Head Office of {name[-3:]}"}
    values["email"] = address if email == "same" else f"kept.{address}"
    kept = dealer.rpc.create("res.partner", **values)
    merge(dealer, old, kept)

    survey(bpo, dealership)
    assert steps(bpo, [lead]) == ["in_step"]
    counts = bpo.rpc.read("bpo.dealership", dealership, "in_step_count", "stranger_count")
    assert counts["in_step_count"] == 1
    words = f"the order is for {values['name']} instead of {name}"
    assert notes_of(bpo, lead).count(words) == 1
    # neither another day nor a closer look says it again
    survey(bpo, dealership)
    bpo.rpc.call("bpo.dealer.order", "action_check_at_dealer", [order["id"]])
    bpo.push()
    assert notes_of(bpo, lead).count(words) == 1
    assert (steps(bpo, [lead]), len(dealer.orders_of(bpo, lead))) == (["in_step"], 1)

    later = bpo.create_lead(dealership, partner_id=customer)
    bpo.win(later)
    bpo.push()
    order = bpo.order(later)
    assert order["state"] == "sent", order
    contact = dealer.rpc.read("sale.order", order["remote_id"], "partner_id")["partner_id"][0]
    seen = dealer.rpc.read("res.partner", contact, "email", "active")
    assert (seen["email"], seen["active"]) == (address, True)
    # the one that was kept, where it can be told by its e-mail
    assert (contact == kept) is (email == "same")
    said = "went to the dealer's contact" if email == "same" else "so a new one was created"
    assert said in notes_of(bpo, later)


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
