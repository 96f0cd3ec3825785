# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How many may be in a stage, and what a stage holds back."""

from contextlib import contextmanager
from datetime import timedelta

from psycopg2.errors import LockNotAvailable, SerializationFailure

from odoo import SUPERUSER_ID, Command, api, fields
from odoo.exceptions import AccessError, ValidationError
from odoo.modules.registry import Registry
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

from ..models.stage.bpo_stage_refusal import PENDING, write_refusals
from .service_common import ServiceCommon
from .test_stage_entry import StageEntryCommon


@tagged("post_install", "-at_install")
class TestStageLimit(StageEntryCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stage_contacted.write({"record_limit": 2, "limit_strict": True})

    def test_a_strict_limit_is_kept_by_everybody(self):
        self._create_bare_leads(2, stage_id=self.stage_contacted.id)
        for user in (self.agent, self.supervisor, self.manager):
            lead = self._create_bare_leads(user_id=user.id).with_user(user)
            with (
                self.assertRaisesRegex(ValidationError, "“Contacted” takes 2 and would have 3"),
                self.cr.savepoint(),
            ):
                lead.stage_id = self.stage_contacted
        with self.assertRaisesRegex(ValidationError, "takes 2"), self.cr.savepoint():
            self.env["crm.lead"].with_user(self.agent).create(
                {"name": "In place", "stage_id": self.stage_contacted.id}
            )
        lead = lead.with_context(bpo_crm_pass_conditions=True)
        lead.stage_id = self.stage_contacted
        self.assertIn("takes 2", lead.message_ids[0].body)

    def test_a_batch_that_does_not_fit_stays_whole(self):
        leads = self._create_bare_leads(3).with_user(self.agent)
        with self.assertRaisesRegex(ValidationError, "would have 3"), self.cr.savepoint():
            leads.write({"stage_id": self.stage_contacted.id})
        leads[:2].write({"stage_id": self.stage_contacted.id})
        leads[0].stage_id = self.stage_offer.browse(self.stage_inbox.id)
        leads[2].stage_id = self.stage_contacted

    def test_what_is_closed_archived_or_comes_in_by_itself_is_no_obstacle(self):
        leads = self._create_bare_leads(2, stage_id=self.stage_contacted.id)
        leads[0].active = False
        leads[1].action_set_lost(lost_reason_id=self.reason.id)
        more = self._create_bare_leads(2).with_user(self.agent)
        more.write({"stage_id": self.stage_contacted.id})
        # as the mail gateway creates
        self._create_bare_leads(stage_id=self.stage_contacted.id)
        self.assertEqual(self.stage_contacted.limit_count, 3)
        self.assertFalse(leads[0].with_user(self.supervisor).active)

    def test_out_of_the_archive_into_a_full_stage(self):
        archived = self._create_bare_leads(stage_id=self.stage_contacted.id, active=False)
        self._create_bare_leads(2, stage_id=self.stage_contacted.id)
        with self.assertRaisesRegex(ValidationError, "takes 2"), self.cr.savepoint():
            archived.with_user(self.agent).active = True

    def test_taken_back_into_a_full_stage(self):
        """A closed deal has left: its place is gone, though it is asked for nothing else."""
        self.pipeline.push_orders = False
        won, lost = self._create_bare_leads(2, stage_id=self.stage_contacted.id)
        won.action_set_won()
        lost.action_set_lost(lost_reason_id=self.reason.id)
        others = self._create_bare_leads(2)
        others.write({"stage_id": self.stage_contacted.id})
        self.stage_contacted.entry_field_ids = self._get_fields("crm.lead", "tag_ids")
        for act in (
            lambda: won.with_user(self.agent).write({"stage_id": self.stage_contacted.id}),
            lambda: lost.with_user(self.agent).action_restore(),
        ):
            with (
                self.assertRaisesRegex(ValidationError, r": “Contacted” takes 2 and would have 3"),
                self.cr.savepoint(),
            ):
                act()
        others[0].action_set_won()
        won.with_user(self.agent).stage_id = self.stage_contacted
        self.assertEqual(won.stage_id, self.stage_contacted)
        # for managers as any limit
        lost.with_user(self.manager).with_context(bpo_crm_pass_conditions=True).action_restore()
        self.assertEqual(lost.stage_id, self.stage_contacted)
        self.assertIn("takes 2", lost.message_ids[0].body)

    def test_won_out_of_the_archive_of_a_full_stage(self):
        """It takes no place there, as it goes on at once."""
        self.pipeline.push_orders = False
        archived = self._create_bare_leads(stage_id=self.stage_contacted.id, active=False)
        self._create_bare_leads(2, stage_id=self.stage_contacted.id)
        archived.with_user(self.agent).action_set_won()
        self.assertEqual(archived.closed_status, "won")
        self.assertTrue(archived.active)

    def test_a_limit_per_agent(self):
        self.stage_contacted.limit_scope = "user"
        self._create_bare_leads(2, stage_id=self.stage_contacted.id)
        lead, other, unclaimed = self._create_bare_leads(3)
        other.user_id = self.other_agent
        unclaimed.user_id = False
        with (
            self.assertRaisesRegex(
                ValidationError, "may have 2 open in “Contacted” and would have 3"
            ),
            self.cr.savepoint(),
        ):
            lead.with_user(self.agent).stage_id = self.stage_contacted
        (other + unclaimed).with_user(self.supervisor).write({"stage_id": self.stage_contacted.id})
        with self.assertRaisesRegex(ValidationError, "may have 2"), self.cr.savepoint():
            unclaimed.with_user(self.agent).user_id = self.agent
        unclaimed.with_user(self.supervisor).user_id = self.other_agent
        self.assertEqual(self.stage_contacted.with_user(self.agent).limit_count, 2)
        self.assertEqual(self.stage_contacted.with_user(self.manager).limit_count, 0)

    def test_a_limit_that_is_not_strict_only_warns(self):
        self.stage_contacted.limit_strict = False
        leads = self._create_bare_leads(3).with_user(self.agent)
        leads.write({"stage_id": self.stage_contacted.id})
        self.assertEqual(self.stage_contacted.with_user(self.other_agent).limit_count, 3)

    def test_limits_that_make_no_sense_are_refused_in_words(self):
        for stage, limit in (
            (self.stage_sold, 5),
            (self.stage_gone, 5),
            (self.stage_offer, -1),
        ):
            with self.assertRaises(ValidationError), self.cr.savepoint():
                stage.with_user(self.manager).record_limit = limit
        self.stage_sold.is_won = False
        with self.assertRaisesRegex(ValidationError, "closed"), self.cr.savepoint():
            self.stage_contacted.with_user(self.manager).is_won = True

    def test_the_board_reads_limits_with_its_columns(self):
        counts = []
        full = ["color", "record_limit", "limit_count", "limit_scope"]
        for limit in (2, 0):
            self.stage_contacted.record_limit = limit
            for names in (full, ["color"], full):  # the first time fills the caches
                self.env.flush_all()
                self.env.invalidate_all()
                before = self.cr.sql_log_count
                result = (
                    self.env["crm.lead"]
                    .with_user(self.agent)
                    .with_context(bpo_crm_board=True, read_group_expand=True)
                    .web_read_group(
                        [("pipeline_id", "=", self.pipeline.id)],
                        ["stage_id"],
                        groupby_read_specification={"stage_id": {name: {} for name in names}},
                    )
                )
                counts.append(self.cr.sql_log_count - before)
        self.assertEqual(counts[2], counts[1] + 1)
        self.assertEqual(counts[5], counts[4])
        self.assertEqual(len(result["groups"]), 5)

    # -- what a stage holds back --

    @contextmanager
    def _refused(self):
        """The counters that a refusal leaves for the end of its transaction."""
        self.cr.postrollback.data.pop(PENDING, None)
        with self.assertRaises(ValidationError), self.cr.savepoint():
            yield
        self.refused = dict(self.cr.postrollback.data.get(PENDING, {}))
        self.cr.postrollback.clear()
        self.cr.postcommit.clear()

    def test_refusals_are_counted_by_cause(self):
        self._create_bare_leads(2, stage_id=self.stage_contacted.id)
        leads = self._create_bare_leads(3).with_user(self.agent)
        leads[0].contact_name = "Somebody"
        with self._refused():
            leads.write({"stage_id": self.stage_offer.id})
        offer = self.stage_offer.id
        self.assertEqual(
            self.refused,
            {(offer, "contact_name"): 2, (offer, "tag_ids"): 3, (offer, "condition"): 3},
        )
        with self._refused():
            leads[0].write({"stage_id": self.stage_contacted.id})
        self.assertEqual(self.refused, {(self.stage_contacted.id, "limit"): 1})
        with self._refused():
            leads.write({"stage_id": self.other_new.id})
        self.assertFalse(self.refused)

    def test_the_stage_says_what_it_holds_back(self):
        month = fields.Date.today().replace(day=1)
        self.env["bpo.stage.refusal"].create(
            [
                {"stage_id": self.stage_offer.id, "cause": cause, "month": day, "count": count}
                for cause, day, count in (
                    ("contact_name", month, 12),
                    ("condition", month, 3),
                    ("limit", month, 2),
                    ("x_gone", month, 1),
                    ("tag_ids", month - timedelta(days=1), 99),
                    ("tag_ids", month - timedelta(days=500), 98),
                )
            ]
        )
        self.assertEqual(
            self.stage_offer.with_user(self.manager).refusal_summary,
            "12 for Contact Name, 3 for Agree on at least 100, 2 for the limit, 1 for x_gone",
        )
        self.assertFalse(self.stage_contacted.with_user(self.manager).refusal_summary)
        with self.assertRaises(AccessError):
            self.env["bpo.stage.refusal"].with_user(self.supervisor).search([])
        self.env["bpo.stage.refusal"]._gc_refusals()
        counts = self.env["bpo.stage.refusal"].search([]).mapped("count")
        self.assertNotIn(98, counts)
        self.assertIn(99, counts)


@tagged("post_install", "-at_install")
class TestServiceStageEntry(ServiceCommon):
    """The same for requests."""

    def test_conditions_activity_and_limit_of_requests(self):
        field = self.env["ir.model.fields"]._get("bpo.service.request", "deadline")
        kind = self.env.ref("mail.mail_activity_data_call")
        self.s_check.write(
            {
                "entry_field_ids": [Command.set(field.ids)],
                "entry_activity_type_id": kind.id,
                "record_limit": 1,
                "limit_strict": True,
                "requirements": "Look at the papers",
            }
        )
        first, second = (self._create_request(user_id=self.agent.id) for _n in range(2))
        requests = (first + second).with_user(self.agent)
        with self.assertRaisesRegex(ValidationError, "Deadline is missing"), self.cr.savepoint():
            requests[0].stage_id = self.s_check
        requests[0].write({"deadline": "2030-01-01", "stage_id": self.s_check.id})
        self.assertEqual(requests[0].activity_ids.user_id, self.agent)
        self.assertEqual(requests[0].stage_requirements, "Look at the papers")
        with self.assertRaisesRegex(ValidationError, "takes 1"), self.cr.savepoint():
            requests[1].write({"deadline": "2030-01-01", "stage_id": self.s_check.id})
        requests[0].action_complete()
        requests[1].write({"deadline": "2030-01-01", "stage_id": self.s_check.id})
        with self.assertRaisesRegex(ValidationError, "takes 1"), self.cr.savepoint():
            requests[0].action_reopen()

    def test_mail_comes_in_and_says_what_is_missing(self):
        self.s_in.entry_field_ids = self.env["ir.model.fields"]._get(
            "bpo.service.request", "deadline"
        )
        requests = self.env["bpo.service.request"]
        request = (
            requests.with_user(self.agent)
            .sudo()
            .message_new(
                {"subject": "Papers", "from": "someone@example.com"}, {"service_id": self.papers.id}
            )
        )
        self.assertEqual(request.entry_missing, "Deadline is missing")
        with self.assertRaisesRegex(ValidationError, "Deadline"), self.cr.savepoint():
            requests.with_user(self.agent).create({"name": "By hand", "service_id": self.papers.id})

    def test_a_closing_step_has_no_limit(self):
        with self.assertRaisesRegex(ValidationError, "closed"), self.cr.savepoint():
            self.s_done.record_limit = 4


@tagged("post_install", "-at_install")
class TestStageLimitConcurrently(BaseCase):
    """What two transactions do at the same time: on cursors of their own, cleared up afterwards."""

    def setUp(self):
        super().setUp()
        self.registry = Registry(get_db_name())
        with self._transaction() as env:
            pipeline = env["bpo.pipeline"].create(
                {
                    "name": "Test, concurrent",
                    "stage_ids": [
                        Command.create({"name": "In", "sequence": 10}),
                        Command.create(
                            {
                                "name": "Full",
                                "sequence": 20,
                                "record_limit": 2,
                                "limit_strict": True,
                            }
                        ),
                    ],
                }
            )
            leads = env["crm.lead"].create(
                [{"name": f"Test {n}", "pipeline_id": pipeline.id} for n in range(5)]
            )
            leads[:1].stage_id = pipeline.stage_ids[1]
            self.pipeline_id, self.stage_id = pipeline.id, pipeline.stage_ids[1].id
            self.lead_ids = leads.ids
        self.addCleanup(self._clear_up)

    @contextmanager
    def _transaction(self):
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})

    def _clear_up(self):
        with self._transaction() as env:
            env["crm.lead"].browse(self.lead_ids).unlink()
            env["bpo.pipeline"].browse(self.pipeline_id).unlink()

    @mute_logger("odoo.sql_db")
    def test_two_at_once_do_not_exceed_a_strict_limit(self):
        one_id, other_id = self.lead_ids[1:3]
        with self.registry.cursor() as one_cr, self.registry.cursor() as other_cr:
            one, other = (
                api.Environment(cr, SUPERUSER_ID, {})["crm.lead"].browse(id_)
                for cr, id_ in ((one_cr, one_id), (other_cr, other_id))
            )
            # both see one place left
            for lead in (one, other):
                self.assertEqual(lead.search_count([("stage_id", "=", self.stage_id)]), 1)
            one.stage_id = self.stage_id
            one.env.flush_all()
            other_cr.execute("SET LOCAL lock_timeout = '100ms'")
            with self.assertRaises(LockNotAvailable), other_cr.savepoint():
                other.stage_id = self.stage_id
            one_cr.commit()
            # what Odoo repeats the request for
            with self.assertRaises(SerializationFailure), other_cr.savepoint():
                other.stage_id = self.stage_id
            other_cr.rollback()
            with self.assertRaisesRegex(ValidationError, "takes 2 and would have 3"):
                other.stage_id = self.stage_id
            other_cr.rollback()
        with self._transaction() as env:
            self.assertEqual(env["crm.lead"].search_count([("stage_id", "=", self.stage_id)]), 2)

    def test_refusals_are_written_when_the_transaction_ends(self):
        # as a request that is refused: the error closes its cursor
        with self.assertRaises(ValidationError), self._transaction() as env:
            env["crm.lead"].browse(self.lead_ids[1:]).write({"stage_id": self.stage_id})
        # as an import that is refused in part and goes on
        with self._transaction() as env:
            with self.assertRaises(ValidationError), env.cr.savepoint():
                env["crm.lead"].browse(self.lead_ids[1:3]).write({"stage_id": self.stage_id})
            self.assertFalse(env["bpo.stage.refusal"].search([("count", "=", 6)]))
        write_refusals(get_db_name(), {(self.stage_id, "limit"): 2, (0, "limit"): 1})
        with self._transaction() as env:
            rows = env["bpo.stage.refusal"].search([("stage_id", "=", self.stage_id)])
            self.assertEqual([(row.cause, row.count) for row in rows], [("limit", 8)])
