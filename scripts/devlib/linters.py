# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The linters: each is one check that passes or fails, with what it said."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import guide, node, pages, paths, readme, walls
from .system import run_quietly

OCA_OPTIONS = ("--config", paths.CHECKOUT / ".oca_hooks.cfg")

# What must not be in the tree: the address of a package registry or mirror (everybody has their
# own), and folders of somebody's machine. Written so that they do not find themselves.
UNWANTED = {
    "address of a package registry": re.compile(
        r"(?i)\b(?:py[p]i\.org|python[h]osted\.org|npm[j]s\.(?:org|com)|registry\.yarn[p]kg\.com"
        r"|(?:deb|ftp|snapshot|security)\.[\w.]*debia[n]\.org)"
    ),
    "index address of a package": re.compile(
        r'(?i)(?:^--(?:extra-)?index-url|"resolve[d]": "http)'
    ),
    "folder of one machine": re.compile(r"""(?:^|[\s"'=(:])/(?:home|Users|root|work)/[\w.-]+"""),
}
_TEXT_SUFFIXES = {
    "", ".cfg", ".css", ".csv", ".html", ".in", ".js", ".json", ".md", ".mjs", ".po", ".pot", ".py",
    ".rst", ".scss", ".sh", ".sql", ".svg", ".toml", ".txt", ".xml", ".yaml", ".yml",
}  # fmt: skip


@dataclass
class LintResult:
    """What one linter came to."""

    name: str
    passed: bool
    output: str = ""


def checkout_files(checkout):
    """Return the files of a checkout that git knows or would add."""
    if (checkout / ".git").exists():
        listed = run_quietly(
            ["git", "-C", checkout, "ls-files", "-z", "--cached", "--others"]
            + ["--exclude-standard"],
            "git could not list the files of the checkout.",
        )
        files = {checkout / name for name in listed.split("\0") if name}
        return sorted(path for path in files if os.path.lexists(path))
    return sorted(path for path in checkout.rglob("*") if "__pycache__" not in path.parts)


class Linters:
    """All checks, in the order in which they are run.

    :param fix: let the tools that can do so mend what they find
    :param checkout: the addon's checkout; another than this one in the tests of the linters
    """

    def __init__(self, odoo, fix=False, checkout=paths.CHECKOUT):
        self.odoo = odoo
        self.fix = fix
        self.checkout = checkout
        self.programs = odoo.python.parent
        self.node = node.Node(self.programs)

    def checks(self):
        """Return {name: function that returns an :class:`LintResult`}."""
        return {
            "ruff check": self.ruff_check,
            "ruff format": self.ruff_format,
            "pylint-odoo": self.pylint_odoo,
            "oca-checks-odoo-module": self.oca_checks,
            "oca-checks-po": self.oca_po_checks,
            "translations": self.translations,
            "eslint": self.eslint,
            "prettier": self.prettier,
            "tree": self.tree,
            "walls": self.walls,
            "pages": self.pages,
            "guide": self.guide,
            "readme": self.readme,
        }

    def ruff_check(self):
        """Python: style, order of imports, common mistakes."""
        return self._run("ruff check", "ruff", "check", *(["--fix"] if self.fix else []), ".")

    def ruff_format(self):
        """Python: layout."""
        return self._run("ruff format", "ruff", "format", *([] if self.fix else ["--diff"]), ".")

    def pylint_odoo(self):
        """Check the Odoo code with the OCA's mandatory set."""
        options = [f"--rcfile={paths.CHECKOUT / 'pyproject.toml'}"]
        with self._addon_copy() as addons:
            return self._run("pylint-odoo", "pylint", *options, paths.ADDON, cwd=addons)

    def oca_checks(self):
        """Manifest, XML and CSV: well-formed, no duplicates, no deprecated forms."""
        manifest = f"{paths.ADDON}/__manifest__.py"
        program = "oca-checks-odoo-module"
        with self._addon_copy() as addons:
            return self._run(program, program, *OCA_OPTIONS, manifest, cwd=addons)

    def oca_po_checks(self):
        """Translations: no duplicates, the placeholders of the original."""
        files = self._files(".po", ".pot")
        return self._run("oca-checks-po", "oca-checks-po", *OCA_OPTIONS, *files)

    def translations(self):
        """Languages: complete, and each text with the placeholders and tags of the original."""
        folder = self.checkout / "i18n"
        if not folder.exists():
            return LintResult("translations", True)
        # -P: none of the modules beside this one, which have names of others
        program = Path(__file__).with_name("translations.py")
        arguments = ["-P", program, *(["--fix"] if self.fix else []), folder]
        return self._run("translations", "python", *arguments)

    @contextlib.contextmanager
    def _addon_copy(self):
        """Yield an addons folder with a copy of the addon, under the addon's own name.

        The OCA's linters look for an addon's manifest in the folders above a file, and stop
        *below* the one that holds ``.git``. In this checkout both are in the same folder: there,
        and through a link to it, they would find no manifest, and pass whatever is in the addon.
        """
        with tempfile.TemporaryDirectory(prefix="lint-", dir=paths.run_dir()) as addons:
            for path in self.files():
                copy = Path(addons) / paths.ADDON / path.relative_to(self.checkout)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy, follow_symlinks=False)
            yield Path(addons)

    def eslint(self):
        """JavaScript: common mistakes."""
        files = self._files(".js")
        if not files:
            return LintResult("eslint", True)
        folder = self.node.packages()
        options = ["--config", folder / "eslint.config.mjs", *(["--fix"] if self.fix else [])]
        return self._run_node(
            "eslint", folder / "node_modules/eslint/bin/eslint.js", *options, *files
        )

    def prettier(self):
        """JavaScript, SCSS and XML: layout."""
        files = self._files(".js", ".scss", ".xml")
        folder = self.node.packages()
        plugin = folder / "node_modules/@prettier/plugin-xml/src/plugin.js"
        options = ["--log-level=warn", f"--config={node.FILES / 'prettierrc.json'}"]
        options += [f"--plugin={plugin}", "--write" if self.fix else "--check"]
        program = folder / "node_modules/prettier/bin/prettier.cjs"
        return self._run_node("prettier", program, *options, *files)

    def tree(self):
        """Every file: nothing in it that belongs to one machine."""
        found = []
        for path in self.files():
            relative = path.relative_to(self.checkout)
            if path.is_symlink():
                found.append(f"{relative}: a link; Odoo follows links inside an addon")
            elif path.suffix in _TEXT_SUFFIXES and path.is_file():
                found += self._unwanted_in(path, relative)
        return LintResult("tree", not found, "\n".join(found))

    def walls(self):
        """Python: the rules of this project, see walls.py."""
        files = [path.relative_to(self.checkout) for path in self.files()]
        found = walls.find_all(self.checkout, files)
        return LintResult("walls", not found, "\n".join(found))

    def pages(self):
        """The page of all messages about dealers: each is there, as it is, with its cure."""
        page = self.checkout / pages.PAGE
        messages = pages.read_messages(self.checkout)
        if self.fix:
            page.write_text(pages.update(page.read_text("utf-8"), messages), "utf-8")
        found = pages.find_problems(page.read_text("utf-8"), messages)
        return LintResult("pages", not found, "\n".join(f"{pages.PAGE}: {line}" for line in found))

    def guide(self):
        """The guide for the dealer in the docs: as it is printed."""
        page = self.checkout / guide.PAGE
        text = guide.read_page(self.checkout)
        if self.fix:
            page.write_text(text, "utf-8")
        passed = page.exists() and page.read_text("utf-8") == text
        return LintResult("guide", passed, f"{guide.PAGE} is not what {guide.TEMPLATE} prints")

    def readme(self):
        """Fragments for the OCA's tools and Odoo's page of the app: as the README has it."""
        try:
            made = readme.make_files(self.checkout)
        except ValueError as error:
            return LintResult("readme", False, str(error))
        if self.fix:
            for name, text in made.items():
                (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
                (self.checkout / name).write_text(text, "utf-8")
        stale = [
            name
            for name, text in made.items()
            if not (self.checkout / name).exists()
            or (self.checkout / name).read_text("utf-8") != text
        ]
        found = (f"{name} is not what README.md or CHANGELOG.md says" for name in stale)
        return LintResult("readme", not stale, "\n".join(found))

    @staticmethod
    def _unwanted_in(path, relative):
        text = path.read_text("utf-8", "replace")
        for number, line in enumerate(text.splitlines(), 1):
            for what, pattern in UNWANTED.items():
                if pattern.search(line):
                    yield f"{relative}:{number}: {what}: {line.strip()[:100]}"

    def files(self):
        """Return all files of the checkout, but no folders."""
        files = checkout_files(self.checkout)
        return [path for path in files if path.is_symlink() or path.is_file()]

    def _files(self, *suffixes):
        """Return the addon's files with these suffixes, relative to the checkout."""
        relative = (path.relative_to(self.checkout) for path in self.files())
        return [
            path
            for path in relative
            # libraries of others keep the layout they came with
            if path.suffix in suffixes and path.parts[:2] != ("static", "lib")
        ]

    def _run_node(self, name, *command):
        return self._run(name, self.node.program(), *command)

    def _run(self, name, program, *arguments, cwd=None):
        """Run a linter, in the checkout unless told otherwise."""
        done = subprocess.run(
            [str(part) for part in (self.programs / program, *arguments)],
            cwd=cwd or self.checkout,
            env=self.node.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        return LintResult(name, done.returncode == 0, done.stdout.strip())
