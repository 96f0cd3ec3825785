# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Programs of the operating system: where they are, how to get them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import paths
from .console import Problem, Progress

_GUARD = Path(__file__).with_name("guard.py")
_OF_ANOTHER_PYTHON = (
    *("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONDONTWRITEBYTECODE"),
    *("VIRTUAL_ENV", "ODOO_RC"),
)


def plain_environment(**extra):
    """Return the environment for child processes: UTF-8 whatever the machine's locale.

    What the shell has set for another Python would lead ours astray and is left out. Compiled
    Python is kept in the state folder: Odoo's own folder may be read-only, and the checkout stays
    as it is. Without it each start of a server would compile all of Odoo.
    """
    environment = dict(os.environ, LC_ALL="C.UTF-8", LANG="C.UTF-8", PYTHONUTF8="1")
    environment["PYTHONPYCACHEPREFIX"] = str(paths.state_dir() / "pycache")
    for name in _OF_ANOTHER_PYTHON:
        environment.pop(name, None)
    environment.update(extra)
    return environment


def guarded(argv, grace=10):
    """Return the command line that runs a program under a guard (see guard.py).

    The guard dies with the *thread* that starts it: the main one, or one that waits for it.

    :param grace: seconds between SIGTERM and SIGKILL
    """
    command = [sys.executable, "-I", "-S", _GUARD, os.getpid(), grace, *argv]
    return [str(part) for part in command]


def run_quietly(command, failure, **options):
    """Run a program and return what it printed.

    :param failure: what could not be done, said before the program's last lines
    """
    options.setdefault("env", plain_environment())
    try:
        done = subprocess.run(
            guarded(command),
            stdin=options.pop("stdin", subprocess.DEVNULL),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            **options,
        )
    except OSError as error:
        raise Problem(f"{failure}\n  {error}") from error
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()[-12:]
        raise Problem("\n  ".join([failure, *lines]))
    return done.stdout


def can_install():
    """Whether packages of the operating system can be installed without asking anybody."""
    return os.geteuid() == 0 and bool(shutil.which("apt-get"))


def install_packages(packages, purpose, otherwise=""):
    """Install Debian packages when we are root; else say which are missing and how to get them.

    :param purpose: what needs them, the start of the message
    :param otherwise: another way out, the end of the message
    """
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if not can_install():
        prefix = "sudo " if shutil.which("apt-get") else ""
        hint = f"On Debian or Ubuntu: {prefix}{' '.join(command)}"
        raise Problem("\n".join(filter(None, [f"{purpose}.", hint, otherwise])))
    names = " ".join(packages)
    environment = plain_environment(DEBIAN_FRONTEND="noninteractive")
    with Progress(f"Installing {names} with apt-get (you are root)"):
        try:
            run_quietly(command, f"apt-get could not install {names}.", env=environment)
        except Problem:
            # lists missing or out of date: fetch them and try once more
            run_quietly(["apt-get", "update"], "apt-get update failed.", env=environment)
            run_quietly(command, f"{purpose}: apt-get could not install {names}.", env=environment)


def find_browser():
    """Return the Chromium or Chrome that Odoo's browser tests will use, or None."""
    for name in ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    return None


def ensure_browser():
    """Return the path of a browser, installing Debian's chromium when that is possible."""
    purpose = "The browser tests need Chromium or Chrome, and none is on the PATH"
    otherwise = "Without it, run the other parts: scripts/test --only lint"
    if not find_browser():
        install_packages(["chromium"], purpose, otherwise)
    if found := find_browser():
        return found
    raise Problem(f"{purpose}.\n{otherwise}")
