# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models
from odoo.tools import SQL

from ..service.bpo_service_request import STATUSES
from .bpo_stage_entry import OUTCOMES


class BpoRequestReport(models.Model):
    """Service requests by the stages they entered: a row per entry.

    What is said of the request as a whole (its number, completed, late) stands in the row of the
    stage it is in now, so that each request counts once.
    """

    _name = "bpo.request.report"
    _description = "Analysis of Services"
    _inherit = ["bpo.entry.report"]
    _auto = False
    _order = "entered_date desc, id desc"
    _rec_name = "request_id"
    _depends = {
        "bpo.stage.entry": [
            *["request_id", "service_id", "company_id", "stage_id", "from_stage_id", "user_id"],
            *["entered_date", "left_date", "outcome"],
        ],
        "bpo.service.request": [
            *["user_id", "partner_id", "status", "deadline", "date_closed", "create_date"],
            "days_to_close",
        ],
    }

    request_id = fields.Many2one("bpo.service.request", readonly=True)
    service_id = fields.Many2one("bpo.service", readonly=True)
    outcome = fields.Selection(OUTCOMES, readonly=True, help="How the request left the stage.")
    date_created = fields.Datetime("Created On", readonly=True)
    date_closed = fields.Datetime(
        "Closed On", readonly=True, help="When the request was completed or cancelled."
    )
    user_id = fields.Many2one("res.users", "Assigned To", readonly=True)
    partner_id = fields.Many2one("res.partner", "Client", readonly=True)
    status = fields.Selection(STATUSES, readonly=True, help="What the request is now.")

    entered = fields.Integer(readonly=True, help="How often requests entered the stage.")
    requests = fields.Integer(readonly=True, help="How many requests, each one where it is now.")
    completed = fields.Integer(readonly=True, help="How many of the requests are completed.")
    late = fields.Integer(
        readonly=True,
        help="How many of the requests were closed after their deadline, or are past it.",
    )
    late_rate = fields.Float(
        "Late (%)",
        readonly=True,
        aggregator="avg",
        digits=(16, 1),
        help="Of 100 requests with a deadline, how many were closed after it, or are past it.",
    )
    days_to_close = fields.Float(
        "Days to Close (median)",
        readonly=True,
        aggregator="median",
        digits=(16, 2),
        help="From the creation of a request until it was completed or cancelled; half of them "
        "took no longer.",
    )

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT entry.id, entry.request_id, entry.service_id, entry.company_id, entry.stage_id,
                   entry.from_stage_id, entry.outcome, entry.entered_date, entry.left_date,
                   entry.user_id AS mover_id,
                   request.create_date AS date_created, request.date_closed, request.user_id,
                   request.partner_id, request.status,
                   1 AS entered,
                   (entry.left_date IS NULL)::integer AS requests,
                   (entry.left_date IS NULL AND request.status = 'completed')::integer
                       AS completed,
                   ((entry.left_date IS NULL AND %(late)s) IS TRUE)::integer AS late,
                   CASE WHEN entry.left_date IS NULL AND request.deadline IS NOT NULL
                        THEN CASE WHEN %(late)s THEN 100.0 ELSE 0.0 END END AS late_rate,
                   %(days)s AS days, %(days)s AS days_median, %(days)s AS days_p90,
                   %(so_far)s AS days_so_far,
                   CASE WHEN entry.left_date IS NULL AND request.date_closed IS NOT NULL
                        THEN request.days_to_close END AS days_to_close
              FROM bpo_stage_entry entry
              JOIN bpo_service_request request ON request.id = entry.request_id
            """,
            late=SQL(
                "request.deadline < COALESCE("
                "(request.date_closed AT TIME ZONE 'UTC' AT TIME ZONE %s)::date, %s)",
                self._get_tz(),
                fields.Date.context_today(self),
            ),
            days=self._get_days(),
            so_far=self._get_days_so_far(),
        )

    def _get_tz(self):
        """Return the time zone in whose days deadlines are counted."""
        return self.env.context.get("tz") or self.env.user.tz or "UTC"

    def action_open_request(self):
        """Open the request this entry is of."""
        self.ensure_one()
        return self.request_id.get_formview_action()
