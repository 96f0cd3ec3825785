# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which lines and branches of the addon no test reaches: ``scripts/test --coverage``.

coverage.py comes with a file that Python reads at its start, which measures when the environment
names a configuration. So whatever the tests start is measured: Odoo, servers of their own, pytest.
Without these variables nothing is. A server that is killed (SIGKILL) takes with it what it knew.
"""

import json
import os
import shutil

from . import paths
from .console import Problem, say
from .system import run_quietly

CONFIGURATION = paths.CHECKOUT / "pyproject.toml"
FILES_SHOWN = 15


class Coverage:
    """One measured run.

    :param odoo: the :class:`Odoo` whose Python runs everything
    :param data: folder of what is measured, emptied
    :param pages: folder of the report line by line, emptied
    """

    # times as long as without may a part take
    patience = 3

    def __init__(self, odoo, data=None, pages=None):
        self.odoo = odoo
        self.data = data or paths.run_dir() / "coverage"
        self.pages = pages or paths.log_dir() / "coverage"

    def begin(self):
        """Forget the run before, and have every Python that is started from now on measured."""
        for folder in (self.data, self.pages):
            shutil.rmtree(folder, ignore_errors=True)
        self.data.mkdir()
        os.environ |= {
            "COVERAGE_PROCESS_START": str(CONFIGURATION),
            "COVERAGE_FILE": str(self.data / "data"),
            "BPO_COVERAGE_SOURCE": str(paths.CHECKOUT),
        }

    def end(self):
        """Measure no more, and say what was not reached; the counts of tests are said after it."""
        del os.environ["COVERAGE_PROCESS_START"]
        try:
            self._report()
        except Problem as problem:
            say(f"== coverage: {problem}")

    def _report(self):
        report = self.data / "report.json"
        self._run("combine")
        self._run("html", f"--directory={self.pages}")
        self._run("json", "-o", report)
        for line in describe(json.loads(report.read_text("utf-8"))):
            say(line)
        say(f"   line by line: {self.pages / 'index.html'}")

    def _run(self, command, *arguments):
        options = ["--quiet", f"--rcfile={CONFIGURATION}"]
        run_quietly(
            [self.odoo.python, "-m", "coverage", command, *options, *arguments],
            "What the tests reached could not be worked out.",
            cwd=paths.CHECKOUT,
        )


def describe(report):
    """Return the lines that say what was reached, worst files first.

    :param dict report: what ``coverage json`` writes
    """
    lines = ["== coverage", _row("", "lines", "branches", "not reached"), _total(report["totals"])]
    files = {name: file["summary"] for name, file in report["files"].items()}
    worst = sorted(files, key=lambda name: -files[name]["missing_branches"])
    shown = [name for name in worst if files[name]["missing_branches"]][:FILES_SHOWN]
    lines += [_row(name, *_figures(files[name])) for name in shown]
    return lines


def _total(summary):
    return _row("all files", *_figures(summary))


def _figures(summary):
    """Return the share of lines and of branches, and how many branches are missing."""
    return (
        _share(summary["covered_lines"], summary["num_statements"]),
        _share(summary["covered_branches"], summary["num_branches"]),
        str(summary["missing_branches"]),
    )


def _share(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _row(name, lines, branches, missing):
    return f"   {name:48} {lines:>8} {branches:>8} {missing:>11}"
