# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How sending grows with the number of orders, and with the number of dealers; draws both.

The dealers are models that take 20 ms for a request and nothing for an order, so that what is
measured is ours. They run in one process on the same machine, behind one port.
"""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from .. import paths
from ..console import Progress, say
from ..ports import free_ports
from ..process import Child
from . import orders
from .drain import _WAKE, Dealers, Drain
from .meter import Meter
from .picture import Growth, Panel
from .table import Row

PROGRAM = paths.CHECKOUT / "tests" / "run_quick_dealers.py"
SECONDS = 0.02
# Orders of so many dealers together
DEALERS = 50
ORDERS = (10, 100, 1_000, 10_000, 100_000)
# So many dealers; once with the same number of orders in all, once with the same number each
FLEETS = (1, 10, 100, 1_000)
SHARED = 5_000
EACH = 10
# Without --full
FEW_ORDERS, FEW_DEALERS, FEW_SHARED = 1_000, 100, 1_000
# What takes a second or two is measured three times.
QUICK, TURNS = 1_000, 3
LONGEST = 3_600
# Dealerships, and leads, that one request creates
AT_ONCE = 200
MOST_TIMES = 1.2
PICTURE_ORDERS = "growth-orders.svg"
PICTURE_DEALERS = "growth-dealers.svg"

# Customers differ in their phone, too: one that many share is looked at by hand at a dealer.
_OWN_PHONES = """
    UPDATE bpo_dealer_order
       SET payload = jsonb_set(payload, '{customer,values,phone}',
                               to_jsonb('+322' || lpad(lead_id::text, 7, '0')))
     WHERE state = 'pending'
"""


@dataclass
class Point:
    """What sending some orders took.

    :param processor: seconds of one core, of our Odoo
    :param database: the same of PostgreSQL, None where that is not our own
    :param memory: bytes of our process at its most
    """

    count: int
    seconds: float
    processor: float
    database: float | None
    memory: int

    @property
    def rate(self):
        """Return the orders a second."""
        return self.count / self.seconds

    def __str__(self):
        each = f"{self.processor / self.count * 1000:.1f} ms of our processor time per order"
        if self.database is not None:
            each += f", {self.database / self.count * 1000:.1f} ms of PostgreSQL's"
        return (
            f"{self.count:,} orders in {self.seconds:.1f} s, {self.rate:.0f} a second; {each};"
            f" {self.memory / 1e6:.0f} MB at most"
        )


class QuickDealers(Dealers):
    """Model dealers behind one port."""

    def __init__(self, world, count):
        [port] = free_ports()
        self._address = f"http://127.0.0.1:{port}/dealers"
        command = [world.odoo.python, PROGRAM, port, count, SECONDS, orders.PRODUCT]
        self._child = Child([str(part) for part in command], log=paths.log_dir() / "quick.log")


class Crowd(Drain):
    """A BPO's database with many dealers, each of which has got one order."""

    def __init__(self, world, stack, dealers):
        self.bpo = world.new_bpo(crons=1)
        stack.callback(self.bpo.destroy)
        self.dealers = stack.enter_context(QuickDealers(world, dealers))
        self.count_dealers = dealers
        orders.stop_enrichment(self.bpo)
        ids = []
        described = list(enumerate(self.dealers.describe()))
        for first in range(0, dealers, AT_ONCE):
            ids += self.bpo.rpc.call(
                "bpo.dealership",
                "create",
                [
                    {
                        "name": f"Drain {number}",
                        "code": f"DRAIN-{number}",
                        "manager_email": f"manager{number}@example.com",
                        "odoo_url": dealer.url,
                        "odoo_db": dealer.database,
                        "odoo_login": dealer.login,
                        "odoo_api_key": dealer.api_key,
                        "protocol": "json2",
                        "allow_http": True,
                    }
                    for number, dealer in described[first : first + AT_ONCE]
                ],
            )
        for first in range(0, dealers, AT_ONCE):
            leads = orders.create_leads_of(self.bpo, ids[first : first + AT_ONCE])
            self.bpo.win(*leads)
            orders.wait_for_sent(self.bpo, leads, timeout=LONGEST)

    def measure(self, count):
        """Send so many orders, spread evenly over the dealers; return the :class:`Point`."""
        turns = TURNS if count <= QUICK else 1
        points = [self._measure_once(count) for _turn in range(turns)]
        return Point(
            count,
            median(point.seconds for point in points),
            median(point.processor for point in points),
            None if points[0].database is None else median(point.database for point in points),
            max(point.memory for point in points),
        )

    def _measure_once(self, count):
        self.fill(count)
        self.bpo.sql(_OWN_PHONES)
        self.bpo.sql("VACUUM ANALYZE bpo_dealer_order")
        with Meter(self.bpo) as meter:
            seconds = self.run()
        self.check()
        return Point(count, seconds, meter.processor, meter.database, meter.memory)

    def run(self, meanwhile=None):
        """Wake the scheduled action, and return the seconds until no order waits."""
        started = time.perf_counter()
        self.bpo.sql(_WAKE)
        self.bpo.wake_scheduler()
        while waiting := self.count():
            taken = time.perf_counter() - started
            if taken > LONGEST:
                raise AssertionError(f"{waiting} orders wait after {LONGEST} s")
            # a look costs something, too: as exact as is needed, not as can be
            time.sleep(max(0.1, taken / 50))
        return time.perf_counter() - started


def measure(world, folder, full=False):
    """Send more and more orders, of more and more dealers; draw both, and return the rows.

    :param Path folder: where the pictures are put
    :param full: up to 100,000 orders and 1,000 dealers
    """
    counts = [count for count in ORDERS if full or count <= FEW_ORDERS]
    fleets = [count for count in FLEETS if full or count <= FEW_DEALERS]
    shared = SHARED if full else FEW_SHARED
    by_orders = measure_orders(world, counts)
    by_dealers = measure_dealers(world, fleets, shared)
    draw_orders(by_orders, folder / PICTURE_ORDERS)
    draw_dealers(by_dealers, shared, folder / PICTURE_DEALERS)
    return [*report_orders(by_orders), *report_dealers(by_dealers, shared)]


def measure_orders(world, counts):
    """Return ``{number of orders: Point}``."""
    with ExitStack() as stack:
        with Progress(f"Preparing {DEALERS} quick dealers"):
            crowd = Crowd(world, stack, DEALERS)
        points = {}
        for count in counts:
            with Progress(f"Sending {count:,} orders"):
                points[count] = crowd.measure(count)
        return points


def measure_dealers(world, fleets, shared):
    """Return ``{number of dealers: (Point of so many orders in all, Point of as many each)}``."""
    points = {}
    for dealers in fleets:
        with ExitStack() as stack:
            with Progress(f"Preparing {dealers:,} quick dealers"):
                crowd = Crowd(world, stack, dealers)
            with Progress(f"Sending {shared:,} orders of {dealers:,} dealers"):
                in_all = crowd.measure(shared)
            with Progress(f"Sending {EACH} orders of each of {dealers:,} dealers"):
                points[dealers] = in_all, crowd.measure(EACH * dealers)
    return points


def draw_orders(points, path):
    """Draw how it grows with the number of orders."""
    title = f"Orders that wait for {DEALERS} dealers, until all are written back"
    draw(title, "orders", {f"{DEALERS} dealers": points}, path)


def draw_dealers(points, shared, path):
    """Draw how it grows with the number of dealers."""
    curves = {
        f"{shared:,} orders in all": {count: each[0] for count, each in points.items()},
        f"{EACH} orders each": {count: each[1] for count, each in points.items()},
    }
    draw("The orders of more and more dealers, until all are written back", "dealers", curves, path)


def draw(title, across, curves, path):
    """Draw seconds, speed, processor time and memory.

    :param dict curves: ``{name: {number of what is across: Point}}``
    """

    def panel(title, up, **values):
        return Panel(
            title,
            {
                # one look for one curve in all charts
                f"{what}, {name}" if len(values) > 1 else name: {
                    across: value(point) for across, point in points.items()
                }
                for what, value in values.items()
                for name, points in curves.items()
                if all(value(point) is not None for point in points.values())
            },
            up,
        )

    Growth(
        title,
        across,
        "seconds",
        [
            panel("How long it takes", None, seconds=lambda point: point.seconds),
            panel("How fast", "orders a second", orders=lambda point: point.rate),
            panel(
                "Processor time per order",
                "ms of one core",
                Odoo=lambda point: point.processor / point.count * 1000,
                PostgreSQL=lambda point: point.database and point.database / point.count * 1000,
            ),
            panel("Odoo's process at its most", "MB", memory=lambda point: point.memory / 1e6),
        ],
        columns=2,
    ).draw(path)
    say(f"The picture is {path}.")


def report_orders(points):
    """Return the rows of the growth with the number of orders."""
    most = max(points)
    before = most // 10
    # with fewer the talks are not full, and each costs as much as a full one
    judged = MOST_TIMES if before >= DEALERS * orders.BATCH_SIZE else None
    return [
        Row(
            f"{most:,} orders of {DEALERS} dealers: {what}",
            f"{before:,} orders",
            value(points[most]) / value(points[before]),
            at_most=judged,
            details=details,
        )
        for what, value, details in (
            (
                "our processor time per order",
                lambda point: point.processor / point.count,
                [str(point) for point in points.values()],
            ),
            ("memory of the server", lambda point: point.memory, []),
        )
    ]


def report_dealers(points, shared):
    """Return the rows of the growth with the number of dealers."""
    most = max(points)
    before = most // 10
    (_shared, each), (_shared_before, each_before) = points[most], points[before]
    return [
        Row(
            f"{EACH} orders of each of {most:,} dealers: our processor time per order",
            f"{before:,} dealers",
            each.processor / each.count / (each_before.processor / each_before.count),
            at_most=MOST_TIMES,
            details=[f"{count:,} dealers: {point}" for count, (_all, point) in points.items()],
        ),
        Row(
            f"{shared:,} orders of {most:,} dealers, in all: orders a second",
            f"{before:,} dealers",
            points[most][0].rate / points[before][0].rate,
            details=[f"{count:,} dealers: {point}" for count, (point, _each) in points.items()],
        ),
    ]
