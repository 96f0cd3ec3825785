# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Moving leads and opening the board, against stock CRM."""

import json
from pathlib import Path

from .. import databases
from ..console import Progress, say
from ..postgres import database_name
from . import leads
from .picture import Growth, Panel
from .table import Row

INSIDE = Path(__file__).with_name("inside.py")
MARK = "MEASURED:"
MOST_MORE_QUERIES = 5
# Turns of each measurement: many for what takes milliseconds, few for what takes seconds.
TURNS_ONE = 60
TURNS_MANY = 3
TURNS_WINS = 5
TURNS_BOARD = 9
# Seconds that a person waits for a board.
WAIT = 0.5
PICTURE = "growth-board.svg"


class Comparison:
    """Two databases with the same number of leads: with this addon, and with stock CRM.

    :param count: number of leads in each
    :param spread: of the leads over the stages
    """

    def __init__(self, odoo, postgres, role, count, spread=leads.SPREAD):
        self.odoo = odoo
        self.postgres = postgres
        self.count = count
        self.spread = spread
        self.ours = database_name(f"bench_{role}_addon")
        self.stock = database_name(f"bench_{role}_stock")

    def __enter__(self):
        with Progress(f"Making two databases with {self.count:,} leads"):
            base = databases.template(self.odoo, self.postgres, databases.dependencies())
            self.postgres.clone(base, self.stock)
            self.postgres.sql(leads.FIFTH_STAGE, self.stock)
            leads.insert(self.postgres, self.stock, self.count, spread=self.spread)
            addon = databases.addon_template(self.odoo, self.postgres)
            self.postgres.clone(addon, self.ours)
            leads.insert(self.postgres, self.ours, self.count, addon=True, spread=self.spread)
        return self

    def __exit__(self, *exc_info):
        self.postgres.drop(self.ours)
        self.postgres.drop(self.stock)

    def run(self, call):
        """Return what a call of a function of inside.py gives; ``sides`` are the databases."""
        return run_inside(self.odoo, self.postgres, [self.ours, self.stock], call)


def run_inside(odoo, postgres, names, call):
    """Return what a call of a function of inside.py gives.

    :param names: of the databases that ``sides`` are, the first of which has this addon
    """
    code = (
        f"{INSIDE.read_text('utf-8')}\n"
        f"sides = [Side(name) for name in {names!r}]\n"
        f"print({MARK!r}, json.dumps({call}))\n"
    )
    printed = databases.shell(odoo, postgres, names[0], code)
    return json.loads(printed.rpartition(MARK)[2])


def measure_moves(odoo, postgres, counts):
    """Move leads from one open stage to the next; return two rows for each count."""
    rows = []
    # two leads in five are in the first stage
    turns = {count: TURNS_ONE if count == 1 else TURNS_MANY for count in counts}
    with (
        Comparison(odoo, postgres, "moves", 4 * max(counts)) as comparison,
        Progress("Moving leads, and the same with stock CRM"),
    ):
        results = comparison.run(f"measure_moves(sides, {turns!r})")
    for count, ((ours, queries), (stock, stock_queries)) in results.items():
        what = f"{count} leads moved by one write" if int(count) > 1 else "1 lead moved"
        rows += [
            Row(
                f"{what}: time",
                "stock CRM",
                ours / stock,
                at_most=1.10,
                details=[
                    f"{ours * 1000:.1f} ms, stock {stock * 1000:.1f} ms (medians, in turns)",
                ],
            ),
            Row(
                f"{what}: queries",
                "stock CRM",
                queries - stock_queries,
                unit="more",
                at_most=MOST_MORE_QUERIES,
                details=[f"{queries:g} queries, stock {stock_queries:g}"],
            ),
        ]
    return rows


def measure_wins(odoo, postgres, count):
    """Win leads by one write, orders and all, and with stock CRM; return the row."""
    with (
        Comparison(odoo, postgres, "wins", 4 * count) as comparison,
        Progress(f"Winning {count} leads, and the same with stock CRM"),
    ):
        (ours, queries), (stock, stock_queries) = comparison.run(
            f"measure_wins(sides, {count}, {TURNS_WINS})"
        )
    return [
        Row(
            f"{count} leads won by one write",
            "stock CRM",
            ours / stock,
            at_most=0.7,
            details=[
                f"{ours * 1000:.0f} ms in {queries:g} queries, with an order for a dealership each;"
                f" stock {stock * 1000:.0f} ms in {stock_queries:g} (medians, in turns)",
            ],
        )
    ]


def measure_board(odoo, postgres, count):
    """Open the board with all its deals, as the web client does; return the row."""
    with (
        Comparison(odoo, postgres, "board", count) as comparison,
        Progress("Opening the board, and stock CRM's"),
    ):
        (ours, queries), (stock, stock_queries) = comparison.run(
            f"measure_board(sides, {TURNS_BOARD})"
        )
    return [
        Row(
            f"opening the board, {count:,} leads, 5 stages",
            "stock CRM",
            ours / stock,
            at_most=1.05,
            details=[
                f"{ours * 1000:.0f} ms in {queries:g} queries,"
                f" stock {stock * 1000:.0f} ms in {stock_queries:g} (medians, in turns)",
            ],
        )
    ]


def measure_default_boards(odoo, postgres, most, folder):
    """Open boards of years as they open by default, and stock's; draw it, and return the rows.

    :param most: leads behind the largest board; the others have 1,000, 10,000 ... of them
    :param Path folder: where the picture is put
    """
    counts = [*(10**power for power in range(3, 9) if 10**power < most), most]
    taken = {count: _measure_default_board(odoo, postgres, count) for count in counts}
    picture = folder / PICTURE
    prepare_picture(taken).draw(picture)
    say(f"The picture is {picture}.")
    (ours, _queries), (stock, _stock_queries) = taken[most]
    what = f"board, {most:,} leads, 95 % closed, default view"
    return [
        Row(
            what,
            "stock's default view, same leads",
            ours / stock,
            at_most=0.25,
            details=[
                f"{count:,} leads: {ours * 1000:.0f} ms in {queries:g} queries,"
                f" stock {stock * 1000:.0f} ms in {stock_queries:g} (medians, in turns)"
                for count, ((ours, queries), (stock, stock_queries)) in taken.items()
            ],
        ),
        Row(what, "a person who waits", ours, unit="s", at_most=WAIT),
    ]


def prepare_picture(taken):
    """Return the picture of ``{number of leads: (seconds, queries) of ours and of stock's}``."""
    curves = {
        name: {count: sides[side][0] for count, sides in taken.items()}
        for side, name in enumerate(("BPO CRM", "stock CRM"))
    }
    return Growth(
        "The board as it opens, 95 % of the leads closed",
        "leads",
        "seconds",
        [Panel("as a supervisor", curves)],
        at_most=WAIT,
    )


def _measure_default_board(odoo, postgres, count):
    """Return (seconds, queries) of our default view of so many leads, and of stock's."""
    with (
        Comparison(odoo, postgres, "closed", count, leads.MOSTLY_CLOSED) as comparison,
        Progress(f"Opening the board of {count:,} mostly closed leads, and stock CRM's"),
    ):
        return comparison.run(f"measure_board(sides, {TURNS_BOARD}, default=True)")
