# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What happens in an episode: a list of events, made of a seed before anything runs.

An event is ``[kind, seed]``; one in which a worker runs has a plan as third: what happens at which
point of its work. So each can be left out without changing what the others are.
"""

import random

from . import scenes
from .actions import ON_THEIR_OWN, WEIGHTS
from .transport import FAULTS

# How often people and dealers act, and how often the machines fail: chosen per episode.
MOODS = (
    # (share of workers that are disturbed, at most so many times, waves per other event)
    (0.0, 0, 1.0),
    (0.5, 3, 0.15),
    (0.8, 6, 0.1),
    (1.0, 12, 0.1),
)
# What is asked for most when orders are given to a dealer
LOST = ["cut_after", "cut_after", "late", "late", "page_after", "cut_before"]
# ... and when the ids of orders are asked for
LACKING = ["access_error", "access_error", "access_error", "serialization"]
# What people do most while a worker is at work
BUSY = ("reopen", "rework", "edit_customer", "work", "dealer_edits", "retry")
_LONG = ("work", "push_now", "survey")


def make(seed, mood=None):
    """Return the events of an episode.

    :param mood: the number of one of ``MOODS``, by chance when it is not given
    """
    rng = random.Random(seed)
    mood = rng.choices(MOODS, [1, 3, 3, 3])[0] if mood is None else MOODS[mood]
    weights = dict(WEIGHTS)
    # swarm testing: what is left out in one episode makes room for the rest
    for kind in sorted(weights):
        if kind not in ("wave", "few", "work", "wait"):
            weights[kind] *= rng.choice([0, 0, 1, 1, 1, 5])
    weights["wave"] *= mood[2]
    if mood[1] == 0 and rng.random() < 0.5:
        weights = {**dict.fromkeys(weights, 0), "wave": 10, "work": 12, "wait": 1, "rework": 3}
    faults = rng.sample(FAULTS, rng.randrange(3, len(FAULTS) + 1))
    kinds = rng.choices(list(weights), list(weights.values()), k=rng.choice([20, 40, 60, 90]))
    first = "few" if mood[1] and rng.random() < 0.7 else "wave"
    events = [[first, rng.getrandbits(32)]] + [
        _event(rng, kind, mood, weights, faults, depth=0) for kind in kinds
    ]
    return scenes.insert(events, seed) if mood[1] else events


def _event(rng, kind, mood, weights, faults, depth):
    seed = rng.getrandbits(32)
    if kind not in _LONG:
        return [kind, seed]
    plan = {}
    if rng.random() < mood[0]:
        if rng.random() < 0.1:
            # the answer waits to be written again, and a user or another worker is faster; or a
            # user was, between mark and talk (the first two transactions heal, and mark)
            plan["f1"] = ["conflict", 0]
            point, what = rng.choice([("b2", "rework"), ("b3", "rework"), ("b3", "work")])
            plan[point] = ["events", [[what, rng.getrandbits(32)]]]
        for _number in range(rng.randrange(1, mood[1] + 1)):
            point, what = _disturbance(rng, mood, weights, faults, depth)
            plan[point] = what
    return [kind, seed, plan]


def _disturbance(rng, mood, weights, faults, depth):
    """Return a point of a worker's work, and what happens there."""
    letter = rng.choices("rliLRcfa", [33, 19, 4, 12, 7, 16, 5, 4])[0]
    number = min(int(rng.expovariate(0.1)), 60)
    seed = rng.getrandbits(32)
    if letter == "l":
        what = [rng.choice(faults + LOST), seed]
        return f"l{int(rng.expovariate(0.7))}", what
    if letter == "i":
        return f"i{int(rng.expovariate(0.7))}", [rng.choice([*faults, *LACKING]), seed]
    if letter == "r":
        if rng.random() < 0.75:
            return f"r{number}", [rng.choice(faults), seed]
        return f"r{number}", ["events", _others(rng, mood, weights, faults, depth)]
    if letter == "L":
        return f"L{int(rng.expovariate(0.7))}", [
            "events",
            _others(rng, mood, weights, faults, depth),
        ]
    if letter == "R":
        return f"R{number}", ["events", _others(rng, mood, weights, faults, depth)]
    number = int(rng.expovariate(0.25))
    if letter == "c":
        kind = rng.choice(["die_before", "die_after", "conflict", "events", "events"])
        detail = _others(rng, mood, weights, faults, depth) if kind == "events" else seed
        if kind == "events" and not depth and rng.random() < 0.3:
            # another worker gets in between, and hears nothing of what it has sent
            detail = [["work", seed, {"l0": [rng.choice(LOST), seed], "l1": ["cut_after", seed]}]]
        return f"c{number}", [kind, detail]
    if letter == "f":
        return f"f{number}", [rng.choice(["conflict", "conflict", "broken"]), seed]
    return f"a{number // 4}", ["next", seed]


def _others(rng, mood, weights, faults, depth):
    """Return what others do while a worker is at work."""
    allowed = {kind: weight for kind, weight in weights.items() if kind not in ON_THEIR_OWN}
    for kind in BUSY:
        allowed[kind] *= 3
    if depth:
        allowed = {kind: weight for kind, weight in allowed.items() if kind not in _LONG}
    if not any(allowed.values()):
        return []
    kinds = rng.choices(list(allowed), list(allowed.values()), k=rng.choice([1, 1, 2]))
    return [_event(rng, kind, mood, weights, faults, depth + 1) for kind in kinds]


def simpler(events):
    """Yield lists of events with something less, the boldest first."""
    size = len(events) // 2
    while size:
        for start in range(0, len(events), size):
            yield events[:start] + events[start + size :]
        size //= 2
    for index, event in enumerate(events):
        if len(event) < 3:
            continue
        for plan in _simpler_plans(event[2]):
            yield [*events[:index], [*event[:2], plan], *events[index + 1 :]]


def _simpler_plans(plan):
    if plan:
        yield {}
    for point in plan if len(plan) > 1 else ():
        yield {each: what for each, what in plan.items() if each != point}
    for point, (kind, detail) in plan.items():
        if kind == "events":
            for shorter in simpler(detail):
                yield {**plan, point: [kind, shorter]}


def count(events):
    """Return how many events and disturbances a list has."""
    total = 0
    for event in events:
        total += 1
        for kind, detail in event[2].values() if len(event) > 2 else ():
            total += count(detail) if kind == "events" else 1
    return total
