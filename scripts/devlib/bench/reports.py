# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How long the reports take, and how that grows with the number of deals and entries of stages."""

import json
from pathlib import Path

from .. import databases
from ..console import Progress, say
from ..postgres import database_name
from . import entries
from .picture import Growth, Panel
from .table import Row

INSIDE = Path(__file__).with_name("reports_inside.py")
PICTURE = "growth-reports.svg"
MARK = "MEASURED:"
TURNS = 3
MOST_SECONDS = 1.0
# Measured with so many parts of the largest number of deals.
PARTS = (100, 10, 1)
SMALLEST = 10_000


def measure(odoo, postgres, count, folder):
    """Open each report with three numbers of deals; draw the growth, and return the rows.

    :param int count: the largest number of deals
    :param Path folder: where the picture is put
    """
    # {number of deals: {role: {report: {what of it: seconds}}}}
    results = {count // part: _open_reports(odoo, postgres, count // part) for part in PARTS}
    picture = folder / PICTURE
    _prepare_picture(results, count).draw(picture)
    say(f"The picture is {picture}.")
    return [
        _prepare_row(results, count, role, report)
        for role, reports in results[count].items()
        for report in reports
    ]


def _prepare_row(results, count, role, report):
    """Return the row of a report: its slowest view has to be quick enough."""
    seconds = results[count][role][report]
    slowest = max(seconds, key=seconds.get)
    return Row(
        f"{report} as {role}, {count:,} deals, {5 * count:,} entries",
        "seconds",
        seconds[slowest],
        unit=f"s ({slowest})",
        at_most=MOST_SECONDS,
        details=[
            f"{what}: "
            + ", ".join(f"{each[role][report][what]:.3f} s" for each in results.values())
            + f" ({', '.join(f'{size:,}' for size in results)} deals)"
            for what in seconds
        ],
    )


def _prepare_picture(results, count):
    """Return the picture: a chart for each role, with a curve for each report."""
    return Growth(
        "Opening the reports, with five entries of stages per deal",
        "deals",
        "seconds, the slowest of graph, pivot table and list",
        [
            Panel(
                f"as {role}",
                {
                    report: {
                        size: max(each[role][report].values()) for size, each in results.items()
                    }
                    for report in reports
                },
            )
            for role, reports in results[count].items()
        ],
        at_most=MOST_SECONDS,
    )


def _open_reports(odoo, postgres, count):
    """Return ``{role: {report: {what of it: seconds}}}`` with so many deals."""
    name = database_name("bench_reports")
    try:
        with Progress(f"Making a database with {count:,} deals and {5 * count:,} entries"):
            postgres.clone(databases.addon_template(odoo, postgres), name)
            _run_inside(odoo, postgres, name, "make_world(env)")
            entries.insert(postgres, name, count)
        with Progress("Opening the reports"):
            return _run_inside(odoo, postgres, name, f"measure_reports(env, {TURNS})")
    finally:
        postgres.drop(name)


def _run_inside(odoo, postgres, name, call):
    """Return what a call of a function of reports_inside.py gives."""
    code = f"{INSIDE.read_text('utf-8')}\nimport json\nprint({MARK!r}, json.dumps({call}))\n"
    return json.loads(databases.shell(odoo, postgres, name, code).rpartition(MARK)[2])
