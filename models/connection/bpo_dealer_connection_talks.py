# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import Counter
from contextlib import contextmanager, suppress
from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ...dealer_api import BATCH_SIZE, PAUSE, PAUSE_IF_STANDING, DealerSession, DealerSlowDown
from ..dealer_texts import translate, translate_error
from .bpo_dealer_connection import get_back_off

# The first key of the advisory locks that talks take; the second one is the id of the dealer.
TALK_LOCK = 0x62706F  # "bpo"
# A refusal that may be a hiccup of the dealer's database pauses after so many in a row, …
STANDING_REFUSALS = 4
# … and not before so long a time: Push Now may make many attempts in a minute.
STANDING_TIME = timedelta(minutes=5)


class BpoDealerConnection(models.AbstractModel):
    """What talks with a dealer make of its connection: connected, backing off, paused.

    Each talk ends in :meth:`_write_talk_succeeded` or :meth:`_write_talk_failed`.
    """

    _inherit = "bpo.dealer.connection"

    # ------------------------------------------------------------
    # MAY IT BE TALKED WITH?
    # ------------------------------------------------------------

    @api.model
    @api.private
    def _get_talkable_domain(self):
        """Return the domain of the dealers that nobody here keeps from being talked to."""
        return self._get_key_at_home_domain() & Domain("on_hold", "=", False)

    @api.model
    @api.private
    def _get_open_domain(self):
        """Return the domain of the dealers that may be talked to now."""
        return self._get_talkable_domain() & Domain(
            [
                ("paused", "=", False),
                "|",
                ("next_attempt", "=", False),
                ("next_attempt", "<=", fields.Datetime.now()),
            ]
        )

    @api.private
    def _is_open(self):
        """Tell whether this dealer may be talked to now."""
        self.ensure_one()
        return bool(self.filtered_domain(self._get_open_domain()))

    @contextmanager
    def _locking_talk(self):
        """Keep others from talking with this dealer meanwhile; give whether nobody else does.

        An advisory lock of the database session: unlike that of the row it keeps nobody from
        editing the dealership, and it can be given back before the transaction ends.
        """
        self.ensure_one()
        query = SQL("SELECT pg_try_advisory_lock(%s, %s)", TALK_LOCK, self.id)
        [[locked]] = self.env.execute_query(query)
        try:
            yield locked
        finally:
            if locked:
                self._unlock_talk()

    def _unlock_talk(self):
        """Give the lock of a talk back, also after a failure: it outlives the transaction."""
        query = SQL("SELECT pg_advisory_unlock(%s, %s)", TALK_LOCK, self.id)
        try:
            self.env.execute_query(query)
        except psycopg2.Error:
            # with a lost connection the lock is gone; else the transaction has failed before
            with suppress(psycopg2.OperationalError, psycopg2.InterfaceError):
                self.env.cr.rollback()
                self.env.execute_query(query)

    @api.private
    def _get_batch_size(self):
        """Return how many orders the next talk is about, at most."""
        self.ensure_one()
        return self.batch_size or BATCH_SIZE

    # ------------------------------------------------------------
    # GONE WELL
    # ------------------------------------------------------------

    @api.private
    def _write_talk_succeeded(self, report):
        """Keep what a talk taught, so that the next one can skip the questions.

        :param report: the ``TalkReport`` of the talk
        """
        self.ensure_one()
        if self.failing_since or self.connection_state != "connected":
            self._close_unreachable()
        vals = {
            "connection_state": "connected",
            "last_message": False,
            "last_push": fields.Datetime.now(),
            **self._prepare_well_vals(),
        }
        self.write({name: value for name, value in vals.items() if self[name] != value})
        self._write_learnt(report)
        self._try_waiting_candidate()

    @api.private
    def _write_learnt(self, report):
        """Keep who is there, and what need not be asked again for a while.

        :param report: the ``TalkReport`` of a talk
        """
        self.ensure_one()
        vals = {
            "server_version": report.server_version,
            "remote_uid": report.uid,
            "remembered": report.remembered,
        }
        self.write({name: value for name, value in vals.items() if value and self[name] != value})

    @api.private
    def _write_results(self, results, limit):
        """Keep what came of the orders of a talk that went well.

        :param results: the ``OrderResult`` of the talk
        :param int limit: about how many orders it may have been
        """
        self.ensure_one()
        self._write_left_out(results)
        self._grow_batch(limit)
        self.last_message = self._get_results_text(results)

    def _get_results_text(self, results):
        """Return what a manager has to know of the last push: False where all orders were taken.

        Without it a dealership that refuses each order would look well: it is connected.
        """
        counts = Counter(result.status for result in results)
        problem = next((result for result in results if result.status != "sent"), None)
        if not problem:
            return False
        return self.env._(
            "Orders of the last push: taken %(sent)s, refused %(failed)s, waiting %(waiting)s. "
            "The first reason: %(reason)s",
            sent=counts["sent"],
            failed=counts["failed"],
            waiting=counts["retry"],
            reason=translate(self.env, problem.code, problem.details),
        )

    def _write_left_out(self, results):
        """Keep what orders went without, as the dealer's Odoo has no such fields.

        :param results: the ``OrderResult`` of a talk
        """
        self.ensure_one()
        left_out = {}
        for result in results:
            for model, names in result.left_out.items():
                left_out[model] = sorted({*left_out.get(model, ()), *names})
        if left_out != (self.left_out_fields or {}) and any(r.status == "sent" for r in results):
            self.left_out_fields = left_out or False

    def _get_left_out_text(self, content):
        """Return what an order would go without, by what is known of the dealer's Odoo.

        :param content: an ``Order`` of ``dealer_api``
        :return: a sentence, or False
        """
        known = self.sudo().left_out_fields or {}
        used = content.used_fields()
        details = [
            {"model": model, "fields": sorted(used[model].intersection(names))}
            for model, names in known.items()
            if used.get(model, set()).intersection(names)
        ]
        return " ".join(translate(self.env, "fields_left_out", each) for each in details) or False

    def _grow_batch(self, limit):
        """Take twice as many orders next time, after small parts, until it is the usual number."""
        if self.batch_size:
            self.batch_size = limit * 2 if limit * 2 < BATCH_SIZE else 0

    # ------------------------------------------------------------
    # FAILED
    # ------------------------------------------------------------

    @api.private
    def _write_talk_failed(self, error):
        """Pause, or back off, by what the error asks for.

        :param error: the ``DealerError`` that ended the talk
        """
        self.ensure_one()
        if isinstance(error, DealerSlowDown):
            # a dealer's pace is no failure
            self._slow_down(error)
            return
        standing = self._count_refusal(error.remedy)
        if standing or error.remedy == PAUSE:
            self._pause(translate_error(self.env, error))
        else:
            self._back_off(translate_error(self.env, error), error.retry_after)

    @api.private
    def _write_broken_off(self, error, count):
        """Take smaller parts from now on: the dealer broke off while it was given orders.

        It was there, so that it is asked again soon, until it is known which order it is.

        :param error: the ``DealerError`` that ended the talk
        :param int count: how many orders the talk was about
        """
        self.ensure_one()
        self.batch_size = max(count // 2, 1)
        if count > 1:
            self.back_off_count = 0
        self._write_talk_failed(error)

    def _count_refusal(self, remedy):
        """Count refusals in a row that may be a hiccup; tell whether they stand.

        While a dealer's database server is away, its Odoo refuses every login.
        """
        if remedy != PAUSE_IF_STANDING:
            self.write({"refusal_count": 0, "refused_since": False})
            return False
        now = fields.Datetime.now()
        since = self.refused_since or now
        self.write({"refusal_count": self.refusal_count + 1, "refused_since": since})
        return self.refusal_count >= STANDING_REFUSALS and now - since >= STANDING_TIME

    @api.private
    def _back_off(self, message, retry_after=None):
        """Leave the dealer alone for a while, ever longer (see :func:`get_back_off`).

        :param retry_after: seconds for which its server wants to be left alone, if it has said so
        """
        self.ensure_one()
        now = fields.Datetime.now()
        delay = max(get_back_off(self.back_off_count), timedelta(seconds=retry_after or 0))
        next_attempt = now + delay
        self.write(
            {
                "connection_state": "failed",
                "remembered": DealerSession.forgotten(),
                "back_off_count": self.back_off_count + 1,
                "failing_since": self.failing_since or now,
                "next_attempt": next_attempt,
                "last_message": message,
                "last_check": now,
                "last_push": now,
            }
        )
        self._on_open(at=next_attempt)
        self._tell_unreachable()

    @api.private
    def _pause(self, message):
        """Stop talking until a manager has acted, and say so once."""
        self.ensure_one()
        now = fields.Datetime.now()
        already_paused = self.paused
        # it was reached: from now on another activity says what to do
        self._close_unreachable()
        self.write(
            {
                **self._prepare_well_vals(),
                "connection_state": "failed",
                "paused": True,
                "remote_uid": 0,
                "server_version": False,
                "remembered": DealerSession.forgotten(),
                "last_message": message,
                "last_check": now,
                "last_push": now,
            }
        )
        if not already_paused:
            self._log_paused()
        self._schedule_pause_activity()
        self._try_waiting_candidate()

    @api.private
    def _resume(self):
        """Let the orders go out again, at once."""
        self._close_paused()
        self._close_unreachable()
        self.write({"paused": False, **self._prepare_well_vals()})
        self._on_open()

    @api.model
    def _prepare_well_vals(self):
        """Return what is written where nothing speaks against the next talk any more."""
        return {
            "back_off_count": 0,
            "next_attempt": False,
            "failing_since": False,
            "unreachable_told": False,
            "refusal_count": 0,
            "refused_since": False,
        }

    @api.private
    def _on_open(self, at=None):
        """Follow up that the dealer may be talked to again. This method serves as a hook.

        :param datetime at: from then on; now when empty
        """
