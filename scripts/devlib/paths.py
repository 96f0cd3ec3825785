# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The state folder: everything the scripts fetch, build and store, outside the checkout."""

import hashlib
import os
from pathlib import Path

from .console import Problem

ADDON = "bpo_crm"
CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPTS = CHECKOUT / "scripts"
REQUIREMENTS = SCRIPTS / "requirements"
# addons that extend this one, for tests and as examples
EXAMPLES = CHECKOUT / "tests" / "addons"

# a Unix socket's whole path has at most 107 bytes; PostgreSQL adds "/.s.PGSQL.5432"
_LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432")


def state_dir():
    """Return the state folder shared by all checkouts, creating it when needed."""
    given = os.environ.get("BPO_DEV_DIR")
    if given:
        path = Path(given).expanduser()
    else:
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        path = Path(cache).expanduser() / ADDON
    path = Path(os.path.abspath(path))
    if path == CHECKOUT or CHECKOUT in path.parents:
        raise Problem(
            f"The state folder {path} is inside the checkout; Odoo would read it as a part of the"
            " addon. Set BPO_DEV_DIR to a folder elsewhere."
        )
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(
            f"The state folder {path} cannot be created: {error.strerror}. Set BPO_DEV_DIR to"
            " a folder you may write to."
        ) from error
    return path


def checkout_key():
    """Return 8 hex digits that tell this checkout from the others."""
    return hashlib.sha256(os.fsencode(CHECKOUT)).hexdigest()[:8]


def _subfolder(path):
    path.mkdir(parents=True, exist_ok=True)
    return path


def checkout_dir():
    """Return this checkout's own part of the state: databases, files, logs, run files."""
    return _subfolder(state_dir() / "checkouts" / checkout_key())


def run_dir():
    """Return the folder of lock files and pids."""
    return _subfolder(checkout_dir() / "run")


def log_dir():
    """Return the folder of log files."""
    return _subfolder(checkout_dir() / "log")


def data_dir():
    """Return Odoo's data folder: the files stored by the databases, sessions."""
    return _subfolder(checkout_dir() / "data")


def filestore(database):
    """Return the folder in which Odoo keeps the stored files of a database."""
    return data_dir() / "filestore" / database


def socket_dir():
    """Return a folder for PostgreSQL's socket whose path is short enough."""
    path = checkout_dir() / "pg" / "socket"
    if len(os.fsencode(path)) > _LONGEST_SOCKET_FOLDER:
        key = hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
        path = Path("/tmp") / f"{ADDON}-{os.getuid()}-{key}"
    return path


def addons_dir():
    """Return an addons folder in which this checkout appears under the addon's name.

    The checkout may have any name, the addon may not. The link lies in the state folder: one
    inside the addon would send Odoo's translation export, which follows links, into a loop.
    """
    path = _subfolder(checkout_dir() / "addons")
    link = path / ADDON
    if not link.is_symlink() or os.readlink(link) != str(CHECKOUT):
        temporary = path.parent / f".{ADDON}.{os.getpid()}"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(CHECKOUT)
        temporary.replace(link)
    return path
