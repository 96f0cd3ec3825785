# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import BpoCrmCommon


@tagged("post_install", "-at_install")
class TestNamesStayHidden(BpoCrmCommon):
    """Who may not see a lead learns nothing of it from a refusal."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.portal = new_test_user(cls.env, "bpo_portal", groups="base.group_portal")
        cls.clerk = new_test_user(cls.env, "bpo_clerk", groups="base.group_user")
        cls.leads = cls._create_leads(2, name="Secret customer")
        cls.leads.stage_id = cls.stage_sold

    def _assert_hidden(self, act):
        for user in (self.portal, self.clerk, self.other_agent):
            with (
                self.subTest(user=user.login),
                self.assertRaises(AccessError) as refused,
                self.cr.savepoint(),
                mute_logger("odoo.addons.base.models.ir_rule"),
            ):
                act(self.leads.with_user(user))
            self.assertNotIn("Secret customer", str(refused.exception))

    def test_write(self):
        for values in (
            {"dealership_id": False},
            {"stage_id": self.stage_gone.id},
            {"pipeline_id": self.other_pipeline.id},
            {"lost_reason_id": False},
            {"probability": 0, "active": False},
        ):
            self._assert_hidden(lambda leads, values=values: leads.write(values))

    def test_merge(self):
        self._assert_hidden(lambda leads: leads.merge_opportunity())

    def test_buttons(self):
        self._assert_hidden(lambda leads: leads.action_set_won())
        self._assert_hidden(lambda leads: leads.action_set_lost())
        self._assert_hidden(lambda leads: leads.action_restore())
        self._assert_hidden(lambda leads: leads.unlink())


@tagged("post_install", "-at_install")
class TestForwardOnlyAroundWon(BpoCrmCommon):
    """Won is no way around the order of the open stages."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pipeline.forward_only = True

    def _win(self, **values):
        lead = self._create_leads(**values).with_user(self.agent)
        lead.action_set_won()
        return lead

    def _assert_refused(self, lead, stage, text):
        with self.assertRaisesRegex(ValidationError, text), self.cr.savepoint():
            lead.write({"stage_id": stage.id})

    def test_back_to_where_it_was_won_from(self):
        lead = self._win(stage_id=self.stage_contacted.id)
        self.assertEqual(lead.won_from_stage_id, self.stage_contacted)
        self._assert_refused(lead, self.stage_inbox, "from “Contacted” the only next stage")
        lead.stage_id = self.stage_contacted
        self.assertFalse(lead.won_from_stage_id)
        self.assertEqual(lead.dealer_order_state, "cancelled")

    def test_no_stage_is_skipped(self):
        lead = self._win()
        self._assert_refused(lead, self.stage_offer, "from “Inbox” the only next stage")

    def test_created_in_won(self):
        lead = self._create_leads(stage_id=self.stage_sold.id).with_user(self.agent)
        self._assert_refused(lead, self.stage_offer, "enter this pipeline at “Inbox”")
        lead.stage_id = self.stage_inbox

    def test_managers_take_it_anywhere(self):
        lead = self._win().with_user(self.manager)
        lead.stage_id = self.stage_offer
        self.assertEqual(lead.stage_id, self.stage_offer)

    def test_won_then_lost_then_restored(self):
        lead = self._win(stage_id=self.stage_offer.id)
        lead.action_set_lost(lost_reason_id=self.reason.id)
        self.assertEqual(lead.lost_from_stage_id, self.stage_offer)
        self.assertFalse(lead.won_from_stage_id)
        lead.action_restore()
        self.assertEqual(lead.stage_id, self.stage_offer)

    def test_leads_of_several_stages_won_together(self):
        leads = self._create_leads(2)
        leads[1].stage_id = self.stage_offer
        leads.with_user(self.agent).action_set_won()
        self.assertEqual(leads.mapped("won_from_stage_id"), self.stage_inbox + self.stage_offer)


@tagged("post_install", "-at_install")
class TestPushAsked(BpoCrmCommon):
    """When the order of a won lead goes to its dealer."""

    def test_history_is_imported_without_push_by_managers_alone(self):
        """An automation runs with sudo in the session of whoever set it off."""
        key = {"bpo_crm_no_push": True}
        lead = self._create_leads().with_user(self.agent).with_context(**key)
        lead.sudo().action_set_won()
        self.assertEqual(lead.dealer_order_state, "pending")
        for user in (self.manager, self.env.user):
            lead = self._create_leads().with_user(user).with_context(**key)
            lead.sudo().action_set_won()
            self.assertFalse(lead.dealer_order_id)

    def test_lead_won_while_orders_were_not_pushed(self):
        self.pipeline.push_orders = False
        leads = self._create_leads(2).with_user(self.agent)
        leads[1].dealership_id = False
        leads.action_set_won()
        self.assertFalse(leads.dealer_order_id)
        self.pipeline.push_orders = True
        with self.assertRaisesRegex(ValidationError, "no dealership is chosen"):
            leads.action_set_won()
        leads[0].action_set_won()
        self.assertEqual(leads[0].dealer_order_state, "pending")
        before = len(leads[0].message_ids)
        leads[0].action_set_won()
        self.assertEqual(len(leads[0].dealer_order_ids), 1)
        self.assertEqual(len(leads[0].message_ids), before)

    def test_lead_won_again_while_orders_were_not_pushed(self):
        lead = self._create_leads()
        lead.action_set_won()
        lead.stage_id = self.stage_offer
        self.pipeline.push_orders = False
        lead.action_set_won()
        self.assertEqual(lead.dealer_order_state, "cancelled")
        self.pipeline.push_orders = True
        lead.action_set_won()
        self.assertEqual(lead.dealer_order_state, "pending")


@tagged("post_install", "-at_install")
class TestMergeLosesNothing(BpoCrmCommon):
    """What a merge does not take over is said in chatter."""

    def _fail(self, lead):
        lead.action_set_won()
        order = lead.dealer_order_id
        order.write({"state": "failed", "error": "No such product"})
        return order

    def _merge(self, leads):
        with mute_logger("odoo.models.unlink"):
            return leads._merge_opportunity()

    def _get_chatter(self, lead):
        return " ".join(lead.message_ids.mapped("body"))

    def test_units_that_are_dropped_are_said(self):
        head, tail = self._create_leads(2)
        head.stage_id = self.stage_offer
        head.probability = 90
        tail.line_ids.write({"name": "A red hatchback", "quantity": 3})
        tail.name = "The other one"
        merged = self._merge(head + tail)
        self.assertEqual(merged.line_ids.mapped("quantity"), [1])
        self.assertRegex(self._get_chatter(merged), "The other one(.|\n)*3 × A red hatchback")

    def test_units_that_are_taken_over_are_not_said(self):
        head, tail = self._create_leads(2)
        head.line_ids.unlink()
        head.probability = 90
        tail.line_ids.name = "A red hatchback"
        merged = self._merge(head + tail)
        self.assertEqual(merged.line_ids.name, "A red hatchback")
        self.assertNotIn("A red hatchback", self._get_chatter(merged))

    def test_lost_leads_keep_the_reason_of_the_one_that_is_left(self):
        other = self.reason.copy({"name": "Does not drive any more, test"})
        head, tail = self._create_leads(2)
        head.action_set_lost(lost_reason_id=self.reason.id, lost_note="Bought a bike")
        tail.action_set_lost(lost_reason_id=other.id, lost_note="Told us so")
        leads = head + tail
        reasons = {lead: (lead.lost_reason_id, lead.lost_note) for lead in leads}
        merged = self._merge(leads)
        self.assertEqual((merged.won_status, merged.stage_id), ("lost", self.stage_gone))
        self.assertEqual((merged.lost_reason_id, merged.lost_note), reasons[merged])

    def test_failed_order_is_kept(self):
        head, tail = self._create_leads(2)
        order = self._fail(tail)
        head.stage_id = self.stage_offer
        merged = self._merge(head + tail)
        self.assertEqual(merged.dealer_order_id, order)

    def test_order_that_went_nowhere_is_dropped(self):
        """Its key is the other lead's: a backup restored here would bring that one back."""
        for possibly_sent in (False, True):
            with self.subTest(possibly_sent=possibly_sent):
                head, tail = self._create_leads(2)
                tail.action_set_won()
                order = tail.dealer_order_id
                tail.stage_id = head.stage_id
                order.write({"state": "cancelled", "possibly_sent": possibly_sent})
                head.stage_id = self.stage_offer
                merged = self._merge(head + tail)
                kept = order.exists()
                self.assertEqual(merged.dealer_order_id, kept)
                self.assertEqual(bool(kept), possibly_sent)

    def test_failed_order_that_is_dropped_is_said(self):
        head, tail = self._create_leads(2)
        order = self._fail(tail)
        order.reference = "BPO-DROPPED"
        head.action_set_won()
        merged = self._merge(head + tail)
        self.assertEqual(merged, head)
        self.assertFalse(order.exists())
        self.assertRegex(
            self._get_chatter(merged), "BPO-DROPPED.*Northside Motors.*No such product"
        )


@tagged("post_install", "-at_install")
class TestDeletionIsExplained(BpoCrmCommon):
    """Who deletes what others need is told what needs it."""

    def test_product_on_leads(self):
        lead = self._create_leads(name="Needs a hatchback")
        for record in (self.product, self.product.product_tmpl_id):
            with (
                self.assertRaisesRegex(UserError, "Test Hatchback.*Archive"),
                self.cr.savepoint(),
            ):
                record.unlink()
        lead.line_ids = [Command.clear()]
        self.product.unlink()


@tagged("post_install", "-at_install")
class TestOpenAgain(BpoCrmCommon):
    """An open lead has nothing left of what it was before."""

    def test_merging_leaves_the_reason_of_the_lost_lead(self):
        head, lost = self._create_leads(2)
        lost.action_set_lost(lost_reason_id=self.reason.id)
        # where scoring has nothing to go by; stock takes the reason over then
        head.probability = 0
        merged = (head + lost).merge_opportunity()
        self.assertEqual(merged, head)
        self.assertFalse(merged.lost_reason_id)

    def test_a_move_into_an_open_stage_takes_no_reason(self):
        lead = self._create_leads()
        lead.write({"stage_id": self.stage_offer.id, "lost_reason_id": self.reason.id})
        self.assertFalse(lead.lost_reason_id)

    def test_an_archived_won_lead_is_not_certain_any_more(self):
        lead = self._create_leads()
        lead.action_set_won()
        lead.action_archive()
        lead.stage_id = self.stage_offer
        self.assertTrue(lead.active)
        self.assertLess(lead.probability, 100)
        self.assertEqual(lead.won_status, "pending")

    def test_an_archived_lost_lead_is_not_lost_any_more(self):
        lead = self._create_leads()
        lead.action_set_lost(lost_reason_id=self.reason.id)
        lead.action_archive()
        lead.stage_id = self.stage_offer
        self.assertEqual(lead.won_status, "pending")
