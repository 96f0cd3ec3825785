# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Look what became of orders at the dealer, without writing anything.

They are found by their keys: after the dealer has restored a backup the id of an order may be that
of a stranger's.
"""

from dataclasses import dataclass, field
from dataclasses import replace as copied

from .payload import ORDER_MODEL, earlier_external_ids, is_key_for_good, next_external_id
from .products import find_products
from .remote import CANCELLED, RemoteOrder, find_existing, find_ids, read_lines, read_orders
from .sending import Sending
from .verification import Verifier

# What is seen of an order that cannot be read.
HIDDEN, MISSING = "hidden", "missing"
# How many keys after its own are looked at of an order that was cancelled, or may have been.
_LATER_KEYS = 4
# Nothing was seen of an order: the dealer did not tell its id this time.
UNSEEN = "unseen"


@dataclass
class Look:
    """What was seen of one order.

    :ivar seen: the ``RemoteOrder``, or ``HIDDEN``: it was given to somebody whose orders the
        service user may not read; or ``MISSING``; or ``UNSEEN``
    :ivar notes: how it differs from what was sent: (code, details)
    :ivar remote_id: its id, where that is known although it cannot be read
    :ivar external_id: the key that it was found under, where that is an earlier one, as the dealer
        has restored a backup; or, its own being cancelled or hidden, a later one, as we have
    :ivar is_compared: its lines were compared with what was sent
    """

    seen: RemoteOrder | str
    notes: list = field(default_factory=list)
    remote_id: int | None = None
    external_id: str | None = None
    is_compared: bool = False


def look_at_orders(session, orders):
    """Return ``{external id: Look}`` of orders, in at most five requests for all.

    Where some are cancelled, hidden or missing, three more: a backup restored here may not know
    that they were sent anew.

    :param orders: list of ``payload.Order``, with the content that they have at the dealer, and
        with ``first_attempt``: an order that was there before is another's
    """
    keys = [order.external_id for order in orders]
    ids = find_ids(session, with_earlier_keys(keys))
    remotes = read_orders(session, ids.values())
    given_up = [key for key in keys if _may_be_given_up(key, ids, remotes)]
    later = find_ids(session, [each for key in given_up for each in later_external_ids(key)])
    ids |= later
    remotes |= read_orders(session, later.values())
    lines = read_lines(session, remotes)
    codes = {line.product_code for order in orders for line in order.lines} if remotes else {}
    codes = sorted(codes - {""}) if codes else []
    verifier = Verifier(session, find_products(session, codes) if codes else {})
    return {order.external_id: _look_at(order, ids, remotes, lines, verifier) for order in orders}


def with_earlier_keys(external_ids):
    """Return keys together with those that the same orders had before."""
    return [key for each in external_ids for key in (each, *earlier_external_ids(each))]


def is_unseen(external_id, ids):
    """Tell whether an order is there, under its key or an earlier one, and its id was not told.

    :param ids: ``{key: id}`` of what is there
    """
    if external_id in ids:
        return ids[external_id] is None
    return any(key in ids and ids[key] is None for key in earlier_external_ids(external_id))


def later_external_ids(external_id):
    """Return the first of the keys that follow a key."""
    keys = [next_external_id(external_id)]
    while len(keys) < _LATER_KEYS:
        keys.append(next_external_id(keys[-1]))
    return keys


def _may_be_given_up(external_id, ids, remotes):
    """Tell whether an order was cancelled, perhaps deleted then, or cannot be read."""
    if external_id not in ids:
        return True
    remote = remotes.get(ids[external_id])
    return bool(ids[external_id]) and (not remote or _is_cancelled(remote))


def _is_cancelled(remote):
    return bool(remote and remote.state == CANCELLED)


def find_by_earlier_key(external_id, reference, ids, remotes, is_ours=bool):
    """Return ``(key, RemoteOrder)`` of an order that is there under an earlier key, or None.

    The latest one that applies: the first key may be the one that another order had already. One
    that was cancelled there is given up, as it was when the next key was taken.

    :param ids: ``{key: id}`` of what is there
    :param remotes: ``{id: RemoteOrder}`` of what can be read of it
    :param is_ours: function that tells whether a ``RemoteOrder`` can be this order
    """
    keys = reversed(earlier_external_ids(external_id))
    return _find_live(keys, ids, remotes, _named(reference, is_ours))


def find_by_later_key(external_id, reference, ids, remotes, is_ours=bool):
    """Return ``(key, RemoteOrder)`` of an order that was sent anew under a later key, or None.

    A backup restored here does not know of it. The parameters are those of
    :func:`find_by_earlier_key`.
    """
    keys = later_external_ids(external_id)
    return _find_live(keys, ids, remotes, _named(reference, is_ours))


def _named(reference, is_ours):
    return lambda remote: remote.reference == reference and is_ours(remote)


def _find_hidden_later(external_id, ids, remotes):
    """Return the last of the later keys with an order, where that cannot be read, or None.

    One before the last is given up, as it was when the next key was taken. The parameters are
    those of :func:`find_by_earlier_key`.
    """
    there = [key for key in later_external_ids(external_id) if key in ids]
    return there[-1] if there and ids[there[-1]] not in remotes else None


def look_by_hidden_later(external_id, ids, remotes):
    """Return the ``Look`` at what is under the last of the later keys, None where it is readable.

    The parameters are those of :func:`find_by_earlier_key`.
    """
    key = _find_hidden_later(external_id, ids, remotes)
    if not key:
        return None
    if not ids[key]:
        return Look(UNSEEN)
    notes = [("order_came_back", {"name": str(ids[key])})]
    return Look(HIDDEN, notes, remote_id=ids[key], external_id=key)


def find_renewed(session, sendings):
    """Return ``{key: (later key, id, RemoteOrder)}`` of orders that a later key alone leads to.

    The id is None where the dealer did not tell it this time, the ``RemoteOrder`` where it cannot
    be read: an order under the last of its keys is the one that holds.

    :param sendings: ``{key: Sending}``
    :raise DealerFault: the dealer does not tell
    """
    keys = [key for own in sendings for key in (own, *later_external_ids(own))]
    existing = find_existing(session, ORDER_MODEL, keys)
    gone = [own for own in sendings if own not in existing]
    later = [key for own in gone for key in later_external_ids(own) if key in existing]
    ids = find_ids(session, later)
    remotes = read_orders(session, ids.values())
    verifier = Verifier(session, {})
    renewed = {}
    for own in gone:
        is_ours = _ours_of(verifier, sendings[own])
        if found := _find_live(later_external_ids(own), ids, remotes, is_ours):
            key, remote = found
            renewed[own] = (key, remote.id, remote)
        elif hidden := _find_hidden_later(own, ids, remotes):
            renewed[own] = (hidden, ids[hidden], None)
    return renewed


def _ours_of(verifier, sending):
    """Return the function that tells whether a ``RemoteOrder`` can be the order of a sending."""
    return lambda remote: not verifier.is_anothers(sending, remote)


def _find_live(keys, ids, remotes, is_ours):
    """Return ``(key, RemoteOrder)`` of the first of the keys under which there is an order.

    :param ids: ``{key: id}`` of what is there
    :param remotes: ``{id: RemoteOrder}`` of what can be read of it
    :param is_ours: function that tells whether a ``RemoteOrder`` can be this order
    """
    for key in keys:
        remote = remotes.get(ids.get(key))
        if remote and not _is_cancelled(remote) and is_ours(remote):
            return key, remote
    return None


def _look_at(order, ids, remotes, lines, verifier):
    if is_unseen(order.external_id, ids):
        return Look(UNSEEN)
    sending = Sending(copied(order, maybe_there=True))
    key = order.external_id
    is_ours = _ours_of(verifier, sending)

    def compare(remote, external_id=None):
        there = lines.get(remote.id)
        verifier.compare(sending, remote, there)
        is_compared = verifier.is_compared(sending, there)
        return Look(remote, sending.notes, external_id=external_id, is_compared=is_compared)

    found = None
    if key not in ids:
        found = find_by_earlier_key(key, order.reference, ids, remotes, is_ours)
    if not found and _may_be_given_up(key, ids, remotes):
        found = find_by_later_key(key, order.reference, ids, remotes, is_ours)
        if not found and (look := look_by_hidden_later(key, ids, remotes)):
            return look
    if not found and key not in ids:
        return Look(MISSING)
    if found:
        other_key, remote = found
        sending.note("order_came_back", name=remote.name or str(remote.id))
        return compare(remote, other_key)
    remote = remotes.get(ids[key])
    if not remote:
        return Look(HIDDEN, remote_id=ids[key])
    if not is_key_for_good(order.external_id) and verifier.is_anothers(sending, remote):
        return Look(MISSING, [("order_exchanged", remote.describe())])
    return compare(remote)
