# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import contextlib
import gc
import time
from concurrent.futures import Future
from datetime import timedelta
from unittest.mock import Mock, PropertyMock, patch

from lxml import html
from psycopg2.errors import SerializationFailure

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import config, mute_logger

from odoo.addons.bpo_crm.dealer_api import (
    DealerAccessRefused,
    DealerUnreachable,
    OrderResult,
)
from odoo.addons.bpo_crm.models.engine import dealer_push, dealer_talks
from odoo.addons.bpo_crm.models.order import bpo_dealer_order_notify as notify
from odoo.addons.bpo_crm.models.order import bpo_dealer_order_push as push
from odoo.addons.bpo_crm.models.order import bpo_dealer_order_remote

from .dealer_common import CRON, DealerOrderCommon, FakeSession

PUSH_LOGGER = "odoo.addons.bpo_crm.models.order.bpo_dealer_order_push"
NOTIFY_LOGGER = "odoo.addons.bpo_crm.models.order.bpo_dealer_order_notify"


class PushCommon(DealerOrderCommon):
    @classmethod
    def _create_dealership(cls, code):
        return cls.env["bpo.dealership"].create(
            cls._prepare_dealership(
                name=f"Branch {code}", code=code, odoo_url=f"https://{code.lower()}.example.com"
            )
        )

    def _unreachable(self, request_sent):
        return DealerUnreachable("answer_timeout", request_sent, host="secret.host", seconds=30)

    def _refuse(self, order, status="failed"):
        self.dealer.answers[order.reference] = OrderResult(
            status,
            "product_unknown" if status == "failed" else "order_busy",
            {"codes": "TH-100"} if status == "failed" else {},
        )


@tagged("post_install", "-at_install")
class TestPushSent(PushCommon):
    def test_written_back(self):
        lead, order = self._win_one()
        self._push()
        self.assertEqual(self.dealer.talks, [("https://northside.example.com", [order.reference])])
        self.assertEqual(order.state, "sent")
        self.assertEqual(order.attempt_count, 1)
        self.assertTrue(order.sent_date)
        self.assertFalse(order.possibly_sent)
        self.assertFalse(order.error)
        self.assertEqual(
            (lead.dealer_so_id, lead.dealer_so_name), self.dealer.orders[order.external_id]
        )
        self.assertEqual(lead.dealer_order_state, "sent")
        self.assertEqual(self.dealership.connection_state, "connected")
        self.assertEqual(self.dealership.server_version, "19.0")
        self.assertEqual(self.dealership.remote_uid, 7)

    def test_dealer_that_breaks_off_after_its_answer(self):
        """What it has taken counts, though its version cannot be asked any more."""
        lead, order = self._win_one()
        gone = PropertyMock(side_effect=self._unreachable(True))
        with patch.object(FakeSession, "server_version", gone):
            self._push()
        self.assertEqual(order.state, "sent")
        self.assertTrue(lead.dealer_so_name)

    def test_only_once(self):
        self._win_one()
        self._push()
        self._push()
        self.assertEqual(len(self.dealer.talks), 1)

    def test_chatter_links_to_the_order(self):
        lead, order = self._win_one()
        with self._assert_note(lead, order.dealership_id.name, "manager@northside.example.com"):
            self._push()
        self.assertIn(f'href="{order.remote_url}"', self._get_notes(lead)[0])
        self.assertIn(order.remote_name, self._get_notes(lead)[0])

    def test_notes_of_the_talk_are_in_chatter(self):
        lead, order = self._win_one()
        result = OrderResult("sent", "order_sent", remote_id=5, remote_name="S5")
        result.add_note("customer_ambiguous", matches="jo@example.com", partner_id=3)
        self.dealer.answers[order.reference] = result
        with self._assert_note(lead, "Several contacts"):
            self._push()

    def test_what_the_dealer_says_is_no_markup(self):
        lead, order = self._win_one()
        self.dealer.answers[order.reference] = OrderResult(
            "sent", "order_sent", remote_id=5, remote_name="<b>S5</b>"
        )
        self._push()
        self.assertIn("&lt;b&gt;S5", self._get_notes(lead)[0])

    def test_mail_to_the_manager_is_queued(self):
        self.dealership.manager_name = "Alex Branch"
        _lead, order = self._win_one()
        self._push()
        mail = self.env["mail.mail"].search(
            [("model", "=", "bpo.dealer.order"), ("res_id", "=", order.id)]
        )
        self.assertEqual(mail.email_to, "manager@northside.example.com")
        self.assertEqual(mail.state, "outgoing")
        self.assertIn(order.remote_name, mail.subject)
        for text in ("Alex Branch", "TH-100", "Jo Customer", order.reference, order.remote_url):
            self.assertIn(text, mail.body_html)

    def test_mail_in_the_currency_of_the_order(self):
        _lead, order = self._win_one(
            line_ids=[
                Command.create(
                    {"product_id": self.product.id, "quantity": 1, "price_unit": 19500.0}
                )
            ]
        )
        currency = order.currency_id
        self.dealership.currency_id = self._get_other_currency()
        self._push()
        mail = self.env["mail.mail"].search(
            [("res_id", "=", order.id), ("model", "=", order._name)]
        )
        self.assertIn(str(currency.format(19500.0)), str(mail.body_html))

    def test_mail_in_the_language_of_the_dealership(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        template = self.env.ref(notify.MAIL_TEMPLATE).with_context(lang="fr_FR")
        template.subject = "Nouvelle commande {{ object.display_name }}"
        self.dealership.with_user(self.manager).lang = "fr_FR"
        _lead, order = self._win_one()
        other = self.env["bpo.dealership"].create(self._prepare_dealership(name="B", code="B"))
        _lead, other_order = self._win_one(dealership_id=other.id)
        self._push()
        mails = self.env["mail.mail"].search(
            [("res_id", "in", (order | other_order).ids), ("model", "=", order._name)]
        )
        subjects = {mail.res_id: mail.subject for mail in mails}
        self.assertIn("Nouvelle commande", subjects[order.id])
        self.assertIn("New order", subjects[other_order.id])

    def test_mail_says_what_its_template_compiled_would_say(self):
        """What is looked up is as if it was compiled, in the language of each dealership."""
        self.env["res.lang"]._activate_lang("fr_FR")
        template = self.env.ref(notify.MAIL_TEMPLATE)
        french = template.with_context(lang="fr_FR")
        french.body_html = template.body_html.replace("Hello", "Bonjour")
        other = self._create_dealership("OTHER")
        other.write({"lang": "fr_FR", "name": "Garage <Ouest> & Fils", "manager_name": False})
        leads = self._create_leads(2) | self._create_leads(2, dealership_id=other.id)
        orders = self._win(leads)
        orders.write({"state": "sent", "remote_id": 7})
        self.assertEqual(orders._queue_mails(), orders)
        mails = self.env["mail.mail"].search([("model", "=", orders._name)])
        self.assertEqual(len(mails), 4)
        for mail in mails:
            order = orders.browse(mail.res_id)
            lang = order.dealership_id.lang
            self.assertEqual("Bonjour" in mail.body_html, lang == "fr_FR")
            source = html.fragment_fromstring(
                template.with_context(lang=lang).body_html, create_parent="div"
            )
            values = {"object": order.with_context(lang=lang)}
            compiled = self.env["ir.qweb"].with_context(lang=lang)._render(source, values)
            self.assertEqual(mail.body_html.split(), compiled[5:-6].split())

    def test_mail_has_its_text_once(self):
        """A copy for the chatter is kept only of e-mails that stay."""
        orders = self._win(self._create_leads(2))
        orders.write({"state": "sent", "remote_id": 7})
        template = self.env.ref(notify.MAIL_TEMPLATE)
        for kept in (False, True):
            template.auto_delete = not kept
            before = self.env["mail.mail"].search([])
            self.assertEqual(orders._queue_mails(), orders)
            mails = self.env["mail.mail"].search([]) - before
            self.assertEqual(len(mails), 2)
            for mail in mails:
                reference = orders.browse(mail.res_id).reference
                self.assertIn(reference, mail.body_html)
                self.assertEqual(reference in (mail.body or ""), kept)

    def test_mail_is_not_compiled(self):
        """It looks up what it says: faster, and whoever may edit templates may edit it."""
        template = self.env.ref(notify.MAIL_TEMPLATE)
        self.assertFalse(template._has_unsafe_expression())

    def test_mails_leave_nothing_in_memory(self):
        """Not even until Python's collector comes by: a run may send thousands."""
        orders = self._win(self._create_leads(3))
        orders.write({"state": "sent", "remote_id": 7})
        self.assertEqual(orders._queue_mails(), orders)
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        orders._queue_mails()
        left = [each for each in gc.get_objects() if type(each) is dict]
        self.assertFalse([each for each in left if "__qweb_root_values" in each])

    def test_no_manager_email(self):
        self.dealership.manager_email = False
        lead, order = self._win_one()
        with self._assert_note(lead, "no manager e-mail"):
            self._push()
        self.assertEqual(order.state, "sent")
        self.assertFalse(self.env["mail.mail"].search([("model", "=", "bpo.dealer.order")]))

    def test_broken_template_costs_the_mail_only(self):
        # where there are orders already, stock would refuse to write this
        self.patch(self.registry["mail.template"], "_check_can_be_rendered", lambda *_a, **_k: None)
        self.env.ref(notify.MAIL_TEMPLATE).body_html = '<t t-out="object.no_such_field"/>'
        lead, order = self._win_one()
        with mute_logger(NOTIFY_LOGGER), self._assert_note(lead, "could not be prepared"):
            self._push()
        self.assertEqual(order.state, "sent")

    def test_agent_is_notified_once_per_batch(self):
        leads = self._create_leads(3)
        self._win(leads)
        sent = []
        users = type(self.env["res.users"])
        with patch.object(
            users, "_bus_send", lambda user, *args, **kwargs: sent.append((user.id, *args))
        ):
            self._push()
        self.assertEqual(len(sent), 1)
        user_id, name, message = sent[0]
        self.assertEqual((user_id, name), (self.agent.id, "bpo_crm.dealer_order"))
        self.assertEqual(sorted(message["records"]["crm.lead"]), sorted(leads.ids))
        self.assertEqual(message["type"], "success")

    @contextlib.contextmanager
    def _bus(self):
        """Collect ``(user, message)`` of what open screens are told of orders."""
        sent = []

        def send(user, name, message, **_kwargs):
            if name == "bpo_crm.dealer_order":
                sent.append((user, message))

        with patch.object(type(self.env["res.users"]), "_bus_send", send):
            yield sent

    def test_who_wins_the_deal_of_somebody_else_is_told_too(self):
        lead = self._create_leads()
        self._win(lead, self.manager)
        with self._bus() as sent:
            self._push()
        self.assertEqual({user for user, _message in sent}, {self.agent, self.manager})
        for _user, message in sent:
            self.assertEqual(message["records"]["crm.lead"], lead.ids)
        with self._bus() as sent:
            self._push()
        self.assertFalse(sent)

    def test_who_retries_the_order_of_somebody_else_is_told_too(self):
        _lead, order = self._win_one()
        self.dealer.answers[order.reference] = OrderResult(
            "failed", "product_unknown", {"codes": "VH-12"}
        )
        self._push()
        order.with_user(self.manager).action_retry()
        with self._bus() as sent:
            self._push()
        self.assertEqual({user for user, _message in sent}, {self.agent, self.manager})

    def test_nobody_is_told_of_a_deal_that_is_hidden_from_them_by_now(self):
        lead, order = self._win_one()
        order.asking_user_id = self.other_agent
        self.assertFalse(lead.with_user(self.other_agent).has_access("read"))
        with self._bus() as sent:
            self._push()
        self.assertEqual([user for user, _message in sent], [self.agent])

    def test_fifty_at_a_time(self):
        with patch.object(dealer_talks, "BATCH_SIZE", 2):
            orders = self._win(self._create_leads(5))
            self._push()
        self.assertEqual([len(references) for _url, references in self.dealer.talks], [2, 2, 1])
        self.assertEqual(set(orders.mapped("state")), {"sent"})

    def test_unknown_name_is_a_success_and_filled_later(self):
        lead, order = self._win_one()
        self.dealer.answers[order.reference] = OrderResult("sent", "order_sent", remote_id=77)
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertEqual((lead.dealer_so_id, lead.dealer_so_name), (77, False))
        self.assertGreater(order.next_attempt, fields.Datetime.now(), "asked again by itself")
        self._push()
        self.assertFalse(order.remote_name, "asked again only later")
        self._make_due(order)
        self._push()
        self.assertGreater(order.next_attempt, fields.Datetime.now())
        self._make_due(order)
        self.dealer.readable[77] = {"name": "S00077", "currency": "USD"}
        self._push()
        self.assertEqual(lead.dealer_so_name, "S00077")
        self.assertFalse(order.next_attempt)
        self.assertEqual(len(self.dealer.talks), 1, "names are read, nothing is pushed")

    def test_lines_that_were_not_read_are_compared_later(self):
        _lead, order = self._win_one()
        result = OrderResult("sent", "order_sent", remote_id=77, remote_name="S00077")
        result.notes = [("lines_unreadable_now", {})]
        self.dealer.answers[order.reference] = result
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertGreater(order.next_attempt, fields.Datetime.now())

    def test_unknown_name_is_given_up_in_the_end(self):
        _lead, order = self._win_one()
        self.dealer.answers[order.reference] = OrderResult("sent", "order_sent", remote_id=77)
        self._push()
        order.sent_date = (
            fields.Datetime.now() - bpo_dealer_order_remote.LAST_LOOK_AGE - timedelta(days=1)
        )
        self._make_due(order)
        self._push()
        self.assertFalse(order.next_attempt)

    def test_taken_back_while_it_was_being_sent(self):
        """The talk goes on; a manager took the order back in the gap between two locks."""
        lead, order = self._win_one()
        original = dealer_talks.PushTalk.write_back

        def write_back(talk, env, report, order_ids=None):
            talk.browse_orders(env).write({"state": "cancelled"})
            return original(talk, env, report, order_ids)

        with (
            patch.object(dealer_talks.PushTalk, "write_back", write_back),
            self._assert_note(lead, "left Won while", "by hand"),
        ):
            self._push()
        self.assertEqual(order.state, "sent")
        self.assertTrue(order.remote_name)

    def _change_connection(self):
        """Let a manager save another address, in the middle of a talk."""
        self.dealership.odoo_url = "https://new-place.example.com"
        self.dealership.flush_recordset()

    def test_connection_changed_during_the_talk(self):
        """What the old address taught is not stamped on the new one; the order is there."""
        _lead, order = self._win_one()
        self.dealer.meanwhile = self._change_connection
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertEqual(self.dealership.odoo_url, "https://new-place.example.com")
        self.assertEqual(self.dealership.connection_state, "untested")
        self.assertFalse(self.dealership.server_version)
        self.assertFalse(self.dealership.remote_uid)

    def test_connection_changed_during_a_talk_that_fails(self):
        """That the old address is down says nothing about the new one: it is asked at once."""
        _lead, order = self._win_one()
        self.dealer.meanwhile = self._change_connection
        self.dealer.errors["https://northside.example.com"] = self._unreachable(request_sent=False)
        self._push()
        self.assertEqual(
            [url for url, _references in self.dealer.talks],
            ["https://northside.example.com", "https://new-place.example.com"],
        )
        self.assertEqual(order.state, "sent")
        self.assertFalse(self.dealership.back_off_count)
        self.assertFalse(self.dealership.next_attempt)

    def test_held_while_it_is_talked_about(self):
        """Nobody takes an order back while it is being sent, however long that lasts."""
        _lead, order = self._win_one()
        held = []

        def look():
            with self.registry.cursor() as cr:
                # the tests' cursors share one transaction: look at the locks themselves
                cr.execute(
                    """SELECT count(*) FROM pg_locks
                        WHERE locktype = 'advisory' AND objid = %s AND pid = pg_backend_pid()""",
                    [self.dealership.id],
                )
                held.extend(cr.fetchone())

        self.dealer.meanwhile = look
        self._push()
        self.assertEqual(held, [1])
        self.assertEqual(order.state, "sent")

    def test_archived_dealership_waits(self):
        """Archived while a lead was being won: neither transaction saw the other."""
        _lead, order = self._win_one()
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE bpo_dealership SET active = false WHERE id = %s", [self.dealership.id]
        )
        self.dealership.invalidate_recordset()
        self._push()
        self.assertFalse(self.dealer.talks)
        self.dealership.active = True
        self._push()
        self.assertEqual(order.state, "sent")


@tagged("post_install", "-at_install")
class TestPushNow(PushCommon):
    """One dealership, by a manager, at once; the same method as for the scheduled action."""

    def _push_now(self, user=None):
        with self.enter_registry_test_mode():
            return self.dealership.with_user(user or self.manager).action_push_now()

    def test_sends_what_waits(self):
        orders = self._win(self._create_leads(3))
        self._refuse(orders[2])
        self.dealership.next_attempt = orders[0].next_attempt = fields.Datetime.now() + timedelta(1)
        action = self._push_now()
        self.assertEqual(orders.mapped("state"), ["sent", "sent", "failed"])
        self.assertEqual(
            action["params"]["message"], "Orders sent: 2, failed: 1, still waiting: 0."
        )

    def test_one_dealership_only(self):
        second = self._create_dealership("SECOND")
        _lead, order = self._win_one(dealership_id=second.id)
        self._push_now()
        self.assertEqual(order.state, "pending")
        self.assertFalse(self.dealer.talks)

    def test_dealer_is_down(self):
        _lead, order = self._win_one()
        self.dealer.errors[self.dealership.odoo_url] = self._unreachable(request_sent=False)
        action = self._push_now()
        self.assertIn("still waiting: 1", action["params"]["message"])
        self.assertEqual(len(self.dealer.talks), 1)
        self.assertTrue(self.dealership.next_attempt)
        self.assertEqual(order.state, "pending")

    def test_paused(self):
        self.dealership._pause("The key expired")
        with self.assertRaisesRegex(UserError, "Test Connection"):
            self._push_now()

    def test_managers_only(self):
        self._win_one()
        for user in (self.agent, self.supervisor):
            with self.assertRaises(UserError):
                self._push_now(user)
        self.assertFalse(self.dealer.talks)


@tagged("post_install", "-at_install")
class TestPushExactlyOnce(PushCommon):
    """Whatever dies or conflicts on our side, the dealer has one order and we know it."""

    def test_marked_and_committed_before_the_dealer_is_asked(self):
        _lead, order = self._win_one()
        seen = []
        original = dealer_talks.PushTalk.prepare

        def prepare(talk, env):
            seen.append((order.possibly_sent, order.attempt_count, bool(self.dealer.talks)))
            order.invalidate_recordset()
            return original(talk, env)

        order.invalidate_recordset()
        with patch.object(dealer_talks.PushTalk, "prepare", prepare):
            self._push()
        self.assertEqual(seen, [(True, 1, False)])

    def test_died_after_the_dealer_took_it(self):
        lead, order = self._win_one()
        with (
            patch.object(dealer_talks.PushTalk, "write_back", side_effect=SystemExit),
            # not assertRaises: it takes back what was committed
            contextlib.suppress(SystemExit),
        ):
            self._push()
        self.assertEqual(len(self.dealer.talks), 1)
        self.assertEqual(order.state, "pending")
        self.assertTrue(order.possibly_sent)
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertEqual(order.attempt_count, 2)
        self.assertEqual(len(self.dealer.talks), 2)
        self.assertEqual(len(self.dealer.orders), 1)
        self.assertEqual(lead.dealer_so_id, 1000)

    def test_conflict_while_writing_back_is_written_again(self):
        """An agent saves the lead in the same moment: the dealer is not asked again."""
        _lead, order = self._win_one()
        original = push.BpoDealerOrder._write_sent
        attempts = []

        def write_sent(orders, results):
            attempts.append(1)
            original(orders, results)
            if len(attempts) == 1:
                raise SerializationFailure

        with patch.object(push.BpoDealerOrder, "_write_sent", write_sent):
            self._push()
        self.assertEqual(len(attempts), 2)
        self.assertEqual(order.state, "sent")
        self.assertEqual(len(self.dealer.talks), 1)
        self.assertEqual(
            self.env["mail.mail"].search_count([("model", "=", "bpo.dealer.order")]), 1
        )

    def test_conflict_that_does_not_end(self):
        _lead, order = self._win_one()
        with (
            patch.object(push.BpoDealerOrder, "_write_sent", side_effect=SerializationFailure),
            self.capture_triggers(CRON) as captured,
        ):
            self._push()
        self.assertEqual(order.state, "pending")
        self.assertTrue(captured.records, "comes again soon")
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertEqual(len(self.dealer.orders), 1)

    def test_held_by_a_user_is_left_for_later(self):
        _lead, order = self._win_one()
        with (
            patch.object(
                push.BpoDealerOrder, "try_lock_for_update", lambda orders, **kw: orders.browse()
            ),
        ):
            self._push()
        self.assertFalse(self.dealer.talks)
        self.assertEqual((order.state, order.possibly_sent), ("pending", False))
        self._push()
        self.assertEqual(order.state, "sent")

    def test_dealership_held_by_a_user_is_left_for_later(self):
        _lead, order = self._win_one()
        model = type(self.dealership)
        with (
            self.capture_triggers(CRON) as captured,
            patch.object(model, "try_lock_for_update", lambda dealers, **kw: dealers.browse()),
        ):
            self._push()
        self.assertFalse(self.dealer.talks)
        self.assertEqual((order.state, order.possibly_sent), ("pending", False))
        self.assertFalse(order.attempt_count)
        self.assertTrue(captured.records)

    def test_paused_meanwhile(self):
        _lead, order = self._win_one()
        original = dealer_talks.PushTalk.prepare

        def prepare(talk, env):
            talk.browse_dealership(env).paused = True
            return original(talk, env)

        with patch.object(dealer_talks.PushTalk, "prepare", prepare):
            self._push()
        self.assertFalse(self.dealer.talks)
        self.assertEqual((order.state, order.possibly_sent), ("pending", False))


@tagged("post_install", "-at_install")
class TestPushFailed(PushCommon):
    def test_reason_activity_notification(self):
        lead, order = self._win_one()
        self._refuse(order)
        with self._assert_note(lead, "did not take the order", "TH-100"):
            self._push()
        self.assertEqual(order.state, "failed")
        self.assertIn("TH-100", order.error)
        self.assertFalse(order.possibly_sent)
        self.assertEqual(lead.activity_ids.user_id, self.agent)
        self.assertIn("TH-100", str(lead.activity_ids.note))
        self.assertEqual(lead.dealer_order_state, "failed")
        self.assertFalse(self.env["mail.mail"].search([("model", "=", "bpo.dealer.order")]))

    def test_others_of_the_batch_go_on(self):
        orders = self._win(self._create_leads(3))
        self._refuse(orders[1])
        self._push()
        self.assertEqual(orders.mapped("state"), ["sent", "failed", "sent"])
        self.assertEqual(len(self.dealer.talks), 1)

    def test_no_second_activity(self):
        lead, order = self._win_one()
        self._refuse(order)
        self._push()
        order.write({"state": "pending"})
        self._push()
        self.assertEqual(len(lead.activity_ids), 1)

    def test_activity_is_gone_when_it_is_sent(self):
        lead, order = self._win_one()
        self._refuse(order)
        self._push()
        self.dealer.answers.clear()
        order.with_user(self.agent).action_retry()
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertFalse(lead.activity_ids)

    def test_responsible(self):
        lead, order = self._win_one()
        self.assertEqual(order._get_responsible(), self.agent)
        lead.user_id = False
        lead.team_id = self.env["crm.team"].create(
            {"name": "Test Team", "user_id": self.supervisor.id}
        )
        self.assertEqual(order._get_responsible(), self.supervisor)
        lead.team_id = False
        self.assertTrue(order._get_responsible().has_group("bpo_crm.group_manager"))

    def test_earlier_doubt_outlives_a_refusal(self):
        """An earlier attempt timed out: that the dealer refuses now does not tell about then."""
        _lead, order = self._win_one()
        order.possibly_sent = True
        self._refuse(order)
        self._push()
        self.assertEqual(order.state, "failed")
        self.assertTrue(order.possibly_sent)

    def test_retry_later(self):
        _lead, order = self._win_one()
        self._refuse(order, "retry")
        with self.capture_triggers(CRON) as captured:
            self._push()
        self.assertEqual(order.state, "pending")
        self.assertTrue(order.error)
        self.assertGreater(order.next_attempt, fields.Datetime.now())
        self.assertEqual(captured.records.mapped("call_at"), [order.next_attempt])
        self._push()
        self.assertEqual(len(self.dealer.talks), 1)
        self.dealer.answers.clear()
        self._make_due(order)
        self._push()
        self.assertEqual(order.state, "sent")

    def test_out_of_time_goes_on_at_once(self):
        """The scheduler gives a run ten seconds, and looks again a minute later unless woken."""
        _lead, order = self._win_one()
        with (
            patch.object(type(self.env["ir.cron"]), "_commit_progress", return_value=0),
            patch.object(dealer_push, "LONGEST_RUN", 0),
            self.capture_triggers(CRON) as captured,
        ):
            self._push()
        self.assertFalse(self.dealer.talks)
        self.assertEqual(len(captured.records), 1)
        self.assertLessEqual(captured.records.call_at, fields.Datetime.now())
        with self.capture_triggers(CRON) as captured:
            self._push()
        self.assertEqual(order.state, "sent")
        self.assertFalse(captured.records)


@tagged("post_install", "-at_install")
class TestPushDealerDown(PushCommon):
    """The rows of section 4.2 that concern the dealership as a whole."""

    def test_backs_off_longer_and_longer(self):
        _lead, order = self._win_one()
        self.dealer.errors[self.dealership.odoo_url] = self._unreachable(request_sent=False)
        for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
            before = fields.Datetime.now()
            with self.capture_triggers(CRON) as captured:
                self._push()
            delay = self.dealership.next_attempt - before
            self.assertGreater(delay, timedelta(minutes=minutes * 0.79))
            self.assertLess(delay, timedelta(minutes=minutes * 1.21 + 0.1))
            self.assertEqual(captured.records.mapped("call_at"), [self.dealership.next_attempt])
            self._make_due(self.dealership)
        self.assertEqual(order.state, "pending")
        self.assertEqual(self.dealership.connection_state, "failed")
        self.assertFalse(self.dealership.paused)
        self.dealer.errors.clear()
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertEqual(self.dealership.back_off_count, 0)
        self.assertFalse(self.dealership.next_attempt)
        self.assertFalse(self.dealership.last_message)

    def test_not_asked_while_it_backs_off(self):
        self._win_one()
        self.dealer.errors[self.dealership.odoo_url] = self._unreachable(request_sent=False)
        self._push()
        self._push()
        self.assertEqual(len(self.dealer.talks), 1)

    def test_one_failed_talk_is_enough(self):
        """The next batch does not go to a dealer that has just failed."""
        with patch.object(dealer_talks, "BATCH_SIZE", 1):
            orders = self._win(self._create_leads(3))
            self.dealer.errors[self.dealership.odoo_url] = self._unreachable(request_sent=True)
            self._push()
        self.assertEqual(len(self.dealer.talks), 1)
        self.assertEqual(orders.mapped("possibly_sent").count(True), 1)

    def test_doubt_after_a_timeout_certainty_after_a_refused_connection(self):
        _lead, order = self._win_one()
        error = self.dealer.errors
        error[self.dealership.odoo_url] = self._unreachable(request_sent=False)
        self._push()
        self.assertFalse(order.possibly_sent)
        error[self.dealership.odoo_url] = self._unreachable(request_sent=True)
        self._make_due(self.dealership)
        self._push()
        self.assertTrue(order.possibly_sent)
        error[self.dealership.odoo_url] = self._unreachable(request_sent=False)
        self._make_due(self.dealership)
        self._push()
        self.assertTrue(order.possibly_sent, "the earlier doubt remains")

    def test_agents_read_no_address(self):
        _lead, order = self._win_one()
        self.dealer.errors[self.dealership.odoo_url] = self._unreachable(request_sent=True)
        self._push()
        self.assertTrue(order.error)
        self.assertNotIn("secret.host", order.error)
        self.assertIn("secret.host", self.dealership.last_message)

    def test_pauses_with_one_activity(self):
        self._win(self._create_leads(3))
        self.dealer.errors[self.dealership.odoo_url] = DealerAccessRefused("login_refused")
        self._push()
        self.assertTrue(self.dealership.paused)
        self.assertIn("login", self.dealership.last_message)
        self.assertEqual(len(self.dealership.activity_ids), 1)
        self.assertTrue(self.dealership.activity_ids.user_id.has_group("bpo_crm.group_manager"))
        orders = self.dealership.order_ids
        self.assertEqual(set(orders.mapped("state")), {"pending"})
        self.assertEqual(set(orders.mapped("possibly_sent")), {False})
        self._win_one()
        self._push()
        self.assertEqual(len(self.dealer.talks), 1, "nothing goes out while paused")
        self.dealership._pause("again")
        self.assertEqual(len(self.dealership.activity_ids), 1)

    def test_resumes(self):
        _lead, order = self._win_one()
        self.dealership._pause("The key expired")
        with self.capture_triggers(CRON) as captured:
            self.dealership._resume()
        self.assertFalse(self.dealership.paused)
        self.assertFalse(self.dealership.activity_ids)
        self.assertTrue(captured.records)
        self._push()
        self.assertEqual(order.state, "sent")

    def test_others_go_on(self):
        second, third = self._create_dealership("SECOND"), self._create_dealership("THIRD")
        orders = {
            dealership: self._win(self._create_leads(dealership_id=dealership.id))
            for dealership in (self.dealership, second, third)
        }
        self.dealer.errors[self.dealership.odoo_url] = self._unreachable(request_sent=True)
        self.dealer.errors[second.odoo_url] = ValueError("Bearer not-a-real-key")
        with self.assertLogs(PUSH_LOGGER, "ERROR") as logs:
            self._push()
        self.assertEqual(orders[third].state, "sent")
        self.assertEqual(orders[second].state, "pending")
        self.assertTrue(orders[second].possibly_sent)
        self.assertTrue(second.next_attempt)
        self.assertIn("ValueError", logs.output[0])
        self.assertNotIn("not-a-real-key", "".join(logs.output))

    def test_error_in_our_own_code_backs_off(self):
        order = self._win(self._create_leads(2))[0]
        with (
            patch.object(push.BpoDealerOrder, "_write_sent", side_effect=KeyError("bug")),
            self.assertLogs(PUSH_LOGGER, "ERROR"),
        ):
            self._push()
        self.assertEqual(order.state, "pending")
        self.assertTrue(order.possibly_sent)
        self.assertTrue(self.dealership.next_attempt)

    def test_longest_waiting_dealer_first(self):
        second = self._create_dealership("SECOND")
        for dealership in (self.dealership, second):
            self._win(self._create_leads(dealership_id=dealership.id))
        self.dealership.last_push = fields.Datetime.now()
        second.last_push = fields.Datetime.now() - timedelta(days=1)
        with patch.object(dealer_push, "MAX_TALKS", 1):
            self._push()
        self.assertEqual(
            [url for url, _references in self.dealer.talks],
            [second.odoo_url, self.dealership.odoo_url],
        )

    def test_dealer_never_talked_with_first(self):
        second, new = self._create_dealership("SECOND"), self._create_dealership("NEW")
        for dealership in (self.dealership, second, new):
            self._win(self._create_leads(dealership_id=dealership.id))
        self.dealership.last_push = fields.Datetime.now()
        second.last_push = fields.Datetime.now() - timedelta(days=1)
        orders = self.env["bpo.dealer.order"].sudo()
        wanted = [new.id, second.id, self.dealership.id]
        self.env.flush_all()
        self.env.invalidate_all()
        # what they are sorted by is not read
        with self.assertQueryCount(1):
            self.assertEqual(orders._get_due_dealership_ids([]), wanted)
        self.assertEqual(orders._get_due_dealership_ids([new.id], limit=1), [second.id])

    def test_names_wait_when_the_dealer_is_down(self):
        _lead, order = self._win_one()
        self.dealer.answers[order.reference] = OrderResult("sent", "order_sent", remote_id=77)
        self._push()
        self.dealer.errors[self.dealership.odoo_url] = self._unreachable(request_sent=True)
        self._make_due(order)
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertFalse(order.possibly_sent)
        self.assertGreater(order.next_attempt, fields.Datetime.now())


@tagged("post_install", "-at_install")
class TestRun(PushCommon):
    """When talks begin, and when they have to be over."""

    def _make_run(self, **values):
        run = dealer_push.DealerPush(self.env)
        for name, value in values.items():
            setattr(run, name, value)
        return run

    def test_new_talks_while_a_slow_dealer_is_waited_for(self):
        slow, quick = Future(), Future()
        run = self._make_run(in_time=True)
        self.assertTrue(run._may_start({slow: 1}))
        run.in_time = False
        self.assertTrue(run._may_start({slow: 1}), "it is waited for anyway")
        self.assertTrue(run._may_start({slow: 1, quick: 2}))
        self.assertFalse(run._may_start({quick: 2}), "what began late makes the run no longer")

    def test_goes_on_while_no_other_action_is_due(self):
        """The scheduler has its seconds for the sake of others; they have their turn."""
        own, other = {"id": 1}, {"id": 2}
        run = self._make_run()
        run.env = self.env(context={"cron_id": 1})
        for due, seconds, left, goes_on in (
            ([own, other], 9, 3.0, True),
            ([own], 11, 0, True),
            ([own, other], 11, 0, False),
            ([own], 31, 0, False),
        ):
            with (
                self.subTest(due=due, seconds=seconds),
                patch.object(
                    type(self.env["ir.cron"]), "_get_all_ready_jobs", Mock(return_value=due)
                ),
            ):
                run.began = time.monotonic() - seconds
                self.assertEqual(run._has_time(left), goes_on)

    def test_ends_before_odoo_kills_it(self):
        for limits, seconds in (
            ({"limit_time_real_cron": 100, "limit_time_real": 120}, 75),
            ({"limit_time_real_cron": -1, "limit_time_real": 120}, 90),
            ({"limit_time_real_cron": 0, "limit_time_real": 120}, float("inf")),
        ):
            with self.subTest(**limits), patch.dict(config.options, limits):
                self.assertEqual(dealer_push.get_run_seconds(), seconds)

    def test_a_talk_fits_the_time_that_is_left(self):
        settings = self.dealership._get_connection_settings(seconds=12.0)
        self.assertEqual(settings.session_timeout, 12.0)
        self.assertEqual(self.dealership._get_connection_settings().session_timeout, 75.0)

    def test_no_talk_begins_at_the_very_end(self):
        self._win_one()
        with (
            # that a run did nothing is what the scheduler warns of
            mute_logger("odoo.addons.base.models.ir_cron"),
            patch.object(dealer_push, "get_run_seconds", return_value=1.0),
        ):
            self._push()
        self.assertFalse(self.dealer.talks)
        self._push()
        self.assertEqual(len(self.dealer.talks), 1)
