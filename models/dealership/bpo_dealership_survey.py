# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.fields import Domain

from ...dealer_api import DealerError, DealerSlowDown, survey_orders
from ..constants import ACTIVITY_MISSING, MANAGER, SURVEY_CRON
from ..dealer_texts import prepare_asked_notification
from ..engine.dealer_push import DealerSurvey, new_transaction, wake, write_again

# A dealership's orders are looked at once a day, and an hour after it could not be worked with.
SURVEY_INTERVAL = timedelta(hours=23)
SURVEY_RETRY = timedelta(hours=1)
STEPS = ("in_step", "changed", "cancelled", "missing", "hidden")


class BpoDealership(models.Model):
    """What became of all orders of a dealership, looked at once a day, and counted.

    A look is a handful of requests for hundreds of orders; nothing is written at the dealer. It is
    in transactions of its own: one that reads what is known, none while the dealer is talked with,
    one that writes.
    """

    _inherit = "bpo.dealership"

    last_survey = fields.Datetime("Orders Looked At", readonly=True, copy=False, groups=MANAGER)
    next_survey = fields.Datetime(readonly=True, copy=False, exportable=False, groups=MANAGER)
    strangers = fields.Json(readonly=True, copy=False, groups=MANAGER)
    stranger_count = fields.Integer(
        "Unknown Here",
        readonly=True,
        copy=False,
        groups=MANAGER,
        help="Orders that our user has created in the dealership's Odoo, and nobody knows here, "
        "for example after a backup was restored here.",
    )
    strangers_html = fields.Html(
        "Orders Unknown Here", compute="_compute_strangers_html", sanitize=False, groups=MANAGER
    )
    in_step_count = fields.Integer("As Sent", compute="_compute_step_counts", groups=MANAGER)
    changed_count = fields.Integer("Changed There", compute="_compute_step_counts", groups=MANAGER)
    cancelled_count = fields.Integer(
        "Cancelled There", compute="_compute_step_counts", groups=MANAGER
    )
    missing_count = fields.Integer("Missing There", compute="_compute_step_counts", groups=MANAGER)
    hidden_count = fields.Integer("Not Visible", compute="_compute_step_counts", groups=MANAGER)

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    def _compute_step_counts(self):
        groups = self.env["bpo.dealer.order"]._read_group(
            [("dealership_id", "in", self.ids), ("state", "=", "sent")],
            ["dealership_id", "remote_step"],
            ["__count"],
        )
        counts = {(dealership, step): count for dealership, step, count in groups}
        for dealership in self:
            for step in STEPS:
                dealership[f"{step}_count"] = counts.get((dealership._origin, step), 0)

    @api.depends("strangers")
    def _compute_strangers_html(self):
        for dealership in self:
            dealership.strangers_html = dealership.strangers and self.env["ir.qweb"]._render(
                "bpo_crm.dealership_strangers",
                {
                    "orders": [
                        {**each, "url": dealership._get_record_url("sale.order", each["id"])}
                        for each in dealership.strangers
                    ]
                },
            )

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_survey(self):
        """Have the dealers asked what became of all orders.

        :raise UserError: the user is no BPO manager, or a manager has paused a dealership
        """
        self._check_manager()
        self.check_access("write")
        self._check_not_on_hold()
        self.next_survey = False
        wake(self.env, SURVEY_CRON)
        return prepare_asked_notification(self.env)

    def action_view_orders_in_step(self):
        """Open the orders that are at the dealership in one way: context ``bpo_crm_step``."""
        self.ensure_one()
        action = self.action_view_orders()
        step = self.env.context.get("bpo_crm_step")
        action["domain"] = [*action["domain"], ("remote_step", "=", step), ("state", "=", "sent")]
        return action

    # ------------------------------------------------------------
    # LOOKING
    # ------------------------------------------------------------

    @api.model
    def _cron_survey(self):
        """Look at keys, their dates and new ones; then at all orders of the dealerships due."""
        self.sudo()._remind_of_keys()
        if self.sudo()._try_candidates():
            # a run has its time, which is used up: the next one looks at the orders
            wake(self.env, SURVEY_CRON)
            return
        DealerSurvey(self.sudo().env).run()

    @api.model
    @api.private
    def _get_due_for_survey(self, without):
        """Return the dealerships with orders whose next look is due, the longest waiting first.

        :param without: ids of dealerships that are not to be among them
        """
        with_orders = Domain("order_ids", "any", [("state", "=", "sent")])
        return self._get_due_for_look("next_survey", without, with_orders)

    @api.model
    @api.private
    def _get_due_for_look(self, next_look, without, domain):
        """Return the dealerships whose next look is due, the longest waiting first.

        :param str next_look: the field with the moment of the next look; at once where it is empty
        :param without: ids of dealerships that are not to be among them
        :param domain: what else they have to fit
        """
        now = fields.Datetime.now()
        return self.search(
            self._get_open_domain()
            & Domain("id", "not in", list(without))
            & (Domain(next_look, "=", False) | Domain(next_look, "<=", now))
            & domain,
            order=f"{next_look} NULLS FIRST, id",
        )

    @api.model
    @api.private
    def _survey_dealership(self, dealership_id, seconds=None):
        """Look at all orders of a dealership, and write what was seen.

        :param int dealership_id: the dealership; it may have been deleted meanwhile
        :param float seconds: when the talk has to be over, if before the usual time
        :return: 1, or 0 where nothing could be written
        """
        return self._look_at_dealership(
            dealership_id,
            seconds,
            prepare=lambda dealership: dealership.env["bpo.dealer.order"]._get_known_orders(
                dealership
            ),
            ask=lambda session, known: survey_orders(session, list(known.values())),
            write=lambda dealership, known, survey: dealership._write_survey(known, survey),
            write_failed=lambda dealership, error: dealership._write_survey_failed(error),
        )

    @api.model
    @api.private
    def _look_at_dealership(self, dealership_id, seconds, prepare, ask, write, write_failed):
        """Ask a dealership for something, and write what it answered, in own transactions.

        :param prepare: function of the dealership; what it returns is what is asked for
        :param ask: function of the session and of what is asked for, without a database; returns
            the answer
        :param write: function of dealership, what was asked for and the answer
        :param write_failed: function of dealership and the ``DealerError`` that prevented one
        :return: 1, or 0 where nothing could be written
        """
        with new_transaction(self.env) as env:
            dealership = env[self._name].browse(dealership_id).exists()
            if not dealership:
                return 0
            settings = dealership._get_connection_settings(seconds=seconds)
            asked = prepare(dealership)
        answer = failure = None
        try:
            with self.env["bpo.dealer.order"]._open_session(settings) as session:
                answer = ask(session, asked)
        except DealerError as error:
            failure = error

        def write_answer(env):
            dealership = env[self._name].browse(dealership_id).exists()
            if not dealership or not dealership._is_reached_through(settings):
                return 0
            if failure:
                write_failed(dealership, failure)
            else:
                write(dealership, asked, answer)
            return 1

        # somebody works with the same records, or has deleted or entered some
        conflicts = (psycopg2.OperationalError, psycopg2.IntegrityError)
        try:
            return write_again(self.env, write_answer, conflicts)
        except conflicts:
            return 0

    def _write_survey(self, known, survey):
        """Write what was seen of the orders of this dealership.

        :param dict known: ``{order id: KnownOrder}``, as they were when the dealer was asked
        :param survey: the ``Survey``
        """
        self.ensure_one()
        orders = self.env["bpo.dealer.order"]
        orders._write_survey(known, survey)
        strangers = orders._get_strangers(self, survey.strangers)
        now = fields.Datetime.now()
        self.write(
            {
                "last_survey": now,
                "next_survey": now + SURVEY_INTERVAL,
                "stranger_count": len(strangers),
                "strangers": [
                    {"id": remote.id, "amount": remote.amount_total or 0.0, **remote.describe()}
                    for remote in strangers
                ]
                or False,
            }
        )
        if not self.missing_count:
            self.activity_unlink([ACTIVITY_MISSING])

    def _write_survey_failed(self, error):
        """Look again later; the connection is as it is after any talk that failed.

        :param error: the ``DealerError`` that ended the talk
        """
        self.ensure_one()
        self.next_survey = fields.Datetime.now() + SURVEY_RETRY
        self._write_talk_failed(error)
        if isinstance(error, DealerSlowDown):
            self.next_survey = self.next_attempt
            wake(self.env, SURVEY_CRON, at=self.next_attempt)
