# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Taking back a win or a loss, and the wait of the order in which that is possible."""

import json
from contextlib import contextmanager
from datetime import timedelta

from psycopg2.errors import SerializationFailure

from odoo import SUPERUSER_ID, Command, api, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.service.model import call_kw
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger

from odoo.addons.bpo_crm.models.constants import SEND_NOW, UNDO_PARAMETER
from odoo.addons.bpo_crm.models.engine import dealer_talks

from .common import BpoCrmCommon
from .dealer_common import CRON, DealerOrderCommon

SECONDS = 15


class UndoCommon(DealerOrderCommon):
    """Leads that are won and lost where Undo is on."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_seconds(SECONDS)

    @classmethod
    def _set_seconds(cls, seconds):
        cls.env["ir.config_parameter"].set_param(UNDO_PARAMETER, str(seconds))

    def _end_transaction(self):
        """Run what runs before a commit."""
        self.env.cr.flush()

    @contextmanager
    def _offers(self):
        """Collect what is offered inside: ``[(bpo.undo, message on the bus)]``."""
        self._end_transaction()
        known = self.env["bus.bus"].sudo().search([], order="id desc", limit=1).id or 0
        offers = []
        yield offers
        self._end_transaction()
        for row in self.env["bus.bus"].sudo().search([("id", ">", known)], order="id"):
            message = json.loads(row.message)
            if message["type"] == "bpo_crm.undo":
                undo = self.env["bpo.undo"].browse(message["payload"]["id"])
                self.assertIn("res.partner", row.channel)
                offers.append((undo, message["payload"]))

    def _close(self, leads, stage=None, user=None, **values):
        """Move leads to a closing stage as a user, and return the undo that is offered."""
        with self._offers() as offers:
            leads.with_user(user or self.agent).write(
                {"stage_id": (stage or self.stage_sold).id, **values}
            )
        self.assertEqual(len(offers), 1)
        return offers[0][0].with_user(user or self.agent)

    def _lose(self, leads, **values):
        return self._close(leads, self.stage_gone, lost_reason_id=self.reason.id, **values)

    def _undo(self, undo):
        # with what is tracked: the test's own environment leaves it out
        res = undo.with_context(tracking_disable=False, mail_notrack=False).action_undo()
        self._end_transaction()
        return res

    def _assert_too_late(self, undo, *words):
        with self.assertRaises(UserError) as caught:
            undo.action_undo()
        for word in words:
            self.assertIn(word, str(caught.exception))


@tagged("post_install", "-at_install")
class TestWait(UndoCommon):
    """The order of a won lead waits; what nobody takes back goes out by itself."""

    def _assert_waits(self, win, count=1):
        """Check that orders wait that ``win`` brings about, and that the scheduler is told."""
        before = fields.Datetime.now()
        with self.capture_triggers(CRON) as captured:
            leads = win()
        orders = leads.sudo().dealer_order_id
        self.assertEqual(len(orders), count)
        self.assertEqual(set(orders.mapped("state")), {"pending"})
        after = fields.Datetime.now()
        for order in orders:
            # never shorter than promised, though moments have no fractions
            self.assertGreater(order.next_attempt, before + timedelta(seconds=SECONDS))
            self.assertLessEqual(order.next_attempt, after + timedelta(seconds=SECONDS + 1))
        self.assertEqual(len(captured.records), 1)
        self.assertGreater(captured.records.call_at, orders[0].next_attempt)
        self.assertLess(captured.records.call_at, orders[0].next_attempt + timedelta(seconds=10))
        self._push()
        self.assertFalse(self.dealer.talks)
        self._make_due(orders)
        self._push()
        self.assertEqual(set(orders.mapped("state")), {"sent"})

    def test_write(self):
        leads = self._create_leads()

        def win():
            leads.with_user(self.agent).write({"stage_id": self.stage_sold.id})
            return leads

        self._assert_waits(win)

    def test_mark_won(self):
        leads = self._create_leads()

        def win():
            leads.with_user(self.agent).action_set_won()
            return leads

        self._assert_waits(win)

    def test_batch_over_rpc(self):
        leads = self._create_leads(3)
        env = self.env(user=self.agent)

        def win():
            call_kw(env["crm.lead"], "action_set_won", [leads.ids], {})
            return leads

        self._assert_waits(win, count=3)

    def test_created_in_won(self):
        def win():
            return self._create_leads(stage_id=self.stage_sold.id)

        self._assert_waits(win)

    def test_import(self):
        lead = self._create_leads()
        lead.name = "Imported"
        xml_id = lead.export_data(["id"])["datas"][0][0]
        model = self.env["crm.lead"].with_user(self.agent)

        def win():
            result = model.load(["id", "stage_id/.id"], [[xml_id, str(self.stage_sold.id)]])
            self.assertEqual(result["ids"], lead.ids)
            return lead

        self._assert_waits(win)

    def _assert_at_once(self, win):
        with self.capture_triggers(CRON) as captured, self._offers() as offers:
            leads = win()
        orders = leads.sudo().dealer_order_id
        self.assertFalse(any(orders.mapped("next_attempt")))
        self.assertEqual(len(captured.records), 1)
        self.assertLessEqual(captured.records.call_at, fields.Datetime.now())
        self._push()
        self.assertEqual(set(orders.mapped("state")), {"sent"})
        return offers

    def test_context_key(self):
        leads = self._create_leads(2)
        env = self.env(user=self.agent)

        def win():
            context = {SEND_NOW: True}
            call_kw(env["crm.lead"], "action_set_won", [leads.ids], {"context": context})
            return leads

        self.assertFalse(self._assert_at_once(win), "there is nothing to take back")

    def test_setting_of_zero(self):
        self._set_seconds(0)
        lead = self._create_leads()

        def win():
            lead.with_user(self.agent).write({"stage_id": self.stage_sold.id})
            return lead

        self.assertFalse(self._assert_at_once(win))
        lost = self._create_leads()
        with self._offers() as offers:
            lost.with_user(self.agent).action_set_lost(lost_reason_id=self.reason.id)
        self.assertFalse(offers)

    def test_send_now_does_not_wait(self):
        _lead, order = self._win_one()
        order.with_user(self.agent).action_retry()
        self._push()
        self.assertEqual(order.state, "sent")

    def test_push_now_does_not_wait(self):
        _lead, order = self._win_one()
        with self.enter_registry_test_mode():
            self.env["bpo.dealer.order"]._push_now(self.dealership)
        self.assertEqual(order.state, "sent")

    def test_won_again_after_it_was_sent(self):
        """The dealer is asked at once: nothing new can be taken back."""
        lead, order = self._win_one()
        self._make_due(order)
        self._push()
        lead.with_user(self.manager).stage_id = self.stage_offer
        self.dealer.gone.add(order.remote_id)
        with self.capture_triggers(CRON) as captured, self._offers() as offers:
            lead.with_user(self.manager).stage_id = self.stage_sold
        self.assertLessEqual(captured.records.call_at, fields.Datetime.now())
        self.assertFalse(offers)
        talks = len(self.dealer.talks)
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertGreater(len(self.dealer.talks), talks)

    def test_won_again_though_it_may_be_there(self):
        lead, order = self._win_one()
        order.write({"possibly_sent": True, "first_attempt": fields.Datetime.now()})
        lead.with_user(self.manager).stage_id = self.stage_offer
        self.assertEqual(order.state, "cancelled")
        with self._offers() as offers:
            lead.with_user(self.manager).stage_id = self.stage_sold
        self.assertFalse(order.next_attempt)
        self.assertFalse(offers)

    def test_settings(self):
        settings = self.env["res.config.settings"]
        self.assertEqual(settings.create({}).bpo_crm_undo_seconds, SECONDS)
        settings.create({"bpo_crm_undo_seconds": 0}).execute()
        self.assertEqual(settings.create({}).bpo_crm_undo_seconds, 0)
        self.assertEqual(self.env["bpo.dealer.order"]._get_undo_seconds(), 0)
        for wrong in (-1, 301):
            with self.assertRaises(ValidationError):
                settings.create({"bpo_crm_undo_seconds": wrong})

    def test_parameter(self):
        parameters = self.env["ir.config_parameter"]
        for wrong in ("-1", "301", "soon", "1.5", "²"):
            with self.subTest(wrong), self.assertRaises(ValidationError):
                parameters.set_param(UNDO_PARAMETER, wrong)
        orders = self.env["bpo.dealer.order"]
        for value, seconds in (("7", 7), ("soon", 15), ("9999", 300), ("-3", 0)):
            self.env.cr.execute(
                "UPDATE ir_config_parameter SET value = %s WHERE key = %s", [value, UNDO_PARAMETER]
            )
            self.env.registry.clear_cache("stable")
            self.assertEqual(orders._get_undo_seconds(), seconds)
        parameters.search([("key", "=", UNDO_PARAMETER)]).unlink()
        self.assertEqual(orders._get_undo_seconds(), 15)


@tagged("post_install", "-at_install")
class TestUndo(UndoCommon):
    """What Undo brings back, and when it is refused."""

    def test_a_win(self):
        lead = self._create_leads(stage_id=self.stage_offer.id)
        lead.write({"probability": 37})
        with self._offers() as offers:
            lead.with_user(self.agent).stage_id = self.stage_sold
        [(undo, message)] = offers
        self.assertEqual(
            message,
            {
                "id": undo.id,
                "lead_ids": lead.ids,
                "message": "Won: A hatchback, please. The order goes to Northside Motors in 15 "
                "seconds.",
                "seconds": 15,
                "has_orders": True,
            },
        )
        order = lead.dealer_order_id
        with self._assert_note(lead, "Taken back with Undo", "nothing was sent", "Northside"):
            self.assertTrue(self._undo(undo.with_user(self.agent)))
        self.assertEqual(lead.stage_id, self.stage_offer)
        self.assertEqual(lead.won_status, "pending")
        self.assertFalse(lead.closed_status)
        self.assertFalse(lead.date_closed)
        self.assertEqual(lead.probability, 37)
        self.assertFalse(lead.is_automated_probability)
        self.assertEqual(order.state, "cancelled")
        self._push()
        self.assertFalse(self.dealer.talks)
        self.assertFalse(undo.exists())

    def test_it_leaves_no_entry_of_a_stage(self):
        """Reports count no win that was taken back, and time in the stage before goes on."""
        lead = self._create_leads(stage_id=self.stage_offer.id)
        entries = self.env["bpo.stage.entry"].search([("lead_id", "=", lead.id)])
        self.assertEqual(entries.stage_id, self.stage_offer)
        undo = self._close(lead)
        self.assertEqual((entries.outcome, bool(entries.left_date)), ("won", True))
        self._undo(undo)
        entries.invalidate_recordset()
        self.assertEqual(self.env["bpo.stage.entry"].search([("lead_id", "=", lead.id)]), entries)
        self.assertEqual((entries.outcome, entries.left_date), (False, False))

    def test_scoring_finds_its_own_probability_again(self):
        """Scoring has learnt from the win, and unlearns it before it is asked."""
        lead = self._create_leads()
        self.assertTrue(lead.is_automated_probability)
        self._undo(self._close(lead))
        scored, _frequencies = lead._pls_get_naive_bayes_probabilities()
        self.assertEqual(lead.probability, scored[lead.id])
        self.assertTrue(lead.is_automated_probability)

    def test_a_loss(self):
        lead = self._create_leads(stage_id=self.stage_contacted.id)
        with self._offers() as offers:
            lead.with_user(self.agent).action_set_lost(
                lost_reason_id=self.reason.id, lost_note="Too slow"
            )
        [(undo, message)] = offers
        self.assertEqual(message["message"], "Lost: A hatchback, please.")
        self.assertFalse(message["has_orders"])
        with self._assert_note(lead, "Taken back with Undo."):
            self._undo(undo.with_user(self.agent))
        self.assertEqual(lead.stage_id, self.stage_contacted)
        self.assertEqual(lead.won_status, "pending")
        self.assertFalse(lead.lost_reason_id)
        self.assertFalse(lead.lost_note)
        self.assertFalse(lead.date_closed)

    def test_the_dialog_of_a_loss(self):
        leads = self._create_leads(2)
        wizard = self.env["crm.lead.lost"].with_user(self.agent)
        with self._offers() as offers:
            wizard.create(
                {
                    "lead_ids": [Command.set(leads.ids)],
                    "lost_reason_id": self.reason.id,
                }
            ).action_lost_reason_apply()
        [(undo, message)] = offers
        self.assertEqual(message["message"], "Lost: 2 deals.")
        self._undo(undo.with_user(self.agent))
        self.assertEqual(leads.stage_id, self.stage_inbox)

    def test_a_lost_lead_that_was_won(self):
        """It is lost again, as it was, and its reason is back."""
        lead = self._create_leads(stage_id=self.stage_contacted.id)
        self._lose(lead, lost_note="Too slow")
        self.env.cr.execute(
            "UPDATE crm_lead SET date_closed = '2024-02-03 04:05:06' WHERE id = %s", [lead.id]
        )
        lead.invalidate_recordset()
        self._undo(self._close(lead))
        self.assertEqual(lead.stage_id, self.stage_gone)
        self.assertEqual(lead.closed_status, "lost")
        self.assertEqual(lead.probability, 0)
        self.assertEqual(lead.lost_reason_id, self.reason)
        self.assertEqual(lead.lost_note, "Too slow")
        self.assertEqual(str(lead.date_closed), "2024-02-03 04:05:06")
        self.assertEqual(lead.lost_from_stage_id, self.stage_contacted)
        self.assertEqual(lead.dealer_order_id.state, "cancelled")

    def test_a_won_lead_that_was_lost(self):
        """It is won again, at the same date, and its order waits anew."""
        lead = self._create_leads(stage_id=self.stage_contacted.id)
        self._close(lead)
        self.env.cr.execute(
            "UPDATE crm_lead SET date_closed = '2024-02-03 04:05:06' WHERE id = %s", [lead.id]
        )
        lead.invalidate_recordset()
        undo = self._lose(lead)
        self.assertEqual(lead.dealer_order_id.state, "cancelled")
        self._undo(undo)
        self.assertEqual(lead.closed_status, "won")
        self.assertEqual(lead.probability, 100)
        self.assertEqual(str(lead.date_closed), "2024-02-03 04:05:06")
        self.assertEqual(lead.won_from_stage_id, self.stage_contacted)
        self.assertFalse(lead.lost_reason_id)
        self.assertEqual(lead.dealer_order_id.state, "pending")
        self.assertTrue(lead.dealer_order_id.next_attempt)

    def test_where_no_orders_are_pushed(self):
        self.pipeline.push_orders = False
        lead = self._create_leads()
        with self._offers() as offers:
            lead.with_user(self.agent).stage_id = self.stage_sold
        [(undo, message)] = offers
        self.assertEqual(message["message"], "Won: A hatchback, please.")
        self.assertFalse(message["has_orders"])
        with self._assert_note(lead, "Taken back with Undo."):
            self._undo(undo.with_user(self.agent))
        self.assertEqual(lead.stage_id, self.stage_inbox)

    def test_a_paused_dealership(self):
        """Its orders wait longer than for Undo: no time is promised."""
        self.dealership.write({"on_hold": True})
        lead = self._create_leads()
        with self._offers() as offers:
            lead.with_user(self.agent).stage_id = self.stage_sold
        [(undo, message)] = offers
        self.assertEqual(message["message"], "Won: A hatchback, please.")
        self._undo(undo.with_user(self.agent))
        self.assertEqual(lead.dealer_order_id.state, "cancelled")

    def test_forward_only(self):
        self.pipeline.forward_only = True
        lead = self._create_leads(stage_id=self.stage_contacted.id)
        self._undo(self._close(lead))
        self.assertEqual(lead.stage_id, self.stage_contacted)
        self._undo(self._lose(lead))
        self.assertEqual(lead.stage_id, self.stage_contacted)

    def test_rules_for_entering_are_not_asked(self):
        """A lead that was in the stage comes back, whatever is to be known by now to enter it."""
        lead = self._create_leads(stage_id=self.stage_contacted.id)
        undo = self._close(lead)
        refuse = {lead: ["not again"]}
        self.patch(type(lead), "_get_problems_forward_only", lambda leads, origins: refuse)
        self._undo(undo)
        self.assertEqual(lead.stage_id, self.stage_contacted)

    def _create_with_activity(self, *stages):
        """Return a lead that is closed, where stages have a call scheduled, and its undo."""
        kind = self.env.ref("mail.mail_activity_data_call")
        for stage in stages:
            stage.entry_activity_type_id = kind
        lead = self._create_leads()
        lead.activity_schedule("mail.mail_activity_data_todo", user_id=self.agent.id)
        undo = self._close(lead)
        call = lead.activity_ids.filtered(lambda activity: activity.activity_type_id == kind)
        self.assertEqual(len(call), 1)
        return lead, undo, call

    def test_the_activity_of_the_stage_goes_again(self):
        lead, undo, call = self._create_with_activity(self.stage_sold)
        self._undo(undo)
        self.assertFalse(call.exists())
        self.assertEqual(lead.activity_ids.activity_type_id.category, "default")
        self._close(lead)
        self.assertEqual(len(lead.activity_ids), 2)

    def test_an_activity_that_is_at_work_stays(self):
        """What somebody has changed, or done, since, and what was there before."""
        for change in (
            "write_date = write_date + interval '3 seconds'",
            "create_date = create_date - interval '1 day'",
            "active = FALSE",
        ):
            with self.subTest(change), self.env.cr.savepoint():
                _lead, undo, call = self._create_with_activity(self.stage_sold)
                self.env.flush_all()
                self.env.cr.execute(
                    f"UPDATE mail_activity SET {change} WHERE id = %s",  # noqa: S608
                    [call.id],
                )
                self.env.invalidate_all()
                self._undo(undo)
                self.assertTrue(call.exists())

    def test_a_stage_that_is_gone_meanwhile(self):
        lead = self._create_leads(stage_id=self.stage_contacted.id)
        undo = self._close(lead)
        self.stage_contacted.active = False
        self._assert_too_late(undo, "archived", "Contacted")

    def test_no_context_of_a_caller_opens_the_rules(self):
        self.pipeline.forward_only = True
        lead = self._create_leads(stage_id=self.stage_offer.id)
        env = self.env(user=self.agent)
        for value in (True, "UNDO", 1, {}):
            with self.assertRaises(ValidationError):
                call_kw(
                    env["crm.lead"],
                    "write",
                    [lead.ids, {"stage_id": self.stage_inbox.id}],
                    {"context": {"bpo_crm_undo": value}},
                )

    def test_new_leads(self):
        """They were nowhere before."""
        with self._offers() as offers:
            self.env["crm.lead"].with_user(self.agent).create(
                self._prepare_lead(stage_id=self.stage_sold.id)
            )
        self.assertFalse(offers)

    def test_the_superuser(self):
        lead = self._create_leads()
        with self._offers() as offers:
            lead.with_user(SUPERUSER_ID).stage_id = self.stage_sold
        self.assertFalse(offers)
        self.assertTrue(lead.dealer_order_id.next_attempt)

    def test_won_again_after_undo(self):
        """A win like the first one: it waits, and can be taken back."""
        lead = self._create_leads()
        self._undo(self._close(lead))
        undo = self._close(lead)
        self.assertTrue(lead.dealer_order_id.next_attempt)
        self._undo(undo)
        self.assertEqual(lead.dealer_order_id.state, "cancelled")
        self._close(lead)
        self._make_due(lead.dealer_order_id)
        self._push()
        self.assertEqual(lead.dealer_order_id.state, "sent")

    # ------------------------------------------------------------
    # TOO LATE
    # ------------------------------------------------------------

    def test_twice(self):
        undo = self._close(self._create_leads())
        self._undo(undo)
        self._assert_too_late(undo, "taken back already")
        # closed in all windows
        row = self.env["bus.bus"].sudo().search([], order="id desc", limit=1)
        message = {"type": "bpo_crm.undo_end", "payload": {"id": undo.id}}
        self.assertEqual(json.loads(row.message), message)

    def test_after_the_time(self):
        lost = self._lose(self._create_leads())
        won = self._close(self._create_leads())
        for undo in (lost, won):
            # a click takes some time on its way
            undo.sudo().until = fields.Datetime.now() - timedelta(seconds=3)
        self._undo(lost)
        won.sudo().until -= timedelta(seconds=5)
        self._assert_too_late(won, "The time for Undo is over", "A hatchback")

    def test_the_order_is_on_its_way(self):
        lead = self._create_leads()
        undo = self._close(lead)
        order = lead.dealer_order_id
        for vals in (
            {"possibly_sent": True},
            {"possibly_sent": False, "state": "failed"},
            {"state": "sent"},
        ):
            order.write(vals)
            self._assert_too_late(undo, "on their way", "Northside Motors", "A hatchback")
            self.assertEqual(lead.closed_status, "won")
        self.assertTrue(undo.exists())

    def test_once_the_order_was_sent(self):
        lead = self._create_leads()
        undo = self._close(lead)
        self._make_due(lead.dealer_order_id)
        self._push()
        self._assert_too_late(undo, "on their way")
        self.assertEqual(lead.dealer_order_id.state, "sent")

    def test_moved_meanwhile(self):
        lead = self._create_leads(stage_id=self.stage_offer.id)
        undo = self._close(lead)
        lead.with_user(self.supervisor).stage_id = self.stage_contacted
        self._assert_too_late(undo, "changed meanwhile", "bpo_supervisor")
        self.assertEqual(lead.stage_id, self.stage_contacted)

    def _let_time_pass(self, undo):
        """Let the win be in an earlier transaction."""
        self.env.cr.execute(
            "UPDATE bpo_undo SET create_date = create_date - interval '2 seconds' WHERE id = %s",
            [undo.id],
        )
        undo.invalidate_recordset()

    def test_changed_by_somebody_else(self):
        lead = self._create_leads()
        undo = self._close(lead)
        self._let_time_pass(undo)
        lead.with_user(self.supervisor).description = "The customer has called"
        self.env.flush_all()
        self._assert_too_late(undo, "changed meanwhile", "bpo_supervisor", "A hatchback")

    def test_changed_by_oneself(self):
        lead = self._create_leads()
        undo = self._close(lead)
        self._let_time_pass(undo)
        lead.with_user(self.agent).description = "I had better not"
        self.env.flush_all()
        self._undo(undo)
        self.assertEqual(lead.stage_id, self.stage_inbox)

    # ------------------------------------------------------------
    # WHO
    # ------------------------------------------------------------

    def test_another_agent(self):
        lead = self._create_leads(user_id=False)
        undo = self._close(lead)
        for method in ("action_undo", "action_end"):
            with self.assertRaises(AccessError):
                getattr(undo.with_user(self.other_agent), method)()
        self.assertEqual(lead.closed_status, "won")
        with self.assertRaises(AccessError):
            undo.leads  # noqa: B018

    def test_a_supervisor_is_another_user(self):
        undo = self._close(self._create_leads())
        with self.assertRaises(AccessError):
            undo.with_user(self.supervisor).action_undo()

    def test_a_manager(self):
        lead = self._create_leads()
        undo = self._close(lead)
        self._undo(undo.with_user(self.manager))
        self.assertEqual(lead.stage_id, self.stage_inbox)

    def test_a_lead_that_was_given_away(self):
        lead = self._create_leads()
        undo = self._close(lead)
        lead.user_id = self.other_agent
        self.env.flush_all()
        self.env.invalidate_all()
        with self.assertRaises(AccessError):
            undo.action_undo()

    def test_another_company(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        lead = self._create_leads()
        undo = self._close(lead)
        self.manager.write({"company_ids": [Command.set(company.ids)], "company_id": company.id})
        lead.company_id = self.env.company
        self.env.flush_all()
        self.env.invalidate_all()
        with self.assertRaises(AccessError):
            undo.with_user(self.manager).action_undo()

    def test_a_lead_that_was_deleted(self):
        leads = self._create_leads(2)
        undo = self._lose(leads)
        leads[0].unlink()
        self._undo(undo)
        self.assertEqual(leads[1].stage_id, self.stage_inbox)

    # ------------------------------------------------------------
    # BATCHES
    # ------------------------------------------------------------

    def test_one_offer_for_a_transaction(self):
        leads = self._create_leads(3)
        other = self._create_leads(pipeline_id=self.other_pipeline.id)
        leads[1].stage_id = self.stage_offer
        with self._offers() as offers:
            (leads | other).with_user(self.agent).action_set_won()
        [(undo, message)] = offers
        self.assertEqual(sorted(message["lead_ids"]), sorted((leads | other).ids))
        self.assertIn("4 deals", message["message"])
        self.assertIn("The orders go to Northside Motors in 15 seconds.", message["message"])
        self._undo(undo.with_user(self.agent))
        self.assertEqual(
            (leads | other).mapped("stage_id"),
            self.stage_inbox | self.stage_offer | self.other_new,
        )
        self.assertEqual(leads[1].stage_id, self.stage_offer)
        self.assertEqual(set(leads.dealer_order_id.mapped("state")), {"cancelled"})

    def test_all_or_none(self):
        leads = self._create_leads(3)
        undo = self._close(leads)
        leads[2].dealer_order_id.possibly_sent = True
        self._assert_too_late(undo, "Nothing was taken back")
        self.assertEqual(leads.stage_id, self.stage_sold)
        self.assertEqual(set(leads.dealer_order_id.mapped("state")), {"pending"})

    def test_several_dealerships(self):
        other = self.env["bpo.dealership"].create(
            self._prepare_dealership(name="Southside", code="S", odoo_url="https://s.example.com")
        )
        leads = self._create_leads() | self._create_leads(dealership_id=other.id)
        with self._offers() as offers:
            leads.with_user(self.agent).action_set_won()
        self.assertIn("The orders go out in 15 seconds.", offers[0][1]["message"])

    def test_what_was_rolled_back_is_not_offered(self):
        lead = self._create_leads()
        savepoint = self.env.cr.savepoint()
        with self._offers() as offers:
            lead.with_user(self.agent).stage_id = self.stage_sold
            savepoint.close(rollback=True)
        self.assertFalse(offers)

    def _count_queries(self, leads, method, *args):
        self._end_transaction()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        getattr(leads, method)(*args)
        self._end_transaction()
        return self.env.cr.sql_log_count - before

    def test_queries(self):
        """Of an open move none more; of a win as many, whatever the number of leads."""
        counts = {}
        # whatever is read once for ever
        first = self._create_leads().with_user(self.agent)
        for stage in (self.stage_contacted, self.stage_sold):
            self._count_queries(first, "write", {"stage_id": stage.id})
        for seconds in (0, SECONDS):
            self._set_seconds(seconds)
            for number in (1, 20):
                leads = self._create_leads(number).with_user(self.agent)
                vals = {"stage_id": self.stage_contacted.id}
                counts["open", seconds, number] = self._count_queries(leads, "write", vals)
                counts["won", seconds, number] = self._count_queries(leads, "action_set_won")
                if seconds:
                    undo = self.env["bpo.undo"].search([], order="id desc", limit=1)
                    undo = undo.with_user(self.agent)
                    counts["undo", number] = self._count_queries(undo, "action_undo")
        self.assertEqual(counts["open", 0, 1], counts["open", SECONDS, 1])
        self.assertEqual(counts["open", 0, 20], counts["open", SECONDS, 20])
        for number in (1, 20):
            more = counts["won", SECONDS, number] - counts["won", 0, number]
            self.assertLessEqual(more, 5, counts)
        self.assertLessEqual(counts["undo", 20], counts["undo", 1] + 5, counts)

    # ------------------------------------------------------------
    # THE END OF THE WAIT
    # ------------------------------------------------------------

    def test_the_notice_is_closed(self):
        lead = self._create_leads()
        undo = self._close(lead)
        with self.capture_triggers(CRON) as captured:
            undo.action_end()
        self.assertLessEqual(captured.records.call_at, fields.Datetime.now())
        self._push()
        self.assertEqual(lead.dealer_order_id.state, "sent")
        self._assert_too_late(undo, "taken back already")
        # a second tab
        undo.action_end()

    def test_the_end_leaves_a_retry_alone(self):
        lead = self._create_leads()
        undo = self._close(lead)
        later = fields.Datetime.now() + timedelta(minutes=4)
        lead.dealer_order_id.write({"possibly_sent": True, "next_attempt": later})
        undo.action_end()
        self.assertEqual(lead.dealer_order_id.next_attempt, later)


@tagged("post_install", "-at_install")
class TestUndoRace(TransactionCase):
    """Undo and a talk at the same moment, in real transactions: exactly one of the two wins."""

    def setUp(self):
        super().setUp()
        with self._transaction(SUPERUSER_ID) as env:
            parameters = env["ir.config_parameter"]
            self.seconds_before = parameters.get_param(UNDO_PARAMETER)
            parameters.set_param(UNDO_PARAMETER, str(SECONDS))
            pipeline = env["bpo.pipeline"].create({"name": "Raced", "push_orders": True})
            self.stage_id = pipeline.stage_ids.filtered("is_won").id
            dealership = env["bpo.dealership"].create(
                BpoCrmCommon._prepare_dealership.__func__(self, name="Raced", code="RACED")
            )
            product = env["product.product"].create({"name": "Raced", "default_code": "RACED-1"})
            lead = env["crm.lead"].create(
                {
                    "name": "Raced",
                    "type": "opportunity",
                    "pipeline_id": pipeline.id,
                    "contact_name": "Jo Customer",
                    "email_from": "jo.customer@example.com",
                    "dealership_id": dealership.id,
                    "line_ids": [Command.create({"product_id": product.id})],
                }
            )
            self.open_stage_id = lead.stage_id.id
            self.record_ids = [
                (record._name, record.id) for record in (lead, dealership, pipeline, product)
            ]
            self.lead_id, self.dealership_id = lead.id, dealership.id
        self.addCleanup(self._clean_up)
        with self._transaction() as env:
            env["crm.lead"].browse(self.lead_id).stage_id = self.stage_id
        with self._transaction() as env:
            self.undo_id = env["bpo.undo"].search([], order="id desc", limit=1).id
            # the wait is over
            env["crm.lead"].browse(self.lead_id).dealer_order_id.sudo().next_attempt = False

    @contextmanager
    def _transaction(self, uid=None):
        with self.registry.cursor() as cr:
            yield api.Environment(cr, uid or self.env.ref("base.user_admin").id, {})

    def _clean_up(self):
        with self._transaction(SUPERUSER_ID) as env:
            value = self.seconds_before
            env["ir.config_parameter"].set_param(UNDO_PARAMETER, value)
            lead = env["crm.lead"].browse(self.lead_id)
            lead.dealer_order_id.write({"state": "cancelled", "possibly_sent": False})
            for model, record_id in self.record_ids:
                env[model].browse(record_id).unlink()

    def _undo(self, env):
        env["bpo.undo"].browse(self.undo_id).action_undo()
        env.flush_all()

    def _choose(self):
        """Choose and mark the orders of the next talk; return their number."""
        talk = self.env["bpo.dealer.order"].sudo()._choose_talk(self.dealership_id)
        return len(talk.marks) if talk else 0

    def _read(self):
        with self._transaction(SUPERUSER_ID) as env:
            lead = env["crm.lead"].browse(self.lead_id)
            return lead.stage_id.id, lead.dealer_order_id.state, lead.dealer_order_id.possibly_sent

    def test_undo_is_first(self):
        with self._transaction() as env:
            self._undo(env)
            # its row is locked
            self.assertEqual(self._choose(), 0)
        self.assertEqual(self._choose(), 0)
        self.assertEqual(self._read(), (self.open_stage_id, "cancelled", False))

    def test_the_talk_is_first(self):
        with self._transaction() as env:
            # Undo begins, and sees an order that waits
            self.assertFalse(env["crm.lead"].browse(self.lead_id).dealer_order_id.possibly_sent)
            self.assertEqual(self._choose(), 1)
            # Odoo repeats the request then
            with mute_logger("odoo.sql_db"), self.assertRaises(SerializationFailure):
                self._undo(env)
            env.cr.rollback()
        with self._transaction() as env, self.assertRaisesRegex(UserError, "on their way"):
            self._undo(env)
        self.assertEqual(self._read(), (self.stage_id, "pending", True))

    def test_the_talk_has_seen_it_waiting(self):
        """The talk looks at the orders before Undo ends, and locks them afterwards."""
        original = dealer_talks.PushTalk.find_due

        def find_due(talk, env):
            found = original(talk, env)
            with self._transaction() as own_env:
                self._undo(own_env)
            return found

        self.patch(dealer_talks.PushTalk, "find_due", find_due)
        with mute_logger("odoo.sql_db"):
            self.assertEqual(self._choose(), 0)
        self.assertEqual(self._read(), (self.open_stage_id, "cancelled", False))
