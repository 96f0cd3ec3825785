# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import Counter
from datetime import datetime, timedelta
from unittest import SkipTest
from urllib.parse import urlsplit

from odoo import fields
from odoo.tests import BaseCase, TransactionCase, tagged

from odoo.addons.bpo_crm.demo.plan import AGENTS, DEALERS, SOURCES, History

NOW = datetime(2026, 11, 27, 9, 30)


@tagged("post_install", "-at_install")
class TestPlan(BaseCase):
    """The year that is made up for the demo, on whatever day it is installed."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        history = History(NOW)
        cls.deals, cls.requests = history.get_deals(), history.get_requests()

    def test_it_is_the_same_each_time(self):
        history = History(NOW)
        self.assertEqual((history.get_deals(), history.get_requests()), (self.deals, self.requests))

    def test_later_on_a_day_more_has_happened(self):
        """And nothing else: what was is the same, at whatever hour the demo is installed."""
        earlier = History(NOW.replace(hour=7)).get_deals()
        later = {deal.created: deal.steps for deal in self.deals}
        known = [deal for deal in earlier if deal.created in later]
        self.assertGreater(len(known), 300)
        for deal in known:
            self.assertEqual(later[deal.created][: len(deal.steps)], deal.steps)

    def test_nothing_happens_before_it_can(self):
        """On any day, of a leap year too, and at night: each step is after the one before."""
        for now in (NOW, datetime(2028, 2, 29, 23, 59), datetime(2027, 1, 1, 0, 1)):
            history = History(now)
            for each in (*history.get_deals(), *history.get_requests()):
                moments = [step.entered for step in each.steps]
                self.assertEqual(moments, sorted(moments))
                self.assertLessEqual(moments[-1], now)
                self.assertGreater(moments[0], now - timedelta(days=366))

    def test_orders_follow_their_deals(self):
        for deal in self.deals:
            with self.subTest(deal=deal.name):
                if deal.stage == "won":
                    self.assertIn(deal.order.state, ("sent", "pending", "failed"))
                    self.assertEqual(deal.order.won, deal.steps[-1].entered)
                else:
                    self.assertIn(deal.order and deal.order.state, (None, "cancelled"))
                if deal.order and deal.order.sent:
                    self.assertGreater(deal.order.sent, deal.order.won)
                    self.assertLessEqual(deal.order.sent, NOW)
                self.assertEqual(bool(deal.lost_reason), deal.stage == "lost")

    def test_it_looks_like_a_call_centre(self):
        """Hundreds of deals in all months, of all agents, dealers and sources; some stall."""
        self.assertGreater(len(self.deals), 300)
        self.assertGreater(len(self.requests), 50)
        months = Counter(deal.created.strftime("%Y-%m") for deal in self.deals)
        self.assertEqual(len(months), 13)
        self.assertEqual({deal.agent for deal in self.deals}, {None, *AGENTS})
        self.assertEqual({deal.dealer for deal in self.deals}, set(DEALERS))
        self.assertEqual({deal.source for deal in self.deals}, set(SOURCES))
        stages = {"new", "qualified", "negotiation", "won", "lost"}
        self.assertEqual({deal.stage for deal in self.deals}, stages)
        states = {deal.order.state for deal in self.deals if deal.order}
        self.assertEqual(states, {"sent", "pending", "failed", "cancelled"})
        best, *others = (
            sum(deal.stage == "won" for deal in closed) / len(closed)
            for agent in (AGENTS[0], *AGENTS[1:3])
            if (closed := [d for d in self.deals if d.agent == agent and not d.is_open])
        )
        self.assertGreater(best, max(others))


@tagged("post_install", "-at_install")
class TestDemoData(TransactionCase):
    """What stands in a database with demo data."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not cls.env.ref("bpo_crm.dealership_harbour", raise_if_not_found=False):
            raise SkipTest("a database without demo data")
        cls.harbour, cls.hillside, cls.lakeside = (
            cls.env.ref(f"bpo_crm.dealership_{name}")
            for name in ("harbour", "hillside", "lakeside")
        )
        cls.pipeline = cls.env.ref("bpo_crm.pipeline_bpo_sales")

    def test_no_furniture_on_the_board(self):
        stock = self.env["ir.model.data"].search(
            [("module", "=", "crm"), ("model", "=", "crm.lead")]
        )
        leads = self.env["crm.lead"].browse(stock.mapped("res_id"))
        self.assertTrue(leads)
        self.assertFalse(leads.filtered("active"))
        # archived, not lost: lost deals are in reports of stock
        self.assertIn("pending", leads.mapped("won_status"))
        self.assertFalse(self.env["bpo.deal.report"].search([("lead_id", "in", leads.ids)]))

    def test_dealerships_in_three_states(self):
        dealerships = self.harbour | self.hillside | self.lakeside
        states = dict(zip(("harbour", "hillside", "lakeside"), dealerships, strict=True))
        # when the next attempt was due, nobody was there to make it
        self.hillside.next_attempt = fields.Datetime.now() + timedelta(minutes=30)
        self.assertEqual(
            {name: each.overview_state for name, each in states.items()},
            {"harbour": "untested", "hillside": "waiting", "lakeside": "paused"},
        )
        self.assertLess(self.lakeside.key_expires_on, fields.Date.today())

    def test_nobody_is_called(self):
        """No address of the demo data can be anybody's."""
        self.assertFalse(self.harbour.odoo_url)
        for dealership in self.hillside | self.lakeside:
            self.assertTrue(urlsplit(dealership.odoo_url).hostname.endswith(".invalid"))
        for dealership in self.harbour | self.hillside | self.lakeside:
            self.assertIn(".example.com", dealership.manager_email)

    def test_every_entry_fits_its_deal(self):
        """Chains of entries without a gap, that end where the deal is."""
        self.env.cr.execute(
            """
            SELECT count(*)
              FROM (SELECT entry.*, lead.stage_id AS present, lead.create_date,
                           lag(entry.left_date) OVER chain AS left_before,
                           lag(entry.stage_id) OVER chain AS stage_before,
                           row_number() OVER chain AS number
                      FROM bpo_stage_entry entry JOIN crm_lead lead ON lead.id = lead_id
                     WHERE lead.pipeline_id = %s AND lead.dealership_id IS NOT NULL
                    WINDOW chain AS (PARTITION BY lead_id ORDER BY entry.id)) entry
             WHERE position != number
                OR from_stage_id IS DISTINCT FROM stage_before
                OR (number > 1 AND entered_date != left_before)
                OR (left_date IS NULL) != (outcome IS NULL)
                OR (left_date IS NULL AND stage_id != present)
            """,
            [self.pipeline.id],
        )
        self.assertEqual(self.env.cr.fetchone(), (0,))

    def test_reports_have_something_to_show(self):
        deals, orders = self.env["bpo.deal.report"], self.env["bpo.dealer.order"]
        months = deals._read_group([], ["entered_date:month"], ["won_deals:sum", "lost_deals:sum"])
        self.assertGreaterEqual(len(months), 12)
        recent = [("entered_date", ">=", "-30d"), ("pipeline_id", "=", self.pipeline.id)]
        stages = deals._read_group(recent, ["stage_id"], ["deals:sum"])
        self.assertEqual(len(stages), 5)
        lost_from = deals._read_group([("lost_reason_id", "!=", False)], ["from_stage_id"])
        self.assertGreaterEqual(len(lost_from), 3)
        states = orders._read_group([], ["state"], ["__count"])
        self.assertLessEqual({"sent", "pending", "failed", "cancelled"}, {row[0] for row in states})
        causes = orders._read_group([("state", "=", "failed")], ["error_code"])
        self.assertGreaterEqual(len(causes), 2)
        services = self.env["bpo.request.report"]._read_group(
            [], ["service_id"], ["completed:sum", "late:sum"]
        )
        self.assertTrue(all(completed and late for _service, completed, late in services))
