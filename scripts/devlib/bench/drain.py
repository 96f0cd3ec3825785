# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Many orders of many dealers: by the scheduled action, by jobs on two servers, one by one.

Dealers are models in memory, in one process beside. Each takes 20 ms for a request, and 20 ms more
for an order, which is what a real one takes on a core of its own.
"""

import json
import statistics
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from types import SimpleNamespace

from .. import databases, paths
from ..console import Progress
from ..ports import free_ports
from ..process import Child
from ..relay import Balancer
from ..servers import queue_settings
from ..world import wait_until
from . import leads, orders
from .meter import Meter
from .table import Row

PROGRAM = paths.CHECKOUT / "tests" / "run_dealers.py"
DEALERS = 50
ORDERS = 5_000
# One dealer after the other is measured with every so many-th dealer: nothing is shared.
PART_OF_DEALERS = 5
SECONDS = 0.02
LONGEST = 900
# How often all orders are sent each way: the machine's own speed changes from minute to minute.
TURNS = 3
# Jobs at the same time: as many dealers as a run of the scheduled action talks with.
CAPACITY = 12
# Won leads only, and the product that all of them are about
SPREAD = (0, 0, 0, 1, 0)

_FILL = """
    WITH lead AS (
        SELECT id, row_number() OVER (ORDER BY id) - 1 AS number FROM crm_lead
         WHERE id > {after} ORDER BY id LIMIT {count}
    ), dealership AS (
        SELECT id, row_number() OVER (ORDER BY id) - 1 AS number FROM bpo_dealership
         WHERE code LIKE 'DRAIN-%'
    ), named AS (
        SELECT lead.id AS lead, dealership.id AS dealership,
               'bpo_crm_drain.lead_' || lead.id AS key, 'DRAIN-' || lead.id AS reference
          FROM lead JOIN dealership ON dealership.number = lead.number % {dealers}
    )
    INSERT INTO bpo_dealer_order
    SELECT (jsonb_populate_record(sample, jsonb_build_object(
               'id', nextval('bpo_dealer_order_id_seq'), 'lead_id', named.lead,
               'dealership_id', named.dealership, 'external_id', named.key,
               'reference', named.reference, 'state', 'pending', 'next_attempt', NULL,
               'attempt_count', 0, 'possibly_sent', false, 'remote_id', NULL,
               'remote_name', NULL, 'remote_place', NULL, 'sent_date', NULL,
               'payload', sample.payload::jsonb || jsonb_build_object(
                   'external_id', named.key,
                   'values', (sample.payload::jsonb -> 'values') || jsonb_build_object(
                       'client_order_ref', named.reference, 'origin', named.reference),
                   'customer', (sample.payload::jsonb -> 'customer') || jsonb_build_object(
                       'external_id', named.key || '_customer',
                       'values', (sample.payload::jsonb -> 'customer' -> 'values')
                           || jsonb_build_object(
                               'email', named.lead || '@example.com',
                               'phone', '+322' || lpad(named.lead::text, 7, '0')))
               )))).*
      FROM named, bpo_dealer_order sample
     WHERE sample.id = (SELECT min(id) FROM bpo_dealer_order)
"""
_WAKE = """
    INSERT INTO ir_cron_trigger (cron_id, call_at)
    SELECT res_id, now() AT TIME ZONE 'UTC' FROM ir_model_data
     WHERE module = 'bpo_crm' AND name = 'ir_cron_push_dealer_orders'
"""
# Ended within the database: a process for each look would take its part of a core.
_WAIT = """
    DO $$ DECLARE started timestamptz := clock_timestamp(); BEGIN
        WHILE (SELECT count(*) FROM bpo_dealer_order WHERE state = 'pending') > {most} LOOP
            IF clock_timestamp() > started + interval '{longest} s' THEN
                RAISE 'orders wait after {longest} s';
            END IF;
            PERFORM pg_sleep({pause});
            COMMIT;
        END LOOP;
    END $$
"""
# What is compared with, both by the product's own steps, each order marked, verified, written back.
_ALONE = """
import time
from odoo.addons.bpo_crm.models.engine import dealer_push

orders = env["bpo.dealer.order"].sudo()
dealerships = env["bpo.dealership"].search([("on_hold", "=", False)]).ids
started = time.perf_counter()
{work}
print("SECONDS:", time.perf_counter() - started)
"""
# One talk after the other, as a script without threads has it.
_SCRIPT = """
for dealership in dealerships:
    while orders._push_dealership(dealership):
        pass
"""
# The run of the scheduled action with one place in the place of eight: it chooses the next talk
# with a dealer, and writes the one before, while this one is under way.
_ONE_PLACE = """
dealer_push.MAX_TALKS = 1
orders._cron_push()
"""


class Dealers:
    """Model dealers, in a process that shares nothing with what is measured."""

    def __init__(self, world, count):
        [port] = free_ports()
        self._address = f"http://127.0.0.1:{port}"
        command = [world.odoo.python, PROGRAM, port, count, SECONDS, orders.PRODUCT]
        self._child = Child([str(part) for part in command], log=paths.log_dir() / "dealers.log")

    def __enter__(self):
        wait_until(self.describe, 60)
        return self

    def __exit__(self, *exc_info):
        self._child.stop()

    def describe(self):
        """Return what each dealer is and has; nothing while they are being started."""
        try:
            with urllib.request.urlopen(self._address, timeout=60) as answer:
                return [SimpleNamespace(**each) for each in json.load(answer)]
        except urllib.error.URLError:
            return []

    def get_references(self):
        """Return the references of all orders that they have."""
        return [reference for dealer in self.describe() for reference in dealer.references]


class Drain:
    """A BPO's database, and its dealers.

    :param stack: ends them
    :param balancer: what the server is behind, if anything
    """

    def __init__(self, world, stack, dealers, balancer=None, **options):
        self.bpo = world.new_bpo(crons=1, **options)
        stack.callback(self.bpo.destroy)
        if balancer:
            balancer.servers.append(self.bpo)
        self.dealers = stack.enter_context(Dealers(world, dealers))
        orders.stop_enrichment(self.bpo)
        self.count_dealers = dealers
        ids = [
            self.bpo.connect(dealer, code=f"DRAIN-{number}", protocol="json2")
            for number, dealer in enumerate(self.dealers.describe())
        ]
        # one order of each, so that all is known of all dealers, and there is a payload to copy
        orders.push(self.bpo, ids[0], 1)
        for dealership in ids[1:]:
            orders.win(self.bpo, orders.create_leads(self.bpo, dealership, 1))

    def fill(self, count):
        """Let so many orders wait, the same number for each dealer."""
        [after] = self.bpo.sql("SELECT max(id) FROM crm_lead").splitlines()
        leads.insert(self.bpo.postgres, self.bpo.database, count, addon=True, spread=SPREAD)
        self.bpo.sql(_FILL.format(after=after, count=count, dealers=self.count_dealers))
        self.bpo.sql("ANALYZE bpo_dealer_order")

    def count(self, state="pending"):
        """Return how many orders are in a state."""
        return int(self.bpo.sql(f"SELECT count(*) FROM bpo_dealer_order WHERE state = '{state}'"))

    def run(self, meanwhile=None):
        """Wake the scheduled action, and return the seconds until no order waits.

        :param meanwhile: called when half of them are sent
        """
        half = self.count() // 2
        started = time.perf_counter()
        self.bpo.sql(_WAKE)
        self.bpo.wake_scheduler()
        if meanwhile:
            self._wait(half)
            meanwhile()
        self._wait(0)
        seconds = time.perf_counter() - started
        self.check()
        return seconds

    def _wait(self, most):
        """Wait until so many orders wait at most."""
        self.bpo.sql(_WAIT.format(most=most, longest=LONGEST, pause=orders.POLL_SECONDS))

    def run_alone(self, work, first):
        """Push to one dealer after the other, in a process of its own, to a part of the dealers.

        :param work: what does it, see ``_ALONE``
        :param int first: number of the first dealer of that part
        :return: seconds per order
        """
        held = f"bpo_dealership SET on_hold = (id % {PART_OF_DEALERS} <> {first})"
        self.bpo.sql(f"UPDATE {held} WHERE code LIKE 'DRAIN-%'")
        before = self.count()
        world = self.bpo.world
        code = _ALONE.format(work=work)
        printed = databases.shell(world.odoo, world.postgres, self.bpo.database, code)
        count = before - self.count()
        self.bpo.sql("UPDATE bpo_dealership SET on_hold = false")
        return float(printed.rpartition("SECONDS:")[2]) / count

    def check(self):
        """Refuse a run in which an order is not at its dealer exactly once."""
        there = self.dealers.get_references()
        sent = self.count("sent")
        if not len(there) == len(set(there)) == sent or self.count("failed"):
            raise AssertionError(
                f"{len(there)} orders at the dealers, {len(set(there))} different ones, {sent} sent"
            )


def measure(world, dealers, count):
    """Drain so many orders each way; return the rows."""
    with ExitStack() as stack:
        with Progress(f"Preparing {dealers} dealers"):
            drain = Drain(world, stack, dealers)
            drain.fill(count)
        with Progress("Sending to one dealer after the other, in both ways, in turns"):
            alone = [
                drain.run_alone(work, first) for first, work in enumerate((_SCRIPT, _ONE_PLACE) * 2)
            ]
        script, one_place = statistics.mean(alone[::2]), statistics.mean(alone[1::2])
        # the rest of them does not count
        drain.run()
        with Progress(f"Sending {count} orders by the scheduled action, {TURNS} times"):
            measured = [measure_turn(drain, count) for _turn in range(TURNS)]
    turns, meters = zip(*measured, strict=True)
    seconds = statistics.median(turns)
    meter = meters[turns.index(seconds)]
    with ExitStack() as stack:
        jobs, killed = measure_jobs(world, stack, dealers, count)
    each = f"{dealers} dealers that take {SECONDS * 1000:.0f} ms, {count} orders"
    processor = f"{meter.processor / count * 1000:.1f} ms of our processor time per order"
    if meter.database is not None:
        processor += f", {meter.database / count * 1000:.1f} ms of PostgreSQL's"
    return [
        Row(
            f"{each}: one server, scheduled action",
            "one dealer after the other, one talk at a time",
            script * count / seconds,
            at_least=6,
            details=[
                f"{seconds:.1f} s, {count / seconds:.0f} orders a second,"
                f" {seconds / count * 1000:.1f} ms per order (median of {describe(turns)} s)",
                f"one dealer after the other: {script * 1000:.1f} ms per order",
                processor,
            ],
        ),
        Row(
            "the same",
            "one dealer after the other, the next talk chosen and the last one written meanwhile",
            one_place * count / seconds,
            at_least=6,
            details=[f"one dealer after the other: {one_place * 1000:.1f} ms per order"],
        ),
        Row("the same", "a second", count / seconds, unit="orders", at_least=60),
        Row(
            "the same: two servers, jobs of queue_job",
            "one server, scheduled action",
            seconds / statistics.median(jobs),
            at_least=1,
            details=[
                f"{count / statistics.median(jobs):.0f} orders a second"
                f" (median of {describe(jobs)} s)",
                f"once more with a server killed in the middle: {killed:.1f} s, each order at its"
                " dealer exactly once",
            ],
        ),
    ]


def describe(turns):
    """Return the seconds of some turns as a text."""
    return ", ".join(f"{seconds:.1f}" for seconds in turns)


def measure_turn(drain, count):
    """Return the seconds in which so many orders are sent, and the ``Meter`` beside it."""
    drain.fill(count)
    with Meter(drain.bpo) as meter:
        return drain.run(), meter


def measure_jobs(world, stack, dealers, count):
    """Return the seconds that jobs on two servers take, each turn, and with one of them killed."""
    balancer = stack.enter_context(Balancer())
    settings = queue_settings(capacity=CAPACITY, port=balancer.port)
    with Progress(f"Preparing {dealers} dealers for jobs"):
        drain = Drain(world, stack, dealers, balancer, modules=["queue_job"], **settings)
        # the later one of two: the first one's runner is at work
        twin = drain.bpo.start_twin(crons=1, **settings)
        balancer.servers.append(twin)
        # so that both servers know what one of the scheduled action's runs has known
        drain.fill(count)
        drain.run()
    jobs = []
    for _turn in range(TURNS):
        drain.fill(count)
        with Progress(f"Sending {count} orders by jobs on two servers"):
            jobs.append(drain.run())
    drain.fill(count)
    with Progress("The same with one of them killed"):
        killed = drain.run(meanwhile=drain.bpo.kill)
    return jobs, killed
