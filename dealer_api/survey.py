# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Look at all our orders at a dealer, in pages: about one request per 500 of them.

What the service user has created there is read by ascending id; that needs no list of ids, and
shows also the orders that nobody here knows. An order that is not found that way is looked for by
its key: it may be hidden or gone, or have another id after a backup was restored there.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from .looking import (
    HIDDEN,
    MISSING,
    UNSEEN,
    Look,
    find_by_earlier_key,
    find_by_later_key,
    is_unseen,
    later_external_ids,
    look_by_hidden_later,
    with_earlier_keys,
)
from .remote import (
    CANCELLED,
    RemoteOrder,
    find_ids,
    read_orders,
    read_orders_of_creator,
)

# What is younger than that after we knew of it is another one.
TOLERANCE = timedelta(seconds=60)
# Orders per request.
PAGE_SIZE = 500


class KnownOrder(NamedTuple):
    """An order that is at the dealer, as far as is known here.

    :ivar sent: when it was certain to be there, naive UTC by our clock; None when not known
    """

    external_id: str
    remote_id: int
    reference: str
    sent: datetime | None = None

    def may_be(self, remote, clock_offset):
        """Tell whether an order with this id may be the one: not one that was made since.

        :param clock_offset: the dealer's clock minus ours, None while unknown
        """
        if not remote or remote.reference != self.reference:
            return False
        if not (self.sent and remote.created):
            return True
        return remote.created - (clock_offset or timedelta()) <= self.sent + TOLERANCE


@dataclass
class Survey:
    """What was seen.

    :ivar looks: ``{external id: Look}`` of the known orders
    :ivar strangers: the ``RemoteOrder`` that our user has created, that are not cancelled, and
        that are none of the known ones
    """

    looks: dict = field(default_factory=dict)
    strangers: list = field(default_factory=list)


def survey_orders(session, known):
    """Return a ``Survey`` of the orders at a dealer; writes nothing.

    :param known: list of ``KnownOrder``
    """
    own = _read_own(session)
    survey = Survey()
    unseen = []
    for order in known:
        remote = own.get(order.remote_id)
        # the id of an order may be another one's after a backup was restored
        if order.may_be(remote, session.clock_offset):
            survey.looks[order.external_id] = Look(remote)
        else:
            unseen.append(order)
    for page in _pages(unseen):
        survey.looks |= _look_by_keys(session, page, own)
    seen = [look.seen for look in survey.looks.values()]
    known_ids = {each.id for each in seen if isinstance(each, RemoteOrder)}
    survey.strangers = [
        remote
        for remote in own.values()
        if remote.id not in known_ids and remote.state != CANCELLED
    ]
    return survey


def _read_own(session):
    """Return ``{id: RemoteOrder}`` of the readable orders that our user has created."""
    own, last_id = {}, 0
    while True:
        page = read_orders_of_creator(session, session.uid, last_id, PAGE_SIZE)
        new = {each.id: each for each in page if each.id > last_id}
        own.update(new)
        # a dealer that gives fewer than it has, or the same ones again, must not hold us
        if len(page) < PAGE_SIZE or not new:
            return own
        last_id = max(new)


def _look_by_keys(session, orders, own):
    """Return ``{external id: Look}`` of orders that were not found by their ids."""
    keys = [order.external_id for order in orders]
    ids = find_ids(session, with_earlier_keys(keys))
    missing = [key for key in keys if key not in ids]
    for page in _pages([each for key in missing for each in later_external_ids(key)]):
        ids |= find_ids(session, page)
    others = [remote_id for remote_id in ids.values() if remote_id not in own]
    readable = {**own, **read_orders(session, others)}
    return {order.external_id: _look_by_key(order, ids, readable) for order in orders}


def _look_by_key(order, ids, readable):
    key = order.external_id
    if is_unseen(key, ids):
        return Look(UNSEEN)
    if key in ids:
        return Look(readable.get(ids[key], HIDDEN), remote_id=ids[key])
    for find in (find_by_earlier_key, find_by_later_key):
        if found := find(key, order.reference, ids, readable):
            other_key, remote = found
            return Look(remote, external_id=other_key)
    return look_by_hidden_later(key, ids, readable) or Look(MISSING)


def _pages(items):
    return [items[start : start + PAGE_SIZE] for start in range(0, len(items), PAGE_SIZE)]
