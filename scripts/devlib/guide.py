# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The guide for the dealer as a page of the docs, made from the template that is printed.

The template keeps to headings, paragraphs, lists, one kind of table and plain emphasis; what is
filled in when it is printed has words of its own here (the default of its ``t-out``).
"""

import textwrap
from xml.etree import ElementTree

PAGE = "docs/dealer-guide.md"
TEMPLATE = "views/bpo_dealership_guide_report.xml"
TEMPLATE_ID = "dealer_guide_content"
WIDTH = 100

MARKS = {"strong": "**", "em": "*", "code": "`", "t": "*"}
HEADINGS = {"h1": "# ", "h2": "## "}


def read_page(checkout):
    """Return the guide in Markdown, as the template of a checkout has it."""
    root = ElementTree.parse(checkout / TEMPLATE).getroot()
    template = root.find(f"template[@id='{TEMPLATE_ID}']")
    return "\n\n".join(map(_block, template)) + "\n"


def _block(node):
    if node.tag in HEADINGS:
        return HEADINGS[node.tag] + _text(node)
    if node.tag == "ul":
        return "\n".join(_wrap(_text(item), "* ", "  ") for item in node)
    if node.tag == "table":
        return _table([[_text(cell) for cell in row] for row in node])
    return _wrap(_text(node))


def _text(node):
    """Return the text of a node with marks for emphasis, its white space put right."""
    parts = [node.text or ""]
    for child in node:
        mark = MARKS[child.tag]
        parts += [mark, _text(child), mark, child.tail or ""]
    return " ".join("".join(parts).split())


def _table(rows):
    head, *body = (f"| {' | '.join(cells)} |" for cells in rows)
    return "\n".join([head, "|---" * len(rows[0]) + "|", *body])


def _wrap(text, first="", following=""):
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    )
