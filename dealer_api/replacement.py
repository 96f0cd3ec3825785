# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Orders that may have been sent with an older content than the one wanted by now.

The dealer is asked before anything is sent. An order may be there under any of its keys: the first
one, and those that follow it (``next_external_id``); a backup restored here or there brings back
what was, or takes it away. The rule, the first that applies:

* Under one of the keys there is the order, not cancelled, the row's own key before the others: it
  is the order, with the new content where it has that one's lines and customer, else with the old
  one, and that is said.
* Under the last of them that is there is an order that cannot be read: it is taken for the order,
  with the old content. One before that is given up, as it was when the next key was taken.
* Under the row's own key there is somebody else's order: a conflict.
* Else the new content is sent under its own key, or the next one that is free where the dealer has
  cancelled that. Should the old content be committed after all, late, the key still makes it one
  order, and the verification says which.

An order that may be there, with nothing newer to be sent, is looked for under later keys only where
its own is free: ``load()`` finds what is there under that.
"""

from .customers import read_contacts_of_orders
from .errors import RETRY
from .looking import find_renewed
from .payload import (
    earlier_external_ids,
    first_external_id,
    is_external_id,
    next_external_id,
)
from .products import Products, find_products
from .remote import CANCELLED, find_ids, read_lines, read_orders
from .sending import NEW, OLD
from .verification import Verifier, is_same_customer

# Keys of one order that are looked at.
_KEYS = 10


class Replacements:
    """Decide what becomes of orders with a replacement, in at most five requests for all.

    Where their customers differ, one or two more: whose the contacts are that the orders are for.
    """

    def __init__(self, session):
        self.session = session
        self.products = Products([])
        # {order: its lines} as ``read_lines`` returns them
        self.lines = {}
        # {id: Contact} of those that orders there are for
        self.contacts = {}
        # (sending, what is there under its own key), where that is another's
        self.taken = []

    def run(self, sendings):
        """Adopt what the dealer has, or replace what is to be sent."""
        sendings = [
            sending
            for sending in sendings
            if sending.order.replacement and is_external_id(sending.order.external_id)
        ]
        if not sendings:
            return
        chains = [_keys_of(sending.order.external_id) for sending in sendings]
        ids = find_ids(self.session, [key for chain in chains for key in chain])
        remotes = read_orders(self.session, ids.values())
        self.lines = read_lines(self.session, remotes)
        if remotes and any(map(_changes_customer, sendings)):
            self.contacts = read_contacts_of_orders(self.session, remotes.values())
        codes = {code for sending in sendings for code in sending.all_codes} if remotes else set()
        if codes := sorted(codes - {""}):
            self.products = find_products(self.session, codes)
        self.verifier = Verifier(self.session, self.products)
        for sending, chain in zip(sendings, chains, strict=True):
            found = {key: (ids[key], remotes.get(ids[key])) for key in chain if key in ids}
            self._decide(sending, chain, found)
        self.verifier.refuse(self.taken)

    def _decide(self, sending, chain, found):
        """Apply the rule above.

        :param chain: the keys that the order may have, its own first
        :param found: ``{key: (id or None, RemoteOrder or None)}`` of what is there
        """
        own = chain[0]
        anothers = [
            key
            for key, (_id, remote) in found.items()
            if remote and self.verifier.is_anothers(sending, remote)
        ]
        ours = [key for key in found if key not in anothers]
        readable = [key for key in ours if found[key][1]]
        live = [key for key in readable if found[key][1].state != CANCELLED]
        last = max(ours, key=lambda key: len(earlier_external_ids(key)), default=None)
        given_up = [found[key][1] for key in readable if key not in live]
        if given_up:
            sending.cancelled = given_up[-1].name or str(given_up[-1].id)
        if live:
            self._adopt(sending, live[0], *found[live[0]])
        elif last and last not in readable:
            self._adopt(sending, last, *found[last])
        elif own in anothers:
            self.taken.append((sending, found[own][1]))
        else:
            self._send(sending, chain, found)

    def _adopt(self, sending, key, remote_id, remote):
        """Take what the dealer has for the order, with the content that it has."""
        order = sending.order
        wanted = order.replacement
        if not remote_id:
            sending.settle(RETRY, "order_postponed")
        elif wanted.to_payload() == order.to_payload():
            sending.adopt(key, remote_id, NEW)
        else:
            is_new = remote and self.verifier.is_as_wanted(
                order,
                wanted,
                remote,
                self.lines.get(remote_id),
                self.contacts.get(remote.partner_id),
            )
            sending.adopt(key, remote_id, NEW if is_new else OLD)

    def _send(self, sending, chain, found):
        """Send the new content under the first free key."""
        free = next((key for key in chain if key not in found), None)
        if free:
            sending.replace(free)
        else:
            sending.settle(RETRY, "order_postponed")


def _changes_customer(sending):
    order = sending.order
    return not is_same_customer(order.customer, order.replacement.customer)


def _keys_of(external_id):
    """Return the keys that an order may have: its own, those that follow it, those before it."""
    keys = [first_external_id(external_id)]
    while len(keys) < _KEYS or external_id not in keys:
        keys.append(next_external_id(keys[-1]))
    own = keys.index(external_id)
    return [*keys[own:], *keys[:own]]


def take_renewed(session, sendings):
    """Take orders that were sent anew under a later key, as a backup restored here forgot.

    Asked about those that may be there: their own key is free where the dealer has deleted what it
    had cancelled.

    :param sendings: list of ``Sending`` without a replacement
    :raise DealerFault: the dealer does not tell
    """
    asked = {each.order.external_id: each for each in sendings}
    asked = {key: sending for key, sending in asked.items() if is_external_id(key)}
    renewed = find_renewed(session, asked)
    for external_id, (later, remote_id, remote) in renewed.items():
        sending = asked[external_id]
        if not remote_id:
            sending.settle(RETRY, "order_postponed")
            continue
        sending.adopt(later, remote_id, None)
        name = remote.name if remote else None
        sending.note("order_came_back", name=name or str(remote_id))
