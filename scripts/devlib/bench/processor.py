# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Who has used the processor: Odoo, PostgreSQL, the dealers."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


class Processor:
    """Processor seconds of some programs, from when this is made.

    :param programs: ``{name: function that returns the ids of its processes}``; what their ended
        children have used counts, too
    """

    def __init__(self, programs):
        self._programs = programs
        self._before = self._read()

    def used(self):
        """Return ``{name: seconds}`` since then."""
        now = self._read()
        return {name: now[name] - before for name, before in self._before.items()}

    def _read(self):
        return {name: sum(map(_read_seconds, pids())) for name, pids in self._programs.items()}


def get_server_pids(postgres):
    """Return the ids of PostgreSQL's processes."""
    [server, *_rest] = (postgres.data / "postmaster.pid").read_text("ascii").split()
    children = Path(f"/proc/{server}/task/{server}/children").read_text("ascii")
    return [int(pid) for pid in (server, *children.split())]


def _read_seconds(pid):
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        # it has ended, and counts as one of its parent's children
        return 0.0
    return sum(map(int, text.rpartition(")")[2].split()[11:15])) / TICKS
