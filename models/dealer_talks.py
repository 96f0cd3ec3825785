# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The kinds of talk with a dealer: about which orders, what is said, what is written.

A talk is one exchange with one dealer's Odoo, about a batch of orders. Its steps are called by
``bpo.dealer.order`` (see ``_push_dealership`` there), which has the transactions. Another addon
adds a kind by ``bpo.dealer.order._get_talk_kinds``.
"""

from dataclasses import dataclass
from datetime import timedelta

from odoo import fields
from odoo.fields import Domain

from ..dealer_api import BATCH_SIZE, DealerError, Order, push_orders, read_orders

# The name of an order that may not be read is asked for again in ever longer intervals.
FIRST_NAME_DELAY = timedelta(hours=1)
LAST_NAME_AGE = timedelta(days=30)


@dataclass
class TalkReport:
    """What a talk came to."""

    # What the dealer said; its shape is a matter of the kind of talk. None with an error.
    answer: object = None
    # What the session learnt about the dealer.
    server_version: str | None = None
    uid: int | None = None
    # The exception that ended the talk without an answer.
    error: BaseException | None = None


class Talk:
    """One talk with one dealer.

    The order of the steps, each transaction in brackets::

        [choose, mark]   [prepare, converse, write_back]

    so that it may end at any point without losing an order or making a second one. ``converse``
    touches no database. ``write_back`` may be called again, in a new transaction, with what the
    dealer answered.

    :param int dealership_id: the dealership that is talked with
    :param float seconds: when the talk has to be over; None for as long as a talk may last
    """

    # The state of the orders that this kind is about, and their order.
    state = None
    order = "id"

    def __init__(self, dealership_id, seconds=None):
        self.dealership_id = dealership_id
        self.seconds = seconds
        # {order id: its possibly_sent before this talk}
        self.marks = {}
        self.settings = None

    def __bool__(self):
        """Tell whether there is anything to talk about."""
        return bool(self.marks)

    @classmethod
    def get_domain(cls):
        """Return the domain of the orders that are due for this kind of talk."""
        raise NotImplementedError

    def browse_orders(self, env):
        """Return the orders of this talk, in their order."""
        return env["bpo.dealer.order"].browse(self.marks)

    def browse_dealership(self, env):
        """Return the dealership of this talk."""
        return env["bpo.dealership"].browse(self.dealership_id)

    def choose(self, env):
        """Take the next due orders, but those that a user is holding; none where all are held."""
        orders = env["bpo.dealer.order"]
        if self.browse_dealership(env).try_lock_for_update(allow_referencing=True):
            orders = self.find_due(env, BATCH_SIZE).try_lock_for_update(allow_referencing=True)
        self.marks = {order.id: order.possibly_sent for order in orders}

    def find_due(self, env, limit):
        """Return the next orders that this kind of talk is about, in their order."""
        return env["bpo.dealer.order"].search(
            self.get_domain() & Domain("dealership_id", "=", self.dealership_id),
            order=self.order,
            limit=limit,
        )

    def mark(self, env):
        """Note what has to be known should nothing be heard of this talk any more."""

    def unmark(self, orders):
        """Take the marks back: the dealer was certainly not asked about these orders."""

    def prepare(self, env):
        """Lock the orders until the next commit, look again; tell whether to talk about any.

        Nobody can take back an order while the lock is held.
        """
        dealership = self.browse_dealership(env)
        orders = self.browse_orders(env).try_lock_for_update(allow_referencing=True)
        orders = orders.filtered(lambda order: order.state == self.state)
        if not (dealership._is_open() and dealership._try_lock_talk()):
            self.unmark(orders)
            return False
        self.marks = {order.id: self.marks[order.id] for order in orders}
        self.settings = dealership._get_connection_settings(seconds=self.seconds)
        self.collect(orders)
        return bool(orders)

    def collect(self, orders):
        """Read from the orders what is to be said; ``converse`` has no database."""
        raise NotImplementedError

    def converse(self, session):
        """Say it, and return what the dealer answered.

        :raise DealerError: the dealer as a whole cannot be worked with
        """
        raise NotImplementedError

    def write_back(self, env, report):
        """Write what the talk came to."""
        orders = self.browse_orders(env)
        orders.try_lock_for_update(allow_referencing=True)
        dealership = self._lock_same_connection(env)
        if report.error:
            self.write_error(dealership, orders, report.error)
            return
        if dealership:
            dealership._write_talk_succeeded(report)
        self.write_answer(dealership, orders, report.answer)

    def _lock_same_connection(self, env):
        """Return the dealership, or none where somebody changes its connection, or has changed it.

        What a talk taught about the old connection is not true of the new one.
        """
        dealership = self.browse_dealership(env).try_lock_for_update(allow_referencing=True)
        dealership.invalidate_recordset()
        return dealership.filtered(lambda one: one._is_reached_through(self.settings))

    def write_answer(self, dealership, orders, answer):
        """Write what the dealer answered.

        :param dealership: empty when its connection was changed during the talk
        """
        raise NotImplementedError

    def write_error(self, dealership, orders, error):
        """Note on the dealership that it cannot be worked with; the orders go on waiting.

        :param dealership: empty when its connection was changed during the talk
        """
        if dealership:
            dealership._write_talk_failed(error)
        self.write_waiting(orders, error)

    def write_waiting(self, orders, error):
        """Let the orders wait for the next talk."""
        raise NotImplementedError


class PushTalk(Talk):
    """Bring the orders over that wait."""

    state = "pending"
    order = "crash_count, id"

    @classmethod
    def get_domain(cls):
        """Return the domain of the waiting orders whose time has come."""
        now = fields.Datetime.now()
        return Domain("state", "=", cls.state) & (
            Domain("next_attempt", "=", False) | Domain("next_attempt", "<=", now)
        )

    def find_due(self, env, limit):
        """Return the next orders; one that the dealer broke off over comes last, and alone."""
        limit = min(limit, self.browse_dealership(env)._get_batch_size())
        orders = super().find_due(env, limit)
        if orders[:1].crash_count:
            return orders[:1]
        return orders.filtered(lambda order: not order.crash_count)

    def mark(self, env):
        """Note, before the dealer hears of them, that these orders may exist there from now on."""
        for order in self.browse_orders(env):
            order.write({"possibly_sent": True, "attempt_count": order.attempt_count + 1})

    def unmark(self, orders):
        """Take the marks back: for these orders the dealer was certainly not asked this time."""
        for order in orders:
            order.possibly_sent = self.marks[order.id]

    def collect(self, orders):
        """Read the snapshots."""
        self.orders = [Order.from_payload(order.payload) for order in orders]

    def converse(self, session):
        """Return one ``OrderResult`` per order."""
        return push_orders(session, self.orders)

    def write_answer(self, dealership, orders, answer):
        """Write the results, those of each kind in one go."""
        results = dict(zip(orders, answer, strict=True))
        if dealership:
            dealership._write_results(answer)
        orders._write_sent(self._select(results, "sent"))
        orders._write_failed(self._select(results, "failed"), self.marks)
        orders._write_retry(self._select(results, "retry"))

    def write_error(self, dealership, orders, error):
        """Where the dealer broke off while it was given the orders, take fewer of them next time.

        Alone, an order that does it is known, and counted.
        """
        if not getattr(error, "loading", False):
            super().write_error(dealership, orders, error)
            return
        if dealership:
            dealership._write_broken_off(error, len(orders))
        self.write_waiting(orders, error)
        if len(orders) == 1:
            orders._write_broken_off()

    @staticmethod
    def _select(results, status):
        return {order: result for order, result in results.items() if result.status == status}

    def write_waiting(self, orders, error):
        """Let the orders wait, with or without a doubt whether the dealer has them."""
        if isinstance(error, DealerError) and not error.request_sent:
            self.unmark(orders)
        orders._write_waiting(error)


class NameTalk(Talk):
    """Ask again for the names of orders that are at the dealer, but could not be read."""

    state = "sent"

    @classmethod
    def get_domain(cls):
        """Return the domain of the sent orders whose name is to be asked for again."""
        return (
            Domain("state", "=", cls.state)
            & Domain("remote_name", "=", False)
            & Domain("next_attempt", "<=", fields.Datetime.now())
        )

    def collect(self, orders):
        """Read the ids that the orders have at the dealer."""
        self.remote_ids = orders.mapped("remote_id")

    def converse(self, session):
        """Return what can be read of the orders by now, by their ids."""
        return read_orders(session, self.remote_ids)

    def write_answer(self, dealership, orders, answer):
        """Fill in the names that can be read by now."""
        orders._write_names(answer)

    def write_waiting(self, orders, error):
        """Ask again later."""
        orders._postpone_names()
