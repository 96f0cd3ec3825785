# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A walk: work with many records while a person watches, batch by batch.

The client (``static/src/walk``) calls a public method on one batch of records after the other,
shows how far it is, stops when it is told to, and goes on where it stopped. Each batch is a request
of its own, so that what is done stays done. The method returns a list of what
:func:`prepare_problem` makes, of the records for which not all went well.
"""

import logging
import time
from contextlib import contextmanager

from odoo.exceptions import UserError

_logger = logging.getLogger(__name__)


def prepare_walk(records, method, batch_size, title, all_well):
    """Return the action that has the client walk over records.

    :param records: in the order in which they are worked with: those first that have waited
        longest, so that another walk begins with those that this one did not come to
    :param str method: the public method that works with a batch
    :param int batch_size: how many records it works with at a time
    :param str title: what the button says that begins the walk
    :param str all_well: what is said once nothing is left to do, and no problem came up
    """
    return {
        "type": "ir.actions.client",
        "tag": "bpo_crm_walk",
        "params": {
            "model": records._name,
            "method": method,
            "ids": records.ids,
            "batch_size": batch_size,
            "title": title,
            "all_well": all_well,
        },
    }


def prepare_problem(record, text):
    """Return what the client shows of a record for which not all went well.

    :param str text: why
    """
    return {"id": record.id, "name": record.display_name, "text": text}


def check_batch(records, most):
    """Refuse more records than one request can be done with in time.

    :param int most: how many it may be
    :raise UserError: naming both numbers
    """
    if len(records) > most:
        raise UserError(
            records.env._(
                "At most %(most)s at a time, not %(count)s.", most=most, count=len(records)
            )
        )


@contextmanager
def telling_rate(what, records):
    """Log how many records a batch was about, and how fast it was.

    :param str what: the work, as it is logged
    :return: the list for the problems, which is filled inside
    """
    problems = []
    started = time.monotonic()
    yield problems
    seconds = time.monotonic() - started
    _logger.info(
        "%s: %s in %.1f s, %.1f a second; with problems: %s",
        *(what, len(records), seconds, len(records) / max(seconds, 0.001), len(problems)),
    )
