# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The page of all messages about dealers, kept equal to the messages.

``docs/what-can-go-wrong.md`` is written by people: its sections say where a message is seen, its
tables have a row per message: its code, the message, its cure. The messages are those of
``dealer_api/messages.py``; whoever changes one there has this file brought up to date by
``scripts/lint --only pages --fix``, and writes the cure of a new one.
"""

import re
import runpy

PAGE = "docs/what-can-go-wrong.md"
MESSAGES = "dealer_api/messages.py"
HEADER = "| code | message | what to do |"

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_ROW = re.compile(r"^\| `(?P<code>\w+)` \| (?P<message>.*?) \|(?P<cure>[^|]*)\|$")


def read_messages(checkout):
    """Return ``{code: message}`` as the page quotes it, what is filled in set in italics."""
    messages = runpy.run_path(str(checkout / MESSAGES))["MESSAGES"]
    return {code: _PLACEHOLDER.sub(_in_italics, text) for code, text in messages.items()}


def _in_italics(match):
    return f"*{match[1].replace('_', ' ')}*"


def find_problems(page, messages):
    """Return what is wrong with the page, one line each.

    :param str page: its text
    :param dict messages: what :func:`read_messages` returns
    """
    return [*_wrong_rows(page, messages), *_silent_sections(page)]


def _wrong_rows(page, messages):
    rows = [match for match in map(_ROW.match, page.splitlines()) if match]
    codes = [row["code"] for row in rows]
    for code in messages:
        if codes.count(code) != 1:
            yield f"{code} has {codes.count(code)} rows instead of one"
    for row in rows:
        if row["code"] not in messages:
            yield f"{row['code']} is no message"
        elif row["message"] != messages[row["code"]]:
            yield f"{row['code']} reads: {messages[row['code']]}"
        if not row["cure"].strip():
            yield f"{row['code']} has no cure"


def _silent_sections(page):
    """Yield the sections that do not say where their messages are seen."""
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        if HEADER in section and "\n*Seen* " not in section:
            title = section.splitlines()[0]
            yield f"the section {title} does not say where its messages are *Seen*"


def update(page, messages):
    """Return the page with the messages as they are now, and rows for new ones, without a cure."""

    def quote(line):
        row = _ROW.match(line)
        if not row or row["code"] not in messages:
            return line
        return f"| `{row['code']}` | {messages[row['code']]} |{row['cure']}|"

    lines = [quote(line) for line in page.splitlines()]
    known = {row["code"] for row in map(_ROW.match, lines) if row}
    new = [f"| `{code}` | {text} | |" for code, text in messages.items() if code not in known]
    if new:
        lines += ["", "## Not described yet", "", HEADER, "|---|---|---|", *new]
    return "\n".join(lines) + "\n"
