# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import dataclasses
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from unittest.mock import patch

from odoo import fields

from odoo.addons.base.tests.test_ir_cron import CronMixinCase
from odoo.addons.bpo_crm.dealer_api import (
    HIDDEN,
    MISSING,
    NEW,
    OLD,
    UNSEEN,
    Look,
    OrderResult,
    RemoteOrder,
    next_external_id,
)
from odoo.addons.bpo_crm.models.engine import dealer_push
from odoo.addons.bpo_crm.models.engine import dealer_talks as talks
from odoo.addons.bpo_crm.models.order import bpo_dealer_order_push as push

from .common import BpoCrmCommon

CRON = "bpo_crm.ir_cron_push_dealer_orders"


class SameThread(Executor):
    """Talks with one dealer after the other: a test's cursor belongs to one thread."""

    def submit(self, function, *args):
        future = Future()
        try:
            future.set_result(function(*args))
        except Exception as error:  # noqa: BLE001 (the run looks at it, as with threads)
            future.set_exception(error)
        return future


class PushInSameThread:
    """Tests in which the scheduled action runs."""

    def setUp(self):
        super().setUp()
        self.enterContext(
            patch.object(push.BpoDealerOrder, "_open_push_pool", lambda orders: SameThread())
        )
        # the locks of two talks would be those of one transaction
        self.enterContext(patch.object(dealer_push, "TALKS_PER_DEALER", 1))

    def _push(self):
        """Run the scheduled action, as the scheduler does: in transactions of its own."""
        with self.enter_registry_test_mode():
            self.cron.method_direct_trigger()


class FakeDealer:
    """Stands for the Odoo of all dealerships: takes each order once, or answers as told.

    What the talk itself does on the wire is tested with ``dealer_api``.
    """

    def __init__(self):
        # {external id: (remote id, name)}
        self.orders = {}
        # the references of each talk, per address
        self.talks = []
        # {reference: OrderResult or None}, for orders that are not simply taken
        self.answers = {}
        # {address: an exception}: nobody to talk with
        self.errors = {}
        # {remote id: {"name": …}} of orders that can be read there
        self.readable = {}
        # {remote id: [(code, details)]} of orders that differ from what was sent
        self.notes = {}
        # remote ids of orders that were deleted there
        self.gone = set()
        # remote ids of orders that the dealer tells nothing about this time
        self.unseen = set()
        # remote ids of orders with products that the dealer does not know any more
        self.uncompared = set()
        # called in the middle of a talk
        self.meanwhile = None

    def open_session(self, settings):
        return FakeSession(settings)

    def push_orders(self, session, orders):
        self.talks.append((session.settings.url, [order.reference for order in orders]))
        if self.meanwhile:
            self.meanwhile()
        if error := self.errors.get(session.settings.url):
            raise error
        return [self._answer(order) for order in orders]

    def _answer(self, order):
        if answer := self.answers.get(order.reference):
            if answer.content or answer.external_id:
                content = order.replacement if answer.content == NEW else order
                key = answer.external_id or order.external_id
                answer.order = dataclasses.replace(content, external_id=key)
            if answer.remote_id:
                key = answer.external_id or order.external_id
                self.orders[key] = (answer.remote_id, answer.remote_name)
            return answer
        result = OrderResult("sent", "order_sent")
        if order.replacement:
            result.content, result.order, key = self._replace(order)
        else:
            key = order.external_id
        number = 1000 + len(self.orders)
        result.remote_id, result.remote_name = self.orders.setdefault(
            key, (number, f"S{number:05}")
        )
        return result

    def _replace(self, order):
        """Return content, order and key of one that may be there with another content."""
        key = order.external_id
        remote_id, _name = self.orders.get(key, (None, None))
        if remote_id and self.readable.get(remote_id, {}).get("state") == "cancel":
            key = next_external_id(key)
        content = OLD if key in self.orders else NEW
        sent = order if content == OLD else order.replacement
        return content, dataclasses.replace(sent, external_id=key), key

    def look_at_orders(self, session, orders):
        if error := self.errors.get(session.settings.url):
            raise error
        return {order.external_id: self._look_at(order) for order in orders}

    def _look_at(self, order):
        remote_id, _name = self.orders.get(order.external_id, (None, None))
        notes = self.notes.get(remote_id, [])
        if remote_id is None or remote_id in self.gone:
            return Look(MISSING, notes)
        if remote_id in self.unseen:
            return Look(UNSEEN)
        if remote_id not in self.readable:
            return Look(HIDDEN, notes)
        values = {"name": None, "state": "draft", **self.readable[remote_id]}
        is_compared = remote_id not in self.uncompared
        return Look(RemoteOrder(remote_id, **values), notes, is_compared=is_compared)


class FakeSession:
    server_version = "19.0"
    uid = 7
    learnt = None
    slow_down = None

    def __init__(self, settings):
        self.settings = settings

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        pass


class DealerOrderCommon(PushInSameThread, BpoCrmCommon, CronMixinCase):
    """Leads that are won, and a dealer that answers as the test tells it to."""

    dealer_class = FakeDealer

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cron = cls.env.ref(CRON)
        # the orders, chatter, e-mails and activities of others stay out of the way
        cls.env["bpo.dealer.order"].search([("state", "in", ("pending", "failed"))]).write(
            {"state": "cancelled"}
        )

    def setUp(self):
        super().setUp()
        self.dealer = self.dealer_class()
        for name in ("push_orders", "look_at_orders"):
            self.enterContext(patch.object(talks, name, getattr(self.dealer, name)))
        self.enterContext(patch.object(push, "DealerSession", self.dealer.open_session))

    def _unwritable_answer(self, order, error):
        """Let the answer about one order raise an error where it is written."""
        original = push.BpoDealerOrder._prepare_sent_vals

        def prepare_sent_vals(one, result):
            if one == order:
                raise error
            return original(one, result)

        return patch.object(push.BpoDealerOrder, "_prepare_sent_vals", prepare_sent_vals)

    @classmethod
    def _win(cls, leads, user=None):
        """Win leads as the given user, the agent by default, and return their orders."""
        leads = leads.with_user(user or cls.agent)
        leads.write({"stage_id": cls.stage_sold.id})
        return leads.sudo().dealer_order_id

    def _win_one(self, **values):
        lead = self._create_leads(**values)
        return lead, self._win(lead)

    def _get_other_currency(self):
        """Return a currency that is not the one of the test's leads and dealership."""
        currencies = self.env.ref("base.EUR") | self.env.ref("base.USD")
        return (currencies - self.env.company.currency_id)[0]

    def _make_due(self, records):
        records.next_attempt = fields.Datetime.now()

    def _get_notes(self, record):
        """Return the text of the chatter of a record, latest first."""
        return [str(message.body) for message in record.sudo().message_ids]

    @contextmanager
    def _assert_note(self, record, *words):
        """Check that exactly one message is added to the chatter, with all the words."""
        before = record.sudo().message_ids
        yield
        added = record.sudo().message_ids - before
        self.assertEqual(len(added), 1, added.mapped("body"))
        for word in words:
            self.assertIn(word, str(added.body))
