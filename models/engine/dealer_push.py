# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One run: which dealers are talked with, how many at a time, and who is given up."""

import logging
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial

import psycopg2

from odoo import api
from odoo.tools import config

from .dealer_talks import TALKS_PER_DEALER

_logger = logging.getLogger(__name__)

# Dealers talked with at the same time: waiting for one of them costs the others nothing. Fewer
# leave the processor idle where dealers take 20 ms for an order; more would only take more memory.
MAX_TALKS = 12
# Seconds between two looks for newly won leads, and two reports to the scheduler, while there is no
# room for more talks or none of them ends.
POLL_SECONDS = 1.0
# Seconds after which a run begins no more talks, though no other scheduled action is due: those of
# other databases on the same server get their turn. Each end and new beginning costs some seconds,
# in which the first answers are waited for.
LONGEST_RUN = 30.0
# With less time than this a talk is not begun.
SHORTEST_TALK = 5.0
# Of the time after which Odoo kills a scheduled action talks use this part; the rest is for
# writing what came out of them.
PART_FOR_TALKS = 0.75
# How often what a dealer answered is written again after a conflict in our own database.
WRITE_ATTEMPTS = 5
# How long writing waits for somebody who holds one of the rows.
WRITE_LOCK_TIMEOUT = "5s"
# Seconds that a thread waits for its turn to write.
TURN_SECONDS = 2.0
# Seconds in which the next talk asks its dealer: whoever writes meanwhile keeps the interpreter
# from it for longer than the asking takes.
HEAD_START = 0.1
_turn = threading.Lock()


def wake(env, cron, at=None):
    """Wake a scheduled action when this transaction is committed, or later.

    :param str cron: its external id
    :param datetime at: not before then
    :return: whether it is there; where somebody has deleted it, what people do goes on
    """
    action = env.ref(cron, raise_if_not_found=False)
    if action:
        action.sudo()._trigger(at=at)
    return bool(action)


def get_run_seconds():
    """Return the seconds in which all talks of a run have to end.

    Odoo kills a scheduled action that lasts longer than ``limit_time_real_cron``, or
    ``limit_time_real`` where that is not set (``odoo/service/server.py``); 0 is no limit.
    """
    limit = config["limit_time_real_cron"]
    if limit is None or limit < 0:
        limit = config["limit_time_real"]
    return get_talk_seconds(limit)


def get_talk_seconds(limit):
    """Return the part of one of Odoo's limits, in seconds, in which talks have to end.

    :param limit: 0 is no limit
    """
    return limit * PART_FOR_TALKS if limit else float("inf")


@contextmanager
def taking_turns():
    """Let one thread of this process write at a time.

    Several would only take turns with the interpreter, and keep the talks from it: with two of them
    an order costs a tenth more. One that waits for a lock in the database does not hold up the
    others for long.
    """
    is_mine = _turn.acquire(timeout=TURN_SECONDS)
    try:
        yield
    finally:
        if is_mine:
            _turn.release()


@contextmanager
def new_transaction(env):
    """Give an environment with a cursor of its own, committed when all went well.

    :param env: says whose rights and which context; its own cursor is not touched, so it may be
        that of another thread
    """
    with env.registry.cursor() as cr:
        yield api.Environment(cr, env.uid, dict(env.context), su=env.su)


def write_once(env, write):
    """Write in a transaction of its own; wait for nobody without end who holds the same rows.

    :param write: function of the new environment
    :return: what ``write`` returned
    :raise psycopg2.OperationalError: somebody works with the same rows
    """
    with new_transaction(env) as own_env:
        own_env.cr.execute("SET LOCAL lock_timeout = %s", [WRITE_LOCK_TIMEOUT])
        return write(own_env)


def write_again(env, write, conflicts=psycopg2.OperationalError):
    """Write as :func:`write_once` does, and once more, in a new transaction, after each conflict.

    :param conflicts: the errors after which it is tried again
    :raise psycopg2.Error: one of the conflicts, to the last
    """
    for attempt in range(1, WRITE_ATTEMPTS):
        try:
            return write_once(env, write)
        except conflicts as conflict:
            _logger.info("Writing what a dealer answered, attempt %s: %s", attempt, conflict)
    return write_once(env, write)


def open_pool(env):
    """Return the threads that talk with dealers."""
    return ThreadPoolExecutor(
        # of each dealer a talk may be under way, and one be written or wait for its turn
        TALKS_PER_DEALER * MAX_TALKS,
        thread_name_prefix="bpo_crm.push",
        # what Odoo's log writes before each line
        initializer=lambda: setattr(threading.current_thread(), "dbname", env.cr.dbname),
    )


class Turn:
    """A talk's turn with its dealer; of one that is alone: it comes at once, and none follows.

    The next talk chooses and marks its orders while this one is under way, and waits. It comes to
    its turn when the dealer has answered this one, and not at all where anything went wrong.
    """

    def comes(self):
        """Wait until it is this talk's turn; return False where it is to be given up."""
        return True

    def begin_next(self):
        """Let the next talk begin: this one has its orders, and more may be due."""

    def pass_on(self, well=True):
        """Let the next talk have its turn, or be given up; only the first call counts."""

    def give_head_start(self):
        """Wait until the next talk has asked its dealer, where one has begun."""


class RunTurn(Turn):
    """A turn in a run.

    :param may_go_on: function that tells whether there still is time for a talk
    :param begin_next: function of this turn that begins the next talk
    :param before: the turn of the talk before
    """

    def __init__(self, may_go_on, begin_next, before=None):
        self._may_go_on = may_go_on
        self._begin_next = begin_next
        self._before = before
        self._passed_on = Future()

    @property
    def has_failed(self):
        """Tell whether the next talk is to be given up."""
        return self._passed_on.done() and not self._passed_on.result()

    def comes(self):
        before, self._before = self._before, None
        # the talk before ends in time, and passes its turn on however it ends
        return before is None or (before._passed_on.result() and self._may_go_on())

    def begin_next(self):
        # also a talk that has to be prepared again is followed by one only
        begin, self._begin_next = self._begin_next, None
        if begin:
            begin(self)

    def pass_on(self, well=True):
        if not self._passed_on.done():
            self._passed_on.set_result(well)

    def give_head_start(self):
        if self._begin_next is None:
            time.sleep(HEAD_START)


class DealerRun:
    """A run of a scheduled action that works with all dealerships that are due.

    Several dealers at a time, each in a thread with transactions of its own; those that have
    waited longest first. The thread of the scheduled action only looks who is due. What is done
    with each dealership, and which are due, subclasses say.

    The scheduler gives a run some seconds, for the sake of other scheduled actions; while none is
    due a run goes on. When its time is over new talks begin only while the run waits for a dealer
    that was talked with before: a slow one delays nobody, and makes the run no longer. No talk goes
    on until Odoo would kill the run: then nothing would be written of it.

    :param env: environment of the scheduled action, as superuser
    """

    def __init__(self, env):
        self.env = env
        self.orders = env["bpo.dealer.order"]
        # {future: dealership id}, and how many there are per dealership; talks change them, too
        self.running = {}
        self.talks = Counter()
        # {dealership id: the turn of the talk that is to be followed as soon as there is room}
        self.to_follow = {}
        self.lock = threading.Lock()
        # whether the run has more time
        self.in_time = True
        self.began = self.next_report = time.monotonic()
        # ids of dealerships with whom nothing could be done last, and of those that are left for a
        # later run
        self.idle = set()
        self.given_up = set()
        # what was done since the last report to the scheduler: orders, or dealerships
        self.processed = 0
        self.end = time.monotonic() + get_run_seconds()
        # the talks that were running when the time was over
        self.stragglers = None

    def find_due(self, without):
        """Return the ids of the dealerships that are due, those waiting longest first.

        :param without: ids of dealerships that are not to be among them
        """
        raise NotImplementedError

    def work(self, dealership_id, turn):
        """Work with one dealership, in a thread, in the time that :meth:`get_seconds` tells.

        :param turn: the :class:`Turn` with this dealership, whose next one may be begun
        :return: how much was done; 0 to leave the dealership for a later run; None where the turn
            did not come
        """
        raise NotImplementedError

    def leave_rest(self):
        """Tell the scheduler what is left for a later run."""
        raise NotImplementedError

    def run(self):
        """Work with all that are due, and leave the rest for a later run."""
        with self.orders._open_push_pool() as pool:
            self._start(pool)
            while running := self._get_running():
                done, _running = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    self._finish(future)
                self._start(pool)
        self.leave_rest()

    def get_seconds(self):
        """Return the seconds in which a talk that begins now has to be over."""
        return self.end - time.monotonic()

    def _get_running(self):
        """Return ``{future: dealership id}`` as it is now; talks begin others meanwhile."""
        with self.lock:
            return dict(self.running)

    def _start(self, pool):
        """Begin to talk with as many dealers as there is room for, while there is time."""
        running = self._get_running()
        talking = set(running.values())
        room = MAX_TALKS - len(talking)
        if room <= 0 and time.monotonic() < self.next_report:
            return
        self._report()
        if room <= 0 or self.get_seconds() < SHORTEST_TALK or not self._may_start(running):
            return
        for dealership_id in self.find_due(self.given_up | talking)[:room]:
            self._begin(pool, dealership_id)

    def _report(self):
        """Tell the scheduler what was done, and ask whether to go on.

        Commit also to see what was won meanwhile: a transaction sees its beginning only.
        """
        self.in_time = self._has_time(self.env["ir.cron"]._commit_progress(self.processed))
        self.env.invalidate_all()
        self.processed = 0
        self.next_report = time.monotonic() + POLL_SECONDS

    def _has_time(self, seconds):
        """Tell whether the run may go on.

        :param seconds: what the scheduler has left for it; it asks nobody who waits for what
        """
        if seconds:
            return True
        cron = self.env["ir.cron"]
        own = self.env.context.get("cron_id")
        return time.monotonic() - self.began < LONGEST_RUN and not any(
            job["id"] != own for job in cron._get_all_ready_jobs(self.env.cr)
        )

    def _may_start(self, running):
        """Tell whether new talks may begin: in time, or while the run has to wait anyway."""
        if self.in_time:
            return True
        if self.stragglers is None:
            self.stragglers = set(running)
        return not self.stragglers.isdisjoint(running)

    def _may_go_on(self):
        """Tell whether talks may follow each other."""
        return self.in_time and self.get_seconds() >= SHORTEST_TALK

    def _begin(self, pool, dealership_id, before=None):
        """Talk with a dealer in a thread.

        :param before: the turn of the talk with the same dealer that this one follows
        """
        turn = RunTurn(self._may_go_on, partial(self._follow, pool, dealership_id), before)
        with self.lock:
            self.talks[dealership_id] += 1
        future = pool.submit(self._take_turn, pool, dealership_id, turn)
        with self.lock:
            self.running[future] = dealership_id

    def _follow(self, pool, dealership_id, turn):
        """Begin the talk that follows another one, now or when an earlier one has been written.

        Called in the thread of one of the dealer's talks.

        :param turn: the turn of the talk that is to be followed
        """
        with self.lock:
            if self.talks[dealership_id] >= TALKS_PER_DEALER:
                self.to_follow[dealership_id] = turn
                return
        if self._may_go_on() and not turn.has_failed:
            self._begin(pool, dealership_id, turn)

    def _take_turn(self, pool, dealership_id, turn):
        """Work with a dealer; whatever happens, the next talk is not left waiting."""
        try:
            return self.work(dealership_id, turn)
        finally:
            turn.pass_on(False)
            with self.lock:
                self.talks[dealership_id] -= 1
                to_follow = self.to_follow.pop(dealership_id, None)
            if to_follow:
                self._follow(pool, dealership_id, to_follow)

    def _finish(self, future):
        """Note how a talk ended; give up those with whom nothing is to be done in this run."""
        with self.lock:
            dealership_id = self.running.pop(future)
            is_last = dealership_id not in self.running.values()
        try:
            count = future.result()
        except Exception as error:  # noqa: BLE001 (one dealer must not stop the others)
            self.orders._log_unexpected(dealership_id, error)
            count = 0
        self.processed += count or 0
        if count:
            self.idle.discard(dealership_id)
        elif count == 0:
            self.idle.add(dealership_id)
        if is_last and dealership_id in self.idle:
            self.given_up.add(dealership_id)


class DealerPush(DealerRun):
    """A run that pushes all orders that are due; see ``bpo_dealer_order_push.py``."""

    def run(self):
        self.orders._retry_healable()
        return super().run()

    def find_due(self, without):
        # there is never room for more
        return self.orders._get_due_dealership_ids(without, MAX_TALKS)

    def work(self, dealership_id, turn):
        talk = self.orders._choose_talk(dealership_id)
        if not talk:
            return 0
        if not turn.comes():
            self.orders._give_up(talk)
            return None
        talk.seconds = self.get_seconds()
        return len(talk.marks) if self.orders._hold_talk(talk, turn) else 0

    def leave_rest(self):
        self.orders._schedule_rest(self.given_up)


class DealerLook(DealerRun):
    """A run that asks each dealership that is due once, and writes what it has."""

    def get_due(self, without):
        """Return the dealerships that are due.

        :param without: ids of dealerships that are not to be among them
        """
        raise NotImplementedError

    def find_due(self, without):
        return self.get_due(without).ids

    def leave_rest(self):
        self.env["ir.cron"]._commit_progress(remaining=len(self.get_due(self.given_up)))


class DealerSurvey(DealerLook):
    """A run that looks at all orders of the dealerships that are due
    (``bpo.dealership._survey_dealership``).
    """

    def get_due(self, without):
        return self.env["bpo.dealership"]._get_due_for_survey(without)

    def work(self, dealership_id, turn):
        return self.env["bpo.dealership"]._survey_dealership(dealership_id, self.get_seconds())


class DealerProducts(DealerLook):
    """A run that looks which of our products the dealerships know that are due
    (``bpo.dealership._check_products_of``).
    """

    def get_due(self, without):
        return self.env["bpo.dealership"]._get_due_for_products(without)

    def work(self, dealership_id, turn):
        return self.env["bpo.dealership"]._check_products_of(dealership_id, self.get_seconds())
