# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged

from .common import BpoCrmCommon


@tagged("post_install", "-at_install")
class TestPipelineOfCompany(BpoCrmCommon):
    """Leads come into the pipelines of their company, or into shared ones."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.second = cls.env["res.company"].create({"name": "Second Centre"})
        cls.of_second = cls.env["bpo.pipeline"].create(
            {
                "name": "Of the second",
                "sequence": -10,
                "company_id": cls.second.id,
                "push_orders": False,
            }
        )
        cls.colleague = new_test_user(
            cls.env,
            login="bpo_colleague",
            groups="base.group_partner_manager,bpo_crm.group_agent",
            company_id=cls.second.id,
            company_ids=[Command.set(cls.second.ids)],
        )
        cls.Lead = cls.env["crm.lead"]

    def _share_nothing(self):
        """Leave each company with pipelines of its own."""
        pipelines = self.env["bpo.pipeline"].search([("company_id", "=", False)])
        pipelines -= self.pipeline
        pipelines.active = False
        self.pipeline.company_id = self.company

    def test_lead_without_company_comes_into_a_shared_pipeline(self):
        lead = self.Lead.create({"name": "Nobody's", "user_id": False, "team_id": False})
        self.assertFalse(lead.company_id)
        self.assertTrue(lead.pipeline_id)
        self.assertFalse(lead.pipeline_id.company_id)

    def test_mail_gateway(self):
        gateway = self.Lead.sudo().with_user(self.env.ref("base.user_root"))
        lead = gateway.message_new(
            {"subject": "A car", "from": "jo@example.com"}, {"user_id": False, "team_id": False}
        )
        self.assertFalse(lead.pipeline_id.company_id)
        self.assertEqual(lead.stage_id.pipeline_id, lead.pipeline_id)

    def test_lead_of_a_company_comes_into_its_pipeline(self):
        lead = self.Lead.create({"name": "Theirs", "user_id": self.colleague.id})
        self.assertEqual(lead.company_id, self.second)
        self.assertEqual(lead.pipeline_id, self.of_second)
        ours = self.Lead.create({"name": "Ours", "user_id": self.agent.id})
        self.assertFalse(ours.pipeline_id.company_id)

    def test_where_nothing_is_shared_leads_belong_to_the_company_at_work(self):
        self._share_nothing()
        lead = self.Lead.create({"name": "Nobody's", "user_id": False, "team_id": False})
        self.assertEqual(lead.pipeline_id, self.pipeline)
        self.assertEqual(lead.company_id, self.company)

    def test_chosen_pipeline_gives_the_lead_its_company(self):
        lead = self.Lead.with_context(allowed_company_ids=(self.company + self.second).ids).create(
            {"name": "Theirs", "pipeline_id": self.of_second.id, "user_id": False}
        )
        self.assertEqual(lead.pipeline_id, self.of_second)
        self.assertEqual(lead.company_id, self.second)

    def _in_both(self, user=None):
        companies = self.company + self.second
        return self.Lead.with_user(user or self.env.user).with_context(
            allowed_company_ids=companies.ids
        )

    def _create_stage_of_second(self, name="Later"):
        return self.env["crm.stage"].create(
            {"name": name, "pipeline_id": self.of_second.id, "sequence": 15}
        )

    def test_stage_gives_a_new_lead_its_pipeline_and_company(self):
        """A column of the board of another company's pipeline, or a row of an import."""
        self.manager.company_ids += self.second
        stage = self._create_stage_of_second()
        for user in (False, self.manager, self.colleague):
            with self.subTest(user=user and user.login):
                vals = {"name": "Theirs", "stage_id": stage.id, "user_id": user and user.id}
                lead = self._in_both(self.manager).create(vals)
                self.assertEqual(lead.stage_id, stage)
                self.assertEqual(lead.pipeline_id, self.of_second)
                self.assertEqual(lead.company_id, self.second)

    def test_stage_of_a_company_that_the_salesperson_does_not_work_for(self):
        stage = self._create_stage_of_second()
        with self.assertRaisesRegex(ValidationError, "belongs to the pipeline “Of the second”"):
            self._in_both().create(
                {"name": "Theirs", "stage_id": stage.id, "user_id": self.agent.id}
            )

    def test_stage_that_one_may_not_see(self):
        """Refused as Odoo refuses it, and nothing of it is named."""
        stage = self._create_stage_of_second("A secret of the second")
        lead = self._create_leads()
        for user in (False, self.agent):
            vals = {"name": "Theirs", "stage_id": stage.id, "user_id": user and user.id}
            with self.subTest(user=bool(user)), self.assertRaises(AccessError) as caught:
                self.Lead.with_user(self.agent).create(vals)
            self.assertNotIn("econd", str(caught.exception))
        with self.assertRaises(AccessError) as caught:
            lead.with_user(self.agent).write({"stage_id": stage.id})
        self.assertNotIn("econd", str(caught.exception))

    def test_change_of_company_moves_open_leads(self):
        self.pipeline.company_id = self.company
        lead = self._create_leads()
        lead.write({"company_id": self.second.id, "user_id": self.colleague.id})
        self.assertEqual(lead.pipeline_id, self.of_second)
        self.assertEqual(lead.stage_id, self.of_second.stage_ids[0])

    def test_change_of_company_of_leads_of_which_some_stay(self):
        self.pipeline.company_id = self.company
        lead = self._create_leads()
        shared = self._create_leads(pipeline_id=self.other_pipeline.id)
        (lead + shared).write({"company_id": self.second.id, "user_id": self.colleague.id})
        self.assertEqual(lead.pipeline_id, self.of_second)
        self.assertEqual(shared.stage_id, self.other_new)
        self.assertEqual((lead + shared).user_id, self.colleague)

    def test_reassigning_to_another_company_moves_open_leads(self):
        self.pipeline.company_id = self.company
        lead = self._create_leads().with_context(
            allowed_company_ids=(self.company + self.second).ids
        )
        lead.user_id = self.colleague
        self.assertEqual(lead.company_id, self.second)
        self.assertEqual(lead.pipeline_id, self.of_second)
        self.assertEqual(lead.stage_id, self.of_second.stage_ids[0])

    def test_change_of_team_moves_leads_between_their_pipelines(self):
        vans, boats = self.env["crm.team"].create([{"name": "Vans"}, {"name": "Boats"}])
        self.pipeline.stage_ids.team_ids = vans
        self.other_pipeline.stage_ids.team_ids = boats
        for first in ("pipeline_id", "stage_id", "company_id"):
            lead = self._create_leads(team_id=vans.id)
            lead.team_id = boats
            with self.subTest(asked_first=first):
                lead.mapped(first)
                self.assertEqual(lead.pipeline_id, self.other_pipeline)
                self.assertEqual(lead.stage_id, self.other_new)

    def test_new_stages_come_into_a_pipeline_of_the_company_at_work(self):
        stage = self.env["crm.stage"].create({"name": "Somewhere, test"})
        self.assertNotEqual(stage.pipeline_id, self.of_second)

    def test_company_without_pipeline_is_told_so(self):
        self._share_nothing()
        third = self.env["res.company"].create({"name": "Third Centre"})
        with self.assertRaisesRegex(UserError, "no active pipeline for Third Centre.*BPO Manager"):
            self.Lead.create({"name": "Nowhere", "company_id": third.id, "user_id": False})


@tagged("post_install", "-at_install")
class TestPipelineArchived(BpoCrmCommon):
    """Leads are not put into archived pipelines, nor unarchived into closing stages."""

    def test_no_lead_is_put_into_an_archived_pipeline(self):
        lead = self._create_leads().with_user(self.agent)
        self.other_pipeline.active = False
        for act in (
            lambda: lead.write({"pipeline_id": self.other_pipeline.id}),
            lambda: lead.write(
                {"pipeline_id": self.other_pipeline.id, "stage_id": self.other_new.id}
            ),
            lambda: lead.create({"name": "Hidden", "pipeline_id": self.other_pipeline.id}),
        ):
            with (
                self.assertRaisesRegex(ValidationError, "pipeline “Fleet” is archived"),
                self.cr.savepoint(),
            ):
                act()
        self.assertEqual(lead.stage_id, self.stage_inbox)

    def test_copy_of_a_lead_of_an_archived_pipeline(self):
        lead = self._create_leads().with_user(self.agent)
        self.pipeline.active = False
        copy = lead.copy()
        self.assertTrue(copy.pipeline_id.active)
        self.assertEqual(copy.stage_id.pipeline_id, copy.pipeline_id)
        self.assertEqual(lead.pipeline_id, self.pipeline)

    def test_leads_of_an_archived_pipeline_go_on(self):
        lead = self._create_leads().with_user(self.agent)
        self.pipeline.active = False
        lead.stage_id = self.stage_contacted
        self.assertEqual(lead.stage_id, self.stage_contacted)

    def test_open_lead_is_not_unarchived_into_a_closing_stage(self):
        for flag in ("is_won", "is_lost"):
            for unarchive in (
                lambda lead: lead.action_unarchive(),
                lambda lead: lead.write({"active": True}),
            ):
                with self.subTest(flag=flag):
                    (self.stage_sold + self.stage_gone).write({"is_won": False, "is_lost": False})
                    self.stage_offer.write({"is_won": False, "is_lost": False})
                    lead = self._create_leads(stage_id=self.stage_offer.id)
                    lead.active = False
                    self.stage_offer[flag] = True
                    unarchive(lead)
                    self.assertEqual(lead.stage_id, self.stage_inbox)
                    self.assertEqual(lead.won_status, "pending")
                    self.assertFalse(lead.dealer_order_id)

    def test_leads_come_back_from_the_archive_in_one_batch(self):
        other = self.env["crm.stage"].create(
            {"name": "Later, test", "pipeline_id": self.other_pipeline.id}
        )
        leads = self._create_leads(3)
        leads[1].stage_id = self.stage_offer
        leads[2].write({"pipeline_id": self.other_pipeline.id, "stage_id": other.id})
        leads.active = False
        (self.stage_sold + self.other_won).is_won = False
        (self.stage_offer + other).is_won = True
        leads.write({"active": True, "city": "Springfield"})
        self.assertEqual(leads.mapped("stage_id"), self.stage_inbox + self.other_new)
        self.assertEqual(leads.mapped("active"), [True] * 3)
        self.assertEqual(leads.mapped("city"), ["Springfield"] * 3)
        self.assertEqual(leads.mapped("closed_status"), [False] * 3)

    def test_closed_leads_are_unarchived_as_they_were(self):
        leads = self._create_leads(2)
        leads[0].stage_id = self.stage_sold
        leads[1].action_set_lost(lost_reason_id=self.reason.id)
        leads.action_archive()
        leads.action_unarchive()
        self.assertEqual(leads.mapped("closed_status"), ["won", "lost"])
        self.assertEqual(leads.stage_id, self.stage_sold + self.stage_gone)


@tagged("post_install", "-at_install")
class TestPipelineInForm(BpoCrmCommon):
    """The form shows the stage that saving gives the lead."""

    def test_closed_lead_shows_the_first_stage_of_another_pipeline(self):
        leads = self._create_leads(2)
        leads[0].stage_id = self.stage_sold
        leads[1].action_set_lost(lost_reason_id=self.reason.id)
        for lead in leads:
            with self.subTest(status=lead.closed_status), Form(lead) as form:
                form.pipeline_id = self.other_pipeline
                self.assertEqual(form.stage_id, self.other_new)
        self.assertEqual(leads.stage_id, self.other_new)
        self.assertEqual(leads.mapped("won_status"), ["pending", "pending"])


@tagged("post_install", "-at_install")
class TestStageInImport(BpoCrmCommon):
    """The name of a stage means the deal stage of the row's own pipeline."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.third = cls.env["bpo.pipeline"].create({"name": "Third party", "push_orders": False})
        cls.env["crm.stage"].create({"name": "New", "stage_type": "service", "sequence": -50})
        cls.env["ir.model.data"]._update_xmlids(
            [{"xml_id": "__import__.third_party", "record": cls.third}]
        )
        cls.Lead = cls.env["crm.lead"].with_context(tracking_disable=True)

    def _import(self, fields, rows):
        result = self.Lead.load(fields, rows)
        self.assertTrue(result["ids"], result["messages"])
        self.assertFalse(result["messages"])
        return self.Lead.browse(result["ids"])

    def test_names_of_stages_and_pipelines(self):
        leads = self._import(
            ["name", "stage_id", "pipeline_id"],
            [
                ["Import 1", "New", "Third party"],
                ["Import 2", "New", "Fleet"],
                ["Import 3", " contacted ", "Vehicles"],
                ["Import 4", "", "Third party"],
            ],
        )
        first = self.third.stage_ids[0]
        expected = [first, self.other_new, self.stage_contacted, first]
        self.assertEqual([lead.stage_id for lead in leads], expected)

    def test_pipelines_by_their_ids(self):
        for path, cell in (
            ("pipeline_id/id", "__import__.third_party"),
            ("pipeline_id/.id", str(self.third.id)),
        ):
            lead = self._import(["name", path, "stage_id"], [["Import", cell, "New"]])
            self.assertEqual(lead.stage_id, self.third.stage_ids[0])

    def test_rows_without_pipeline(self):
        """Leads that are there stay in their pipeline, new ones come into the default one."""
        self.third.sequence = -20
        lead = self._create_leads(pipeline_id=self.other_pipeline.id)
        self.assertEqual(
            self._import(["name", "stage_id"], [["Import", "New"]]).stage_id,
            self.third.stage_ids[0],
        )
        lead.stage_id = self.env["crm.stage"].create(
            {"name": "Later", "pipeline_id": self.other_pipeline.id}
        )
        self._import([".id", "stage_id"], [[str(lead.id), "New"]])
        self.assertEqual(lead.stage_id, self.other_new)
        self.env["ir.model.data"]._update_xmlids(
            [{"xml_id": "__import__.known_lead", "record": lead}]
        )
        self._import(["id", "stage_id"], [["__import__.known_lead", "later"]])
        self.assertEqual(lead.stage_id.name, "Later")

    def test_stage_of_another_pipeline_is_refused(self):
        result = self.Lead.load(
            ["name", "pipeline_id", "stage_id"], [["Import", "Third party", "Contacted"]]
        )
        self.assertFalse(result["ids"])
        self.assertIn("belongs to the pipeline “Vehicles”", result["messages"][0]["message"])

    def test_service_stage_is_never_meant(self):
        self.env["crm.stage"].create({"name": "Tyres fitted", "stage_type": "service"})
        result = self.Lead.load(["name", "stage_id"], [["Import", "Tyres fitted"]])
        self.assertFalse(result["ids"])
        self.assertIn("No matching record", result["messages"][0]["message"])

    def test_resolving_many_takes_constant_queries(self):
        counts = []
        for number in (1, 2, 30):  # the first one fills Odoo's own caches
            rows = [["Import", "Third party", "New"], ["Import", "Fleet", "New"]] * number
            self.env.invalidate_all()
            start = self.cr.sql_log_count
            cells, known = self.Lead._resolve_stage_names(["name", "pipeline_id", "stage_id"], rows)
            counts.append(self.cr.sql_log_count - start)
            self.assertEqual(
                {known[row[2]] for row in cells},
                {self.third.stage_ids[0].id, self.other_new.id},
            )
        self.assertEqual(counts[1], counts[2])
