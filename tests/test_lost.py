# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import ast
from datetime import timedelta

from lxml import etree
from psycopg2 import IntegrityError

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from odoo.addons.base.tests.common import DISABLED_MAIL_CONTEXT

from ..models.lead.crm_lost_reason import LostReasonRequired
from .common import BpoCrmCommon


class LostCommon(BpoCrmCommon):
    """Reasons of every kind, and the dialog."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reason_other, cls.reason_fleet = cls.env["crm.lost.reason"].create(
            [
                {"name": "Something else, test", "code": "test_else", "note_required": True},
                {"name": "Fleet contract, test", "pipeline_ids": cls.other_pipeline.ids},
            ]
        )

    def _open_dialog(self, leads, user=None, **values):
        """Return the dialog like the web client opens it."""
        wizards = self.env["crm.lead.lost"].with_user(user or self.agent)
        wizards = wizards.with_context(
            default_lead_ids=leads.ids, active_ids=leads.ids, active_model="crm.lead"
        )
        return wizards.create({"lost_reason_id": self.reason.id, **values})

    def _with_tracking(self, leads):
        return leads.with_context(**dict.fromkeys(DISABLED_MAIL_CONTEXT, False))

    def _flush_tracking(self):
        self.env.flush_all()
        self.cr.flush()


@tagged("post_install", "-at_install")
class TestLostDialog(LostCommon):
    """The dialog Mark as Lost, behind every way in of the web client."""

    def test_one_lead(self):
        lead = self._create_leads(stage_id=self.stage_offer.id)
        wizard = self._open_dialog(lead, lost_note="Wants it by Friday")
        self.assertEqual(wizard.summary, lead.name)
        self.assertFalse(wizard.warning)
        wizard.action_lost_reason_apply()
        self.assertEqual(lead.stage_id, self.stage_gone)
        self.assertEqual(lead.won_status, "lost")
        self.assertEqual(lead.lost_reason_id, self.reason)
        self.assertEqual(lead.lost_note, "Wants it by Friday")
        self.assertEqual(lead.lost_from_stage_id, self.stage_offer)
        self.assertAlmostEqual(lead.date_closed, fields.Datetime.now(), delta=timedelta(minutes=1))
        self.assertTrue(lead.active)
        self.assertEqual((lead.probability, lead.automated_probability), (0, 0))

    def test_chatter_has_one_message_with_everything(self):
        lead = self._with_tracking(self._create_leads())
        self._flush_tracking()
        before = lead.message_ids
        wizard = self._open_dialog(lead, lost_note="Wants <it> by\nFriday")
        self._with_tracking(wizard).action_lost_reason_apply()
        self._flush_tracking()
        message = lead.message_ids - before
        self.assertEqual(len(message), 1)
        self.assertEqual(message.subtype_id, self.env.ref("crm.mt_lead_lost"))
        self.assertIn("Wants &lt;it&gt; by<br>Friday", message.body)
        tracked = message.tracking_value_ids.field_id.mapped("name")
        self.assertEqual(set(tracked), {"stage_id", "lost_reason_id", "won_status"})

    def test_chatter_has_the_note_without_the_dialog_too(self):
        lead = self._with_tracking(self._create_leads())
        self._flush_tracking()
        before = lead.message_ids
        lead.action_set_lost(lost_reason_id=self.reason.id, lost_note="Said by phone")
        self._flush_tracking()
        tracked = (lead.message_ids - before).tracking_value_ids
        self.assertIn("Said by phone", tracked.mapped("new_value_text"))

    def test_formatted_feedback_of_stock_becomes_the_note(self):
        lead = self._create_leads()
        wizard = self._open_dialog(lead, lost_feedback="<p>Too <b>far</b> away</p>")
        wizard.action_lost_reason_apply()
        self.assertEqual(lead.lost_note, "Too *far* away")

    def test_leads_of_several_pipelines_go_to_their_own_lost_stage(self):
        here, there = self._create_leads(2), self._create_leads(pipeline_id=self.other_pipeline.id)
        self._open_dialog(here + there).action_lost_reason_apply()
        self.assertEqual(here.stage_id, self.stage_gone)
        self.assertEqual(there.stage_id, self.other_lost)

    @mute_logger("odoo.sql_db")
    def test_a_reason_is_required(self):
        lead = self._create_leads()
        with self.assertRaises(IntegrityError), self.cr.savepoint():
            self._open_dialog(lead, lost_reason_id=False)
        with self.assertRaisesRegex(AssertionError, "lost_reason_id is a required field"):
            Form(self.env["crm.lead.lost"].with_context(default_lead_ids=lead.ids)).save()

    def test_reasons_on_offer_apply_to_all_pipelines_of_the_leads(self):
        here = self._create_leads()
        there = self._create_leads(pipeline_id=self.other_pipeline.id)
        archived = self.env["crm.lost.reason"].create({"name": "Old, test", "active": False})
        for leads, offered in ((here, False), (there, True), (here + there, False)):
            available = self._open_dialog(leads).available_reason_ids
            self.assertIn(self.reason, available)
            self.assertEqual(self.reason_fleet in available, offered)
            self.assertNotIn(archived, available)

    def test_no_reason_applies(self):
        self.env["crm.lost.reason"].search([]).pipeline_ids = self.other_pipeline
        wizard = self._open_dialog(self._create_leads())
        self.assertIn("No lost reason applies", wizard.warning)

    def test_everything_is_listed_per_lead_and_nothing_is_written(self):
        self.other_lost.is_lost = False
        here = self._create_leads(name="Here")
        there = self._create_leads(name="There", pipeline_id=self.other_pipeline.id)
        wizard = self._open_dialog(here + there, lost_reason_id=self.reason_fleet.id)
        with self.assertRaises(ValidationError) as refused, self.cr.savepoint():
            wizard.action_lost_reason_apply()
        text = str(refused.exception)
        self.assertRegex(text, "- Here: the lost reason .* is not one of the pipeline “Vehicles”")
        self.assertRegex(text, "- There: No lost stage configured in the pipeline “Fleet”")
        self.assertEqual((here + there).mapped("won_status"), ["pending", "pending"])
        self.assertFalse(here.lost_reason_id)

    def test_other_needs_a_note(self):
        lead = self._create_leads()
        for empty in (False, "  \n"):
            wizard = self._open_dialog(lead, lost_reason_id=self.reason_other.id, lost_note=empty)
            with self.assertRaisesRegex(ValidationError, "needs a note"), self.cr.savepoint():
                wizard.action_lost_reason_apply()
        self.assertEqual(lead.stage_id, self.stage_inbox)
        wizard.lost_note = "Inherited a car"
        wizard.action_lost_reason_apply()
        self.assertEqual(lead.lost_reason_id, self.reason_other)

    def test_note_is_required_in_the_form(self):
        lead = self._create_leads()
        with Form(self.env["crm.lead.lost"].with_context(default_lead_ids=lead.ids)) as dialog:
            dialog.lost_reason_id = self.reason_other
            with self.assertRaisesRegex(AssertionError, "lost_note is a required field"):
                dialog.save()
            dialog.lost_note = "Inherited a car"

    def test_leads_lost_already_keep_their_reason(self):
        lost, lead = self._create_leads(2)
        lost.action_set_lost(lost_reason_id=self.reason_other.id, lost_note="Before")
        wizard = self._open_dialog(lost + lead, lost_note="Now")
        self.assertRegex(wizard.warning, "as they are: 1")
        wizard.action_lost_reason_apply()
        self.assertEqual(lost.lost_reason_id, self.reason_other)
        self.assertEqual(lost.lost_note, "Before")
        self.assertEqual(lead.lost_note, "Now")
        with self.assertRaisesRegex(UserError, "lost already"):
            self._open_dialog(lost + lead).action_lost_reason_apply()

    def test_a_won_lead_can_be_lost(self):
        lead = self._create_leads()
        lead.action_set_won()
        self._open_dialog(lead).action_lost_reason_apply()
        self.assertEqual(lead.won_status, "lost")
        self.assertEqual(lead.dealer_order_state, "cancelled")

    def test_agents_lose_only_leads_they_may_write(self):
        lead = self._create_leads(user_id=self.other_agent.id)
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_rule"):
            self._open_dialog(lead).action_lost_reason_apply()
        self.assertEqual(lead.stage_id, self.stage_inbox)

    def test_many_leads_are_counted(self):
        wizard = self._open_dialog(self._create_leads(5))
        self.assertRegex(wizard.summary, "^5 leads: ")

    def _count_queries(self, action, count):
        """Return how many queries ``action(leads)`` takes, chatter included."""
        leads = self._with_tracking(self._create_leads(count, line_ids=[Command.clear()]))
        self._flush_tracking()
        self.env.invalidate_all()
        before = self.cr.sql_log_count
        action(leads)
        self._flush_tracking()
        return self.cr.sql_log_count - before

    def test_200_leads_take_constant_queries_beyond_stock(self):
        def lose_like_stock(leads):
            leads.action_archive()
            leads.write(
                {
                    "lost_reason_id": self.reason.id,
                    "probability": 0,
                    "automated_probability": 0,
                }
            )

        def lose_here(leads):
            wizard = self._open_dialog(leads, user=self.env.user, lost_note="All of them")
            self._with_tracking(wizard).action_lost_reason_apply()

        for action in (lose_like_stock, lose_here):
            self._count_queries(action, 2)  # warm the caches
        few = self._count_queries(lose_here, 20) - self._count_queries(lose_like_stock, 20)
        many = self._count_queries(lose_here, 200) - self._count_queries(lose_like_stock, 200)
        # the ORM cuts UPDATEs into chunks of 100 rows
        self.assertLessEqual(many, few + 8)


@tagged("post_install", "-at_install")
class TestLostServer(LostCommon):
    """Rules 3 and 6 for whoever does not come through the dialog."""

    def _assert_unchanged(self, leads, stage):
        leads.invalidate_recordset()
        self.assertEqual(leads.stage_id, stage)
        self.assertEqual(set(leads.mapped("won_status")), {"pending"})
        self.assertFalse(leads.lost_from_stage_id)

    def test_mass_write(self):
        leads = self._create_leads(3).with_user(self.agent)
        with self.assertRaises(ValidationError) as refused, self.cr.savepoint():
            leads.write({"stage_id": self.stage_gone.id})
        text = str(refused.exception)
        self.assertEqual(text.count("a lost reason is needed: choose one with Mark Lost"), 3)
        self._assert_unchanged(leads, self.stage_inbox)
        leads.write({"stage_id": self.stage_gone.id, "lost_reason_id": self.reason.id})
        self.assertEqual(set(leads.mapped("won_status")), {"lost"})

    def test_the_web_client_is_told_whom_to_ask_for(self):
        leads = self._create_leads(3, stage_id=self.stage_offer.id).with_user(self.agent)
        leads[0].lost_reason_id = self.reason
        with self.assertRaises(LostReasonRequired) as caught, self.cr.savepoint():
            leads.write({"stage_id": self.stage_gone.id})
        self.assertEqual(
            caught.exception.context,
            {"exception_class": "bpo_crm.lost_reason_required", "lead_ids": leads.ids},
        )
        self.assertEqual(leads.stage_id, self.stage_offer)

    def test_a_reason_is_not_asked_for_where_it_would_not_do(self):
        foreign = self._create_leads(pipeline_id=self.other_pipeline.id)
        leads = self._create_leads(stage_id=self.stage_offer.id) + foreign
        for refused in (
            lambda: leads.write({"stage_id": self.stage_gone.id}),
            lambda: leads[0].write(
                {"stage_id": self.stage_gone.id, "lost_reason_id": self.reason_fleet.id}
            ),
            lambda: self._create_leads(stage_id=self.stage_gone.id),
        ):
            with self.assertRaises(ValidationError) as caught, self.cr.savepoint():
                refused()
            self.assertNotIsInstance(caught.exception, LostReasonRequired)

    def test_import(self):
        leads = self._create_leads(2)
        columns = [".id", "stage_id/.id", "lost_reason_id"]
        rows = [[str(lead.id), str(self.stage_gone.id)] for lead in leads]
        result = self.env["crm.lead"].load(columns[:2], rows)
        self.assertFalse(result["ids"])
        self.assertIn("the column Lost Reason", result["messages"][0]["message"])
        self._assert_unchanged(leads, self.stage_inbox)
        result = self.env["crm.lead"].load(columns, [[*row, self.reason.code] for row in rows])
        self.assertEqual(result["ids"], leads.ids, result["messages"])
        self.assertEqual(leads.lost_reason_id, self.reason)
        self.assertEqual(set(leads.mapped("won_status")), {"lost"})

    def test_automation(self):
        leads = self._create_leads(2)
        for code, won_status in (
            (f"records.write({{'stage_id': {self.stage_gone.id}}})", "pending"),
            (
                f"records.write({{'stage_id': {self.stage_gone.id},"
                f" 'lost_reason_id': {self.reason.id}}})",
                "lost",
            ),
        ):
            action = self.env["ir.actions.server"].create(
                {
                    "name": "Give up",
                    "model_id": self.env["ir.model"]._get_id("crm.lead"),
                    "state": "code",
                    "code": code,
                }
            )
            run = action.with_context(active_model="crm.lead", active_ids=leads.ids).run
            if won_status == "pending":
                with (
                    self.assertRaisesRegex(ValidationError, "a lost reason is needed"),
                    self.cr.savepoint(),
                    mute_logger("odoo.addons.base.models.ir_actions"),
                ):
                    run()
                self._assert_unchanged(leads, self.stage_inbox)
            else:
                run()
                self.assertEqual(set(leads.mapped("won_status")), {won_status})

    def test_reason_of_another_pipeline(self):
        lead = self._create_leads()
        with self.assertRaisesRegex(ValidationError, "not one of the pipeline “Vehicles”"):
            lead.action_set_lost(lost_reason_id=self.reason_fleet.id)

    def test_archived_reason_is_refused_but_stays_on_old_leads(self):
        lead, lost = self._create_leads(2)
        lost.action_set_lost(lost_reason_id=self.reason.id)
        self.reason.active = False
        lost.write({"city": "Elsewhere"})
        self.assertEqual(lost.lost_reason_id, self.reason)
        with self.assertRaisesRegex(ValidationError, "is archived"):
            lead.action_set_lost(lost_reason_id=self.reason.id)

    def test_note_is_required_by_the_server(self):
        lead = self._create_leads()
        with (
            self.assertRaisesRegex(ValidationError, "needs a note that says more"),
            self.cr.savepoint(),
        ):
            lead.action_set_lost(lost_reason_id=self.reason_other.id)
        lead.action_set_lost(lost_reason_id=self.reason_other.id, lost_note="Because")
        self.assertEqual(lead.won_status, "lost")

    def test_no_lost_stage_names_every_pipeline(self):
        (self.stage_gone + self.other_lost).is_lost = False
        leads = self._create_leads() + self._create_leads(pipeline_id=self.other_pipeline.id)
        with self.assertRaises(UserError) as refused:
            leads.action_set_lost(lost_reason_id=self.reason.id)
        for name in ("Vehicles", "Fleet"):
            self.assertRegex(
                str(refused.exception),
                f"No lost stage configured in the pipeline “{name}”.*Configuration → Stages",
            )

    def test_a_lost_lead_keeps_a_reason(self):
        lead = self._create_leads()
        lead.action_set_lost(lost_reason_id=self.reason.id)
        with self.assertRaisesRegex(ValidationError, "choose another one"), self.cr.savepoint():
            lead.lost_reason_id = False
        another = self.env["crm.lost.reason"].create({"name": "Changed plans, test"})
        lead.lost_reason_id = another
        lead.action_archive()
        self.assertEqual(lead.won_status, "lost")
        lead.action_unarchive()
        self.assertEqual(lead.lost_reason_id, another)
        self.assertEqual(lead.won_status, "lost")

    def test_reason_in_use_cannot_be_deleted(self):
        self._create_leads().action_set_lost(lost_reason_id=self.reason.id)
        with self.assertRaises(IntegrityError), self.cr.savepoint(), mute_logger("odoo.sql_db"):
            self.reason.unlink()

    def test_restore_many_to_where_each_was(self):
        leads = self._create_leads(3)
        leads[1].stage_id = self.stage_offer
        leads[2].pipeline_id = self.other_pipeline
        before = leads.mapped("stage_id.id")
        leads.action_set_lost(lost_reason_id=self.reason.id, lost_note="A note")
        leads[0].action_archive()
        leads.with_user(self.agent).action_restore()
        self.assertEqual(leads.mapped("stage_id.id"), before)
        self.assertEqual(set(leads.mapped("won_status")), {"pending"})
        self.assertFalse(leads.lost_reason_id)
        self.assertNotIn(True, [bool(note) for note in leads.mapped("lost_note")])
        self.assertEqual(leads.mapped("active"), [True] * 3)
        self.assertNotIn(0, leads.mapped("probability"))

    def test_restore_where_no_open_stage_is_left(self):
        lead = self._create_leads(pipeline_id=self.other_pipeline.id, line_ids=False)
        lead.action_set_lost(lost_reason_id=self.reason.id)
        self.other_new.unlink()
        with self.assertRaisesRegex(UserError, "Fleet.* no open stage"):
            lead.action_restore()
        self.assertEqual(lead.won_status, "lost")

    def test_probability_of_what_is_closed_stays(self):
        """A won or lost deal with any other probability would count as open in forecasts."""
        lost, won = self._create_leads(2)
        lost.action_set_lost(lost_reason_id=self.reason.id)
        won.action_set_won()
        for lead, advice in ((lost, "Restore it"), (won, "Move it to another stage")):
            with (
                self.subTest(lead=lead.won_status),
                self.assertRaisesRegex(ValidationError, advice),
                self.cr.savepoint(),
            ):
                lead.with_user(self.agent).probability = 50

    def test_restore_where_the_stage_is_gone(self):
        lead = self._create_leads(stage_id=self.stage_offer.id)
        lead.action_set_lost(lost_reason_id=self.reason.id)
        self.stage_offer.active = False
        lead.action_restore()
        self.assertEqual(lead.stage_id, self.stage_inbox)

    def test_leads_lost_by_archiving_stay_lost_and_are_restored_like_in_stock(self):
        lead = self._create_leads(stage_id=self.stage_offer.id)
        lead.action_archive()
        lead.write({"probability": 0, "automated_probability": 0, "lost_reason_id": self.reason.id})
        self.assertEqual(lead.won_status, "lost")
        lead.action_restore()
        self.assertEqual(lead.won_status, "pending")
        self.assertEqual(lead.stage_id, self.stage_offer)
        self.assertTrue(lead.active)

    def test_merge_keeps_the_loss_of_the_head_only(self):
        head, lost = self._create_leads(2)
        lost.action_set_lost(lost_reason_id=self.reason.id, lost_note="A note")
        merged = (head + lost)._merge_opportunity(auto_unlink=False)
        self.assertEqual(merged, head)
        self.assertFalse(merged.lost_note)
        self.assertEqual(merged.won_status, "pending")

    def test_lost_leads_are_not_converted(self):
        lead = self._create_leads(type="lead")
        lead.action_set_lost(lost_reason_id=self.reason.id)
        lead.convert_opportunity(self.env["res.partner"])
        self.assertEqual(lead.type, "lead")

    def test_lost_leads_are_not_assigned(self):
        team = self.env["crm.team"].create({"name": "Dealers' desk"})
        lead, lost = self._create_leads(2, user_id=False, team_id=team.id, date_open=False)
        lost.action_set_lost(lost_reason_id=self.reason.id)
        self.assertEqual(team.lead_unassigned_count, 1)
        found = self.env["crm.lead"].search(team._get_lead_to_assign_domain())
        self.assertIn(lead, found)
        self.assertNotIn(lost, found)
        found = self.env["crm.lead"].with_context(bpo_crm_without_lost=True).search([])
        self.assertIn(lead, found)
        self.assertNotIn(lost, found)


@tagged("post_install", "-at_install")
class TestLostSeenByStock(LostCommon):
    """Scoring, rotting, filters and reports take a lead in a lost stage for lost."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.config_parameter"].set_param("crm.pls_start_date", "2000-01-01")
        cls.team = cls.env["crm.team"].create({"name": "Scored team"})
        cls.stages = cls.pipeline.stage_ids

    def _get_losses(self):
        """Return how many losses are counted for each stage of the pipeline, in their order."""
        frequencies = self.env["crm.lead.scoring.frequency"].search(
            [("variable", "=", "stage_id"), ("team_id", "=", self.team.id)]
        )
        # stock starts every count with 0.1, and never goes below that
        counts = {int(each.value): round(each.lost_count) for each in frequencies}
        return [counts.get(stage.id, 0) for stage in self.stages]

    def test_losses_are_counted_up_to_the_stage_they_came_from(self):
        first, second = self._create_leads(2, team_id=self.team.id)
        second.stage_id = self.stage_offer
        (first + second).action_set_lost(lost_reason_id=self.reason.id)
        live = self._get_losses()
        self.assertEqual(live, [2, 1, 1, 0, 0])
        self.env["crm.lead.scoring.frequency"].search([]).unlink()
        self.env["crm.lead"]._rebuild_pls_frequency_table()
        self.assertEqual(self._get_losses(), live)

    def test_losses_are_taken_back_where_they_were_counted(self):
        lead, other = self._create_leads(2, team_id=self.team.id, stage_id=self.stage_offer.id)
        (lead + other).action_set_lost(lost_reason_id=self.reason.id)
        lead.stage_id = self.stage_inbox
        self.assertEqual(self._get_losses(), [1, 1, 1, 0, 0])
        self.assertGreater(lead.probability, 0)
        other.action_restore()
        self.assertEqual(self._get_losses(), [0, 0, 0, 0, 0])

    def test_lead_created_as_lost_counts_for_the_first_stage(self):
        self._create_leads(
            team_id=self.team.id, stage_id=self.stage_gone.id, lost_reason_id=self.reason.id
        )
        self.assertEqual(self._get_losses(), [1, 0, 0, 0, 0])

    def test_an_archived_stage_is_refused_also_to_what_stock_has_lost(self):
        """Scoring counts before it is asked whether they may be there, and knows active ones."""
        lead = self._create_leads(team_id=self.team.id)
        lead.write({"active": False, "lost_reason_id": self.reason.id, "probability": 0})
        self.assertEqual(lead.won_status, "lost")
        self.stage_sold.active = False
        with self.assertRaisesRegex(ValidationError, "archived"), self.cr.savepoint():
            lead.with_user(self.agent).stage_id = self.stage_sold
        self.assertEqual(self._get_losses(), [1, 0, 0, 0, 0])

    def test_scoring_leaves_lost_leads_alone(self):
        lead = self._create_leads()
        lead.action_set_lost(lost_reason_id=self.reason.id)
        self.env["crm.lead"]._cron_update_automated_probabilities()
        lead.invalidate_recordset()
        self.assertEqual((lead.probability, lead.automated_probability), (0, 0))

    def test_lost_leads_do_not_rot(self):
        self.stages.rotting_threshold_days = 3
        lead, lost = self._create_leads(2)
        lost.action_set_lost(lost_reason_id=self.reason.id)
        (lead + lost).date_last_stage_update = fields.Datetime.now() - timedelta(days=30)
        self.assertTrue(lead.is_rotting)
        self.assertFalse(lost.is_rotting)

    def _get_filter(self, view, name):
        """Return the domain of a filter as the web client gets it."""
        arch = self.env["crm.lead"].get_view(self.env.ref(view).id, "search")["arch"]
        [node] = etree.fromstring(arch).xpath(f"//filter[@name='{name}']")
        return ast.literal_eval(node.get("domain"))

    def test_filters(self):
        lead, lost, archived = self._create_leads(3)
        lost.action_set_lost(lost_reason_id=self.reason.id)
        archived.action_archive()
        archived.write({"probability": 0, "automated_probability": 0})
        leads = lead + lost + archived
        for view, name, expected in (
            ("crm.view_crm_case_opportunities_filter", "filter_won_status_lost", lost + archived),
            ("crm.view_crm_case_opportunities_filter", "filter_won_status_pending", lead),
            ("crm.view_crm_case_opportunities_filter", "open_opportunities", lead),
            ("crm.view_crm_case_leads_filter", "lost", lost + archived),
            ("crm.view_crm_case_leads_filter", "to_process", lead),
            ("crm.crm_opportunity_report_view_search", "filter_won_status_lost", lost + archived),
            ("crm.crm_lead_view_search_forecast", "filter_not_lost", lead),
        ):
            domain = self._get_filter(view, name)
            found = self.env["crm.lead"].search([("id", "in", leads.ids), *domain])
            self.assertEqual(found, expected.sorted(), f"{view}, {name}")

    def test_the_reason_counts_its_leads(self):
        leads = self._create_leads(2)
        leads.action_set_lost(lost_reason_id=self.reason.id)
        self.assertEqual(self.reason.leads_count, 2)
        action = self.reason.action_lost_leads()
        found = self.env["crm.lead"].with_context(**action["context"]).search(action["domain"])
        self.assertEqual(found, leads.sorted())


@tagged("post_install", "-at_install")
class TestLostReason(LostCommon):
    """The list of reasons."""

    def test_codes_are_upper_case_and_unique(self):
        reason = self.env["crm.lost.reason"].create({"name": "Hail damage", "code": " hail "})
        self.assertEqual(reason.code, "HAIL")
        reason.code = "Hail_2"
        self.assertEqual(reason.code, "HAIL_2")
        reason.active = False
        with self.assertRaises(IntegrityError), self.cr.savepoint(), mute_logger("odoo.sql_db"):
            self.env["crm.lost.reason"].create({"name": "Hail again", "code": "hail_2"})

    def test_code_is_made_of_the_label_and_stays(self):
        first, second = self.env["crm.lost.reason"].create([{"name": "Zu teuer, müde"}] * 2)
        self.assertEqual((first.code, second.code), ("ZU_TEUER_MUDE", "ZU_TEUER_MUDE_2"))
        first.name = "Too expensive, tired"
        self.assertEqual(first.code, "ZU_TEUER_MUDE")

    def test_found_by_code_and_by_label(self):
        for text in ("TEST_ELSE", "Something else"):
            found = self.env["crm.lost.reason"].name_search(text)
            self.assertEqual([each[0] for each in found], self.reason_other.ids)

    def test_only_managers_change_reasons(self):
        with self.assertRaises(AccessError):
            self.reason.with_user(self.agent).name = "Mine"
        self.reason.with_user(self.manager).name = "Ours"
        self.assertEqual(self.reason.name, "Ours")

    def test_list_of_stock_becomes_the_starter_list(self):
        # as if freshly installed: leads of the demo data would keep their reasons from deletion
        self.env.cr.execute("UPDATE crm_lead SET lost_reason_id = NULL")
        self.env.invalidate_all()
        self.env["crm.lost.reason"].with_context(active_test=False).search([]).unlink()
        names = {
            "crm.lost_reason_1": "Too expensive",
            "crm.lost_reason_2": "We don't have people/skills",
            "crm.lost_reason_3": "Not enough stock",
        }
        stock = self.env["crm.lost.reason"]._load_records(
            [{"xml_id": xml_id, "values": {"name": name}} for xml_id, name in names.items()]
        )
        starters = [
            ("crm.lost_reason_2", {"code": "NOT_OFFERED", "name": "Not offered there"}),
            ("bpo_crm.lost_reason_x", {"code": "X", "name": "X", "note_required": True}),
        ]
        self.env["crm.lost.reason"]._load_starter_reasons(starters)
        reasons = self.env["crm.lost.reason"].search([])
        self.assertEqual(len(reasons), 4)
        self.assertEqual(stock[1].code, "NOT_OFFERED")
        self.assertTrue(self.env.ref("bpo_crm.lost_reason_x").note_required)

    def test_list_made_by_people_stays_as_it_is(self):
        reasons = self.env["crm.lost.reason"].search([])
        before = reasons.mapped("name")
        self.env["crm.lost.reason"]._load_starter_reasons(
            [("bpo_crm.lost_reason_y", {"code": "Y", "name": "Y"})]
        )
        self.assertEqual(self.env["crm.lost.reason"].search([]).mapped("name"), before)

    def test_starter_list_as_installed(self):
        other = self.env.ref("bpo_crm.lost_reason_other")
        self.assertEqual(other.code, "OTHER")
        self.assertTrue(other.note_required)
        self.assertEqual(self.env.ref("crm.lost_reason_1").code, "PRICE")


@tagged("post_install", "-at_install")
class TestReservedStages(LostCommon):
    """Stages created for teams, by code that knows no pipelines."""

    def test_reserved_stages_come_into_the_default_pipeline(self):
        team = self.env["crm.team"].create({"name": "Vans"})
        pipelines = self.env["bpo.pipeline"].search([])
        stages = self.env["crm.stage"].create(
            [
                {"name": "Vans asked for", "team_ids": team.ids},
                {"name": "Vans offered", "team_ids": [Command.set(team.ids)]},
            ]
        )
        self.assertEqual(stages.pipeline_id, pipelines[0])
        self.assertEqual(self.env["bpo.pipeline"].search([]), pipelines)

    def test_reserved_stages_join_those_of_their_teams(self):
        vans, boats = self.env["crm.team"].create([{"name": "Vans"}, {"name": "Boats"}])
        default = self.env["bpo.pipeline"].search([], limit=1)
        stages = self.env["crm.stage"]
        stages.create({"name": "Start", "team_ids": vans.ids, "pipeline_id": self.pipeline.id})
        joined = stages.create({"name": "Second", "team_ids": vans.ids})
        self.assertEqual(joined.pipeline_id, self.pipeline)
        both = stages.create({"name": "For both", "team_ids": (vans + boats).ids})
        self.assertEqual(both.pipeline_id, default)
        # now the stages of the first team are in two pipelines
        again = stages.create({"name": "Third", "team_ids": vans.ids})
        self.assertEqual(again.pipeline_id, default)

    def test_named_pipeline_is_kept(self):
        team = self.env["crm.team"].create({"name": "Vans"})
        stage = self.env["crm.stage"].create(
            {"name": "For vans", "team_ids": team.ids, "pipeline_id": self.pipeline.id}
        )
        self.assertEqual(stage.pipeline_id, self.pipeline)

    def test_lead_handed_over_from_team_to_team(self):
        teams = self.env["crm.team"].create([{"name": "Vans"}, {"name": "Trucks"}])
        first, second = self.env["crm.stage"].create(
            [
                {"name": "Begin", "team_ids": team.ids, "pipeline_id": pipeline.id, "sequence": 1}
                for team, pipeline in zip(teams, self.pipeline + self.other_pipeline, strict=True)
            ]
        )
        leads = self.env["crm.lead"].with_user(self.agent)
        lead = leads.create({"name": "A van", "team_id": teams[0].id, "user_id": self.agent.id})
        self.assertEqual(lead.stage_id, first)
        lead.team_id = teams[1]
        self.assertEqual(lead.stage_id, second)
        self.assertEqual(lead.pipeline_id, second.pipeline_id)

    def test_lead_handed_over_with_a_stage_of_the_team(self):
        team = self.env["crm.team"].create({"name": "Vans"})
        stage = self.env["crm.stage"].create(
            {"name": "Start", "team_ids": team.ids, "pipeline_id": self.other_pipeline.id}
        )
        lead = self._create_leads()
        lead.write({"team_id": team.id, "stage_id": stage.id})
        self.assertEqual(lead.pipeline_id, stage.pipeline_id)
        self.assertEqual(lead.stage_id, stage)
