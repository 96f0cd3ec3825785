# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Ids, references and texts in the records that a dealer's Odoo returns."""

from datetime import datetime

# Ids are PostgreSQL's integer; a larger number could not be stored here either.
MAX_ID = 2**31 - 1
NAME_LIMIT = 100


def is_positive(value):
    """Tell whether a value is a whole number above zero."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_id(value):
    """Tell whether a value is the id of a record."""
    return is_positive(value) and value <= MAX_ID


def many2one_id(value):
    """Return the id in a many2one as read (``[id, name]`` or the plain id), None when empty."""
    if isinstance(value, (list, tuple)) and value and is_id(value[0]):
        return value[0]
    return value if is_id(value) else None


def many2one_name(value):
    """Return the name in a many2one as read (``[id, name]``), or None."""
    if isinstance(value, (list, tuple)) and len(value) > 1 and isinstance(value[1], str):
        return value[1]
    return None


def short_text(value):
    """Return a text as read, cut to the length of a name; None when it is empty or no text."""
    text = value.strip()[:NAME_LIMIT] if isinstance(value, str) else ""
    return text or None


def read_datetime(value):
    """Return a moment as read (naive UTC), or None."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.strptime(value[:19], "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return None
