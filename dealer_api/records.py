# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Ids and references in the records that a dealer's Odoo returns."""


def is_id(value):
    """Tell whether a value is the id of a record."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


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
