# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.tests import tagged

from odoo.addons.bpo_crm.dealer_api import DealerUnreachable
from odoo.addons.bpo_crm.models.engine import dealer_talks
from odoo.addons.bpo_crm.models.order.bpo_dealer_order_broken_off import MAX_BROKEN_OFF

from .dealer_common import FakeDealer
from .test_connection_state import ConnectionCommon


class DyingDealer(FakeDealer):
    """Its worker dies when it is given one of certain orders: it takes none of the batch."""

    def __init__(self):
        super().__init__()
        self.culprits = set()

    def push_orders(self, session, orders):
        if self.culprits.isdisjoint(order.reference for order in orders):
            return super().push_orders(session, orders)
        self.talks.append((session.settings.url, [order.reference for order in orders]))
        error = DealerUnreachable("connection_lost", host="secret.host")
        error.loading = True
        raise error


@tagged("post_install", "-at_install")
class TestBatches(ConnectionCommon):
    """One order that the dealer cannot take in does not keep the others from it."""

    dealer_class = DyingDealer

    def _push_until_done(self, orders, most):
        """Run the scheduled action as often as it takes; return how often that was."""
        for number in range(1, most + 1):
            self._push_again()
            if "pending" not in orders.mapped("state"):
                return number
        self.fail(f"orders still wait: {orders.mapped('state')}")
        return None

    def _get_sizes(self):
        return [len(references) for _url, references in self.dealer.talks]

    def test_halved_and_doubled(self):
        orders = self._win(self._create_leads(12))
        self.dealer.culprits = {orders[0].reference}
        for size in (6, 3, 1):
            self._push_again()
            self.assertEqual(self.dealership.batch_size, size)
        self.dealer.culprits.clear()
        self._push_again()
        self.assertEqual(self._get_sizes(), [12, 6, 3, 1, 2, 4, 5])
        self.assertEqual(set(orders.mapped("state")), {"sent"})

    def test_full_again(self):
        self.dealership.batch_size = 30
        self._win_one()
        self._push()
        self.assertEqual(self.dealership.batch_size, 0)

    def test_culprit_fails_and_the_others_arrive(self):
        orders = self._win(self._create_leads(20))
        culprit = orders[7]
        self.dealer.culprits = {culprit.reference}
        self._push_until_done(orders, 16)
        self.assertEqual(culprit.state, "failed")
        self.assertEqual(culprit.crash_count, MAX_BROKEN_OFF)
        self.assertTrue(culprit.possibly_sent, "it may be there")
        others = orders - culprit
        self.assertEqual(set(others.mapped("state")), {"sent"})
        self.assertEqual(set(others.mapped("crash_count")), {0})
        self.assertEqual(len(self.dealer.orders), 19)
        for words in ("3 times", culprit.reference, "Retry"):
            self.assertIn(words, culprit.error)
        self.assertIn(culprit.reference, "".join(self._get_notes(culprit.lead_id)))
        self.assertEqual(culprit.lead_id.activity_ids.user_id, self.agent)
        self.assertNotIn("secret.host", culprit.error)

    def test_several_culprits(self):
        orders = self._win(self._create_leads(12))
        culprits = orders[0] | orders[5] | orders[11]
        self.dealer.culprits = set(culprits.mapped("reference"))
        self._push_until_done(orders, 30)
        self.assertEqual(set(culprits.mapped("state")), {"failed"})
        self.assertEqual(set((orders - culprits).mapped("state")), {"sent"})

    def test_behind_the_others_and_alone(self):
        orders = self._win(self._create_leads(4))
        orders[0].crash_count = 1
        self._push()
        self.assertEqual(
            [references for _url, references in self.dealer.talks],
            [orders[1:].mapped("reference"), orders[:1].mapped("reference")],
        )

    def test_newly_won_go_before_the_culprit(self):
        _lead, culprit = self._win_one()
        self.dealer.culprits = {culprit.reference}
        self._push()
        self.assertEqual(culprit.crash_count, 1)
        _lead, order = self._win_one()
        self._push_again()
        self.assertEqual(order.state, "sent")
        self.assertEqual(culprit.state, "pending")

    def test_tried_again_by_a_person(self):
        lead, culprit = self._win_one()
        self.dealer.culprits = {culprit.reference}
        self._push_until_done(culprit, 3)
        self.assertEqual(culprit.state, "failed")
        self.dealer.culprits.clear()
        culprit.with_user(self.agent).action_retry()
        self._push_again()
        self.assertEqual(culprit.state, "sent")
        self.assertFalse(lead.activity_ids)

    def test_soon_again_until_it_is_known(self):
        """The dealer is there: what is to be found out does not take an hour."""
        orders = self._win(self._create_leads(16))
        self.dealer.culprits = {orders[0].reference}
        for _attempt in range(4):
            self._push_again()
            self.assertEqual(self.dealership.back_off_count, 1)
        for count in (2, 3):
            self.dealer.culprits = set(orders.mapped("reference"))
            self._push_again()
            self.assertEqual(self.dealership.back_off_count, count, "nothing goes through")

    def test_unreachable_is_nobodys_fault(self):
        """That nobody answers at all does not count against an order, nor make parts smaller."""
        _lead, order = self._win_one()
        self._break()
        for _attempt in range(5):
            self._push_again()
        self.assertEqual((order.state, order.crash_count), ("pending", 0))
        self.assertFalse(self.dealership.batch_size)

    def test_looks_are_in_full(self):
        self.dealership.batch_size = 1
        talk = dealer_talks.LookTalk(self.dealership.id)
        orders = self._win(self._create_leads(3))
        orders.write({"state": "sent", "next_attempt": "2020-01-01", "crash_count": 1})
        talk.choose(self.env)
        self.assertEqual(list(talk.marks), orders.sorted("id").ids)

    def test_changed_connection_starts_in_full(self):
        self.dealership.batch_size = 1
        self.dealership.with_user(self.manager).odoo_db = "another"
        self.assertFalse(self.dealership.batch_size)
