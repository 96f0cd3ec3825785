# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How many requests orders take, as a real dealer's log tells."""

from ..console import Progress
from . import orders
from .table import Row

BATCH = 50
MOST_SINGLE, MOST_BATCH = 3, 6


def measure(world):
    """Push single orders and batches, to a dealer that is new and to one that is known."""
    bpo, dealer = world.new_bpo(crons=0), world.new_dealer()
    dealership = bpo.connect(dealer)
    with Progress("Counting the requests of orders"):
        cold = count(bpo, dealer, orders.create_leads(bpo, dealership, 1))
        for _turn in range(3):
            count(bpo, dealer, [create_known(bpo, dealership)])
        single = count(bpo, dealer, [create_known(bpo, dealership)])
        new = count(bpo, dealer, orders.create_leads(bpo, dealership, 1))
        batch = count(bpo, dealer, orders.create_leads(bpo, dealership, BATCH))
    with Progress("Counting them once more for a dealer that nothing is known of"):
        bpo.sql("UPDATE bpo_dealership SET remote_uid = 0, server_version = NULL")
        bpo.restart()
        bpo.sql("UPDATE bpo_dealership SET remembered = NULL")
        cold_batch = count(bpo, dealer, orders.create_leads(bpo, dealership, BATCH))
    dealer.destroy()
    bpo.destroy()
    return [
        Row(
            "requests per order: one, of a known customer, dealer known",
            "six in the release before",
            single,
            unit="requests",
            at_most=MOST_SINGLE,
            details=[f"of a new customer {new}; the first order of a dealership {cold}"],
        ),
        Row(
            f"requests for {BATCH} orders of new customers, dealer known",
            "eight or nine in the release before",
            batch,
            unit="requests",
            at_most=MOST_BATCH,
            details=[
                f"{batch / BATCH:.2f} per order; the first orders of a dealership {cold_batch}"
            ],
        ),
    ]


def create_known(bpo, dealership):
    """Create a lead of a customer that the dealer knows by now; return its id."""
    [lead] = orders.create_leads(bpo, dealership, 1)
    bpo.rpc.write("crm.lead", lead, email_from="known@example.com", contact_name="Known")
    return lead


def count(bpo, dealer, leads):
    """Win leads, push, and return how many requests the dealer has got for it."""
    bpo.win(*leads)
    before = len(dealer.log_text())
    bpo.push()
    states = {bpo.order(lead)["state"] for lead in leads}
    if states != {"sent"}:
        raise AssertionError(f"not all orders were sent: {states}")
    return count_requests(dealer.log_text()[before:])


def count_requests(log):
    """Return how many requests of ours are in a dealer's log."""
    return sum(log.count(each) for each in ("POST /json/2/", "POST /xmlrpc/2/", "/web/version"))
