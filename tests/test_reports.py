# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from datetime import datetime, timedelta
from unittest.mock import patch

from freezegun import freeze_time
from lxml import etree

from odoo import fields, models
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import BpoCrmCommon
from .dealer_common import DealerOrderCommon
from .service_common import ServiceCommon

START = datetime(2026, 3, 2, 9, 0)
ACTIONS = (
    "bpo_deal_report_action_funnel",
    "bpo_deal_report_action_time",
    "bpo_deal_report_action_lost",
    "bpo_deal_report_action_agents",
    "bpo_request_report_action",
)


@tagged("post_install", "-at_install")
class TestDealReport(BpoCrmCommon):
    """What the property test of the figures does not see; it compares all figures."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pipeline.push_orders = False
        cls.report = cls.env["bpo.deal.report"]

    def test_deal_that_stock_loses_by_archiving(self):
        """It is lost from where it is, although it enters no lost stage."""
        lead = self._create_leads()
        lead.sudo().write({"active": False, "probability": 0, "lost_reason_id": self.reason.id})
        self.assertEqual(lead.won_status, "lost")
        row = self.report.search([("lead_id", "=", lead.id)])
        self.assertEqual((row.lost, row.lost_deals, row.here, row.archived), (1, 1, 0, 0))
        self.assertEqual(row.win_rate, 0)

    def test_rows_open_their_deals(self):
        lead = self._create_leads()
        row = self.report.with_user(self.agent).search([("lead_id", "=", lead.id)])
        action = row.action_open_lead()
        self.assertEqual((action["res_model"], action["res_id"]), ("crm.lead", lead.id))

    def test_own_and_unclaimed_deals(self):
        own, others, unclaimed = leads = self._create_leads(3)
        others.user_id = self.other_agent
        unclaimed.user_id = False
        domain = [("lead_id", "in", leads.ids)]

        def count(user):
            [[number]] = self.report.with_user(user)._read_group(domain, [], ["entered:sum"])
            return number

        self.assertEqual(count(self.agent), 2)
        self.assertEqual(count(self.supervisor), 3)
        self.assertEqual(count(self.manager), 3)
        with self.assertRaises(AccessError):
            count(self.sales_admin)

    def test_deals_of_another_company(self):
        company = self.env["res.company"].create({"name": "Test Elsewhere"})
        lead = self._create_leads(user_id=False, team_id=False, dealership_id=False)
        lead.company_id = company
        domain = [("lead_id", "=", lead.id)]
        self.assertFalse(self.report.with_user(self.manager).search(domain))
        self.manager.company_ids += company
        report = self.report.with_user(self.manager).with_context(allowed_company_ids=company.ids)
        self.assertTrue(report.search(domain))

    def test_each_report_opens(self):
        """Each graph and pivot table gives an answer to what the web client asks."""
        self._create_leads(2)
        for name in ACTIONS:
            action = self.env["ir.actions.act_window"]._for_xml_id(f"bpo_crm.{name}")
            report = self.env[action["res_model"]].with_user(self.supervisor)
            kinds = [kind for _view, kind in action["views"]]
            self.assertEqual(set(kinds), {"graph", "pivot", "list"})
            views = report.get_views([*map(list, action["views"]), [False, "search"]])["views"]
            for kind in ("graph", "pivot"):
                arch = etree.fromstring(views[kind]["arch"])
                measures = [
                    f"{name}:{report._fields[name].aggregator}"
                    for name in arch.xpath("//field[@type='measure']/@name")
                ]
                groupby = [
                    ":".join(filter(None, (node.get("name"), node.get("interval"))))
                    for node in arch.xpath("//field[not(@type='measure')]")
                ]
                report.formatted_read_group([], groupby, measures)

    def test_median_and_percentile(self):
        with freeze_time(START):
            leads = self._create_leads(11)
        for number, lead in enumerate(leads):
            with freeze_time(START + timedelta(days=number)):
                lead.stage_id = self.stage_contacted
        [[average, median, p90]] = self.report._read_group(
            [("lead_id", "in", leads.ids), ("stage_id", "=", self.stage_inbox.id)],
            [],
            ["days:avg", "days_median:median", "days_p90:p90"],
        )
        self.assertEqual((average, median, p90), (5, 5, 9))

    def test_days_so_far(self):
        """Who is still in a stage has been there until now, and has not taken any time yet."""
        with freeze_time(START):
            lead = self._create_leads()
        with freeze_time(START + timedelta(days=2)):
            lead.stage_id = self.stage_contacted
        domain = [("lead_id", "=", lead.id)]
        with freeze_time(START + timedelta(days=5)):
            rows = self.report.search(domain, order="id")
            self.assertEqual(rows.mapped("days_so_far"), [2, 3])
            [figures] = self.report._read_group(domain, [], ["days:avg", "days_so_far:avg"])
        self.assertEqual(figures, (2, 2.5))

    def test_sums_of_pivot_tables(self):
        """They are what the ORM comes to, and PostgreSQL groups once for it."""
        with freeze_time(START):
            leads = self._create_leads(5)
        with freeze_time(START + timedelta(days=40)):
            leads[:3].stage_id = self.stage_contacted
            leads[0].stage_id = self.stage_sold
            leads[1].write({"stage_id": self.stage_gone.id, "lost_reason_id": self.reason.id})
        leads[3].user_id = False
        leads[4].user_id = self.other_agent
        measures = ["__count", "entered:sum", "passed_rate:avg", "win_rate:avg", "days:avg"]
        for domain in ([("lead_id", "in", leads.ids)], [("lead_id", "=", 0)]):
            for groupby in (
                ["stage_id"],
                ["user_id", "stage_id"],
                ["entered_date:month", "outcome"],
            ):
                sets = [groupby[:level] for level in range(len(groupby) + 1)]
                with self.subTest(groupby=groupby, domain=domain):
                    expected = models.BaseModel._read_grouping_sets(
                        self.report, domain, sets, measures, ", ".join(groupby)
                    )
                    actual = self.report._read_grouping_sets(domain, sets, measures)
                    self.assertEqual(actual, expected)
        with patch.object(
            models.BaseModel, "_read_grouping_sets", side_effect=AssertionError("several at once")
        ):
            for user, expected in ((self.manager, 10), (self.agent, 9)):
                [[total], stages] = self.report.with_user(user).formatted_read_grouping_sets(
                    [("lead_id", "in", leads.ids)], [[], ["stage_id"]], measures
                )
                self.assertEqual((total["entered:sum"], len(stages)), (expected, 4))

    def test_pivot_tables_that_cannot_be_summed_up(self):
        """Percentiles, columns beside rows, and another order."""
        lead = self._create_leads()
        domain = [("lead_id", "=", lead.id)]
        sets = [[], ["stage_id"]]
        for groupings, measures, order in (
            (sets, ["entered:sum", "days_median:median"], None),
            ([*sets, ["outcome"]], ["entered:sum"], None),
            (sets, ["entered:sum"], "stage_id desc"),
        ):
            found = self.report._read_grouping_sets(domain, groupings, measures, order)
            self.assertEqual(
                found,
                models.BaseModel._read_grouping_sets(
                    self.report, domain, groupings, measures, order
                ),
            )
            self.assertEqual(found[0][0][0], 1)

    def test_unknown_aggregates_are_refused(self):
        with self.assertRaises(ValueError):
            self.report._read_group([], [], ["days:p12"])
        with self.assertRaises(ValueError):
            self.report._read_group([], [], ["no_such_field:median"])


@tagged("post_install", "-at_install")
class TestRequestReport(ServiceCommon):
    def _read(self, groupby=(), requests=None):
        report = self.env["bpo.request.report"]
        return report._read_group(
            [("request_id", "in", requests.ids)],
            list(groupby),
            ["entered:sum", "requests:sum", "completed:sum", "late:sum", "days_median:median"],
        )

    def test_throughput_and_time_per_stage(self):
        with freeze_time(START):
            requests = self._create_request() + self._create_request()
        with freeze_time(START + timedelta(days=2)):
            requests.stage_id = self.s_check
        with freeze_time(START + timedelta(days=6)):
            requests[0].stage_id = self.s_done
        self.assertEqual(
            self._read(["stage_id"], requests),
            [
                (self.s_in, 2, 0, 0, 0, 2.0),
                (self.s_check, 2, 1, 0, 0, 4.0),
                (self.s_done, 1, 1, 1, 0, False),
            ],
        )
        row = self.env["bpo.request.report"].search([("request_id", "=", requests[1].id)], limit=1)
        self.assertEqual(row.action_open_request()["res_id"], requests[1].id)

    def test_late_ones(self):
        today = fields.Date.today()
        with freeze_time(today - timedelta(days=10)):
            in_time = self._create_request(deadline=today - timedelta(days=5))
            in_time.status = "completed"
            self.env.flush_all()
            late = self._create_request(deadline=today - timedelta(days=5))
            open_late = self._create_request(deadline=today - timedelta(days=1))
            open_in_time = self._create_request(deadline=today + timedelta(days=1))
            without = self._create_request()
        late.status = "completed"
        requests = in_time + late + open_late + open_in_time + without
        [(_entered, number, completed, late_ones, _days)] = self._read(requests=requests)
        self.assertEqual((number, completed, late_ones), (5, 2, 2))
        [[rate]] = self.env["bpo.request.report"]._read_group(
            [("request_id", "in", requests.ids)], [], ["late_rate:avg"]
        )
        self.assertEqual(rate, 50)


@tagged("post_install", "-at_install")
class TestDealerReport(DealerOrderCommon):
    def test_time_to_dealer(self):
        """Orders that have not arrived have taken no time yet, not none."""
        leads = self._create_leads(4)
        orders = self._win(leads)
        for order, minutes in zip(orders[:3], (1, 2, 9), strict=True):
            order.write({"state": "sent", "sent_date": order.won_date + timedelta(minutes=minutes)})
        [[median, p95]] = self.env["bpo.dealer.order"]._read_group(
            [("id", "in", orders.ids)],
            [],
            ["delivery_minutes_median:median", "delivery_minutes_p95:p95"],
        )
        self.assertAlmostEqual(median, 2)
        self.assertAlmostEqual(p95, 8.3)
        description = orders.fields_get(["delivery_minutes_median"], ["aggregator"])
        self.assertEqual(description["delivery_minutes_median"]["aggregator"], "median")
