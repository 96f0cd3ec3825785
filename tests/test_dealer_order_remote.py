# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta
from unittest.mock import patch

from psycopg2.errors import NumericValueOutOfRange, SerializationFailure

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from odoo.addons.bpo_crm.dealer_api import OrderResult, RemoteOrder
from odoo.addons.bpo_crm.models.engine import dealer_talks as talks
from odoo.addons.bpo_crm.models.order import bpo_dealer_order_push as push

from .dealer_common import CRON, DealerOrderCommon

PUSH_LOGGER = "odoo.addons.bpo_crm.models.order.bpo_dealer_order_push"


class RemoteCommon(DealerOrderCommon):
    def _sent(self, **values):
        lead, order = self._win_one(**values)
        self._push()
        self.assertEqual(order.state, "sent")
        return lead, order

    def _reopen(self, lead):
        lead.with_user(self.manager).write({"stage_id": self.stage_offer.id})

    def _win_again(self, lead):
        lead.with_user(self.agent).write({"stage_id": self.stage_sold.id})

    def _answer(self, order, status="sent", **values):
        code = "order_sent" if status == "sent" else values.pop("code")
        result = OrderResult(status, code, **values)
        self.dealer.answers[order.reference] = result
        return result


@tagged("post_install", "-at_install")
class TestDealerKey(RemoteCommon):
    """A lead id that is given out again names another order, the same lead always its own."""

    def test_key_ends_in_a_digest_of_the_creation(self):
        lead = self._create_leads()
        key = lead._get_dealer_key()
        self.assertRegex(key, rf"^lead_{lead.id}_[0-9a-f]{{8}}$")
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(lead._get_dealer_key(), key, "as read from the database")

    def test_same_id_created_at_another_time(self):
        lead = self._create_leads()
        key = lead._get_dealer_key()
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE crm_lead SET create_date = create_date + interval '1 microsecond'"
            " WHERE id = %s",
            [lead.id],
        )
        lead.invalidate_recordset()
        self.assertNotEqual(lead._get_dealer_key(), key)

    def test_rows_keep_the_key_they_have(self):
        lead, order = self._win_one()
        order.external_id = f"bpo_crm_0123456789ab.lead_{lead.id}"
        self._reopen(lead)
        self._win_again(lead)
        self.assertEqual(order.external_id, f"bpo_crm_0123456789ab.lead_{lead.id}")
        self.assertEqual(order._get_content().external_id, order.external_id)


@tagged("post_install", "-at_install")
class TestConflict(RemoteCommon):
    """The dealer has somebody else's order under our key: never reported as sent."""

    def _conflict(self):
        lead, order = self._win_one()
        self._answer(
            order,
            "failed",
            code="order_conflict",
            details={"name": "S00007", "customer": "Somebody Else", "reference": "BPO-00007"},
        )
        self._push()
        return lead, order

    def test_failed_with_words_and_a_managers_activity(self):
        lead, order = self._conflict()
        self.assertEqual((order.state, order.error_code), ("failed", "order_conflict"))
        self.assertIn("Somebody Else", order.error)
        self.assertIn("Somebody Else", self._get_notes(lead)[0])
        self.assertTrue(lead.activity_ids.user_id.has_group("bpo_crm.group_manager"))
        self.assertFalse(order.remote_id)
        self.assertFalse(self.env["mail.mail"].search([("model", "=", order._name)]))

    def test_only_a_manager_sends_it_again_under_another_name(self):
        _lead, order = self._conflict()
        key = order.external_id
        with self.assertRaises(UserError):
            order.with_user(self.agent).action_retry()
        self.dealer.answers.clear()
        order.with_user(self.manager).action_retry()
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertEqual(order.external_id, f"{key}_2")
        self.assertIn(order.external_id, self.dealer.orders)

    def test_winning_again_is_no_way_around_the_manager(self):
        lead, order = self._conflict()
        key = order.external_id
        lead.with_user(self.agent).write({"stage_id": self.stage_offer.id})
        with self.assertRaisesRegex(UserError, "BPO manager"), self.cr.savepoint():
            self._win_again(lead)
        lead.invalidate_recordset()
        self.assertNotEqual(lead.stage_id, self.stage_sold)
        self.assertEqual(order.external_id, key)
        lead.with_user(self.manager).write({"stage_id": self.stage_sold.id})
        self.assertEqual(order.external_id, f"{key}_2")


@tagged("post_install", "-at_install")
class TestSnapshotKept(RemoteCommon):
    """A snapshot that may have been sent is not replaced before the dealer was asked."""

    def _win_doubtful_again(self):
        """Lose the answer of a push, reopen, change the units, and win again."""
        lead, order = self._win_one()
        order.possibly_sent = True
        self._reopen(lead)
        lead.line_ids.quantity = 7
        self._win_again(lead)
        return lead, order

    def _quantity(self, order):
        return order._get_content().lines[0].values["product_uom_qty"]

    def test_what_is_wanted_waits_beside_it(self):
        _lead, order = self._win_doubtful_again()
        self.assertEqual(order.state, "pending")
        self.assertEqual(self._quantity(order), 1)
        self.assertTrue(order.payload_wanted)
        seen = []
        original = self.dealer.push_orders

        def push_orders(session, orders):
            seen.extend(orders)
            return original(session, orders)

        with patch("odoo.addons.bpo_crm.models.engine.dealer_talks.push_orders", push_orders):
            self._push()
        [content] = seen
        self.assertTrue(content.maybe_there)
        self.assertEqual(content.lines[0].values["product_uom_qty"], 1)
        self.assertEqual(content.replacement.lines[0].values["product_uom_qty"], 7)

    def test_the_old_one_is_there_and_adopted(self):
        lead, order = self._win_doubtful_again()
        result = self._answer(order, remote_id=5, remote_name="S00005", content="old")
        result.add_note("order_is_older")
        with self._assert_note(lead, "S00005", "1 × ", "7 × ", "by hand"):
            self._push()
        self.assertEqual(order.state, "sent")
        self.assertEqual(self._quantity(order), 1, "what the dealer has")
        self.assertFalse(order.payload_wanted)

    def test_the_new_one_was_sent(self):
        _lead, order = self._win_doubtful_again()
        self._answer(order, remote_id=5, remote_name="S00005", content="new")
        self._push()
        self.assertEqual((order.state, self._quantity(order)), ("sent", 7))

    def test_the_new_one_was_sent_under_another_key(self):
        _lead, order = self._win_doubtful_again()
        key = f"{order.external_id}_2"
        self._answer(order, remote_id=5, remote_name="S5", content="new", external_id=key)
        self._push()
        self.assertEqual((order.state, order.external_id), ("sent", key))
        self.assertEqual(order._get_content().external_id, key)

    def test_nothing_else_is_wanted(self):
        """The dealer is asked all the same: it may have cancelled what it got."""
        lead, order = self._win_one()
        order.possibly_sent = True
        self._reopen(lead)
        self._win_again(lead)
        self.assertEqual(order.payload_wanted, order.payload)
        self.assertEqual(order.state, "pending")
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertFalse(order.payload_wanted)

    def test_a_renewal_that_is_refused_is_renewed_by_retry(self):
        """Cancelled there, won again, refused, put right: not the cancelled order again."""
        lead, order = self._sent()
        self.dealer.readable[order.remote_id] = {"name": order.remote_name, "state": "cancel"}
        self._reopen(lead)
        self._win_again(lead)
        self._answer(order, "failed", code="order_refused", details={"message": "Not today"})
        self._push()
        self.assertEqual(order.state, "failed")
        key = order.external_id
        self.dealer.answers.clear()
        order.with_user(self.agent).action_retry()
        self._push()
        self.assertEqual((order.state, order.external_id), ("sent", f"{key}_2"))

    def test_won_again_before_the_talk(self):
        """Reopened, edited and won again between the mark and the talk: the new units arrive."""
        lead, order = self._win_one()
        original = talks.PushTalk.prepare

        def prepare(talk, env):
            env.invalidate_all()
            inner = lead.with_env(lead.env(cr=env.cr))
            self._reopen(inner)
            inner.line_ids.quantity = 7
            self._win_again(inner)
            return original(talk, env)

        with patch.object(talks.PushTalk, "prepare", prepare):
            self._push()
        self.assertEqual((order.state, self._quantity(order)), ("sent", 7))
        self.assertFalse(order.payload_wanted)

    def _push_while_won_again(self, lead, then=None):
        """Push; while the answer waits for a lock, the lead is won again with seven units.

        :param then: function of the order, for what happens after that, before it is written
        """
        original = push.BpoDealerOrder._write_sent
        conflicts = []

        def write_sent(orders, results):
            if not conflicts:
                conflicts.append(True)
                raise SerializationFailure
            return original(orders, results)

        original_back = talks.PushTalk.write_back

        def write_back(talk, env, report, order_ids=None):
            if conflicts and len(conflicts) == 1:
                conflicts.append(True)
                inner = lead.with_env(lead.env(cr=env.cr))
                self._reopen(inner)
                inner.line_ids.quantity = 7
                self._win_again(inner)
                if then:
                    then(inner.dealer_order_ids)
            return original_back(talk, env, report, order_ids)

        with (
            patch.object(push.BpoDealerOrder, "_write_sent", write_sent),
            patch.object(talks.PushTalk, "write_back", write_back),
            self.enter_registry_test_mode(),
        ):
            self.env["bpo.dealer.order"].sudo()._push_dealership(self.dealership.id)

    def test_won_again_while_the_answer_waits(self):
        """The dealer is asked again, and chatter says what it has."""
        lead, order = self._win_one()
        self._push_while_won_again(lead)
        self.assertEqual((order.state, self._quantity(order)), ("sent", 1), "what the dealer has")
        self.assertTrue(order.payload_wanted)
        self.assertTrue(order.next_attempt)
        self.assertIn("7 × ", self._get_notes(lead)[0])

    def test_won_again_and_failed_while_the_answer_waits(self):
        """Another worker could not send what is wanted by now: it is not forgotten for that."""
        lead, order = self._win_one()

        def fail(orders):
            refusal = OrderResult("failed", "place_changed")
            orders.sudo()._write_failed({orders.sudo(): refusal}, {orders.id: True})

        self._push_while_won_again(lead, fail)
        self.assertEqual((order.state, self._quantity(order)), ("sent", 1), "what the dealer has")
        self.assertTrue(order.payload_wanted)
        self.assertIn("7 × ", self._get_notes(lead)[0])

    def test_another_worker_has_marked_it_since(self):
        """Its mark is not taken back by a talk that finds the dealership closed."""
        for stop in ("closed", "talked with"):
            with self.subTest(stop):
                _lead, order = self._win_one()
                original = talks.PushTalk.prepare

                def prepare(talk, env, order=order, stop=stop, original=original):
                    other = talks.PushTalk(self.dealership.id)
                    other.marks = {order.id: False}
                    other.mark(env)
                    if stop == "closed":
                        talk.browse_dealership(env).paused = True
                        return original(talk, env)
                    talk.give_up(env)
                    return False

                with patch.object(talks.PushTalk, "prepare", prepare):
                    self._push()
                self.assertFalse(self.dealer.talks)
                self.assertTrue(order.possibly_sent)
                self.dealership.paused = False
                order.possibly_sent = False
                self._reopen(order.lead_id)

    def test_the_mark_is_taken_back_where_nobody_was_asked(self):
        _lead, order = self._win_one()
        original = talks.PushTalk.prepare

        def prepare(talk, env):
            talk.browse_dealership(env).paused = True
            return original(talk, env)

        with patch.object(talks.PushTalk, "prepare", prepare):
            self._push()
        self.assertFalse(order.possibly_sent)

    def test_certainly_not_sent_is_replaced(self):
        lead, order = self._win_one()
        self._reopen(lead)
        lead.line_ids.quantity = 7
        self._win_again(lead)
        self.assertEqual(self._quantity(order), 7)
        self.assertFalse(order.payload_wanted)


@tagged("post_install", "-at_install")
class TestWonAgain(RemoteCommon):
    """The dealer has the order of a lead that is won again: it is asked what became of it."""

    def _win_sent_again(self):
        lead, order = self._sent()
        self._reopen(lead)
        lead.line_ids.quantity = 7
        self._win_again(lead)
        return lead, order

    def test_still_there(self):
        lead, order = self._win_sent_again()
        self.assertIn("7 × ", self._get_notes(lead)[0])
        self.dealer.readable[order.remote_id] = {"name": order.remote_name}
        self._push()
        self.assertEqual((order.state, order.remote_state), ("sent", "draft"))
        self.assertFalse(order.payload_wanted)
        self.assertFalse(order.next_attempt)
        self.assertEqual(len(self.dealer.orders), 1)

    def test_what_differs_is_said_again(self):
        """What was said of the order before is about another win."""
        lead, order = self._sent()
        note = ("amount_differs", {"sent": "1", "dealer_amount": "2", "currency": "EUR"})
        self.dealer.readable[order.remote_id] = {"state": "draft", "amount_total": 2.0}
        self.dealer.notes[order.remote_id] = [note]
        order.with_user(self.manager).action_check_at_dealer()
        with self._assert_note(lead, "comes to 2 EUR"):
            self._push()
        self._reopen(lead)
        self._win_again(lead)
        with self._assert_note(lead, "comes to 2 EUR"):
            self._push()
        self.assertEqual(order.remarks.count([note[0], note[1]]), 1)
        self._make_due(order)
        before = lead.message_ids
        self._push()
        self.assertEqual(lead.message_ids, before)

    def test_only_the_customer_is_another_one(self):
        lead, order = self._sent()
        self._reopen(lead)
        lead.contact_name = "Somebody Else"
        with self._assert_note(lead, "already", "Somebody Else", "by hand"):
            self._win_again(lead)
        self.assertNotEqual(order.customer_name, "Somebody Else", "what the dealer has")

    def test_hidden_is_not_gone(self):
        _lead, order = self._win_sent_again()
        self._push()
        self.assertEqual((order.state, order.remote_state), ("sent", "hidden"))
        self.assertEqual(len(self.dealer.orders), 1)

    def test_cancelled_before_it_was_sent_is_looked_at(self):
        """A backup was restored here: the order may be there under a later key."""
        _lead, order = self._win_one()
        remote = RemoteOrder(7, name="S00007", state="cancel", amount_total=100.0)
        self._answer(order, remote_id=7, remote_name="S00007", remote=remote)
        with self.enter_registry_test_mode():
            self.env["bpo.dealer.order"].sudo()._push_dealership(self.dealership.id)
        self.env.invalidate_all()
        self.assertEqual((order.state, order.remote_state), ("sent", "cancel"))
        self.assertLessEqual(order.next_attempt, fields.Datetime.now())

    def test_made_before_we_knew_of_an_attempt(self):
        """A backup was restored here: looks to come must not take it for another's."""
        for shift, is_taken in ((-900, True), (900, False)):
            with self.subTest(shift=shift):
                _lead, order = self._win_one()
                made = fields.Datetime.now() + timedelta(seconds=shift, microseconds=5)
                self._answer(order, remote_id=7, remote_name="S00007", made=made)
                self._push()
                self.assertEqual(order.first_attempt == made.replace(microsecond=0), is_taken)

    def test_not_seen_is_looked_at_again(self):
        """A right lacks at the dealer for a moment: what is wanted is not forgotten over it."""
        lead, order = self._win_sent_again()
        self.dealer.readable[order.remote_id] = {"name": order.remote_name, "state": "cancel"}
        self.dealer.unseen.add(order.remote_id)
        self._push()
        self.assertNotEqual(order.remote_state, "hidden")
        self.assertTrue(order.payload_wanted)
        self.assertGreater(order.next_attempt, fields.Datetime.now())
        self.dealer.unseen.clear()
        self._make_due(order)
        self._push()
        self.assertIn("cancelled", " ".join(self._get_notes(lead)))
        self.assertEqual(order._get_content().lines[0].values["product_uom_qty"], 7)

    def test_cancelled_there_is_sent_anew_under_a_new_key(self):
        lead, order = self._win_sent_again()
        key, remote_id = order.external_id, order.remote_id
        self.dealer.readable[remote_id] = {"name": order.remote_name, "state": "cancel"}
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertEqual(order.external_id, f"{key}_2")
        self.assertNotEqual(order.remote_id, remote_id)
        self.assertEqual(order._get_content().lines[0].values["product_uom_qty"], 7)
        self.assertIn("cancelled", " ".join(self._get_notes(lead)))

    def test_deleted_there_is_sent_anew_under_its_key(self):
        _lead, order = self._win_sent_again()
        key = order.external_id
        self.dealer.gone.add(order.remote_id)
        del self.dealer.orders[key]
        self._push()
        self.assertEqual((order.state, order.external_id), ("sent", key))
        self.assertEqual(order._get_content().lines[0].values["product_uom_qty"], 7)

    def test_reopened_before_it_was_looked_at(self):
        lead, order = self._win_sent_again()
        self._reopen(lead)
        self.dealer.readable[order.remote_id] = {"name": order.remote_name, "state": "cancel"}
        self._push()
        self.assertEqual((order.state, order.remote_state), ("sent", "cancel"))
        self.assertEqual(len(self.dealer.orders), 1)


@tagged("post_install", "-at_install")
class TestCheckAtDealer(RemoteCommon):
    def _check(self, order):
        order.with_user(self.manager).action_check_at_dealer()
        self._push()

    def test_says_that_another_order_has_its_place(self):
        """One that was sent before comes late, after the dealer has deleted the one it had."""
        lead, order = self._sent()
        key = order.external_id
        self.dealer.orders[key] = (99, "S00099")
        self.dealer.readable[99] = {"name": "S00099"}
        with self._assert_note(lead, "S00099", "of another time"):
            self._check(order)
        self.assertEqual(order.remarks, [["order_came_back", {"name": "S00099"}]])
        self.assertEqual(order.remote_id, 99)
        self._check(order)
        self.assertEqual(len(order.remarks), 1, "it is said once")

    def test_what_could_not_be_read_and_was_since(self):
        """It is said as long as the order is hidden; that of its lines until they are compared."""
        _lead, order = self._sent()
        said = [["customer_ambiguous", {}]]
        order.remarks = [["name_unknown", {}], ["name_unreadable_now", {}], *said]
        self._check(order)
        self.assertEqual((order.remote_state, len(order.remarks)), ("hidden", 3))
        there = {"state": "draft", "amount_total": 24200.0}
        self.dealer.readable[order.remote_id] = there
        self._check(order)
        self.assertEqual(len(order.remarks), 3, "its name is not known yet")
        self.dealer.readable[order.remote_id] = {"name": "S00001", **there}
        self.dealer.uncompared = {order.remote_id}
        for _time in range(2):
            self._check(order)
            self.assertEqual(order.remarks, [*said, ["lines_unreadable_now", {}]])
        self.dealer.uncompared = set()
        self._check(order)
        self.assertEqual((order.remote_state, order.remarks), ("draft", said))

    def test_says_what_became_of_it(self):
        _lead, order = self._sent()
        self.dealer.readable[order.remote_id] = {"state": "sale", "amount_total": 24200.0}
        with self.capture_triggers(CRON) as captured:
            order.with_user(self.manager).action_check_at_dealer()
        self.assertTrue(captured.records)
        self._push()
        self.assertEqual((order.remote_state, order.remote_amount_total), ("sale", 24200.0))
        self.assertTrue(order.remote_checked)
        self.assertFalse(order.next_attempt)

    def test_who_asked_is_told_the_answer_once(self):
        _lead, order = self._sent()
        self.dealer.readable[order.remote_id] = {"state": "sale", "amount_total": 24200.0}
        order.with_user(self.manager).action_check_at_dealer()
        sent = []
        with patch.object(
            type(self.env["res.users"]), "_bus_send", lambda user, *args: sent.append((user, args))
        ):
            self._push()
            self._make_due(order)
            self._push()
        [(user, (name, message))] = sent
        self.assertEqual((user, name), (self.manager, "bpo_crm.dealer_order"))
        self.assertEqual(message["records"][order._name], order.ids)
        self.assertEqual(message["type"], "info")
        self.assertIn("Confirmed", message["message"])

    def test_missing_is_said_and_can_be_sent_again(self):
        lead, order = self._sent()
        key, payload = order.external_id, order.payload
        self.dealer.gone.add(order.remote_id)
        del self.dealer.orders[key]
        with self._assert_note(lead, "no longer"):
            self._check(order)
        self.assertEqual((order.state, order.remote_state), ("sent", "missing"))
        order.with_user(self.manager).action_send_again()
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertEqual((order.external_id, order.payload), (key, payload))
        self.assertIn(key, self.dealer.orders)

    def test_missing_without_a_name_is_not_looked_at_over_and_over(self):
        """Its name was unknown, and is none any more that could be learnt."""
        _lead, order = self._sent()
        order.remote_name = False
        self.dealer.gone.add(order.remote_id)
        self._make_due(order)
        self._push()
        self.assertEqual(order.remote_state, "missing")
        self.assertFalse(order.next_attempt)

    def test_not_sent_again_for_a_deal_that_is_open(self):
        lead, order = self._sent()
        self._reopen(lead)
        self.dealer.gone.add(order.remote_id)
        self._check(order)
        with self.assertRaisesRegex(UserError, "not won any more"):
            order.with_user(self.manager).action_send_again()
        self.assertEqual(order.state, "sent")

    def test_won_while_its_order_waits(self):
        """What the deal says by then is sent."""
        lead, order = self._win_one()
        lead.sudo()._write_protected({"closed_status": False, "stage_id": self.stage_offer.id})
        self.assertEqual(order.state, "pending")
        lead.line_ids.quantity = 7
        self._win_again(lead)
        self.assertEqual(order._get_content().lines[0].values["product_uom_qty"], 7)

    def test_differences_are_said_once(self):
        lead, order = self._sent()
        self.dealer.readable[order.remote_id] = {"name": order.remote_name}
        self.dealer.notes[order.remote_id] = [
            ("lines_differ", {}),
            ("customer_differs", {"customer": "Our Name", "dealer_customer": "Their Name"}),
        ]
        with self._assert_note(lead, "other lines", "Their Name"):
            self._check(order)
        notes = len(lead.message_ids)
        self._check(order)
        self.assertEqual(len(lead.message_ids), notes)

    def test_a_contact_of_another_name_is_known(self):
        """The order went to a contact whose name differs, and that was said."""
        lead, order = self._sent()
        said = {"customer": "Our Name", "dealer_customer": "Their Name", "partner_id": 5}
        order.remarks = [["customer_name_differs", said]]
        self.dealer.readable[order.remote_id] = {"name": order.remote_name}
        self.dealer.notes[order.remote_id] = [
            ("customer_differs", {"customer": "Our Name", "dealer_customer": "Their Name"})
        ]
        notes = len(lead.message_ids)
        self._check(order)
        self.assertEqual(len(lead.message_ids), notes)

    def test_another_order_is_in_its_place(self):
        lead, order = self._sent()
        details = {"name": "S00007", "customer": "Somebody Else", "reference": "X"}
        self.dealer.gone.add(order.remote_id)
        self.dealer.notes[order.remote_id] = [("order_exchanged", details)]
        with self._assert_note(lead, "S00007", "Somebody Else", "Send Again"):
            self._check(order)
        self.assertEqual(order.remote_state, "missing")

    def test_only_missing_ones_are_sent_again(self):
        _lead, order = self._sent()
        with self.assertRaisesRegex(UserError, "Check at Dealer"):
            order.with_user(self.manager).action_send_again()

    def test_managers_only(self):
        _lead, order = self._sent()
        for user in (self.agent, self.supervisor):
            for name in ("action_check_at_dealer", "action_send_again"):
                with self.assertRaises(UserError):
                    getattr(order.with_user(user), name)()

    def test_only_what_was_sent(self):
        _lead, order = self._win_one()
        with self.assertRaises(UserError):
            order.with_user(self.manager).action_check_at_dealer()


@tagged("post_install", "-at_install")
class TestPlace(RemoteCommon):
    """Orders are bound to the Odoo that they were sent to."""

    def _move_dealership(self):
        self.dealership.with_user(self.manager).odoo_url = "https://elsewhere.example.com"

    def test_no_link_to_a_stranger(self):
        _lead, order = self._sent()
        self.assertTrue(order.remote_url)
        self._move_dealership()
        self.assertFalse(order.remote_url)

    def test_not_looked_for_in_another_odoo(self):
        _lead, order = self._sent()
        order.with_user(self.manager).action_check_at_dealer()
        self._move_dealership()
        self.dealer.readable[order.remote_id] = {"name": "S99999", "state": "cancel"}
        self._push()
        self.assertNotEqual(order.remote_name, "S99999")
        self.assertFalse(order.remote_state)

    def test_doubtful_order_does_not_go_to_another_odoo(self):
        lead, order = self._win_one()
        order.write({"possibly_sent": True, "remote_place": self.dealership._get_place()})
        self._move_dealership()
        self._push()
        self.assertFalse(self.dealer.talks)
        self.assertEqual((order.state, order.error_code), ("failed", "place_changed"))
        self.assertTrue(order.possibly_sent)
        self.assertNotIn("example.com", order.error)
        self.assertTrue(lead.activity_ids.user_id.has_group("bpo_crm.group_manager"))
        order.with_user(self.manager).action_confirm_not_sent()
        order.with_user(self.manager).action_retry()
        self._push()
        self.assertEqual(order.state, "sent")

    def test_certainly_unsent_order_goes_to_the_new_odoo(self):
        _lead, order = self._win_one()
        self._move_dealership()
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertIn("elsewhere.example.com", order.remote_place)


@tagged("post_install", "-at_install")
class TestAnotherPlace(RemoteCommon):
    """Managers are told which orders a new address leaves behind, and can say it is the same."""

    def test_named_in_chatter(self):
        _lead, order = self._sent()
        _other_lead, waiting = self._win_one()
        with self.subTest("another login is no other Odoo"):
            notes = len(self.dealership.message_ids)
            self.dealership.with_user(self.manager).odoo_login = "other"
            self.assertEqual(len(self.dealership.message_ids), notes + 1)
        self.dealership.with_user(self.manager).odoo_db = "elsewhere"
        note = self._get_notes(self.dealership)[0]
        self.assertIn(order.display_name, note)
        self.assertNotIn(waiting.reference, note, "it was never sent")
        self.assertEqual(self.dealership.elsewhere_order_count, 1)

    def test_warned_before_saving(self):
        self._sent()
        with (
            self.assertLogs("odoo.tests.form.onchange", "WARNING") as logs,
            Form(self.dealership.with_user(self.manager)) as form,
        ):
            form.odoo_url = "https://elsewhere.example.com"
        self.assertIn("in the Odoo at the present address: 1.", logs.output[0])

    def test_no_warning_without_orders(self):
        self._win_one()
        with (
            self.assertNoLogs("odoo.tests.form.onchange", "WARNING"),
            Form(self.dealership.with_user(self.manager)) as form,
        ):
            form.odoo_url = "https://elsewhere.example.com"

    def test_same_odoo(self):
        _lead, order = self._sent()
        self.dealership.with_user(self.manager).odoo_url = "https://new-name.example.com"
        self.assertFalse(order.remote_url)
        with self.assertRaises(UserError):
            self.dealership.with_user(self.agent).action_same_odoo()
        self.dealership.with_user(self.manager).action_same_odoo()
        self.assertFalse(self.dealership.elsewhere_order_count)
        self.assertTrue(order.remote_url.startswith("https://new-name.example.com/"))
        self.assertIn(self.manager.name, self._get_notes(self.dealership)[0])

    def test_what_is_wanted_waits_for_the_same_odoo(self):
        """Cancelled there, won again, moved before it was looked at: sent anew in the end."""
        lead, order = self._sent()
        self.dealer.readable[order.remote_id] = {"name": order.remote_name, "state": "cancel"}
        self._reopen(lead)
        self._win_again(lead)
        self.dealership.with_user(self.manager).odoo_url = "https://new-name.example.com"
        self._push()
        self.assertEqual(len(self.dealer.orders), 1)
        self.dealership.with_user(self.manager).action_same_odoo()
        self._push()
        self.assertEqual((order.state, len(self.dealer.orders)), ("sent", 2))

    def test_in_use_cannot_be_deleted(self):
        self._win_one()
        with self.assertRaisesRegex(UserError, "Northside Motors.*Archive"):
            self.dealership.with_user(self.manager).unlink()


@tagged("post_install", "-at_install")
class TestWriteBackSingly(RemoteCommon):
    """One answer that our own database does not take costs no other."""

    def test_one_bad_answer(self):
        orders = self._win(self._create_leads(3))
        bad = orders[1]
        with (
            self._unwritable_answer(bad, NumericValueOutOfRange("remote_id")),
            self.assertLogs(PUSH_LOGGER, "ERROR"),
        ):
            self._push()
        self.assertEqual(orders.mapped("state"), ["sent", "pending", "sent"])
        self.assertTrue(bad.possibly_sent)
        self.assertTrue(bad.next_attempt)
        self.assertFalse(self.dealership.next_attempt, "the dealership is not to blame")
        self.assertEqual(len(self.dealer.talks), 1)

    def test_one_bad_answer_about_an_order_that_somebody_holds(self):
        """The answers about the others are written all the same."""
        orders = self._win(self._create_leads(3))
        bad = orders[0]

        def postpone(orders, order_id, env):
            raise SerializationFailure

        with (
            self._unwritable_answer(bad, NumericValueOutOfRange("remote_id")),
            patch.object(push.BpoDealerOrder, "_postpone_unwritable", postpone),
            self.assertLogs(PUSH_LOGGER, "ERROR"),
        ):
            self._push()
        self.assertEqual(orders.mapped("state"), ["pending", "sent", "sent"])

    def test_a_bad_answer_about_an_order_that_is_alone(self):
        """The dealership takes one at a time: the bad one is not asked for over and over."""
        orders = self._win(self._create_leads(3))
        bad = orders[0]
        with (
            self._unwritable_answer(bad, NumericValueOutOfRange("remote_id")),
            patch.object(type(self.dealership), "_get_batch_size", lambda one: 1),
            self.assertLogs(PUSH_LOGGER, "ERROR"),
        ):
            self._push()
        self.assertEqual(orders.mapped("state"), ["pending", "sent", "sent"])
        self.assertFalse(self.dealership.next_attempt, "the dealership is not to blame")
        self.assertGreater(bad.next_attempt, fields.Datetime.now())

    def test_nobody_is_waited_for_without_end(self):
        """An agent's long transaction may hold a lead: the others of the run go on."""
        self._win_one()
        timeouts = []
        original = talks.PushTalk.write_back

        def write_back(talk, env, *args):
            env.cr.execute("SHOW lock_timeout")
            timeouts.extend(env.cr.fetchone())
            return original(talk, env, *args)

        with patch.object(talks.PushTalk, "write_back", write_back):
            self._push()
        self.assertEqual(timeouts, ["5s"])

    def test_nobody_is_waited_for_where_answers_cannot_be_written(self):
        """Nor for the order that is put off because its answer cannot be written."""
        orders = self._win(self._create_leads(2))
        timeouts = []
        original = push.BpoDealerOrder._postpone_unwritable

        def postpone(model, order_id, env):
            env.cr.execute("SHOW lock_timeout")
            timeouts.extend(env.cr.fetchone())
            # what others have set lasts as long as a test's transaction
            env.cr.execute("SET LOCAL lock_timeout = 0")
            return original(model, order_id, env)

        def prepare_sent_vals(order, result):
            order.env.cr.execute("SET LOCAL lock_timeout = 0")
            raise NumericValueOutOfRange("remote_id")

        with (
            patch.object(push.BpoDealerOrder, "_prepare_sent_vals", prepare_sent_vals),
            patch.object(push.BpoDealerOrder, "_postpone_unwritable", postpone),
            self.assertLogs(PUSH_LOGGER, "ERROR"),
        ):
            self._push()
        self.assertEqual(timeouts, ["5s"] * len(orders))

    def test_written_by_another_worker_meanwhile(self):
        """It found the order there while this answer waited: nobody is told a second time."""
        lead, order = self._win_one()
        original = talks.PushTalk.write_back

        def write_back(talk, env, *args):
            original(talk, env, *args)
            return original(talk, env, *args)

        with patch.object(talks.PushTalk, "write_back", write_back):
            self._push()
        self.assertEqual(order.state, "sent")
        mails = [("model", "=", "bpo.dealer.order"), ("res_id", "=", order.id)]
        self.assertEqual(self.env["mail.mail"].search_count(mails), 1)
        has_order = [note for note in self._get_notes(lead) if "has the order" in note]
        self.assertEqual(len(has_order), 1)

    def test_one_lead_that_somebody_holds(self):
        orders = self._win(self._create_leads(3))
        held = orders[1]
        with self._unwritable_answer(held, SerializationFailure):
            self._push()
        self.assertEqual(orders.mapped("state")[::2], ["sent", "sent"])
        self.assertEqual(held.state, "pending")
        self._push()
        self.assertEqual(held.state, "sent")
        self.assertEqual(len(self.dealer.orders), 3)
