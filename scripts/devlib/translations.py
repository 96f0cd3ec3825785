# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The languages of the addon: each says all that the template has, with the template's parts.

Where a term is used is no matter here: Odoo reads that from the template, of all languages.

    translations.py FOLDER          print what is wrong with the .po files of the folder
    translations.py --fix FOLDER    bring them up to the template first: new terms (to be translated
                                    by somebody), no old ones, the places where each is used

Run by the Python that has the linters, for polib: what imports this package has none.
"""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import polib

TEMPLATE = "bpo_crm.pot"

# What Python and JavaScript put values in for. "100 % done" has one to Python ("% d"), which is
# why it is looked at in terms only that have a plain one.
_PRINTF = re.compile(r"%(?:\(\w+\))?[#0+ -]*\d*(?:\.\d+)?[a-zA-Z]|%%")
_PLAIN_PRINTF = re.compile(r"%(?:\(\w+\)|\.?\d*)[sdfr]|%%")
_BRACES = re.compile(r"\{\{.*?\}\}|[$#]?\{[^{}]*\}")
_TAG = re.compile(r"</?\w[^<>]*>")
_READ_ATTRIBUTE = re.compile(r'\b(title|aria-label|alt|placeholder|string|help)="[^"]*"')
_ENDS = re.compile(r"\A(\s*).*?(\s*)\Z", re.DOTALL)


def find_parts(text, printf):
    """Return what a translation has to keep: ``{part: count}``.

    A value with a name may be said once more or less, any other part may not. Of a tag, the
    attributes that people read are left to the translator.

    :param printf: whether values are put into this text with ``%``
    """
    found = _BRACES.findall(text)
    found += [_READ_ATTRIBUTE.sub(r'\1=""', tag) for tag in _TAG.findall(text)]
    counts = Counter(found)
    for value in _PRINTF.findall(text) if printf else ():
        counts[value] = 1 if value.startswith("%(") else counts[value] + 1
    return counts


def compare(source, translation):
    """Yield what is wrong with one translation of one text."""
    if not translation:
        yield "not translated"
        return
    printf = bool(_PLAIN_PRINTF.search(source))
    wanted, given = find_parts(source, printf), find_parts(translation, printf)
    for part in wanted - given:
        yield f"lacks {part}"
    for part in given - wanted:
        yield f"has {part}, which is not in the original"
    if _ENDS.match(source).groups() != _ENDS.match(translation).groups():
        yield "begins or ends with other spaces or line breaks"


def count_plurals(translations):
    """Return how many forms the header of a file declares."""
    declared = re.search(r"nplurals\s*=\s*(\d+)", translations.metadata.get("Plural-Forms", ""))
    return int(declared[1]) if declared else 0


def check_entry(entry, plurals):
    """Yield what is wrong with a term, without saying with which."""
    if entry.fuzzy:
        yield "is fuzzy: somebody has to look at it"
    if entry.msgid_plural:
        if sorted(entry.msgstr_plural) != list(range(plurals)):
            yield f"has {len(entry.msgstr_plural)} plural forms instead of {plurals}"
        for text in entry.msgstr_plural.values():
            yield from compare(entry.msgid_plural, text)
    else:
        yield from compare(entry.msgid, entry.msgstr)


def check(path, template):
    """Yield what is wrong with a language's file, a line each."""
    try:
        translations = polib.pofile(str(path), check_for_duplicates=True)
    except (OSError, ValueError) as error:
        yield f"cannot be read: {error}"
        return
    language = translations.metadata.get("Language", "")
    if language != path.stem:
        yield f"the header has the language “{language}” instead of {path.stem}"
    plurals = count_plurals(translations)
    if not plurals:
        yield "the header does not say how many plural forms there are (Plural-Forms)"
    originals = {(entry.msgctxt, entry.msgid): entry for entry in template}
    entries = {(entry.msgctxt, entry.msgid): entry for entry in translations}
    for key in originals.keys() - entries.keys():
        yield f"“{shorten(key[1])}” is missing"
    for key, entry in entries.items():
        if entry.obsolete or key not in originals:
            yield f"“{shorten(entry.msgid)}” is not in {TEMPLATE} any more"
        else:
            for problem in check_entry(entry, plurals):
                yield f"“{shorten(entry.msgid)}” {problem}"


def shorten(text):
    """Return the beginning of a text, in one line."""
    text = " ".join(text.split())
    return text if len(text) < 70 else f"{text[:67]}…"


def check_with_gettext(path):
    """Yield what GNU gettext says against a file, where it is installed."""
    if program := shutil.which("msgfmt"):
        command = [program, "--check", "--output-file=/dev/null", path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            yield f"msgfmt: {done.stderr.strip()}"


def bring_up_to(path, template):
    """Write a language's file anew: the terms of the template, with what is translated."""
    translations = polib.pofile(str(path))
    known = {(entry.msgctxt, entry.msgid): entry for entry in translations}
    merged = polib.POFile(wrapwidth=78)
    merged.header, merged.metadata = translations.header, translations.metadata
    for original in template:
        entry = polib.POEntry(
            msgctxt=original.msgctxt,
            msgid=original.msgid,
            msgid_plural=original.msgid_plural,
            msgstr_plural=dict(original.msgstr_plural),
            comment=original.comment,
            occurrences=original.occurrences,
            flags=original.flags,
        )
        if old := known.get((original.msgctxt, original.msgid)):
            entry.msgstr = old.msgstr
            entry.msgstr_plural = old.msgstr_plural or entry.msgstr_plural
            entry.tcomment = old.tcomment
            entry.flags = old.flags
        merged.append(entry)
    merged.save(str(path))


def main(arguments):
    """Check the languages of a folder, and return the exit status."""
    folder = Path(arguments[-1])
    template = polib.pofile(str(folder / TEMPLATE))
    found = []
    for path in sorted(folder.glob("*.po")):
        if "--fix" in arguments:
            bring_up_to(path, template)
        found += (
            f"{path.name}: {problem}"
            for problem in (*check(path, template), *check_with_gettext(path))
        )
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
