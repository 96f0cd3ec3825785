# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import datetime

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import BpoCrmCommon


@tagged("post_install", "-at_install")
class TestLeadMoves(BpoCrmCommon):
    """The rules of moving a lead (design, section 3), by every way into the server."""

    def _assert_refused(self, leads, values, text):
        """Writing ``values`` fails with ``text`` in the message, and changes nothing."""
        before = leads.sudo().read(["stage_id", "pipeline_id", "closed_status", "probability"])
        orders = self.env["bpo.dealer.order"].search_count([])
        with self.assertRaisesRegex(UserError, text), self.cr.savepoint():
            leads.write(values)
        leads.invalidate_recordset()
        self.assertEqual(
            leads.sudo().read(["stage_id", "pipeline_id", "closed_status", "probability"]), before
        )
        self.assertEqual(self.env["bpo.dealer.order"].search_count([]), orders)

    # -- a new lead --

    def test_new_lead_starts_in_first_open_stage(self):
        lead = self._create_leads()
        self.assertEqual(lead.stage_id, self.stage_inbox)
        self.assertEqual(lead.won_status, "pending")

    def test_new_lead_follows_given_stage(self):
        lead = self.env["crm.lead"].create({"name": "By stage", "stage_id": self.stage_offer.id})
        self.assertEqual(lead.pipeline_id, self.pipeline)
        self.assertEqual(lead.stage_id, self.stage_offer)

    def test_new_lead_without_anything_gets_default_pipeline(self):
        lead = self.env["crm.lead"].create({"name": "Bare"})
        default = self.env["bpo.pipeline"].search([], limit=1)
        self.assertEqual(lead.pipeline_id, default)
        self.assertEqual(lead.stage_id.pipeline_id, default)

    def test_mail_gateway_lead_gets_a_stage(self):
        lead = self.env["crm.lead"].message_new(
            {"subject": "Do you have it in red?", "from": "someone@example.com", "body": "?"}
        )
        self.assertEqual(lead.stage_id.pipeline_id, lead.pipeline_id)
        self.assertFalse(lead.closed_status)

    # -- rule 1: the stage belongs to the pipeline --

    def test_foreign_stage_is_refused(self):
        self._assert_refused(
            self._create_leads(), {"stage_id": self.other_new.id}, "belongs to the pipeline “Fleet”"
        )

    def test_foreign_stage_is_refused_on_create(self):
        with (
            self.assertRaisesRegex(ValidationError, "belongs to the pipeline"),
            self.cr.savepoint(),
        ):
            self._create_leads(stage_id=self.other_new.id)

    def test_service_stage_is_refused(self):
        stage = self.env["crm.stage"].create({"name": "Received?", "stage_type": "service"})
        self._assert_refused(self._create_leads(), {"stage_id": stage.id}, "service stage")

    def test_archived_stage_is_refused(self):
        self.stage_offer.active = False
        self._assert_refused(self._create_leads(), {"stage_id": self.stage_offer.id}, "archived")

    def test_archived_won_stage_is_refused_by_the_same_words_on_create(self):
        self.stage_sold.active = False
        with self.assertRaisesRegex(ValidationError, "“Sold” is archived"), self.cr.savepoint():
            self._create_leads(stage_id=self.stage_sold.id)

    def test_pipeline_alone_moves_to_its_first_open_stage(self):
        leads = self._create_leads(2)
        leads[0].stage_id = self.stage_offer
        leads.write({"pipeline_id": self.other_pipeline.id})
        self.assertEqual(leads.stage_id, self.other_new)

    def test_pipeline_with_its_stage(self):
        lead = self._create_leads()
        lead.write({"pipeline_id": self.other_pipeline.id, "stage_id": self.other_new.id})
        self.assertEqual(lead.stage_id, self.other_new)

    def test_pipeline_with_foreign_stage_is_refused(self):
        self._assert_refused(
            self._create_leads(),
            {"pipeline_id": self.other_pipeline.id, "stage_id": self.stage_offer.id},
            "belongs to the pipeline “Vehicles”",
        )

    def test_same_pipeline_keeps_stage(self):
        lead = self._create_leads()
        lead.stage_id = self.stage_offer
        lead.write({"pipeline_id": self.pipeline.id})
        self.assertEqual(lead.stage_id, self.stage_offer)

    def test_pipeline_alone_of_leads_of_which_some_stay(self):
        staying, moving = self._create_leads(2)
        moving.pipeline_id = self.other_pipeline
        staying.stage_id = self.stage_offer
        (staying + moving).write({"pipeline_id": self.pipeline.id, "city": "Springfield"})
        self.assertEqual(staying.stage_id, self.stage_offer)
        self.assertEqual(moving.stage_id, self.stage_inbox)
        self.assertEqual((staying + moving).mapped("city"), ["Springfield"] * 2)

    def test_form_changes_stage_with_pipeline(self):
        lead = self._create_leads()
        with Form(lead) as form:
            form.pipeline_id = self.other_pipeline
            self.assertEqual(form.stage_id, self.other_new)
        self.assertEqual(lead.stage_id, self.other_new)

    def test_message_lists_every_lead(self):
        leads = self._create_leads(2)
        leads[0].name, leads[1].name = "First one", "Second one"
        with (
            self.assertRaisesRegex(ValidationError, "First one.*\n.*Second one"),
            self.cr.savepoint(),
        ):
            leads.write({"stage_id": self.other_new.id})

    def test_import_checks_stages(self):
        fields = ["name", "pipeline_id/.id", "stage_id/.id"]
        result = self.env["crm.lead"].load(
            fields,
            [
                ["Imported well", str(self.pipeline.id), str(self.stage_offer.id)],
                ["Imported badly", str(self.pipeline.id), str(self.other_new.id)],
            ],
        )
        self.assertFalse(result["ids"])
        self.assertIn("belongs to the pipeline", result["messages"][0]["message"])
        self.assertFalse(self.env["crm.lead"].search([("name", "like", "Imported %")]))

    def test_lead_is_always_in_a_stage(self):
        lead = self._create_leads().with_user(self.agent)
        self._assert_refused(lead, {"stage_id": False}, "choose one of the pipeline “Vehicles”")
        new_lead = (
            self.env["crm.lead"]
            .with_user(self.agent)
            .create({"name": "Empty cell", "pipeline_id": self.pipeline.id, "stage_id": False})
        )
        self.assertEqual(new_lead.stage_id, self.stage_inbox)

    def test_pipeline_without_open_stage_takes_no_new_leads(self):
        closing = self.env["bpo.pipeline"].create({"name": "Closing only"})
        closing.stage_ids.filtered(lambda stage: not stage._get_closed_status()).unlink()
        with self.assertRaisesRegex(ValidationError, "no open stage"), self.cr.savepoint():
            self.env["crm.lead"].with_user(self.agent).create(
                {"name": "Nowhere", "pipeline_id": closing.id}
            )

    # -- rule 2: forward only --

    def test_forward_only_agent_advances_one_stage(self):
        self.pipeline.forward_only = True
        lead = self._create_leads().with_user(self.agent)
        self._assert_refused(lead, {"stage_id": self.stage_offer.id}, "Inbox.*Contacted.*Mark Won")
        lead.stage_id = self.stage_contacted
        lead.stage_id = self.stage_offer
        self._assert_refused(lead, {"stage_id": self.stage_inbox.id}, "last open stage")

    def test_forward_only_never_blocks_closing(self):
        self.pipeline.forward_only = True
        won, lost = self._create_leads(2).with_user(self.agent)
        won.action_set_won()
        lost.action_set_lost(lost_reason_id=self.reason.id)
        self.assertEqual(won.won_status, "won")
        self.assertEqual(lost.won_status, "lost")

    def test_forward_only_manager_corrects(self):
        self.pipeline.forward_only = True
        lead = self._create_leads().with_user(self.manager)
        lead.stage_id = self.stage_offer
        lead.stage_id = self.stage_inbox
        self.assertEqual(lead.stage_id, self.stage_inbox)

    def test_forward_only_has_no_side_doors(self):
        self.pipeline.forward_only = True
        leads = self._create_leads(3).with_user(self.agent)
        to_offer = {"stage_id": self.stage_offer.id}
        self._assert_refused(leads[0].with_context(bpo_crm_restore=True), to_offer, "only next")
        leads[1].write({"pipeline_id": self.other_pipeline.id})
        self._assert_refused(
            leads[1],
            {**to_offer, "pipeline_id": self.pipeline.id},
            "enter this pipeline at “Inbox”",
        )
        leads[2].action_set_lost(lost_reason_id=self.reason.id)
        self._assert_refused(leads[2], to_offer, "only next")
        leads[2].action_restore()
        self.assertEqual(leads[2].stage_id, self.stage_inbox)
        with self.assertRaisesRegex(ValidationError, "enter this pipeline"), self.cr.savepoint():
            self.env["crm.lead"].with_user(self.agent).create(self._prepare_lead(**to_offer))

    def test_forward_only_lets_lost_leads_back_to_where_they_were(self):
        self.pipeline.forward_only = True
        lead = self._create_leads(stage_id=self.stage_offer.id).with_user(self.agent)
        lead.action_set_lost(lost_reason_id=self.reason.id)
        lead.action_restore()
        self.assertEqual(lead.stage_id, self.stage_offer)

    # -- rule 3: lost needs a reason --

    def test_lost_without_reason_is_refused(self):
        self._assert_refused(
            self._create_leads(2), {"stage_id": self.stage_gone.id}, "a lost reason is needed"
        )

    def test_lost_with_reason(self):
        lead = self._create_leads()
        lead.write({"stage_id": self.stage_gone.id, "lost_reason_id": self.reason.id})
        self.assertEqual(lead.won_status, "lost")
        self.assertEqual(lead.probability, 0)
        self.assertTrue(lead.active)
        self.assertTrue(lead.date_closed)
        self.assertEqual(lead.lost_from_stage_id, self.stage_inbox)

    def test_created_straight_into_lost(self):
        with (
            self.assertRaisesRegex(ValidationError, "a lost reason is needed"),
            self.cr.savepoint(),
        ):
            self._create_leads(stage_id=self.stage_gone.id)
        lead = self._create_leads(stage_id=self.stage_gone.id, lost_reason_id=self.reason.id)
        self.assertEqual(lead.won_status, "lost")
        self.assertEqual(lead.probability, 0)

    def test_quick_create_in_the_lost_column(self):
        quick = self.env["crm.lead"].with_user(self.agent)
        quick = quick.with_context(default_stage_id=self.stage_gone.id)
        with self.assertRaisesRegex(ValidationError, "lost reason"), self.cr.savepoint():
            quick.name_create("Lost at once")
        lead = quick.create({"name": "Lost for a reason", "lost_reason_id": self.reason.id})
        self.assertEqual(lead.closed_status, "lost")
        self.assertEqual(lead.won_status, "lost")
        self.assertEqual(lead.probability, 0)
        self.assertTrue(lead.date_closed)

    def test_losing_by_archiving_asks_for_a_reason_too(self):
        lead = self._create_leads().with_user(self.agent)
        stock = {"active": False, "probability": 0}
        self._assert_refused(lead, stock, "lost reason")
        lead.write({**stock, "lost_reason_id": self.reason.id})
        self.assertEqual(lead.won_status, "lost")

    def test_losses_are_explained_anew_by_the_same_rules(self):
        other = self.env["crm.lost.reason"].create({"name": "Else, test", "note_required": True})
        elsewhere = self.env["crm.lost.reason"].create(
            {"name": "Fleet only, test", "pipeline_ids": self.other_pipeline.ids}
        )
        lead = self._create_leads().with_user(self.agent)
        lead.action_set_lost(lost_reason_id=self.reason.id)
        self._assert_refused(lead, {"lost_reason_id": other.id}, "needs a note")
        self._assert_refused(lead, {"lost_reason_id": elsewhere.id}, "not one of the pipeline")
        lead.write({"lost_reason_id": other.id, "lost_note": "Moved abroad"})
        self._assert_refused(lead, {"lost_note": " "}, "needs a note")

    def test_another_reason_is_no_move(self):
        """Who corrects a reason is not told that nothing was moved; who moves is."""
        elsewhere = self.env["crm.lost.reason"].create(
            {"name": "Fleet only, test", "pipeline_ids": self.other_pipeline.ids}
        )
        lead = self._create_leads(name="Explained anew").with_user(self.agent)
        lead.action_set_lost(lost_reason_id=self.reason.id)
        self._assert_refused(
            lead,
            {"lost_reason_id": elsewhere.id},
            "^The lost reason stays as it was.*\n- Explained anew: .*not one of the pipeline",
        )
        self._assert_refused(
            self._create_leads(),
            {"stage_id": self.stage_gone.id, "lost_reason_id": elsewhere.id},
            "^Nothing was moved.*\n.*not one of the pipeline",
        )

    # -- the open list of rules, and the follow-up --

    def test_rules_and_follow_up_are_open(self):
        """A rule that is added is asked once per batch, and knows where the leads come from."""
        leads = self._create_leads(2)
        leads[1].action_set_lost(lost_reason_id=self.reason.id)
        model = self.env.registry["crm.lead"]
        asked, followed = [], []

        def rule(records, origins):
            asked.append(origins)
            return {lead: ["not today"] for lead in records if lead.stage_id == self.stage_offer}

        def get_move_rules(records):
            return [*get_move_rules.origin(records), lambda origins: rule(records, origins)]

        def follow_up_move(records, origins):
            followed.append(records)
            return follow_up_move.origin(records, origins)

        self._patch_method(model, "_get_move_rules", get_move_rules)
        self._patch_method(model, "_follow_up_move", follow_up_move)
        self._assert_refused(leads, {"stage_id": self.stage_offer.id}, "not today(.|\n)*not today")
        self.assertFalse(followed)
        leads.write({"stage_id": self.stage_contacted.id})
        self.assertEqual(followed, [leads])
        self.assertEqual(len(asked), 2)
        self.assertEqual(asked[1][leads[0]], (self.stage_inbox, False, self.stage_inbox))
        self.assertEqual(asked[1][leads[1]], (self.stage_gone, "lost", self.stage_inbox))

    def _patch_method(self, model, name, method):
        method.origin = getattr(model, name)
        self.patch(model, name, method)

    # -- rule 4: won needs a lead that is ready --

    def test_won_lists_all_that_is_missing(self):
        self.dealership.write({"odoo_url": False})
        lead = self._create_leads(contact_name=False, email_from=False, line_ids=[])
        with self.assertRaises(ValidationError) as refused, self.cr.savepoint():
            lead.action_set_won()
        message = str(refused.exception)
        for part in ("connection of Northside Motors lacks", "no units", "no name", "e-mail"):
            self.assertIn(part, message)
        self.assertEqual(lead.stage_id, self.stage_inbox)
        self.assertFalse(lead.dealer_order_id)

    def test_won_without_dealership(self):
        self._assert_refused(
            self._create_leads(dealership_id=False),
            {"stage_id": self.stage_sold.id},
            "no dealership",
        )

    def test_won_creates_one_order(self):
        lead = self._create_leads().with_user(self.agent)
        lead.stage_id = self.stage_sold
        self.assertEqual(lead.won_status, "won")
        self.assertEqual(lead.probability, 100)
        self.assertEqual(lead.dealer_order_state, "pending")
        self.assertEqual(len(self.env["bpo.dealer.order"].search([("lead_id", "=", lead.id)])), 1)

    def test_won_with_missing_values_in_same_write(self):
        lead = self._create_leads(dealership_id=False)
        lead.write({"stage_id": self.stage_sold.id, "dealership_id": self.dealership.id})
        self.assertEqual(lead.dealer_order_state, "pending")

    def test_created_straight_into_won(self):
        lead = self._create_leads(stage_id=self.stage_sold.id)
        self.assertEqual(lead.won_status, "won")
        self.assertEqual(lead.dealer_order_state, "pending")
        with self.assertRaisesRegex(ValidationError, "no dealership"), self.cr.savepoint():
            self._create_leads(stage_id=self.stage_sold.id, dealership_id=False)

    def test_quick_create_in_the_won_column(self):
        quick = self.env["crm.lead"].with_user(self.agent)
        quick = quick.with_context(
            default_stage_id=self.stage_sold.id, default_closed_status="lost"
        )
        with self.assertRaisesRegex(ValidationError, "no dealership"), self.cr.savepoint():
            quick.name_create("Won at once")
        lead = quick.create(self._prepare_lead())
        self.assertEqual(lead.closed_status, "won")
        self.assertEqual(lead.dealer_order_state, "pending")

    def test_defaults_do_not_close_open_leads(self):
        lead = (
            self.env["crm.lead"]
            .with_context(default_won_status="won", default_closed_status="won")
            .create({"name": "x"})
        )
        self.assertFalse(lead.closed_status)
        self.assertEqual(lead.won_status, "pending")

    def test_close_date_of_imported_leads_is_kept(self):
        leads = (
            self.env["crm.lead"]
            .with_context(bpo_crm_no_push=True)
            .create(
                [
                    {
                        "name": "Long ago",
                        "stage_id": stage.id,
                        "lost_reason_id": stage.is_lost and self.reason.id,
                        "date_closed": "2020-02-02 12:00:00",
                    }
                    for stage in (self.stage_sold, self.stage_gone)
                ]
            )
        )
        self.assertEqual({str(lead.date_closed) for lead in leads}, {"2020-02-02 12:00:00"})

    def test_only_managers_import_history_without_push(self):
        leads = self.env["crm.lead"].with_context(bpo_crm_no_push=True)
        values = {"name": "Long ago", "stage_id": self.stage_sold.id}
        with self.assertRaisesRegex(ValidationError, "no dealership"), self.cr.savepoint():
            leads.with_user(self.agent).create(values)
        self.assertEqual(leads.with_user(self.manager).create(values).won_status, "won")

    def test_one_bad_lead_keeps_the_batch(self):
        leads = self._create_leads(3)
        leads[1].dealership_id = False
        self._assert_refused(leads, {"stage_id": self.stage_sold.id}, "no dealership")

    def test_import_of_won_leads_without_push(self):
        lead = (
            self.env["crm.lead"]
            .with_context(bpo_crm_no_push=True)
            .create({"name": "Long ago", "stage_id": self.stage_sold.id})
        )
        self.assertEqual(lead.won_status, "won")
        self.assertFalse(lead.dealer_order_id)

    def test_pipeline_that_does_not_push(self):
        lead = self.env["crm.lead"].create({"name": "Fleet", "stage_id": self.other_new.id})
        lead.action_set_won()
        self.assertEqual(lead.stage_id, self.other_won)
        self.assertFalse(lead.dealer_order_id)

    def test_no_won_stage_configured(self):
        self.stage_sold.is_won = False
        with (
            self.assertRaisesRegex(UserError, "No won stage configured.*Vehicles"),
            self.cr.savepoint(),
        ):
            self._create_leads().action_set_won()

    def test_no_lost_stage_configured(self):
        self.stage_gone.is_lost = False
        with (
            self.assertRaisesRegex(UserError, "No lost stage configured.*Vehicles"),
            self.cr.savepoint(),
        ):
            self._create_leads().action_set_lost(lost_reason_id=self.reason.id)

    def test_flagging_a_stage_with_leads_wins_them_by_the_same_rules(self):
        self.stage_sold.is_won = False
        lead = self._create_leads(stage_id=self.stage_offer.id, dealership_id=False)
        with self.assertRaisesRegex(ValidationError, "no dealership"), self.cr.savepoint():
            self.stage_offer.is_won = True
        lead.dealership_id = self.dealership
        self.stage_offer.is_won = True
        self.assertEqual(lead.won_status, "won")
        self.assertEqual(lead.dealer_order_state, "pending")

    def _assert_wins_lost_leads(self, *writes):
        self.stage_sold.is_won = False
        lead = self._create_leads()
        lead.action_set_lost(lost_reason_id=self.reason.id, lost_note="Too far away")
        for vals in writes:
            self.stage_gone.write(vals)
        self.env.flush_all()
        expected = {
            "won_status": "won",
            "probability": 100,
            "automated_probability": 100,
            "lost_reason_id": False,
            "lost_note": False,
            "lost_from_stage_id": False,
            "dealer_order_state": "pending",
        }
        self.assertRecordValues(lead, [expected])

    def test_lost_stage_that_becomes_the_won_one_wins_its_leads(self):
        """As the form says before it is saved."""
        self._assert_wins_lost_leads({"is_won": True, "is_lost": False})

    def test_cleared_lost_stage_that_becomes_the_won_one_wins_its_leads(self):
        self._assert_wins_lost_leads({"is_lost": False}, {"is_won": True})

    def test_lost_stage_that_becomes_the_won_one_asks_the_rules(self):
        self.stage_sold.is_won = False
        lead = self._create_leads(dealership_id=False)
        lead.action_set_lost(lost_reason_id=self.reason.id)
        with self.assertRaisesRegex(ValidationError, "no dealership"), self.cr.savepoint():
            self.stage_gone.write({"is_won": True, "is_lost": False})
        self.assertEqual(lead.won_status, "lost")
        self.assertEqual(lead.lost_reason_id, self.reason)

    def test_won_stage_that_becomes_the_lost_one_asks_for_a_reason(self):
        self.stage_gone.is_lost = False
        lead = self._create_leads()
        lead.stage_id = self.stage_sold
        flags = {"is_won": False, "is_lost": True}
        with (
            self.assertRaisesRegex(ValidationError, "a lost reason is needed"),
            self.cr.savepoint(),
        ):
            self.stage_sold.write(flags)
        lead.lost_reason_id = self.reason
        self.stage_sold.write(flags)
        self.assertEqual(lead.won_status, "lost")
        self.assertEqual(lead.probability, 0)
        self.assertEqual(lead.dealer_order_state, "cancelled")

    def test_won_stage_flagged_again_keeps_close_dates(self):
        won = self._create_leads()
        won.stage_id = self.stage_sold
        won.date_closed = "2026-01-05 10:00:00"
        self.stage_sold.is_won = False
        opened = self._create_leads(stage_id=self.stage_sold.id)
        self.stage_sold.is_won = True
        self.env.flush_all()
        self.assertEqual(won.date_closed, datetime(2026, 1, 5, 10))
        self.assertEqual(opened.won_status, "won")
        self.assertTrue(opened.date_closed)

    def test_flag_that_is_there_already_changes_no_lead(self):
        """A lost lead may come back from the archive into what is a won stage by then."""
        lead = self._create_leads()
        lead.action_set_lost(lost_reason_id=self.reason.id)
        lead.active = False
        self.stage_sold.is_won = False
        self.stage_gone.write({"is_won": True, "is_lost": False})
        lead.action_unarchive()
        self.stage_gone.is_won = True
        self.assertEqual(lead.won_status, "lost")
        self.assertEqual(lead.lost_reason_id, self.reason)

    def test_lost_lead_in_what_is_the_won_stage_by_now_can_be_won(self):
        """It was in the archive when its stage became the won one, and came back as lost."""
        lead = self._create_leads()
        lead.action_set_lost(lost_reason_id=self.reason.id)
        lead.active = False
        self.stage_sold.is_won = False
        self.stage_gone.write({"is_won": True, "is_lost": False})
        lead.action_unarchive()
        lead.date_closed = "2026-01-05 10:00:00"
        lead.action_set_won()
        self.assertEqual(lead.won_status, "won")
        self.assertEqual(lead.probability, 100)
        self.assertFalse(lead.lost_reason_id)
        self.assertEqual(lead.dealer_order_state, "pending")
        self.assertGreater(lead.date_closed, datetime(2026, 1, 5, 10))

    def test_won_lead_in_what_is_the_lost_stage_by_now_can_be_lost(self):
        lead = self._create_leads()
        lead.stage_id = self.stage_sold
        lead.active = False
        self.stage_gone.is_lost = False
        self.stage_sold.write({"is_won": False, "is_lost": True})
        lead.action_unarchive()
        self.assertEqual(lead.won_status, "won")
        with (
            self.assertRaisesRegex(ValidationError, "a lost reason is needed"),
            self.cr.savepoint(),
        ):
            lead.action_set_lost()
        lead.action_set_lost(lost_reason_id=self.reason.id)
        self.assertEqual(lead.won_status, "lost")
        self.assertEqual(lead.dealer_order_state, "cancelled")

    # -- rule 5: out of won --

    def test_leaving_won_cancels_an_order_not_sent(self):
        lead = self._create_leads().with_user(self.agent)
        lead.stage_id = self.stage_sold
        lead.stage_id = self.stage_offer
        self.assertEqual(lead.dealer_order_state, "cancelled")
        self.assertEqual(lead.won_status, "pending")
        self.assertLess(lead.probability, 100)
        self.assertFalse(lead.date_closed)

    def test_leaving_won_by_pipeline_cancels_too(self):
        lead = self._create_leads()
        lead.stage_id = self.stage_sold
        lead.pipeline_id = self.other_pipeline
        self.assertEqual(lead.dealer_order_state, "cancelled")

    def test_sent_order_needs_a_manager_to_reopen(self):
        lead = self._create_leads()
        lead.stage_id = self.stage_sold
        lead.dealer_order_id.write({"state": "sent", "remote_id": 42, "remote_name": "S00042"})
        self._assert_refused(
            lead.with_user(self.agent), {"stage_id": self.stage_offer.id}, "S00042"
        )
        lead.with_user(self.manager).stage_id = self.stage_offer
        self.assertEqual(lead.won_status, "pending")
        self.assertIn("S00042", lead.message_ids[0].body)

    def test_winning_again_makes_no_second_order(self):
        lead = self._create_leads()
        lead.stage_id = self.stage_sold
        order = lead.dealer_order_id
        lead.stage_id = self.stage_offer
        lead.stage_id = self.stage_sold
        self.assertEqual(lead.dealer_order_id, order)
        self.assertEqual(order.state, "pending")
        order.write({"state": "sent", "remote_id": 42, "remote_name": "S00042"})
        lead.with_user(self.manager).stage_id = self.stage_offer
        lead.stage_id = self.stage_sold
        self.assertEqual(self.env["bpo.dealer.order"].search([("lead_id", "=", lead.id)]), order)
        self.assertEqual(order.state, "sent")

    # -- rule 6: out of lost --

    def test_leaving_lost_clears_the_reason(self):
        lead = self._create_leads()
        lead.write(
            {
                "stage_id": self.stage_gone.id,
                "lost_reason_id": self.reason.id,
                "lost_note": "Too far away",
            }
        )
        lead.stage_id = self.stage_offer
        self.assertFalse(lead.lost_reason_id)
        self.assertFalse(lead.lost_note)
        self.assertEqual(lead.won_status, "pending")
        self.assertFalse(lead.date_closed)
        self.assertGreater(lead.probability, 0)

    def test_restore_returns_to_the_stage_it_was_lost_from(self):
        lead = self._create_leads(stage_id=self.stage_offer.id).with_user(self.agent)
        lead.action_set_lost(lost_reason_id=self.reason.id)
        self.assertEqual(lead.stage_id, self.stage_gone)
        lead.action_restore()
        self.assertEqual(lead.stage_id, self.stage_offer)
        self.assertEqual(lead.won_status, "pending")

    # -- outcomes last --

    def test_clearing_flags_keeps_outcomes(self):
        won = self._create_leads()
        won.stage_id = self.stage_sold
        lost = self._create_leads()
        lost.action_set_lost(lost_reason_id=self.reason.id)
        closed = won.date_closed
        self.stage_sold.is_won = False
        self.stage_gone.is_lost = False
        (won + lost).write({"name": "Edited later", "city": "Elsewhere"})
        (won + lost)._compute_probabilities()
        (won + lost).modified(["probability", "stage_id"])
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(won.won_status, "won")
        self.assertEqual(won.probability, 100)
        self.assertEqual(won.date_closed, closed)
        self.assertEqual(lost.won_status, "lost")
        self.assertEqual(lost.probability, 0)

    def test_probability_of_closed_leads_is_fixed(self):
        lead = self._create_leads()
        lead.action_set_lost(lost_reason_id=self.reason.id)
        with self.assertRaisesRegex(ValidationError, "probability is 0"), self.cr.savepoint():
            lead.probability = 50
            self.env.flush_all()

    def test_outcome_and_order_cannot_be_written_by_hand(self):
        lead = self._create_leads().with_user(self.manager)
        for values in (
            {"closed_status": "won"},
            {"won_status": "won"},
            {"dealer_so_name": "S99999"},
            {"dealer_order_state": "sent", "city": "Anywhere"},
            {"lost_from_stage_id": self.stage_offer.id},
        ):
            self._assert_refused(lead, values, "cannot be written")
        with self.assertRaisesRegex(UserError, "cannot be written"), self.cr.savepoint():
            self.env["crm.lead"].with_user(self.manager).create(
                self._prepare_lead(closed_status="won")
            )

    # -- money --

    def test_expected_revenue_follows_units(self):
        lead = self._create_leads()
        self.assertEqual(lead.expected_revenue, 20000)
        lead.line_ids.quantity = 2
        self.assertEqual(lead.expected_revenue, 40000)
        lead.expected_revenue = 5
        self.assertEqual(lead.expected_revenue, 40000)

    def test_expected_revenue_is_typed_without_units(self):
        lead = self._create_leads(line_ids=[], expected_revenue=123)
        self.assertEqual(lead.expected_revenue, 123)

    def test_units_are_fixed_while_the_dealer_has_them(self):
        lead = self._create_leads().with_user(self.agent)
        lead.stage_id = self.stage_sold
        for change in (
            {"line_ids": [Command.update(lead.line_ids.id, {"quantity": 3})]},
            {"line_ids": [Command.create({"product_id": self.product.id})]},
            {"line_ids": [Command.delete(lead.line_ids.id)]},
        ):
            with self.assertRaisesRegex(UserError, "Move them out of Won"), self.cr.savepoint():
                lead.write(change)
        lead.stage_id = self.stage_offer
        lead.line_ids.quantity = 3
        self.assertEqual(lead.expected_revenue, 60000)

    # -- copy, delete, merge --

    def test_copy_starts_without_order_and_outcome(self):
        lead = self._create_leads()
        lead.stage_id = self.stage_sold
        copy = lead.copy()
        self.assertFalse(copy.dealer_order_id)
        self.assertFalse(copy.closed_status)
        self.assertEqual(copy.stage_id, self.stage_inbox)
        self.assertEqual(len(copy.line_ids), 1)

    def test_ordered_lead_cannot_be_deleted(self):
        lead = self._create_leads()
        lead.stage_id = self.stage_sold
        with self.assertRaisesRegex(UserError, "cannot be deleted"), self.cr.savepoint():
            lead.unlink()
        lead.stage_id = self.stage_offer
        lead.unlink()
        self.assertFalse(lead.exists())

    def test_dealership_is_fixed_while_an_order_is_live(self):
        lead = self._create_leads()
        lead.stage_id = self.stage_sold
        other = self.dealership.create(
            self._prepare_dealership(name="Southside Motors", code="SOUTH")
        )
        with self.assertRaisesRegex(UserError, "another dealership"), self.cr.savepoint():
            lead.dealership_id = other

    def test_reopened_lead_keeps_its_dealership(self):
        lead = self._create_leads()
        lead.stage_id = self.stage_sold
        lead.dealer_order_id.write({"state": "sent", "remote_id": 42, "remote_name": "S00042"})
        lead.with_user(self.manager).stage_id = self.stage_offer
        with self.assertRaisesRegex(UserError, "S00042.*Create a new lead"), self.cr.savepoint():
            lead.with_user(self.manager).dealership_id = False

    @mute_logger("odoo.models.unlink")
    def test_merge_keeps_the_dealer_order(self):
        won, spare = self._create_leads(2)
        won.stage_id = self.stage_sold
        order = won.dealer_order_id
        merged = (spare + won).merge_opportunity()
        self.assertEqual(merged.dealer_order_id, order)
        self.assertEqual(merged.stage_id, self.stage_sold)
        self.assertEqual(merged.won_status, "won")

    def test_merge_of_two_orders_is_refused(self):
        leads = self._create_leads(2)
        leads.write({"stage_id": self.stage_sold.id})
        with self.assertRaisesRegex(UserError, "cannot be merged"), self.cr.savepoint():
            leads.merge_opportunity()

    @mute_logger("odoo.models.unlink")
    def test_merge_across_pipelines_keeps_one_that_fits(self):
        leads = self._create_leads(2)
        leads[0].pipeline_id = self.other_pipeline
        merged = leads.merge_opportunity()
        self.assertEqual(merged.stage_id.pipeline_id, merged.pipeline_id)

    # -- batches --

    def _count_move_queries(self, count, **values):
        leads = self._create_leads(count, **values)
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.cr.sql_log_count
        leads.write({"stage_id": self.stage_sold.id})
        self.env.flush_all()
        return self.cr.sql_log_count - before

    def test_winning_many_leads_takes_constant_queries(self):
        self._count_move_queries(2)  # warm the caches
        few, many = self._count_move_queries(10), self._count_move_queries(90)
        # INSERTs and UPDATEs of the ORM are cut into chunks of 100 rows at most
        self.assertLessEqual(many, few + 3)

    def test_moves_of_a_batch_between_open_stages(self):
        leads = self._create_leads(20, line_ids=[Command.clear()])
        leads.write({"stage_id": self.stage_offer.id})
        self.assertEqual(leads.stage_id, self.stage_offer)
