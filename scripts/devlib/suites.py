# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The parts of scripts/test: what each runs, and how what came of it is counted."""

import json
import re
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

from . import databases, paths
from .console import Problem, say
from .linters import Linters
from .node import Node
from .ports import free_ports
from .postgres import database_name
from .process import Child
from .system import plain_environment

PART_TIMEOUT = 40 * 60
END_TO_END = paths.CHECKOUT / "tests" / "e2e"
STOCK_EXPECTED = paths.CHECKOUT / "tests" / "stock_crm_expected.txt"
STOCK_PREPARE = paths.CHECKOUT / "tests" / "stock_crm_prepare.py"
STOCK_FIXTURE = paths.CHECKOUT / "tests" / "stock_crm_fixture.py"

# What a browser loads to show the web client, and to run its JavaScript tests.
WEB_CLIENT = (
    *("web.assets_web.js", "web.assets_web.css", "web.assets_web_print.css"),
    *("web.assets_tests.js", "web.assets_emoji.js", "bus.websocket_worker_assets.js"),
)
HOOT = (
    *("web.assets_unit_tests.js", "web.assets_unit_tests.css"),
    *("web.assets_unit_tests_setup.js", "web.assets_unit_tests_setup.css"),
)

# Records of Odoo's log above INFO that are no news: failing tests are counted by name.
LOG_IGNORED = (r" (?:FAIL|ERROR): ", r"odoo\.tests\.result: ")


@dataclass
class Result:
    """What a part came to: counts, and what there is to say."""

    part: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    messages: list = field(default_factory=list)
    seconds: float = 0

    def fail(self, message):
        """Count one more failure, and say what it is."""
        self.failed += 1
        self.messages.append(message)

    def check_not_empty(self, filtered):
        """Count a part that ran nothing as a failure, unless it was asked for a few tests only."""
        if not (self.passed or self.failed or filtered):
            self.fail(f"{self.part} ran no test at all")


class Part:
    """A part of the test run.

    :param context: the :class:`Context` shared by the parts
    """

    name = ""
    help = ""
    needs_browser = False

    def __init__(self, context):
        self.context = context
        self.result = Result(self.name)
        self.log = paths.log_dir() / f"test-{self.name}.log"
        self.report = paths.run_dir() / f"test-{self.name}.report"

    def run(self):
        """Run the part and return its result."""
        started = time.monotonic()
        self.log.unlink(missing_ok=True)
        self.report.unlink(missing_ok=True)
        self.run_tests()
        self.result.check_not_empty(self.context.filter)
        self.result.seconds = time.monotonic() - started
        return self.result

    def run_tests(self):
        """Do the work and fill the result."""
        raise NotImplementedError

    def progress(self):
        """Return how far the part is, in a word or two."""
        return ""

    def run_child(self, argv, env, **options):
        """Run a program to its end and return its exit status."""
        timeout = PART_TIMEOUT * self.context.patience
        with Child(argv, log=self.log, env=env, **options) as child:
            self.context.children.append(child)
            try:
                return child.wait(timeout)
            except subprocess.TimeoutExpired:
                self.result.fail(f"{self.name} did not end within {timeout // 60} minutes")
                return child.stop()


@dataclass
class Context:
    """What the parts share.

    ``patience`` is how many times as long as by itself a part may take.
    """

    odoo: object
    postgres: object
    filter: str = ""
    patience: int = 1
    children: list = field(default_factory=list)


class LintPart(Part):
    """The linters, each counted as one test."""

    name = "lint"
    help = "ruff, pylint-odoo, the OCA's checks, eslint, prettier, rules of this project"

    def run_tests(self):
        """Run every linter."""
        for name, check in Linters(self.context.odoo).checks().items():
            if self.context.filter and self.context.filter not in name:
                continue
            lint = check()
            if lint.passed:
                self.result.passed += 1
            else:
                self.result.fail(f"{name}\n{lint.output}")


class OdooPart(Part):
    """The addon's own tests, run by Odoo while it installs the addon in a fresh database."""

    name = "odoo"
    help = "Python, hoot and browser tests of the addon, database without demo data"
    needs_browser = True
    demo = False
    tags = f"/{paths.ADDON}"
    without = ()
    bundles = (*WEB_CLIENT, *HOOT)

    def run_tests(self):
        """Copy a database that has the dependencies, install the addon in it with its tests."""
        postgres = self.context.postgres
        database = database_name(f"test_{self.name}".replace("-", "_"))
        postgres.clone(self.template(), database)
        try:
            self.prepare(database)
            status = self.run_child(*self.command(database))
            self.count(status)
        finally:
            postgres.drop(database)

    def template(self):
        """Return the database to begin with."""
        context = self.context
        modules = databases.dependencies()
        return databases.template(context.odoo, context.postgres, modules, self.demo)

    def prepare(self, database):
        """Change the fresh database before the tests."""

    def options(self):
        """Return the options that say what is run."""
        demo = "--with-demo" if self.demo else "--without-demo"
        return [f"--init={paths.ADDON}", demo]

    def settings(self):
        """Return more settings for odoo_runner.py."""
        return {}

    def command(self, database):
        """Return Odoo's command line and environment."""
        odoo = self.context.odoo
        [port] = free_ports()
        arguments = databases.odoo_arguments(odoo, database, *self.options())
        runner = Path(__file__).with_name("odoo_runner.py")
        command = [
            # -P: 'import odoo' is Odoo, not the module beside the runner
            *[odoo.python, "-P", runner, "server", *arguments, f"--test-tags={self.tags}"],
            *["--http-interface=127.0.0.1", f"--http-port={port}", "--stop-after-init"],
        ]
        environment = self.context.postgres.environment(
            BPO_TEST_REPORT=str(self.report),
            BPO_TEST_FILTER=self.context.filter,
            BPO_TEST_WITHOUT=" ".join(self.without),
            BPO_TEST_BUNDLES=" ".join(self.bundles),
            BPO_TEST_AXE=str(Node(odoo.python.parent).axe()),
            ODOO_TEST_MAX_FAILED_TESTS="100000",
            **self.settings(),
        )
        return command, environment

    def count(self, status):
        """Count the tests that Odoo reported, and look at its log."""
        started, failures, skips = self.read_report()
        self.result.skipped += len(skips)
        self.result.passed += len(started - failures.keys() - skips.keys())
        for name, text in failures.items():
            self.judge_failure(name, text)
        for name, reason in skips.items():
            self.result.messages.append(f"skipped: {name}: {reason}")
        if self.check_end(status, failures) and started:
            self.check_log()
        self.note_javascript()

    def read_report(self):
        """Return the tests started, {failed: what it said}, {skipped: reason}."""
        started, failures, skips = set(), {}, {}
        if self.report.exists():
            for line in self.report.read_text("utf-8").splitlines():
                entry = json.loads(line)
                test, outcome, text = entry["test"], entry["outcome"], entry["text"]
                if outcome == "started":
                    started.add(test)
                elif outcome == "failed":
                    failures[test] = "\n".join(filter(None, [failures.get(test), text]))
                elif outcome == "skipped":
                    skips[test] = text
        return started, failures, {name: skips[name] for name in skips.keys() - failures.keys()}

    def judge_failure(self, name, text):
        """Count a failed test."""
        self.result.fail(text or name)

    def check_end(self, status, failures):
        """Count a run that broke off as a failure; return whether it went to its end."""
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        ended = "odoo.tests.result: " in text and "Initiating shutdown" in text
        # Odoo's exit status is 1 when a test failed, and those are counted
        if not ended or (status and not failures):
            end = "\n".join(text.splitlines()[-25:])
            self.result.fail(f"Odoo broke off (exit status {status}); end of {self.log}:\n{end}")
            return False
        return True

    def check_log(self):
        """Count the log as one more test: it has no warning and no error."""
        command = [self.context.odoo.python.parent / "checklog-odoo", "--no-echo"]
        for pattern in LOG_IGNORED:
            command += ["--ignore", pattern]
        done = subprocess.run(
            [str(part) for part in (*command, self.log)],
            env=plain_environment(NO_COLOR="1"),
            cwd=paths.run_dir(),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            self.result.fail(
                f"warnings or errors in {self.log}\n{done.stdout[-6000:]}{done.stderr}"
            )
        else:
            self.result.passed += 1

    def note_javascript(self):
        """Say how many JavaScript tests ran inside the Python tests that start them."""
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        counts = re.findall(r"\[HOOT\] [Pp]assed (\d+) tests", text)
        if counts:
            self.result.messages.append(
                f"{sum(map(int, counts))} JavaScript tests (hoot) passed, counted as the tests that"
                " start them"
            )

    def progress(self):
        """Return how many tests have ended."""
        if not self.report.exists():
            return "preparing"
        ended = self.report.read_text("utf-8").count('"outcome": "ended"')
        return f"{ended} tests"


class OdooDemoPart(OdooPart):
    """The same tests on a database with demo data, but for those that demo data cannot reach.

    They read no database, or work for long in a world that they make themselves.
    """

    name = "odoo-demo"
    help = "the same tests, database with demo data; not those that see none of it"
    demo = True
    without = (
        ".tests.dealer_api.",
        ".tests.test_js.",
        ".tests.test_access_matrix.",
        ".tests.test_dealer_order_wire.",
        ".tests.test_funnel_property.",
        ".tests.test_moves_property.",
        ".TestFillInByFinger.",
        ".TestFillInByHand.",
        ".TestFillInOnPhone.",
        ".TestFillInService.",
        ".TestLostByHand.",
    )
    bundles = WEB_CLIENT


class StockCrmPart(OdooPart):
    """Stock CRM's own tests, with this addon installed."""

    name = "stock-crm"
    help = "stock CRM's own tests with the addon installed"
    tags = "/crm"
    bundles = WEB_CLIENT

    def __init__(self, context):
        super().__init__(context)
        self.expected = self.read_expected()
        self.met = []

    def template(self):
        """Return a database that has the addon."""
        return databases.addon_template(self.context.odoo, self.context.postgres, self.demo)

    def prepare(self, database):
        """Configure the addon for the workflow that stock's fixture builds."""
        code = STOCK_PREPARE.read_text("utf-8")
        databases.shell(self.context.odoo, self.context.postgres, database, code)

    def options(self):
        """Install and update nothing: the tests run with everything loaded."""
        return []

    def settings(self):
        """Run all tests after loading: on its own, stock CRM would not know our columns."""
        return {"BPO_TEST_LAST": "1", "BPO_TEST_FIXTURE": str(STOCK_FIXTURE)}

    @staticmethod
    def read_expected():
        """Return {test: reason} of the failures that are known."""
        expected = {}
        if STOCK_EXPECTED.exists():
            for line in STOCK_EXPECTED.read_text("utf-8").splitlines():
                name, _separator, reason = line.partition("#")
                if not name.strip():
                    continue
                if not reason.strip():
                    raise Problem(f"{STOCK_EXPECTED.name}: {name.strip()} has no reason.")
                expected[name.strip()] = reason.strip()
        return expected

    def judge_failure(self, name, text):
        """Count a failed test unless it is a known one."""
        if name in self.expected:
            self.met.append(name)
        else:
            self.result.fail(text or name)

    def count(self, status):
        """Count, and say which known failures came and which did not."""
        super().count(status)
        file = STOCK_EXPECTED.relative_to(paths.CHECKOUT)
        if self.met:
            self.result.messages.append(
                f"{len(self.met)} failures are known, not counted, and explained in {file}"
            )
        if not self.context.filter:
            for name in sorted(self.expected.keys() - set(self.met)):
                self.result.messages.append(f"{name} is listed in {file}, but passed")

    def check_log(self):
        """Leave the log alone: stock tests log warnings of their own."""


class PytestPart(Part):
    """Tests that pytest runs.

    ``files`` names files of ``tests/e2e``: ``install`` is ``test_install.py``.
    """

    files = ()

    def test_files(self):
        """Return the files to run."""
        return [END_TO_END / f"test_{name}.py" for name in self.files]

    def run_tests(self):
        """Run pytest and read its report."""
        command = [
            *[self.context.odoo.python, "-m", "pytest", "-v", "--color=no", "--durations=15"],
            *self.test_files(),
            *[f"--junitxml={self.report}", "-o", "junit_family=xunit2"],
        ]
        if self.context.filter:
            command += ["-k", self.context.filter]
        status = self.run_child(command, plain_environment(), cwd=paths.CHECKOUT, grace=60)
        if not self.report.exists():
            end = "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-25:])
            self.result.fail(f"pytest broke off (exit status {status}):\n{end}")
            return
        for case in ElementTree.parse(self.report).iter("testcase"):
            self.count_case(case)
        # 1: tests failed, 5: none chosen; both are seen in the counts
        if status not in (0, 1, 5):
            self.result.fail(f"pytest ended with exit status {status}; its output is in {self.log}")

    def count_case(self, case):
        """Count one test of pytest's report."""
        name = f"{case.get('classname')}.{case.get('name')}"
        problems = [element for element in case if element.tag in ("failure", "error")]
        skip = case.find("skipped")
        if problems:
            self.result.fail("\n".join([name, *(element.text or "" for element in problems)]))
        elif skip is not None:
            self.result.skipped += 1
            self.result.messages.append(f"skipped: {name}: {skip.get('message')}")
        else:
            self.result.passed += 1

    def progress(self):
        """Return how many tests have ended."""
        if not self.log.exists():
            return "preparing"
        text = self.log.read_text("utf-8", "replace")
        return f"{len(re.findall(r' (?:PASSED|FAILED|ERROR|SKIPPED)', text))} tests"


class InstallPart(PytestPart):
    """What happens to a database, and what becomes of the files."""

    name = "install"
    help = "end-to-end tests: installation, update, uninstallation, the wheel, linters on a sample"
    files = ("install", "linters", "scripts", "upgrade", "wheel")


class ChaosPart(PytestPart):
    """A short run of scripts/chaos, and its judge."""

    name = "chaos"
    help = "end-to-end tests: a short run of scripts/chaos, and its judge"
    files = ("chaos",)


class EndToEndPart(PytestPart):
    """The other files."""

    name = "e2e"
    help = "end-to-end tests: real BPO and dealer servers, lost answers, kills, restored backups"

    def test_files(self):
        """Return the files that are in no other part, a new one too."""
        others = {f"test_{name}" for part in (InstallPart, ChaosPart) for name in part.files}
        return [path for path in sorted(END_TO_END.glob("test_*.py")) if path.stem not in others]


class SimulationPart(Part):
    """The simulation: a short run in which nothing is wrong, and defects that it finds."""

    name = "simulation"
    help = "the outbox against simulated dealers, users and faults; deliberate defects are found"
    options = ("--seed=1", "--minutes=5", "--cpu-seconds=20", "--shrink-seconds=0", "--json")
    mutants = ("no-mark", "key-of-each-attempt", "uncertain-is-certain", "amounts-unsaid")

    def run_tests(self):
        """Run without a mutant, and with each of some."""
        if self.is_chosen("nothing is wrong"):
            found = self.simulate()
            self.count(not found["wrong"], f"wrong: {found['wrong']}, see docs/simulation.md")
        for name in filter(self.is_chosen, self.mutants):
            found = self.simulate(f"--mutant={name}")
            self.count(found["wrong"], f"the defect {name} was not found")

    def is_chosen(self, name):
        """Tell whether a test is among those that were asked for."""
        return self.context.filter in name

    def simulate(self, *options):
        """Run the simulation and return what it found."""
        command = [self.context.odoo.python, paths.SCRIPTS / "simulate", *self.options, *options]
        self.run_child(command, plain_environment())
        lines = self.log.read_text("utf-8", "replace").splitlines()
        if not lines or not lines[-1].startswith("{"):
            end = "\n".join(lines[-25:])
            raise Problem(f"The simulation broke off:\n{end}")
        return json.loads(lines[-1])

    def count(self, is_well, text):
        """Count one test."""
        if is_well:
            self.result.passed += 1
        else:
            self.result.fail(text)


# In the order in which they are begun, long ones early. They do not disturb each other: each has
# its own database and ports.
PARTS = {
    part.name: part
    for part in (
        *(LintPart, EndToEndPart, OdooPart, OdooDemoPart, InstallPart),
        *(StockCrmPart, ChaosPart, SimulationPart),
    )
}
SIDE_BY_SIDE = 2


def show(result):
    """Print what a part came to."""
    counts = f"{result.passed} passed, {result.failed} failed, {result.skipped} skipped"
    say(f"== {result.part}: {counts} ({result.seconds:.0f} s)")
    for message in result.messages:
        say("   " + message.rstrip().replace("\n", "\n   "))
