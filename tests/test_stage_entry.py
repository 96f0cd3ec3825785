# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Conditions of stages: what is asked for on entering, of whom, and in which words."""

from datetime import timedelta

from lxml import etree

from odoo import fields
from odoo.exceptions import ValidationError
from odoo.tests import Form, new_test_user, tagged

from ..models.lead import crm_lead_stage
from ..models.stage.bpo_staged import StageEntryIncomplete
from .common import BpoCrmCommon


class StageEntryCommon(BpoCrmCommon):
    """*Offer* asks for a contact, a tag and at least 100."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stage_offer.write(
            {
                "entry_field_ids": [
                    (6, 0, cls._get_fields("crm.lead", "contact_name", "tag_ids").ids)
                ],
                "entry_domain": "[('expected_revenue', '>=', 100)]",
                "entry_message": "Agree on at least 100",
            }
        )
        cls.tag = cls.env["crm.tag"].create({"name": "Test drive"})

    @classmethod
    def _get_fields(cls, model, *names):
        return cls.env["ir.model.fields"].concat(
            *(cls.env["ir.model.fields"]._get(model, name) for name in names)
        )

    def _create_bare_leads(self, count=1, **values):
        return self.env["crm.lead"].create(
            [
                {
                    "name": f"Deal {n}",
                    "type": "opportunity",
                    "pipeline_id": self.pipeline.id,
                    "user_id": self.agent.id,
                    **values,
                }
                for n in range(count)
            ]
        )


@tagged("post_install", "-at_install")
class TestStageEntry(StageEntryCommon):
    def test_what_is_missing_is_named_per_lead(self):
        bare, named = self._create_bare_leads(2).with_user(self.agent)
        named.contact_name = "Somebody"
        with self.assertRaises(StageEntryIncomplete) as refused, self.cr.savepoint():
            (bare + named).write({"stage_id": self.stage_offer.id})
        text = str(refused.exception)
        self.assertIn(
            "Deal 0: Contact Name is missing; Tags is missing; Agree on at least 100", text
        )
        self.assertIn("Deal 1: Tags is missing", text)
        records = refused.exception.context["records"]
        self.assertEqual(
            [(r["id"], r["stage_id"], r["fields"]) for r in records],
            [
                (bare.id, self.stage_offer.id, ["contact_name", "tag_ids", "expected_revenue"]),
                (named.id, self.stage_offer.id, ["tag_ids", "expected_revenue"]),
            ],
        )
        self.assertEqual((bare + named).stage_id, self.stage_inbox)

    def test_values_written_together_with_the_stage_count(self):
        lead = self._create_bare_leads().with_user(self.agent)
        lead.action_fill_in_and_move(
            [
                {
                    "id": lead.id,
                    "stage_id": self.stage_offer.id,
                    "values": {
                        "contact_name": "Somebody",
                        "tag_ids": [(4, self.tag.id)],
                        "expected_revenue": 100,
                    },
                }
            ]
        )
        self.assertEqual(lead.stage_id, self.stage_offer)

    def _get_fill_in_fields(self, model, names, user=None):
        """Return ``{name: node}`` of the form that asks for these fields."""
        views = (
            self.env[model]
            .with_user(user or self.agent)
            .with_context(bpo_crm_fill_in_view_ref=",".join(names))
            .get_views([(False, "form")])
        )
        arch = etree.fromstring(views["views"]["form"]["arch"])
        self.assertEqual(arch.tag, "form")
        nodes = arch.xpath("//field[not(ancestor::field)]")
        return {node.get("name"): node for node in nodes}

    def test_form_of_what_is_missing(self):
        names = ["line_ids", "contact_name", "tag_ids", "expected_revenue", "dealership_id"]
        nodes = self._get_fill_in_fields("crm.lead", names)
        self.assertEqual(
            [name for name, node in nodes.items() if node.get("invisible") is None], names
        )
        self.assertEqual(nodes["tag_ids"].get("widget"), "many2many_tags")
        self.assertTrue(nodes["line_ids"].xpath("./list[@editable]/field[@name='price_unit']"))
        self.assertIsNone(nodes["line_ids"].get("readonly"))
        self.assertIn("company_currency", nodes)

    def test_form_of_what_is_missing_is_not_the_form_of_the_next_one(self):
        self._get_fill_in_fields("crm.lead", ["contact_name"])
        self.assertNotIn("contact_name", self._get_fill_in_fields("crm.lead", ["phone"]))
        views = self.env["crm.lead"].get_views([(False, "form")])
        self.assertIn("stage_id", views["views"]["form"]["arch"])

    def test_form_of_what_is_missing_knows_fields_only(self):
        nodes = self._get_fill_in_fields("bpo.service.request", ["no_such", "deadline"])
        self.assertEqual(list(nodes), ["display_name", "deadline"])

    def test_form_of_a_loss_offers_reasons(self):
        nodes = self._get_fill_in_fields("crm.lead", ["lost_reason_id", "lost_note"])
        self.assertEqual(nodes["lost_reason_id"].get("widget"), "bpo_lost_reason")

    def test_lost_dialog_tells_what_else_is_missing(self):
        lead = self._create_bare_leads().with_user(self.agent)
        wizard = self.env["crm.lead.lost"].with_user(self.agent)
        self.assertFalse(wizard.new({"lead_ids": lead.ids}).entry_gaps)
        self.stage_gone.entry_field_ids = self._get_fields("crm.lead", "contact_name")
        gaps = wizard.new({"lead_ids": lead.ids}).entry_gaps
        self.assertEqual(
            gaps["records"],
            [
                {
                    "id": lead.id,
                    "name": "Deal 0",
                    "stage_id": self.stage_gone.id,
                    "fields": ["lost_reason_id", "lost_note", "contact_name"],
                    "problems": ["Choose why it is lost", "Contact Name is missing"],
                }
            ],
        )
        lead.contact_name = "Somebody"
        self.assertFalse(wizard.new({"lead_ids": lead.ids}).entry_gaps)

    def test_nobody_is_troubled_where_they_are(self):
        lead = self._create_bare_leads(stage_id=self.stage_contacted.id)
        self.stage_contacted.entry_field_ids = self._get_fields("crm.lead", "contact_name")
        lead.with_user(self.agent).write({"name": "Renamed", "stage_id": self.stage_contacted.id})
        self.assertEqual(lead.name, "Renamed")

    def test_creation_in_the_stage_is_refused_in_words(self):
        with self.assertRaises(ValidationError) as refused, self.cr.savepoint():
            self.env["crm.lead"].with_user(self.agent).create(
                {"name": "Deal", "pipeline_id": self.pipeline.id, "stage_id": self.stage_offer.id}
            )
        self.assertNotIsInstance(refused.exception, StageEntryIncomplete)
        self.assertIn("Contact Name is missing", str(refused.exception))

    # -- who is asked, by every way in --

    def _assert_stopped(self, records, values, text="Contact Name is missing"):
        with self.assertRaisesRegex(ValidationError, text), self.cr.savepoint():
            records.write(values)
        records.invalidate_recordset()

    def test_every_role_is_asked(self):
        for user in (self.agent, self.supervisor, self.manager, self._create_salesman()):
            with self.subTest(user=user.login):
                lead = self._create_bare_leads(user_id=user.id).with_user(user)
                self._assert_stopped(lead, {"stage_id": self.stage_offer.id})
                lead.write(self._prepare_complete(stage_id=self.stage_offer.id))
                self.assertEqual(lead.stage_id, self.stage_offer)

    def _create_salesman(self):
        return new_test_user(self.env, "stock_salesman", "sales_team.group_sale_salesman")

    def _prepare_complete(self, **values):
        return {
            "contact_name": "Somebody",
            "tag_ids": [(4, self.tag.id)],
            "expected_revenue": 100,
            **values,
        }

    def test_form_and_creation_in_place(self):
        leads = self.env["crm.lead"].with_user(self.agent)
        lead = self._create_bare_leads().with_user(self.agent)
        form = Form(lead)
        form.stage_id = self.stage_offer
        with self.assertRaises(StageEntryIncomplete), self.cr.savepoint():
            form.save()
        with self.assertRaises(ValidationError), self.cr.savepoint():
            leads.with_context(default_stage_id=self.stage_offer.id).name_create("Quick")

    def test_import_is_refused_row_by_row(self):
        rows = [
            ["Imported 1", "Vehicles", "Offer", "Somebody", "Test drive", "100"],
            ["Imported 2", "Vehicles", "Offer", "", "Test drive", "100"],
        ]
        names = ["name", "pipeline_id", "stage_id", "contact_name", "tag_ids", "expected_revenue"]
        result = self.env["crm.lead"].with_user(self.agent).load(names, rows)
        self.assertFalse(result["ids"])
        self.assertIn("Contact Name is missing", result["messages"][0]["message"])
        self.assertTrue(self.env["crm.lead"].with_user(self.agent).load(names, rows[:1])["ids"])

    def test_automation_is_refused(self):
        lead = self._create_bare_leads()
        action = self.env["ir.actions.server"].create(
            {
                "name": "Test",
                "model_id": self.env["ir.model"]._get_id("crm.lead"),
                "state": "code",
                "code": f"record.write({{'stage_id': {self.stage_offer.id}}})",
            }
        )
        with self.assertRaises(StageEntryIncomplete), self.cr.savepoint():
            action.with_context(active_model="crm.lead", active_id=lead.id).sudo().run()
        self.assertEqual(lead.stage_id, self.stage_inbox)

    def test_change_of_pipeline_enters_its_first_stage(self):
        self.other_new.entry_field_ids = self._get_fields("crm.lead", "phone")
        lead = self._create_bare_leads().with_user(self.agent)
        self._assert_stopped(lead, {"pipeline_id": self.other_pipeline.id}, "Phone is missing")

    # -- who is never turned away --

    def _ask_in_first_stage(self):
        self.stage_inbox.entry_field_ids = self._get_fields("crm.lead", "phone")

    def test_first_stage_asks_those_who_create_there(self):
        self._ask_in_first_stage()
        for stage in (False, self.stage_inbox.id):
            with self.assertRaisesRegex(ValidationError, "Phone"), self.cr.savepoint():
                self.env["crm.lead"].with_user(self.agent).create(
                    {"name": "By hand", "pipeline_id": self.pipeline.id, "stage_id": stage}
                )

    def test_mail_comes_in_whoever_wrote_it(self):
        self._ask_in_first_stage()
        alias = self.env["mail.alias"].create(
            {
                "alias_name": "test-sales-in",
                "alias_model_id": self.env["ir.model"]._get_id("crm.lead"),
                "alias_defaults": f"{{'pipeline_id': {self.pipeline.id}, 'type': 'opportunity'}}",
            }
        )
        self.env["mail.alias.domain"].search([]).unlink()
        domain = self.env["mail.alias.domain"].create({"name": "test.example.com"})
        alias.alias_domain_id = domain
        for sender in ("someone@example.com", self.agent.email or "bpo_agent@example.com"):
            mail = (
                f"From: {sender}\nTo: test-sales-in@test.example.com\nSubject: Red one?\n"
                f"Message-Id: <{sender}.1@example.com>\nMIME-Version: 1.0\n"
                "Content-Type: text/plain\n\nDo you have it in red?"
            )
            lead_id = self.env["mail.thread"].message_process(None, mail)
            lead = self.env["crm.lead"].browse(lead_id)
            self.assertEqual(lead.stage_id, self.stage_inbox)
            self.assertEqual(lead.entry_missing, "Phone is missing")

    def test_a_conversation_comes_in(self):
        """As by ``/lead`` in stock's livechat, whose field is another one's here."""
        self.stage_inbox.entry_field_ids = self._get_fields("crm.lead", "date_deadline")
        partner = self.env["res.partner"].create({"name": "A visitor"})
        leads = self.env["crm.lead"].with_user(self.agent)
        vals = {"name": "A boat", "partner_id": partner.id, "pipeline_id": self.pipeline.id}
        with self.assertRaises(ValidationError), self.cr.savepoint():
            leads.create(vals)
        self.patch(crm_lead_stage, "CONVERSATION", "partner_id")
        lead = leads.create({**vals, "user_id": False})
        self.assertEqual(lead.stage_id, self.stage_inbox)
        self.assertEqual(lead.entry_missing, "Expected Closing is missing")
        for values in ({"stage_id": self.stage_offer.id}, {"partner_id": False}):
            with self.assertRaises(ValidationError), self.cr.savepoint():
                leads.create({**vals, **values})
        with self.assertRaises(ValidationError), self.cr.savepoint():
            lead.stage_id = self.stage_offer

    def test_website_form_comes_in(self):
        # as website's controller creates: as the superuser
        self._ask_in_first_stage()
        lead = (
            self.env["crm.lead"]
            .with_user(self.env.ref("base.user_root"))
            .create({"name": "From the website", "pipeline_id": self.pipeline.id})
        )
        self.assertEqual(lead.entry_missing, "Phone is missing")
        lead.phone = "+49 30 901820"
        lead.invalidate_recordset()
        self.assertFalse(lead.entry_missing)

    def test_missing_is_of_open_leads(self):
        lead = self._create_leads(stage_id=self.stage_contacted.id)
        lead.stage_id = self.stage_sold
        self.stage_sold.entry_field_ids = self._get_fields("crm.lead", "partner_name")
        self.assertFalse(lead.entry_missing)

    # -- managers may pass --

    def test_a_manager_may_pass_and_chatter_says_so(self):
        leads = self._create_bare_leads(2).with_user(self.manager)
        with self.assertRaises(StageEntryIncomplete) as refused, self.cr.savepoint():
            leads.write({"stage_id": self.stage_offer.id})
        self.assertIs(refused.exception.context["may_pass"], True)
        passing = leads.with_context(bpo_crm_pass_conditions=True)
        passing.write({"stage_id": self.stage_offer.id})
        for lead in leads:
            texts = [
                message.body
                for message in lead.message_ids
                if "past its conditions" in message.body
            ]
            self.assertEqual(len(texts), 1)
            self.assertIn("Contact Name is missing", texts[0])

    def test_the_key_opens_nothing_to_others(self):
        for user in (self.agent, self.supervisor):
            lead = self._create_bare_leads(user_id=user.id).with_user(user)
            with self.assertRaises(StageEntryIncomplete) as refused, self.cr.savepoint():
                lead.with_context(bpo_crm_pass_conditions=True).write(
                    {"stage_id": self.stage_offer.id}
                )
            self.assertNotIn("may_pass", refused.exception.context)

    def test_a_manager_does_not_pass_what_the_dealer_needs(self):
        self.stage_sold.entry_field_ids = self._get_fields("crm.lead", "partner_name")
        lead = self._create_bare_leads().with_user(self.manager)
        with self.assertRaises(StageEntryIncomplete) as refused, self.cr.savepoint():
            lead.with_context(bpo_crm_pass_conditions=True).action_set_won()
        self.assertNotIn("may_pass", refused.exception.context)
        self.assertNotIn("Company Name", str(refused.exception))

    # -- won and lost --

    def test_won_lists_conditions_and_what_the_dealer_needs_together(self):
        self.stage_sold.entry_field_ids = self._get_fields("crm.lead", "partner_name", "line_ids")
        lead = self._create_bare_leads().with_user(self.agent)
        with self.assertRaises(StageEntryIncomplete) as refused, self.cr.savepoint():
            lead.action_set_won()
        text = str(refused.exception)
        for part in ("Company Name is missing", "no dealership is chosen", "no units are entered"):
            self.assertIn(part, text)
        names = refused.exception.context["records"][0]["fields"]
        self.assertLessEqual({"partner_name", "line_ids", "dealership_id"}, set(names))
        self.assertEqual(len(names), len(set(names)))

    def test_lost_asks_for_the_reason_together_with_the_conditions(self):
        self.stage_gone.entry_field_ids = self._get_fields("crm.lead", "partner_name")
        lead = self._create_bare_leads().with_user(self.agent)
        with self.assertRaises(StageEntryIncomplete) as refused, self.cr.savepoint():
            lead.write({"stage_id": self.stage_gone.id})
        self.assertEqual(
            refused.exception.context["records"][0]["fields"],
            ["lost_reason_id", "lost_note", "partner_name"],
        )
        with self.assertRaisesRegex(ValidationError, "Company Name"), self.cr.savepoint():
            lead.action_set_lost(lost_reason_id=self.reason.id)
        lead.action_set_lost(lost_reason_id=self.reason.id, partner_name="A company")
        self.assertEqual(lead.won_status, "lost")

    def test_a_closed_lead_is_taken_back_unasked(self):
        lead = self._create_bare_leads(stage_id=self.stage_contacted.id).with_user(self.agent)
        lead.action_set_lost(lost_reason_id=self.reason.id)
        self.stage_contacted.entry_field_ids = self._get_fields("crm.lead", "phone")
        self.stage_contacted.entry_activity_type_id = self.env.ref("mail.mail_activity_data_call")
        lead.action_restore()
        self.assertEqual(lead.stage_id, self.stage_contacted)
        self.assertFalse(lead.activity_ids)

    def test_move_and_archive_passes(self):
        lead = self._create_bare_leads(stage_id=self.stage_contacted.id)
        self.env["bpo.stage.move"].with_user(self.manager).create(
            {
                "stage_ids": [(6, 0, self.stage_contacted.ids)],
                "target_stage_id": self.stage_offer.id,
            }
        ).action_move_and_archive()
        self.assertEqual(lead.stage_id, self.stage_offer)

    # -- what to do here, on entering --

    def test_what_to_do_here_has_a_page_of_its_own(self):
        view = self.env["crm.stage"].with_user(self.manager).get_view(view_type="form")
        [field] = etree.fromstring(view["arch"]).iterfind(".//field[@name='requirements']")
        self.assertEqual(field.getparent().get("name"), "requirements")

    def test_what_to_do_here_is_on_the_record(self):
        self.stage_inbox.requirements = "Call within an hour"
        lead = self._create_bare_leads().with_user(self.agent)
        self.assertEqual(lead.stage_requirements, "Call within an hour")

    def test_an_activity_is_scheduled_on_entering(self):
        kind = self.env.ref("mail.mail_activity_data_call")
        self.stage_contacted.write({"entry_activity_type_id": kind.id, "entry_activity_days": 3})
        leads = self._create_bare_leads(2).with_user(self.supervisor)
        leads[1].user_id = False
        leads.write({"stage_id": self.stage_contacted.id})
        activities = leads.activity_ids
        self.assertEqual(activities.activity_type_id, kind)
        self.assertEqual(
            {activity.res_id: activity.user_id for activity in activities},
            {leads[0].id: self.agent, leads[1].id: self.supervisor},
        )
        self.assertEqual(
            set(activities.mapped("date_deadline")), {fields.Date.today() + timedelta(days=3)}
        )
        leads.write({"stage_id": self.stage_inbox.id})
        leads.write({"stage_id": self.stage_contacted.id})
        self.assertEqual(len(leads.activity_ids), 2)
        leads.activity_ids.action_feedback()
        leads.write({"stage_id": self.stage_inbox.id})
        leads.write({"stage_id": self.stage_contacted.id})
        self.assertEqual(len(leads.activity_ids), 2)

    def test_who_gives_a_lead_away_schedules_for_its_new_owner(self):
        self.stage_contacted.entry_activity_type_id = self.env.ref("mail.mail_activity_data_call")
        lead = self._create_bare_leads().with_user(self.agent)
        lead.write({"stage_id": self.stage_contacted.id, "user_id": self.other_agent.id})
        self.assertEqual(lead.sudo().activity_ids.user_id, self.other_agent)

    def test_nothing_is_scheduled_for_imports(self):
        self.stage_contacted.entry_activity_type_id = self.env.ref("mail.mail_activity_data_call")
        lead = self._create_bare_leads().with_context(import_file=True)
        lead.stage_id = self.stage_contacted
        self.assertFalse(lead.activity_ids)

    # -- batches --

    def _count_queries(self, count, stage):
        leads = self._create_bare_leads(count, **self._prepare_complete()).with_user(self.agent)
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.cr.sql_log_count
        leads.with_context(tracking_disable=True).write({"stage_id": stage.id})
        self.env.flush_all()
        return self.cr.sql_log_count - before

    def test_conditions_take_a_constant_number_of_queries(self):
        self._count_queries(5, self.stage_offer)
        self.assertEqual(
            self._count_queries(5, self.stage_offer), self._count_queries(50, self.stage_offer)
        )
        self.stage_offer.record_limit = 10000
        self.stage_offer.limit_strict = True
        self._count_queries(5, self.stage_offer)
        self.assertEqual(
            self._count_queries(5, self.stage_offer), self._count_queries(50, self.stage_offer)
        )

    def test_conditions_cost_nothing_where_there_are_none(self):
        self._count_queries(5, self.stage_contacted)
        with_conditions = self._count_queries(5, self.stage_contacted)
        self.patch(type(self.env["crm.lead"]), "_get_problems_conditions", lambda *args: {})
        self.patch(type(self.env["crm.lead"]), "_schedule_entry_activities", lambda *args: None)
        self.assertEqual(self._count_queries(5, self.stage_contacted), with_conditions)

    def test_the_line_on_the_form_costs_nothing_where_there_are_no_conditions(self):
        lead = self._create_bare_leads(stage_id=self.stage_contacted.id).with_user(self.agent)
        counts = []
        full = ["stage_id_color", "entry_missing", "stage_requirements"]
        for names in (full, ["stage_id_color"], full):
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            lead.web_read({name: {} for name in names})
            counts.append(self.cr.sql_log_count - before)
        # the first time fills the caches
        self.assertEqual(counts[1], counts[2])
