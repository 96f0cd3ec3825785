# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What another addon adds reaches the dealer: the example addon, on real servers.

The example (``tests/addons/bpo_crm_example``) uses each hook of ``docs/extending.md`` once.
"""

import pytest
from devlib.rpc import RpcError


@pytest.fixture(scope="module")
def extended_bpo(world):
    """A BPO server with the example addon, whose scheduled action runs when a test says so."""
    server = world.new_bpo(modules=["bpo_crm_example"], crons=0)
    yield server
    server.destroy()


@pytest.fixture(scope="module")
def dealership(extended_bpo, _dealer):
    """A dealership that is connected, by the example's own protocol."""
    return extended_bpo.connect(_dealer.start(), protocol="example_xmlrpc")


def create_lead(bpo, dealership, **values):
    """Create a lead with all that the example adds."""
    lead = bpo.create_lead(
        dealership,
        units=[("BIKE-1", 2)],
        function="Fleet manager",
        delivery_date="2027-03-01",
        campaign_code="SPRING",
        **values,
    )
    lines = bpo.rpc.call("bpo.lead.line", "search", [("lead_id", "=", lead)])
    bpo.rpc.write("bpo.lead.line", lines, lead_days=12.0)
    return lead


def chatter(bpo, lead):
    """Return all that chatter says of a lead."""
    messages = bpo.rpc.search_read(
        "mail.message", [("model", "=", "crm.lead"), ("res_id", "=", lead)], ["body"]
    )
    return " ".join(message["body"] for message in messages)


def test_fields_of_order_line_and_customer_arrive(extended_bpo, dealer, dealership):
    lead = create_lead(extended_bpo, dealership)
    extended_bpo.win(lead)
    extended_bpo.push()
    order = extended_bpo.order(lead)
    assert order["state"] == "sent", order
    [remote] = dealer.orders_of(
        extended_bpo, lead, fields=("commitment_date", "partner_id", "order_line")
    )
    assert remote["commitment_date"] == "2027-03-01 12:00:00"
    partner = dealer.rpc.read("res.partner", remote["partner_id"][0], "function")
    assert partner["function"] == "Fleet manager"
    [line_id] = remote["order_line"]
    line = dealer.rpc.read("sale.order.line", line_id, "customer_lead")
    assert line["customer_lead"] == 12.0


def test_a_field_that_the_dealer_lacks_is_said(extended_bpo, dealer, dealership):
    lead = create_lead(extended_bpo, dealership)
    extended_bpo.win(lead)
    extended_bpo.push()
    assert extended_bpo.order(lead)["state"] == "sent"
    assert "x_campaign_code" in chatter(extended_bpo, lead)
    # known from now on: the preview of the next lead says it without asking the dealer
    other = create_lead(extended_bpo, dealership)
    preview = extended_bpo.rpc.create("bpo.order.preview", lead_id=other)
    shown = extended_bpo.rpc.read("bpo.order.preview", preview, "preview_html")
    assert "x_campaign_code" in shown["preview_html"]


def test_a_field_that_the_dealer_gets_arrives(extended_bpo, world):
    """Once the dealer has the field, the next orders bring it, and nothing is said any more."""
    dealer = world.new_dealer()
    [model_id] = dealer.rpc.call("ir.model", "search", [("model", "=", "sale.order")])
    dealer.rpc.create(
        "ir.model.fields",
        name="x_campaign_code",
        model_id=model_id,
        ttype="char",
        field_description="Campaign",
    )
    dealership = extended_bpo.connect(dealer)
    lead = create_lead(extended_bpo, dealership)
    extended_bpo.win(lead)
    extended_bpo.push()
    [remote] = dealer.orders_of(extended_bpo, lead, fields=("x_campaign_code",))
    assert remote["x_campaign_code"] == "SPRING"
    assert "x_campaign_code" not in chatter(extended_bpo, lead)
    dealer.destroy()


def test_a_rule_of_a_move(extended_bpo, dealership):
    lead = extended_bpo.create_lead(dealership, units=[("BIKE-1", 1, 200_000.0)])
    with pytest.raises(RpcError, match="supervisor has to check"):
        extended_bpo.win(lead)
    assert not extended_bpo.order(lead)
    extended_bpo.rpc.write("crm.lead", lead, checked_by_supervisor=True)
    extended_bpo.win(lead)
    assert extended_bpo.order(lead)["state"] == "pending"


def test_a_step_of_the_connection_test_and_a_protocol(extended_bpo, dealer, dealership):
    extended_bpo.rpc.call("bpo.dealership", "action_test_connection", [dealership])
    values = extended_bpo.rpc.read(
        "bpo.dealership", dealership, "connection_state", "check_report_html"
    )
    assert values["connection_state"] == "connected"
    assert "Countries can be read." in values["check_report_html"]
    assert "XML-RPC (tagged)" in values["check_report_html"]
