# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Is the order that the dealer has under our key ours, and is it what was sent?

A key alone proves nothing: after a restored backup it may be given out a second time, and
``load()`` then returns the order of the first one as if it had been created.
"""

from datetime import timedelta

from .customers import email_of, phone_of
from .errors import RETRY, DealerError
from .identity import is_shown_as, same_name
from .payload import is_key_for_good
from .remote import CANCELLED, find_ids
from .sending import OLD

# Clocks differ, and a dealer's database may have another one than its web server.
TOLERANCE = timedelta(seconds=60)
# So far they may differ where everything else is as it was sent.
LARGE_TOLERANCE = timedelta(hours=1)
# An order that is older than the talk by more than this is looked at more closely.
SMALL_TOLERANCE = timedelta(seconds=2)


class Verifier:
    """Compare orders as they were read with those that were sent, in one talk."""

    def __init__(self, session, products):
        self.session = session
        # {code: [ids]} at the dealer
        self.products = products

    def verify(self, pairs):
        """Return those of the orders at the dealer that are ours; the others fail.

        :param pairs: list of (``Sending``, ``RemoteOrder``)
        """
        ours, anothers = [], []
        for pair in pairs:
            (anothers if self.is_anothers(*pair) else ours).append(pair)
        self.refuse(anothers)
        ours = self._leave_moved(ours)
        for sending, remote in ours:
            sending.result.show(remote)
            sending.result.made = self._made(remote)
            sending.is_doubtful |= self._is_older(remote, self.session.started, SMALL_TOLERANCE)
        return ours

    def compare(self, sending, remote, lines):
        """Note how the order at the dealer, which is ours, differs from what was sent.

        :param lines: its lines as (product, quantity, price); None when they are not known, or
            certainly as they were sent
        """
        self._choose_content(sending, lines)
        self._note_differences(sending, remote, lines)

    # ------------------------------------------------------------
    # Whose is it
    # ------------------------------------------------------------

    def refuse(self, pairs):
        """Fail orders whose keys at the dealer are taken, by the orders that were read there.

        The dealer is asked once more: where it has restored a backup in the midst of the talk, an
        id may be another order's, and the key free. Such an order waits for the next run.

        :param pairs: list of (``Sending``, ``RemoteOrder``)
        """
        ids = self._find_ids_again(pairs)
        for sending, remote in pairs:
            if ids.get(sending.order.external_id) == remote.id:
                sending.fail("order_conflict", **remote.describe())
            else:
                sending.settle(RETRY, "order_postponed")

    def _leave_moved(self, pairs):
        """Return these orders without those whose ids are others' by now; these wait.

        Told by another reference than was sent; a dealer's automation may have written that, too.

        :param pairs: list of (``Sending``, ``RemoteOrder``)
        """
        odd = [pair for pair in pairs if _differ(pair[1].reference, pair[0].order.reference)]
        ids = self._find_ids_again(odd)
        moved = [pair for pair in odd if ids.get(pair[0].order.external_id) != pair[1].id]
        for sending, _remote in moved:
            sending.settle(RETRY, "order_postponed")
        return [pair for pair in pairs if pair not in moved]

    def _find_ids_again(self, pairs):
        """Return ``{key: id}`` of what the dealer has by now; empty without an answer."""
        keys = [sending.order.external_id for sending, _remote in pairs]
        try:
            return find_ids(self.session, keys) if keys else {}
        except DealerError:
            return {}

    def is_anothers(self, sending, remote):
        """Tell whether an order at the dealer cannot be the one of ``sending``."""
        order = sending.order
        began = order.first_attempt if order.maybe_there else self.session.started
        if is_key_for_good(order.external_id) and remote.reference == order.reference:
            # Ours, perhaps from before our database was restored: nobody else can have been given
            # this key.
            sending.was_there = self._is_older(remote, began, LARGE_TOLERANCE)
            return False
        if order.maybe_there:
            if _differ(remote.reference, order.reference) and is_for_another(sending, remote):
                return True
        elif _differ(remote.partner_id, sending.partner_id):
            return True
        tolerance = LARGE_TOLERANCE if self._is_alike(sending, remote) else TOLERANCE
        return self._is_older(remote, began, tolerance)

    def _is_alike(self, sending, remote):
        """Tell whether all that can be told of an order is as it was sent."""
        is_known = sending.partner_id or (
            remote.partner_name and sending.sent.customer.values.get("name")
        )
        return bool(
            is_known
            and not is_for_another(sending, remote)
            and remote.reference == sending.order.reference
            and self._difference(sending.order, remote) is None
        )

    def _is_older(self, remote, moment, tolerance):
        """Tell whether an order was there before a moment of our clock."""
        made = self._made(remote)
        return bool(made and moment) and made < moment - tolerance

    def _made(self, remote):
        """Return when an order was made, by our clock; None when that cannot be told."""
        offset = self.session.clock_offset
        if remote.created is None or offset is None:
            return None
        return remote.created - offset

    # ------------------------------------------------------------
    # What is it
    # ------------------------------------------------------------

    def _choose_content(self, sending, lines):
        """See which of two contents arrived, if there were two.

        The old one may have been committed late, after the dealer was asked for it.
        """
        if sending.replaced and self.has_lines(sending.replaced, lines):
            if not self.has_lines(sending.order, lines):
                sending.content = OLD

    def is_as_wanted(self, order, wanted, remote, lines, contact):
        """Tell whether an order at the dealer has the second of two contents.

        Notes are not read there: where they are all that differs, the first ones may be there. A
        name alone proves no customer: the first one may have been found under the second one's.

        :param lines: its lines, None when they are not known
        :param contact: the ``Contact`` that it is for, None when it could not be read
        """
        if order.notes != wanted.notes and self.has_lines(order, lines) is not False:
            return False
        if not self.has_lines(wanted, lines):
            return False
        if is_same_customer(order.customer, wanted.customer):
            return True
        is_theirs = bool(contact) and contact.is_of(wanted.customer)
        return is_theirs and _is_name_of(wanted.customer, order.customer, remote.partner_name)

    def is_compared(self, sending, lines):
        """Tell whether lines were compared that had to be.

        What was created just now has what its codes have found; what was there before may have
        anything, as long as the dealer does not know one of the codes.

        :param lines: its lines, None when they are not known
        """
        if lines is None:
            return False
        return not sending.is_doubtful or self.has_lines(sending.sent, lines) is not None

    def has_lines(self, order, lines):
        """Tell whether lines at the dealer are those of an order: products, quantities, prices.

        :return: None when it cannot be told: the lines or one of the products are not known
        """
        if lines is None:
            return None
        if len(order.lines) != len(lines):
            return False
        ours = []
        for line in order.lines:
            ids = self.products.get(line.product_code, ())
            if len(ids) != 1:
                return None
            values = line.values
            ours.append((ids[0], values.get("product_uom_qty", 1.0), values.get("price_unit")))
        return all(map(_same_line, _sorted(ours), _sorted(lines)))

    def _note_differences(self, sending, remote, lines):
        order = sending.sent
        if remote.state == CANCELLED:
            sending.note("order_cancelled")
        if is_for_another(sending, remote):
            sending.note(
                "customer_differs",
                customer=order.customer.values.get("name") or "-",
                dealer_customer=remote.partner_name or "-",
            )
        if remote.currency and remote.currency != order.currency:
            sending.note(
                "currency_differs", currency=order.currency, dealer_currency=remote.currency
            )
            return
        code = self._difference(order, remote)
        remote.tax_included = None if code == "amount_differs" else code == "price_includes_tax"
        if code:
            sending.note(
                code,
                sent=f"{order.total:.2f}",
                dealer_amount=f"{remote.amount_untaxed:.2f}",
                currency=order.currency,
            )
        # an amount that differs says it already; the tax in the prices says nothing of the lines
        if code != "amount_differs" and self.has_lines(order, lines) is False:
            sending.note("lines_differ")

    @staticmethod
    def _difference(order, remote):
        """Return the code of what the amounts say, None when they are as sent or not known."""
        if not order.has_amounts or remote.amount_untaxed is None:
            return None
        tolerance = order.rounding
        if abs(remote.amount_untaxed - order.total) <= tolerance:
            return None
        total = remote.amount_total
        if total is not None and abs(total - order.total) <= tolerance + 0.01 * len(order.lines):
            return "price_includes_tax"
        return "amount_differs"


def is_for_another(sending, remote):
    """Tell whether an order is for another customer; by the names while nobody was looked up."""
    if sending.partner_id:
        return _differ(remote.partner_id, sending.partner_id)
    ours, theirs = sending.sent.customer.values.get("name"), remote.partner_name
    return bool(ours and theirs) and not is_shown_as(theirs, ours)


def note_whose_contact(sending, remote, contact):
    """Say that an order at the dealer is for somebody else of the customer's name, or may be.

    :param contact: the ``Contact`` that it is for, None when it could not be read
    """
    customer = sending.sent.customer
    if is_for_another(sending, remote):
        # by the names: it is said where the order is compared
        return
    if not contact:
        sending.note("customer_unreadable", partner_id=remote.partner_id)
    elif contact.is_of(customer):
        sending.notes += contact.notes_for(customer)
    else:
        known_by = (customer.values.get("email") or customer.values.get("phone"),)
        theirs = sorted(contact.emails or contact.phones or ())
        sending.note(
            "customer_differs",
            customer=_described(customer.values.get("name"), known_by),
            dealer_customer=_described(remote.partner_name, theirs),
        )


def _described(name, known_by):
    return ", ".join(filter(None, (name, *known_by))) or "-"


def is_same_customer(customer, other):
    """Tell whether two customers are one, by all that a dealer recognises them by."""
    return (
        same_name(customer.values.get("name"), other.values.get("name"))
        and email_of(customer) == email_of(other)
        and phone_of(customer) == phone_of(other)
    )


def _is_name_of(customer, other, shown):
    """Tell whether a contact is shown by the name of one customer, and not by another's."""
    name, other_name = customer.values.get("name"), other.values.get("name")
    return bool(name and shown) and is_shown_as(shown, name) and not is_shown_as(shown, other_name)


def _differ(value, other):
    """Tell whether two values are known and not the same."""
    return bool(value and other and value != other)


def _sorted(lines):
    return sorted(
        ((product, _rounded(quantity), _rounded(price)) for product, quantity, price in lines)
    )


def _rounded(value):
    return round(float(value or 0), 2) if isinstance(value, (int, float)) else 0.0


def _same_line(line, other):
    # half a cent: a dealer may keep fewer decimals, and a cent may be what was changed
    return line[0] == other[0] and all(abs(line[i] - other[i]) < 0.0051 for i in (1, 2))
