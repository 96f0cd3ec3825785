# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A won lead's order waits for Undo, on real servers: taken back it never arrives, else it does."""

import time

import pytest
from devlib.rpc import RpcError

SECONDS = 6


@pytest.fixture
def waiting_bpo(bpo):
    """A BPO whose orders wait, with its scheduler as in production."""
    bpo.set_undo_seconds(SECONDS)
    yield bpo
    bpo.set_undo_seconds(0)


def find_undo(bpo):
    """Return the id of what can be taken back, as the message on the bus has it."""
    [undo] = bpo.rpc.call("bpo.undo", "search", [], order="id desc", limit=1)
    return undo


def test_taken_back_nothing_arrives(waiting_bpo, dealer):
    bpo = waiting_bpo
    dealership = bpo.connect(dealer)
    lead, other = (bpo.create_lead(dealership) for _number in range(2))
    [stage] = bpo.rpc.read("crm.lead", lead, "stage_id")["stage_id"][:1]
    before = dealer.count()
    bpo.win(lead)
    assert bpo.order(lead)["state"] == "pending"
    bpo.rpc.call("bpo.undo", "action_undo", [find_undo(bpo)])
    assert bpo.order(lead)["state"] == "cancelled"
    assert bpo.rpc.read("crm.lead", lead, "stage_id")["stage_id"][0] == stage
    # the next one is left: once it is there, the first one would be, too
    bpo.win(other)
    won = time.monotonic()
    # until then nothing goes out, though the scheduler is woken all the time
    while time.monotonic() < won + SECONDS - 1:
        bpo.wake_scheduler()
        assert bpo.order(other)["state"] == "pending"
        time.sleep(0.5)
    assert dealer.count() == before
    # the scheduler comes by itself once a minute; it is asked to come now
    time.sleep(max(won + SECONDS + 1 - time.monotonic(), 0))
    bpo.wake_scheduler()
    assert bpo.wait_for_order(other, timeout=90)["state"] == "sent"
    assert len(dealer.orders_of(bpo, other)) == 1
    assert dealer.orders_of(bpo, lead) == []
    assert bpo.order(lead)["attempt_count"] == 0


def test_once_it_is_there_undo_is_too_late(waiting_bpo, dealer):
    bpo = waiting_bpo
    lead = bpo.create_lead(bpo.connect(dealer))
    bpo.win(lead)
    undo = find_undo(bpo)
    bpo.rpc.call("bpo.dealer.order", "action_retry", [bpo.order(lead)["id"]])
    assert bpo.wait_for_order(lead)["state"] == "sent"
    with pytest.raises(RpcError, match="on their way"):
        bpo.rpc.call("bpo.undo", "action_undo", [undo])
    assert len(dealer.orders_of(bpo, lead)) == 1


def test_the_end_of_the_notice_wakes_the_scheduler(waiting_bpo, dealer):
    bpo = waiting_bpo
    bpo.set_undo_seconds(300)
    lead = bpo.create_lead(bpo.connect(dealer))
    bpo.win(lead)
    bpo.rpc.call("bpo.undo", "action_end", [find_undo(bpo)])
    assert bpo.wait_for_order(lead, timeout=30)["state"] == "sent"
    assert len(dealer.orders_of(bpo, lead)) == 1


def test_who_says_so_does_not_wait(waiting_bpo, dealer):
    bpo = waiting_bpo
    bpo.set_undo_seconds(300)
    lead = bpo.create_lead(bpo.connect(dealer))
    context = {"bpo_crm_send_now": True}
    bpo.rpc.call("crm.lead", "action_set_won", [lead], context=context)
    assert bpo.wait_for_order(lead, timeout=30)["state"] == "sent"
