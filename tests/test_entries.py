# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json
from datetime import datetime, timedelta

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .. import history
from ..models.stage.bpo_pipeline import ADOPTION_NOTES
from .common import BpoCrmCommon
from .service_common import ServiceCommon

START = datetime(2026, 3, 2, 9, 0)


def get_path(records):
    """Return what is written of the records, in order: (stage, from, status, outcome, place)."""
    field = "lead_id" if records._name == "crm.lead" else "request_id"
    entries = records.env["bpo.stage.entry"].sudo().search([(field, "in", records.ids)], order="id")
    return [
        (
            entry.stage_id.name,
            entry.from_stage_id.name,
            entry.closed_status,
            entry.outcome,
            entry.position,
            entry.is_first,
        )
        for entry in entries
    ]


@tagged("post_install", "-at_install")
class TestLeadEntries(BpoCrmCommon):
    """Each way in which a deal enters a stage leaves one row."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pipeline.push_orders = False
        cls.Entry = cls.env["bpo.stage.entry"]
        cls.loss = {"lost_reason_id": cls.reason.id}

    def _move(self, leads, stage, hours, **values):
        with freeze_time(START + timedelta(hours=hours)):
            leads.write({"stage_id": stage.id, **values})

    def _create(self, count=1, hours=0, **values):
        with freeze_time(START + timedelta(hours=hours)):
            return self._create_leads(count, **values)

    def test_way_through_the_stages(self):
        lead = self._create().with_user(self.agent)
        self._move(lead, self.stage_contacted, 1)
        self._move(lead, self.stage_inbox, 3)
        self._move(lead, self.stage_offer, 4)
        self._move(lead, self.stage_sold, 6)
        self.assertEqual(
            get_path(lead),
            [
                ("Inbox", False, False, "forward", 1, True),
                ("Contacted", "Inbox", False, "back", 2, True),
                ("Inbox", "Contacted", False, "forward", 3, False),
                ("Offer", "Inbox", False, "won", 4, True),
                ("Sold", "Offer", "won", False, 5, True),
            ],
        )
        entries = self.Entry.search([("lead_id", "=", lead.id)], order="id")
        self.assertEqual(
            entries.mapped("entered_date"), [START + timedelta(hours=h) for h in (0, 1, 3, 4, 6)]
        )
        self.assertEqual(
            entries.mapped("left_date"),
            [*(START + timedelta(hours=h) for h in (1, 3, 4, 6)), False],
        )
        self.assertEqual(entries[0].user_id, self.env.user)
        self.assertEqual(entries[1].user_id, self.agent)
        self.assertEqual(entries.pipeline_id, self.pipeline)
        self.assertEqual(entries.company_id, lead.company_id)

    def test_lost_and_restored(self):
        lead = self._create()
        lead.action_set_lost(lost_reason_id=self.reason.id)
        lead.action_restore()
        self.assertEqual(
            get_path(lead),
            [
                ("Inbox", False, False, "lost", 1, True),
                ("Gone", "Inbox", "lost", "reopened", 2, True),
                ("Inbox", "Gone", False, False, 3, False),
            ],
        )

    def test_created_in_a_closing_stage(self):
        lead = self._create(stage_id=self.stage_sold.id)
        self.assertEqual(get_path(lead), [("Sold", False, "won", False, 1, True)])

    def test_tracking_is_not_needed(self):
        lead = self._create().with_context(
            tracking_disable=True, mail_notrack=True, mail_create_nolog=True
        )
        lead.stage_id = self.stage_offer
        self.assertEqual(len(get_path(lead)), 2)

    def test_lead_that_is_named_twice(self):
        lead = self._create()
        self.env["crm.lead"].browse([lead.id, lead.id]).write({"stage_id": self.stage_offer.id})
        self.assertEqual(len(get_path(lead)), 2)

    def test_what_is_no_move(self):
        lead = self._create()
        lead.stage_id = self.stage_inbox
        lead.name = "Another name"
        lead.active = False
        lead.active = True
        lead.action_set_won()
        lead.action_set_won()
        self.assertEqual(
            get_path(lead),
            [
                ("Inbox", False, False, "won", 1, True),
                ("Sold", "Inbox", "won", False, 2, True),
            ],
        )

    def test_won_once_more_for_its_order_is_no_move(self):
        lead = self._create()
        lead.action_set_won()
        self.pipeline.push_orders = True
        lead.action_set_won()
        self.assertTrue(lead.dealer_order_id)
        self.assertEqual(len(get_path(lead)), 2)

    def test_change_of_pipeline(self):
        lead = self._create()
        lead.pipeline_id = self.other_pipeline
        self.assertEqual(
            get_path(lead),
            [
                ("Inbox", False, False, "elsewhere", 1, True),
                ("New", "Inbox", False, False, 2, True),
            ],
        )
        self.assertEqual(
            self.Entry.search([("lead_id", "=", lead.id)], order="id").pipeline_id,
            self.pipeline + self.other_pipeline,
        )

    def test_change_of_team_that_changes_the_stage(self):
        """Nobody asks for that move: the stage is computed."""
        vans, boats = self.env["crm.team"].create([{"name": "Vans"}, {"name": "Boats"}])
        self.pipeline.stage_ids.team_ids = vans
        self.other_pipeline.stage_ids.team_ids = boats
        kind = self.env.ref("mail.mail_activity_data_call")
        self.other_new.entry_activity_type_id = kind
        leads = self._create(2, team_id=vans.id)
        stays = self._create(team_id=vans.id, stage_id=self.stage_gone.id, **self.loss)
        (leads + stays).write({"team_id": boats.id})
        expected = [
            *[("Inbox", False, False, "elsewhere", 1, True)] * 2,
            *[("New", "Inbox", False, False, 2, True)] * 2,
        ]
        self.assertEqual(get_path(leads), expected)
        self.assertEqual(leads.activity_ids.activity_type_id, kind)
        self.assertEqual(len(get_path(stays)), 1)
        leads.write({"team_id": False})
        self.assertEqual(get_path(leads), expected)

    def test_change_of_salesperson_that_changes_the_pipeline(self):
        company = self.env["res.company"].create({"name": "Test Elsewhere"})
        self.pipeline.company_id = self.env.company
        target = self.env["bpo.pipeline"].create(
            {
                "name": "Elsewhere",
                "sequence": -1000,  # the default one there
                "company_id": company.id,
                "stage_ids": [Command.create({"name": "There"})],
            }
        )
        user = new_test_user(
            self.env,
            "entry_elsewhere",
            "bpo_crm.group_agent",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )
        self.env.user.company_ids += company
        lead = self._create(dealership_id=False).with_context(
            allowed_company_ids=(self.env.company + company).ids
        )
        lead.user_id = user
        self.env.flush_all()
        self.assertEqual(lead.pipeline_id, target)
        self.assertEqual(
            get_path(lead),
            [
                ("Inbox", False, False, "elsewhere", 1, True),
                ("There", "Inbox", False, False, 2, True),
            ],
        )

    def test_stage_that_becomes_a_closing_one(self):
        """The deals in it are won at that moment: a row of its own says so."""
        lead = self._create(stage_id=self.stage_offer.id)
        self.stage_sold.is_won = False
        self.stage_offer.is_won = True
        expected = [
            ("Offer", False, False, "won", 1, True),
            ("Offer", "Offer", "won", False, 2, False),
        ]
        self.assertEqual(get_path(lead), expected)
        self.stage_offer.is_won = False
        self.assertEqual(get_path(lead), expected, "clearing a flag rewrites no history")

    def test_move_and_archive(self):
        leads = self._create(3, stage_id=self.stage_contacted.id)
        self.env["bpo.stage.move"].create(
            {"stage_ids": self.stage_contacted.ids, "target_stage_id": self.stage_offer.id}
        ).action_move_and_archive()
        self.assertEqual(
            get_path(leads),
            [("Contacted", False, False, "forward", 1, True)] * 3
            + [("Offer", "Contacted", False, False, 2, True)] * 3,
        )

    def test_deleted_stage_leaves_the_rows(self):
        lead = self._create(stage_id=self.stage_contacted.id)
        lead.stage_id = self.stage_offer
        self.stage_contacted.unlink()
        self.env.invalidate_all()
        self.assertEqual(
            get_path(lead),
            [
                (False, False, False, "forward", 1, True),
                ("Offer", False, False, False, 2, True),
            ],
        )

    def test_merged_and_deleted_leads_take_their_rows_along(self):
        head, tail, gone = self._create(3)
        head.stage_id = self.stage_offer
        merged = (head + tail).merge_opportunity()
        self.assertEqual(merged, head)
        self.assertEqual(
            get_path(head),
            [
                ("Inbox", False, False, "forward", 1, True),
                ("Offer", "Inbox", False, False, 2, True),
            ],
        )
        ids = [tail.id, gone.id]
        gone.unlink()
        self.assertFalse(self.Entry.search([("lead_id", "in", ids)]))

    def test_company_follows_the_deal(self):
        company = self.env["res.company"].create({"name": "Test Elsewhere"})
        lead = self._create(user_id=False, team_id=False, dealership_id=False)
        lead.company_id = company
        self.assertEqual(self.Entry.search([("lead_id", "=", lead.id)]).company_id, company)

    def test_a_refused_move_leaves_no_row(self):
        lead = self._create()
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            lead.stage_id = self.stage_gone
        self.assertEqual(get_path(lead), [("Inbox", False, False, False, 1, True)])

    def test_constant_number_of_statements(self):
        """One more, created or moved, however many leads there are."""

        def count(leads, stage):
            self.env.invalidate_all()
            statements = []
            execute = type(self.env.cr).execute

            def spy(cr, query, *args, **kwargs):
                text = getattr(query, "code", query)
                if "bpo_stage_entry" in str(text):
                    statements.append(text)
                return execute(cr, query, *args, **kwargs)

            self.patch(type(self.env.cr), "execute", spy)
            leads.write({"stage_id": stage.id})
            self.env.flush_all()
            self.patch(type(self.env.cr), "execute", execute)
            return len(statements)

        few, many = self._create(2), self._create(150)
        self.assertEqual(count(few, self.stage_contacted), 1)
        self.assertEqual(count(many, self.stage_contacted), 1)
        self.assertEqual(len(get_path(many)), 300)

    @mute_logger("odoo.sql_db")
    def test_a_row_is_of_one_record(self):
        with self.assertRaises(IntegrityError), self.env.cr.savepoint():
            self.Entry.create({"stage_id": self.stage_inbox.id, "entered_date": START})

    def test_who_sees_and_writes(self):
        own, others, unclaimed = self._create(3)
        others.user_id = self.other_agent
        unclaimed.user_id = False
        leads = own + others + unclaimed
        domain = [("lead_id", "in", leads.ids)]
        seen = self.Entry.with_user(self.agent).search(domain)
        self.assertEqual(seen.lead_id, own + unclaimed)
        self.assertEqual(len(self.Entry.with_user(self.supervisor).search(domain)), 3)
        for user in (self.agent, self.supervisor, self.manager):
            with self.assertRaises(AccessError):
                seen.with_user(user).write({"left_date": START})
            with self.assertRaises(AccessError):
                seen.with_user(user).unlink()
            with self.assertRaises(AccessError):
                self.Entry.with_user(user).create({"lead_id": own.id, "entered_date": START})


@tagged("post_install", "-at_install")
class TestRequestEntries(ServiceCommon):
    """The same of service requests."""

    def test_way_through_the_stages(self):
        request = self._create_request()
        request.stage_id = self.s_wait
        request.write({"stage_id": self.s_check.id, "priority": "1"})
        request.stage_id = self.s_check
        request.service_id = self.visit
        self.assertEqual(
            get_path(request),
            [
                ("Test In", False, False, "forward", 1, True),
                ("Test Wait", "Test In", False, "back", 2, True),
                ("Test Check", "Test Wait", False, "elsewhere", 3, True),
                ("Test Work", "Test Check", False, False, 4, True),
            ],
        )
        entries = self.env["bpo.stage.entry"].search([("request_id", "=", request.id)], order="id")
        self.assertEqual(entries.service_id, self.papers + self.visit)
        self.assertEqual(entries.company_id, request.company_id)

    def test_shared_stage_of_another_service(self):
        request = self._create_request()
        request.write({"service_id": self.visit.id, "stage_id": self.s_in.id})
        self.assertEqual(
            get_path(request),
            [
                ("Test In", False, False, "elsewhere", 1, True),
                ("Test In", "Test In", False, False, 2, False),
            ],
        )

    def test_deleted_request(self):
        request = self._create_request()
        request_id = request.id
        request.unlink()
        self.assertFalse(self.env["bpo.stage.entry"].search([("request_id", "=", request_id)]))


@tagged("post_install", "-at_install")
class TestHistory(BpoCrmCommon):
    """What is built of the tracking of a database in use."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pipeline.push_orders = False
        cls.field = cls.env["ir.model.fields"]._get("crm.lead", "stage_id")
        # leads of stock's demo data have none
        cls.env.flush_all()
        history.build_history(cls.env.cr)
        cls.env["ir.config_parameter"].set_param(ADOPTION_NOTES, False)

    def _track(self, lead, hours, old, new):
        message = self.env["mail.message"].create(
            {"model": "crm.lead", "res_id": lead.id, "message_type": "notification"}
        )
        value = self.env["mail.tracking.value"].create(
            {
                "mail_message_id": message.id,
                "field_id": self.field.id,
                "old_value_integer": old,
                "new_value_integer": new,
            }
        )
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE mail_tracking_value SET create_date = %s WHERE id = %s",
            [START + timedelta(hours=hours), value.id],
        )

    def _build(self, leads, stages, last_hours):
        """Forget what is written of the leads, and build it anew."""
        self.env.flush_all()
        for lead, stage, hours in zip(leads, stages, last_hours, strict=True):
            status = stage._get_closed_status() or None
            self.env.cr.execute(
                "UPDATE crm_lead SET stage_id = %s, closed_status = %s, create_date = %s,"
                " date_last_stage_update = %s WHERE id = %s",
                [stage.id, status, START, START + timedelta(hours=hours), lead.id],
            )
        self.env.cr.execute(
            "DELETE FROM bpo_stage_entry WHERE lead_id = ANY(%s)", [list(leads.ids)]
        )
        self.env.invalidate_all()
        history.build_history(self.env.cr)
        self.env.invalidate_all()

    def _get_notes(self):
        return json.loads(self.env["ir.config_parameter"].get_param(ADOPTION_NOTES) or "[]")

    def test_whole_history(self):
        lead = self._create_leads()
        self._track(lead, 2, self.stage_inbox.id, self.stage_offer.id)
        self._track(lead, 3, self.stage_offer.id, self.stage_contacted.id)
        self._track(lead, 5, self.stage_contacted.id, self.stage_gone.id)
        self._track(lead, 6, self.stage_gone.id, self.stage_inbox.id)
        self._track(lead, 7, self.stage_inbox.id, self.stage_sold.id)
        self._build(lead, [self.stage_sold], [7])
        expected = [
            ("Inbox", False, False, "forward", 1, True),
            ("Offer", "Inbox", False, "back", 2, True),
            ("Contacted", "Offer", False, "lost", 3, True),
            ("Gone", "Contacted", "lost", "reopened", 4, True),
            ("Inbox", "Gone", False, "won", 5, False),
            ("Sold", "Inbox", "won", False, 6, True),
        ]
        self.assertEqual(get_path(lead), expected)
        entries = self.env["bpo.stage.entry"].search([("lead_id", "=", lead.id)], order="id")
        self.assertEqual(
            entries.mapped("left_date"),
            [*(START + timedelta(hours=h) for h in (2, 3, 5, 6, 7)), False],
        )
        self.assertEqual(self._get_notes(), [])
        history.build_history(self.env.cr)
        self.env.invalidate_all()
        self.assertEqual(get_path(lead), expected, "building again changes nothing")

    def test_without_any_change(self):
        lead = self._create_leads()
        self._build(lead, [self.stage_inbox], [0])
        self.assertEqual(get_path(lead), [("Inbox", False, False, False, 1, True)])
        self.assertEqual(self._get_notes(), [])

    def test_holes_are_said(self):
        untracked, ended, jumped, whole = leads = self._create_leads(4)
        self._track(ended, 2, self.stage_inbox.id, self.stage_contacted.id)
        self._track(jumped, 2, self.stage_inbox.id, self.stage_contacted.id)
        self._track(jumped, 4, self.stage_offer.id, self.stage_sold.id)
        self._track(whole, 4, self.stage_inbox.id, self.stage_offer.id)
        self._build(
            leads,
            [self.stage_offer, self.stage_offer, self.stage_sold, self.stage_offer],
            [9, 9, 4, 4],
        )
        self.assertEqual(get_path(untracked), [("Offer", False, False, False, 1, True)])
        [entry] = self.env["bpo.stage.entry"].search([("lead_id", "=", untracked.id)])
        self.assertEqual(entry.entered_date, START + timedelta(hours=9))
        self.assertEqual(
            get_path(ended),
            [
                ("Inbox", False, False, "forward", 1, True),
                ("Contacted", "Inbox", False, "forward", 2, True),
                ("Offer", "Contacted", False, False, 3, True),
            ],
        )
        self.assertEqual(
            get_path(jumped),
            [
                ("Inbox", False, False, "forward", 1, True),
                ("Contacted", "Inbox", False, "won", 2, True),
                ("Sold", "Offer", "won", False, 3, True),
            ],
        )
        [note] = self._get_notes()
        self.assertIn("of 4 deals", note)
        self.assertIn("of 3 of them", note)

    def test_stage_that_is_gone(self):
        lead = self._create_leads()
        gone = self.env["crm.stage"].create({"name": "Old", "pipeline_id": self.pipeline.id})
        self._track(lead, 2, gone.id, self.stage_offer.id)
        gone.unlink()
        self._build(lead, [self.stage_offer], [2])
        self.assertEqual(
            get_path(lead),
            [(False, False, False, "back", 1, True), ("Offer", False, False, False, 2, True)],
        )
