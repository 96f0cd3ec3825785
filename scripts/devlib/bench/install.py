# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Installing on a CRM in use: how it grows with the number of leads."""

import time

from .. import databases, paths
from ..console import Progress
from ..postgres import database_name
from . import leads
from .table import Row


def measure(odoo, postgres, count):
    """Install on no leads, on so many and on twice as many; return the row."""
    base = databases.template(odoo, postgres, databases.dependencies())
    seconds = {}
    for size in (0, count, 2 * count):
        name = database_name("bench_install")
        try:
            with Progress(f"Installing on {size:,} existing leads"):
                postgres.clone(base, name)
                if size:
                    leads.insert(postgres, name, size)
                started = time.perf_counter()
                databases.install(odoo, postgres, name, [paths.ADDON])
                seconds[size] = time.perf_counter() - started
            missed = postgres.sql("SELECT count(*) FROM crm_lead WHERE pipeline_id IS NULL", name)
            if missed != "0":
                raise AssertionError(f"{missed} leads have no pipeline")
        finally:
            postgres.drop(name)
    growth = {size: seconds[size] - seconds[0] for size in (count, 2 * count)}
    return [
        Row(
            f"installing on {2 * count:,} existing leads: time beyond that on none",
            f"on {count:,}",
            growth[2 * count] / max(growth[count], 0.1),
            at_most=2.2,
            details=[f"{each:.1f} s on {size:,} leads" for size, each in seconds.items()],
        )
    ]
