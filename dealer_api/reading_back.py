# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Look at the orders that were sent: their numbers, whose they are, and what is in them."""

from .customers import read_contacts_of_orders
from .errors import DealerError
from .products import BY_CODE, find_products
from .remote import read_lines, read_orders
from .sending import NEW
from .verification import Verifier, note_whose_contact


class ReadBack:
    """One look at the orders of a talk.

    :param products: the ``Products`` that they were sent with
    :param lines: ``{order: its lines}`` as far as they were read before
    :param broken_off: the error that ended the talk; nothing is read then
    """

    def __init__(self, session, products, lines, broken_off=None):
        self.session = session
        self.products = products
        self.lines = lines
        self.broken_off = broken_off

    def run(self, sent):
        """Fill in the names, and note what differs; a conflict makes an order fail.

        Without their names the orders are no less there. Unknown is not hidden: only an answer
        without an order says that it is not ours to read.

        :param sent: list of ``Sending``
        """
        remotes = self._read(read_orders, [sending.result.remote_id for sending in sent])
        if remotes is None:
            for sending in sent:
                sending.note("name_unreadable_now")
            return
        verifier = Verifier(self.session, self.products)
        pairs = [(sending, remotes.get(sending.result.remote_id)) for sending in sent]
        for sending in [sending for sending, remote in pairs if remote is None]:
            sending.note("name_unknown")
        pairs = verifier.verify([pair for pair in pairs if pair[1]])
        doubtful = {remote.id for sending, remote in pairs if sending.needs_lines}
        lines = self.lines | (self._read(read_lines, doubtful.difference(self.lines)) or {})
        verifier.products = self._prove_products(pairs, lines)
        self._note_contacts(pairs)
        for sending, remote in pairs:
            verifier.compare(sending, remote, lines.get(remote.id))
            if not remote.name:
                sending.note("name_unreadable_now")
            if remote.id in doubtful and not verifier.is_compared(sending, lines.get(remote.id)):
                sending.note("lines_unreadable_now")

    def _note_contacts(self, pairs):
        """Say whose the orders are that were found there.

        Where nobody was looked up for them a contact is read: a name alone proves no customer.
        """
        for sending, remote in pairs:
            if sending.known and remote.partner_id != sending.partner_id:
                # what was to be said of the contact that it does not go to
                sending.notes = []
        pairs = [
            (sending, remote)
            for sending, remote in pairs
            if (sending.known or sending.content == NEW)
            and not sending.partner_id
            and remote.partner_id
        ]
        contacts = self._read(read_contacts_of_orders, [remote for _sending, remote in pairs])
        for sending, remote in pairs:
            note_whose_contact(sending, remote, (contacts or {}).get(remote.partner_id))

    def _prove_products(self, pairs, lines):
        """See whether the codes of products that are remembered have found the right ones.

        :return: the products to compare the orders with
        """
        named = [
            (sending, {product for product, _quantity, _price in lines[remote.id]})
            for sending, remote in pairs
            if (sending.is_unproved or sending.is_ambiguous) and remote.id in lines
        ]
        products = self.products
        if any(s.is_ambiguous for s, _found in named) or not _are_found(products, named):
            products = self._look_up_again([sending for sending, _found in named])
        if named:
            self.session.remember(BY_CODE, _are_found(products, named))
        return products

    def _look_up_again(self, sendings):
        """Ask what has these codes by now, and say where it is not one product each."""
        self.session.forget()
        codes = sorted({code for sending in sendings for code in sending.codes})
        try:
            products = find_products(self.session, codes)
        except DealerError:
            return self.products
        for sending in sendings:
            problem, concerned = products.find_problem(sending.codes)
            if problem:
                sending.note(problem, codes=", ".join(concerned))
        return products

    def _read(self, read, remote_ids):
        """Return what ``read`` finds of orders, asking twice if need be; None without an answer."""
        if self.broken_off:
            return None
        for _turn in range(2):
            try:
                return read(self.session, remote_ids)
            except DealerError:
                continue
        return None


def _are_found(products, named):
    """Tell whether orders have products that have their codes.

    :param named: list of (sending, ids of the products on its lines)
    """
    return all(
        not found.isdisjoint(products.get(code, ()))
        for sending, found in named
        for code in sending.codes
    )
