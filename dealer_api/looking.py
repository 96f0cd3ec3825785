# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Look what became of orders at the dealer, without writing anything.

They are found by their keys: after the dealer has restored a backup the id of an order may be that
of a stranger's.
"""

from dataclasses import dataclass, field
from dataclasses import replace as copied

from .payload import is_key_for_good
from .products import find_products
from .remote import RemoteOrder, find_ids, read_lines, read_orders
from .sending import Sending
from .verification import Verifier

# What is seen of an order that cannot be read.
HIDDEN, MISSING = "hidden", "missing"


@dataclass
class Look:
    """What was seen of one order.

    :ivar seen: the ``RemoteOrder``, or ``HIDDEN``: it was given to somebody whose orders the
        service user may not read; or ``MISSING``
    :ivar notes: how it differs from what was sent: (code, details)
    """

    seen: RemoteOrder | str
    notes: list = field(default_factory=list)


def look_at_orders(session, orders):
    """Return ``{external id: Look}`` of orders, in at most five requests for all.

    :param orders: list of ``payload.Order``, with the content that they have at the dealer
    """
    ids = find_ids(session, [order.external_id for order in orders])
    remotes = read_orders(session, ids.values())
    lines = read_lines(session, remotes)
    codes = {line.product_code for order in orders for line in order.lines} if remotes else {}
    codes = sorted(codes - {""}) if codes else []
    verifier = Verifier(session, find_products(session, codes) if codes else {})
    return {order.external_id: _look_at(order, ids, remotes, lines, verifier) for order in orders}


def _look_at(order, ids, remotes, lines, verifier):
    if order.external_id not in ids:
        return Look(MISSING)
    remote = remotes.get(ids[order.external_id])
    if not remote:
        return Look(HIDDEN)
    sending = Sending(copied(order, maybe_there=True))
    if not is_key_for_good(order.external_id) and verifier.is_anothers(sending, remote):
        return Look(MISSING, [("order_exchanged", remote.describe())])
    verifier.compare(sending, remote, lines.get(remote.id))
    return Look(remote, sending.notes)
