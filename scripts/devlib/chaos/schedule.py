# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is to happen, drawn from the seed: rounds of work and of faults."""

import random
from dataclasses import dataclass, field

from .agents import STAFF
from .proxy import ANY, LOAD, Fault

LEADS_PER_ROUND = 15
FEWEST_ROUNDS, MOST_ROUNDS = 3, 24
LONGEST_PAUSE = 1.0

# How often people do what, relative to each other.
AGENT_WORK = {
    "win": 5,
    "edit": 4,
    "rework": 2,
    "reopen": 2,
    "lose": 2,
    "take_back": 2,
    "change_dealership": 2,
    "change_customer": 1,
    "retry": 1,
    "delete": 1,
}
MANAGER_WORK = {
    "rework": 12,
    "reopen": 6,
    "win": 3,
    "edit": 4,
    "change_dealership": 2,
    "change_customer": 1,
    "push_now": 3,
    "audit": 2,
    "check": 1,
    "retry": 2,
    "send_again": 1,
    "confirm_not_sent": 2,
    "test_connection": 1,
}
# What goes wrong on the way, relative to each other, and how long it lasts.
LOAD_FAULTS = {
    "cut_before": 3,
    "cut_after": 6,
    "cut_inside": 3,
    "late": 3,
    "drip": 2,
    "hang_before": 1,
    "hang_after": 2,
    "page_before": 2,
    "page_after": 3,
    "not_found": 1,
    "not_found_after": 1,
    "refused": 1,
    "kill_after": 2,
}
ANY_FAULTS = {name: weight for name, weight in LOAD_FAULTS.items() if name != "kill_after"}
# What is done to processes and database sessions.
PROCESS_FAULTS = {
    "kill_bpo": 3,
    "freeze_bpo": 2,
    "freeze_bpo_cut_off": 2,
    "kill_dealer": 2,
    "end_sessions_bpo": 2,
    "end_sessions_dealer": 2,
}


def draw(rng, weights):
    """Return one of the names, by their weights."""
    return rng.choices(list(weights), list(weights.values()))[0]


@dataclass
class Plan:
    """What is asked of a run.

    :param leads: how many are created in all
    :param rounds: how many there are, where the number of leads is not to say it
    :param operations: how many operations a person has in a round: from, to
    :param restores: whether databases are restored
    """

    seed: int
    leads: int = 60
    rounds: int | None = None
    operations: tuple = (6, 10)
    restores: bool = True

    def __post_init__(self):
        usual = min(max(FEWEST_ROUNDS, 2 + self.leads // LEADS_PER_ROUND), MOST_ROUNDS)
        self.rounds = self.rounds or usual


@dataclass
class Work:
    """One operation of one person: what, with which random numbers, after which pause."""

    operation: str
    seed: int
    pause: float
    options: dict = field(default_factory=dict)


@dataclass
class Trouble:
    """One thing done to processes: what, to which of them, after which pause, for how long."""

    kind: str
    target: int
    pause: float
    seconds: float


@dataclass
class Round:
    """A round: everybody works and everything fails at the same time."""

    number: int
    # indexes of the dealers, and True for the BPO, whose databases are backed up before it
    backups: list = field(default_factory=list)
    # {login: [Work]}
    work: dict = field(default_factory=dict)
    # seeds of what dealers' staff does
    staff: list = field(default_factory=list)
    # per proxy
    faults: list = field(default_factory=list)
    troubles: list = field(default_factory=list)


def make_schedule(plan, dealers=2):
    """Return the rounds of a run."""
    rng = random.Random(plan.seed)
    rounds = [Round(number) for number in range(plan.rounds)]
    shares = split(plan.leads, 2 * (plan.rounds - 1))
    for each in rounds:
        add_work(each, rng, shares, plan)
        each.staff = [rng.getrandbits(32) for _n in range(rng.randint(1, 3))]
        each.faults = [draw_faults(rng) for _dealer in range(dealers)]
        each.troubles = [draw_trouble(rng, dealers) for _n in range(rng.randint(1, 3))]
    if plan.restores:
        for first in range(1, plan.rounds, 4):
            add_restores(rounds, first, rng, dealers)
    return rounds


def split(total, parts):
    """Return whole numbers that make the total, as equal as can be."""
    return [total // parts + (number < total % parts) for number in range(parts)]


def add_work(each, rng, shares, plan):
    """Give everybody something to do; in the last round most of what is open is won."""
    most = max(shares)
    is_last = each.number == plan.rounds - 1
    for login, role in STAFF.items():
        weights = AGENT_WORK if role == "agent" else MANAGER_WORK
        work = [
            Work(draw(rng, weights), rng.getrandbits(32), rng.uniform(0, LONGEST_PAUSE))
            for _number in range(rng.randint(*plan.operations))
        ]
        if role == "agent" and not is_last:
            options = {"count": shares[2 * each.number + (login == "bert")]}
            options["tag"] = f"{each.number}-{login}"
            work.insert(0, Work("create", rng.getrandbits(32), 0, options))
            work.insert(2, Work("win", rng.getrandbits(32), 0, {"most": most}))
        if is_last:
            work += [
                Work("win", rng.getrandbits(32), rng.uniform(0, 1), {"most": 2 * most})
                for _number in range(2)
            ]
        each.work[login] = work


def draw_faults(rng):
    """Return the faults that wait on the way to one dealer in one round."""
    faults = [
        Fault(draw(rng, LOAD_FAULTS), LOAD, rng.uniform(0.5, 4))
        for _number in range(rng.randint(2, 5))
    ]
    faults += [
        Fault(draw(rng, ANY_FAULTS), ANY, rng.uniform(0.5, 4))
        for _number in range(rng.randint(0, 3))
    ]
    return faults


def draw_trouble(rng, dealers):
    """Return something that is done to processes or sessions."""
    kind = draw(rng, PROCESS_FAULTS)
    target = rng.randrange(dealers if "dealer" in kind else 2)
    return Trouble(kind, target, rng.uniform(0.2, 3), rng.uniform(1, 4))


def add_restores(rounds, first, rng, dealers):
    """Back databases up before one round, and restore them in the middle of a later one."""
    last = min(first + 3, len(rounds) - 1)
    dealer = rng.randrange(dealers)
    rounds[first].backups += [True, dealer]
    for kind, target in (("restore_bpo", 0), ("restore_dealer", dealer)):
        troubles = rounds[rng.randint(first, last)].troubles
        trouble = Trouble(kind, target, rng.uniform(1, 4), 0)
        troubles.insert(rng.randint(0, len(troubles)), trouble)
