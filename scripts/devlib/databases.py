# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Databases made by Odoo: modules are installed once in a template, then it is copied."""

import ast
import hashlib
import subprocess

from . import locks, paths
from .console import Problem, Progress
from .postgres import database_name
from .process import Child
from .system import guarded

DEALER_MODULES = ("sale_management",)

# what of the checkout an installed database depends on
_INSTALLED_FROM = ("*.py", "*.xml", "*.csv", "*.sql", "*.po", "*.pot")
_NOT_INSTALLED = {"scripts", "tests", "docs", ".git"}


def dependencies():
    """Return the modules that this addon depends on, as its manifest says."""
    manifest = ast.literal_eval((paths.CHECKOUT / "__manifest__.py").read_text("utf-8"))
    return tuple(manifest["depends"])


def addon_digest(folder=paths.CHECKOUT):
    """Return 8 hex digits of everything that installing the addon, or addons, of a folder reads."""
    digest = hashlib.sha256()
    for pattern in _INSTALLED_FROM:
        for path in sorted(folder.rglob(pattern)):
            relative = path.relative_to(folder)
            if relative.parts[0] not in _NOT_INSTALLED:
                digest.update(str(relative).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:8]


def odoo_arguments(odoo, database, *arguments, addon=True):
    """Return Odoo's arguments for a run that is no server."""
    addons = odoo.addons_path if addon else odoo.stock_addons_path
    return [
        f"--addons-path={addons}",
        f"--data-dir={paths.data_dir()}",
        f"--database={database}",
        "--max-cron-threads=0",
        *arguments,
    ]


def install(odoo, postgres, database, modules, demo=False, addon=True):
    """Install modules in a database, which is created when it does not exist.

    :param addon: with this addon on Odoo's path
    """
    log = paths.log_dir() / f"{database}.log"
    arguments = odoo_arguments(
        odoo,
        database,
        f"--init={','.join(modules)}",
        odoo.demo_option(demo),
        "--no-http",
        "--stop-after-init",
        addon=addon,
    )
    log.unlink(missing_ok=True)
    with Child(odoo.command(*arguments), log=log, env=postgres.environment()) as child:
        status = child.wait()
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    failed = [line for line in text.splitlines() if " ERROR " in line or " CRITICAL " in line]
    if status or failed:
        lines = (failed or text.splitlines())[-10:] + text.splitlines()[-12:]
        names = ", ".join(modules)
        raise Problem("\n  ".join([f"Installing {names} failed (whole log: {log}):", *lines]))


def template(odoo, postgres, modules, demo=False):
    """Return the name of a template database in which stock modules are installed."""
    key = digest_key(odoo, *sorted(modules), "demo" if demo else "")
    name = database_name(f"tpl_{key}")
    title = f"Installing {', '.join(modules)}{' with demo data' if demo else ''} (once)"

    def build(new):
        install(odoo, postgres, new, modules, demo, addon=False)

    return build_once(postgres, name, title, build)


def addon_template(odoo, postgres, demo=False):
    """Return the name of a template database in which this addon, as it is now, is installed."""
    base = template(odoo, postgres, dependencies(), demo)
    prefix = database_name("addon_demo_" if demo else "addon_plain_")
    name = prefix + digest_key(odoo, addon_digest())

    def build(new):
        postgres.clone(base, new)
        install(odoo, postgres, new, [paths.ADDON], demo)
        for old in postgres.databases(prefix):
            if old not in (name, new):
                postgres.drop(old)

    return build_once(postgres, name, "Installing the addon (once per change)", build)


def extended_template(odoo, postgres, modules):
    """Return the name of a template database with this addon and modules that build upon it."""
    base = addon_template(odoo, postgres)
    parts = (base, *sorted(modules), addon_digest(paths.EXAMPLES))
    name = database_name(f"addon_more_{digest_key(odoo, *parts)}")

    def build(new):
        postgres.clone(base, new)
        install(odoo, postgres, new, modules)
        for old in postgres.databases(database_name("addon_more_")):
            if old not in (name, new):
                postgres.drop(old)

    return build_once(postgres, name, f"Installing {', '.join(modules)} (once per change)", build)


def build_once(postgres, name, title, build):
    """Build a template unless it exists; it gets its name when it is complete.

    :param build: called with the name to build under
    """
    with locks.exclusive(paths.run_dir() / f"{name}.lock"):
        if not postgres.exists(name):
            new = f"{name}_new"
            postgres.drop(new)
            with Progress(title):
                build(new)
            postgres.rename(new, name)
    return name


def digest_key(odoo, *parts):
    return hashlib.sha256("\0".join([odoo.version, *parts]).encode()).hexdigest()[:8]


def shell(odoo, postgres, database, code, addon=True):
    """Run Python code inside Odoo (``env`` is there) and return what it printed.

    The code has to commit by itself.
    """
    arguments = odoo_arguments(odoo, database, "--no-http", "--log-level=warn", addon=addon)
    done = subprocess.run(
        guarded(odoo.command("shell", *arguments)),
        input=code,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env=postgres.environment(),
    )
    if done.returncode:
        lines = done.stderr.splitlines()[-15:]
        raise Problem("\n  ".join([f"A step inside Odoo failed (database {database}):", *lines]))
    return done.stdout
