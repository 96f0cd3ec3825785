# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One run: which dealers are talked with, how many at a time, and who is given up."""

import threading
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial

from odoo import api
from odoo.tools import config

from .dealer_talks import TALKS_PER_DEALER

# Dealers talked with at the same time: waiting for one of them costs the others nothing.
MAX_TALKS = 8
# Seconds between two looks for newly won leads while waiting for slow dealers.
POLL_SECONDS = 1.0
# With less time than this a talk is not begun.
SHORTEST_TALK = 5.0
# Of the time after which Odoo kills a scheduled action talks use this part; the rest is for
# writing what came out of them.
PART_FOR_TALKS = 0.75
# How often what a dealer answered is written again after a conflict in our own database.
WRITE_ATTEMPTS = 5
# Seconds that a thread waits for its turn to write.
TURN_SECONDS = 2.0
_turn = threading.Lock()


def get_run_seconds():
    """Return the seconds in which all talks of a run have to end.

    Odoo kills a scheduled action that lasts longer than ``limit_time_real_cron``, or
    ``limit_time_real`` where that is not set (``odoo/service/server.py``); 0 is no limit.
    """
    limit = config["limit_time_real_cron"]
    if limit is None or limit < 0:
        limit = config["limit_time_real"]
    return limit * PART_FOR_TALKS if limit else float("inf")


@contextmanager
def taking_turns():
    """Let one thread of this process write at a time.

    Several would only take turns with the interpreter, and keep the talks from it. One that waits
    for a lock in the database does not hold up the others for long.
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


def open_pool(env):
    """Return the threads that talk with dealers."""
    return ThreadPoolExecutor(
        # while the answers of one talk are written the next one may be under way
        2 * MAX_TALKS,
        thread_name_prefix="bpo_crm.push",
        # what Odoo's log writes before each line
        initializer=lambda: setattr(threading.current_thread(), "dbname", env.cr.dbname),
    )


class DealerRun:
    """A run of a scheduled action that works with all dealerships that are due.

    Several dealers at a time, each in a thread with transactions of its own; those that have
    waited longest first. The thread of the scheduled action only looks who is due. What is done
    with each dealership, and which are due, subclasses say.

    The scheduler gives a run some seconds. When they are over new talks begin only while the run
    waits for a dealer that was talked with before: a slow one delays nobody, and makes the run no
    longer. No talk goes on until Odoo would kill the run: then nothing would be written of it.

    :param env: environment of the scheduled action, as superuser
    """

    def __init__(self, env):
        self.env = env
        self.orders = env["bpo.dealer.order"]
        # {future: dealership id}, and how many there are per dealership; talks change them, too
        self.running = {}
        self.talks = Counter()
        self.lock = threading.Lock()
        # whether the scheduler has given the run more time
        self.in_time = True
        # ids of dealerships that are left for a later run
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

    def work(self, dealership_id, seconds, go_on):
        """Work with one dealership, in a thread; return how much was done, 0 to leave it.

        :param float seconds: when it has to be over
        :param go_on: called without arguments to work with it in another thread as well
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

    def _get_running(self):
        """Return ``{future: dealership id}`` as it is now; talks begin others meanwhile."""
        with self.lock:
            return dict(self.running)

    def _start(self, pool):
        """Begin to talk with as many dealers as there is room for, while there is time."""
        # commit also to see what was won meanwhile: a transaction sees its beginning only
        self.in_time = bool(self.env["ir.cron"]._commit_progress(self.processed))
        self.env.invalidate_all()
        self.processed = 0
        running = self._get_running()
        talking = set(running.values())
        seconds = self.end - time.monotonic()
        room = MAX_TALKS - len(talking)
        if room <= 0 or seconds < SHORTEST_TALK or not self._may_start(running):
            return
        for dealership_id in self.find_due(self.given_up | talking)[:room]:
            self._begin(pool, dealership_id, seconds)

    def _may_start(self, running):
        """Tell whether new talks may begin: in time, or while the run has to wait anyway."""
        if self.in_time:
            return True
        if self.stragglers is None:
            self.stragglers = set(running)
        return not self.stragglers.isdisjoint(running)

    def _begin(self, pool, dealership_id, seconds):
        """Talk with a dealer in a thread."""
        go_on = partial(self._go_on, pool, dealership_id)
        with self.lock:
            self.talks[dealership_id] += 1
        future = pool.submit(self.work, dealership_id, seconds, go_on)
        with self.lock:
            self.running[future] = dealership_id

    def _go_on(self, pool, dealership_id):
        """Begin the next talk with a dealer while the answers of this one are written.

        Called in the thread of a talk whose dealer has answered.
        """
        seconds = self.end - time.monotonic()
        room = TALKS_PER_DEALER - self.talks[dealership_id]
        if self.in_time and seconds >= SHORTEST_TALK and room > 0:
            self._begin(pool, dealership_id, seconds)

    def _finish(self, future):
        """Note how a talk ended; give up those with whom nothing is to be done in this run."""
        with self.lock:
            dealership_id = self.running.pop(future)
            self.talks[dealership_id] -= 1
        try:
            count = future.result()
        except Exception as error:  # noqa: BLE001 (one dealer must not stop the others)
            self.orders._log_unexpected(dealership_id, error)
            count = 0
        self.processed += count
        if not (count or self.talks[dealership_id]):
            self.given_up.add(dealership_id)


class DealerPush(DealerRun):
    """A run that pushes all orders that are due (``bpo.dealer.order._push_dealership``)."""

    def run(self):
        self.orders._retry_healable()
        return super().run()

    def find_due(self, without):
        return self.orders._get_due_dealership_ids(without)

    def work(self, dealership_id, seconds, go_on):
        return self.orders._push_dealership(dealership_id, seconds, go_on)

    def leave_rest(self):
        self.orders._schedule_rest(self.given_up)


class DealerSurvey(DealerRun):
    """A run that looks at all orders of the dealerships that are due
    (``bpo.dealership._survey_dealership``).
    """

    def find_due(self, without):
        return self.env["bpo.dealership"]._get_due_for_survey(without).ids

    def work(self, dealership_id, seconds, go_on):
        return self.env["bpo.dealership"]._survey_dealership(dealership_id, seconds)

    def leave_rest(self):
        rest = self.env["bpo.dealership"]._get_due_for_survey(self.given_up)
        self.env["ir.cron"]._commit_progress(remaining=len(rest))


class DealerProducts(DealerRun):
    """A run that looks which of our products the dealerships know that are due
    (``bpo.dealership._check_products_of``).
    """

    def find_due(self, without):
        return self.env["bpo.dealership"]._get_due_for_products(without).ids

    def work(self, dealership_id, seconds, go_on):
        return self.env["bpo.dealership"]._check_products_of(dealership_id, seconds)

    def leave_rest(self):
        rest = self.env["bpo.dealership"]._get_due_for_products(self.given_up)
        self.env["ir.cron"]._commit_progress(remaining=len(rest))
