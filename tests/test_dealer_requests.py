# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..dealer_api import memory
from .test_dealer_order_wire import DealerWireCommon

STEADY = ["res.partner.search_read", "sale.order.load", "sale.order.search_read"]


@tagged("post_install", "-at_install")
class TestDealerRequests(DealerWireCommon):
    """What a dealer was asked is kept with the dealership, for other workers and later talks."""

    def _start_dealer(self, *args, **values):
        res = super()._start_dealer(*args, **values)
        self.dealership.protocol = "xmlrpc"
        return res

    def _push_one(self):
        """Win a lead of a known customer, push, and return the requests that it took."""
        order = self._win(email_from="steady@buyer.example", contact_name="Ann Ash")
        self.dealer.requests.clear()
        self._push()
        self.assertEqual(order.state, "sent", order.error)
        return self.dealer.requests

    def _warm_up(self):
        for _turn in range(3):
            self._push_one()

    def test_another_worker_asks_no_more(self):
        self._warm_up()
        memory.clear()
        self.assertEqual(self._push_one(), STEADY)

    def test_nothing_learnt_is_nothing_written(self):
        self._warm_up()
        stored = self.dealership.remembered
        self._push_one()
        self.assertEqual(self.dealership.remembered, stored)

    def test_forgotten_with_the_connection(self):
        """In this worker and in others: what was learnt before is not read from anywhere."""
        self._warm_up()
        self.dealership.protocol = "json2"
        self.dealership.protocol = "xmlrpc"
        self.assertFalse(self.dealership.remembered["answers"])
        self.assertIn("res.company.read", self._push_one())

    def test_forgotten_when_the_connection_is_tested(self):
        self._warm_up()
        self.dealership.with_user(self.manager).action_test_connection()
        self.assertFalse(self.dealership.remembered["answers"])
        self.assertIn("res.company.read", self._push_one())

    @mute_logger("odoo.addons.bpo_crm.models.order.bpo_dealer_order_push")
    def test_forgotten_when_a_talk_fails(self):
        self._warm_up()
        self.dealer.inject("server_error", "res.partner.search_read", times=2)
        order = self._win(email_from="steady@buyer.example", contact_name="Ann Ash")
        self._push()
        self.assertFalse(self.dealership.remembered["answers"])
        self._check_pending_again(order)

    def _check_pending_again(self, order):
        self.assertEqual(order.state, "pending")
        self.dealership.next_attempt = order.next_attempt = False
        self._push()
        self.assertEqual(order.state, "sent", order.error)
