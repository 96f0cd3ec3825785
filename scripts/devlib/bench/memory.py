# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a run of the scheduled action takes of memory, with few orders waiting and with many."""

import json
from pathlib import Path

from .. import databases
from ..console import Progress
from ..postgres import database_name
from . import leads
from .table import Row

INSIDE = Path(__file__).with_name("memory_inside.py")
MARK = "MEASURED:"
DEALERS = 10
FEW = 500
# With so many each dealership has a talk under way, one that is written and one that waits.
BUSY = 5_000
MANY = 50_000
MOST_TIMES = 1.2


def measure(odoo, postgres):
    """Run with few orders waiting, and with many; return the rows."""
    measured = {count: _run(odoo, postgres, count) for count in (FEW, BUSY, MANY)}
    details = [
        f"{count:,} waiting: {each['process'] / 1e6:.0f} MB the process at its most; a run adds"
        f" {each['run'] / 1e6:.1f} MB of objects at most, and has sent {each['sent']} orders"
        for count, each in measured.items()
    ]
    return [
        Row(
            f"memory of a run, {MANY:,} orders waiting: {what}",
            f"{against:,} waiting",
            measured[MANY][name] / measured[against][name],
            at_most=MOST_TIMES,
            details=details,
        )
        for name, what, against in (
            ("process", "the process", FEW),
            ("run", "what the run adds", BUSY),
        )
    ]


def _run(odoo, postgres, count):
    """Return the bytes that a run takes with so many orders waiting, in a process of its own."""
    name = database_name("bench_memory")
    with Progress(f"A run with {count:,} orders waiting"):
        postgres.clone(databases.addon_template(odoo, postgres), name)
        try:
            leads.insert(postgres, name, count, addon=True)
            code = (
                f"import json\n{INSIDE.read_text('utf-8')}\n"
                f"print({MARK!r}, json.dumps(measure(env, {count}, {DEALERS})))\n"
            )
            printed = databases.shell(odoo, postgres, name, code)
        finally:
            postgres.drop(name)
    return json.loads(printed.rpartition(MARK)[2])
