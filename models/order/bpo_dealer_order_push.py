# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging
import time
import traceback
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from functools import partial

import psycopg2

from odoo import api, fields, models
from odoo.fields import Domain

from ...dealer_api import PAUSE, DealerError, DealerSession, DealerSlowDown, Order
from ..connection.bpo_dealer_connection import get_back_off
from ..constants import PUSH_CRON
from ..engine.dealer_push import (
    DealerPush,
    Turn,
    new_transaction,
    open_pool,
    taking_turns,
    wake,
    write_again,
    write_once,
)
from ..engine.dealer_talks import LookTalk, PushTalk, TalkReport
from .bpo_dealer_order_remote import CANCELLED, FIRST_LOOK_DELAY

_logger = logging.getLogger(__name__)

# Refusals that are about the login or its key.
LOGIN_CODES = ("login_refused", "login_mismatch")
# Seconds that Push Now goes on with one dealership.
PUSH_NOW_SECONDS = 60.0


class BpoDealerOrder(models.Model):
    """From the outbox to the dealers, and what they answered back.

    :meth:`_push_dealership` is the one method that pushes: the scheduled action calls it for many
    dealerships side by side (``dealer_push.py``), *Push Now* for one. A talk (``dealer_talks.py``)
    is in transactions of its own, so that it may end at any point without losing an order or
    making a second one:

    1. The orders are marked: ``possibly_sent``, one attempt more.
    2. They are locked and looked at once more; the dealer is talked with; what it answered is
       written, with chatter, e-mail and activities.
    3. The dealership: connected, or left alone for a while.

    The lock is for people: nobody can take back an order while it is being sent. That there is
    one order only is the dealer's database's doing. Where an agent edits one of the leads during
    the talk, writing conflicts with that; it is done again in a new transaction, with the answer
    that is there already.
    """

    _inherit = "bpo.dealer.order"

    # ------------------------------------------------------------
    # WHO IS DUE
    # ------------------------------------------------------------

    @api.model
    def _cron_push(self):
        """Push all due orders, several dealers at a time, fair among dealers."""
        DealerPush(self.sudo().env).run()

    @api.model
    def _open_push_pool(self):
        """Return the executor for talks. This method serves as a hook."""
        return open_pool(self.env)

    @api.model
    def _get_talk_kinds(self):
        """Return the kinds of talk, the most urgent first. This method serves as a hook."""
        return [PushTalk, LookTalk]

    @api.model
    def _get_due_domain(self):
        """Return the domain of the orders that a dealer can be talked with about now."""
        return self._get_kinds_domain() & Domain(
            "dealership_id", "any", self.env["bpo.dealership"]._get_open_domain()
        )

    @api.model
    def _get_kinds_domain(self):
        """Return the domain of the orders that wait for any kind of talk."""
        return Domain.OR(kind.get_domain() for kind in self._get_talk_kinds())

    @api.model
    def _get_due_dealership_ids(self, without, limit=None):
        """Return the ids of the dealerships with due orders, those waiting longest first.

        One that was never talked with comes before all others. A run asks after each talk, so this
        reads neither all that is due nor the dealerships: PostgreSQL looks for one order of each.

        :param without: ids of dealerships that are not to be among them
        :param limit: how many at most
        """
        dealerships = self.env["bpo.dealership"]
        return dealerships.search(
            dealerships._get_open_domain()
            & Domain("id", "not in", list(without))
            & Domain("order_ids", "any", self._get_kinds_domain()),
            order="last_push NULLS FIRST, create_date, id",
            limit=limit,
        ).ids

    @api.model
    def _schedule_rest(self, given_up):
        """Tell the scheduler what is left; what another transaction holds comes a minute later.

        :param given_up: ids of the dealerships that are left for a later run
        """
        if given_up:
            self._trigger_push(at=fields.Datetime.now() + timedelta(minutes=1))
        rest = self.search_count(
            self._get_due_domain() & Domain("dealership_id", "not in", list(given_up))
        )
        if rest:
            # a run has ten seconds; left to itself the scheduler looks again a minute later
            self._trigger_push()
        self.env["ir.cron"]._commit_progress(remaining=rest)

    @api.model
    @api.private
    def _trigger_push(self, at=None):
        """Wake the scheduled action when this transaction is committed, or later."""
        if not wake(self.env, PUSH_CRON, at):
            # winning goes on; the dealership's screens tell managers (``push_warning``)
            _logger.error("The scheduled action %s is gone: no orders are sent", PUSH_CRON)

    @api.model
    @api.private
    def _get_silent_text(self):
        """Return why no order goes out by itself, or False: the scheduled action is off or gone."""
        cron = self.env.ref(PUSH_CRON, raise_if_not_found=False)
        if not cron:
            return self.env._(
                "Orders wait, and the scheduled action that sends them was deleted. An "
                "administrator brings it back by upgrading the app BPO CRM."
            )
        if not cron.sudo().active:
            return self.env._(
                "Orders wait, and the scheduled action that sends them is switched off. An "
                "administrator switches it on under Settings → Technical → Scheduled Actions: "
                "%(name)s.",
                name=cron.sudo().name,
            )
        return False

    # ------------------------------------------------------------
    # PUSHING ONE DEALERSHIP
    # ------------------------------------------------------------

    @api.model
    @api.private
    def _push_dealership(self, dealership_id, seconds=None):
        """Talk once with a dealership, about the next batch of what is due there.

        In transactions of its own: nothing of the caller's is seen or written.

        :param int dealership_id: the dealership; it may have been deleted meanwhile
        :param float seconds: when the talk has to be over, if before the usual time
        :return: the number of orders talked about; 0 when nothing is due, or can be done now
        """
        talk = self._choose_talk(dealership_id)
        if not talk:
            return 0
        talk.seconds = seconds
        return len(talk.marks) if self._hold_talk(talk) else 0

    @api.model
    def _choose_talk(self, dealership_id):
        """Return the next talk with a dealership, its orders marked; None when nothing is due."""
        for kind in self._get_talk_kinds():
            talk = kind(dealership_id)
            try:
                with new_transaction(self.env) as env:
                    talk.choose(env)
                    talk.mark(env)
            except psycopg2.Error as error:
                # somebody changed the same rows this moment
                _logger.info("Orders could not be prepared, a later run does it: %s", error)
                return None
            if talk:
                return talk
        return None

    @api.model
    def _give_up(self, talk):
        """Take back the marks of a talk that is not to be held."""
        self._write_unless_held(talk.give_up)

    @api.model
    def _hold_talk(self, talk, turn=None):
        """Talk, and write what comes out of it; where that fails, the next talk finds the orders.

        :param turn: the :class:`Turn` that this talk has; alone when empty
        :return: whether anything could be written
        """
        failure = None
        try:
            talked = write_again(self.env, partial(self._talk_and_write, talk, turn or Turn()))
            if talked:
                self._write_dealership(talk, talk.report)
            return talked
        except psycopg2.OperationalError as conflict:
            # agents edit the leads all the time; the dealer's answer is still here
            _logger.info("A dealer's answer conflicts to the last: %s", conflict)
        except Exception as error:  # noqa: BLE001 (a bug of ours must not be repeated for ever)
            self._log_unexpected(talk.dealership_id, error)
            failure = error
        return talk.report is not None and self._write_back_singly(talk, talk.report, failure)

    @api.model
    def _talk_and_write(self, talk, turn, env):
        """Talk, unless that was done before a conflict, and write back; tell whether it was."""
        if talk.report is None:
            talk.report = env[self._name]._prepare_and_converse(talk, turn)
            if talk.report is None:
                return False
            if not talk.report.error:
                turn.pass_on()
                turn.give_head_start()
        self._write_back(env, talk, talk.report)
        return True

    @api.model
    def _prepare_and_converse(self, talk, turn):
        """Talk with a dealer, as the only one who does; return None where it is not to be now."""
        with talk.browse_dealership(self.env)._locking_talk() as locked:
            if not locked:
                talk.give_up(self.env)
                return None
            if not talk.prepare(self.env):
                return None
            self.env.flush_all()
            if talk.is_full:
                # its orders are locked: the next talk takes others
                turn.begin_next()
            return self._converse(talk)

    @api.model
    def _write_back(self, env, talk, report, order_ids=None):
        """Write what a talk came to."""
        with taking_turns():
            talk.write_back(env, report, order_ids)
            env.flush_all()

    @api.model
    def _write_dealership(self, talk, report):
        """Write on the dealership what a talk came to; others write there, too."""
        # the next talk finds out the same
        with suppress(psycopg2.OperationalError):
            write_again(self.env, lambda env: talk.write_dealership(env, report))

    @api.model
    def _write_back_singly(self, talk, report, error=None):
        """Write order by order what cannot be written for all together: one must not cost all.

        :param error: why it could not; None when somebody holds the rows
        :return: whether anything could be written
        """
        if report.error:
            return False
        written = postponed = False
        for order_id in talk.marks:
            try:
                write = partial(self._write_back, talk=talk, report=report, order_ids=[order_id])
                write_once(self.env, write)
                written = True
            except psycopg2.OperationalError as conflict:
                _logger.info("The answer about dealer order %s is left: %s", order_id, conflict)
            except Exception as failure:  # noqa: BLE001 (the others go on)
                self._log_unexpected(talk.dealership_id, failure)
                postpone = partial(self._postpone_unwritable, order_id)
                postponed = self._write_unless_held(postpone)
        # one order that was alone in its talk must not keep the others waiting
        written = written or (postponed and len(talk.marks) == 1)
        if error and not written:
            # as a failed talk, so that the dealership backs off
            report = TalkReport(error=DealerError("unexpected"))
            self._write_unless_held(lambda env: talk.write_back(env, report))
        if error or written:
            self._write_dealership(talk, report)
        return written

    @api.model
    def _write_unless_held(self, write):
        """Write something in a transaction of its own; leave it where somebody holds the rows.

        :param write: function of an environment
        :return: whether it was written
        """
        try:
            write_once(self.env, write)
            return True
        except psycopg2.OperationalError as conflict:
            _logger.info("What was to be written about dealer orders is left: %s", conflict)
            return False

    @api.model
    def _postpone_unwritable(self, order_id, env):
        """Leave an order for later whose answer our own database does not take."""
        order = env[self._name].browse(order_id).exists()
        if order.state == "pending":
            order.next_attempt = fields.Datetime.now() + get_back_off(order.attempt_count)
            order.error = env._("An unexpected error; an administrator finds it in the log.")

    @api.model
    def _converse(self, talk):
        """Talk with one dealer; uses no database, which may have to wait for a minute.

        This method serves as a hook.

        :return: a ``TalkReport``, also where the dealer cannot be worked with
        """
        session = None
        try:
            with self._open_session(talk.settings) as session:
                answers = talk.converse(session)
                report = TalkReport(answers, *self._get_learnt(session))
        except DealerSlowDown as error:
            # no failure: the next talk goes on from here
            report = TalkReport(None, *(session.known if session else (None, None)), error)
        except DealerError as error:
            report = TalkReport(error=error)
        except Exception as error:  # noqa: BLE001 (whatever it is, the orders must go on waiting)
            self._log_unexpected(talk.dealership_id, error)
            return TalkReport(error=DealerError("unexpected"))
        if session:
            report.remembered, report.slow_down = session.learnt, session.slow_down
        return report

    @api.model
    def _open_session(self, settings):
        """Return the session of a talk. This method serves as a hook."""
        return DealerSession(settings)

    @api.model
    def _get_learnt(self, session):
        """Return version and user id, which may take one more request: no reason to fail now."""
        try:
            return session.server_version, session.uid
        except DealerError:
            return None, None

    @api.model
    def _log_unexpected(self, dealership_id, error):
        """Log where an unexpected error was raised, but none of its words: they may hold keys."""
        _logger.error(
            "Unexpected %s about the orders of dealership %s\n%s",
            type(error).__name__,
            dealership_id,
            "".join(traceback.format_tb(error.__traceback__)),
        )

    @api.model
    @api.private
    def _push_now(self, dealership):
        """Push everything that waits for a dealership, also what was to wait longer.

        :return: ``{state: number of orders}`` of the orders that waited
        """
        with new_transaction(self.sudo().env) as env:
            # a pause that the dealer's server has asked for is kept
            until = dealership._is_left_alone() and dealership.slowed_until
            dealership.with_env(env).write({"back_off_count": 0, "next_attempt": until})
            waiting = env[self._name].search(
                [("dealership_id", "=", dealership.id), ("state", "=", "pending")]
            )
            waiting.next_attempt = False
        end = time.monotonic() + PUSH_NOW_SECONDS
        while (seconds := end - time.monotonic()) > 0:
            if not self.sudo()._push_dealership(dealership.id, seconds):
                break
        with new_transaction(self.sudo().env) as env:
            states = waiting.with_env(env).exists().mapped("state")
        return Counter(states)

    # ------------------------------------------------------------
    # WRITING BACK
    # ------------------------------------------------------------

    def _write_sent(self, results):
        """Write the orders that the dealer has, tell chatter, agents and the dealership's manager.

        An order that was taken back while it was being sent is there all the same.

        :param dict results: ``{order: OrderResult}``
        """
        if not results:
            return
        orders = self.browse(order.id for order in results)
        recalled = orders.filtered(lambda order: order.state == "cancelled")
        differences = {order: order._get_adopted_difference(results[order]) for order in orders}
        for order, result in results.items():
            order.write(order._prepare_sent_vals(result))
        mailed = orders._queue_mails()
        orders._log_on_leads(
            lambda order: order._get_sent_text(
                results[order], differences[order], order in mailed, order in recalled
            )
        )
        orders._close_activities()
        orders._notify_people()

    def _prepare_sent_vals(self, result):
        """Return the values of an order that the dealer has.

        :param result: the ``OrderResult``
        """
        self.ensure_one()
        now = fields.Datetime.now()
        vals = {
            "state": "sent",
            "remote_id": result.remote_id,
            "remote_name": result.remote_name,
            "sent_date": now,
            "error": False,
            "error_code": False,
            "error_details": False,
            "failed_date": False,
            "possibly_sent": False,
            "payload_wanted": False,
            "remarks": [list(note) for note in result.notes] or False,
            "next_attempt": False if result.remote_name else now + FIRST_LOOK_DELAY,
        }
        if result.remote:
            vals |= {**self._prepare_look_vals(result.remote), "remote_checked": now}
            vals["remote_amount_sent"] = result.remote.amount_total or 0.0
            if result.remote.state == CANCELLED:
                # from before a backup was restored here: it may have been sent anew since
                vals["next_attempt"] = now
        if result.made and self.first_attempt and result.made < self.first_attempt:
            # sent before our database was restored: later looks do not take it for another's
            vals["first_attempt"] = result.made.replace(microsecond=0)
        if any(code == "lines_unreadable_now" for code, _details in result.notes):
            vals["next_attempt"] = vals["next_attempt"] or now + FIRST_LOOK_DELAY
        if result.order:
            vals["payload"] = result.order.to_payload()
            vals["external_id"] = result.order.external_id
        return vals

    def _write_newer(self, wanted):
        """Ask the dealer once more about orders that were won again during their talk.

        The answer waited for a lock, and the lead was reopened, changed and won again meanwhile:
        what was sent is not what is wanted by now.

        :param dict wanted: ``{order: its payload_wanted}``
        """
        if not wanted:
            return
        contents = {order.lead_id: Order.from_payload(each) for order, each in wanted.items()}
        orders = self.browse(order.id for order in wanted)
        orders._log_no_second_order(contents)
        orders._ask_again(contents)
        self._trigger_push()

    def _write_failed(self, results, marks):
        """Write what the dealer refused, and tell those who can put it right.

        :param dict results: ``{order: OrderResult}``
        :param dict marks: ``{order id: its possibly_sent before the talk}``: that the dealer
            refuses the order now does not tell about an earlier attempt
        """
        if not results:
            return
        news = self.browse()
        for order, result in results.items():
            order.write({"possibly_sent": marks[order.id]})
            if order.state == "pending":
                if not order._has_failed_before(result):
                    news |= order
                order.write(order._prepare_failed_vals(result))
        news._tell_failed()

    def _write_retry(self, results):
        """Let orders wait that did not get through this time."""
        now = fields.Datetime.now()
        for order, result in results.items():
            if order.state != "pending":
                continue
            order.write(
                {
                    "error": order._translate_result(result),
                    "next_attempt": now + get_back_off(max(order.attempt_count - 1, 0)),
                }
            )
        waiting = self.browse(order.id for order in results if order.next_attempt)
        if waiting:
            self._trigger_push(at=min(waiting.mapped("next_attempt")))

    def _write_waiting(self, error):
        """Say on the waiting orders that their dealership cannot be worked with.

        Agents read this: no word about how the dealer is reached.
        """
        waiting = self.filtered(lambda order: order.state == "pending")
        if error.code in LOGIN_CODES:
            text = self.env._(
                "Waiting: the dealership's Odoo refuses our login. Managers are told."
            )
        elif isinstance(error, DealerSlowDown):
            text = self.env._(
                "Waiting: the dealership's Odoo takes only so many requests at a time. The order "
                "goes out by itself."
            )
        elif error.remedy == PAUSE:
            text = self.env._(
                "Waiting: the connection to the dealership has to be put right. Managers are told."
            )
        else:
            text = self.env._("Waiting: the dealership's Odoo cannot be worked with right now.")
        waiting.error = text
