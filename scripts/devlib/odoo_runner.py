# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Run Odoo as its command does, and write down what becomes of every test.

    python odoo_runner.py [ODOO'S ARGUMENTS]

environment:
  BPO_TEST_REPORT   file that gets one JSON object a line: {"test", "outcome", "text"}
  BPO_TEST_FILTER   run only the tests whose id contains one of these words
  BPO_TEST_WITHOUT  run no test whose id contains one of these words
  BPO_TEST_BUNDLES  bundles of assets to generate before the first test, in the place of all that
                    Odoo knows; one that is left to a test is gone with the test's transaction
  BPO_TEST_LAST     run the tests of every position after all modules are loaded; Odoo runs the
                    at_install ones of a module before the modules that extend it are there, on
                    tables that have their columns already
  BPO_TEST_FIXTURE  Python file to run when all addons are loaded, before the first test
"""

import json
import os
import runpy
import sys
import threading
import time

import odoo.cli
from odoo.tests import loader, result

from odoo.addons.base.models.ir_qweb import IrQweb

_lock = threading.Lock()
SAVE_EVERY = 30  # seconds, of what is measured of coverage


def report(test, outcome, text=""):
    """Append one line to the report."""
    line = json.dumps({"test": test, "outcome": outcome, "text": text})
    with _lock, open(os.environ["BPO_TEST_REPORT"], "a", encoding="utf-8") as file:
        file.write(line + "\n")


def watch_results():
    """Have Odoo's test results report as they come."""
    original = result.OdooTestResult
    coverage = CoverageKeeper()

    class ReportingResult(original):
        def startTest(self, test):
            super().startTest(test)
            report(self.getDescription(test), "started")

        def stopTest(self, test):
            super().stopTest(test)
            report(self.getDescription(test), "ended")
            coverage.keep()

        def addSkip(self, test, reason):
            super().addSkip(test, reason)
            report(self.getDescription(test), "skipped", reason)

        def logError(self, flavour, test, error):
            super().logError(flavour, test, error)
            if self._soft_fail:
                return  # to be tried again
            owner = getattr(test, "test_case", test)
            text = f"{self.getDescription(test)}\n{self._exc_info_to_string(error, test)}"
            report(self.getDescription(owner), "failed", text)

    loader.OdooTestResult = result.OdooTestResult = ReportingResult


class CoverageKeeper:
    """Writes down what coverage.py has measured so far: it is lost with a run that is killed."""

    def __init__(self):
        self.last = time.monotonic()

    def keep(self):
        """Save what is measured, if anything is, and if the last time is long ago."""
        coverage = sys.modules.get("coverage")
        current = coverage and coverage.Coverage.current()
        if current and time.monotonic() - self.last > SAVE_EVERY:
            current.save()
            self.last = time.monotonic()


def choose_tests():
    """Apply the filter, and gather the tests at the end when asked to."""
    make_suite = loader.make_suite
    words = os.environ.get("BPO_TEST_FILTER", "").split()
    without = os.environ.get("BPO_TEST_WITHOUT", "").split()
    last = os.environ.get("BPO_TEST_LAST")
    fixture = os.environ.get("BPO_TEST_FIXTURE")

    def make_chosen_suite(module_names, position="at_install"):
        if fixture and position == "post_install":
            runpy.run_path(fixture)
        if not last:
            positions = [position]
        else:
            positions = ["at_install", "post_install"] if position == "post_install" else []
        tests = [test for each in positions for test in make_suite(module_names, each)]
        if words:
            tests = [test for test in tests if any(word in test.id() for word in words)]
        tests = [test for test in tests if not any(word in test.id() for word in without)]
        return loader.OdooSuite(sorted(tests, key=lambda test: getattr(test, "test_sequence", 0)))

    loader.make_suite = make_chosen_suite


def choose_bundles():
    """Have Odoo generate the bundles that tests ask for: half of its own choice, and two more."""
    names = os.environ.get("BPO_TEST_BUNDLES", "").split()
    chosen = tuple(
        {name.removesuffix(kind) for name in names if name.endswith(kind)}
        for kind in (".js", ".css")
    )
    IrQweb._get_bundles_to_pregenarate = lambda self: chosen


if __name__ == "__main__":
    watch_results()
    choose_bundles()
    choose_tests()
    odoo.cli.main()
