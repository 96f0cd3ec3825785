# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Addons of others that this one has to live beside, as they are published."""

import shutil
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from devlib import locks, paths
from devlib.odoo import Odoo
from devlib.system import plain_environment, run_quietly

REQUIREMENTS = Path(__file__).with_name("neighbours.txt")


@dataclass(frozen=True)
class OdooBeside(Odoo):
    """An Odoo with one more folder of addons, or with that folder in the place of this addon's."""

    folder: Path
    with_checkout: bool = True

    @property
    def addons_path(self):
        """Return the folders, the one of this checkout only where it is wanted."""
        usual = super().addons_path if self.with_checkout else self.stock_addons_path
        return f"{usual},{self.folder}"


def odoo_with_neighbours(odoo):
    """Return ``odoo`` with the published neighbours on its path; they are fetched once."""
    return OdooBeside(odoo.home, odoo.python, _fetch(odoo))


def _fetch(odoo):
    """Download and unpack the wheels named in ``neighbours.txt``; return the addons folder."""
    key = sha256(REQUIREMENTS.read_bytes()).hexdigest()[:8]
    target = paths.state_dir() / f"neighbours-{key}"
    with locks.exclusive(paths.state_dir() / "neighbours.lock"):
        if not target.exists():
            new = target.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            run_quietly(
                [
                    *[odoo.python, "-m", "pip", "download", "--no-deps", "--require-hashes"],
                    *["-d", new, "-r", REQUIREMENTS],
                ],
                "The addons of others could not be fetched.",
                env=plain_environment(PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1"),
            )
            for wheel in new.glob("*.whl"):
                with zipfile.ZipFile(wheel) as archive:
                    archive.extractall(new)
            new.rename(target)
    return target / "odoo" / "addons"
