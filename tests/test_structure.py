# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import ast
import re
from collections import defaultdict
from pathlib import Path

from odoo.tests import BaseCase, tagged

ADDON = Path(__file__).resolve().parents[1]

# (model, method): why it is defined more than once
HOOKED_IN = {
    ("crm.lead", "_get_move_rules"): "the dealer's part adds its rule like another addon would",
    ("crm.lead", "_follow_up_move"): "the dealer's part hooks in like another addon would; so "
    "does what is written for the reports",
    ("bpo.dealer.order", "_trigger_push"): "the engine of jobs hooks in like another addon would",
    ("bpo.dealer.order", "_cron_push"): "the engine of jobs hooks in like another addon would",
}


def _get_model_name(node):
    """Return the name of the model that a class defines or extends, if it is one."""
    names = {}
    for statement in node.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
            if name in ("_name", "_inherit"):
                names[name] = ast.literal_eval(statement.value)
    name = names.get("_name") or names.get("_inherit")
    return name[0] if isinstance(name, list) else name


def _find_definitions(sources):
    """Return ``{(model, method): [file]}`` of the methods of models.

    :param dict sources: ``{file: Python source}``
    """
    places = defaultdict(list)
    for file, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef) and (model := _get_model_name(node)):
                for item in node.body:
                    if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                        places[model, item.name].append(file)
    return places


@tagged("post_install", "-at_install")
class TestStructure(BaseCase):
    """One place for each thing: what a reader may rely on when looking for a method."""

    def _get_sources(self):
        return {
            str(path.relative_to(ADDON)): path.read_text(encoding="utf-8")
            for folder in ("models", "wizards")
            for path in sorted((ADDON / folder).rglob("*.py"))
        }

    def test_the_map_of_models(self):
        """CONTRIBUTING.md says of each file of models what it is about, folder by folder."""
        text = (ADDON / "CONTRIBUTING.md").read_text(encoding="utf-8")
        chapter = text.partition("## The files of `models/`")[2].partition("\n## ")[0]
        folders = re.split(r"^\*\*`(models/.*?)`\*\*", chapter, flags=re.M)[1:]
        named = [
            str(Path(folder) / f"{name}.py")
            for folder, table in zip(folders[::2], folders[1::2], strict=True)
            for row in re.findall(r"^\| (`.*?) \|", table, re.M)
            for name in re.findall(r"`(\w+)`", row)
        ]
        files = (ADDON / "models").rglob("[!_]*.py")
        self.assertEqual(sorted(named), sorted(str(path.relative_to(ADDON)) for path in files))

    def test_every_file_of_models_is_loaded_from_one_list(self):
        """The order of loading is in one place: a folder that loads its files would change it."""
        for path in (ADDON / "models").glob("*/__init__.py"):
            self.assertFalse(ast.parse(path.read_text(encoding="utf-8")).body[1:], path)

    def test_requirements_name_tests_that_exist(self):
        text = (ADDON / "docs" / "requirements.md").read_text(encoding="utf-8")
        here = ADDON / "tests"
        sources = {path: path.read_text(encoding="utf-8") for path in here.rglob("*.py")}
        for row in re.findall(r"^\| [^|]+ \| (.+) \|$", text, re.M):
            for file in re.findall(r"`([\w/]+\.py)`", row):
                self.assertIn(here / file, sources, row)
            for name, more in re.findall(r"`(test_\w+|Test\w+)(…?)`", row):
                pattern = re.compile(rf"(?:def|class) {name}" + ("" if more else r"\b"))
                self.assertTrue(any(pattern.search(each) for each in sources.values()), name)

    def test_no_method_is_defined_twice_for_one_model(self):
        """A model is spread over files by concern; each method of it is in one of them."""
        twice = {
            key: files
            for key, files in _find_definitions(self._get_sources()).items()
            if len(files) > 1
        }
        self.assertEqual(set(twice), set(HOOKED_IN), twice)

    def test_a_second_definition_is_seen(self):
        places = _find_definitions(
            {
                "one.py": "class A(M):\n  _inherit = 'x.y'\n  def write(self): pass\n",
                "two.py": "class B(M):\n  _name = 'x.y'\n  _inherit = ['x.y', 'z']\n"
                "  def write(self): pass\n  def read(self): pass\n",
                "three.py": "class C(M):\n  _name = 'z'\n  def write(self): pass\n",
            }
        )
        self.assertEqual(places["x.y", "write"], ["one.py", "two.py"])
        self.assertEqual(places["x.y", "read"], ["two.py"])
        self.assertEqual(places["z", "write"], ["three.py"])
