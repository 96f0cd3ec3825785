# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import logging
import random
import traceback
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta

import psycopg2
from markupsafe import Markup

from odoo import api, fields, models
from odoo.fields import Domain

from ..dealer_api import (
    ConnectionSettings,
    DealerError,
    DealerSession,
    push_orders,
    read_orders,
)
from .dealer_texts import translate

_logger = logging.getLogger(__name__)

ACTIVITY_FAILED = "bpo_crm.mail_activity_type_dealer_order_failed"
MAIL_TEMPLATE = "bpo_crm.mail_template_dealer_order_sent"
# Orders per talk with one dealer.
BATCH_SIZE = 50
# Dealers talked to at the same time: waiting for one of them costs the others nothing.
MAX_TALKS = 8
# How often what a dealer answered is written again after a conflict in our own database.
WRITE_ATTEMPTS = 5
# Seconds between two looks for newly won leads while waiting for slow dealers.
POLL_SECONDS = 1.0
# The name of an order that may not be read is asked for again in ever longer intervals.
FIRST_NAME_DELAY = timedelta(hours=1)
LAST_NAME_AGE = timedelta(days=30)
MAX_ORDER_DELAY = timedelta(minutes=60)


@dataclass
class Batch:
    """Orders of one dealership that are being talked about with its Odoo."""

    dealership_id: int
    # {order id: its possibly_sent before this talk}
    orders: dict
    # The orders are at the dealer already, only their names are unknown.
    names_only: bool
    settings: ConnectionSettings | None = None
    # What is sent; for names the ids of the orders at the dealer.
    payloads: list | None = None


@dataclass
class Answer:
    """What came out of a talk, and what its session learnt."""

    # push: one result per payload; names: {remote id: {"name": …}}
    results: list | dict
    server_version: str | None
    uid: int | None


def talk(batch):
    """Talk with one dealer; runs in a thread and touches no database.

    :raise DealerError: the dealership as a whole cannot be worked with
    """
    with DealerSession(batch.settings) as session:
        if batch.names_only:
            results = read_orders(session, batch.payloads)
        else:
            results = push_orders(session, batch.payloads)
        return Answer(results, *_get_learnt(session))


def _get_learnt(session):
    """Return version and user id, which may take one more request: no reason to fail now."""
    try:
        return session.server_version, session.uid
    except DealerError:
        return None, None


def is_error(outcome):
    """Tell whether a talk came to nothing: its outcome is the error then, no ``Answer``."""
    return isinstance(outcome, BaseException)


class BpoDealerOrder(models.Model):
    """The worker: from the outbox to the dealers, and what they answered back.

    Each talk is in three steps, so that it may end at any point without losing an order or
    making a second one:

    1. The orders are marked (``possibly_sent``, one attempt more); **committed**.
    2. Orders and dealership are locked, looked at once more, and handed to a thread that talks
       with the dealer. The locks are for people (nobody can take back an order that is being
       sent); that there is one order only is the dealer's database's doing.
    3. What the dealer answered is written, with chatter, e-mail and activities; **committed**.
       A conflict with somebody's edit of a lead is rolled back and written again.

    All database work is in the one thread of the scheduled action, with its one cursor. Each
    commit gives the locks away; they are taken again at once. In between a BPO manager may take
    back an order (``possibly_sent`` keeps others from it), which step 3 finds out.
    """

    _inherit = "bpo.dealer.order"

    # ------------------------------------------------------------
    # SCHEDULED ACTION
    # ------------------------------------------------------------

    @api.model
    def _cron_push(self):
        """Push all due orders, several dealers at a time, fair among dealers."""
        self = self.sudo()
        talks, given_up = {}, set()
        with ThreadPoolExecutor(MAX_TALKS, thread_name_prefix="bpo_crm.push") as pool:
            self._start_talks(pool, talks, given_up)
            while talks:
                done, _running = wait(talks, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                answers = [(talks.pop(future), self._get_outcome(future)) for future in done]
                # dealers that answer go on working while their answers are written
                self._start_talks(pool, talks, given_up, answers)
                while answers:
                    self._finish_talk(*answers.pop(0), given_up)
                    self._lock_talks([*talks.values(), *(batch for batch, _outcome in answers)])
                if done:
                    self._start_talks(pool, talks, given_up)
        self._report_rest(given_up)

    @api.model
    def _report_rest(self, given_up):
        """Tell the scheduler what is left; what another transaction holds comes a minute later."""
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
    def _get_due_domain(self):
        """Return the domain of the orders that can be pushed now."""
        now = fields.Datetime.now()
        return Domain(
            [
                ("state", "=", "pending"),
                "|",
                ("next_attempt", "=", False),
                ("next_attempt", "<=", now),
                ("dealership_id", "any", self._get_open_dealership_domain()),
            ]
        )

    @api.model
    def _get_nameless_domain(self):
        """Return the domain of the sent orders whose name is to be asked for again."""
        return Domain(
            [
                ("state", "=", "sent"),
                ("remote_name", "=", False),
                ("next_attempt", "<=", fields.Datetime.now()),
                ("dealership_id", "any", self._get_open_dealership_domain()),
            ]
        )

    @api.model
    def _get_open_dealership_domain(self):
        return Domain(
            [
                ("active", "=", True),
                ("paused", "=", False),
                "|",
                ("next_attempt", "=", False),
                ("next_attempt", "<=", fields.Datetime.now()),
            ]
        )

    # ------------------------------------------------------------
    # STEP 1: mark
    # ------------------------------------------------------------

    @api.model
    def _start_talks(self, pool, talks, given_up, answers=()):
        """Open talks with as many dealers as there is room for, while there is time.

        :param answers: [(batch, outcome)] of ended talks that are not written yet
        """
        # commit also to see what was won meanwhile: a transaction sees its beginning only
        has_time = self.env["ir.cron"]._commit_progress()
        answered = [batch for batch, _outcome in answers]
        self._lock_talks([*talks.values(), *answered])
        if not has_time:
            return
        failing = {batch.dealership_id for batch, outcome in answers if is_error(outcome)}
        batches = []
        try:
            batches = self._open_batches(talks.values(), answered, given_up, failing)
            if not batches:
                return
            for batch in batches:
                self._mark(batch)
            self.env["ir.cron"]._commit_progress()
            self._lock_talks([*talks.values(), *answered])
            ready = [batch for batch in batches if self._prepare_talk(batch)]
            self.env.flush_all()
        except psycopg2.Error as error:
            # somebody changed the same rows this moment
            self.env.cr.rollback()
            _logger.info("Orders could not be prepared, a later run does it: %s", error)
            given_up.update(batch.dealership_id for batch in batches)
            return
        given_up.update(batch.dealership_id for batch in batches if batch not in ready)
        for batch in ready:
            talks[pool.submit(talk, batch)] = batch

    @api.model
    def _open_batches(self, running, answered, given_up, failing):
        """Return batches for the dealers that have waited longest, as many as fit.

        :param running: batches being talked about; the next one of their dealers has to wait
        :param answered: batches that still look due, as their answers are not written yet
        :param given_up: ids of dealerships that are left for a later run
        :param failing: ids of dealerships whose last talk is known to have failed
        """
        taken = given_up | failing | {batch.dealership_id for batch in running}
        answered_ids = [order_id for batch in answered for order_id in batch.orders]
        room = MAX_TALKS - len(running)
        if room <= 0:
            return []
        batches = []
        for domain, names_only in (
            (self._get_due_domain(), False),
            (self._get_nameless_domain(), True),
        ):
            domain &= Domain("id", "not in", answered_ids)
            groups = self._read_group(
                domain & Domain("dealership_id", "not in", list(taken)), ["dealership_id"]
            )
            dealerships = self.env["bpo.dealership"].union(*(group[0] for group in groups))
            for dealership in dealerships.sorted(lambda one: one.last_push or one.create_date):
                if len(batches) < room:
                    taken.add(dealership.id)
                    batches.append(self._open_batch(dealership, domain, names_only))
        given_up.update(batch.dealership_id for batch in batches if not batch.orders)
        return [batch for batch in batches if batch.orders]

    @api.model
    def _open_batch(self, dealership, domain, names_only):
        """Return the next orders of a dealership; none when a user holds what is needed."""
        orders = self.browse()
        if dealership.try_lock_for_update(allow_referencing=True):
            orders = self.search(
                domain & Domain("dealership_id", "=", dealership.id), order="id", limit=BATCH_SIZE
            ).try_lock_for_update(allow_referencing=True)
        return Batch(dealership.id, {order.id: order.possibly_sent for order in orders}, names_only)

    @api.model
    def _mark(self, batch):
        """Note, before the dealer hears of them, that these orders may exist there from now on."""
        if batch.names_only:
            return
        for order in self.browse(batch.orders):
            order.write({"possibly_sent": True, "attempt_count": order.attempt_count + 1})

    # ------------------------------------------------------------
    # STEP 2: lock, look again, talk
    # ------------------------------------------------------------

    @api.model
    def _lock_talks(self, batches):
        """Lock (again, after a commit) what is being talked about; see the class."""
        ids = [order_id for batch in batches for order_id in batch.orders]
        self.browse(ids).try_lock_for_update(allow_referencing=True)

    @api.model
    def _prepare_talk(self, batch):
        """Lock, and fill the batch with what is still to be sent; tell whether there is any."""
        dealership = self.env["bpo.dealership"].browse(batch.dealership_id)
        locked = dealership.try_lock_for_update(allow_referencing=True)
        orders = self.browse(batch.orders).try_lock_for_update(allow_referencing=True)
        state = "sent" if batch.names_only else "pending"
        orders = orders.filtered(lambda order: order.state == state)
        if not locked.filtered_domain(self._get_open_dealership_domain()):
            self._unmark(batch, orders)
            return False
        batch.orders = {order.id: batch.orders[order.id] for order in orders}
        batch.settings = dealership._get_connection_settings()
        batch.payloads = orders.mapped("remote_id" if batch.names_only else "payload")
        return bool(orders)

    def _unmark(self, batch, orders):
        """Take the mark back: for these orders the dealer was certainly not asked this time."""
        for order in orders:
            order.possibly_sent = batch.orders[order.id]

    # ------------------------------------------------------------
    # STEP 3: write back
    # ------------------------------------------------------------

    @api.model
    def _finish_talk(self, batch, outcome, given_up):
        """Write what came out of a talk; where that fails, the next attempt finds the orders."""
        for attempt in range(1, WRITE_ATTEMPTS + 1):
            try:
                self._write_outcome(batch, outcome)
                self.env["ir.cron"]._commit_progress(len(batch.orders))
                return
            except psycopg2.Error as error:
                # an agent edited one of the leads meanwhile; the dealer's answer is still here
                self.env.cr.rollback()
                _logger.info("Writing a dealer's answer, attempt %s: %s", attempt, error)
            except Exception as error:  # noqa: BLE001 (one dealer must not stop the others)
                self.env.cr.rollback()
                if is_error(outcome):
                    self._log_unexpected(batch, error)
                    break
                # written as a failed talk, so that the dealership backs off
                outcome = error
        given_up.add(batch.dealership_id)

    @api.model
    def _get_outcome(self, future):
        """Return the answer of a talk, or the error that ended it."""
        error = future.exception()
        return future.result() if error is None else error

    @api.model
    def _log_unexpected(self, batch, error):
        """Log where an unexpected error was raised, but none of its words: they may hold keys."""
        _logger.error(
            "Unexpected %s about the orders of dealership %s\n%s",
            type(error).__name__,
            batch.dealership_id,
            "".join(traceback.format_tb(error.__traceback__)),
        )

    @api.model
    def _write_outcome(self, batch, outcome):
        dealership = self.env["bpo.dealership"].browse(batch.dealership_id)
        dealership.try_lock_for_update(allow_referencing=True)
        orders = self.browse(batch.orders)
        orders.try_lock_for_update(allow_referencing=True)
        if is_error(outcome):
            self._write_no_answer(dealership, batch, orders, outcome)
            return
        dealership._remember_session(outcome)
        if batch.names_only:
            orders._write_names(outcome.results)
            return
        results = dict(zip(orders, outcome.results, strict=True))
        orders._write_sent({o: r for o, r in results.items() if r.outcome == "sent"})
        orders._write_failed({o: r for o, r in results.items() if r.outcome == "failed"}, batch)
        orders._write_retry({o: r for o, r in results.items() if r.outcome == "retry"})

    @api.model
    def _write_no_answer(self, dealership, batch, orders, error):
        """Note on the dealership that it cannot be worked with; the orders go on waiting."""
        if isinstance(error, DealerError):
            message, certain = dealership._translate_error(error), not error.request_sent
            pause = error.outcome == "pause"
        else:
            self._log_unexpected(batch, error)
            message, certain, pause = self.env._("An unexpected error; see the log."), False, False
        if batch.names_only:
            self._postpone_names(orders)
        elif certain:
            self._unmark(batch, orders)
        if pause:
            dealership._pause(message)
        else:
            dealership._back_off(message)
        if not batch.names_only:
            # agents read this: no word about how the dealer is reached
            orders.filtered(lambda order: order.state == "pending").error = (
                self.env._("Waiting: the dealership's Odoo refuses our login. Managers are told.")
                if pause
                else self.env._("Waiting: the dealership's Odoo cannot be worked with right now.")
            )

    # -- sent --

    def _write_sent(self, results):
        """Write the orders that the dealer has, tell chatter, agents and the dealership's manager.

        An order that was taken back while it was being sent is there all the same.
        """
        if not results:
            return
        orders = self.browse(order.id for order in results)
        recalled = orders.filtered(lambda order: order.state == "cancelled")
        now = fields.Datetime.now()
        for order, result in results.items():
            order.write(
                {
                    "state": "sent",
                    "remote_id": result.remote_id,
                    "remote_name": result.remote_name,
                    "sent_date": now,
                    "error": False,
                    "possibly_sent": False,
                    "next_attempt": False if result.remote_name else now + FIRST_NAME_DELAY,
                }
            )
        mailed = orders._queue_mails()
        orders._log_on_leads(
            lambda order: order._get_sent_text(results[order], order in mailed, order in recalled)
        )
        orders._close_activities()
        orders._notify_agents()

    def _get_sent_text(self, result, mailed, recalled):
        """Return the chatter message about an order that the dealer has."""
        lines = [
            Markup("%s %s")
            % (
                self.env._(
                    "%(dealership)s has the order of this lead:",
                    dealership=self.dealership_id.name,
                ),
                self._get_link(),
            )
        ]
        if recalled:
            lines.append(
                self.env._(
                    "The lead left Won while the order was being sent. Cancel the order at the "
                    "dealership by hand."
                )
            )
        lines += [translate(self.env, *note) for note in result.notes]
        if mailed:
            email = self.dealership_id.manager_email
            lines.append(self.env._("An e-mail to %(email)s is on its way.", email=email))
        elif not self.dealership_id.manager_email:
            lines.append(
                self.env._("The dealership has no manager e-mail: nobody was told by e-mail.")
            )
        else:
            lines.append(
                self.env._("The e-mail to the dealership's manager could not be prepared.")
            )
        return Markup("<br/>").join(lines)

    def _queue_mails(self):
        """Queue the e-mails to the managers of the dealerships; return the orders with one.

        A template that somebody broke costs the e-mail, not the order.
        """
        addressed = self.filtered("dealership_id.manager_email")
        template = self.env.ref(MAIL_TEMPLATE, raise_if_not_found=False)
        if not addressed or not template:
            return self.browse()
        try:
            with self.env.cr.savepoint():
                template.sudo().send_mail_batch(addressed.ids, force_send=False)
        except psycopg2.Error:
            raise
        except Exception:
            _logger.exception("The e-mail about dealer orders could not be prepared")
            return self.browse()
        return addressed

    def _notify_agents(self):
        """Tell the agents, one message each, and let their open forms refresh."""
        for agent, orders in self.grouped("user_id").items():
            if not agent:
                continue
            env = self.with_context(lang=agent.lang).env
            agent._bus_send(
                "bpo_crm.dealer_order",
                {
                    "records": {"crm.lead": orders.lead_id.ids, self._name: orders.ids},
                    "type": "danger" if orders[0].state == "failed" else "success",
                    "message": orders._get_notification(env),
                },
            )

    def _get_notification(self, env):
        """Return what the agent is told about these orders, all in the same state."""
        names = ", ".join(self[:3].mapped("lead_id.name")) + (" …" if len(self) > 3 else "")
        if self[0].state == "failed":
            return env._("The order could not be created at the dealership: %s", names)
        return env._("The order was created at the dealership: %s", names)

    # -- names --

    def _write_names(self, records):
        """Fill in the names that can be read by now."""
        for order in self:
            if name := records.get(order.remote_id, {}).get("name"):
                order.write({"remote_name": name, "next_attempt": False})
            else:
                self._postpone_names(order)

    @api.model
    def _postpone_names(self, orders):
        """Ask again after as long as the name is unknown by now, and not for ever."""
        now = fields.Datetime.now()
        for order in orders:
            age = now - order.sent_date
            order.next_attempt = now + max(age, FIRST_NAME_DELAY) if age < LAST_NAME_AGE else False

    # -- failed, retry --

    def _write_failed(self, results, batch):
        """Write what the dealer refused: reason in chatter, activity for the lead's owner."""
        if not results:
            return
        orders = self.browse(order.id for order in results)
        for order, result in results.items():
            order.write({"possibly_sent": batch.orders[order.id]})
            if order.state == "pending":
                order.write({"state": "failed", "error": order._translate_result(result)})
        failed = orders.filtered(lambda order: order.state == "failed")
        failed._log_on_leads(
            lambda order: (
                Markup("%s<br/>%s")
                % (
                    order.env._(
                        "%(dealership)s did not take the order of this lead:",
                        dealership=order.dealership_id.name,
                    ),
                    order.error,
                )
            )
        )
        failed._schedule_activities()
        failed._notify_agents()

    def _schedule_activities(self):
        """Ask the owner of each lead to put right what failed, in one go."""
        leads = self.lead_id
        if not leads:
            return
        asked = leads.activity_search([ACTIVITY_FAILED]).mapped("res_id")
        activity_type = self.env.ref(ACTIVITY_FAILED)
        lead_model = self.env["ir.model"]._get("crm.lead")
        self.env["mail.activity"].with_context(mail_activity_quick_update=True).create(
            [
                {
                    "activity_type_id": activity_type.id,
                    "summary": activity_type.summary,
                    "note": order.error,
                    "automated": True,
                    "date_deadline": fields.Date.context_today(self),
                    "res_model_id": lead_model.id,
                    "res_id": order.lead_id.id,
                    "user_id": order._get_responsible().id,
                }
                for order in self
                if order.lead_id.id not in asked
            ]
        )

    def _get_responsible(self):
        """Return who is to act on a failed order: owner, else team leader, else a manager."""
        self.ensure_one()
        lead = self.lead_id
        candidates = (lead.user_id, lead.team_id.user_id, self._get_managers(self.company_id)[:1])
        return next((user for user in candidates if user.active), self.env["res.users"])

    def _write_retry(self, results):
        """Let orders wait that did not get through this time."""
        now = fields.Datetime.now()
        for order, result in results.items():
            if order.state != "pending":
                continue
            delay = timedelta(minutes=2 ** min(max(order.attempt_count - 1, 0), 6))
            delay = min(delay, MAX_ORDER_DELAY) * random.uniform(0.8, 1.2)  # noqa: S311
            order.write({"error": order._translate_result(result), "next_attempt": now + delay})
        waiting = self.browse(order.id for order in results if order.next_attempt)
        if waiting:
            self._trigger_push(at=min(waiting.mapped("next_attempt")))

    def _translate_result(self, result):
        """Return the reason in the language of the lead's owner."""
        env = self.with_context(lang=self.user_id.lang or self.env.lang).env
        return translate(env, result.code, result.details, result.text)
