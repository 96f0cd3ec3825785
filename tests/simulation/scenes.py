# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Scenes: events that reveal something only one after another, which chance alone seldom brings.

They are put between the events that an episode has anyway, and chosen apart from these: the
episodes without a scene are what they were.
"""

import random

# One episode of so many has a scene.
_ONE_OF = 3


def insert(events, seed):
    """Return the events of an episode with a scene between them, or as they are."""
    rng = random.Random(f"scene of {seed}")
    if rng.randrange(_ONE_OF):
        return events
    place = rng.randrange(len(events)) + 1
    return events[:place] + rng.choice(SCENES)(rng) + events[place:]


def _namesake(rng):
    """An order that may be there; its lead is won again for another customer of the same name."""
    lost = [rng.choice(("cut_after", "page_after", "late")), rng.getrandbits(32)]
    return [
        _event(rng, "few"),
        _event(rng, "work", {rng.choice(("l0", "l1")): lost}),
        _event(rng, "rework_namesake"),
        ["wait", rng.getrandbits(32)],
        _event(rng, "work", {}),
    ]


def _brought_back(rng):
    """An order that was sent anew and deleted; a backup brings back the one before it."""
    return [_event(rng, "few"), _event(rng, "work", {}), _event(rng, "dealer_brings_back")]


def _anothers_mark(rng):
    """Another worker sends the same orders, dies, and the first one is refused.

    It begins when the first one has marked its orders, and what it sends comes late, or is there.
    """
    lost = [rng.choice(("late", "late", "cut_after")), rng.getrandbits(32)]
    plan = {rng.choice(("l0", "l1", "l1")): lost, "c2": ["die_before", rng.getrandbits(32)]}
    refusal = rng.choice(("dealer_recodes", "dealer_recodes", "dealer_rule"))
    others = [_event(rng, "work", plan), _event(rng, refusal)]
    return [_event(rng, "few"), _event(rng, "work", {"c1": ["events", others]})]


def _other_codes(rng):
    """Products that are remembered by us, and have other codes at the dealers since."""
    return [
        _event(rng, "few"),
        _event(rng, "work", {}),
        _event(rng, "few"),
        _event(rng, "work", {}),
        _event(rng, "dealer_recodes"),
        _event(rng, "few"),
        _event(rng, "work", {}),
    ]


def _unseen(rng):
    """Orders that are looked at, and whose ids the dealer does not tell this time."""
    fault = ["access_error", rng.getrandbits(32)]
    return [
        _event(rng, "work", {}),
        _event(rng, "check"),
        _event(rng, "work", {rng.choice(("i0", "i0", "i1")): fault}),
    ]


def _anothers_key(rng):
    """A key of the first release that another order has; the dealer restores a backup of then."""
    return [
        _event(rng, "few"),
        _event(rng, "first_release"),
        _event(rng, "dealer_backup"),
        _event(rng, "work", {}),
        *(_event(rng, "retry") for _time in range(3)),
        _event(rng, "work", {}),
        _event(rng, "dealer_restore"),
        _event(rng, "check"),
        _event(rng, "work", {}),
    ]


def _event(rng, kind, *plan):
    return [kind, rng.getrandbits(32), *plan]


SCENES = (_namesake, _brought_back, _anothers_mark, _other_codes, _unseen, _anothers_key)
