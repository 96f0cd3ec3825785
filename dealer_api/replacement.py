# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Orders that may have been sent with an older content than the one wanted by now.

The dealer is asked before anything is sent. The rule, for each key that the order may have there,
the first one first:

* There is no order: the new content is sent under this key. Should the old one be committed after
  all, late, the key still makes it one order, and the verification says which.
* Somebody else's order: under the order's own key a conflict, under another key the next one.
* The dealer cancelled it: the next key.
* It cannot be read: it is taken for the order, with the old content.
* Its lines are those of the new content: it is the order, with the new content.
* Else it is the order, with the old content, and that is said.
"""

from .errors import RETRY
from .loader import Loader, LoadRecord
from .payload import ORDER_MODEL, is_external_id, next_external_id
from .products import find_products
from .remote import CANCELLED, find_existing, read_lines, read_orders
from .sending import NEW, OLD
from .verification import Verifier

# Keys of one order that are looked at.
_KEYS = 10


class Replacements:
    """Decide what becomes of orders with a replacement, in at most five requests for all."""

    def __init__(self, session):
        self.session = session

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
        existing = find_existing(
            self.session, ORDER_MODEL, [key for chain in chains for key in chain]
        )
        ids = self._find_ids(existing)
        remotes = read_orders(self.session, ids.values())
        lines = read_lines(self.session, [each.id for each in remotes.values()])
        codes = {line.product_code for s in sendings for line in s.order.replacement.lines}
        codes = sorted(codes - {""}) if remotes else []
        products = find_products(self.session, codes) if codes else {}
        self.verifier = Verifier(self.session, products)
        for sending, chain in zip(sendings, chains, strict=True):
            found = {
                key: (ids.get(key), remotes.get(ids.get(key))) for key in chain if key in existing
            }
            self._decide(sending, chain, found, lines)

    def _find_ids(self, external_ids):
        """Return the ids of orders that are there: ``load()`` tells them, and leaves them alone."""
        external_ids = sorted(external_ids)
        if not external_ids:
            return {}
        records = [LoadRecord(("id",), [[external_id]]) for external_id in external_ids]
        results = Loader(self.session, ORDER_MODEL).load(records)
        return {
            external_id: result.record_id
            for external_id, result in zip(external_ids, results, strict=True)
            if result.record_id
        }

    def _decide(self, sending, chain, found, lines):
        for key in chain:
            if key not in found:
                sending.replace(key)
                return
            remote_id, remote = found[key]
            if remote is None:
                if remote_id:
                    sending.adopt(key, remote_id, OLD)
                else:
                    sending.settle(RETRY, "order_postponed")
                return
            if self.verifier.is_anothers(sending, remote):
                if key == chain[0]:
                    self.verifier.refuse(sending, remote)
                    return
                continue
            if remote.state == CANCELLED:
                sending.cancelled = remote.name or str(remote.id)
                continue
            wanted = sending.order.replacement
            same = self.verifier.same_lines(wanted, lines.get(remote.id, ()))
            sending.adopt(key, remote.id, NEW if same else OLD)
            return
        sending.settle(RETRY, "order_postponed")


def _keys_of(external_id):
    keys = [external_id]
    while len(keys) < _KEYS:
        keys.append(next_external_id(keys[-1]))
    return keys
