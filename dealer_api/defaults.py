# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Order defaults: what a dealer's Odoo knows of them, and which one it refuses.

``load()`` finds records by name itself. But where it does not find one it creates the order
without it, to see what else is wrong, and takes that back: a number of the dealer's sequence is
used up, and the customer stays. And of several records with one name it takes the first, in
silence. So names are looked up, by the same ``name_search``, before anything is sent; once in a
while only, as all that ``DealerSession.recall`` keeps. The values themselves go by name: ``load()``
proves them.

What only shows when a record is created (a salesperson whose orders the service user may not
create, a word that a selection does not have) is found by orders on trial (``trial.py``).
"""

import html
from typing import NamedTuple

from .errors import DealerError, DealerFault
from .loader import cell
from .payload import NOTES_FIELD, ORDER_MODEL, field_of
from .session import major_version
from .trial import find_obstacle, try_order

MANY2MANY = "many2many"
_RELATIONS = ("many2one", MANY2MANY)
# From here on a message says itself that the customer does not see it.
_INTERNAL_VERSION = 13
# What an empty value is called in messages.
_EMPTY = "–"


class Problem(NamedTuple):
    """What stands against a default: a code of ``MESSAGES``, and details for it."""

    column: str
    code: str
    details: dict


class _NotOne(Exception):
    """There is not exactly one record of a name."""


def fit(value, kind):
    """Return the cell for a default.

    :param str value: as a person wrote it
    :param kind: what ``DealerSession.describe`` says of the field
    """
    if kind.get("type") == "html":
        return plain_to_html(value)
    if kind.get("type") == MANY2MANY:
        return ",".join(_parts(value))
    return value


def plain_to_html(text):
    """Return plain text as HTML, line by line."""
    return "<br/>".join(html.escape(line) for line in text.splitlines())


def notes_cells(notes, server_version):
    """Return ``{column: cell}`` of the notes of an order; without notes they leave no trace.

    They become an internal note of the service user, about which nobody is told by e-mail, created
    by the same ``load()`` as the order: it comes once, like it. That fills in what the method of
    Odoo for messages would.
    """
    cells = {"model": ORDER_MODEL, "subtype_id/id": "mail.mt_note", "body": plain_to_html(notes)}
    if (major_version(server_version) or _INTERNAL_VERSION) >= _INTERNAL_VERSION:
        cells["is_internal"] = "1"
    return {f"{NOTES_FIELD}/{name}": value if notes else "" for name, value in cells.items()}


def order_cells(order, kinds, lacking):
    """Return ``{column: cell}`` of what an order says of itself, its defaults among it.

    :param dict kinds: ``{field: what DealerSession.describe says of it}`` of orders
    :param lacking: the fields of orders that the dealer does not have
    """
    defaults = order.used_defaults
    return {
        column: fit(value, kinds[field_of(column)]) if column in defaults else cell(value, column)
        for column, value in order.all_values.items()
        if field_of(column) not in lacking
    }


class OrderDefaults:
    """The defaults of the orders of one talk: looked at before they are sent, and after.

    All orders of a dealership have the same ones, most of the time: each is asked for once.
    """

    def __init__(self, session):
        self.session = session
        self._problems = {}
        self._refused = {}

    def check(self, sendings, kinds):
        """Fail the orders with a default that the dealer's Odoo does not know once."""
        for sending in sendings:
            defaults = sending.order.used_defaults
            key = tuple(defaults.items())
            if key not in self._problems:
                self._problems[key] = find_problems(self.session, defaults, kinds)[:1]
            for problem in self._problems[key]:
                sending.fail(problem.code, **problem.details)

    def explain(self, defaults, kinds, result, product_id):
        """Return the ``Problem`` of the default for which an order was refused, None for another.

        :param result: the ``LoadResult`` of the order
        :param product_id: of one of its lines
        """
        message = self.session.transport.clean(result.message or "")
        column = next((each for each in defaults if field_of(each) == result.field), None)
        if column:
            if kinds[field_of(column)].get("type") in _RELATIONS and column == result.field:
                # gone since it was looked for
                self.session.forget()
                details = {"field": column, "value": defaults[column] or _EMPTY}
                return Problem(column, "default_unknown", details)
            return refused(column, defaults[column], message)
        key = tuple(defaults.items())
        if key not in self._refused:
            try:
                found = find_refused(self.session, defaults, kinds, product_id)
            except DealerError:
                return None
            self._refused[key] = found
        return self._refused[key]


def find_problems(session, defaults, kinds):
    """Return a ``Problem`` for each default whose names the dealer's Odoo does not know once.

    Fields that it does not have are none of them: orders go without these.

    :param dict defaults: ``{column: value}``
    :param dict kinds: ``{field: what DealerSession.describe says of it}``
    """
    problems = []
    for column, value in defaults.items():
        kind = kinds.get(column) or {}
        # a column like team_id/id has no names
        if not value or kind.get("type") not in _RELATIONS:
            continue
        for name in _parts(value) if kind["type"] == MANY2MANY else [value]:
            if problem := _find_problem(session, column, kind, name):
                problems.append(problem)
                break
    return problems


def _find_problem(session, column, kind, name):
    details = {"field": column, "value": name}
    model = kind.get("relation") or ""
    try:
        session.recall(f"named {model} {name}", lambda: _find(session, model, name))
    except _NotOne as error:
        [count] = error.args
        return Problem(column, "default_ambiguous" if count else "default_unknown", details)
    except DealerFault as fault:
        if fault.kind not in ("access", "user"):
            raise
        details["message"] = fault.details.get("message", "")
        return Problem(column, "default_hidden", details)
    return None


def _find(session, model, name):
    """Return that there is one record of a name; nothing else of that is to be remembered."""
    found = session.call(model, "name_search", name=name, operator="=", limit=2)
    count = len(found) if isinstance(found, list) else 0
    if count != 1:
        raise _NotOne(count)
    return True


def _parts(value):
    """Return the names that stand in one value, parted by commas as ``load()`` parts them."""
    return [part.strip() for part in value.split(",") if part.strip()]


def find_refused(session, defaults, kinds, product_id=None):
    """Return a ``Problem`` with the default for which the dealer's Odoo refuses orders, or None.

    By orders on trial. With all defaults they have to be refused, else it is about something else.
    To blame is the one without which an order is taken; where several are, the first that is
    refused by itself, if an order without any is taken. (A default may also be what the dealer's
    Odoo requires.)

    :param product_id: of the line of these orders
    """
    if find_obstacle(session):
        return None
    cells = {
        column: fit(value, kinds.get(field_of(column)) or {}) for column, value in defaults.items()
    }
    refusal = try_order(session, product_id, cells)
    if refusal is None:
        return None
    for column in cells:
        others = {each: value for each, value in cells.items() if each != column}
        if try_order(session, product_id, others) is None:
            return refused(column, defaults[column], refusal.message)
    if len(cells) == 1 or try_order(session, product_id):
        return None
    for column, value in cells.items():
        if refusal := try_order(session, product_id, {column: value}):
            return refused(column, defaults[column], refusal.message)
    return None


def refused(column, value, message):
    """Return the ``Problem`` of a default for which an order was refused."""
    return Problem(
        column, "default_refused", {"field": column, "value": value or _EMPTY, "message": message}
    )
