# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A short run of scripts/chaos, and a judge who is not to be fooled.

Longer runs, with other seeds: docs/chaos.md.
"""

import random
import time

import pytest
from devlib.chaos.agents import Person
from devlib.chaos.run import SETTLE_TIMEOUT, Chaos
from devlib.chaos.schedule import Plan

PLAN = Plan(seed=1, leads=12, rounds=2, operations=(3, 5))


@pytest.fixture(scope="module")
def chaos(world, tmp_path_factory):
    """A run that is over, with its servers."""
    run = Chaos(world, tmp_path_factory.mktemp("chaos"), PLAN)
    try:
        run.verdict = run.run()
        yield run
    finally:
        run.close()
        for server in (run.servers.bpo, *run.servers.dealers):
            server.destroy()


def findings(verdict):
    """Return {kind: names of the leads} that the judge found."""
    found = {}
    for kind, text in verdict.findings:
        found.setdefault(kind, set()).add(text.partition(" (lead")[0])
    return found


@pytest.fixture(scope="module")
def sent(chaos):
    """A lead that is won after all faults: (lead, the dealer's server, id of the order).

    Of those of the run a difference may have been said already, and be excused for that.
    """
    person = Person(chaos.office, "dora")
    assert person.perform("create", random.Random(2), count=1, tag="late") == "done"
    [lead_id] = person.details["leads"]
    person.rpc.call("crm.lead", "action_set_won", [lead_id])
    chaos.end = time.monotonic() + SETTLE_TIMEOUT
    chaos.push_all()
    [lead] = chaos.office.select(
        "SELECT l.id, l.name, o.id AS order_id, o.state, o.remote_id, o.dealership_id"
        f" FROM crm_lead l JOIN bpo_dealer_order o ON o.lead_id = l.id WHERE l.id = {lead_id}"
    )
    assert lead["state"] == "sent"
    return lead, chaos.office.dealer_of(lead["dealership_id"]), lead["remote_id"]


def test_nothing_lost_twice_or_misdirected(chaos):
    assert not chaos.verdict.findings, "\n".join(
        [*chaos.verdict.lines(), chaos.history.path.read_text("utf-8")]
    )
    assert chaos.done == PLAN.rounds
    assert {"restore_bpo", "restore_dealer"} <= set(chaos.history.faults)
    assert chaos.history.faults.total() >= 2 * PLAN.rounds, chaos.history.faults


def test_judge_sees_a_lost_order(chaos, sent):
    lead, dealer, order = sent
    dealer.sql(f"UPDATE sale_order SET state = 'cancel' WHERE id = {order}")
    try:
        assert findings(chaos.judge()) == {"lost": {lead["name"]}}
    finally:
        dealer.sql(f"UPDATE sale_order SET state = 'draft' WHERE id = {order}")


def test_judge_sees_a_second_order(chaos, sent):
    lead, dealer, order = sent
    [copy] = dealer.rpc.call("sale.order", "copy", [order])
    try:
        assert findings(chaos.judge()) == {"twice": {lead["name"]}}
    finally:
        dealer.rpc.call("sale.order", "unlink", [copy])


def test_judge_sees_a_link_to_another_order(chaos, sent):
    lead, _dealer, order = sent
    row = f"WHERE id = {lead['order_id']}"
    chaos.servers.bpo.sql(f"UPDATE bpo_dealer_order SET remote_id = {order + 1} {row}")
    try:
        assert findings(chaos.judge()) == {"misdirected": {lead["name"]}}
    finally:
        chaos.servers.bpo.sql(f"UPDATE bpo_dealer_order SET remote_id = {order} {row}")


def test_judge_sees_another_content(chaos, sent):
    lead, dealer, order = sent
    dealer.sql(
        f"UPDATE sale_order_line SET product_uom_qty = product_uom_qty + 1 WHERE order_id = {order}"
    )
    assert findings(chaos.judge()) == {"differing unsaid": {lead["name"]}}
