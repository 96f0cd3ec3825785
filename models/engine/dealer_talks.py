# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The kinds of talk with a dealer: about which orders, what is said, what is written.

A talk is one exchange with one dealer's Odoo, about a batch of orders. Its steps are called by
``bpo.dealer.order`` (see ``_push_dealership`` there), which has the transactions. Another addon
adds a kind by ``bpo.dealer.order._get_talk_kinds``.
"""

from dataclasses import dataclass

from odoo import fields
from odoo.fields import Domain

from ...dealer_api import (
    BATCH_SIZE,
    FAILED,
    RETRY,
    SENT,
    UNSEEN,
    DealerError,
    DealerSlowDown,
    Order,
    OrderResult,
    look_at_orders,
    push_orders,
)

# Talks with one dealer: one is under way, another one is being written or waits for its turn. A
# third would only take more memory: with it a run's process grew by a quarter, not by a seventh.
TALKS_PER_DEALER = 2


@dataclass
class TalkReport:
    """What a talk came to."""

    # {order id: what the dealer said of it}, a matter of the kind of talk. None with an error.
    answers: dict | None = None
    # What the session learnt about the dealer.
    server_version: str | None = None
    uid: int | None = None
    # What ended the talk without an answer.
    error: DealerError | None = None
    # What the dealer need not be asked again for a while; None where nothing of it is new.
    remembered: dict | None = None
    # By what the dealer's server asked for fewer requests, also where the talk went on.
    slow_down: DealerError | None = None


class Talk:
    """One talk with one dealer.

    The order of the steps, each transaction in brackets::

        [choose, mark]   [prepare, converse, write_back]   [write_dealership]

    so that it may end at any point without losing an order or making a second one. ``converse``
    touches no database. ``write_back`` may be called again, in a new transaction, with what the
    dealer answered.

    :param int dealership_id: the dealership that is talked with
    """

    # The state of the orders that this kind is about, and their order.
    state = None
    order = "id"

    def __init__(self, dealership_id):
        self.dealership_id = dealership_id
        # when it has to be over; None for as long as a talk may last
        self.seconds = None
        # how many orders at most
        self.limit = BATCH_SIZE
        # {order id: its possibly_sent before this talk}
        self.marks = {}
        # {order id: its attempt_count once it was marked}
        self.attempts = {}
        self.settings = None
        # what it came to, a TalkReport; None before the dealer was talked with
        self.report = None

    def __bool__(self):
        """Tell whether there is anything to talk about."""
        return bool(self.marks)

    @property
    def is_full(self):
        """Tell whether there may be more orders than this talk is about."""
        return len(self.marks) >= self.limit

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
            due = self.find_due(env)
            orders = due.try_lock_for_update(allow_referencing=True, limit=self.limit)
        self.marks = {order.id: order.possibly_sent for order in orders}

    def find_due(self, env):
        """Return the next orders that this kind of talk is about, in their order.

        More than fit: those of a talk whose answers are being written are due and locked. Read is
        what choosing takes, not the content of all of them.
        """
        return env["bpo.dealer.order"].search_fetch(
            self.get_domain() & Domain("dealership_id", "=", self.dealership_id),
            ["crash_count", "possibly_sent"],
            order=self.order,
            limit=TALKS_PER_DEALER * self.limit,
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
        orders = self.lock_orders(self.browse_orders(env))
        if not self.may_talk_with(dealership):
            self.unmark(orders)
            return False
        # taken back since they were chosen
        self.unmark(orders.filtered(lambda order: order.state != self.state))
        orders = orders.filtered(lambda order: order.state == self.state)
        elsewhere = orders.filtered(lambda order: self.is_elsewhere(order))
        self.turn_away(elsewhere)
        orders -= elsewhere
        self.marks = {order.id: self.marks[order.id] for order in orders}
        self.settings = dealership._get_connection_settings(seconds=self.seconds)
        self.collect(orders)
        return bool(orders)

    def may_talk_with(self, dealership):
        """Tell whether the dealership may be talked with about what was chosen."""
        return dealership._is_open()

    def lock_orders(self, orders):
        """Lock orders until the next commit, and return those that nobody else holds."""
        return orders.try_lock_for_update(allow_referencing=True)

    def give_up(self, env):
        """Let others go on: this talk is not to be held."""
        self.unmark(self.lock_orders(self.browse_orders(env)))

    def is_elsewhere(self, order):
        """Tell whether an order belongs to another Odoo than the dealership has now."""
        return order._is_elsewhere()

    def turn_away(self, orders):
        """Write why these orders are not talked about: they are elsewhere."""
        raise NotImplementedError

    def collect(self, orders):
        """Read from the orders what is to be said; ``converse`` has no database."""
        raise NotImplementedError

    def converse(self, session):
        """Say it, and return ``{order id: what the dealer answered}``.

        :raise DealerError: the dealer as a whole cannot be worked with
        """
        raise NotImplementedError

    def write_back(self, env, report, order_ids=None):
        """Write what the talk came to, on the orders.

        :param order_ids: for these orders only, where they cannot be written all together
        """
        orders = self.browse_orders(env)
        if order_ids is not None:
            orders = orders.browse(order_ids)
        self.lock_orders(orders)
        if report.error:
            self.write_waiting(orders, report.error)
            return
        if self._is_news(env, report):
            # links to orders depend on the version
            self.write_dealership(env, report)
        self.write_answers({order: report.answers[order.id] for order in orders})

    def write_dealership(self, env, report):
        """Write what the talk came to, on the dealership, where its connection is still the same.

        In a transaction of its own: the next talk, whose transaction has begun already, would
        find the row changed, and have to write all its answers a second time.
        """
        if not (dealership := self._lock_same_connection(env)):
            return
        if report.error:
            self.write_error(dealership, self.browse_orders(env), report.error)
            if isinstance(report.error, DealerSlowDown):
                dealership._write_learnt(report)
        else:
            self.write_learnt(dealership, report)
            if report.slow_down:
                dealership._slow_down(report.slow_down)

    def _is_news(self, env, report):
        """Tell whether the dealer has another version than was known."""
        known = self.browse_dealership(env).server_version
        return bool(report.server_version and report.server_version != known)

    def write_learnt(self, dealership, report):
        """Write on the dealership what a talk that went well came to, the same again if repeated.

        :param dealership: its connection is still the one that was talked through
        """
        dealership._write_talk_succeeded(report)

    def _lock_same_connection(self, env):
        """Return the dealership, or none where somebody changes its connection, or has changed it.

        What a talk taught about the old connection is not true of the new one.
        """
        dealership = self.browse_dealership(env)
        # wait for others: the next talk holds the row for a moment, a manager who saves it, too
        env.cr.execute(
            "SELECT id FROM bpo_dealership WHERE id = %s FOR NO KEY UPDATE", [self.dealership_id]
        )
        dealership.invalidate_recordset()
        return dealership.filtered(lambda one: one._is_reached_through(self.settings))

    def write_answers(self, answers):
        """Write what the dealer answered.

        :param dict answers: ``{order: what was said of it}``
        """
        raise NotImplementedError

    def write_error(self, dealership, orders, error):
        """Note on the dealership that it cannot be worked with.

        :param dealership: its connection is still the one that was talked through
        """
        dealership._write_talk_failed(error)

    def write_waiting(self, orders, error):
        """Let the orders wait for the next talk."""
        raise NotImplementedError


class PushTalk(Talk):
    """Bring the orders over that wait."""

    state = "pending"
    order = "crash_count, id"
    # where the orders are from now on, perhaps
    place = None

    @classmethod
    def get_domain(cls):
        """Return the domain of the waiting orders whose time has come."""
        now = fields.Datetime.now()
        return Domain("state", "=", cls.state) & (
            Domain("next_attempt", "=", False) | Domain("next_attempt", "<=", now)
        )

    def find_due(self, env):
        """Return the next orders; one that the dealer broke off over comes last, and alone."""
        self.limit = min(self.limit, self.browse_dealership(env)._get_batch_size())
        orders = super().find_due(env)
        if orders[:1].crash_count:
            return orders[:1]
        return orders.filtered(lambda order: not order.crash_count)

    def mark(self, env):
        """Note, before the dealer hears of them, that these orders may exist there from now on."""
        if not self:
            return
        self.browse_orders(env)._take_order_defaults()
        now = fields.Datetime.now()
        self.place = self.browse_dealership(env)._get_place()
        for order in self.browse_orders(env):
            vals = {"possibly_sent": True, "attempt_count": order.attempt_count + 1}
            if not order.possibly_sent:
                vals["remote_place"] = self.place
            if not order.first_attempt:
                vals["first_attempt"] = now
            order.write(vals)
            self.attempts[order.id] = order.attempt_count

    def lock_orders(self, orders):
        """Notice also which orders another worker has marked since: they may be there by now.

        One that died in the middle of its talk has left its mark, and nobody may take it back.
        """
        locked = super().lock_orders(orders)
        for order in locked:
            if order.attempt_count != self.attempts[order.id]:
                self.marks[order.id] = True
        return locked

    def unmark(self, orders):
        """Take the marks back: for these orders the dealer was certainly not asked this time.

        What became of those that another worker has marked since, that one knows.
        """
        for order in orders:
            if order.attempt_count == self.attempts[order.id]:
                order.possibly_sent = self.marks[order.id]

    def may_talk_with(self, dealership):
        """Leave the orders for another talk where they were marked as being somewhere else."""
        return super().may_talk_with(dealership) and dealership._get_place() == self.place

    def is_elsewhere(self, order):
        """Leave those out that have certainly never been sent: they have no place yet."""
        return self.marks[order.id] and super().is_elsewhere(order)

    def turn_away(self, orders):
        """Fail orders that may be in the Odoo that the dealership had before."""
        refusals = {order: OrderResult(FAILED, "place_changed") for order in orders}
        orders._write_failed(refusals, self.marks)

    def collect(self, orders):
        """Read the snapshots, and what is known of earlier attempts."""
        self.contents = {}
        self.wanted = {order.id: order.payload_wanted for order in orders}
        for order in orders:
            content = order._get_content()
            # also one that was won again, with something else, since it was marked
            content.maybe_there = bool(self.marks[order.id] or order.payload_wanted)
            if content.maybe_there:
                content.first_attempt = order.first_attempt
                if order.payload_wanted:
                    content.replacement = Order.from_payload(order.payload_wanted)
            self.contents[order.id] = content

    def converse(self, session):
        """Return an ``OrderResult`` per order."""
        results = push_orders(session, list(self.contents.values()))
        return dict(zip(self.contents, results, strict=True))

    def write_learnt(self, dealership, report):
        """Write also what became of the orders as a whole."""
        res = super().write_learnt(dealership, report)
        dealership._write_results(report.answers.values(), self.limit)
        return res

    def write_answers(self, answers):
        """Write the results, those of each kind in one go."""
        orders = next(iter(answers)).browse()
        # another worker has found it there while this answer waited, and told everybody
        answers = {order: each for order, each in answers.items() if order.state != "sent"}
        sent = self._select(answers, SENT)
        # won again, with something else, while the answer waited for being written; another worker
        # may have failed to send that
        newer = {
            order: order.payload_wanted
            for order in sent
            if order.state in ("pending", "failed")
            and order.payload_wanted
            and order.payload_wanted != self.wanted[order.id]
        }
        orders._write_sent(sent)
        orders._write_newer(newer)
        orders._write_failed(self._select(answers, FAILED), self.marks)
        orders._write_retry(self._select(answers, RETRY))

    def write_error(self, dealership, orders, error):
        """Where the dealer broke off while it was given the orders, give it fewer next time."""
        if not error.loading:
            return super().write_error(dealership, orders, error)
        return dealership._write_broken_off(error, len(orders))

    @staticmethod
    def _select(results, status):
        return {order: result for order, result in results.items() if result.status == status}

    def write_waiting(self, orders, error):
        """Let the orders wait, with or without a doubt whether the dealer has them."""
        if not error.request_sent:
            self.unmark(orders)
        orders._write_waiting(error)
        if error.loading and len(orders) == 1:
            # it is known then which order it is
            orders._write_broken_off()


class LookTalk(Talk):
    """Look what became of orders that are at the dealer; their ``next_attempt`` asks for it."""

    state = "sent"

    @classmethod
    def get_domain(cls):
        """Return the domain of the sent orders that are to be looked at by now."""
        return Domain("state", "=", cls.state) & Domain("next_attempt", "<=", fields.Datetime.now())

    def turn_away(self, orders):
        """Leave orders alone that were sent to the Odoo that the dealership had before.

        What their leads want is kept: should it be the same Odoo, it is asked then.
        """
        orders.next_attempt = False

    def collect(self, orders):
        """Read what the orders are at the dealer, as far as we know."""
        self.contents = {order.id: order._get_content() for order in orders}
        for order in orders:
            self.contents[order.id].external_id = order.external_id
            self.contents[order.id].first_attempt = order.first_attempt or None

    def converse(self, session):
        """Return what can be seen of each order."""
        looks = look_at_orders(session, list(self.contents.values()))
        return {order_id: looks[content.external_id] for order_id, content in self.contents.items()}

    def write_answers(self, answers):
        """Write what was seen, and send anew what the dealer gave up and somebody wants."""
        orders = next(iter(answers)).browse()
        unseen = [order.id for order, look in answers.items() if look.seen == UNSEEN]
        orders.browse(unseen)._postpone_look()
        orders._write_looks({order: answers[order] for order in answers if order.id not in unseen})

    def write_waiting(self, orders, error):
        """Look again later."""
        orders._postpone_look()
