# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Build the addon's wheel: what pip runs for ``pip wheel --no-deps .`` (see pyproject.toml).

whool makes a wheel of an addon, named after the folder it lies in, with all that is in there. Our
repository *is* the addon, may be cloned under any name, and holds what an installed addon has no
use for. So whool gets a copy of the addon's own files, in a folder of the addon's name.

Not in the wheel: the scripts; the tests, which need servers of theirs and addons that only they
install; documents for those who work on the addon, and what is made of the README; whatever begins
with a dot. ``static/tests`` is in it, as the manifest names it.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from whool import buildapi
from whool.buildapi import UnsupportedOperation

ADDON = "bpo_crm"
NOT_SHIPPED = {"scripts", "tests", "docs", "readme", "CONTRIBUTING.md"}
# written by tools into folders that are not under git
_LITTER = {"__pycache__", "build", "dist", "node_modules"}


def is_shipped(path):
    """Whether a file of the repository is a part of the addon.

    :param path: :class:`Path`, relative to the repository
    """
    first = path.parts[0]
    return not (first in NOT_SHIPPED or first.startswith(".") or _LITTER.intersection(path.parts))


def addon_files(checkout):
    """Return the addon's files, relative to the checkout: those under git, or all without git."""
    if (checkout / ".git").exists():
        listed = subprocess.run(
            ["git", "-C", checkout, "ls-files", "-z"], capture_output=True, check=True
        )
        files = [Path(os.fsdecode(name)) for name in listed.stdout.split(b"\0") if name]
    else:
        files = [path.relative_to(checkout) for path in checkout.rglob("*") if path.is_file()]
    return sorted(path for path in files if is_shipped(path))


@contextlib.contextmanager
def addon_copy():
    """Go into a copy of the addon under its own name, and come back."""
    checkout = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        addon = Path(folder) / ADDON
        for path in addon_files(checkout):
            (addon / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(checkout / path, addon / path)
        os.chdir(addon)
        try:
            yield
        finally:
            os.chdir(checkout)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Build the wheel and return its name (a hook of PEP 517)."""
    wheel_directory = os.path.abspath(wheel_directory)
    with addon_copy():
        return buildapi.build_wheel(wheel_directory, config_settings, metadata_directory)


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    """Write the wheel's metadata and return their folder's name (a hook of PEP 517)."""
    metadata_directory = os.path.abspath(metadata_directory)
    with addon_copy():
        return buildapi.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


def build_sdist(sdist_directory, config_settings=None):
    """Refuse: the source is the repository (a hook of PEP 517)."""
    raise UnsupportedOperation("bpo_crm has no source distribution; use its repository")
