# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import timedelta

from freezegun import freeze_time
from psycopg2 import IntegrityError

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger
from odoo.tools.safe_eval import safe_eval

from odoo.addons.base.tests.common import DISABLED_MAIL_CONTEXT

from .service_common import ServiceCommon

TRACKING = dict.fromkeys(DISABLED_MAIL_CONTEXT, False)


@tagged("post_install", "-at_install")
class TestServiceRequestStart(ServiceCommon):
    """Every way in starts in the default stage of the service, with its status."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.papers.default_stage_id = cls.s_wait

    def assertStarted(self, request):
        self.assertRecordValues(
            request,
            [{"service_id": self.papers.id, "stage_id": self.s_wait.id, "status": "on_hold"}],
        )
        self.assertTrue(request.reference)

    def test_rpc(self):
        self.assertStarted(self._create_request())

    def test_form(self):
        with Form(self.env["bpo.service.request"].with_user(self.agent)) as form:
            form.name = "Test by form"
            self.assertFalse(form.stage_id)
            form.service_id = self.papers
            self.assertEqual(form.stage_id, self.s_wait)
            self.assertEqual(form.status, "on_hold")
        self.assertStarted(form.record)

    def test_quick_create(self):
        view = "bpo_crm.bpo_service_request_view_form_quick_create"
        with Form(
            self.env["bpo.service.request"].with_context(default_service_id=self.papers.id), view
        ) as form:
            form.name = "Test by quick create"
        self.assertStarted(form.record)

    def test_quick_create_in_a_column(self):
        """The column decides, where its stage belongs to the service."""
        view = "bpo_crm.bpo_service_request_view_form_quick_create"
        model = self.env["bpo.service.request"].with_context(default_stage_id=self.s_check.id)
        with Form(model, view) as form:
            form.name = "Test in column"
            form.service_id = self.papers
        self.assertEqual(form.record.stage_id, self.s_check)
        with Form(model, view) as form:
            form.name = "Test in foreign column"
            form.service_id = self.visit
        self.assertEqual(form.record.stage_id, self.s_work)

    def test_name_create(self):
        request_id, _name = (
            self.env["bpo.service.request"]
            .with_context(default_service_id=self.papers.id)
            .name_create("Test by name")
        )
        self.assertStarted(self.env["bpo.service.request"].browse(request_id))

    def test_import(self):
        result = self.env["bpo.service.request"].load(
            ["name", "service_id"], [["Test imported", "Test Papers"]]
        )
        self.assertFalse(result["messages"])
        self.assertStarted(self.env["bpo.service.request"].browse(result["ids"]))

    def test_import_stage_with_namesake_among_deals(self):
        self.env["crm.stage"].create({"name": "Test Check", "sequence": 1})
        result = self.env["bpo.service.request"].load(
            ["name", "service_id", "stage_id"], [["Test imported", "Test Papers", "Test Check"]]
        )
        self.assertFalse(result["messages"])
        self.assertEqual(
            self.env["bpo.service.request"].browse(result["ids"]).stage_id, self.s_check
        )

    def test_import_empty_cells(self):
        """An empty stage or status is no choice, beside rows that choose."""
        result = (
            self.env["bpo.service.request"]
            .with_user(self.agent)
            .load(
                ["name", "service_id", "stage_id", "status"],
                [
                    ["Test chosen", "Test Papers", "Test Check", "In Progress"],
                    ["Test empty", "Test Papers", "", ""],
                    ["Test stage alone", "Test Papers", "Test Done", ""],
                ],
            )
        )
        self.assertFalse(result["messages"])
        chosen, empty, stage_alone = self.env["bpo.service.request"].browse(result["ids"])
        self.assertRecordValues(chosen, [{"stage_id": self.s_check.id, "status": "in_progress"}])
        self.assertStarted(empty)
        self.assertRecordValues(stage_alone, [{"stage_id": self.s_done.id, "status": "completed"}])

    def test_only_service_is_proposed(self):
        (self.visit + self.bare).active = False
        self.assertStarted(self.env["bpo.service.request"].create({"name": "Test only one"}))
        self.visit.active = True
        values = self.env["bpo.service.request"].default_get(["service_id"])
        self.assertFalse(values.get("service_id"))

    def test_given_stage_and_status(self):
        request = self._create_request(stage_id=self.s_done.id)
        self.assertEqual(request.status, "completed")
        request = self._create_request(stage_id=self.s_done.id, status="cancelled")
        self.assertEqual(request.status, "cancelled", "a status given together wins")

    def test_service_without_stage(self):
        with self.assertRaisesRegex(UserError, "“Test Bare” has no stage yet"):
            self._create_request(service_id=self.bare.id)
        request = self._create_request()
        with self.assertRaisesRegex(UserError, "“Test Bare” has no stage yet"):
            request.service_id = self.bare

    def test_archived_service(self):
        request = self._create_request()
        self.visit.active = False
        with self.assertRaisesRegex(UserError, "“Test Visit” is archived"):
            self._create_request(service_id=self.visit.id)
        with self.assertRaisesRegex(UserError, "“Test Visit” is archived"):
            request.service_id = self.visit
        self.papers.active = False
        request.stage_id = self.s_check
        self.assertEqual(request.stage_id, self.s_check, "its requests go on")

    def test_reference(self):
        first, second = self.env["bpo.service.request"].create(
            [{"name": f"Test {number}", "service_id": self.papers.id} for number in range(2)]
        )
        self.assertNotEqual(first.reference, second.reference)
        self.assertEqual(first.display_name, f"{first.reference} Test 0")
        self.assertIn(
            first.id, [row[0] for row in first.name_search(first.reference)], "found by reference"
        )
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"):
            second.reference = first.reference
            self.env.flush_all()

    def test_reference_is_kept(self):
        """Nobody rewrites what clients quote; the same value again, as imports write it, may be."""
        first = self._create_request()
        second = self._create_request()
        for user in (self.agent, self.supervisor, self.manager):
            with self.subTest(user=user.login), self.assertRaisesRegex(UserError, first.reference):
                (first + second).with_user(user).write({"reference": second.reference})
        with self.assertRaises(UserError):
            first.with_user(self.manager).reference = False
        first.with_user(self.agent).write({"reference": first.reference, "priority": "1"})
        self.assertEqual(first.priority, "1")

    def test_reference_refusal_tells_nothing_of_others(self):
        request = self._create_request(user_id=self.other_agent.id)
        with self.assertRaises(AccessError):
            request.with_user(self.agent).write({"reference": "SR-MINE"})

    def test_reference_of_earlier_requests(self):
        """Managers bring requests from elsewhere with their references; others get a new one."""
        model = self.env["bpo.service.request"]
        result = model.with_user(self.manager).load(
            ["reference", "name", "service_id"],
            [["OLD-7", "Test old", "Test Papers"], ["", "Test new", "Test Papers"]],
        )
        self.assertFalse(result["messages"])
        old, new = model.browse(result["ids"])
        self.assertEqual(old.reference, "OLD-7")
        self.assertTrue(new.reference.startswith("SR"))
        vals = {"name": "Test", "service_id": self.papers.id}
        for user in (self.agent, self.supervisor):
            with self.subTest(user=user.login), self.assertRaisesRegex(UserError, "OLD-8"):
                model.with_user(user).create([vals, {**vals, "reference": "OLD-8"}])
        by_default = model.with_user(self.agent).with_context(default_reference="OLD-9")
        self.assertTrue(by_default.create(vals).reference.startswith("SR"))

    def test_reference_per_company(self):
        company = self.env["res.company"].create({"name": "Test Elsewhere"})
        self.env["ir.sequence"].create(
            {
                "name": "Test references",
                "code": "bpo.service.request",
                "prefix": "ELSE",
                "company_id": company.id,
            }
        )
        here = self._create_request()
        there = self._create_request(company_id=company.id)
        self.assertTrue(here.reference.startswith("SR"))
        self.assertTrue(there.reference.startswith("ELSE"))

    def test_copy(self):
        request = self._create_request(
            stage_id=self.s_done.id, partner_id=self.client_partner.id, user_id=self.agent.id
        )
        copy = request.copy()
        self.assertStarted(copy)
        self.assertNotEqual(copy.reference, request.reference)
        self.assertEqual(copy.name, "Test request (copy)")
        self.assertEqual(copy.partner_id, self.client_partner)
        self.assertFalse(copy.date_closed)


@tagged("post_install", "-at_install")
class TestServiceRequestMove(ServiceCommon):
    def test_only_stages_of_the_service(self):
        request = self._create_request()
        deal_stage = self.env["crm.stage"].search([("stage_type", "=", "deal")], limit=1)
        with self.assertRaisesRegex(ValidationError, "“Test Work” is not part of the service"):
            request.stage_id = self.s_work
        with self.assertRaisesRegex(ValidationError, "stage of deals"):
            request.stage_id = deal_stage
        with self.assertRaisesRegex(ValidationError, "choose a stage"):
            request.stage_id = False
        with self.assertRaisesRegex(ValidationError, "not part of the service"):
            self._create_request(stage_id=self.s_work.id)
        self.s_wait.active = False
        with self.assertRaisesRegex(ValidationError, "is archived"):
            request.stage_id = self.s_wait
        with self.assertRaisesRegex(ValidationError, "not part of the service"):
            request.write({"service_id": self.visit.id, "stage_id": self.s_check.id})

    def test_one_message_for_a_batch(self):
        requests = self._create_request() + self._create_request() + self._create_request()
        visit = self._create_request(service_id=self.visit.id)
        with self.assertRaises(ValidationError) as refused:
            (requests + visit).write({"stage_id": self.s_work.id})
        for request in requests:
            self.assertIn(request.reference, str(refused.exception))
        self.assertNotIn(visit.reference, str(refused.exception), "it may go there")

    def test_offered_stages(self):
        """What the status bar and dropdowns offer: the stages of the service, in its order."""
        request = self._create_request(service_id=self.visit.id)
        domain = safe_eval(request._fields["stage_id"].domain, {"service_id": self.visit.id})
        stages = self.env["crm.stage"].with_context(bpo_crm_service_id=self.visit.id)
        self.assertEqual(
            stages.search(domain).ids,
            (self.s_work + self.s_in + self.s_done).ids,
        )
        # by which the status bar sorts what it offers
        self.assertEqual(request.service_stage_ids, stages.search(domain))
        self.assertEqual(request.service_stage_ids.ids, stages.search(domain).ids)

    def test_change_of_service_resets_stage(self):
        request = self._create_request(stage_id=self.s_check.id)
        request.service_id = self.visit
        self.assertRecordValues(request, [{"stage_id": self.s_work.id, "status": "in_progress"}])

    def test_change_of_service_resets_shared_stage(self):
        request = self._create_request(stage_id=self.s_done.id)
        request.write({"service_id": self.visit.id})
        self.assertEqual(request.stage_id, self.s_work)
        request.stage_id = self.s_done
        self.papers.default_stage_id = self.s_wait
        with Form(request) as form:
            form.service_id = self.papers
            self.assertEqual(form.stage_id, self.s_wait)
        self.assertRecordValues(request, [{"stage_id": self.s_wait.id, "status": "on_hold"}])

    def test_same_service_again_keeps_stage(self):
        request = self._create_request(stage_id=self.s_check.id)
        other = self._create_request(service_id=self.visit.id)
        (request + other).write({"service_id": self.papers.id})
        self.assertEqual(request.stage_id, self.s_check)
        self.assertEqual(other.stage_id, self.s_in)

    def test_status_on_enter(self):
        request = self._create_request()
        self.assertEqual(request.status, "pending")
        request.status = "in_progress"
        self.assertEqual(request.stage_id, self.s_in, "the status moves no stage")
        request.stage_id = self.s_check
        self.assertEqual(request.status, "in_progress", "this stage maps to no status")
        request.stage_id = self.s_wait
        self.assertEqual(request.status, "on_hold")
        request.write({"stage_id": self.s_done.id, "status": "cancelled"})
        self.assertEqual(request.status, "cancelled", "a status given together wins")

    def test_status_is_not_set_without_entering(self):
        request = self._create_request(stage_id=self.s_wait.id)
        request.status = "in_progress"
        request.write({"stage_id": self.s_wait.id, "priority": "1"})
        self.assertEqual(request.status, "in_progress", "it was in that stage already")
        self.s_wait.status_on_enter = "cancelled"
        self.assertEqual(request.status, "in_progress", "a new setting rewrites no request")

    def test_closing(self):
        with freeze_time("2026-03-02 10:00:00"):
            request = self._create_request(deadline="2026-03-03")
            self.env.flush_all()
        request.flush_recordset()
        self.env.cr.execute(
            "UPDATE bpo_service_request SET create_date = '2026-03-02 10:00:00' WHERE id = %s",
            [request.id],
        )
        request.invalidate_recordset()
        self.assertTrue(request.is_late)
        with freeze_time("2026-03-04 22:00:00"):
            request.action_complete()
            self.env.flush_all()
        self.assertEqual(request.days_to_close, 2.5)
        self.assertEqual(request.stage_id, self.s_in, "the status moves no stage")
        self.assertFalse(request.is_late)
        closed = request.date_closed
        request.action_cancel()
        self.assertEqual(request.date_closed, closed, "closed already")
        request.action_reopen()
        self.assertRecordValues(
            request, [{"status": "in_progress", "date_closed": False, "days_to_close": 0}]
        )

    def test_late(self):
        yesterday = fields.Date.today() - timedelta(days=2)
        late = self._create_request(deadline=yesterday)
        done = self._create_request(deadline=yesterday, status="completed")
        undated = self._create_request()
        requests = late + done + undated
        ours = [("id", "in", requests.ids)]
        self.assertEqual(requests.search([*ours, ("is_late", "=", True)]), late)
        self.assertEqual(requests.search([*ours, ("is_late", "=", False)]), undated + done)
        self.assertEqual(requests.filtered("is_late"), late)

    def test_batch_is_checked_in_constant_queries(self):
        requests = self.env["bpo.service.request"].create(
            [{"name": f"Test {number}", "service_id": self.papers.id} for number in range(20)]
        )
        self.env.flush_all()

        def count(records):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            records.with_context(tracking_disable=True).write({"stage_id": self.s_check.id})
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        count(requests[:1])
        requests.write({"stage_id": self.s_wait.id})
        self.env.flush_all()
        one = count(requests[0])
        many = count(requests[1:])
        self.assertLessEqual(many, one)

    def _flush_tracking(self):
        self.env.flush_all()
        self.env.cr.precommit.run()

    def test_stage_durations(self):
        request = self._create_request().with_context(**TRACKING)
        self._flush_tracking()
        request.stage_id = self.s_check
        self._flush_tracking()
        self.assertEqual(set(request.duration_tracking), {str(self.s_in.id), str(self.s_check.id)})

    def test_stage_and_status_are_tracked(self):
        request = self._create_request().with_context(**TRACKING)
        self._flush_tracking()
        request.stage_id = self.s_done
        self._flush_tracking()
        tracked = request.message_ids.tracking_value_ids.field_id.mapped("name")
        self.assertIn("stage_id", tracked)
        self.assertIn("status", tracked)

    def test_rotting(self):
        self.s_check.rotting_threshold_days = 2
        with freeze_time(fields.Datetime.now() - timedelta(days=3)):
            rotting = self._create_request(stage_id=self.s_check.id)
            closed = self._create_request(stage_id=self.s_check.id, status="completed")
        self.assertTrue(rotting.is_rotting)
        self.assertFalse(closed.is_rotting)
        self.assertEqual(
            rotting.search([("id", "in", (rotting + closed).ids), ("is_rotting", "=", True)]),
            rotting,
        )


@tagged("post_install", "-at_install")
class TestServiceRequestBoard(ServiceCommon):
    def _get_columns(self, domain, groupby="stage_id", **context):
        groups = (
            self.env["bpo.service.request"]
            .with_context(read_group_expand=True, **context)
            .web_read_group(domain, [groupby], ["__count"])["groups"]
        )
        return [group[groupby] for group in groups]

    def test_stages_in_the_order_of_the_service(self):
        """Also empty ones, and whatever of them has requests."""
        self._create_request(service_id=self.visit.id, stage_id=self.s_done.id)
        columns = self._get_columns(
            [("service_id", "=", self.visit.id)], bpo_crm_service_id=self.visit.id
        )
        self.assertEqual(
            [stage_id for stage_id, _name in columns],
            (self.s_work + self.s_in + self.s_done).ids,
        )

    def test_service_chosen_at_the_side(self):
        """Without a hint in the context, the service that is searched for decides."""
        columns = self._get_columns([("service_id", "=", self.visit.id)])
        self.assertEqual(
            [stage_id for stage_id, _name in columns],
            (self.s_work + self.s_in + self.s_done).ids,
        )

    def test_all_services(self):
        # a search that matches nothing: demo requests bring no columns of their own
        columns = self._get_columns([("name", "=", "Test nothing")])
        self.assertEqual(
            [stage_id for stage_id, _name in columns],
            (self.s_in + self.s_check + self.s_wait + self.s_work + self.s_done).ids,
        )

    def test_status_columns(self):
        ours = [("service_id", "=", self.papers.id)]
        self.assertEqual(self._get_columns(ours, "status"), ["pending", "in_progress", "on_hold"])
        self._create_request(status="cancelled")
        self.assertEqual(
            self._get_columns(ours, "status"), ["pending", "in_progress", "on_hold", "cancelled"]
        )

    def test_fold(self):
        self.s_done.fold = True
        groups = (
            self.env["bpo.service.request"]
            .with_context(read_group_expand=True, bpo_crm_service_id=self.papers.id)
            .formatted_read_group([], ["stage_id"], ["__count"])
        )
        folded = [group["stage_id"][0] for group in groups if group.get("__fold")]
        self.assertEqual(folded, self.s_done.ids)

    def test_menu_opens_the_only_service(self):
        request = self.env["bpo.service.request"]
        self.assertEqual(
            request.action_open_board()["xml_id"], "bpo_crm.bpo_service_request_action"
        )
        (self.visit + self.bare).active = False
        action = request.action_open_board()
        self.assertEqual(action["domain"], [("service_id", "=", self.papers.id)])
        self.assertEqual(action["context"]["bpo_crm_service_id"], self.papers.id)

    def test_default_filter_hides_closed_requests(self):
        still_open = self._create_request()
        closed = self._create_request(status="completed")
        view = self.env.ref("bpo_crm.bpo_service_request_view_search")
        self.assertIn('name="completed"', view.arch)
        action = self.papers.action_view_requests()
        self.assertEqual(action["context"]["search_default_open"], 1)
        ours = [("id", "in", (still_open + closed).ids)]
        self.assertEqual(
            still_open.search([*ours, ("status", "not in", ("completed", "cancelled"))]),
            still_open,
        )


@tagged("post_install", "-at_install")
class TestServiceRequestAccess(ServiceCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.unclaimed = cls._create_request(name="Unclaimed")
        cls.own = cls._create_request(name="Own", user_id=cls.agent.id)
        cls.others = cls._create_request(name="Others", user_id=cls.other_agent.id)
        cls.all = cls.unclaimed + cls.own + cls.others

    def _search(self, user):
        return self.env["bpo.service.request"].with_user(user).search([("id", "in", self.all.ids)])

    def test_agent(self):
        self.assertEqual(self._search(self.agent), self.unclaimed + self.own)
        with self.assertRaises(AccessError):
            self.others.with_user(self.agent).stage_id = self.s_check
        self.unclaimed.with_user(self.agent).action_claim()
        self.assertEqual(self.unclaimed.user_id, self.agent)
        with self.assertRaises(AccessError):
            self.unclaimed.with_user(self.other_agent).action_claim()
        with self.assertRaises(AccessError):
            self.own.with_user(self.agent).unlink()
        request = (
            self.env["bpo.service.request"]
            .with_user(self.agent)
            .create({"name": "By agent", "service_id": self.papers.id})
        )
        self.assertFalse(request.user_id)
        request.stage_id = self.s_wait
        self.assertEqual(request.status, "on_hold")

    def test_supervisor(self):
        self.assertEqual(self._search(self.supervisor), self.all)
        self.others.with_user(self.supervisor).user_id = self.agent
        self.assertEqual(self.others.user_id, self.agent)
        with self.assertRaises(AccessError):
            self.others.with_user(self.supervisor).unlink()

    def test_manager(self):
        self.assertEqual(self._search(self.manager), self.all)
        self.all.with_user(self.manager).unlink()

    def test_salesman_without_role(self):
        salesman = new_test_user(self.env, "test_salesman", "sales_team.group_sale_salesman")
        with self.assertRaises(AccessError):
            self._search(salesman)
        lead = self.env["crm.lead"].create({"name": "Test lead", "user_id": salesman.id})
        values = lead.with_user(salesman).read()[0]
        self.assertNotIn("service_request_count", values)
        self.env["res.partner"].with_user(salesman).get_view(view_type="form")
        with Form(lead.with_user(salesman)) as form:
            form.name = "Renamed"

    def test_companies(self):
        company = self.env["res.company"].create({"name": "Test Elsewhere"})
        there = self._create_request(company_id=company.id)
        found = self.env["bpo.service.request"].with_user(self.manager).search([])
        self.assertNotIn(there, found)
        self.assertIn(self.own, found)
        self.visit.company_id = company
        with self.assertRaises(UserError):
            self._create_request(service_id=self.visit.id, company_id=self.env.company.id)
        request = self._create_request(service_id=self.visit.id)
        self.assertEqual(request.company_id, company, "the company of the service")
        lead = self.env["crm.lead"].create({"name": "Here", "company_id": self.env.company.id})
        with self.assertRaises(UserError):
            request.lead_id = lead


@tagged("post_install", "-at_install")
class TestServiceRequestLinks(ServiceCommon):
    def test_lead(self):
        lead = self.env["crm.lead"].create(
            {"name": "Test deal", "partner_id": self.client_partner.id}
        )
        self.assertEqual(lead.service_request_count, 0)
        action = lead.action_view_service_requests()
        with Form(self.env["bpo.service.request"].with_context(**action["context"])) as form:
            form.name = "Test for a deal"
            form.service_id = self.papers
            self.assertEqual(form.partner_id, self.client_partner)
        request = form.record
        self.assertEqual(request.lead_id, lead)
        self.assertEqual(request.search(action["domain"]), request)
        self.assertEqual(lead.service_request_count, 1)
        self.assertEqual(request.action_view_lead()["res_id"], lead.id)

    def test_client_comes_from_the_lead(self):
        lead = self.env["crm.lead"].create(
            {"name": "Test deal", "partner_id": self.client_partner.id}
        )
        self.assertEqual(self._create_request(lead_id=lead.id).partner_id, self.client_partner)
        other = self.client_partner.copy()
        request = self._create_request(lead_id=lead.id, partner_id=other.id)
        self.assertEqual(request.partner_id, other)

    def test_merged_leads_keep_their_requests(self):
        leads = self.env["crm.lead"].create(
            [{"name": f"Test deal {number}", "type": "opportunity"} for number in range(2)]
        )
        requests = self._create_request(lead_id=leads[0].id) + self._create_request(
            lead_id=leads[1].id, active=False
        )
        merged = leads.merge_opportunity()
        self.assertEqual(requests.lead_id, merged)

    def test_deleted_lead(self):
        lead = self.env["crm.lead"].create({"name": "Test deal"})
        request = self._create_request(lead_id=lead.id)
        lead.unlink()
        request.invalidate_recordset()
        self.assertTrue(request.exists())
        self.assertFalse(request.lead_id)

    def test_client(self):
        contact = self.env["res.partner"].create(
            {"name": "Test contact", "parent_id": self.client_partner.id}
        )
        requests = self._create_request(partner_id=self.client_partner.id)
        requests += self._create_request(partner_id=contact.id)
        self.assertEqual(self.client_partner.service_request_count, 2)
        self.assertEqual(contact.service_request_count, 1)
        domain = self.client_partner.action_view_service_requests()["domain"]
        self.assertEqual(set(requests.search(domain)), set(requests))

    def test_assignment_notifies(self):
        request = self._create_request().with_context(**TRACKING)
        request.user_id = self.agent
        self.assertIn(self.agent.partner_id, request.message_partner_ids)


@tagged("post_install", "-at_install")
class TestServiceRequestHiddenLead(ServiceCommon):
    """A deal that the user may not read gives its customer to no request of theirs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hidden, cls.own_lead = cls.env["crm.lead"].create(
            [
                {"name": name, "partner_id": cls.client_partner.id, "user_id": user.id}
                for name, user in (("Test hidden", cls.other_agent), ("Test own", cls.agent))
            ]
        )
        cls.requests = cls.env["bpo.service.request"].with_user(cls.agent)
        cls.own = cls._create_request(user_id=cls.agent.id).with_user(cls.agent)

    def _prepare(self, **values):
        return {"name": "Test taking over", "service_id": self.papers.id, **values}

    def test_create(self):
        with self.assertRaises(AccessError):
            self.requests.create(self._prepare(lead_id=self.hidden.id))
        request = self.requests.create(self._prepare(lead_id=self.own_lead.id))
        self.assertEqual(request.partner_id, self.client_partner)

    def test_create_by_context(self):
        requests = self.requests.with_context(default_lead_id=self.hidden.id)
        with self.assertRaises(AccessError):
            requests.create(self._prepare())
        with self.assertRaises(AccessError):
            requests.with_context(default_service_id=self.papers.id).name_create("Test by name")

    def test_write(self):
        with self.assertRaises(AccessError):
            self.own.lead_id = self.hidden
        self.own.lead_id = self.own_lead
        self.assertEqual(self.own.partner_id, self.client_partner)

    def test_write_again(self):
        """A deal that was handed on since stays where it is; it gives nothing anew."""
        self.own.sudo().write({"lead_id": self.hidden.id, "partner_id": False})
        self.own.name = "Test renamed"
        with self.assertRaises(AccessError):
            self.own.write({"lead_id": self.hidden.id})
        self.assertFalse(self.own.partner_id)

    def test_import(self):
        for column in ("lead_id/.id", "lead_id"):
            value = str(self.hidden.id) if "." in column else self.hidden.name
            result = self.requests.load(
                ["name", "service_id", column], [["Test imported", "Test Papers", value]]
            )
            self.assertFalse(result["ids"])
            self.assertTrue(result["messages"])
        self.assertFalse(self.requests.search([("name", "=", "Test imported")]))

    def test_form(self):
        spec = {"lead_id": {}, "partner_id": {}}
        values = self._prepare(lead_id=self.hidden.id)
        for requests in (self.requests, self.own):
            answer = requests.onchange(values, ["lead_id"], spec)
            self.assertNotIn("partner_id", answer["value"])
        by_context = self.requests.with_context(default_lead_id=self.hidden.id)
        self.assertFalse(by_context.onchange({}, [], spec)["value"]["partner_id"])
        values["lead_id"] = self.own_lead.id
        answer = self.requests.onchange(values, ["lead_id"], spec)
        self.assertEqual(answer["value"]["partner_id"], self.client_partner.id)

    def test_form_of_its_service(self):
        """Requests in the form of another record take over nothing either."""
        company = self.env["res.company"].create({"name": "Test Elsewhere"})
        self.hidden.write({"user_id": False, "team_id": False, "company_id": company.id})
        services = self.env["bpo.service"].with_user(self.manager)
        spec = {"request_ids": {"fields": {"partner_id": {}}}}
        for lead, partner in ((self.hidden, False), (self.own_lead, self.client_partner.id)):
            line = [0, f"virtual_{lead.id}", {"name": "Test taking over", "lead_id": lead.id}]
            answer = services.onchange({"name": "Test form", "request_ids": [line]}, [], spec)
            values = answer["value"]["request_ids"][0][2]
            self.assertEqual(values["partner_id"], partner)

    def test_copy(self):
        """A copy leaves the deal out that was handed on since, and can be made."""
        self.own.sudo().lead_id = self.hidden
        self.assertFalse(self.own.copy().lead_id)
        self.own.sudo().lead_id = self.own_lead
        self.assertEqual(self.own.copy().lead_id, self.own_lead)

    def test_superuser(self):
        """What works for the user with more rights may take over from each deal."""
        request = self.requests.sudo().create(self._prepare(lead_id=self.hidden.id))
        self.assertEqual(request.partner_id, self.client_partner)
        self.own.sudo().lead_id = self.hidden
        self.assertEqual(self.own.partner_id, self.client_partner)
