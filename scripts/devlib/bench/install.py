# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Installing on a CRM in use: how it grows with the number of leads."""

import re
import time
from datetime import datetime

from .. import databases, paths
from ..console import Progress
from ..postgres import database_name
from . import leads
from .table import Row


def measure(odoo, postgres, count):
    """Install on no leads, on so many and on twice as many; return the row."""
    results = {size: install(odoo, postgres, size) for size in (0, count, 2 * count)}
    adoption = {size: result[0] for size, result in results.items()}
    return [
        Row(
            f"installing on {2 * count:,} existing leads: hook and tables",
            f"on {count:,} existing leads",
            adoption[2 * count] / adoption[count],
            at_most=2.2,
            details=[
                f"{size:,} leads: {adopted:.1f} s for hook and tables, {total:.1f} s in all with"
                " Odoo's start, views and data"
                for size, (adopted, total) in results.items()
            ],
        )
    ]


def install(odoo, postgres, size):
    """Install on so many leads; return seconds for what depends on their number, and in all."""
    name = database_name("bench_install")
    try:
        with Progress(f"Installing on {size:,} existing leads"):
            postgres.clone(databases.template(odoo, postgres, databases.dependencies()), name)
            if size:
                leads.insert(postgres, name, size)
            started = time.perf_counter()
            databases.install(odoo, postgres, name, [paths.ADDON])
            total = time.perf_counter() - started
        missed = postgres.sql("SELECT count(*) FROM crm_lead WHERE pipeline_id IS NULL", name)
        if missed != "0":
            raise AssertionError(f"{missed} leads have no pipeline")
        return read_adoption(paths.log_dir() / f"{name}.log"), total
    finally:
        postgres.drop(name)


def read_adoption(log):
    """Return the seconds between the start of the addon's installation and its first data file."""
    text = log.read_text("utf-8", "replace")
    moments = [
        datetime.strptime(re.search(f"(?m)^(.{{23}}) .*{pattern}", text)[1], "%Y-%m-%d %H:%M:%S,%f")
        for pattern in (rf"Loading module {paths.ADDON} ", rf"loading {paths.ADDON}/")
    ]
    return (moments[1] - moments[0]).total_seconds()
