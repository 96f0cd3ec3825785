# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging
from collections import Counter
from datetime import timedelta
from functools import partial

from odoo import api, fields, models
from odoo.modules.registry import Registry
from odoo.tools import SQL

_logger = logging.getLogger(__name__)

# Where a transaction keeps what it has refused until it ends.
PENDING = "bpo_crm.stage_refusals"
KEPT_DAYS = 365


def write_refusals(dbname, counts):
    """Add to the counters, in one statement and a transaction of its own.

    After the end of the transaction that has refused, which is rolled back and would take them
    along. What cannot be counted at once is not counted: nobody waits for it.

    :param counts: ``{(stage id, cause): number of records}``
    """
    rows = sorted((stage_id, cause, count) for (stage_id, cause), count in counts.items())
    counts.clear()
    if not rows:
        return
    try:
        with Registry(dbname).cursor() as cr:
            cr.execute(
                SQL(
                    """
                    SET LOCAL lock_timeout = '200ms';
                    INSERT INTO bpo_stage_refusal (stage_id, cause, month, count)
                    SELECT stage.id, refused.cause,
                           date_trunc('month', now() AT TIME ZONE 'UTC')::date, refused.count
                      FROM (VALUES %s) AS refused (stage_id, cause, count)
                      JOIN crm_stage stage ON stage.id = refused.stage_id
                        ON CONFLICT (stage_id, month, cause)
                        DO UPDATE SET count = bpo_stage_refusal.count + excluded.count
                    """,
                    SQL(", ").join(SQL("(%s, %s, %s)", *row) for row in rows),
                ),
                log_exceptions=False,
            )
    except Exception:  # pylint: disable=broad-except
        # where a cursor is closed, it would stand in the place of the refusal
        _logger.info("Refusals of stages were not counted", exc_info=True)


class BpoStageRefusal(models.Model):
    """How many records a stage has held up in a month, for want of what."""

    _name = "bpo.stage.refusal"
    _description = "Refusals of a Stage"
    _order = "month desc, count desc, id"
    _log_access = False

    stage_id = fields.Many2one("crm.stage", required=True, ondelete="cascade")
    cause = fields.Char(
        required=True, help="The name of the missing field, “condition” or “limit”."
    )
    month = fields.Date(required=True, help="The first day of the month.")
    count = fields.Integer("Records", required=True)

    _stage_month_cause_uniq = models.UniqueIndex("(stage_id, month, cause)")

    @api.model
    def _note(self, problems):
        """Remember which conditions hold up records, until the transaction has ended.

        :param dict problems: ``{record: [Problem or text]}``, records in the stage that they were
            to enter
        """
        refused = Counter(
            (record.stage_id.id, cause)
            for record, texts in problems.items()
            for text in texts
            if (cause := getattr(text, "cause", None)) and record.stage_id
        )
        if not refused:
            return
        # Whichever end it comes to: an import that is refused in part goes on.
        ends = (self.env.cr.postrollback, self.env.cr.postcommit)
        pending = ends[0].data.get(PENDING)
        if pending is None:
            pending = Counter()
            for end in ends:
                end.data[PENDING] = pending
                end.add(partial(write_refusals, self.env.cr.dbname, pending))
        pending.update(refused)

    @api.autovacuum
    def _gc_refusals(self):
        """Forget what is older than a year."""
        limit = fields.Date.today() - timedelta(days=KEPT_DAYS)
        self.sudo().search([("month", "<", limit)]).unlink()
