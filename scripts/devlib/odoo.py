# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where Odoo is, the virtual environment it runs in, and how it is called."""

import hashlib
import json
import os
import re
import shutil
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from . import debian, paths
from .console import Problem, Progress
from .system import install_packages, plain_environment, run_quietly

SERIES = (19, 0)
ODOO_BIN = Path(__file__).with_name("bin") / "odoo-bin"


@dataclass(frozen=True)
class Odoo:
    """An Odoo and the Python that runs it.

    ``home`` is the folder that holds the ``odoo`` package.
    """

    home: Path
    python: Path

    # answered by any server that takes requests
    health_path = "/web/health"

    def demo_option(self, demo):
        """Return the option that says whether demo data is installed."""
        return "--with-demo" if demo else "--without-demo"

    @property
    def version(self):
        """Tell this Odoo from another (for what is cached per Odoo)."""
        return hashlib.sha256(
            os.fsencode(self.home) + (self.home / "odoo/release.py").read_bytes()
        ).hexdigest()[:8]

    @property
    def addons_path(self):
        """Return the folders of Odoo's own addons, of this one, of examples and of queue_job."""
        folders = [self.home / "odoo/addons", self.home / "addons", paths.addons_dir()]
        folders += [paths.EXAMPLES, *self._queue_addons()]
        return ",".join(str(path) for path in folders if path.is_dir())

    def _queue_addons(self):
        """Return the folder of OCA's queue_job where it is installed (devlib/setup.py)."""
        return self.python.parent.parent.glob("lib/python*/site-packages/odoo/addons")

    @property
    def stock_addons_path(self):
        """Return Odoo's own addons folders alone: what a dealer has."""
        folders = [self.home / "odoo/addons", self.home / "addons"]
        return ",".join(str(path) for path in folders if path.is_dir())

    def command(self, *arguments):
        """Return the command line of Odoo with these arguments."""
        return [str(self.python), str(ODOO_BIN), *map(str, arguments)]


def given_home():
    """Return the Odoo named by ODOO_HOME, or None; refuse what is not Odoo 19."""
    given = os.environ.get("ODOO_HOME")
    if not given:
        return None
    home = Path(given).expanduser().resolve()
    if home.name == "odoo" and (home / "release.py").exists():
        home = home.parent
    release = home / "odoo/release.py"
    if not release.exists():
        raise Problem(
            f"ODOO_HOME is {given}, but there is no {release}. It should name a checkout of Odoo"
            " 19 or the folder that holds the 'odoo' package."
        )
    match = re.search(r"version_info\s*=\s*\(\s*(\d+)\s*,\s*(\d+)", release.read_text("utf-8"))
    if not match or (int(match[1]), int(match[2])) != SERIES:
        raise Problem(f"ODOO_HOME is {given}, which is not Odoo 19.0.")
    return home


def find_home():
    """Return the folder that holds the ``odoo`` package, or None when it is not fetched yet."""
    if home := given_home():
        return home
    prefix = debian.unpacked_prefix(debian.ODOO_19)
    return prefix and debian.package_folder(prefix)


class Environment:
    """The virtual environment of one Odoo: its requirements, and optionally the tools'."""

    def __init__(self, home):
        self.home = home
        python = "{}.{}".format(*sys.version_info)
        key = hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
        self.folder = paths.state_dir() / f"venv-{python}-{key}"
        self.python = self.folder / "bin/python"

    def is_ready(self, names):
        """Whether the pinned requirements with these names are installed."""
        stamps = self._stamps()
        return self.python.exists() and all(stamps.get(name) == _digest(name) for name in names)

    def prepare(self, names):
        """Create the environment and install what is missing; interrupted, run it again."""
        if not (self.folder / "pyvenv.cfg").exists() or not self._has_pip():
            self._create()
        self._link_odoo()
        for name in names:
            if not self.is_ready([name]):
                self._install(name)

    def _create(self):
        with Progress("Creating the virtual environment"):
            shutil.rmtree(self.folder, ignore_errors=True)
            try:
                import ensurepip  # noqa: F401  Debian packs it apart from Python
            except ImportError:
                version = "{}.{}".format(*sys.version_info)
                install_packages(
                    [f"python{version}-venv"],
                    "Python's module venv is needed, and it is not complete",
                )
            venv.EnvBuilder(clear=True, symlinks=True).create(self.folder)
            run_quietly(
                [self.python, "-m", "ensurepip", "--upgrade"],
                "pip could not be put into the virtual environment.",
            )

    def _has_pip(self):
        return self.python.exists() and any(self.folder.glob("lib/python*/site-packages/pip"))

    def _install(self, name):
        """Install one file of pinned requirements, and note that it is done."""
        path = paths.REQUIREMENTS / f"{name}.txt"
        count = len(re.findall(r"(?m)^\w", path.read_text("utf-8")))
        environment = plain_environment(PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
        with Progress(f"Installing {count} Python packages ({name})"):
            run_quietly(
                # --no-deps: the files are complete, and some packages ask for PyPDF2
                [self.python, "-m", "pip", "install", "--require-hashes", "--no-deps", "-r", path],
                "The Python packages could not be installed.",
                env=environment,
            )
        self._stamp(name)

    def _link_odoo(self):
        """Make ``import odoo`` work, and pip see Odoo as installed."""
        for folder in self.folder.glob("lib/python*/site-packages"):
            path = folder / "odoo19.pth"
            if not path.exists() or path.read_text("utf-8").strip() != str(self.home):
                path.write_text(f"{self.home}\n", encoding="utf-8")

    def _stamps(self):
        try:
            return json.loads((self.folder / "installed.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}

    def _stamp(self, name):
        stamps = {**self._stamps(), name: _digest(name)}
        temporary = self.folder / "installed.json.new"
        temporary.write_text(json.dumps(stamps), encoding="utf-8")
        temporary.replace(self.folder / "installed.json")


def _digest(name):
    return hashlib.sha256((paths.REQUIREMENTS / f"{name}.txt").read_bytes()).hexdigest()
