# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""OCA's ``queue_job`` as the engine, where it is installed: one job per dealership drains it.

Nothing here is needed without it, and the addon does not depend on it: whether it is there is seen
in the registry. A job takes the same steps as the scheduled action (``dealer_push.py``), with one
dealership, for some seconds; where more is due it ends, and comes again behind the others. That
there is one order only rests on none of this: two jobs, or a job and the scheduled action, may be
at the same dealership at any time.
"""

import time
from contextlib import contextmanager, suppress
from datetime import timedelta

import psycopg2

from odoo import SUPERUSER_ID, fields
from odoo.fields import Domain
from odoo.tools import SQL, config

from ..constants import PUSH_CRON
from .dealer_push import DealerPush, DealerRun, get_talk_seconds, wake, write_again

# In the data of a transaction: whether jobs are to be woken when it is committed.
WAKE = "bpo_crm.wake_jobs"
# Below ``root``. How many jobs of it run at the same time is queue_job's configuration.
CHANNEL = "bpo_crm"
JOB_MODEL = "bpo.dealership"
JOB_METHOD = "_push_as_job"
# What waits to be run, as queue_job counts for its identity keys.
WAITING_STATES = ("pending", "enqueued")
# The lower, the sooner: a lead that was won just now goes before what has piled up elsewhere.
PRIORITY_JUST_WON, PRIORITY_USUAL = 5, 10
JUST_WON_FOR = timedelta(minutes=1)
# Seconds in which a job begins talks; then it is the others' turn.
SLICE_SECONDS = 10.0
# Seconds after which a job tries again that has found another one at its dealership.
BUSY_SECONDS = 3
# A job that has waited so long is not relied upon: the scheduled action does its work.
PATIENCE = timedelta(minutes=5)
# The first key of the advisory locks of jobs; the second one is the id of the dealership.
JOB_LOCK = 0x62706F6A  # "bpoj"


def has_queue(env):
    """Tell whether jobs drain the outbox: queue_job is installed in this database."""
    return "queue.job" in env


def get_superuser_env(env):
    """Return the environment that scheduled actions have: nobody's language and companies."""
    return env(user=SUPERUSER_ID, context={}, su=True)


def get_request_seconds():
    """Return the seconds in which the talks of a job have to end: it runs in a web request."""
    return get_talk_seconds(config["limit_time_real"])


@contextmanager
def being_alone(env, dealership_id):
    """Keep other jobs from a dealership meanwhile; give whether no other one is there.

    An advisory lock of the database session: it outlives commits, and ends with the process.
    """
    [[is_alone]] = env.execute_query(
        SQL("SELECT pg_try_advisory_lock(%s, %s)", JOB_LOCK, dealership_id)
    )
    try:
        yield is_alone
    finally:
        if is_alone:
            unlock = SQL("SELECT pg_advisory_unlock(%s, %s)", JOB_LOCK, dealership_id)
            try:
                env.execute_query(unlock)
            except psycopg2.Error:
                # with a lost connection the lock is gone; else the transaction has failed before
                with suppress(psycopg2.OperationalError, psycopg2.InterfaceError):
                    env.cr.rollback()
                    env.execute_query(unlock)


def find_busy(env):
    """Return the ids of the dealerships with a job at work, at this very moment.

    Each of these jobs looks once more when it is alone no more (``DealershipPush.come_again``).
    """
    rows = env.execute_query(
        SQL(
            "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            JOB_LOCK,
        )
    )
    return {dealership_id for (dealership_id,) in rows}


def hand_over(env, dealerships=None, at_once=False):
    """Have jobs work with the dealerships that are due, in a transaction of its own.

    :param env: environment of any user
    :param dealerships: ids of those that are meant; all when None
    :param at_once: also those of the jobs that are to try again later
    :return: ids of the dealerships with a job that has waited for too long
    """
    return write_again(
        get_superuser_env(env), lambda own: JobQueue(own).hand_over(dealerships, at_once)
    )


def wake_later(env):
    """Have the scheduled action look in a minute at what another transaction holds now."""
    wake(env, PUSH_CRON, at=fields.Datetime.now() + timedelta(minutes=1))


class JobQueue:
    """The jobs of this addon.

    :param env: environment of the superuser. Its transaction has to begin when what is due has been
        committed: a job that is seen waiting then looks later than that, so that nothing is missed
    """

    def __init__(self, env):
        self.env = env
        self.jobs = env["queue.job"]

    @staticmethod
    def get_key(dealership_id):
        """Return the identity key: a dealership has one waiting job at most."""
        return f"bpo_crm.push.{dealership_id}"

    def hand_over(self, dealerships=None, at_once=False):
        """See :func:`hand_over`."""
        priorities = self.get_due(dealerships)
        waiting = self.find_waiting(priorities)
        busy = find_busy(self.env)
        overdue = []
        for dealership_id, priority in priorities.items():
            if job := waiting.get(self.get_key(dealership_id)):
                self.hasten(job, priority, at_once)
                if self.is_overdue(job):
                    overdue.append(dealership_id)
            elif dealership_id not in busy:
                # after a slice there is no hurry any more
                self.add(dealership_id, PRIORITY_USUAL if at_once else priority)
        return overdue

    def get_due(self, dealerships=None):
        """Return ``{id: priority}`` of the dealerships with due orders."""
        orders = self.env["bpo.dealer.order"]
        domain = orders._get_due_domain()
        if dealerships is not None:
            domain &= Domain("dealership_id", "in", dealerships)
        just_now = fields.Datetime.now() - JUST_WON_FOR
        return {
            dealership.id: (
                PRIORITY_JUST_WON if won_date and won_date >= just_now else PRIORITY_USUAL
            )
            for dealership, won_date in orders._read_group(
                domain, ["dealership_id"], ["won_date:max"]
            )
        }

    def find_waiting(self, dealership_ids):
        """Return ``{identity key: job}`` of the jobs that were not begun yet."""
        keys = [self.get_key(dealership_id) for dealership_id in dealership_ids]
        jobs = self.jobs.search(
            [("identity_key", "in", keys), ("state", "in", WAITING_STATES)], order="id DESC"
        )
        return {job.identity_key: job for job in jobs}

    def add(self, dealership_id, priority):
        """Add a job, which the runner sees when this transaction is committed."""
        self.prepare()
        dealership = self.env[JOB_MODEL].browse(dealership_id)
        delayed = dealership.with_delay(
            priority=priority,
            identity_key=self.get_key(dealership_id),
            description=self.env._(
                "BPO CRM: push orders to %(dealership)s", dealership=dealership.name
            ),
        )
        getattr(delayed, JOB_METHOD)()

    def hasten(self, job, priority, at_once=False):
        """Let a waiting job go before others, unless the runner is about to begin it."""
        vals = {"priority": priority} if job.priority > priority else {}
        if at_once and job.eta:
            vals["eta"] = False
        if vals and job.state == "pending" and job.try_lock_for_update():
            job.write(vals)

    @staticmethod
    def is_overdue(job):
        """Tell whether a job has waited for so long that its runner may be gone."""
        return job.date_created < fields.Datetime.now() - PATIENCE

    def prepare(self):
        """Tell queue_job of the channel and of the job, where it does not know them."""
        functions = self.env["queue.job.function"]
        name = functions.job_function_name(JOB_MODEL, JOB_METHOD)
        if functions.job_config(name).job_function_id:
            return
        functions.create(
            {
                "model_id": self.env["ir.model"]._get_id(JOB_MODEL),
                "method": JOB_METHOD,
                "channel_id": self._get_channel().id,
                # a job looks what is due between talks, which takes a commit
                "allow_commit": True,
            }
        )

    def _get_channel(self):
        channels = self.env["queue.job.channel"]
        root = self.env.ref("queue_job.channel_root")
        return channels.search(
            [("name", "=", CHANNEL), ("parent_id", "=", root.id)], limit=1
        ) or channels.create({"name": CHANNEL, "parent_id": root.id})

    def forget(self):
        """Take back all that :meth:`add` and :meth:`prepare` have made: the addon goes."""
        self.env.cr.postcommit.data[WAKE] = False
        self.jobs.search(
            [("model_name", "=", JOB_MODEL), ("method_name", "=", JOB_METHOD)]
        ).unlink()
        functions = self.env["queue.job.function"]
        functions.search(
            [("name", "=", functions.job_function_name(JOB_MODEL, JOB_METHOD))]
        ).unlink()
        channel = self._get_channel()
        if not channel.job_function_ids:
            channel.unlink()


class DealershipPush(DealerPush):
    """What a job does: a run with one dealership, for some seconds.

    :param env: environment of the job, as superuser, which may be committed
    """

    def __init__(self, env, dealership_id):
        super().__init__(env)
        self.dealership_id = dealership_id
        now = time.monotonic()
        self.end = now + get_request_seconds()
        self.slice_end = now + SLICE_SECONDS

    def run(self):
        # what heals by itself is for the scheduled action, which sees all dealerships
        return DealerRun.run(self)

    def find_due(self, without):
        if self.dealership_id in without:
            return []
        due = self.orders._get_due_domain() & Domain("dealership_id", "=", self.dealership_id)
        return [self.dealership_id] if self.orders.search_count(due, limit=1) else []

    def leave_rest(self):
        """Leave it: :meth:`come_again` is for when the next job may begin."""

    def come_again(self):
        """Have a job go on behind those of other dealerships where more is due."""
        if self.given_up:
            wake_later(self.env)
        else:
            hand_over(self.env, [self.dealership_id], at_once=True)

    def _may_start(self, running):
        return time.monotonic() < self.slice_end

    def _may_go_on(self):
        return time.monotonic() < self.slice_end and super()._may_go_on()


class SafetyNet(DealerPush):
    """What the scheduled action does beside jobs: it sees that each due dealership has one.

    It is also the alarm clock of what waits for a moment: a retry, the end of the wait for Undo. A
    dealership whose job does not come, as the runner is gone or too busy, it drains itself.
    """

    def find_due(self, without):
        return [each for each in hand_over(self.env) if each not in without]

    def leave_rest(self):
        if self.given_up:
            wake_later(self.env)
        self.env["ir.cron"]._commit_progress(remaining=len(self.find_due(self.given_up)))
