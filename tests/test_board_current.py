# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import contextlib
import re
from datetime import datetime, timedelta
from unittest.mock import patch

from lxml import etree

from odoo import fields
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tests import Form, tagged
from odoo.tools import SQL
from odoo.tools.safe_eval import safe_eval

from ..models.constants import CLOSED_DAYS_PARAMETER
from .test_board import OPPORTUNITIES, BoardCase

CURRENT = [("is_current", "=", True)]
BAR = {"field": "activity_state", "colors": {"planned": "success", "overdue": "danger"}}


@tagged("post_install", "-at_install")
class TestBoardCurrent(BoardCase):
    """Boards begin without the deals that were closed long ago (design, section 6)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pipeline.push_orders = False
        cls.own = Domain("pipeline_id", "=", cls.pipeline.id)
        cls.open_lead, cls.own_lead = cls.leads
        cls.won, cls.won_long_ago = cls._create_leads(2, stage_id=cls.stage_sold.id)
        cls.lost, cls.lost_long_ago, cls.lost_undated = cls._create_leads(
            3, stage_id=cls.stage_gone.id, lost_reason_id=cls.reason.id
        )
        cls._close(cls.won + cls.lost, 29)
        cls._close(cls.won_long_ago + cls.lost_long_ago, 31)
        cls._close(cls.lost_undated, None)
        cls.old = cls.won_long_ago + cls.lost_long_ago
        cls.all = cls.env["crm.lead"].search(cls.own)
        cls.current = cls.all - cls.old

    @classmethod
    def _close(cls, leads, days):
        """Have leads closed so many days ago, or nobody knows when."""
        moment = None if days is None else fields.Datetime.now() - timedelta(days=days)
        cls.env.flush_all()
        cls.env.cr.execute(
            "UPDATE crm_lead SET date_closed = %s WHERE id = ANY(%s)", [moment, leads.ids]
        )
        leads.invalidate_recordset()

    def _set_days(self, days):
        self.env["ir.config_parameter"].set_param(CLOSED_DAYS_PARAMETER, str(days))

    def _search(self, domain, user=None):
        return self.env["crm.lead"].with_user(user or self.env.user).search(self.own & domain)

    # -- which deals

    def test_old_closed_deals_alone_are_left_out(self):
        self.assertEqual(self._search(Domain(CURRENT)), self.current)
        self.assertEqual(self._search(Domain("is_current", "=", False)), self.old)
        self.assertEqual(self._search(~Domain(CURRENT)), self.old)
        self.assertEqual(self.all.filtered("is_current"), self.current)
        self.assertEqual(self.all.filtered_domain(CURRENT), self.current)

    def test_open_deals_are_there_whatever_their_dates(self):
        """For example reopened past the ORM, or with a date that was written by RPC."""
        self._close(self.open_lead, 400)
        self.assertIn(self.open_lead, self._search(Domain(CURRENT)))
        self.won_long_ago.stage_id = self.stage_offer
        self.assertIn(self.won_long_ago, self._search(Domain(CURRENT)))
        self.assertTrue(self.won_long_ago.is_current)

    def test_archived_deals_by_when_they_were_lost(self):
        """Stock loses by archiving; boards show these with the filter Lost."""
        archived = self._create_leads(2)
        self.env.flush_all()
        for lead, days in zip(archived, (29, 31), strict=True):
            lead.sudo().write({"active": False, "probability": 0})
            self._close(lead, days)
        lost = Domain("won_status", "=", "lost") & Domain("active", "=", False)
        self.assertEqual(self._search(lost), archived)
        self.assertEqual(self._search(lost & Domain(CURRENT)), archived[0])
        self.assertFalse(self._search(Domain(CURRENT)) & archived)

    def test_days_begin_at_midnight_of_the_user(self):
        leads = self.env["crm.lead"].with_context(tz="Asia/Tokyo")
        self._set_days(1)
        with patch.object(fields.Datetime, "now", lambda: datetime(2026, 3, 10, 16, 0)):
            # there it is the 11th already
            for moment, shown in (("2026-03-09 14:59:59", False), ("2026-03-09 15:00:00", True)):
                self.won.date_closed = moment
                self.assertEqual(
                    bool(leads.search([("id", "=", self.won.id), *CURRENT])), shown, moment
                )

    # -- who sees what

    def test_agents_see_their_own_and_unclaimed_ones(self):
        self.own_lead.user_id = self.other_agent
        self.won.user_id = False
        for user, leads in (
            (self.agent, self.current - self.own_lead),
            (self.supervisor, self.current),
            (self.manager, self.current),
        ):
            self.assertEqual(self._search(Domain(CURRENT), user), leads, user.login)
            result = self._read_board([*self.own, *CURRENT], user=user)
            self.assertEqual(
                sum(group["__count"] for group in result["groups"]), len(leads), user.login
            )

    # -- the setting

    def test_setting(self):
        for days, leads in ((30, self.current), (31, self.all), (0, self.all)):
            self._set_days(days)
            self.assertEqual(self._search(Domain(CURRENT)), leads, days)
        self._set_days(28)
        self.assertEqual(
            self._search(Domain(CURRENT)), self.current - self.won - self.lost, "fewer"
        )

    def test_setting_in_the_form(self):
        form = Form(self.env["res.config.settings"])
        self.assertEqual(form.bpo_crm_closed_days, 30)
        for days in (90, 0):
            form = Form(self.env["res.config.settings"])
            form.bpo_crm_closed_days = days
            form.save().execute()
            self.assertEqual(self.env["crm.lead"]._get_closed_days(), days)

    def test_what_is_no_number_of_days_is_refused(self):
        for value in ("-1", "3651", "1.5", "a month", "١٢"):
            with (
                self.subTest(value=value),
                self.assertRaisesRegex(ValidationError, "whole number of days"),
                self.cr.savepoint(),
            ):
                self._set_days(value)

    def test_what_was_written_past_the_checks_is_the_default(self):
        self._set_days(5)
        self.env.cr.execute(
            "UPDATE ir_config_parameter SET value = 'soon' WHERE key = %s", [CLOSED_DAYS_PARAMETER]
        )
        self.env.registry.clear_cache()
        self.assertEqual(self.env["crm.lead"]._get_closed_days(), 30)

    # -- the ways in

    def _get_contexts(self):
        """Return the contexts of the ways to a board, for an agent."""
        teams = self.env["crm.team"].with_user(self.agent)
        team = self.env["crm.team"].create({"name": "Sellers"}).with_user(self.agent)
        actions = [
            self.pipeline.with_user(self.agent).action_open_board(),
            teams.action_your_pipeline(),
            team.action_open_leads(),
            team.action_open_unassigned_leads(),
        ]
        for action in actions:
            context = action["context"]
            yield (
                safe_eval(context, {"uid": self.agent.id}) if isinstance(context, str) else context
            )

    def test_boards_begin_with_the_filter(self):
        for context in self._get_contexts():
            self.assertEqual(context["search_default_current"], 1)
            self.assertEqual(context["bpo_crm_closed_days"], 30)

    def test_boards_without_the_filter_say_nothing_of_it(self):
        self._set_days(0)
        for context in self._get_contexts():
            self.assertNotIn("search_default_current", context)
            self.assertNotIn("bpo_crm_closed_days", context)

    def test_counters_of_closed_deals_open_all_of_them(self):
        view = etree.fromstring(self.pipeline.get_view(view_type="form")["arch"])
        for name, begins in (("open_count", True), ("won_count", False), ("lost_count", False)):
            (button,) = view.xpath(f"//button[field[@name='{name}']]")
            context = safe_eval(button.get("context") or "{}")
            action = self.pipeline.with_context(**context).action_open_board()
            self.assertEqual("search_default_current" in action["context"], begins, name)

    def test_the_filter_goes_with_the_others(self):
        """Filters side by side are alternatives: it stands apart, and only where it is offered."""
        arch = self.env["crm.lead"].get_view(
            self.env.ref("crm.view_crm_case_opportunities_filter").id, "search"
        )["arch"]
        (node,) = etree.fromstring(arch).xpath("//filter[@name='current']")
        self.assertEqual(safe_eval(node.get("domain")), CURRENT)
        self.assertEqual(node.getprevious().tag, "separator")
        self.assertEqual(node.getnext().tag, "separator")
        for days, invisible in ((30, False), (0, True)):
            context = {"bpo_crm_closed_days": days} if days else {}
            self.assertEqual(
                bool(safe_eval(node.get("invisible"), {"context": context})), invisible
            )

    # -- what the board says

    def test_columns_totals_and_bars_are_of_what_is_shown(self):
        for lead in (self.won, self.won_long_ago):
            lead.activity_schedule(
                "mail.mail_activity_data_todo",
                date_deadline=fields.Date.today() + timedelta(days=1),
                user_id=self.env.uid,
            )
        self.env.flush_all()
        for domain, counts, planned, days in (
            (CURRENT, [2, 0, 0, 1, 2], 1, 30),
            ([], [2, 0, 0, 2, 3], 2, None),
        ):
            domain = [*self.own, *domain]
            result = self._read_board(domain)
            self.assertEqual([group["__count"] for group in result["groups"]], counts)
            self.assertEqual(
                [group["expected_revenue:sum"] for group in result["groups"]],
                [count * 20000.0 or False for count in counts],
            )
            self.assertEqual(result.get("bpo_crm_closed_days"), days)
            bars = self.env["crm.lead"].read_progress_bar(
                [*OPPORTUNITIES, *domain], "stage_id", BAR
            )
            self.assertEqual(bars[str(self.stage_sold.id)]["planned"], planned)

    def test_the_days_are_told_only_where_all_older_ones_are_left_out(self):
        named = ("name", "!=", False)
        for domain, days in (
            (CURRENT, 30),
            ([("is_current", "in", [True])], 30),
            (["&", named, *CURRENT], 30),
            (["|", named, *CURRENT], None),
            ([("is_current", "=", False)], None),
            (["!", *CURRENT], None),
            ([named], None),
        ):
            with self.subTest(domain=domain):
                result = self._read_board([*self.own, *domain])
                self.assertEqual(result.get("bpo_crm_closed_days"), days)
        self._set_days(0)
        self.assertNotIn("bpo_crm_closed_days", self._read_board([*self.own, *CURRENT]))

    # -- what it costs

    def test_it_costs_no_query(self):
        domain = list(self.own)

        def count(domain):
            self._read_board(domain)
            self.env.invalidate_all()
            start = self.cr.sql_log_count
            self._read_board(domain)
            return self.cr.sql_log_count - start

        self.assertEqual(count([*domain, *CURRENT]), count(domain))

    def test_indexes_are_those_of_the_conditions(self):
        """An index that is partial in other words than the ORM's is never used."""
        parts = Domain(self.env["crm.lead"]._get_current_domain()).children
        conditions = {part.field_expr: part for part in parts if part.value}
        for field_name, index, found in (
            ("won_status", "crm_lead_board_open_idx", "(pipeline_id"),
            ("date_closed", "crm_lead_board_closed_idx", "(date_closed >="),
        ):
            with self.subTest(index=index), self.cr.savepoint() as savepoint:
                query = self.env["crm.lead"]._search(self.own & conditions[field_name])
                # a table of a few rows would be read by any other index, or without
                self.env.cr.execute("SET LOCAL enable_seqscan = off")
                self._drop_indexes_but(index)
                self.env.cr.execute(SQL("EXPLAIN %s", query.select(SQL("count(*)"))))
                plan = "\n".join(row[0] for row in self.env.cr.fetchall())
                savepoint.rollback()
                self.assertIn(index, plan)
                self.assertRegex(plan, rf"Index Cond: .*{re.escape(found)}")

    def _drop_indexes_but(self, index):
        self.env.cr.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'crm_lead'"
            " AND indexname NOT IN ('crm_lead_pkey', %s)",
            [index],
        )
        for (name,) in self.env.cr.fetchall():
            self.env.cr.execute(SQL("DROP INDEX %s", SQL.identifier(name)))


@tagged("post_install", "-at_install")
class TestTotals(BoardCase):
    """Totals in one currency are those of stock, at less cost."""

    aggregates = (
        "expected_revenue:sum",
        "company_currency:array_agg_distinct",
        "expected_revenue:sum_currency",
    )

    def _read(self, stock=False, user=None, aggregates=aggregates, **kwargs):
        leads = self.env["crm.lead"].with_user(user or self.env.user)
        leads = leads.with_context(read_group_expand=True)
        self.env.flush_all()
        with contextlib.ExitStack() as stack:
            if stock:
                stack.enter_context(
                    patch.object(type(leads), "_get_only_currency_id", lambda self: False)
                )
            return leads.formatted_read_group(
                [("pipeline_id", "=", self.pipeline.id)], ["stage_id"], aggregates, **kwargs
            )

    def test_same_as_stock(self):
        self.assertTrue(self.env["crm.lead"]._get_only_currency_id())
        self.leads[0].write({"stage_id": self.stage_offer.id, "company_id": False})
        for user in (self.agent, self.supervisor):
            self.assertEqual(self._read(user=user), self._read(stock=True, user=user))
        for aggregates in (
            self.aggregates[1:],
            self.aggregates[:1],
            (*self.aggregates, "__count", "recurring_revenue_monthly:sum_currency"),
        ):
            self.assertEqual(
                self._read(aggregates=aggregates), self._read(stock=True, aggregates=aggregates)
            )
        order = "expected_revenue:sum_currency DESC"
        self.assertEqual(self._read(order=order), self._read(stock=True, order=order))

    def test_several_currencies_are_told_apart(self):
        currency = self.env["res.currency"].with_context(active_test=False)
        other = currency.search([("id", "!=", self.env.company.currency_id.id)], limit=1)
        other.active = True
        company = self.env["res.company"].create({"name": "Abroad", "currency_id": other.id})
        self.assertFalse(self.env["crm.lead"]._get_only_currency_id())
        self.assertEqual(self._read(), self._read(stock=True))
        company.currency_id = self.env.company.currency_id
        self.assertEqual(
            self.env["crm.lead"]._get_only_currency_id(), self.env.company.currency_id.id
        )
