# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a stage can ask for: fields and a condition, and what becomes of those that are gone."""

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, tagged

from .test_stage_entry import StageEntryCommon


@tagged("post_install", "-at_install")
class TestStageEntryFields(StageEntryCommon):
    def _search_fields(self, name="", stage_type="deal", **kwargs):
        fields = self.env["ir.model.fields"].with_user(self.manager)
        fields = fields.with_context(bpo_crm_entry_type=stage_type, hide_model=True)
        return fields.name_search(name, **kwargs)

    # -- choosing fields --

    def test_sensible_fields_come_first_by_their_labels(self):
        labels = [label for _id, label in self._search_fields(limit=7)]
        self.assertEqual(labels[:2], ["Contact Name", "Contact"])
        self.assertIn("Phone", labels)
        names = {
            field.name
            for field in self.env["ir.model.fields"].browse(
                id_ for id_, _label in self._search_fields(limit=None)
            )
        }
        self.assertLessEqual({"line_ids", "tag_ids", "contact_name", "dealership_id"}, names)
        internal = {"stage_id", "pipeline_id", "closed_status", "activity_ids", "message_ids"}
        self.assertFalse(names & (internal | {"id", "create_date", "won_status", "priority"}))

    def test_fields_of_requests_are_offered_for_service_stages(self):
        found = self._search_fields("deadline", "service")
        self.assertEqual([label for _id, label in found], ["Deadline"])
        self.assertFalse(self._search_fields("dealership", "service"))

    def test_only_managers_read_fields(self):
        fields = self.env["ir.model.fields"].with_user(self.manager)
        self.assertTrue(fields.search([("model", "=", "crm.lead")], limit=1).read(["name"]))
        with self.assertRaises(AccessError):
            fields.search([], limit=1).write({"help": "No"})
        for user in (self.agent, self.supervisor, self.sales_admin):
            with self.assertRaises(AccessError):
                fields.with_user(user).search([], limit=1)

    def test_manager_chooses_in_the_form(self):
        stage = self.stage_contacted.with_user(self.manager)
        with Form(stage) as form:
            form.entry_field_ids.add(self._get_fields("crm.lead", "phone"))
        self.assertEqual(stage.entry_field_ids.name, "phone")
        self.assertTrue(stage.has_conditions)

    def test_wrong_fields_are_refused_in_words(self):
        stage = self.stage_contacted.with_user(self.manager)
        for model, name in (
            ("bpo.service.request", "deadline"),
            ("crm.lead", "stage_id"),
            ("crm.lead", "dealer_so_name"),
            ("crm.lead", "create_date"),
            ("crm.lead", "activity_ids"),
            ("res.partner", "name"),
        ):
            with (
                self.subTest(name=name),
                self.assertRaisesRegex(ValidationError, "can only ask for"),
                self.cr.savepoint(),
            ):
                stage.write({"entry_field_ids": [Command.set(self._get_fields(model, name).ids)]})

    def test_conditions_do_not_outlive_the_type(self):
        stage = self.env["crm.stage"].create({"name": "Test, to be a step"})
        stage.entry_field_ids = self._get_fields("crm.lead", "phone")
        stage.entry_domain = "[('expected_revenue', '>', 1)]"
        stage.write({"stage_type": "service"})
        self.assertFalse(stage.entry_field_ids)
        self.assertFalse(stage.entry_domain)
        stage.write(
            {
                "stage_type": "deal",
                "entry_field_ids": [Command.set(self._get_fields("crm.lead", "phone").ids)],
            }
        )
        self.assertTrue(stage.has_conditions)

    # -- the condition --

    def test_a_bad_condition_is_refused_in_words(self):
        stage = self.stage_contacted.with_user(self.manager)
        for domain in (
            "[('no_such_field', '=', 1)]",
            "[('expected_revenue', 'resembles', 1)]",
            "__import__('os').system('true')",
            "[('name', '=', open('/etc/passwd').read())]",
            "[('name', '=', x)]",
            "[(",
            "7",
            "[('date_deadline', '<', 'someday')]",
        ):
            with (
                self.subTest(domain=domain),
                self.assertRaisesRegex(ValidationError, "not a condition that can be checked"),
                self.cr.savepoint(),
            ):
                stage.entry_domain = domain

    def test_a_condition_asks_for_nothing_its_author_may_not_read(self):
        stage = self.stage_contacted.with_user(self.manager)
        for domain in (
            "[('create_uid.password', 'ilike', 'a')]",
            "[('create_uid.totp_secret', 'ilike', 'a')]",
        ):
            with (
                self.subTest(domain=domain),
                self.assertRaises(ValidationError),
                self.cr.savepoint(),
            ):
                stage.entry_domain = domain

    def test_a_condition_may_name_the_user_and_relative_dates(self):
        lead = self._create_bare_leads().with_user(self.agent)
        self.stage_contacted.entry_domain = "[('user_id', '=', uid)]"
        lead.stage_id = self.stage_contacted
        self.assertEqual(lead.stage_id, self.stage_contacted)
        self.stage_offer.write(
            {
                "entry_field_ids": [Command.clear()],
                "entry_domain": "[('date_deadline', '<=', 'today +7d')]",
                "entry_message": "Agree on a day within a week",
            }
        )
        with self.assertRaisesRegex(ValidationError, "within a week"), self.cr.savepoint():
            lead.stage_id = self.stage_offer
        lead.write({"date_deadline": "2020-01-01", "stage_id": self.stage_offer.id})

    # -- what is gone --

    def test_a_field_that_is_gone_makes_the_condition_void_and_is_told(self):
        field = self.env["ir.model.fields"].create(
            {
                "name": "x_test_colour",
                "field_description": "Wanted Colour",
                "model_id": self.env["ir.model"]._get_id("crm.lead"),
                "ttype": "char",
            }
        )
        self.stage_contacted.entry_field_ids = field
        lead = self._create_bare_leads().with_user(self.agent)
        with self.assertRaisesRegex(ValidationError, "Wanted Colour"), self.cr.savepoint():
            lead.stage_id = self.stage_contacted
        field.unlink()
        stage = self.env["crm.stage"].browse(self.stage_contacted.id)
        self.assertIn("Wanted Colour", stage.entry_warning)
        self.assertTrue(
            any(
                "Wanted Colour" in line
                for line in self.env["bpo.pipeline"].get_configuration_notes()["warnings"]
            )
        )
        lead.stage_id = self.stage_contacted
        self.assertEqual(lead.stage_id, self.stage_contacted)
        stage.action_forget_void_conditions()
        self.assertFalse(stage.entry_warning)

    def test_a_condition_that_is_outdated_is_void_and_is_told(self):
        lead = self._create_bare_leads().with_user(self.agent)
        self.stage_contacted.entry_domain = "[('name', '=', 'No')]"
        self.env.flush_all()
        for outdated in ("[('x_gone', '=', 1)]", "[(", "[('user_id.x_gone', '=', 1)]"):
            self.env.cr.execute(
                "UPDATE crm_stage SET entry_domain = %s WHERE id = %s",
                [outdated, self.stage_contacted.id],
            )
            self.env.invalidate_all()
            self.assertIn("not checked any more", self.stage_contacted.entry_warning)
            self.assertFalse(lead.entry_missing)
            lead.stage_id = self.stage_contacted
            self.assertFalse(lead.entry_missing)
            lead.stage_id = self.stage_inbox
        self.stage_contacted.action_forget_void_conditions()
        self.assertFalse(self.stage_contacted.entry_domain)

    # -- copies and translations --

    def test_copies_keep_the_conditions(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.stage_offer.with_context(lang="fr_FR").entry_message = "Convenez d’au moins 100"
        self.stage_offer.write({"record_limit": 3, "limit_strict": True, "requirements": "Call"})
        copied = self.pipeline.copy().stage_ids.filtered(lambda stage: stage.name == "Offer")
        for stage in (copied, self.stage_offer.copy()):
            self.assertEqual(stage.entry_field_ids, self.stage_offer.entry_field_ids)
            self.assertEqual(stage.entry_domain, self.stage_offer.entry_domain)
            self.assertEqual(stage.record_limit, 3)
            self.assertTrue(stage.has_conditions and stage.limit_strict)
            self.assertEqual(
                stage.with_context(lang="fr_FR").entry_message, "Convenez d’au moins 100"
            )
            self.assertEqual(stage.entry_labels, self.stage_offer.entry_labels)

    def test_conditions_are_the_managers_business(self):
        for user in (self.agent, self.supervisor, self.sales_admin):
            stage = self.stage_offer.with_user(user)
            for name in ("entry_field_ids", "entry_domain", "entry_warning", "refusal_summary"):
                with self.subTest(name=name), self.assertRaises(AccessError):
                    stage.read([name])
            with self.assertRaises(AccessError):
                stage.write({"record_limit": 1})
