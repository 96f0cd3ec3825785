# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a remote server sent, made fit for people."""

import html
import re
import unicodedata

TEXT_LIMIT = 400
_TAG = re.compile(r"<[/!?]?[a-zA-Z][^>]*>|<!--.*?-->", re.DOTALL)
_SCRIPT = re.compile(r"<(script|style)\b.*?(</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_EXCEPTION_NAME = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Warning|Failure|[A-Z]\w+): ")


def clean_text(text, secrets=(), limit=TEXT_LIMIT):
    """Make a sentence fit for people out of text that a remote server sent.

    The text is not trusted: tracebacks, markup, control and direction characters go, known
    secrets are masked (a server may echo what it was sent), and the length is bounded.
    """
    text = str(text)[:100_000]
    if "Traceback (most recent call last)" in text:
        # Only the last line of a traceback says what happened, the rest is source code.
        last_lines = [line for line in text.splitlines() if line.strip()][-1:]
        text = _EXCEPTION_NAME.sub("", last_lines[0].strip()) if last_lines else ""
    for _turn in range(2):
        # Twice, since unescaping "&lt;b&gt;" makes markup of what was text.
        text = _TAG.sub(" ", _SCRIPT.sub(" ", text))
        text = html.unescape(text)
    text = re.sub(r"<(?=[a-zA-Z/!?])", "", text)
    text = "".join(
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    text = re.sub(r" {2,}", " ", text).strip()
    for secret in secrets:
        if secret and len(str(secret)) >= 4:
            text = text.replace(str(secret), "***")
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return text
