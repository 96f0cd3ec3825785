# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Is the order that the dealer has under our key ours, and is it what was sent?

A key alone proves nothing: after a restored backup it may be given out a second time, and
``load()`` then returns the order of the first one as if it had been created.
"""

from datetime import timedelta

from .remote import CANCELLED
from .sending import NEW, OLD

# Clocks differ, and a dealer's database may have another one than its web server.
TOLERANCE = timedelta(seconds=60)
# So far they may differ where everything else is as it was sent.
LARGE_TOLERANCE = timedelta(hours=1)


class Verifier:
    """Compare orders as they were read with those that were sent, in one talk."""

    def __init__(self, session, products):
        self.session = session
        # {code: [ids]} at the dealer
        self.products = products

    def verify(self, sending, remote, lines=()):
        """Note what the order at the dealer is; ``sending`` fails when it is somebody else's.

        :param lines: its lines as (product, quantity, price), where there were two contents
        """
        if self.is_anothers(sending, remote):
            self.refuse(sending, remote)
            return
        sending.result.show(remote)
        self._compare_contents(sending, lines)
        self._note_differences(sending, remote)

    # ------------------------------------------------------------
    # Whose is it
    # ------------------------------------------------------------

    @staticmethod
    def refuse(sending, remote):
        """Fail an order whose key at the dealer is taken."""
        sending.fail(
            "order_conflict",
            name=remote.name or str(remote.id),
            reference=remote.reference or "-",
            customer=remote.partner_name or "-",
        )

    def is_anothers(self, sending, remote):
        """Tell whether an order at the dealer cannot be the one of ``sending``."""
        order = sending.order
        if order.maybe_there:
            began = order.first_attempt
            if _differ(remote.reference, order.reference) and _is_for_another(sending, remote):
                return True
        else:
            began = self.session.started
            if _differ(remote.partner_id, sending.partner_id):
                return True
        return self._is_older(remote, began, self._tolerance(sending, remote))

    def _tolerance(self, sending, remote):
        alike = (
            sending.partner_id
            and remote.partner_id == sending.partner_id
            and remote.reference == sending.order.reference
            and self._difference(sending.order, remote) is None
        )
        return LARGE_TOLERANCE if alike else TOLERANCE

    def _is_older(self, remote, moment, tolerance):
        """Tell whether an order was there before a moment of our clock."""
        offset = self.session.clock_offset
        if remote.created is None or moment is None or offset is None:
            return False
        return remote.created - offset < moment - tolerance

    # ------------------------------------------------------------
    # What is it
    # ------------------------------------------------------------

    def _compare_contents(self, sending, lines):
        """Say which of two contents arrived, if there were two."""
        if sending.replaced:
            # The old content may have been committed late, after the dealer was asked for it.
            old = self.same_lines(sending.replaced, lines)
            sending.content = OLD if old and not self.same_lines(sending.order, lines) else NEW

    def same_lines(self, order, lines):
        """Tell whether lines at the dealer are those of an order: products, quantities, prices."""
        ours = []
        for line in order.lines:
            ids = self.products.get(line.product_code, ())
            if len(ids) != 1:
                return False
            values = line.values
            ours.append((ids[0], values.get("product_uom_qty", 1.0), values.get("price_unit")))
        pairs = zip(_sorted(ours), _sorted(lines), strict=False)
        return len(ours) == len(lines) and all(_same_line(*pair) for pair in pairs)

    def _note_differences(self, sending, remote):
        order = sending.replaced if sending.replaced and sending.content == OLD else sending.order
        if remote.state == CANCELLED:
            sending.note("order_cancelled")
        if _differ(remote.partner_id, sending.partner_id):
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


def _is_for_another(sending, remote):
    """Tell whether an order is for another customer; by the names while nobody was looked up."""
    if sending.partner_id:
        return _differ(remote.partner_id, sending.partner_id)
    ours, theirs = sending.order.customer.values.get("name"), remote.partner_name
    return bool(ours and theirs) and str(ours).strip().lower() not in theirs.lower()


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
    return line[0] == other[0] and all(abs(line[i] - other[i]) < 0.02 for i in (1, 2))
