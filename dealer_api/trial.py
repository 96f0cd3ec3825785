# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Have the dealer's Odoo create a record on trial, which it takes back itself.

Rights on a model say little: record rules, required fields and constraints of a dealer show only
when a record is created. ``load()`` with one wrong cell does that and keeps nothing: it reports the
cell, creates the record without it to find what else is wrong, and then, as there was an error,
goes back to the savepoint that it began with (Odoo's ``orm/models.py``; the same since Odoo 8). So
the message about our wrong cell is expected, and every other one is a refusal.

What a rolled-back savepoint does not take back is kept from happening:

* a number of the dealer's sequence: the trial brings its own name, and none is drawn
  (``sale/models/sale_order.py``: ``create``);
* what automations send out (webhooks, text messages): there is no trial where they are installed;
* anything at all, should a dealer's Odoo keep the record in spite of the wrong cell: it is called
  by what it is, has one key for all trials, so that it cannot be there twice, and is reported.
"""

from typing import NamedTuple

from .errors import DealerBadAnswer, DealerFault
from .loader import LOAD_CONTEXT
from .payload import CUSTOMER_MODEL, ORDER_MODEL
from .session import major_version

# What this was tried with, and read in the source of.
FIRST_VERSION = 12
AUTOMATION_MODEL = "base.automation"
NAME = "Connection test"
# A column of each model that every Odoo has, and that no text fits.
_WRONG_COLUMN = {CUSTOMER_MODEL: "color", ORDER_MODEL: "date_order"}
_WRONG_CELL = "on trial"


class Refusal(NamedTuple):
    """Why a record was refused, and the field that this is about, where that is said."""

    message: str
    field: str | None


def find_obstacle(session):
    """Return the code of what speaks against a trial at this dealer, or None."""
    major = major_version(session.server_version)
    if major is None or major < FIRST_VERSION:
        return "check_trial_version"
    try:
        session.has_right(AUTOMATION_MODEL, "read")
    except DealerFault as fault:
        if fault.kind == "missing":
            return None
        raise
    return "check_trial_automations"


def try_customer(session):
    """Create a contact on trial; return the ``Refusal``, None when it was not refused."""
    return _try(session, CUSTOMER_MODEL, {"name": NAME})


def try_order(session, product_id=None, values=None):
    """Create an order of the service user's own contact on trial.

    :param product_id: of its line; without one it has no lines
    :param dict values: what else the order has: ``{column: cell}``
    :return: the ``Refusal``, None when it was not refused
    """
    contact = session.company.contact
    if not contact:
        raise DealerBadAnswer("unexpected_answer", call="res.users.read")
    cells = {
        "name": NAME,
        "partner_id/.id": contact,
        "client_order_ref": NAME,
        "origin": NAME,
        **(values or {}),
    }
    if product_id:
        cells |= {
            "order_line/product_id/.id": product_id,
            "order_line/product_uom_qty": 1.0,
            "order_line/price_unit": 1.0,
            "order_line/discount": 0.0,
            "order_line/name": NAME,
        }
    return _try(session, ORDER_MODEL, cells)


def _try(session, model, cells):
    """Create a record on trial.

    :raise DealerFault: "check_trial_kept" when it is there afterwards
    """
    wrong = _WRONG_COLUMN[model]
    cells = {"id": f"bpo_crm.trial_{model.replace('.', '_')}", **cells, wrong: _WRONG_CELL}
    answer = session.call(
        model, "load", fields=list(cells), data=[list(cells.values())], context=LOAD_CONTEXT
    )
    if not isinstance(answer, dict) or not isinstance(answer.get("messages"), list):
        raise DealerBadAnswer("unexpected_answer", call=f"{model}.load")
    if answer.get("ids"):
        raise DealerFault("check_trial_kept", model=model)
    errors = [
        message
        for message in answer["messages"]
        if isinstance(message, dict) and message.get("type", "error") == "error"
    ]
    refusals = [message for message in errors if message.get("field") != wrong]
    if not errors:
        raise DealerBadAnswer("unexpected_answer", call=f"{model}.load")
    if not refusals:
        return None
    field = refusals[0].get("field")
    message = session.transport.clean(refusals[0].get("message") or "-")
    return Refusal(message, field if isinstance(field, str) else None)
