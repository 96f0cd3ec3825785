# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""From an empty state folder to what a command needs; a moment when all is there."""

from . import debian, locks, paths
from .odoo import Environment, Odoo, find_home
from .system import ensure_browser


def is_prepared(names=("odoo",)):
    """Whether Odoo and these pinned requirements are there."""
    home = find_home()
    return bool(home) and Environment(home).is_ready(names)


def prepare(tools=False, browser=False, queue=False):
    """Fetch and install whatever is missing and return the Odoo to work with.

    Can be interrupted at any time and run again, and run by several scripts at once.

    :param tools: the linters and test runners, too
    :param browser: the browser of the tests, too
    :param queue: OCA's queue_job, too
    """
    wanted = {"odoo": True, "tools": tools, "queue_job": tools or queue}
    names = [name for name, is_wanted in wanted.items() if is_wanted]
    if not is_prepared(names):
        waiting = "Another script is preparing the same state folder; waiting for it."
        with locks.exclusive(paths.state_dir() / "setup.lock", waiting):
            home = find_home() or debian.package_folder(debian.fetch(debian.ODOO_19))
            environment = Environment(home)
            if not environment.is_ready(names):
                environment.prepare(names)
    if browser:
        ensure_browser()
    home = find_home()
    return Odoo(home, Environment(home).python)
