# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a server and its database take of the machine, as Linux tells in /proc."""

import os
from pathlib import Path

from ..postgres import is_given

TICK = 1 / os.sysconf("SC_CLK_TCK")


class Meter:
    """Measures one server, from ``with`` to its end.

    ``processor`` and ``database`` are seconds of one core, ``memory`` are the bytes that the
    server's process had at its most. ``database`` is None where PostgreSQL is not our own.

    :param server: a :class:`~devlib.servers.OdooServer` that runs, in one process
    """

    def __init__(self, server):
        [self._pid] = server.child.program_pids()
        self._data = None if is_given() else server.postgres.data
        self.processor = self.database = self.memory = None

    def __enter__(self):
        # the most is counted from here on
        Path(f"/proc/{self._pid}/clear_refs").write_text("5", "ascii")
        self._before = self._read()
        return self

    def __exit__(self, *exc_info):
        now = self._read()
        self.processor, self.database = (
            None if after is None else after - before
            for after, before in zip(now, self._before, strict=True)
        )
        status = Path(f"/proc/{self._pid}/status").read_text("ascii")
        self.memory = int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def _read(self):
        """Return the seconds that the server and the database have worked until now."""
        server = sum(_read_stat(self._pid)[1:3])
        if self._data is None:
            return server, None
        postmaster = int((self._data / "postmaster.pid").read_text("ascii").split()[0])
        # of the processes that have ended their parent knows
        database = sum(_read_stat(postmaster)[1:])
        for folder in Path("/proc").glob("[0-9]*"):
            parent, *seconds = _read_stat(folder.name)
            if parent == postmaster:
                database += sum(seconds)
        return server, database


def _read_stat(pid):
    """Return a process's parent, and its seconds: user, system, and those of ended children."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0.0, 0.0, 0.0, 0.0
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), *(int(each) * TICK for each in fields[11:15])
