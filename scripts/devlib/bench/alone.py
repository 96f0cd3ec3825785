# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One order after the other, while nothing else happens: what a person waits for."""

import time
from statistics import median, quantiles

from ..console import Progress
from . import asked, orders
from .table import Row

TURNS = 40
# Orders before it: caches of both servers are warm, the dealer is known.
WARM = 5
# Seconds between two, in which everything comes to rest.
REST = 0.7
MOST_REQUESTS = 3
_WAIT = """
    DO $$ BEGIN
        WHILE NOT EXISTS (SELECT FROM bpo_dealer_order WHERE lead_id = {lead} AND state = 'sent')
        LOOP PERFORM pg_sleep(0.005); END LOOP;
    END $$
"""


def measure(world):
    """Win leads one by one, with a real dealer and no wait for *Undo*; return the rows."""
    bpo, dealer = world.new_bpo(crons=1), world.new_dealer()
    dealership = bpo.connect(dealer)
    orders.stop_enrichment(bpo)
    leads = orders.create_leads(bpo, dealership, WARM + TURNS)
    with Progress(f"Winning {TURNS} leads one by one"):
        taken = [win(bpo, dealer, lead) for lead in leads][WARM:]
    dealer.destroy()
    bpo.destroy()
    clicks, seconds, requests = zip(*taken, strict=True)
    late = quantiles(seconds, n=20)[-1]
    details = [
        f"{TURNS} orders of new customers, each alone: from {min(seconds):.2f} to"
        f" {max(seconds):.2f} s from the end of the click; the click itself {median(clicks):.2f} s"
        f" (median); {min(requests)} to {max(requests)} requests to the dealer"
    ]
    what = "won to sent, one order, idle system, real dealer, no undo wait"
    return [
        Row(f"{what}: median", "–", median(seconds), unit="s", details=details),
        Row("the same: 95 of 100 take at most", "–", late, unit="s"),
        Row(
            "the same: requests, at most",
            "six in the release before",
            max(requests),
            unit="requests",
            at_most=MOST_REQUESTS,
        ),
    ]


def win(bpo, dealer, lead):
    """Win a lead; return the seconds of the click, those from then on, and the requests."""
    time.sleep(REST)
    before = len(dealer.log_text())
    started = time.perf_counter()
    bpo.win(lead)
    clicked = time.perf_counter()
    bpo.sql(f"SET statement_timeout = '60s'; {_WAIT.format(lead=lead)}")
    sent = time.perf_counter()
    return clicked - started, sent - clicked, asked.count_requests(dealer.log_text()[before:])
