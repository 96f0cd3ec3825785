# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import re
from datetime import datetime, timedelta
from pathlib import Path

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import BpoCrmCommon
from .dealer_common import DealerOrderCommon
from .service_common import ServiceCommon

# a Wednesday
NOW = datetime(2026, 3, 18, 12, 0)
REPORTS = Path(__file__).resolve().parents[1] / "static" / "src" / "reports"


def _get_aggregates(file):
    """Return what a picture asks of the server: the aggregates that its script names."""
    source = (REPORTS / file).read_text(encoding="utf-8")
    return re.findall(r'"(\w+:(?:sum|avg|count|median|p90))"', source)


@tagged("post_install", "-at_install")
class TestFunnelPicture(BpoCrmCommon):
    """What the picture of a funnel is drawn from, as the server computes it for each role."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pipeline.push_orders = False
        own, others, unclaimed = cls.leads = cls._create_leads(3)
        others.user_id = cls.other_agent
        unclaimed.user_id = False
        (own + others).stage_id = cls.stage_contacted
        own.stage_id = cls.stage_sold
        others.write({"stage_id": cls.stage_gone.id, "lost_reason_id": cls.reason.id})

    def _read(self, user, *domain):
        groups = (
            self.env["bpo.deal.report"]
            .with_user(user)
            .formatted_read_group(
                [("lead_id", "in", self.leads.ids), ("closed_status", "!=", "lost"), *domain],
                ["pipeline_id", "stage_id"],
                _get_aggregates("funnel_data.js"),
            )
        )
        return {group["stage_id"][0]: group for group in groups}

    def test_stages_come_in_the_order_of_the_board(self):
        self.assertEqual(
            list(self._read(self.manager)),
            (self.stage_inbox + self.stage_contacted + self.stage_sold).ids,
        )

    def test_own_and_unclaimed_deals(self):
        inbox, contacted, won = (self.stage_inbox + self.stage_contacted + self.stage_sold).ids
        for user, entered in (
            (self.agent, {inbox: 2, contacted: 1, won: 1}),
            (self.other_agent, {inbox: 2, contacted: 1}),
            (self.supervisor, {inbox: 3, contacted: 2, won: 1}),
            (self.manager, {inbox: 3, contacted: 2, won: 1}),
        ):
            groups = self._read(user)
            counts = {stage: group["entered:sum"] for stage, group in groups.items()}
            self.assertEqual(counts, entered, user.login)
        with self.assertRaises(AccessError):
            self._read(self.sales_admin)

    def test_parts_add_up_to_what_entered(self):
        """So that a bar is filled by its parts."""
        for group in self._read(self.manager).values():
            parts = ("passed_on", "lost", "moved_away", "here", "archived")
            self.assertEqual(group["entered:sum"], sum(group[f"{part}:sum"] for part in parts))

    def test_won_stages_are_known_by_their_entries(self):
        groups = self._read(self.manager)
        self.assertEqual(groups[self.stage_sold.id]["closed_status:count"], 1)
        self.assertEqual(groups[self.stage_inbox.id]["closed_status:count"], 0)

    def test_dashboard(self):
        """What it asks beside the funnel: of whoever may see what, as each report tells it."""
        aggregates = [
            aggregate
            for aggregate in _get_aggregates("dashboard_data.js")
            if not aggregate.startswith("days_")
        ]
        self.assertIn("won_deals:sum", aggregates)
        for user, won, lost in ((self.agent, 1, 0), (self.other_agent, 0, 1), (self.manager, 1, 1)):
            report = self.env["bpo.deal.report"].with_user(user)
            for name in ("user_id", "dealership_id", "lost_reason_id"):
                groups = report.formatted_read_group(
                    [("lead_id", "in", self.leads.ids)], [name], aggregates
                )
                counts = [
                    sum(group[f"{measure}:sum"] for group in groups)
                    for measure in ("won_deals", "lost_deals")
                ]
                self.assertEqual(counts, [won, lost], (user.login, name))

    def test_records_behind_a_number(self):
        """Each number of the picture is the number of entries that it opens."""
        report = self.env["bpo.deal.report"].with_user(self.manager)
        for group in self._read(self.manager).values():
            base = [("lead_id", "in", self.leads.ids), *group["__extra_domain"]]
            for part in ("passed_on", "lost", "moved_away", "here", "archived", "deals"):
                self.assertEqual(
                    report.search_count([*base, (part, "=", 1)]), group[f"{part}:sum"], part
                )


@tagged("post_install", "-at_install")
class TestWeeklyGraph(BpoCrmCommon):
    """The small graphs on cards: one query for all of them, and each role's own figures."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.pipeline + cls.other_pipeline).push_orders = False
        own, others, older = cls._create_leads(3)
        others.user_id = cls.other_agent
        with freeze_time(NOW - timedelta(weeks=1)):
            older.stage_id = cls.stage_sold
        with freeze_time(NOW):
            (own + others).stage_id = cls.stage_sold
        cls.elsewhere = cls._create_leads(
            pipeline_id=cls.other_pipeline.id, stage_id=cls.other_new.id
        )
        with freeze_time(NOW - timedelta(weeks=20)):
            cls.elsewhere.stage_id = cls.other_won
        cls.pipelines = cls.pipeline + cls.other_pipeline

    def _get_graph(self, user, **context):
        self.env.invalidate_all()
        with freeze_time(NOW):
            pipeline, other = self.pipelines.with_user(user).with_context(**context)
            self.assertFalse(other.weekly_graph, "what is older than the weeks is not shown")
            return pipeline.weekly_graph

    def _get_counts(self, user, **context):
        return [value["value"] for value in self._get_graph(user, **context)["values"]]

    def test_roles(self):
        self.assertEqual(self._get_counts(self.agent), [0] * 6 + [1, 1])
        self.assertEqual(self._get_counts(self.other_agent)[-1], 1)
        self.assertEqual(self._get_counts(self.supervisor), [0] * 6 + [1, 2])
        self.assertEqual(self._get_counts(self.manager), [0] * 6 + [1, 2])
        with self.assertRaises(AccessError):
            self._get_counts(self.sales_admin)

    def test_cards_of_others_have_none(self):
        """Neither the field nor its query."""
        for user, shown in ((self.agent, True), (self.sales_admin, False)):
            views = self.pipeline.with_user(user).get_views([[False, "kanban"]])["views"]
            self.assertEqual("weekly_graph" in views["kanban"]["arch"], shown, user.login)

    def test_one_query_for_all_cards(self):
        self._get_graph(self.manager)
        pipelines = self.pipelines.with_user(self.manager)
        pipelines.invalidate_recordset(["weekly_graph"])
        with self.assertQueryCount(1):
            pipelines.mapped("weekly_graph")

    def test_weeks_of_the_language_and_time_zone(self):
        """Each count is in the week whose first day is shown, wherever the user is."""
        lang = self.env["res.lang"]._lang_get(self.env.user.lang or "en_US")
        for first_day in "1", "7", "6":
            lang.week_start = first_day
            for tz in ("UTC", "Pacific/Auckland", "America/Los_Angeles"):
                with self.subTest(first_day=first_day, tz=tz):
                    self.assertEqual(sum(self._get_counts(self.manager, tz=tz)), 3)

    def test_the_records_behind_it(self):
        with freeze_time(NOW):
            action = self.pipeline.with_user(self.supervisor).action_open_weekly_graph()
        report = self.env[action["res_model"]].with_user(self.supervisor)
        self.assertEqual(report.search_count(action["domain"]), 3)
        report.formatted_read_group(action["domain"], action["context"]["group_by"], ["__count"])


@tagged("post_install", "-at_install")
class TestWeeklyGraphOfServices(ServiceCommon):
    def test_completed_requests(self):
        requests = self._create_request() + self._create_request(user_id=self.other_agent.id)
        requests[0].user_id = self.agent
        requests.stage_id = self.s_done
        services = self.papers + self.bare
        for user, count in ((self.agent, 1), (self.supervisor, 2), (self.manager, 2)):
            papers, bare = services.with_user(user)
            self.assertEqual(papers.weekly_graph["values"][-1]["value"], count, user.login)
            self.assertFalse(bare.weekly_graph)
        action = self.papers.with_user(self.agent).action_open_weekly_graph()
        report = self.env[action["res_model"]].with_user(self.agent)
        self.assertEqual(report.search_count(action["domain"]), 1)


@tagged("post_install", "-at_install")
class TestWeeklyGraphOfDealerships(DealerOrderCommon):
    def test_sent_orders(self):
        _lead, order = self._win_one()
        order.write({"state": "sent", "sent_date": fields.Datetime.now()})
        for user in (self.agent, self.supervisor, self.manager):
            graph = order.dealership_id.with_user(user).weekly_graph
            self.assertEqual(graph["values"][-1]["value"], 1, user.login)
        self.assertFalse(order.dealership_id.with_user(self.other_agent).weekly_graph)
        action = order.dealership_id.with_user(self.agent).action_open_weekly_graph()
        found = self.env[action["res_model"]].with_user(self.agent).search(action["domain"])
        self.assertEqual(found, order)
