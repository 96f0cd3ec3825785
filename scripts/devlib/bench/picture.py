# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Pictures of what was measured, as SVG: how seconds grow with the number of records.

The library that draws is in a virtual environment of its own, made by the first picture, so that
neither Odoo nor whoever draws nothing has it.
"""

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .. import locks, paths
from ..odoo import Environment
from ..system import plain_environment, run_quietly

INSIDE = Path(__file__).with_name("picture_inside.py")
REQUIREMENTS = ["pictures"]


@dataclass
class Panel:
    """One of the charts of a picture.

    :param curves: ``{what: {number of records: measured}}``
    :param up: what is on the axis up, where it is not the same in all charts: this one has an axis
        of its own then, from 0
    """

    title: str
    curves: dict = field(default_factory=dict)
    up: str | None = None


@dataclass
class Growth:
    """How something grows, on two axes that are logarithms: a straight line is a power.

    :param across: what is on the axis across, as ``deals``
    :param up: what is on the axis up, as ``seconds``
    :param at_most: a line that no curve is to cross, in charts that have no axis of their own
    :param columns: how many charts stand side by side; all of them by default
    """

    title: str
    across: str
    up: str
    panels: list[Panel]
    at_most: float | None = None
    columns: int | None = None

    def draw(self, path):
        """Write the picture.

        :param Path path: an SVG file, replaced when it exists
        """
        run_quietly(
            [_find_python(), "-I", INSIDE, json.dumps(asdict(self)), path],
            f"The picture {path.name} could not be drawn.",
            env=plain_environment(MPLCONFIGDIR=str(paths.run_dir())),
        )


class _Environment(Environment):
    """The virtual environment of the library that draws, without Odoo."""

    def __init__(self):
        super().__init__(paths.REQUIREMENTS)
        self.folder = paths.state_dir() / "pictures-{}.{}".format(*sys.version_info)
        self.python = self.folder / "bin/python"

    def _link_odoo(self):
        """Let there be no Odoo."""


def _find_python():
    """Return the Python that has the library; install it the first time."""
    environment = _Environment()
    if not environment.is_ready(REQUIREMENTS):
        waiting = "Another script is preparing the same state folder; waiting for it."
        with locks.exclusive(paths.state_dir() / "setup.lock", waiting):
            environment.prepare(REQUIREMENTS)
    return environment.python
