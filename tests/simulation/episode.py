# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""An episode: a world, a list of events, rest, and the judge."""

import traceback
from collections import Counter

from . import schedule
from .actions import Actions
from .checker import Checker
from .world import CODES, MANAGER, World

# Rounds of a worker until nothing moves any more
ROUNDS = 150
# What the product's log said of exceptions that it did not expect
unexpected = []


class Outcome:
    """What an episode came to."""

    def __init__(self):
        self.wrong = []
        self.excuses = Counter()
        self.faults = Counter()
        self.counts = Counter()

    def add(self, other):
        """Take another outcome along."""
        self.wrong += other.wrong
        for name in ("excuses", "faults", "counts"):
            getattr(self, name).update(getattr(other, name))


def run(product, seed, events=None, mood=None):
    """Run an episode and return its ``Outcome``."""
    outcome = Outcome()
    unexpected.clear()
    world = World(product, seed)
    actions = Actions(world)
    world.perform = actions.perform
    try:
        for event in schedule.make(seed, mood) if events is None else events:
            actions.perform(event)
            world.advance(1)
        Rest(world, actions, outcome).run()
    except Exception:  # noqa: BLE001  (a product that breaks is what is looked for)
        outcome.wrong.append(f"broke off: {traceback.format_exc()}")
    outcome.wrong[:0] = unexpected
    outcome.counts = world.counts
    outcome.faults = world.faults
    for table in ("bpo.dealer.order", "crm.lead"):
        outcome.counts[table] = world.database.tables[table].last_id
    return outcome


class Rest:
    """Let faults stop, all waiting times pass, and people do what they were asked to."""

    def __init__(self, world, actions, outcome):
        self.world = world
        self.actions = actions
        self.outcome = outcome
        self.tables = world.database.tables

    def run(self):
        """Come to rest twice: before people have put things right, and after."""
        self._calm()
        self._work()
        first = Checker(self.world, final=False).run()
        self.outcome.wrong += [f"at rest: {text}" for text in first.wrong]
        self._put_right()
        last = Checker(self.world, final=True).run()
        self.outcome.wrong += last.wrong
        self.outcome.excuses = last.excuses

    def _orders(self, condition):
        rows = self.tables["bpo.dealer.order"].rows
        return [rows[each] for each in sorted(rows) if condition(rows[each])]

    def _calm(self):
        for dealer in dict.fromkeys(self.world.dealers.values()):
            dealer.is_up = dealer.is_open = True
            for number, code in enumerate(CODES, 1):
                dealer.replace("product.product", number, default_code=code)

    def _is_due(self, order):
        """Tell whether an order waits, or is to be looked at."""
        if order["state"] != "sent":
            is_told = order["id"] in self.world.bad_rows and order.get("error")
            return order["state"] == "pending" and not is_told
        return bool(order.get("next_attempt")) and order["next_attempt"] <= self.world.now

    def _next_moment(self):
        """Return the seconds until something is due: the scheduler is woken at that moment."""
        now = self.world.now
        rows = [
            row
            for table in ("bpo.dealership", "bpo.dealer.order")
            for row in self.tables[table].rows.values()
        ]
        moments = [row["next_attempt"] for row in rows if row.get("next_attempt")]
        seconds = [(moment - now).total_seconds() for moment in moments if moment > now]
        return min([3600, *seconds]) + 1

    def _work(self):
        """Run the worker until no order waits."""
        world = self.world
        for _round in range(ROUNDS):
            self.actions.perform(["resume", 0])
            world.work({}, talks=100)
            world.check_marks()
            if not self._orders(self._is_due):
                break
            world.advance(self._next_moment())
        for dealer in dict.fromkeys(world.dealers.values()):
            dealer.do_late(everything=True)

    def _look(self):
        sent = self._orders(lambda order: order["state"] == "sent")
        if sent:
            self.actions.check(sent)
        self.world.advance(1)
        self._work()

    def _put_right(self):
        world, actions = self.world, self.actions
        for dealer in dict.fromkeys(world.dealers.values()):
            dealer.poison = set()
            dealer.reject = lambda model, values: None
        world.bad_rows.clear()
        for dealership_id in sorted(self.tables["bpo.dealership"].rows):
            actions.say_same(dealership_id)
        for order in self._orders(lambda order: order["state"] == "failed"):
            if order.get("error_code") in ("place_changed", "order_conflict"):
                if actions.is_at_dealer(order):
                    # whoever looks finds it there, and leaves it to people
                    continue
                actions.confirm_not_sent(order)
            actions.retry(order, MANAGER)
        self._work()
        self._look()
        leads = self.tables["crm.lead"].rows
        missing = self._orders(
            lambda order: (
                order.get("remote_state") == "missing"
                and leads[order["lead_id"]].get("closed_status") == "won"
            )
        )
        for order in missing:
            with world.user(MANAGER) as env:
                env["bpo.dealer.order"].browse(order["id"]).action_send_again()
        if missing:
            self._work()
            self._look()
