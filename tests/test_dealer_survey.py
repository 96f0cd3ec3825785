# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta
from unittest.mock import patch

from psycopg2.errors import SerializationFailure

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.bpo_crm.dealer_api import (
    HIDDEN,
    MISSING,
    UNSEEN,
    DealerUnreachable,
    Look,
    OrderResult,
    RemoteOrder,
    Survey,
)
from odoo.addons.bpo_crm.models.dealership import bpo_dealership_survey as survey
from odoo.addons.bpo_crm.models.engine import dealer_push

from .dealer_common import CRON, DealerOrderCommon

SURVEY_CRON = "bpo_crm.ir_cron_check_dealer_orders"
ACTIVITY_CHANGED = "bpo_crm.mail_activity_type_dealer_order_changed"
ACTIVITY_MISSING = "bpo_crm.mail_activity_type_dealer_orders_missing"


class SurveyCommon(DealerOrderCommon):
    """A dealer that tells what became of its orders."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.survey_cron = cls.env.ref(SURVEY_CRON)
        # demo dealerships have addresses that nobody is at
        others = cls.env["bpo.dealership"].search([("id", "!=", cls.dealership.id)])
        others.next_survey = fields.Datetime.now() + timedelta(days=9)

    def setUp(self):
        super().setUp()
        # {remote id: RemoteOrder, HIDDEN or MISSING}
        self.there = {}
        self.ids, self.keys = {}, {}
        self.strangers = []
        self.surveys = []
        self.enterContext(patch.object(survey, "survey_orders", self._answer_survey))

    def _answer_survey(self, session, known):
        self.surveys.append(known)
        if error := self.dealer.errors.get(session.settings.url):
            raise error
        looks = {
            order.external_id: Look(
                self.there[order.remote_id],
                remote_id=self.ids.get(order.external_id),
                external_id=self.keys.get(order.external_id),
            )
            for order in known
        }
        return Survey(looks, self.strangers)

    def _sent(self, total=100.0, **values):
        lead, order = self._win_one(**values)
        number = 2000 + order.id
        remote = self._remote(number, total=total)
        self.dealer.answers[order.reference] = OrderResult(
            "sent", "order_sent", remote_id=number, remote_name=remote.name, remote=remote
        )
        self._push()
        self.assertEqual(order.state, "sent")
        self.there[number] = remote
        return lead, order

    def _remote(self, number, total=100.0, state="draft"):
        return RemoteOrder(
            number,
            name=f"S{number}",
            state=state,
            amount_total=total,
            amount_untaxed=total,
            changed=fields.Datetime.now(),
        )

    def _survey(self):
        """Let a day pass, and run the scheduled action."""
        self.dealership.next_survey = False
        with self.enter_registry_test_mode():
            self.survey_cron.method_direct_trigger()

    def _asked(self, record, xml_id):
        return record.sudo().activity_ids.filtered(
            lambda activity: activity.activity_type_id == self.env.ref(xml_id)
        )


@tagged("post_install", "-at_install")
class TestSurvey(SurveyCommon):
    """What became of the orders at the dealer is seen within a day, and said once."""

    def test_as_it_was_sent(self):
        lead, order = self._sent()
        self.assertEqual(order.remote_step, "in_step")
        notes = len(lead.message_ids)
        self._survey()
        self.assertEqual((order.remote_step, lead.dealer_order_step), ("in_step", "in_step"))
        self.assertEqual(len(lead.message_ids), notes)
        self.assertEqual(self.dealership.in_step_count, 1)
        self.assertTrue(self.dealership.last_survey)

    def test_confirmed_is_in_step(self):
        lead, order = self._sent()
        self.there[order.remote_id].state = "sale"
        notes = len(lead.message_ids)
        self._survey()
        self.assertEqual((order.remote_state, order.remote_step), ("sale", "in_step"))
        self.assertEqual(len(lead.message_ids), notes)

    def test_cancelled_is_told_once(self):
        lead, order = self._sent()
        self.there[order.remote_id].state = "cancel"
        with self._assert_note(lead, "cancelled at the dealer"):
            self._survey()
        self.assertEqual((order.remote_step, lead.dealer_order_step), ("cancelled", "cancelled"))
        activity = self._asked(lead, ACTIVITY_CHANGED)
        self.assertEqual(activity.user_id, self.agent)
        notes = len(lead.message_ids)
        self._survey()
        self.assertEqual(len(lead.message_ids), notes)
        self.assertEqual(self._asked(lead, ACTIVITY_CHANGED), activity)
        self.assertEqual(self.dealership.cancelled_count, 1)

    def test_cancelled_as_asked_is_no_work(self):
        """The lead was reopened, and the dealer did what it was asked to."""
        lead, order = self._sent()
        lead.with_user(self.manager).write({"stage_id": self.stage_offer.id})
        self.there[order.remote_id].state = "cancel"
        self._survey()
        self.assertEqual(order.remote_step, "cancelled")
        self.assertFalse(self._asked(lead, ACTIVITY_CHANGED))

    def test_changed_total_is_told_once(self):
        lead, order = self._sent()
        self.there[order.remote_id].amount_total = 90.0
        with self._assert_note(lead, "was 100.00", "is 90.00"):
            self._survey()
        self.assertEqual((order.remote_step, order.remote_amount_sent), ("changed", 100.0))
        self.assertIn("90.00", str(self._asked(lead, ACTIVITY_CHANGED).note))
        notes = len(lead.message_ids)
        self._survey()
        self.assertEqual(len(lead.message_ids), notes)
        with self.subTest("and again when it changes again"), self._assert_note(lead, "is 80.00"):
            self.there[order.remote_id].amount_total = 80.0
            self._survey()
        with self.subTest("back to what was sent"):
            self.there[order.remote_id].amount_total = 100.0
            self._survey()
            self.assertEqual(order.remote_step, "in_step")

    def test_small_changes_are_shown_and_not_told(self):
        lead, order = self._sent()
        self.there[order.remote_id].amount_total = 99.5
        notes = len(lead.message_ids)
        self._survey()
        self.assertEqual(order.remote_step, "changed")
        self.assertEqual(len(lead.message_ids), notes)
        self.env["res.config.settings"].create({"bpo_crm_amount_change_percent": 0.1}).execute()
        with self._assert_note(lead, "is 99.50"):
            self._survey()

    def test_missing_asks_a_manager_once_per_dealership(self):
        pairs = [self._sent() for _number in range(3)]
        for _lead, order in pairs:
            self.there[order.remote_id] = MISSING
        self._survey()
        for lead, order in pairs:
            self.assertEqual(order.remote_step, "missing")
            self.assertIn("no longer", self._get_notes(lead)[0])
        activity = self._asked(self.dealership, ACTIVITY_MISSING)
        self.assertEqual(len(activity), 1)
        self.assertTrue(activity.user_id.has_group("bpo_crm.group_manager"))
        notes = len(pairs[0][0].message_ids)
        self._survey()
        self.assertEqual(len(pairs[0][0].message_ids), notes)
        self.assertEqual(self.dealership.missing_count, 3)
        with self.subTest("closed when none is missing"):
            for _lead, order in pairs:
                self.there[order.remote_id] = self._remote(order.remote_id)
            self._survey()
            self.assertFalse(self._asked(self.dealership, ACTIVITY_MISSING))

    def test_hidden_is_not_missing(self):
        lead, order = self._sent()
        self.there[order.remote_id] = HIDDEN
        notes = len(lead.message_ids)
        self._survey()
        self.assertEqual(order.remote_step, "hidden")
        self.assertEqual(len(lead.message_ids), notes)
        self.assertEqual(order.remote_name, self._remote(order.remote_id).name)

    def test_not_seen_is_left_as_it_was(self):
        """A right lacks at the dealer for a moment."""
        _lead, order = self._sent()
        self.there[order.remote_id] = UNSEEN
        self._survey()
        self.assertEqual((order.remote_step, order.remote_state), ("in_step", "draft"))
        self.assertFalse(order.next_attempt)

    def test_hidden_under_another_id(self):
        """The dealer restored a backup; the id of before is a stranger's by now."""
        _lead, order = self._sent()
        self.there[order.remote_id] = HIDDEN
        self.ids[order.external_id] = 4711
        self._survey()
        self.assertEqual((order.remote_step, order.remote_id), ("hidden", 4711))
        self.assertFalse(order.remote_name)

    def test_found_under_an_earlier_key(self):
        """The dealer restored a backup: it is compared with what was sent, by a look."""
        _lead, order = self._sent()
        key = order.external_id
        order.write({"external_id": f"{key}_2", "payload": {**order.payload, "external_id": "x"}})
        self.keys[f"{key}_2"] = key
        with self.capture_triggers(CRON) as captured:
            self._survey()
        self.assertTrue(captured.records)
        self.assertTrue(order.next_attempt)
        self.assertEqual(order.external_id, f"{key}_2")

    def test_found_under_another_id(self):
        _lead, order = self._sent()
        self.there[order.remote_id] = self._remote(4711)
        self._survey()
        self.assertTrue(order.next_attempt)

    def test_customer_exchanged_at_the_dealer(self):
        """The dealer has merged the customer, or given the order to another: said once, no work."""
        lead, order = self._sent()
        there = self.there[order.remote_id]
        ours = order.customer_name
        there.partner_id, there.partner_name = 5, f"Fleet Ltd, {ours}"
        self._survey()
        self.assertEqual(order.remote_partner_id, 5)
        with self.subTest("into one of the same name, or renamed: nothing to say"):
            notes = len(lead.message_ids)
            there.partner_id = 6
            self._survey()
            there.partner_name = "Renamed"
            self._survey()
            self.assertEqual(len(lead.message_ids), notes)
        with self.subTest("into another"):
            there.partner_id, there.partner_name = 7, "Head Office"
            with self._assert_note(lead, f"is for Head Office instead of {ours}"):
                self._survey()
            self.assertEqual(order.remote_step, "in_step")
            self.assertFalse(self._asked(lead, ACTIVITY_CHANGED))
        with self.subTest("once, also by a closer look"):
            notes = len(lead.message_ids)
            self._survey()
            note = ("customer_differs", {"customer": ours, "dealer_customer": "Head Office"})
            order._write_looks({order: Look(there, [note])})
            self.assertEqual(len(lead.message_ids), notes)
        with self.subTest("hidden, and seen again"):
            self.there[order.remote_id] = HIDDEN
            self._survey()
            self.there[order.remote_id] = there
            self._survey()
            self.assertEqual(order.remote_partner_id, 7)
            self.assertEqual(len(lead.message_ids), notes)

    def test_customer_of_the_answer_is_the_first_one(self):
        lead, order = self._win_one()
        remote = self._remote(78)
        remote.partner_id, remote.partner_name = 5, order.customer_name
        self.dealer.answers[order.reference] = OrderResult(
            "sent", "order_sent", remote_id=78, remote_name=remote.name, remote=remote
        )
        self._push()
        self.assertEqual(order.remote_partner_id, 5)
        self.there[78] = self._remote(78)
        self.there[78].partner_id, self.there[78].partner_name = 6, "Head Office"
        with self._assert_note(lead, "is for Head Office"):
            self._survey()

    def test_a_look_at_what_was_found_under_an_earlier_key(self):
        _lead, order = self._sent()
        key, remote_id = order.external_id, order.remote_id
        order.write({"external_id": f"{key}_2", "payload": {**order.payload, "external_id": "x"}})
        look = Look(self._remote(remote_id), external_id=key)
        order._write_looks({order: look})
        self.assertEqual((order.external_id, order._get_content().external_id), (key, key))

    def test_total_that_was_hidden_at_first(self):
        _lead, order = self._win_one()
        self.dealer.answers[order.reference] = OrderResult("sent", "order_sent", remote_id=77)
        self._push()
        self.there[77] = self._remote(77, total=50.0)
        self._survey()
        self.assertEqual((order.remote_step, order.remote_amount_sent), ("in_step", 50.0))

    def test_total_of_nothing(self):
        _lead, order = self._sent(total=0.0)
        self.there[order.remote_id].amount_total = 50.0
        self._survey()
        self.assertEqual((order.remote_step, order.remote_amount_sent), ("changed", 0.0))


@tagged("post_install", "-at_install")
class TestSurveyRun(SurveyCommon):
    """Who is looked at, when, and what happens meanwhile."""

    def test_once_a_day(self):
        self._sent()
        self._survey()
        with self.enter_registry_test_mode():
            self.survey_cron.method_direct_trigger()
        self.assertEqual(len(self.surveys), 1)

    def test_nobody_without_orders_and_nobody_paused(self):
        self._win_one()
        self._survey()
        self.assertFalse(self.surveys)
        self._push()
        self.dealership.paused = True
        self._survey()
        self.assertFalse(self.surveys)

    def test_out_of_reach_is_tried_again(self):
        _lead, order = self._sent()
        self.dealer.errors[self.dealership.odoo_url] = DealerUnreachable(
            "connect_timeout", host="x"
        )
        self._survey()
        self.assertEqual(order.remote_step, "in_step", "what was known stays")
        self.assertEqual(self.dealership.connection_state, "failed")
        left = self.dealership.next_survey - fields.Datetime.now()
        self.assertLess(left, timedelta(hours=2))

    def test_nobody_is_waited_for_without_end(self):
        """An agent's long transaction may hold a lead: the other dealerships go on."""
        self._sent()
        # what pushing has set lasts as long as a test's transaction
        self.env.cr.execute("SET LOCAL lock_timeout = 0")
        timeouts = []
        original = survey.BpoDealership._write_survey

        def write_survey(dealership, *args):
            dealership.env.cr.execute("SHOW lock_timeout")
            timeouts.extend(dealership.env.cr.fetchone())
            return original(dealership, *args)

        with patch.object(survey.BpoDealership, "_write_survey", write_survey):
            self._survey()
        self.assertEqual(timeouts, ["5s"])

    def test_conflicts_that_do_not_end(self):
        """Somebody works with one of the orders all the time: it is looked at in a later run."""
        self._sent()
        attempts = []

        def write_survey(dealership, *args):
            attempts.append(dealership)
            raise SerializationFailure

        with (
            patch.object(survey.BpoDealership, "_write_survey", write_survey),
            # that a run did nothing is what the scheduler warns of
            mute_logger("odoo.addons.base.models.ir_cron"),
        ):
            self._survey()
        self.assertEqual(len(attempts), dealer_push.WRITE_ATTEMPTS)
        self.assertEqual(len(self.surveys), 1, "the dealer is not asked again")
        self.assertFalse(self.dealership.next_survey)

    def test_sent_anew_meanwhile(self):
        _lead, order = self._sent()
        original = self._answer_survey

        def answer(session, known):
            order.write({"remote_id": 9, "remote_state": False})
            return original(session, known)

        self.there[order.remote_id] = MISSING
        with patch.object(survey, "survey_orders", answer):
            self._survey()
        self.assertFalse(order.remote_state)

    def test_another_connection_meanwhile(self):
        _lead, order = self._sent()
        original = self._answer_survey

        def answer(session, known):
            self.dealership.odoo_login = "another"
            self.env.flush_all()
            return original(session, known)

        self.there[order.remote_id] = MISSING
        with patch.object(survey, "survey_orders", answer):
            self._survey()
        self.assertEqual(order.remote_step, "in_step")

    def test_orders_in_another_odoo_are_left_alone(self):
        self._sent()
        self.dealership.with_user(self.manager).odoo_url = "https://elsewhere.example.com"
        self._survey()
        self.assertEqual(self.surveys, [[]])

    def test_orders_unknown_here(self):
        self._sent()
        _lead, doubtful = self._win_one()
        doubtful.write({"possibly_sent": True, "state": "failed"})
        self.strangers = [self._remote(91), self._remote(92)]
        self.strangers[1].reference = doubtful.reference
        self._survey()
        self.assertEqual(self.dealership.stranger_count, 1)
        self.assertIn("S91", self.dealership.strangers_html)
        self.strangers = []
        self._survey()
        self.assertFalse(self.dealership.stranger_count or self.dealership.strangers_html)

    def test_number_of_an_order_that_is_not_there_names_no_other(self):
        """Of one in the Odoo that the dealership had before, and of one that is missing."""
        _lead, order = self._sent()
        self.strangers = [self._remote(order.remote_id)]
        self._survey()
        self.assertEqual(self.dealership.stranger_count, 0)
        self.there[order.remote_id] = MISSING
        self._survey()
        self.assertEqual(self.dealership.stranger_count, 1)
        self.there.pop(order.remote_id)
        order.write({"remote_state": "draft", "remote_place": "https://before.example.com before"})
        self._survey()
        self.assertEqual(self.dealership.stranger_count, 1)

    def test_what_could_not_be_read_is_looked_at_more_closely(self):
        """A survey reads it, and does not compare its lines."""
        _lead, order = self._sent()
        order.remarks = [["name_unknown", {}]]
        self.there[order.remote_id] = HIDDEN
        self._survey()
        self.assertFalse(order.next_attempt)
        self.there[order.remote_id] = self._remote(order.remote_id)
        self._survey()
        self.assertTrue(order.next_attempt)
        self.assertEqual(order.remarks, [["name_unknown", {}]])

    def test_queries_do_not_grow(self):
        """Orders that did not change cost no query each."""
        counts = []
        for more in (2, 20):
            orders = self._win(self._create_leads(more))
            for order in orders:
                remote = self._remote(3000 + order.id)
                self.dealer.answers[order.reference] = OrderResult(
                    "sent", "order_sent", remote_id=remote.id, remote_name="S", remote=remote
                )
                self.there[remote.id] = remote
            self._push()
            self._survey()
            self.dealership.next_survey = False
            self.env.flush_all()
            self.env.invalidate_all()
            with self.enter_registry_test_mode():
                before = self.env.cr.sql_log_count
                self.env["bpo.dealership"].sudo()._survey_dealership(self.dealership.id)
                counts.append(self.env.cr.sql_log_count - before)
        self.assertEqual(*counts)


@tagged("post_install", "-at_install")
class TestSurveyRights(SurveyCommon):
    def test_managers_only(self):
        self._sent()
        for user in (self.agent, self.supervisor):
            with self.assertRaises(UserError):
                self.dealership.with_user(user).action_survey()
            with self.assertRaises(AccessError):
                self.dealership.with_user(user).read(["stranger_count"])

    def test_the_button(self):
        self._sent()
        self.dealership.next_survey = fields.Datetime.now() + timedelta(hours=9)
        with self.capture_triggers(SURVEY_CRON) as captured:
            self.dealership.with_user(self.manager).action_survey()
        self.assertTrue(captured.records)
        self.assertFalse(self.dealership.next_survey)

    def test_orders_in_one_step_are_opened(self):
        _lead, order = self._sent()
        action = (
            self.dealership.with_user(self.manager)
            .with_context(bpo_crm_step="in_step")
            .action_view_orders_in_step()
        )
        self.assertEqual(self.env[action["res_model"]].search(action["domain"]), order)

    def test_from_the_lead(self):
        lead, order = self._sent()
        with self.capture_triggers(CRON):
            lead.with_user(self.manager).action_check_dealer_order()
        self.assertTrue(order.next_attempt)
        with self.assertRaises(UserError):
            lead.with_user(self.agent).action_check_dealer_order()
