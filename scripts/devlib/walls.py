# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The house's own walls: what no linter of others knows. Each rule yields what is against it."""

import ast

MOST_LINES = 560  # of a file that a reader takes in at one go
SHORT = ("models", "dealer_api")


def find_all(checkout, files):
    """Return what is against any rule, one line each.

    :param files: the checkout's files, relative to it
    """
    python = {
        path: (checkout / path).read_text("utf-8") for path in files if is_python(checkout, path)
    }
    rules = (long_files, missing_docstrings, odoo_in_dealer_api, tests_in_scripts)
    return [problem for rule in rules for problem in rule(python)]


def is_python(checkout, path):
    """Whether a file holds Python; commands have no suffix."""
    if path.suffix or path.parts[0] != "scripts":
        return path.suffix == ".py"
    with (checkout / path).open("rb") as file:
        first = file.readline()
    return first.startswith(b"#!") and b"python" in first


def long_files(python):
    """Files of the addon are short enough to be read."""
    for path, text in python.items():
        count = len(text.splitlines())
        if path.parts[0] in SHORT and count > MOST_LINES:
            yield f"{path}: {count} lines, {MOST_LINES} at most"


def missing_docstrings(python):
    """Every class and every public function and method of dealer_api says what it is."""
    for path, text in python.items():
        if path.parts[0] == "dealer_api":
            for node in public_definitions(ast.parse(text)):
                if not ast.get_docstring(node):
                    yield f"{path}:{node.lineno}: {node.name} has no docstring"


def public_definitions(parent):
    """Yield the classes of a module or class, and its public functions; none inside functions."""
    for node in parent.body:
        if isinstance(node, ast.ClassDef):
            yield node
            yield from public_definitions(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if not node.name.startswith("_"):
                yield node


def odoo_in_dealer_api(python):
    """dealer_api is plain Python: it knows neither Odoo nor the addon around it."""
    for path, text in python.items():
        if path.parts[0] == "dealer_api":
            for line, module in imports(ast.parse(text)):
                outside = module.startswith("." * len(path.parts))
                if module.split(".")[0] == "odoo" or outside:
                    yield f"{path}:{line}: dealer_api imports {module}"


def tests_in_scripts(python):
    """Scripts import no tests; tests may import scripts/devlib."""
    modules = {"tests", *(path.stem for path in python if path.parts[0] == "tests")}
    scripts = {path: text for path, text in python.items() if path.parts[0] == "scripts"}
    modules -= {path.stem for path in scripts}
    for path, text in scripts.items():
        tree = ast.parse(text)
        for line, module in imports(tree):
            if modules.intersection(module.split(".")[:1]):
                yield f"{path}:{line}: scripts import {module}, which is a part of the tests"
        for line, folder in path_entries(tree):
            yield f"{path}:{line}: {folder} on Python's path opens the way to the tests"


def imports(tree):
    """Yield (line, module) of every import, relative ones with their dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def path_entries(tree):
    """Yield (line, text) of every text with 'tests' in it that a call of sys.path is given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("sys.path."):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and "tests" in str(part.value):
                    yield part.lineno, part.value
