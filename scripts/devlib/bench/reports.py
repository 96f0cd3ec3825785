# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How long the reports take, and how that grows with the number of deals and entries of stages.

Measured are the seconds from start to end, and the processor time when PostgreSQL works on one core
only. The latter is what is judged: it hardly depends on what else the machine does, and a second
core only makes it less.
"""

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
    results = {count // part: _open_reports(odoo, postgres, count // part) for part in PARTS}
    return report(results, folder)


def report(results, folder):
    """Draw the growth, and return the rows.

    :param dict results: ``{number of deals: {role: {report: {what of it: (seconds, of one
        core)}}}}``
    """
    picture = folder / PICTURE
    _prepare_picture(results).draw(picture)
    say(f"The picture is {picture}.")
    count = max(results)
    return [
        _prepare_row(results, role, name)
        for role, reports in results[count].items()
        for name in reports
    ]


def _prepare_row(results, role, name):
    """Return the row of a report: its slowest view has to be quick enough."""
    count = max(results)
    views = results[count][role][name]
    slowest = max(views, key=lambda view: _get_core(views[view]))
    return Row(
        f"{name} as {role}, {count:,} deals, {5 * count:,} entries",
        "seconds of one core",
        _get_core(views[slowest]),
        unit=f"s ({slowest})",
        at_most=MOST_SECONDS,
        details=[
            f"{view}: "
            + ", ".join(
                f"{_get_core(each[role][name][view]):.2f} s ({each[role][name][view][0]:.3f} s)"
                for each in results.values()
            )
            + f" with {', '.join(f'{size:,}' for size in results)} deals;"
            " in brackets from start to end"
            for view in views
        ],
    )


def _get_core(measured):
    """Return the seconds of one core; those from start to end where it cannot be told."""
    seconds, core = measured
    return seconds if core is None else core


def _prepare_picture(results):
    """Return the picture: a chart for each role, with a curve for each report."""
    return Growth(
        "Opening the reports, with five entries of stages per deal: the slowest of graph, pivot"
        " table and list",
        "deals",
        "seconds of one core",
        [
            Panel(
                f"as {role}",
                {
                    name: {
                        size: max(_get_core(measured) for measured in each[role][name].values())
                        for size, each in results.items()
                    }
                    for name in reports
                },
            )
            for role, reports in results[max(results)].items()
        ],
        at_most=MOST_SECONDS,
    )


def _open_reports(odoo, postgres, count):
    """Return what was measured with so many deals."""
    name = database_name("bench_reports")
    try:
        with Progress(f"Making a database with {count:,} deals and {5 * count:,} entries"):
            postgres.clone(databases.addon_template(odoo, postgres), name)
            # as docs/production.md has it for solid state disks
            postgres.sql(f'ALTER DATABASE "{name}" SET random_page_cost = 1.1')
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
