# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Scenes: events that reveal something only one after another, which chance alone seldom brings.

They are put between the events that an episode has anyway, and chosen apart from these: the
episodes without a scene are what they were.
"""

import random

# One episode of so many has a scene.
_ONE_OF = 2


def insert(events, seed):
    """Return the events of an episode with a scene between them, or as they are."""
    rng = random.Random(f"scene of {seed}")
    if rng.randrange(_ONE_OF):
        return events
    place = rng.randrange(len(events)) + 1
    return events[:place] + rng.choice(SCENES)(rng) + events[place:]


def _namesake(rng):
    """An order that may be there; its lead is won again for another customer of the same name.

    Or for the same one by a shorter name.
    """
    lost = [rng.choice(("cut_after", "page_after", "late")), rng.getrandbits(32)]
    return [
        *_maybe_renamed(rng),
        _event(rng, "few"),
        _event(rng, "work", {"o0": lost}),
        _event(rng, rng.choice(("rework_namesake", "rework_surname"))),
        _event(rng, "wait"),
        _event(rng, "work", {}),
    ]


def _brought_back(rng):
    """An order that was sent anew and deleted; a backup brings back the one before it."""
    return [_event(rng, "few"), _event(rng, "work", {}), _event(rng, "dealer_brings_back")]


def _anothers_mark(rng):
    """Another worker sends the same orders, dies, and the first one is refused.

    It begins when the first one has marked its orders, and what it sends comes late, or is there.
    """
    lost = [rng.choice(("late", "late", "late", "cut_after")), rng.getrandbits(32)]
    plan = {"o0": lost, "c2": ["die_before", rng.getrandbits(32)]}
    refusal = rng.choice((*("dealers_recode",) * 4, "dealer_rule"))
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
        _event(rng, "first_keys_taken"),
        _event(rng, "dealers_back_up"),
        _event(rng, "work", {}),
        _event(rng, "retry_all"),
        _event(rng, "work", {}),
        _event(rng, "dealers_restore"),
        _event(rng, "check_all"),
        _event(rng, "work", {}),
    ]


def _renewed_before(rng):
    """An order that was cancelled and sent anew; our database is restored to before both.

    The cancelled one may be deleted, and the lead be won no more: nobody sends it again.
    """
    deleted = []
    if rng.random() < 0.6:
        deleted = [_event(rng, "dealers_delete_cancelled")]
        deleted += [_event(rng, "reopen") for _time in range(4)]
    return [
        _event(rng, "few"),
        _event(rng, "work", {}),
        *_renewed_then_restored(rng, 3),
        *deleted,
        _event(rng, "check_all"),
        _event(rng, "work", {}),
    ]


def _strangers_hidden(rng):
    """A key of the first release that another's order has, which is hidden when ours is renewed."""
    return [
        _event(rng, "few"),
        _event(rng, "first_keys_taken"),
        _event(rng, "work", {}),
        _event(rng, "retry_all"),
        _event(rng, "work", {}),
        _event(rng, "dealers_hide_copied"),
        *(_event(rng, "dealer_undoes") for _time in range(3)),
    ]


def _late_in_the_place(rng):
    """An order that comes late, after another one was sent instead, and deleted at the dealer."""
    return [
        _event(rng, "dozen"),
        _event(rng, "work", {"o0": ["late", rng.getrandbits(32)]}),
        _event(rng, "rework_namesake"),
        _event(rng, "wait"),
        _event(rng, "work", {}),
        _event(rng, "dealers_delete_drafts"),
    ]


def _merged_before(rng):
    """Leads merged after our database was restored to before one of them was won, or before it."""
    if rng.random() < 0.5:
        before, after = [_event(rng, "win_open")], [_event(rng, "merge_withdrawn")]
    else:
        before, after = [_event(rng, "merge_withdrawn")], [_event(rng, "win_withdrawn")]
    return [
        _event(rng, "withdrawn"),
        _event(rng, "our_backup"),
        *before,
        _event(rng, "work", {}),
        _event(rng, "our_restore"),
        *after,
        _event(rng, "work", {}),
    ]


def _sent_by_copy(rng):
    """Orders that a copy has sent; the leads are won again with something else in the original.

    What they are for is told by the lines and the contact that are there, if these can be read.
    """
    plan = {}
    if rng.random() < 0.4:
        plan = {f"k{number}": ["access_error", rng.getrandbits(32)] for number in range(4)}
    return [
        _event(rng, "few"),
        _event(rng, "raw_copy"),
        *(_event(rng, "resume") for _second in range(3)),
        _event(rng, rng.choice(("rework_swap", "rework_swap", "rework_namesake"))),
        _event(rng, "work", plan),
    ]


def _other_people(rng):
    """Contacts that are somebody else by now, or archived, and cannot be read just then."""
    event, kind = rng.choice(
        (("dealer_contacts", "access_error"), ("dealer_archives_all", "serialization"))
    )
    # the session asks several times where the dealer's database was busy
    plan = {f"p{number}": [kind, rng.getrandbits(32)] for number in range(6)}
    return [
        _event(rng, "wave"),
        _event(rng, "work", {}),
        _event(rng, event),
        _event(rng, "wave"),
        _event(rng, "work", plan),
    ]


def _refused_there(rng):
    """Orders that a copy has sent for a namesake, or a sibling, and that would be refused by now.

    They are found there, and nobody was looked up for them.
    """
    return [
        _event(rng, "dozen"),
        _event(rng, "raw_copy"),
        _event(rng, rng.choice(("rework_sibling", "rework_namesake", "rework_swap"))),
        _event(rng, "dealers_recode"),
        _event(rng, "work", {}),
    ]


def _taken_over(rng):
    """An order under a key of the first release, from minutes before our database was restored.

    It may be refused by then: it is found, and nobody was looked up for it. Or its contact has
    another name.
    """
    refused = [_event(rng, "dealers_recode")] if rng.random() < 0.3 else []
    return [
        *_maybe_renamed(rng),
        _event(rng, "few"),
        _event(rng, "first_keys_free"),
        _event(rng, "our_backup"),
        _event(rng, "work", {}),
        _event(rng, "minutes"),
        _event(rng, "our_restore"),
        *refused,
        _event(rng, "work", {}),
        _event(rng, "check_all"),
        _event(rng, "work", {}),
    ]


def _restored_in_the_midst(rng):
    """Dealers that restore their backups before orders are read, whose ids are others' by then."""
    others = [_event(rng, "dealers_restore"), _event(rng, "dealers_sell")]
    return [
        _event(rng, "few"),
        _event(rng, "dealers_back_up"),
        _event(rng, "work", {"O0": ["events", others]}),
    ]


def _loaded_again(rng):
    """Orders that are loaded one by one, as one is refused, and backups restored in between."""
    return [
        _event(rng, "few"),
        _event(rng, "work", {"c1": ["die_after", rng.getrandbits(32)]}),
        _event(rng, "few"),
        _event(rng, "order_default"),
        _event(rng, "few"),
        _event(rng, "dealers_back_up"),
        _event(rng, "work", {"O0": ["events", [_event(rng, "dealers_restore")]]}),
    ]


def _renewed_and_hidden(rng):
    """Orders that were sent anew and given to others; our database is restored to before both."""
    deleted = [_event(rng, "dealers_delete_cancelled")] if rng.random() < 0.5 else []
    return [
        _event(rng, "few"),
        _event(rng, "work", {}),
        *_renewed_then_restored(rng, 3),
        _event(rng, "dealers_reassign"),
        *deleted,
        _event(rng, "check_all"),
        _event(rng, "work", {}),
    ]


def _one_hidden(rng):
    """Contacts that are archived at the dealer, one of which may not be read."""
    return [
        _event(rng, "few"),
        _event(rng, "few"),
        _event(rng, "work", {}),
        _event(rng, "dealer_archives_all"),
        _event(rng, "dealers_hide_contact"),
        _event(rng, "wave"),
        _event(rng, "work", {}),
    ]


def _surnames_there(rng):
    """Orders that a copy has sent, for customers by their whole names, and that are refused."""
    return [
        _event(rng, "dozen"),
        _event(rng, "raw_copy"),
        _event(rng, "rework_surname"),
        _event(rng, "dealers_recode"),
        _event(rng, "work", {}),
    ]


def _unread_for_gone(rng):
    """Orders that a dealer's backup takes away before they are read.

    Their leads are won again, and a raw copy is the first to send these.
    """
    return [
        _event(rng, "few"),
        _event(rng, "dealers_back_up"),
        _event(rng, "work", {"O0": ["events", [_event(rng, "dealers_restore")]]}),
        *(_event(rng, kind) for _time in range(3) for kind in ("reopen", "win")),
        _event(rng, "raw_copy"),
        _event(rng, "work", {}),
    ]


def _renewed_in_doubt(rng):
    """Orders that our database does not take an answer about, cancelled and sent anew.

    Our database is restored to before that, and the dealer has deleted what it had cancelled.
    """
    return [
        _event(rng, "few"),
        *(_event(rng, "our_bad_row") for _time in range(3)),
        _event(rng, "work", {}),
        *_renewed_then_restored(rng, 4),
        _event(rng, "dealers_delete_cancelled"),
        _event(rng, "work", {}),
    ]


def _family(rng):
    """Customers of one batch that have something in common with a third one only."""
    return [_event(rng, "family"), _event(rng, "work", {})]


def _maybe_renamed(rng):
    """Return events after which contacts are found by e-mail and phone, and have other names."""
    if rng.random() < 0.5:
        return []
    return [_event(rng, "wave"), _event(rng, "work", {}), _event(rng, "dealer_renames_all")]


def _renewed_then_restored(rng, times):
    """Return events after which orders were cancelled and sent anew, and we do not know it."""
    return [
        _event(rng, "our_backup"),
        *(_event(rng, "dealer_renews") for _time in range(times)),
        _event(rng, "our_restore"),
    ]


def _event(rng, kind, *plan):
    return [kind, rng.getrandbits(32), *plan]


SCENES = (
    *(_namesake, _brought_back, _anothers_mark, _other_codes, _unseen, _anothers_key),
    *(_renewed_before, _sent_by_copy, _other_people, _refused_there, _taken_over),
    *(_restored_in_the_midst, _family, _strangers_hidden, _late_in_the_place, _merged_before),
    *(_unread_for_gone, _renewed_in_doubt, _loaded_again, _renewed_and_hidden),
    *(_one_hidden, _surnames_there),
    # these reveal something once in some times only
    *(_anothers_mark, _refused_there, _namesake, _renewed_before, _late_in_the_place),
    *(_loaded_again, _loaded_again),
)
