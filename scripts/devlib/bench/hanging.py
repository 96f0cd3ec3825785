# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Ten dealers, two of which take a request and never answer."""

from contextlib import ExitStack

from ..console import Progress
from ..relay import Relay
from . import orders
from .table import Row

DEALERS = 10
HANGING = 2
LEADS_EACH = 10
MOST_SECONDS_MORE = 1
READ_TIMEOUT = 30  # seconds, dealer_api/settings.py


def measure(world):
    """Push to ten dealers, all healthy and then two hanging; return the row.

    One dealer's server plays all of them, each at an address of its own.
    """
    bpo, dealer = world.new_bpo(), world.new_dealer()
    with ExitStack() as stack:
        dealers = [stack.enter_context(Relay(dealer)) for _number in range(DEALERS)]
        dealerships = [bpo.connect(each) for each in dealers]
        with Progress(f"Pushing to {DEALERS} healthy dealers"):
            for dealership in dealerships:
                orders.push(bpo, dealership, 1)
            healthy = push_all(bpo, dealerships)
        with Progress(f"Pushing to {DEALERS} dealers, {HANGING} of which hang"):
            for hanging in dealers[:HANGING]:
                hanging.hang()
            slowed = push_all(bpo, dealerships)
            check_hanging(bpo, dealerships[:HANGING])
    bpo.destroy()
    dealer.destroy()
    return [
        Row(
            f"{DEALERS} dealers, {HANGING} hanging: when the other {DEALERS - HANGING} have all",
            f"{DEALERS} healthy ones",
            slowed - healthy,
            unit="s more",
            at_most=MOST_SECONDS_MORE,
            details=[
                f"{(DEALERS - HANGING) * LEADS_EACH} orders written back after {slowed:.1f} s,"
                f" with all healthy after {healthy:.1f} s; a dealer's timeout is"
                f" {READ_TIMEOUT} s",
            ],
        )
    ]


def push_all(bpo, dealerships):
    """Win leads of all dealers at once; return seconds until the healthy ones have all theirs."""
    leads = [orders.create_leads(bpo, dealership, LEADS_EACH) for dealership in dealerships]
    return orders.win(bpo, sum(leads, []), wait_for=sum(leads[HANGING:], []))[1]


def check_hanging(bpo, dealerships):
    """Refuse to measure dealers that were meant to hang and did not."""
    ids = ", ".join(map(str, dealerships))
    waiting = int(
        bpo.sql(
            "SELECT count(*) FROM bpo_dealer_order WHERE state <> 'sent'"
            f" AND dealership_id IN ({ids})"
        )
    )
    if waiting != len(dealerships) * LEADS_EACH:
        raise AssertionError(f"only {waiting} orders of dealers that hang are waiting")
