# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What ``dealer_api`` reports, in the reader's language.

``dealer_api`` knows no database and no language: it reports a code and details. The sentences,
and the marks by which translation finds them, are in ``dealer_api/messages.py``.
"""

import logging

from ..dealer_api import MESSAGES, fill_in, render

_logger = logging.getLogger(__name__)

# A message names this many records at most.
MAX_NAMED = 5


def translate(env, code, details, text=None):
    """Return the sentence of a message in the language of ``env``; never raises.

    :param str code: one of ``MESSAGES``, or another addon's own
    :param dict details: what fills the sentence
    :param str text: the English sentence, for a code that is not in ``MESSAGES``, or details that
        do not fit
    """
    if code not in MESSAGES:
        return text or render(code, details)
    # a constant of dealer_api, marked for translation there
    template = env._(MESSAGES[code])  # pylint: disable=prefer-env-translation
    try:
        return fill_in(template, details)
    except (KeyError, TypeError, ValueError):
        _logger.warning("The details of dealer message %r do not fit its translation", code)
        return text or render(code, details)


def translate_error(env, error):
    """Return the sentence of a ``DealerError`` in the language of ``env``."""
    return translate(env, error.code, error.details)


def name_some(records, name="display_name", most=MAX_NAMED, separator=", "):
    """Return the names of the first records, and that there are more.

    :param name: a field, by its path, or a function of one record
    """
    some = separator.join(records[:most].mapped(name))
    return f"{some} …" if len(records) > most else some


def format_quantity(quantity):
    """Return a quantity as people write it: ``2``, ``0.5``, ``1234567.25``.

    :param float quantity: None counts as 1, as in the order that is sent
    """
    return f"{1.0 if quantity is None else quantity:.6f}".rstrip("0").rstrip(".")


def prepare_asked_notification(env):
    """Return the notice that dealers are being asked; the answers come by the scheduled action."""
    return {
        "type": "ir.actions.client",
        "tag": "display_notification",
        "params": {
            "type": "info",
            "message": env._("The dealers are asked; the answers appear here."),
            "next": {"type": "ir.actions.act_window_close"},
        },
    }
