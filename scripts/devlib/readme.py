# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is told of the addon elsewhere, cut from README.md and CHANGELOG.md.

``readme/`` has the fragments that the OCA's tools look for, ``static/description/index.html`` is
what Odoo shows under *Apps*. People write README.md; ``scripts/lint --only readme --fix`` brings
the others up to date.
"""

import html
import re

README, CHANGELOG = "README.md", "CHANGELOG.md"
FOLDER = "readme"
APPS_PAGE = "static/description/index.html"

# The sections of the README in each fragment; what is before the first one is DESCRIPTION.
FRAGMENTS = {
    "CONTEXT": ("What it is for", "What it looks like", "How it works"),
    "INSTALL": ("Try it", "Install it in production"),
    "CONFIGURE": ("Connect a dealership",),
    "USAGE": ("Use it", "When something is wrong"),
    "ROADMAP": ("Limits",),
    "CONTRIBUTORS": ("Contributors",),
}
# What Odoo shows under Apps besides the description.
APPS_SECTIONS = ("What it is for", "What it looks like")

_LINK = re.compile(r"(!?)\[([^]]*)\]\((?!https?:|#)([^)]*)\)")
_HERE = re.compile(r"(?<!!)\[([^]]*)\]\(#[^)]*\)")


def make_files(checkout):
    """Return ``{path: text}`` of all that is made from README and changelog.

    :raise ValueError: a section of the README is in no fragment, or a fragment has none
    """
    title, *parts = re.split(r"^## ", _read(checkout, README), flags=re.MULTILINE)
    sections = {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in parts}
    description = title.partition("\n")[2].strip()
    known = [name for names in FRAGMENTS.values() for name in names]
    if sorted(known) != sorted(sections):
        odd = ", ".join(sorted({*known} ^ {*sections}))
        raise ValueError(f"README.md and the fragments have different sections: {odd}")
    texts = {name: _join(names, sections) for name, names in FRAGMENTS.items()}
    texts["DESCRIPTION"] = description
    texts["HISTORY"] = _read(checkout, CHANGELOG).partition("\n")[2].strip()
    files = {f"{FOLDER}/{name}.md": f"{_from_folder(text)}\n" for name, text in texts.items()}
    shown = (f"### {name}\n\n{sections[name]}" for name in APPS_SECTIONS)
    files[APPS_PAGE] = _apps_page(title, description, *shown)
    return files


def _read(checkout, name):
    return (checkout / name).read_text("utf-8")


def _join(names, sections):
    if len(names) == 1:
        return sections[names[0]]
    return "\n\n".join(f"## {name}\n\n{sections[name]}" for name in names)


def _from_folder(text):
    """Return a fragment's text with links that lead to the same places from its own folder."""
    text = _HERE.sub(r"[\1](../README.md)", text)
    return _LINK.sub(lambda link: f"{link[1]}[{link[2]}]({_from_below(link[3])})", text)


def _from_below(path):
    return path if path.startswith("../") else f"../{path}"


def _apps_page(title, *texts):
    """Return the page in HTML: paragraphs, lists and pictures, links as plain words."""
    blocks = [block for text in texts for block in text.split("\n\n")]
    name = title.partition("\n")[0].removeprefix("# ")
    lines = [f"<h2>{html.escape(name)}</h2>", *map(_block, blocks)]
    lines.append("<p>How to install, connect and use it: see README.md.</p>")
    return "\n".join(['<section class="container">', *(f"    {line}" for line in lines)]) + (
        "\n</section>\n"
    )


def _block(block):
    if block.startswith("### "):
        return f"<h3>{_inline(block.removeprefix('### '))}</h3>"
    if block.startswith("* "):
        items = re.split(r"^\* ", block, flags=re.MULTILINE)[1:]
        return f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</ul>"
    return f"<p>{_inline(block)}</p>"


def _inline(text):
    text = html.escape(" ".join(text.split()), quote=False)
    text = re.sub(
        r"!\[([^]]*)\]\(static/description/([^)]*)\)",
        r'<img src="\2" alt="\1" style="max-width: 100%" />',
        text,
    )
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*([^*]*)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"\*([^*]*)\*", r"<em>\1</em>", text)
