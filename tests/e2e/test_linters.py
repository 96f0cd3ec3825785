# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The linters see what they are there for: a linter that looks at nothing passes, too."""

import subprocess

import pytest
from devlib.linters import Linters
from devlib.setup import prepare

MANIFEST = """{
    "name": "Sample",
    "summary": "An addon to look at",
    "version": "19.0.1.0.0",
    "license": "LGPL-3",
    "author": "bpo_crm contributors",
    "depends": ["base"],
}
"""
MODEL = """from odoo import models


class ResPartner(models.Model):
    _inherit = "res.partner"

    def write(self, values):
        return super().write(values)
"""


@pytest.fixture
def sample(tmp_path):
    """Yield a function that writes files of a sample addon and returns the linters for it.

    As in our own checkout, the manifest lies beside ``.git``.
    """
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)

    def write(changed=()):
        files = {
            "__manifest__.py": MANIFEST,
            "__init__.py": "from . import models\n",
            "models/__init__.py": "from . import res_partner\n",
            "models/res_partner.py": MODEL,
            **dict(changed),
        }
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return Linters(prepare(tools=True), checkout=tmp_path)

    return write


def test_sound_addon_passes(sample):
    linters = sample()
    for lint in (linters.pylint_odoo, linters.oca_checks, linters.oca_po_checks):
        result = lint()
        assert result.passed, result


@pytest.mark.parametrize(
    ("symbol", "file", "old", "new"),
    [
        # the only ones that need the manifest's folder to be found
        (
            "odoo-addons-relative-import",
            "models/res_partner.py",
            "from odoo import models",
            "from odoo import models\nfrom odoo.addons.bpo_crm import models as ours",
        ),
        ("missing-return", "models/res_partner.py", "return super()", "super()"),
        ("manifest-required-key", "__manifest__.py", '"summary"', '"subtitle"'),
        ("license-allowed", "__manifest__.py", "LGPL-3", "GPL-3"),
        ("resource-not-exist", "__manifest__.py", '"depends"', '"data": ["no.xml"], "depends"'),
    ],
)
def test_pylint_odoo_reports(sample, symbol, file, old, new):
    text = {"__manifest__.py": MANIFEST, "models/res_partner.py": MODEL}[file]
    assert old in text
    result = sample({file: text.replace(old, new)}).pylint_odoo()
    assert not result.passed
    assert f"({symbol})" in result.output, result.output


def test_oca_checks_report_a_record_defined_twice(sample):
    record = '<record id="twice" model="res.partner"><field name="name">Twice</field></record>'
    manifest = MANIFEST.replace('"depends"', '"data": ["data/twice.xml"], "depends"')
    data = f'<?xml version="1.0" encoding="utf-8" ?>\n<odoo>\n{record}\n{record}\n</odoo>\n'
    result = sample({"__manifest__.py": manifest, "data/twice.xml": data}).oca_checks()
    assert not result.passed
    assert "xml-duplicate-record-id" in result.output, result.output


def test_oca_po_checks_report_a_broken_translation(sample):
    po = (
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        "#. module: bpo_crm\n#: code:addons/bpo_crm/models/res_partner.py:0\n"
        '#, python-format\nmsgid "%(count)s leads"\nmsgstr "%(number)s Leads"\n'
    )
    result = sample({"i18n/de.po": po}).oca_po_checks()
    assert not result.passed
    assert "po-python-parse-printf" in result.output, result.output


def catalogue(*terms, language=None):
    """Return the text of a .pot file, or of the .po file of a language."""
    header = ["Content-Type: text/plain; charset=UTF-8\\n"]
    if language:
        plurals = "nplurals=2; plural=(n != 1);"
        header += [f"Language: {language}\\n", f"Plural-Forms: {plurals}\\n"]
    entries = ['msgid ""\nmsgstr ""\n' + "".join(f'"{line}"\n' for line in header)]
    place = "#. module: bpo_crm\n#. odoo-python\n#: code:addons/bpo_crm/models/res_partner.py:0\n"
    entries += [f'{place}msgid "{source}"\nmsgstr "{text}"\n' for source, text in terms]
    return "\n".join(entries)


SOURCES = {
    "count": "%(count)s leads of %s",
    "page": "100 % of <b title='x'>{{ name }}</b>".replace("'", '\\"'),
    "end": " ends\\n",
}
GERMAN = {
    "count": "Von %s: %(count)s Leads",
    "page": "100 % davon: <b title='y'>{{ name }}</b>".replace("'", '\\"'),
    "end": " endet\\n",
}


def languages(sample, texts, header="de", more=""):
    po = catalogue(*((SOURCES.get(key, key), text) for key, text in texts.items()), language=header)
    pot = catalogue(*((source, "") for source in SOURCES.values()))
    return sample({"i18n/bpo_crm.pot": pot, "i18n/de.po": po + more})


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        ("count", "", "“%(count)s leads of %s” not translated"),
        ("count", "%(number)s Leads von %s", "has %(number)s, which is not in the original"),
        ("count", "%(count)s Leads", "lacks %s"),
        ("count", "%(count)s Leads, 100 % davon %s", "has % d, which is not in the original"),
        ("page", "100 % davon: {{ name }}", "lacks </b>"),
        ("page", GERMAN["page"].replace("name", "Name"), "lacks {{ name }}"),
        ("end", " endet", "begins or ends with other spaces or line breaks"),
        ("end", None, "“ends” is missing"),
        ("Gone", "Fort", "“Gone” is not in bpo_crm.pot any more"),
    ],
)
def test_translations_report(sample, key, text, problem):
    texts = {name: each for name, each in {**GERMAN, key: text}.items() if each is not None}
    result = languages(sample, texts).translations()
    assert not result.passed
    assert problem in result.output, result.output


def test_translations_report_the_file(sample):
    moved = languages(sample, GERMAN, header="fr")
    path = moved.checkout / "i18n/de.po"
    fuzzy = path.read_text("utf-8").replace("#. module", "#, fuzzy\n#. module", 1)
    path.write_text(fuzzy, "utf-8")
    output = moved.translations().output
    assert "de.po: the header has the language “fr” instead of de" in output
    assert "“%(count)s leads of %s” is fuzzy" in output


def test_translations_are_brought_up_to_the_template(sample):
    linters = languages(sample, {"count": GERMAN["count"], "Gone": "Fort"})
    linters.fix = True
    assert linters.translations().output.splitlines() == [
        'de.po: “100 % of <b title="x">{{ name }}</b>” not translated',
        "de.po: “ends” not translated",
    ]


def test_sound_translations_pass(sample):
    result = languages(sample, GERMAN).translations()
    assert result.passed, result
    assert sample().translations().passed


LONG = "\n" * 561


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("models/long.py", LONG, "models/long.py: 561 lines, 560 at most"),
        ("dealer_api/long.py", LONG, "dealer_api/long.py: 561 lines, 560 at most"),
        ("dealer_api/a.py", "class _A:\n    x = 1\n", "dealer_api/a.py:1: _A has no docstring"),
        ("dealer_api/a.py", "def b():\n    pass\n", "dealer_api/a.py:1: b has no docstring"),
        (
            "dealer_api/a.py",
            'class A:\n    """An a."""\n\n    @property\n    def b(self):\n        pass\n',
            "dealer_api/a.py:5: b has no docstring",
        ),
        (
            "dealer_api/a.py",
            "def _a():\n    from odoo.tools import b\n",
            "dealer_api/a.py:2: dealer_api imports odoo.tools",
        ),
        (
            "dealer_api/a.py",
            "from ..models import b\n",
            "dealer_api/a.py:1: dealer_api imports ..models",
        ),
        (
            "scripts/run",
            "#!/usr/bin/env python3\nfrom helper_of_tests import a\n",
            "scripts/run:2: scripts import helper_of_tests, which is a part of the tests",
        ),
        (
            "scripts/devlib/a.py",
            'sys.path.insert(0, str(checkout / "tests"))\n',
            "scripts/devlib/a.py:1: tests on Python's path opens the way to the tests",
        ),
    ],
)
def test_walls_report(sample, file, text, problem):
    linters = sample({file: text, "tests/helper_of_tests.py": ""})
    assert linters.walls().output == problem


def test_walls_leave_alone_what_is_allowed(sample):
    files = {
        "dealer_api/__init__.py": "from . import a\nfrom .a import b\n",
        "dealer_api/a.py": "def _a():\n    def b():\n        pass\n",
        "models/short.py": "\n" * 560,
        "tests/long.py": LONG,
        "tests/helper_of_tests.py": "from devlib import paths\n",
        "scripts/devlib/paths.py": "import os\n",
    }
    result = sample(files).walls()
    assert result.passed, result


ASKED = 'MESSAGES = {"dns_failed": "The name %(host_name)s is not known."}\n'
ANSWERED = """# What can go wrong

## The address

*Seen* on the dealership.

| code | message | what to do |
|---|---|---|
| `dns_failed` | The name *host name* is not known. | Correct it. |
"""


def pages_of(sample, page, messages=ASKED):
    return sample({"docs/what-can-go-wrong.md": page, "dealer_api/messages.py": messages})


def test_page_with_all_messages_passes(sample):
    result = pages_of(sample, ANSWERED).pages()
    assert result.passed, result


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("Correct it.", "", "dns_failed has no cure"),
        ("is not known", "is unknown", "dns_failed reads: The name *host name* is not known."),
        ("`dns_failed`", "`dns`", "dns_failed has 0 rows instead of one"),
        ("`dns_failed`", "`dns`", "dns is no message"),
        ("*Seen* on", "On", "the section The address does not say where"),
    ],
)
def test_page_of_messages_is_to_be_whole(sample, old, new, problem):
    result = pages_of(sample, ANSWERED.replace(old, new)).pages()
    assert not result.passed
    assert problem in result.output, result.output


def test_page_gets_changed_and_new_messages_but_no_cures(sample):
    messages = ASKED.replace("is not known", "leads nowhere").replace("}\n", ', "new": "New."}\n')
    linters = pages_of(sample, ANSWERED, messages)
    linters.fix = True
    result = linters.pages()
    assert "The name *host name* leads nowhere. | Correct it. |" in (
        linters.checkout / "docs/what-can-go-wrong.md"
    ).read_text("utf-8")
    assert result.output.splitlines() == [
        "docs/what-can-go-wrong.md: new has no cure",
        "docs/what-can-go-wrong.md: the section Not described yet does not say where its messages"
        " are *Seen*",
    ]


GUIDE = """<odoo>
    <template id="dealer_guide_content">
        <h1>For <t t-out="company.name">the call centre</t></h1>
        <p>You create <strong>one
            user</strong>.</p>
        <table><tr><th>Odoo</th><th>Click</th></tr><tr><td>19</td><td><em>Here</em></td></tr></table>
        <ul><li>a <code>key</code></li><li>a login</li></ul>
    </template>
</odoo>
"""
GUIDE_PAGE = """# For *the call centre*

You create **one user**.

| Odoo | Click |
|---|---|
| 19 | *Here* |

* a `key`
* a login
"""


@pytest.mark.parametrize(
    ("page", "passed"),
    [(GUIDE_PAGE, True), (GUIDE_PAGE.replace("one user", "two users"), False)],
)
def test_guide_in_the_docs_is_the_printed_one(sample, page, passed):
    files = {"views/bpo_dealership_guide_report.xml": GUIDE, "docs/dealer-guide.md": page}
    assert sample(files).guide().passed == passed


README_TEXT = """# Sample

What it is, as [a page](docs/a.md) and ![a picture](static/description/b.png) say.

## What it is for

* **Two** uses,
  see [below](#limits)
* another

## What it looks like

So: ![a screen](static/description/c.png)

## How it works

Well.

## Try it

Here.

## Install it in production

There.

## Connect a dealership

By *key*.

## Use it

So.

## When something is wrong

Look.

## Limits

None.

## Contributors

* all
"""


def test_fragments_and_page_under_apps_are_cut_from_the_readme(sample):
    linters = sample({"README.md": README_TEXT, "CHANGELOG.md": "# Changelog\n\n## 1\n\nNew.\n"})
    assert not linters.readme().passed
    linters.fix = True
    assert linters.readme().passed
    linters.fix = False

    def read(name):
        return (linters.checkout / name).read_text("utf-8")

    assert read("readme/DESCRIPTION.md") == (
        "What it is, as [a page](../docs/a.md) and ![a picture](../static/description/b.png) say.\n"
    )
    assert read("readme/CONTEXT.md").startswith(
        "## What it is for\n\n* **Two** uses,\n  see [below](../README.md)\n"
    )
    assert read("readme/CONFIGURE.md") == "By *key*.\n"
    assert read("readme/HISTORY.md") == "## 1\n\nNew.\n"
    page = read("static/description/index.html")
    assert '<p>What it is, as a page and <img src="b.png" alt="a picture"' in page
    assert "<ul><li><strong>Two</strong> uses, see below</li><li>another</li></ul>" in page
    assert "<h3>What it looks like</h3>" in page
    assert '<p>So: <img src="c.png" alt="a screen"' in page
    readme = linters.checkout / "README.md"
    readme.write_text(README_TEXT.replace("None.", "Many."), "utf-8")
    assert linters.readme().output == (
        "readme/ROADMAP.md is not what README.md or CHANGELOG.md says"
    )
    readme.write_text(README_TEXT.replace("## Use it", "## Using it"), "utf-8")
    assert linters.readme().output.endswith("different sections: Use it, Using it")
