# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""An order on its way to a dealer, and what becomes of it."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from .messages import render
from .payload import Order, field_of, is_empty
from .remote import RemoteOrder

# What became of an order; or else the RETRY of errors.py.
SENT, FAILED = "sent", "failed"
# Which content the order at the dealer has, where there were two.
OLD, NEW = "old", "new"


@dataclass
class OrderResult:
    """What became of one order.

    ``sent``: it is at the dealer as ``remote_id``; ``remote_name`` is None when we may not
    read it. ``failed``: the dealer cannot take it as it is. ``retry``: not this time.

    :ivar remote: the order at the dealer, None when it could not be read
    :ivar made: when it was made, naive UTC by our clock; None where that is not known
    :ivar content: with a replacement, which content the order at the dealer has: ``old`` is that
        of the order, ``new`` that of its replacement; else None
    :ivar external_id: the key it was sent under, where that is not the key of the order
    :ivar order: what the dealer has, where content or key are not those of the order
    :ivar notes: remarks for people: (code, details)
    :ivar left_out: ``{model: [fields]}`` that were to be sent, but that the dealer's Odoo does
        not have
    """

    status: str
    code: str
    details: dict = field(default_factory=dict)
    remote_id: int | None = None
    remote_name: str | None = None
    remote_currency: str | None = None
    notes: list = field(default_factory=list)
    left_out: dict = field(default_factory=dict)
    remote: RemoteOrder | None = None
    made: datetime | None = None
    content: str | None = None
    external_id: str | None = None
    order: Order | None = None

    @property
    def text(self):
        """Return the message in English."""
        return render(self.code, self.details)

    def add_note(self, code, **details):
        """Add a remark, by its code in ``MESSAGES``."""
        self.notes.append((code, details))

    def show(self, remote):
        """Take over what was read of the order at the dealer."""
        self.remote = remote
        self.remote_name = remote.name
        self.remote_currency = remote.currency


class Sending:
    """An order on its way.

    :ivar order: what is sent: the order, or its replacement once that is known to be right
    :ivar replaced: the order that ``order`` replaces
    :ivar partner_id: the customer at the dealer, None while unknown
    :ivar known: the dealer has it already, whatever speaks against it now
    :ivar was_there: the dealer had it before we know of any attempt
    :ivar is_doubtful: the order at the dealer may have another content than was sent now
    :ivar is_unproved: nobody has seen yet whether the codes of its products found the right ones
    :ivar is_ambiguous: the dealer's Odoo said that a code finds several products
    :ivar customer_gone: the contact that was looked up is not there any more
    :ivar content: which of two contents the order at the dealer has
    :ivar cancelled: the name of the order that the dealer has cancelled, so that this one is sent
        anew
    """

    def __init__(self, order):
        self.order = order
        self.replaced = None
        self.result = None
        self.partner_id = None
        self.notes = []
        self.left_out = {}
        self.known = False
        self.was_there = False
        self.is_doubtful = order.maybe_there
        self.is_unproved = False
        self.is_ambiguous = False
        self.customer_gone = False
        self.content = None
        self.cancelled = None
        self._external_id = order.external_id

    @property
    def codes(self):
        """Return the product codes of the lines."""
        return {line.product_code for line in self.order.lines}

    @property
    def all_codes(self):
        """Return the product codes of the lines, also of the other content where there are two."""
        contents = (self.order, self.order.replacement, self.replaced)
        orders = [order for order in contents if order]
        return {line.product_code for order in orders for line in order.lines}

    @property
    def needs_lines(self):
        """Tell whether the lines at the dealer are to be looked at."""
        return self.is_doubtful or self.is_unproved or self.is_ambiguous

    @property
    def sent(self):
        """Return the content that the order at the dealer has, as far as it is known."""
        return self.replaced if self.replaced and self.content == OLD else self.order

    def replace(self, external_id):
        """Send the replacement from now on, under a key.

        It is what the dealer gets, unless another one is seen there afterwards.
        """
        order = self.order
        self.order, self.replaced = self._attempted(order.replacement, external_id), order
        self.content = NEW
        self.is_doubtful = True
        self.was_there = False

    def adopt(self, external_id, remote_id, content):
        """Take an order that the dealer has for this one."""
        order = self.order.replacement if content == NEW else self.order
        self.order = self._attempted(order, external_id)
        self.content = content
        self.was_there = False
        self.result = OrderResult(SENT, "order_sent", remote_id=remote_id)

    def _attempted(self, order, external_id):
        first_attempt = self.order.first_attempt
        return replace(
            order, external_id=external_id, maybe_there=True, first_attempt=first_attempt
        )

    def settle(self, status, code, **details):
        """Note what became of the order."""
        self.result = OrderResult(status, code, details)

    def fail(self, code, **details):
        """Note that the dealer cannot take the order as it is."""
        self.settle(FAILED, code, **details)

    def note(self, code, **details):
        """Keep a remark for the result."""
        self.notes.append((code, details))

    def leave_out(self, model, values, lacking):
        """Note which of the values cannot be sent; an empty one is nothing to speak of."""
        names = {
            field_of(column)
            for column, value in values.items()
            if field_of(column) in lacking and not is_empty(value)
        }
        if names:
            self.left_out[model] = sorted(names.union(self.left_out.get(model, ())))

    def finish(self):
        """Return the result, with all that is to be said about it."""
        result = self.result
        for code, details in self.notes:
            result.add_note(code, **details)
        self.notes = []
        if result.status == SENT:
            self._finish_sent(result)
        return result

    def _finish_sent(self, result):
        result.content = self.content
        if self.content == OLD:
            result.add_note("order_is_older")
        if self.was_there:
            result.add_note("order_was_there")
        if self.cancelled:
            result.add_note("order_renewed", name=self.cancelled)
        if self.order.external_id != self._external_id:
            result.external_id = self.order.external_id
        if result.external_id or self.content:
            result.order = self.sent
        if not result.left_out:
            result.left_out = self.left_out
            for model, names in self.left_out.items():
                result.add_note("fields_left_out", model=model, fields=names)
