# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The wheel is the addon: its own files, under its own name, whatever the checkout is called."""

import ast
import shutil
import subprocess
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
from devlib import paths
from devlib.linters import checkout_files
from devlib.setup import prepare
from devlib.system import plain_environment

ADDON = Path("odoo/addons/bpo_crm")
# What stands at the top of the addon. A new file or folder has to be named here, or kept out of
# the wheel in scripts/wheel_backend.py.
TOP = {
    "__init__.py",
    "__manifest__.py",
    "adoption.py",
    "CHANGELOG.md",
    "controllers",
    "LICENSE",
    "README.md",
    "data",
    "dealer_api",
    "demo",
    "handback.py",
    "history.py",
    "hooks.py",
    "i18n",
    "migrations",
    "models",
    "security",
    "static",
    "views",
    "wizards",
}


def copy_checkout(folder):
    """Copy the files of the checkout, as they are now, into a folder; return them."""
    files = [path for path in checkout_files(paths.CHECKOUT) if path.is_file()]
    for path in files:
        copy = folder / path.relative_to(paths.CHECKOUT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return {path.relative_to(paths.CHECKOUT) for path in files}


def build_wheel(checkout, folder):
    """Build the wheel as the README says; return its path."""
    python = prepare(tools=True).python
    # the tools of the tests have whool already: nothing is fetched
    command = [python, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, checkout], check=True, env=plain_environment())
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module", params=["with git", "without git"])
def wheel(request, tmp_path_factory):
    """Return the open wheel of a checkout of another name, and the files of that checkout."""
    checkout = tmp_path_factory.mktemp("some-other-name")
    files = copy_checkout(checkout)
    (checkout / "models/__pycache__").mkdir()
    (checkout / "models/__pycache__/left.pyc").touch()
    if request.param == "with git":
        (checkout / "notes.txt").touch()
        subprocess.run(["git", "-C", checkout, "init", "--quiet"], check=True)
        subprocess.run(["git", "-C", checkout, "add", "--", *files], check=True)
    with zipfile.ZipFile(build_wheel(checkout, tmp_path_factory.mktemp("wheels"))) as opened:
        yield opened, files


def metadata_folder(opened):
    """Return the name of the wheel's folder of metadata."""
    [name] = {name.split("/")[0] for name in opened.namelist() if ".dist-info/" in name}
    return name


def shipped(opened):
    """Return the wheel's files, relative to the addon."""
    names = [Path(name) for name in opened.namelist() if not name.endswith("/")]
    return {path.relative_to(ADDON) for path in names if path.is_relative_to(ADDON)}


def test_wheel_is_named_after_the_addon(wheel):
    opened, _files = wheel
    metadata = opened.read(f"{metadata_folder(opened)}/METADATA")
    headers = HeaderParser().parsestr(metadata.decode())
    assert headers["Name"] == "odoo-addon-bpo_crm"
    manifest = ast.literal_eval((paths.CHECKOUT / "__manifest__.py").read_text("utf-8"))
    version = manifest["version"]
    assert headers["Version"] == version
    assert Path(opened.filename).name == f"odoo_addon_bpo_crm-{version}-py3-none-any.whl"


def test_wheel_holds_the_addon_alone(wheel):
    opened, _files = wheel
    names = [Path(name) for name in opened.namelist()]
    assert {path.parts[0] for path in names} == {"odoo", metadata_folder(opened)}
    assert {path.parts[0] for path in shipped(opened)} <= TOP
    assert not [path for path in shipped(opened) if path.suffix == ".pyc"]


def test_wheel_holds_the_whole_addon(wheel):
    opened, files = wheel
    assert shipped(opened) == {path for path in files if path.parts[0] in TOP}
    assert {Path("__manifest__.py"), Path("models/__init__.py")} < shipped(opened)
