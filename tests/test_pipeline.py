# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json
from contextlib import contextmanager

from psycopg2 import errors

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.service.model import call_kw
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger
from odoo.tools.safe_eval import safe_eval

from .common import BpoCrmCommon


@tagged("post_install", "-at_install")
class TestPipeline(BpoCrmCommon):
    """What a pipeline is (design, section 2)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Pipeline = cls.env["bpo.pipeline"]

    def _get_stages(self, pipeline):
        return [
            (stage.name, stage.sequence, stage.is_won, stage.is_lost)
            for stage in pipeline.stage_ids
        ]

    @contextmanager
    def _assert_name_refused(self):
        """What is done inside is refused by the database, in clear words."""
        with (
            self.assertRaises(errors.UniqueViolation) as caught,
            mute_logger("odoo.sql_db"),
            self.cr.savepoint(),
        ):
            yield
        self.assertIn(
            "A pipeline of this name exists already in this company",
            self.Pipeline._sql_error_to_message(caught.exception),
        )

    # -- creating and copying

    def test_shipped_pipeline_pushes_orders(self):
        self.assertTrue(self.env.ref("bpo_crm.pipeline_bpo_sales").push_orders)

    def test_from_scratch_it_has_new_won_lost(self):
        pipeline = self.Pipeline.create({"name": "Used Vehicles"})
        self.assertTrue(pipeline.push_orders)
        self.assertFalse(pipeline.forward_only)
        self.assertEqual(
            self._get_stages(pipeline),
            [
                ("New", 10, False, False),
                ("Won", 20, True, False),
                ("Lost", 30, False, True),
            ],
        )
        self.assertTrue(pipeline.lost_stage_id.fold)

    def test_many_from_scratch(self):
        pipelines = self.Pipeline.create([{"name": f"Number {number}"} for number in range(3)])
        self.assertEqual([len(pipeline.stage_ids) for pipeline in pipelines], [3, 3, 3])

    def test_given_stages_are_left_alone(self):
        self.assertEqual(len(self.pipeline.stage_ids), 5)
        self.assertEqual(self.pipeline.won_stage_id, self.stage_sold)
        self.assertEqual(self.pipeline.lost_stage_id, self.stage_gone)

    def test_copy_copies_stages_not_leads(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.stage_inbox.update_field_translations("name", {"fr_FR": "Boîte"})
        self.stage_contacted.write({"color": 7, "requirements": "Call them"})
        self.stage_offer.active = False
        self._create_leads()
        copy = self.pipeline.copy()
        self.assertEqual(copy.name, "Vehicles (copy)")
        self.assertTrue(copy.push_orders)
        self.assertEqual(
            self._get_stages(copy),
            [
                ("Inbox", 10, False, False),
                ("Contacted", 20, False, False),
                ("Sold", 40, True, False),
                ("Gone", 50, False, True),
            ],
        )
        self.assertEqual(copy.stage_ids[1].color, 7)
        self.assertEqual(copy.stage_ids[1].requirements, "Call them")
        self.assertEqual(copy.stage_ids[0].with_context(lang="fr_FR").name, "Boîte")
        self.assertFalse(copy.open_count)
        self.assertFalse(copy.stage_ids & self.pipeline.stage_ids)

    def test_copy_translated(self):
        """The copy has a name of its own in every language; its stages keep theirs."""
        self.env["res.lang"]._activate_lang("fr_FR")
        self.pipeline.update_field_translations("name", {"fr_FR": "Véhicules"})
        self.pipeline.won_stage_id.update_field_translations("name", {"fr_FR": "Gagnée"})
        for lang in ("en_US", "fr_FR"):
            with self.subTest(lang=lang):
                copy = self.pipeline.with_context(lang=lang).copy().with_context(lang="fr_FR")
                self.assertNotEqual(copy.name, "Véhicules")
                self.assertEqual(copy.won_stage_id.name, "Gagnée")

    def test_copy_again_finds_a_free_name(self):
        copies = self.pipeline.copy() + self.pipeline.copy() + (self.pipeline.copy())
        self.assertEqual(len(set(copies.mapped("name"))), 3)

    def test_copy_with_a_name(self):
        self.assertEqual(self.pipeline.copy({"name": "Boats"}).name, "Boats")

    # -- names

    def test_name_is_unique_per_company(self):
        company = self.env["res.company"].create({"name": "Second Centre"})
        for name in ("Vehicles", " VEHICLES "):
            with self.subTest(name=name), self._assert_name_refused():
                self.Pipeline.create({"name": name})
        other = self.Pipeline.create({"name": "Vehicles", "company_id": company.id})
        self.assertTrue(other)
        with self._assert_name_refused():
            other.company_id = False
            self.env.flush_all()

    def test_name_of_an_archived_pipeline_is_taken(self):
        self.pipeline.active = False
        with self._assert_name_refused():
            self.Pipeline.create({"name": "Vehicles"})

    def test_name_is_unique_in_the_database(self):
        with (
            self.assertRaises(errors.UniqueViolation),
            mute_logger("odoo.sql_db"),
            self.cr.savepoint(),
        ):
            self.cr.execute(
                "UPDATE bpo_pipeline SET name = jsonb_build_object('en_US', 'vehicles')"
                " WHERE id = %s",
                [self.other_pipeline.id],
            )

    def test_translated_name_is_unique(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.pipeline.update_field_translations("name", {"fr_FR": "Véhicules"})
        with self.assertRaisesRegex(ValidationError, "Véhicules"), self.cr.savepoint():
            self.other_pipeline.with_context(lang="fr_FR").name = "véhicules"
        with self.assertRaisesRegex(ValidationError, "Véhicules"), self.cr.savepoint():
            self.other_pipeline.update_field_translations("name", {"fr_FR": "VÉHICULES"})

    def test_blank_name(self):
        with self.assertRaises(ValidationError), mute_logger("odoo.sql_db"), self.cr.savepoint():
            self.pipeline.name = "  "

    # -- default, archiving, deleting

    def test_default_is_the_active_one_of_lowest_sequence(self):
        first = self.Pipeline.create({"name": "First of all", "sequence": -5})
        self.assertEqual(self.Pipeline._get_default(), first)
        self.assertEqual(self.env["crm.lead"].create({"name": "Bare"}).pipeline_id, first)
        first.active = False
        self.assertNotEqual(self.Pipeline._get_default(), first)
        self.assertNotEqual(self.env["crm.lead"].create({"name": "Bare"}).pipeline_id, first)

    def test_archiving_keeps_leads(self):
        lead = self._create_leads()
        self.pipeline.active = False
        self.assertEqual(lead.pipeline_id, self.pipeline)
        self.assertEqual(lead.stage_id, self.stage_inbox)
        lead.stage_id = self.stage_contacted
        lead.action_set_won()
        self.assertEqual(lead.won_status, "won")
        self.assertNotEqual(lead.copy().pipeline_id, self.pipeline)

    def test_last_active_pipeline_stays(self):
        others = self.Pipeline.search([("id", "!=", self.pipeline.id)])
        others.active = False
        with self.assertRaisesRegex(ValidationError, "last active pipeline"), self.cr.savepoint():
            self.pipeline.active = False
        with self.assertRaisesRegex(ValidationError, "last active pipeline"), self.cr.savepoint():
            self.pipeline.unlink()
        company = self.env["res.company"].create({"name": "Third Centre"})
        with self.assertRaisesRegex(ValidationError, "last active pipeline"), self.cr.savepoint():
            self.pipeline.company_id = company

    def test_with_leads_it_is_archived_not_deleted(self):
        leads = self._create_leads(2)
        leads[0].active = False
        with (
            self.assertRaisesRegex(UserError, r"Vehicles \(leads: 2\).*Archive"),
            self.cr.savepoint(),
        ):
            self.pipeline.with_user(self.manager).unlink()
        self.pipeline.with_user(self.manager).active = False
        self.assertEqual(len(self.pipeline.stage_ids), 5)

    def test_without_leads_it_goes_with_its_stages(self):
        stages = self.pipeline.stage_ids
        stages[0].active = False
        self.pipeline.with_user(self.manager).unlink()
        self.assertFalse(stages.exists())

    # -- companies and rights

    def test_other_companies_do_not_see_it(self):
        company = self.env["res.company"].create({"name": "Second Centre"})
        stranger = new_test_user(
            self.env,
            login="bpo_stranger",
            groups="bpo_crm.group_manager",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )
        self.pipeline.company_id = self.env.company
        Pipeline = self.Pipeline.with_user(stranger).with_company(company)
        self.assertNotIn(self.pipeline, Pipeline.search([]))
        self.assertIn(self.other_pipeline, Pipeline.search([]))
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_rule"):
            Pipeline.browse(self.pipeline.id).write({"description": "Taken over"})
        stages = self.env["crm.stage"].with_user(stranger).with_company(company).search([])
        self.assertFalse(stages & self.pipeline.stage_ids)
        self.assertTrue(stages & self.other_pipeline.stage_ids)
        stages.web_read({"display_name": {}, "configuration_warning": {}, "pipeline_id": {}})

    def test_company_with_leads_of_others_is_refused(self):
        company = self.env["res.company"].create({"name": "Second Centre"})
        lead = self._create_leads()
        self.assertNotEqual(lead.company_id, company)
        with self.assertRaisesRegex(ValidationError, r"\(1\)\. Move"), self.cr.savepoint():
            self.pipeline.company_id = company

    def test_board_of_a_company_creates_leads_of_that_company(self):
        self.pipeline.company_id = self.env.company
        context = self.pipeline.action_open_board()["context"]
        lead = self.env["crm.lead"].with_context(**context).create({"name": "Of the company"})
        self.assertEqual(lead.company_id, self.env.company)
        self.assertEqual(lead.pipeline_id, self.pipeline)

    def test_only_managers_write(self):
        deeds = {
            "create": lambda pipeline: pipeline.create({"name": "Mine"}),
            "write": lambda pipeline: pipeline.write({"forward_only": True}),
            "archive": lambda pipeline: pipeline.action_archive(),
            "copy": lambda pipeline: pipeline.copy(),
            "delete": lambda pipeline: pipeline.unlink(),
            "translate": lambda pipeline: pipeline.update_field_translations(
                "name", {"en_US": "Mine"}
            ),
            "dismiss": lambda pipeline: pipeline.dismiss_adoption_notes(),
        }
        for user in (self.agent, self.supervisor, self.sales_admin):
            for deed, act in deeds.items():
                with (
                    self.subTest(user=user.login, deed=deed),
                    self.assertRaises(AccessError),
                    mute_logger("odoo.models"),
                    self.cr.savepoint(),
                ):
                    act(self.pipeline.with_user(user))
        self.assertTrue(self.pipeline.with_user(self.agent).read(["name", "open_count"]))

    # -- what its screens show

    def test_counters(self):
        leads = self._create_leads(5, line_ids=False, expected_revenue=1000)
        leads[0].write({"stage_id": self.stage_gone.id, "lost_reason_id": self.reason.id})
        self.pipeline.push_orders = False
        leads[1:3].action_set_won()
        self.env.flush_all()
        self.pipeline.invalidate_recordset()
        self.assertRecordValues(
            self.pipeline,
            [{"open_count": 2, "won_count": 2, "lost_count": 1, "open_value": 2000.0}],
        )

    def test_counters_are_what_the_user_may_see(self):
        self._create_leads(2)
        self._create_leads(3, user_id=self.other_agent.id)
        self.env.flush_all()
        self.assertEqual(self.pipeline.with_user(self.agent).open_count, 2)
        self.assertEqual(self.pipeline.with_user(self.supervisor).open_count, 5)

    def test_counters_of_many_take_one_query(self):
        pipelines = self.Pipeline.create([{"name": f"Number {number}"} for number in range(10)])
        self.env.flush_all()
        self.env.invalidate_all()
        with self.assertQueryCount(1):
            self.assertEqual(sum(pipelines.mapped("open_count")), 0)

    def test_closing_stages_of_many_take_one_query(self):
        self.Pipeline.create([{"name": f"Number {number}"} for number in range(12)])
        pipelines = self.Pipeline.search([("name", "like", "Number %")])
        counts = []
        for some in (pipelines[:3], pipelines):
            self.env.invalidate_all()
            start = self.cr.sql_log_count
            some.web_read({"won_stage_id": {}, "lost_stage_id": {}, "configuration_warning": {}})
            counts.append(self.cr.sql_log_count - start)
        self.assertEqual(counts[0], counts[1])

    def test_notes_for_managers(self):
        parameters = self.env["ir.config_parameter"].sudo()
        parameters.set_param("bpo_crm.adoption_notes", json.dumps(["A stage was renamed."]))
        self.stage_sold.is_won = False
        bare = self.Pipeline.with_context(bpo_crm_no_default_stages=True).create({"name": "Bare"})
        notes = self.Pipeline.with_user(self.manager).get_configuration_notes()
        self.assertIn("Vehicles: No Won stage in the pipeline", notes["warnings"])
        self.assertIn(f"{bare.name}: No Won and no Lost stage in the pipeline", notes["warnings"])
        self.assertEqual(notes["adoption"], ["A stage was renamed."])
        self.assertEqual(
            self.Pipeline.with_user(self.agent).get_configuration_notes(),
            {"warnings": [], "adoption": []},
        )
        self.Pipeline.with_user(self.manager).dismiss_adoption_notes()
        self.assertFalse(self.Pipeline.get_configuration_notes()["adoption"])

    def test_stages_of_a_pipeline(self):
        action = self.pipeline.action_open_stages()
        self.assertEqual(self.env["crm.stage"].search(action["domain"]), self.pipeline.stage_ids)
        self.assertEqual(action["context"]["default_pipeline_id"], self.pipeline.id)


@tagged("post_install", "-at_install")
class TestPipelineOfLead(BpoCrmCommon):
    """Rules 1 and 2 of a move, by every way in (design, section 3)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.leads = cls._create_leads(2)
        cls.lead = cls.leads[0]

    def _assert_refused(self, act):
        with (
            self.assertRaisesRegex(UserError, "belongs to the pipeline “Fleet”"),
            self.cr.savepoint(),
        ):
            act()
        self.env.invalidate_all()
        self.assertEqual(self.leads.stage_id, self.stage_inbox)
        self.assertEqual(self.leads.pipeline_id, self.pipeline)

    # -- a stage of another pipeline is refused

    def test_foreign_stage_by_drag(self):
        """A card that is dropped is saved like this."""
        for user in (self.agent, self.manager):
            self._assert_refused(
                lambda user=user: self.lead.with_user(user).web_save(
                    {"stage_id": self.other_new.id}, {"stage_id": {}}
                )
            )

    def test_foreign_stage_by_list(self):
        self._assert_refused(
            lambda: self.leads.web_save_multi(
                [{"stage_id": self.other_new.id}] * 2, {"stage_id": {}}
            )
        )
        self._assert_refused(lambda: self.leads.write({"stage_id": self.other_new.id}))

    def test_foreign_stage_by_form(self):
        def act():
            with Form(self.lead) as form:
                form.stage_id = self.other_new

        self._assert_refused(act)

    def test_foreign_stage_by_import(self):
        result = self.env["crm.lead"].load(
            [".id", "stage_id/.id"], [[str(self.lead.id), str(self.other_new.id)]]
        )
        self.assertFalse(result["ids"])
        self.assertIn("belongs to the pipeline", result["messages"][0]["message"])
        self.assertEqual(self.lead.stage_id, self.stage_inbox)

    def test_foreign_stage_by_rpc(self):
        """What an agent may call from outside."""
        model = self.env["crm.lead"].with_user(self.agent)
        self._assert_refused(
            lambda: call_kw(model, "write", [self.lead.ids, {"stage_id": self.other_new.id}], {})
        )

    def test_foreign_stage_by_automation(self):
        action = self.env["ir.actions.server"].create(
            {
                "name": "Move them",
                "model_id": self.env["ir.model"]._get_id("crm.lead"),
                "state": "object_write",
                "update_path": "stage_id",
                "resource_ref": f"crm.stage,{self.other_new.id}",
            }
        )
        self._assert_refused(
            lambda: action.with_context(
                active_model="crm.lead", active_id=self.lead.id, active_ids=self.lead.ids
            ).run()
        )

    def test_foreign_stage_in_a_new_lead(self):
        with self.assertRaisesRegex(UserError, "belongs to the pipeline"), self.cr.savepoint():
            self._create_leads(stage_id=self.other_new.id)

    def test_superuser_is_refused_too(self):
        self._assert_refused(lambda: self.leads.sudo().write({"stage_id": self.other_new.id}))

    # -- changing the pipeline

    def test_change_of_pipeline_never_leaves_a_foreign_stage(self):
        self.leads[1].stage_id = self.stage_offer
        self.leads.write({"pipeline_id": self.other_pipeline.id})
        self.assertEqual(self.leads.stage_id, self.other_new)

    def test_change_of_pipeline_with_the_present_stage_is_refused(self):
        """The stage is no change, but would be left behind in the other pipeline."""
        with self.assertRaisesRegex(UserError, "belongs to the pipeline “Vehicles”"):
            self.lead.write(
                {"pipeline_id": self.other_pipeline.id, "stage_id": self.stage_inbox.id}
            )

    def test_change_of_pipeline_by_mass_edit(self):
        self.leads.web_save_multi(
            [{"pipeline_id": self.other_pipeline.id}] * 2, {"stage_id": {}, "pipeline_id": {}}
        )
        self.assertEqual(self.leads.stage_id, self.other_new)

    def test_change_of_pipeline_by_import(self):
        result = self.env["crm.lead"].load(
            [".id", "pipeline_id/.id"],
            [[str(lead.id), str(self.other_pipeline.id)] for lead in self.leads],
        )
        self.assertTrue(result["ids"], result["messages"])
        self.assertEqual(self.leads.stage_id, self.other_new)

    def test_change_to_a_pipeline_without_open_stage(self):
        self.other_new.unlink()
        with self.assertRaisesRegex(UserError, "no open stage"):
            self.lead.write({"pipeline_id": self.other_pipeline.id})

    def test_change_of_pipeline_of_many_takes_constant_queries(self):
        few, many = self._create_leads(2), self._create_leads(20)
        target = self.other_pipeline.copy()
        counts = []
        for leads in (few, many):
            self.env.flush_all()
            self.env.invalidate_all()
            start = self.cr.sql_log_count
            leads.with_context(tracking_disable=True).write({"pipeline_id": target.id})
            self.env.flush_all()
            counts.append(self.cr.sql_log_count - start)
        self.assertLessEqual(counts[1], counts[0] + 2)

    def test_form_offers_the_stages_of_the_pipeline_alone(self):
        stages = self.env["crm.stage"]
        field = self.env["crm.lead"]._fields["stage_id"]
        for pipeline, expected in (
            (self.pipeline, self.pipeline.stage_ids),
            (self.other_pipeline, self.other_pipeline.stage_ids),
            (self.env["bpo.pipeline"], stages),
        ):
            domain = safe_eval(field.domain, {"pipeline_id": pipeline.id or False})
            self.assertEqual(stages.search(domain), expected)

    def test_form_empties_the_stage_with_the_pipeline(self):
        form = Form(self.env["crm.lead"].with_context(default_type="opportunity"))
        form.pipeline_id = self.pipeline
        self.assertEqual(form.stage_id, self.stage_inbox)
        form.pipeline_id = self.other_pipeline
        self.assertEqual(form.stage_id, self.other_new)
        form.pipeline_id = self.env["bpo.pipeline"]
        self.assertFalse(form.stage_id)

    # -- forward only

    def test_forward_only_names_the_only_next_stage(self):
        self.pipeline.forward_only = True
        lead = self.lead.with_user(self.agent)
        with (
            self.assertRaisesRegex(
                UserError, "from “Inbox” the only next stage is “Contacted”.*Mark Won or Mark Lost"
            ),
            self.cr.savepoint(),
        ):
            lead.stage_id = self.stage_offer
        lead.stage_id = self.stage_contacted
        lead.stage_id = self.stage_offer
        with self.assertRaisesRegex(UserError, "last open stage"), self.cr.savepoint():
            lead.stage_id = self.stage_inbox

    def test_forward_only_holds_for_supervisors_and_batches(self):
        self.pipeline.forward_only = True
        leads = self.leads.with_user(self.supervisor)
        leads[0].stage_id = self.stage_contacted
        with self.assertRaisesRegex(UserError, "Nothing was moved"), self.cr.savepoint():
            leads.write({"stage_id": self.stage_offer.id})
        self.assertEqual(self.leads[0].stage_id, self.stage_contacted)

    def test_forward_only_follows_the_order_of_the_board(self):
        self.pipeline.forward_only = True
        self.stage_offer.with_user(self.manager).action_move_left()
        self.lead.with_user(self.agent).stage_id = self.stage_offer
        self.assertEqual(self.lead.stage_id, self.stage_offer)

    def test_forward_only_managers_correct(self):
        self.pipeline.forward_only = True
        self.lead.with_user(self.manager).stage_id = self.stage_offer
        self.lead.with_user(self.manager).stage_id = self.stage_inbox
        self.assertEqual(self.lead.stage_id, self.stage_inbox)
