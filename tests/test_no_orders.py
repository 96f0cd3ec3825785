# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo.tests import tagged

from .dealer_common import DealerOrderCommon


@tagged("post_install", "-at_install")
class TestNoOrders(DealerOrderCommon):
    """A pipeline that creates no dealer orders says so, where an order could be expected."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pipeline.push_orders = False

    def test_chatter_of_a_won_deal_with_a_dealership(self):
        lead = self._create_leads().with_user(self.agent)
        lead.action_set_won()
        self.assertFalse(lead.dealer_order_id)
        [note] = [text for text in self._get_notes(lead) if "No order" in text]
        self.assertIn("Northside Motors", note)
        self.assertIn("Vehicles", note)

    def test_it_is_said_once(self):
        lead = self._create_leads().with_user(self.agent)
        lead.action_set_won()
        lead.action_set_won()
        lead.write({"stage_id": self.stage_sold.id})
        self.assertEqual(sum("No order" in text for text in self._get_notes(lead)), 1)

    def test_nothing_to_say_without_a_dealership(self):
        lead = self._create_leads(dealership_id=False).with_user(self.agent)
        lead.action_set_won()
        self.assertFalse([text for text in self._get_notes(lead) if "No order" in text])

    def test_nothing_to_say_where_orders_are_created(self):
        self.pipeline.push_orders = True
        lead = self._create_leads().with_user(self.agent)
        lead.action_set_won()
        self.assertTrue(lead.dealer_order_id)
        self.assertFalse([text for text in self._get_notes(lead) if "No order" in text])

    def test_nothing_to_say_of_leads_of_the_past(self):
        lead = self._create_leads().with_user(self.manager).with_context(bpo_crm_no_push=True)
        lead.action_set_won()
        self.assertFalse([text for text in self._get_notes(lead) if "No order" in text])

    def test_the_board_is_told_when_it_is_opened(self):
        self.assertTrue(self.pipeline.action_open_board()["context"]["bpo_crm_no_orders"])
        self.pipeline.push_orders = True
        self.assertNotIn("bpo_crm_no_orders", self.pipeline.action_open_board()["context"])

    def test_a_batch_is_told_by_one_query_more_than_a_single_one(self):
        def count_queries(number):
            leads = self._create_leads(number)
            leads.mapped("dealership_id.name")
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            leads._log_no_orders()
            self.env.flush_all()
            return self.cr.sql_log_count - before

        count_queries(1)
        self.assertLessEqual(count_queries(10), count_queries(2) + 1)
