# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a remote server sent, made fit for people.

Whoever sends a text chooses how long it takes to read it, and a pattern holds the interpreter, with
it the whole server, until it is done. So texts are cut before anything else looks at them, and no
pattern here goes over the same characters twice.
"""

import html
import re
import unicodedata

TEXT_LIMIT = 400
# What is read of a text, in characters. Below the 4300 digits that Python makes a number of.
READ_LIMIT = 4000
_TRACEBACK = "Traceback (most recent call last)"
_ERROR_SUFFIXES = ("Error", "Exception", "Warning", "Failure")
# Up to the next opening: with a pattern that runs on to the end, "<a<a<a..." is quadratic.
_TAG = re.compile(r"<[/!?]?[a-zA-Z][^<>]*>")
_OPENING = re.compile(r"<(script|style)\b|<!--", re.IGNORECASE)
_CLOSINGS = {
    "script": re.compile(r"</script\s*>", re.IGNORECASE),
    "style": re.compile(r"</style\s*>", re.IGNORECASE),
    None: re.compile(r"-->"),
}
# What Odoo says to its own users, and nobody wants to hear about an order: (pattern, instead).
# From odoo/addons/base/models/ir_rule.py and odoo/orm/models.py; English, as no language is asked.
_ODDITIES = (
    (re.compile(r"Uh-oh! Looks like you [’'\w ]{0,40}top-secret records\.?"), ""),
    (re.compile(r"If you really, really need access, [^.]{0,200}cookies\."), ""),
    (re.compile(r"Switching company may help - in Odoo, not in real life!"), ""),
    (
        re.compile(r"Unknown error during import: (?:<class '[\w.]{0,100}'>)?: ?"),
        "An internal error; the administrator of that Odoo finds it in the log: ",
    ),
)
# How ``load()`` gives the words of Odoo's own exceptions up to Odoo 16, in the user's language; up
# to Odoo 13 they are a tuple of Python (odoo/models.py: load; odoo/exceptions.py: except_orm).
_WRAPPING = re.compile(r"[^<>]{0,100}<class '(?:odoo|openerp)\.exceptions\.\w{1,50}'>: ?")
# Shorter secrets are parts of many a word.
_SECRET_LENGTH = 4


def clean_text(text, secrets=(), limit=TEXT_LIMIT):
    """Make a sentence fit for people out of text that a remote server sent.

    The text is not trusted: tracebacks, markup, control and direction characters go, known
    secrets are masked (a server may echo what it was sent, taken apart by blanks or markup), the
    jokes of Odoo's own messages are left out, and the length is bounded.
    """
    text = str(text)
    if _TRACEBACK in text:
        # Only the last line of a traceback says what happened, the rest is source code.
        text = _without_exception_name(text.rstrip().rpartition("\n")[2].strip())
    is_cut = len(text) > READ_LIMIT
    text = _without_wrapping(text[:READ_LIMIT])
    for pattern, instead in _ODDITIES:
        text = pattern.sub(instead, text)
    for _turn in range(2):
        # Twice, since unescaping "&lt;b&gt;" makes markup of what was text.
        text = html.unescape(_TAG.sub(" ", _without_scripts(text)))
    text = re.sub(r"<(?=[a-zA-Z/!?])", "", text)
    text = "".join(
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    text = re.sub(r" {2,}", " ", text).strip()
    for secret in secrets:
        text = _masked(text, str(secret or ""), is_cut)
    if len(text) > limit:
        text = text[: limit - 1].rstrip() + "…"
    return text


def ends_of(text):
    """Return the beginning and the end of a text: as much as is read to see what it is about."""
    text = str(text)
    if len(text) <= READ_LIMIT:
        return text
    return f"{text[: READ_LIMIT // 2]}\n{text[-READ_LIMIT // 2 :]}"


def _without_exception_name(line):
    """Return the last line of a traceback without ``odoo.exceptions.UserError: ``."""
    name, found, words = line.partition(": ")
    if not found or len(name) > READ_LIMIT or not re.fullmatch(r"[A-Za-z_][\w.]*", name):
        return line
    last = name[1:].rpartition(".")[2]
    is_name = name[1:].endswith(_ERROR_SUFFIXES) or re.search(r"[A-Z]\w", last)
    return words if is_name else line


def _without_wrapping(text):
    """Return the words of an exception without its class, for those who cannot read Python."""
    wrapping = _WRAPPING.match(text)
    if not wrapping:
        return text
    words = text[wrapping.end() :].rstrip()
    if words[:2] in ("('", '("'):
        quote, words = words[1], words[2:]
        for end in (f"{quote}, '')", f"{quote}, None)"):
            words = words.removesuffix(end)
        words = words.replace("\\n", "\n").replace(f"\\{quote}", quote)
    return words


def _without_scripts(text):
    """Return a text without scripts, styles and comments."""
    parts, position = [], 0
    while opening := _OPENING.search(text, position):
        kind = opening[1] and opening[1].lower()
        closing = _CLOSINGS[kind].search(text, opening.end())
        if not closing and kind is None:
            # A comment without an end is none; nor is any after it.
            parts.append(text[position : opening.end()])
            position = opening.end()
            break
        parts.append(text[position : opening.start()])
        position = closing.end() if closing else len(text)
        parts.append(" ")
    return "".join([*parts, text[position:]])


def _masked(text, secret, is_cut):
    """Return a cleaned text with a secret masked, whatever blanks and capitals are in it.

    :param is_cut: the text may end in the midst of the secret
    """
    secret = _packed(secret)
    if len(secret) < _SECRET_LENGTH:
        return text
    positions = [index for index, char in enumerate(text) if char != " "]
    packed = _packed(text)
    spans, start = [], packed.find(secret)
    while start >= 0:
        spans.append((start, start + len(secret)))
        start = packed.find(secret, start + len(secret))
    if is_cut:
        size = _beginning_at_end(packed, secret)
        if size:
            spans.append((len(packed) - size, len(packed)))
    for start, end in reversed(spans):
        text = f"{text[: positions[start]]}***{text[positions[end - 1] + 1 :]}"
    return text


def _packed(text):
    """Return a text without blanks and in lower case, each character for one."""
    return "".join(
        char.lower() if len(char.lower()) == 1 else char for char in text if not char.isspace()
    )


def _beginning_at_end(text, secret):
    """Return how many characters of a secret's beginning a text ends with."""
    sizes = range(min(len(secret) - 1, len(text)), _SECRET_LENGTH - 1, -1)
    return next((size for size in sizes if text.endswith(secret[:size])), 0)
