# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from odoo.addons.bpo_crm.dealer_api import OrderResult

from .dealer_common import DealerOrderCommon


class ProblemCommon(DealerOrderCommon):
    def _fail(self, code="product_unknown", count=1, **details):
        """Win leads whose orders the dealer refuses, and return these."""
        details = details or {"codes": "VH-12"}
        orders = self._win(self._create_leads(count))
        for order in orders:
            self.dealer.answers[order.reference] = OrderResult("failed", code, details)
        self._push()
        self.assertEqual(set(orders.mapped("state")), {"failed"})
        return orders

    def _problems(self, user=None):
        problems = self.env["bpo.dealer.problem"].with_user(user or self.supervisor)
        return problems.search([("dealership_id", "=", self.dealership.id)])


@tagged("post_install", "-at_install")
class TestProblems(ProblemCommon):
    """Failures as work: one row per cause and dealership."""

    def test_grouped_by_cause(self):
        self._fail(count=3)
        self._fail(codes="VH-13")
        problems = self._problems()
        self.assertEqual(problems.mapped("order_count"), [3, 1])
        self.assertIn("VH-12", problems[0].problem)
        self.assertIn("VH-13", problems[1].problem)
        self.assertTrue(problems[0].since)

    def test_retry_all(self):
        orders = self._fail(count=3)
        other = self._fail(codes="VH-13")
        self.dealer.answers.clear()
        notice = self._problems()[0].action_retry_all()
        self.assertIn("tried again: 3.", notice["params"]["message"])
        self.assertEqual(notice["params"]["next"]["tag"], "soft_reload")
        self._push()
        self.assertEqual(set(orders.mapped("state")), {"sent"})
        self.assertEqual(other.state, "failed")

    def test_orders_are_opened(self):
        orders = self._fail(count=2)
        self._fail(codes="VH-13")
        action = self._problems()[0].action_open_orders()
        self.assertEqual(self.env[action["res_model"]].search(action["domain"]), orders)

    def test_many_causes_in_one_search(self):
        orders = self._fail(count=2)
        for number in range(4):
            orders |= self._fail(codes=f"VH-{number}")
        orders |= self._fail("currency_unknown", currency="XTS")
        problems = self._problems()
        self.assertEqual(len(problems), 6)
        searches = []
        original = type(orders).search

        def search(model, *args, **kwargs):
            searches.append(args)
            return original(model, *args, **kwargs)

        with patch.object(type(orders), "search", search):
            self.assertEqual(problems._get_orders(), orders.sorted())
            self.assertFalse(problems.browse()._get_orders())
        self.assertEqual(len(searches), 2)
        self.assertEqual(problems[0]._get_orders(), orders[:2])

    def test_a_cause_without_details(self):
        """As the first release wrote it."""
        orders = self._fail()
        orders.write({"error_code": False, "error_details": False, "error": "Told before"})
        [problem] = self._problems()
        self.assertEqual((problem.problem, problem.order_count), ("Told before", 1))
        self.assertEqual(problem._get_orders(), orders)

    def test_in_the_language_of_the_reader(self):
        self._fail()
        self.env["res.lang"]._activate_lang("fr_FR")
        problem = self._problems().with_context(lang="fr_FR")
        self.assertIn("VH-12", problem.problem)

    def test_who_may_see_it(self):
        self._fail()
        self.assertTrue(self._problems(self.manager))
        with self.assertRaises(AccessError):
            self._problems(self.agent)

    def test_of_other_companies(self):
        orders = self._fail()
        company = self.env["res.company"].create({"name": "Elsewhere"})
        orders.lead_id.dealership_id.company_id = False
        self.env.cr.execute(
            "UPDATE bpo_dealer_order SET company_id = %s WHERE id IN %s",
            [company.id, tuple(orders.ids)],
        )
        self.assertFalse(self._problems())

    def test_seen_where_people_look(self):
        """On the card of the pipeline, and in a notice with the reason."""
        with patch.object(type(self.agent), "_bus_send") as bus_send:
            orders = self._fail(count=2)
        pipeline = orders.lead_id.pipeline_id.with_user(self.agent)
        self.assertEqual(pipeline.failed_order_count, 2)
        action = pipeline.action_open_failed_orders()
        self.assertEqual(self.env["crm.lead"].search(action["domain"]), orders.lead_id)
        events = [call.args for call in bus_send.call_args_list]
        [payload] = [payload for name, payload in events if name == "bpo_crm.dealer_order"]
        self.assertEqual(payload["type"], "danger")
        self.assertIn("VH-12", payload["message"])

    def test_a_conflict_is_for_managers(self):
        self._fail("order_conflict", name="S1", reference="X", customer="Y")
        with self.assertRaises(UserError):
            self._problems().action_retry_all()


@tagged("post_install", "-at_install")
class TestHealing(ProblemCommon):
    """What was put right at the dealer goes without a click; nothing is tried for ever."""

    def _let_pass(self, orders, **time):
        """Let time pass since the orders failed, and run the scheduled action."""
        moment = timedelta(**time)
        for order in orders:
            order.failed_date -= moment
            if order.next_attempt:
                order.next_attempt -= moment
        self._push()

    def test_goes_when_the_cause_is_gone(self):
        orders = self._fail(count=2)
        self.dealer.answers.clear()
        self._let_pass(orders, hours=2)
        self.assertEqual(set(orders.mapped("state")), {"sent"})
        self.assertFalse(orders[0].error or orders[0].error_code or orders[0].failed_date)
        self.assertFalse(orders.lead_id.activity_ids)

    def test_the_same_cause_is_not_told_again(self):
        orders = self._fail()
        lead, activity = orders.lead_id, orders.lead_id.activity_ids
        self.assertEqual(len(activity), 1)
        since, notes = orders.failed_date, len(lead.message_ids)
        self._let_pass(orders, hours=2)
        self.assertEqual((orders.state, orders.attempt_count), ("failed", 2))
        self.assertEqual(orders.failed_date, since - timedelta(hours=2))
        self.assertEqual((lead.activity_ids, len(lead.message_ids)), (activity, notes))

    def test_another_cause_is_told(self):
        orders = self._fail()
        self.dealer.answers[orders.reference] = OrderResult(
            "failed", "product_ambiguous", {"codes": "VH-12"}
        )
        with self._assert_note(orders.lead_id, "several products"):
            self._let_pass(orders, hours=2)
        self.assertLess(fields.Datetime.now() - orders.failed_date, timedelta(minutes=1))

    def test_ever_longer_pauses_and_an_end(self):
        orders = self._fail()
        for passed, pause in ((0, 1), (3, 3), (30, 24)):
            orders.failed_date = fields.Datetime.now() - timedelta(hours=passed)
            self._let_pass(orders, hours=0)
            orders.next_attempt = fields.Datetime.now()
            self._push()
            left = orders.next_attempt - fields.Datetime.now()
            self.assertAlmostEqual(left / timedelta(hours=1), pause, delta=0.1)
        self._let_pass(orders, days=14)
        self.assertEqual(orders.state, "failed")
        self.assertFalse(orders.next_attempt)
        self.assertTrue(orders.lead_id.activity_ids, "somebody owns it")

    def test_what_leaves_traces_at_the_dealer_is_not_tried(self):
        orders = self._fail("order_refused", message="Not on Sundays")
        self.assertFalse(orders.next_attempt)

    def test_paused_and_archived_dealerships(self):
        orders = self._fail()
        for vals in ({"paused": True}, {"active": False}):
            with self.subTest(vals):
                self.dealership.write(vals)
                self._let_pass(orders, hours=2)
                self.assertEqual((orders.state, orders.attempt_count), ("failed", 1))
                self.dealership.write({"paused": False, "active": True})

    def test_reopened_meanwhile(self):
        orders = self._fail()
        orders.lead_id.with_user(self.agent).write({"stage_id": self.stage_offer.id})
        self.dealer.answers.clear()
        orders.failed_date = orders.failed_date or fields.Datetime.now()
        self._let_pass(orders, hours=2)
        self.assertEqual(orders.state, "cancelled")
