# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import re
from unittest.mock import patch

from odoo.tests import new_test_user, tagged

from odoo.addons.bpo_crm.models.lead import crm_lead_tracking as tracking

from .common import BpoCrmCommon

# What no two messages have in common, and what is compared in another way.
OWN = frozenset(
    (
        *("id", "create_date", "write_date", "date", "message_id", "res_id", "record_name"),
        *("mail_message_id", "mail_mail_id", "mail_mail_id_int", "parent_id", "access_token"),
        *("tracking_value_ids", "notification_ids", "child_ids", "mail_ids", "references"),
        *("read_date", "display_name", "headers"),
    )
)


@tagged("post_install", "-at_install")
class TestLeadTracking(BpoCrmCommon):
    """What chatter says of leads that change together is what stock would post one by one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # one company with addresses for answers, one team with an alias
        cls.env.company.alias_domain_id = cls.env["mail.alias.domain"].create(
            {"name": "answers.example.com"}
        )
        cls.team = cls.env["crm.team"].create({"name": "Vans", "alias_name": "vans"})
        cls.subtypes = cls.env["mail.message.subtype"].search([("res_model", "=", "crm.lead")])
        cls.inbox = new_test_user(cls.env, "bpo_inbox", notification_type="inbox")
        cls.email = new_test_user(cls.env, "bpo_email", email="follower@example.com")
        cls.customer = cls.env["res.partner"].create(
            {"name": "Jo Customer", "email": "jo.customer@example.com"}
        )

    def _prepare(self):
        """Return leads that differ in what their messages depend on."""
        leads = self._create_leads(6)
        leads[1].team_id = self.team
        leads[2].message_subscribe(self.inbox.partner_id.ids, self.subtypes.ids)
        leads[3].message_subscribe(
            (self.email.partner_id + self.customer + self.supervisor.partner_id).ids,
            self.subtypes.ids,
        )
        leads[3].partner_id = self.customer
        leads[4].write({"team_id": False, "partner_id": self.customer.id})
        leads[4].message_post(body="A customer's question", message_type="comment")
        leads[4]._message_log(body="A note after it")
        leads[5].company_id = False
        self._flush()
        return leads

    def _as_supervisor(self, leads):
        """Return leads whose changes are tracked, other than in most tests."""
        return leads.with_env(self.env(user=self.supervisor.id, context={"lang": "en_US"}))

    def _flush(self):
        self.env.flush_all()
        self.cr.flush()

    def _look(self, records, links=()):
        """Return all that is stored of records, but what is their own."""
        names = [
            name
            for name, field in records._fields.items()
            if field.store and name not in OWN and name not in links
        ]
        return [
            {
                name: re.sub(r"\d+|token=[^\"&]*", "#", value) if "body" in name else value
                for name, value in values.items()
                if name not in OWN
            }
            for values in records.sorted("id").read(names, load=None)
        ]

    def _get_chatter(self, lead):
        """Return all that chatter has of a lead, whom it has told, and how."""
        messages = lead.sudo().message_ids.sorted("id")
        positions = {message.id: number for number, message in enumerate(messages)}
        mails = self.env["mail.mail"].search([("mail_message_id", "in", messages.ids)])
        return {
            "messages": self._look(messages),
            "parents": [positions.get(message.parent_id.id) for message in messages],
            "changes": [self._look(message.tracking_value_ids) for message in messages],
            "notified": [
                sorted(self._look(message.notification_ids), key=repr) for message in messages
            ],
            "mails": sorted(
                (
                    sorted(mail.recipient_ids.ids),
                    mail.email_from,
                    mail.reply_to,
                    mail.subject,
                    mail.state,
                    re.sub(r"\d+|token=[^\"&]*", "#", mail.body_html),
                )
                for mail in mails
            ),
            "followers": sorted(lead.message_partner_ids.ids),
        }

    def _get_bus(self, last):
        rows = self.env["bus.bus"].sudo().search([("id", ">", last)])
        return sorted((row.channel, row.message.split('"')[3]) for row in rows)

    def _see(self, change, together):
        """Return chatter of new leads after a change of them all, and what the bus has got."""
        leads = self._prepare()
        last = self.env["bus.bus"].sudo().search([], order="id desc", limit=1).id
        with patch.object(tracking, "KNOWN_CODE", tracking.KNOWN_CODE if together else ()):
            change(self._as_supervisor(leads))
            self._flush()
        return [self._get_chatter(lead) for lead in leads], self._get_bus(last)

    def _assert_same(self, change, posted=6):
        """A change of many leads says what stock would say, and does so together."""
        create = tracking.CrmLead._post_together
        batches = []

        def count(leads, posts):
            batches.append(len(posts))
            return create(leads, posts)

        expected, expected_bus = self._see(change, together=False)
        with patch.object(tracking.CrmLead, "_post_together", count):
            chatter, bus = self._see(change, together=True)
        self.assertEqual(sum(batches), posted, "messages that were posted together")
        for lead, expected_lead in zip(chatter, expected, strict=True):
            for what, value in lead.items():
                self.assertEqual(value, expected_lead[what], what)
        self.assertEqual(bus, expected_bus)

    def test_won(self):
        self._assert_same(lambda leads: leads.write({"stage_id": self.stage_sold.id}))
        # the test sees something: followers by mail and in the inbox
        message = self.env["mail.mail"].search([], limit=1, order="id desc").mail_message_id
        self.assertEqual(message.notified_partner_ids, self.customer | self.email.partner_id)

    def test_won_by_button(self):
        self._assert_same(lambda leads: leads.action_set_won())

    def test_moved_and_taken_back(self):
        def move(leads):
            leads.write({"stage_id": self.stage_offer.id})
            self._flush()
            leads.write({"stage_id": self.stage_inbox.id})

        self._assert_same(move, posted=12)

    def test_lost_and_restored(self):
        def lose(leads):
            leads.write({"stage_id": self.stage_gone.id, "lost_reason_id": self.reason.id})
            self._flush()
            leads.write({"stage_id": self.stage_inbox.id})

        self._assert_same(lose, posted=12)

    def test_changes_that_nobody_follows(self):
        self._assert_same(lambda leads: leads.write({"name": "Two hatchbacks"}), posted=0)

    def test_some_have_a_subtype_and_some_have_none(self):
        def change(leads):
            leads.write({"name": "Two hatchbacks"})
            leads[:3].write({"stage_id": self.stage_offer.id})

        self._assert_same(change, posted=3)

    def test_author_and_text_that_were_set(self):
        def change(leads):
            leads[:2].sudo()._track_set_author(self.customer)
            leads[1:4].sudo()._track_set_log_message("Asked for by phone")
            leads.write({"stage_id": self.stage_offer.id})

        self._assert_same(change)

    def test_lead_that_is_gone(self):
        def change(leads):
            leads.sudo()[:2].write({"stage_id": self.stage_offer.id})
            self.env["crm.lead"].flush_model()
            leads[2:].write({"stage_id": self.stage_offer.id})
            self.cr.precommit.data["mail.tracking.crm.lead"][0] = {"name": "Never there"}

        self._assert_same(change)

    def test_queries_do_not_grow(self):
        """But by the one look of stock whether the subtype exists."""

        def count(number):
            leads = self._as_supervisor(self._create_leads(number))
            self._flush()
            leads.write({"stage_id": self.stage_offer.id})
            self.env.flush_all()
            before = self.cr.sql_log_count
            self.cr.flush()
            return self.cr.sql_log_count - before

        count(2)
        self.assertLessEqual(count(32) - count(2), 30)

    def test_other_addon_hears_of_each_message(self):
        """What stock's hook after a message gets, it gets."""
        heard = []
        Lead = self.env.registry["crm.lead"]
        original = Lead._message_post_after_hook

        def after_hook(lead, message, values):
            heard.append((message.res_id, values["res_id"], len(values["tracking_value_ids"])))
            return original(lead, message, values)

        leads = self._as_supervisor(self._create_leads(3))
        self._flush()
        with patch.object(Lead, "_message_post_after_hook", after_hook):
            leads.write({"stage_id": self.stage_offer.id})
            self._flush()
        self.assertEqual(heard, [(lead.id, lead.id, 1) for lead in leads])

    def test_other_addon_posts_one_by_one(self):
        """An addon that has a say in a message gets to say it."""
        posted = []
        Lead = self.env.registry["crm.lead"]
        original = Lead.message_post

        def message_post(lead, **kwargs):
            posted.append(lead.id)
            return original(lead, **kwargs)

        leads = self._as_supervisor(self._create_leads(3))
        self._flush()
        self.assertTrue(leads._may_post_together())
        with patch.object(Lead, "message_post", message_post):
            self.assertFalse(leads._may_post_together())
            leads.write({"stage_id": self.stage_offer.id})
            self._flush()
        self.assertEqual(posted, leads.ids)
