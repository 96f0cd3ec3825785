# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Ten dealers, two of which take a request and never answer."""

from contextlib import ExitStack

from fault_dealer import FaultDealer

from ..console import Progress
from . import orders
from .table import Row

DEALERS = 10
HANGING = 2
LEADS_EACH = 10
READ_TIMEOUT = 30  # seconds, dealer_api/settings.py


def measure(world):
    """Push to ten dealers, all healthy and then two hanging; return the row.

    The dealers are small programs in memory, so that what is measured is our own waiting.
    """
    bpo = world.new_bpo()
    currency = bpo.sql(
        "SELECT currency.name FROM res_company company"
        " JOIN res_currency currency ON currency.id = company.currency_id WHERE company.id = 1"
    )
    with ExitStack() as stack:
        dealers = [
            stack.enter_context(FaultDealer(currency=currency)) for _number in range(DEALERS)
        ]
        for dealer in dealers:
            dealer.add_product(orders.PRODUCT)
        dealerships = [bpo.connect(dealer) for dealer in dealers]
        with Progress(f"Pushing to {DEALERS} healthy dealers"):
            for dealership in dealerships:
                orders.push(bpo, dealership, 1)
            healthy = push_all(bpo, dealerships)
        with Progress(f"Pushing to {DEALERS} dealers, {HANGING} of which hang"):
            for dealer in dealers[:HANGING]:
                dealer.inject("hang", times=1000, seconds=10 * READ_TIMEOUT)
            slowed = push_all(bpo, dealerships)
    bpo.destroy()
    return [
        Row(
            f"{DEALERS} dealers, {HANGING} hanging: when the other {DEALERS - HANGING} have all",
            f"{DEALERS} healthy ones",
            slowed - healthy,
            unit="s more",
            at_most=READ_TIMEOUT,
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
