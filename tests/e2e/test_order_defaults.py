# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Order defaults and notes on a dealer's own Odoo, with the service user's least rights."""

import pytest


@pytest.fixture(scope="module")
def dealer(world):
    """A dealer with a sales team for the call centre, a source, and a field that orders need."""
    server = world.new_dealer()
    rpc = server.rpc
    rpc.create("crm.team", name="Call centre")
    rpc.create("utm.source", name="BPO")
    [model] = rpc.search_read("ir.model", [("model", "=", "sale.order")], ["id"])
    rpc.create(
        "ir.model.fields",
        name="x_branch",
        field_description="Branch",
        model_id=model["id"],
        ttype="char",
        required=True,
    )
    salesman = [rpc.ref("base.group_user"), rpc.ref("sales_team.group_sale_salesman")]
    rpc.create(
        "res.users", name="Sally Sales", login="sally@example.com", group_ids=[(6, 0, salesman)]
    )
    yield server
    server.destroy()


@pytest.fixture(scope="module")
def bpo(world):
    """A BPO server whose scheduled action runs when a test says so."""
    server = world.new_bpo(crons=0)
    yield server
    server.destroy()


def set_defaults(bpo, dealership, **values):
    commands = [(5, 0, 0), *((0, 0, {"name": n, "value": v}) for n, v in values.items())]
    bpo.rpc.write("bpo.dealership", dealership, order_default_ids=commands)


def check(bpo, dealership):
    """Return the lines of a connection test that found something."""
    bpo.rpc.call("bpo.dealership", "action_test_connection", [dealership])
    report = bpo.rpc.read("bpo.dealership", dealership, "check_report")["check_report"]
    return {(line["step"], line["code"]): line["text"] for line in report if not line.get("ok")}


GOOD = {"x_branch": "7", "user_id": "", "team_id": "Call centre", "source_id": "BPO"}


@pytest.mark.parametrize("protocol", ["json2", "xmlrpc"])
def test_they_are_filed_as_the_dealer_wants(bpo, dealer, protocol):
    """A required field of the dealer's own, an own sales team, and nobody as salesperson."""
    dealership = bpo.connect(dealer, protocol=protocol)
    [found] = check(bpo, dealership).items()
    assert found[0] == ("trial", "check_trial_order_refused")
    assert "Branch" in found[1] or "x_branch" in found[1]
    set_defaults(bpo, dealership, **GOOD)
    assert check(bpo, dealership) == {}
    lead = bpo.create_lead(dealership, units=[("BIKE-1", 2), ("HELMET-1", 1)])
    bpo.win(lead)
    bpo.push()
    order = bpo.order(lead)
    assert order["state"] == "sent", order["error"]
    fields = ["name", "user_id", "team_id", "source_id", "x_branch", "order_line", "note"]
    [remote] = dealer.orders_of(bpo, lead, fields=fields)
    # the service user may read it still
    assert order["remote_name"] == remote["name"]
    assert (remote["user_id"], remote["x_branch"], remote["note"]) == (False, "7", False)
    assert (remote["team_id"][1], remote["source_id"][1]) == ("Call centre", "BPO")
    assert len(remote["order_line"]) == 2
    assert not dealer.rpc.search_read("mail.mail", [], ["subject"])


def test_another_salesperson_needs_another_right(bpo, dealer):
    """The record rule of *own documents* names no field: which default it was is found out."""
    dealership = bpo.connect(dealer)
    set_defaults(bpo, dealership, **{**GOOD, "user_id": "Sally Sales"})
    numbers = dealer.rpc.search_read(
        "ir.sequence", [("code", "=", "sale.order")], ["number_next_actual"]
    )
    [found] = check(bpo, dealership).items()
    assert found[0] == ("trial", "default_refused")
    assert "Sally Sales as user_id" in found[1]
    after = dealer.rpc.search_read(
        "ir.sequence", [("code", "=", "sale.order")], ["number_next_actual"]
    )
    assert after == numbers
    leads = [bpo.create_lead(dealership) for _number in range(2)]
    bpo.win(*leads)
    bpo.push()
    for lead in leads:
        order = bpo.order(lead)
        assert (order["state"], order["error_code"]) == ("failed", "default_refused"), order
        assert "Sally Sales as user_id" in order["error"]
    assert dealer.orders_of(bpo, *leads) == []

    [service] = dealer.rpc.search_read("res.users", [("login", "=", dealer.login)], ["id"])
    group = dealer.rpc.ref("sales_team.group_sale_salesman_all_leads")
    dealer.rpc.write("res.users", service["id"], group_ids=[(4, group)])
    try:
        # a test that finds all well sends what failed
        assert check(bpo, dealership) == {}
        bpo.push()
        for remote in dealer.orders_of(bpo, *leads, fields=["user_id"]):
            assert remote["user_id"][1] == "Sally Sales"
        assert [bpo.order(lead)["state"] for lead in leads] == ["sent", "sent"]
    finally:
        dealer.rpc.write("res.users", service["id"], group_ids=[(3, group)])
    # or nobody is the salesperson: what failed goes without a click
    lead = bpo.create_lead(dealership)
    bpo.win(lead)
    bpo.push()
    assert bpo.order(lead)["error_code"] == "default_refused"
    set_defaults(bpo, dealership, **GOOD)
    bpo.push()
    [remote] = dealer.orders_of(bpo, lead, fields=["user_id"])
    assert remote["user_id"] is False


def test_names_that_are_not_known(bpo, dealer):
    """Nothing is created because of them, and the order goes once the dealer knows them."""
    dealer.rpc.create("crm.tag", name="There")
    dealer.rpc.create("crm.team", name="Double")
    dealer.rpc.create("crm.team", name="Double")
    dealership = bpo.connect(dealer)
    wrong = {"tag_ids": "There, Not there", "team_id": "Double", "x_nothing": "1"}
    set_defaults(bpo, dealership, **{**GOOD, **wrong})
    found = check(bpo, dealership)
    assert set(found) == {
        ("defaults", "check_default_field"),
        ("defaults", "default_unknown"),
        ("defaults", "default_ambiguous"),
    }
    assert "Not there" in found["defaults", "default_unknown"]
    set_defaults(bpo, dealership, **{**GOOD, "tag_ids": wrong["tag_ids"]})
    partners, lead = dealer.count("res.partner"), bpo.create_lead(dealership)
    bpo.win(lead)
    bpo.push()
    assert bpo.order(lead)["error_code"] == "default_unknown"
    assert dealer.count("res.partner") == partners
    dealer.rpc.create("crm.tag", name="Not there")
    # an hour later
    bpo.sql("UPDATE bpo_dealer_order SET next_attempt = now() at time zone 'utc' - '1m'::interval")
    bpo.push()
    assert bpo.order(lead)["state"] == "sent", bpo.order(lead)["error"]
    [remote] = dealer.orders_of(bpo, lead, fields=["tag_ids"])
    assert len(remote["tag_ids"]) == 2


def test_text_for_a_field_with_html(bpo, dealer):
    dealership = bpo.connect(dealer)
    set_defaults(bpo, dealership, **{**GOOD, "note": "Prices < 10 & more\nSecond line"})
    lead = bpo.create_lead(dealership)
    bpo.win(lead)
    bpo.push()
    [remote] = dealer.orders_of(bpo, lead, fields=["note"])
    assert "Prices &lt; 10 &amp; more<br" in remote["note"]


def test_notes_arrive_once_and_for_the_dealers_people_alone(bpo, dealer):
    dealership, mails = bpo.connect(dealer), dealer.count("mail.mail")
    set_defaults(bpo, dealership, **GOOD)
    noted = bpo.create_lead(
        dealership, units=[("BIKE-1", 1), ("BIKE-2", 1)], dealer_notes="Call <after> six.\nBlue"
    )
    plain = bpo.create_lead(dealership)
    bpo.win(noted, plain)
    bpo.push()
    # as if nothing had ever been written back
    bpo.sql(
        "UPDATE bpo_dealer_order SET state = 'pending', remote_id = NULL, remote_name = NULL"
        f" WHERE lead_id = {noted}"
    )
    bpo.push()
    assert [bpo.order(lead)["state"] for lead in (noted, plain)] == ["sent", "sent"]
    orders = dealer.orders_of(bpo, noted, plain, fields=["message_ids", "order_line", "note"])
    [messages, others] = [
        [
            message
            for message in dealer.rpc.call(
                "mail.message",
                "read",
                order["message_ids"],
                ["body", "is_internal", "author_id", "subtype_id", "partner_ids"],
            )
            if "created" not in message["body"]
        ]
        for order in orders
    ]
    assert others == []
    [message] = messages
    assert "Call &lt;after&gt; six.<br" in message["body"]
    assert (message["is_internal"], message["partner_ids"]) == (True, [])
    assert message["author_id"][1] == "BPO Service"
    # nothing that is printed for the customer
    assert (len(orders[0]["order_line"]), orders[0]["note"]) == (2, False)
    assert dealer.count("mail.mail") == mails
