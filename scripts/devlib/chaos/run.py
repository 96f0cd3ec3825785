# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A run: rounds of work and faults, then everything is settled, then the judge."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from ..console import Problem, Progress
from ..rpc import RpcError
from .agents import NO_ANSWER, STAFF, DealerStaff, Office, Person
from .history import History
from .judge import Judge
from .schedule import make_schedule
from .servers import Servers

# How often waits are ended while people work.
CLOCK_SECONDS = 1.0
REVIVE_SECONDS = 0.3
SETTLE_TIMEOUT = 240
SETTLE_SECONDS_PER_LEAD = 0.5
# One of so many missing orders is left missing, to see that it is told.
LEFT_MISSING = 5
RETRIES = 3


class Chaos:
    """One run.

    :param world: the ``World``
    :param folder: the folder of the history
    :param plan: the ``Plan``
    :param float minutes: after that no new round begins
    """

    def __init__(self, world, folder, plan, minutes=60.0):
        self.plan = plan
        self.deadline = time.monotonic() + 60 * minutes
        self.rounds = make_schedule(plan)
        self.history = History(folder / f"chaos-{plan.seed}.jsonl")
        self.history.note("schedule", **asdict(plan))
        self.settle_timeout = SETTLE_TIMEOUT + SETTLE_SECONDS_PER_LEAD * plan.leads
        self.done = 0
        with Progress("Starting two BPO servers and two dealers"):
            self.servers = Servers(world, self.history)
            self.office = Office(self.servers, self.history)
        self._ended = threading.Event()

    def run(self):
        """Do everything, and return the verdict."""
        with Progress(f"Seed {self.plan.seed}: {len(self.rounds)} rounds") as progress:
            clocks = [
                threading.Thread(target=self._keep, args=each, daemon=True)
                for each in (
                    (self.servers.revive, REVIVE_SECONDS),
                    (self.servers.bpo.end_waits, CLOCK_SECONDS),
                )
            ]
            for clock in clocks:
                clock.start()
            try:
                for each in self.rounds:
                    if time.monotonic() > self.deadline:
                        self.history.note("out of time", rounds=self.done)
                        break
                    progress.update(f"round {each.number + 1}")
                    self.play(each)
                    self.done += 1
            finally:
                self._ended.set()
                for clock in clocks:
                    clock.join()
        with Progress("Settling: faults end, everything is pushed and looked at"):
            self.settle()
        return self.judge()

    def close(self):
        """End what the world does not end."""
        self.servers.close()
        self.history.close()

    def judge(self):
        """Look at both sides as they are now."""
        return Judge(self.office, self.history).judge()

    def _keep(self, function, seconds):
        """Call a function again and again until the rounds are over."""
        while not self._ended.wait(seconds):
            try:
                function()
            except (Problem, *NO_ANSWER) as error:
                self.history.note("clock", error=str(error)[:300])

    # ------------------------------------------------------------
    # Rounds
    # ------------------------------------------------------------

    def play(self, each):
        """Play one round: everybody and everything at the same time."""
        self.history.note("round", **asdict(each))
        for target in each.backups:
            self.servers.back_up(
                self.servers.bpo if target is True else self.servers.dealers[target]
            )
        for proxy, faults in zip(self.servers.proxies, each.faults, strict=True):
            proxy.plan(faults)
        with ThreadPoolExecutor(len(STAFF) + 2) as pool:
            at_work = [pool.submit(self._work, login, each.work[login]) for login in STAFF]
            at_work.append(pool.submit(self._staff, each.staff))
            at_work.append(pool.submit(self._make_trouble, each))
        for future in at_work:
            # a fault of ours, which must not pass for one of the run
            future.result()

    def _work(self, login, work):
        person = Person(self.office, login)
        for each in work:
            time.sleep(each.pause)
            person.work(each.operation, random.Random(each.seed), **each.options)

    def _staff(self, seeds):
        staff = DealerStaff(self.office)
        for seed in seeds:
            rng = random.Random(seed)
            time.sleep(rng.uniform(0.5, 2))
            staff.perform(rng)

    def _make_trouble(self, each):
        for trouble in each.troubles:
            time.sleep(trouble.pause)
            try:
                getattr(self, f"_trouble_{trouble.kind}")(trouble)
            except Problem as problem:
                self.history.note("trouble", kind=trouble.kind, problem=str(problem)[:500])

    def _note(self, trouble):
        self.history.note_fault(trouble.kind, target=trouble.target, seconds=trouble.seconds)

    def _trouble_kill_bpo(self, trouble):
        self._note(trouble)
        self.servers.kill(self.servers.bpos[trouble.target], trouble.seconds)

    def _trouble_freeze_bpo(self, trouble):
        self._note(trouble)
        self.servers.freeze(self.servers.bpos[trouble.target], trouble.seconds)

    def _trouble_freeze_bpo_cut_off(self, trouble):
        self._note(trouble)
        server = self.servers.bpos[trouble.target]
        self.servers.freeze(server, trouble.seconds, cut_off=True)

    def _trouble_kill_dealer(self, trouble):
        self._note(trouble)
        self.servers.kill(self.servers.dealers[trouble.target], trouble.seconds)

    def _trouble_end_sessions_bpo(self, trouble):
        self._note(trouble)
        self.servers.end_sessions(self.servers.bpo)

    def _trouble_end_sessions_dealer(self, trouble):
        self._note(trouble)
        self.servers.end_sessions(self.servers.dealers[trouble.target])

    def _trouble_restore_bpo(self, _trouble):
        if self.servers.has_backup(self.servers.bpo):
            self.servers.restore(self.servers.bpo)

    def _trouble_restore_dealer(self, trouble):
        dealer = self.servers.dealers[trouble.target]
        if self.servers.has_backup(dealer):
            self.servers.restore(dealer)

    # ------------------------------------------------------------
    # The end
    # ------------------------------------------------------------

    def settle(self):
        """End the faults, then let managers do what the addon asks them for."""
        for proxy in self.servers.proxies:
            proxy.plan([])
            proxy.wait_quiet()
        self.servers.start_all()
        self.end = time.monotonic() + self.settle_timeout
        self.push_all()
        for _attempt in range(RETRIES):
            self.press("action_retry", "state = 'failed'", singly=True)
            self.push_all()
        self.look_at_all()
        missing = "state = 'sent' AND remote_state = 'missing'"
        self.press("action_send_again", f"{missing} AND id % {LEFT_MISSING} <> 0", singly=True)
        self.push_all()
        self.look_at_all()

    def press(self, action, condition, singly=False):
        """Press a button of the orders that fulfil a condition; what is refused is noted."""
        found = self.office.select(f"SELECT id FROM bpo_dealer_order WHERE {condition} ORDER BY id")
        ids = [each["id"] for each in found]
        for part in [[each] for each in ids] if singly else [ids] if ids else []:
            try:
                self.servers.bpo.rpc.call("bpo.dealer.order", action, part)
            except (RpcError, *NO_ANSWER) as error:
                self.history.note("settle", action=action, orders=part, refused=str(error)[-300:])

    def look_at_all(self):
        """Have every order looked at that was sent, until all have been."""
        self.press("action_check_at_dealer", "state = 'sent'")
        self.push_all()

    def push_all(self):
        """Push until nothing waits any more; what still waits then, the judge sees."""
        rpc = self.servers.bpo.rpc
        waiting = "state = 'pending' OR (state = 'sent' AND next_attempt IS NOT NULL)"
        while time.monotonic() < self.end:
            count = self.office.select(f"SELECT 1 FROM bpo_dealer_order WHERE {waiting}")
            if not count:
                return
            self.servers.bpo.end_waits()
            self.servers.bpo.sql(
                "UPDATE bpo_dealer_order SET next_attempt = now() AT TIME ZONE 'UTC'"
                " WHERE state = 'sent' AND next_attempt > now() AT TIME ZONE 'UTC'"
            )
            try:
                for each in self.office.select("SELECT id FROM bpo_dealership WHERE paused"):
                    rpc.call("bpo.dealership", "action_test_connection", [each["id"]])
                rpc.call("bpo.dealership", "action_push_now", self.office.dealerships)
            except (RpcError, *NO_ANSWER) as error:
                self.history.note("settle", action="push", refused=str(error)[-300:])
                self.servers.start_all()
            time.sleep(0.5)
        self.history.note("settle", action="push", refused="out of time")
