# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from ast import literal_eval
from unittest.mock import patch

from lxml import etree

from odoo import Command
from odoo.tests import Form, tagged
from odoo.tools.safe_eval import safe_eval

from .common import BpoCrmCommon

OPPORTUNITIES = [("type", "=", "opportunity")]


class BoardCase(BpoCrmCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service_stage = cls.env["crm.stage"].create(
            {"name": "Received, test", "stage_type": "service"}
        )
        cls.leads = cls._create_leads(2)
        cls.foreign = cls._create_leads(
            3, pipeline_id=cls.other_pipeline.id, dealership_id=False, line_ids=False
        )

    def _read_board(
        self, domain=(), user=None, board=True, groupby="stage_id", auto_unfold=True, **context
    ):
        """Read the columns like the client does for a board, or for a grouped list."""
        model = self.env["crm.lead"].with_user(user or self.env.user)
        if board:
            context["bpo_crm_board"] = True
        return model.with_context(read_group_expand=True, **context).web_read_group(
            [*OPPORTUNITIES, *domain],
            [groupby],
            ["expected_revenue:sum"],
            auto_unfold=auto_unfold,
            opening_info=[],
            unfold_read_specification={"name": {}},
        )

    def _get_columns(self, result):
        return [group["stage_id"][1] for group in result["groups"]]


@tagged("post_install", "-at_install")
class TestBoard(BoardCase):
    """A board shows the stages of one pipeline (design, section 6)."""

    def test_every_lead_knows_the_lost_stage_of_its_pipeline(self):
        leads = (self.leads + self.foreign).with_user(self.manager)
        for lead in leads:
            self.assertEqual(lead.lost_stage_id, lead.pipeline_id.lost_stage_id)
        self.assertEqual(self.leads.with_user(self.agent).lost_stage_id, self.stage_gone)
        self.stage_gone.is_lost = False
        self.assertFalse(self.leads.lost_stage_id)

    def test_columns_in_order_with_empty_ones(self):
        result = self._read_board(
            [("pipeline_id", "=", self.pipeline.id)], default_pipeline_id=self.pipeline.id
        )
        self.assertEqual(self._get_columns(result), ["Inbox", "Contacted", "Offer", "Sold", "Gone"])
        self.assertEqual([group["__count"] for group in result["groups"]], [2, 0, 0, 0, 0])
        self.assertEqual(result["groups"][0]["expected_revenue:sum"], 40000.0)

    def test_columns_follow_moves_of_stages(self):
        self.stage_contacted.active = False
        self.stage_sold.action_move_left()
        result = self._read_board([("pipeline_id", "=", self.pipeline.id)])
        self.assertEqual(self._get_columns(result), ["Inbox", "Sold", "Offer", "Gone"])

    def test_closed_deals_sit_in_their_columns(self):
        self.pipeline.push_orders = False
        self.leads[0].action_set_won()
        self.leads[1].action_set_lost(lost_reason_id=self.reason.id)
        result = self._read_board([("pipeline_id", "=", self.pipeline.id)])
        self.assertEqual([group["__count"] for group in result["groups"]], [0, 0, 0, 1, 1])

    def test_folded_columns_load_when_unfolded(self):
        self.stage_gone.fold = True
        result = self._read_board([("pipeline_id", "=", self.pipeline.id)])
        self.assertEqual(["__records" in group for group in result["groups"]], [True] * 4 + [False])

    def test_open_deals_filter_hides_closed_ones(self):
        arch = self.env["crm.lead"].get_view(
            self.env.ref("crm.view_crm_case_opportunities_filter").id, "search"
        )["arch"]
        filters = [
            node.get("domain")
            for node in etree.fromstring(arch).iter("filter")
            if node.get("string") == "Open deals"
        ]
        self.assertEqual(len(filters), 1)
        self.pipeline.push_orders = False
        self.leads[0].action_set_won()
        leads = self.env["crm.lead"].search(
            [("pipeline_id", "=", self.pipeline.id), *safe_eval(filters[0])]
        )
        self.assertEqual(leads, self.leads[1])

    # -- other pipelines never mix in

    def test_context_alone_keeps_others_out(self):
        result = self._read_board(default_pipeline_id=self.pipeline.id)
        self.assertEqual(self._get_columns(result), ["Inbox", "Contacted", "Offer", "Sold", "Gone"])

    def test_filter_or_favourite_by_pipeline(self):
        for domain in (
            [("pipeline_id", "=", self.other_pipeline.id)],
            [("pipeline_id", "in", self.other_pipeline.ids)],
            [("pipeline_id", "ilike", "fleet")],
            [("pipeline_id.name", "=", "Fleet")],
            ["&", ("pipeline_id", "=", self.other_pipeline.id), ("name", "!=", False)],
            ["!", ("pipeline_id", "!=", self.other_pipeline.id)],
            [("pipeline_id", "any", [("name", "=", "Fleet")])],
        ):
            with self.subTest(domain=domain):
                result = self._read_board(domain)
                self.assertEqual(self._get_columns(result), ["New", "Won", "Lost"])
                self.assertEqual(result["groups"][0]["__count"], 3)

    def test_filter_replaces_the_pipeline_of_the_context(self):
        result = self._read_board(
            [("pipeline_id", "=", self.other_pipeline.id)], default_pipeline_id=self.pipeline.id
        )
        self.assertEqual(self._get_columns(result), ["New", "Won", "Lost"])

    def test_two_pipelines_asked_for_stand_apart_by_name(self):
        self.other_pipeline.sequence = 999
        for domain in (
            [("pipeline_id", "in", (self.pipeline + self.other_pipeline).ids)],
            [
                "|",
                ("pipeline_id", "=", self.pipeline.id),
                ("pipeline_id", "=", self.other_pipeline.id),
            ],
        ):
            result = self._read_board(domain)
            self.assertEqual(
                self._get_columns(result),
                [
                    "Inbox (Vehicles)",
                    "Contacted (Vehicles)",
                    "Offer (Vehicles)",
                    "Sold (Vehicles)",
                    "Gone (Vehicles)",
                    "New (Fleet)",
                    "Won (Fleet)",
                    "Lost (Fleet)",
                ],
            )

    def test_without_a_pipeline_one_is_chosen_and_the_others_told(self):
        """For example from a contact's deals, or after a filter was taken away."""
        self.pipeline.sequence = 1
        domain = [("id", "in", (self.leads + self.foreign).ids)]
        result = self._read_board(domain)
        self.assertEqual(self._get_columns(result), ["Inbox", "Contacted", "Offer", "Sold", "Gone"])
        self.assertEqual(
            result["bpo_crm_pipelines"],
            [
                {"id": self.pipeline.id, "name": "Vehicles", "count": 2},
                {"id": self.other_pipeline.id, "name": "Fleet", "count": 3},
            ],
        )
        result = self._read_board([("id", "in", self.foreign.ids)])
        self.assertEqual(self._get_columns(result), ["New", "Won", "Lost"])
        self.assertNotIn("bpo_crm_pipelines", result)

    def test_nothing_found_shows_the_default_pipeline(self):
        result = self._read_board([("id", "=", 0)])
        default = self.env["bpo.pipeline"].search([], limit=1)
        self.assertEqual(self._get_columns(result), default.stage_ids.mapped("name"))

    def test_list_over_several_pipelines_names_them(self):
        """Nothing is hidden from a list, and stages of the same name are told apart."""
        domain = [("id", "in", (self.leads + self.foreign).ids)]
        result = self._read_board(domain, board=False)
        columns = self._get_columns(result)
        self.assertIn("Inbox (Vehicles)", columns)
        self.assertIn("New (Fleet)", columns)
        self.assertEqual(sum(group["__count"] for group in result["groups"]), 5)

    def test_service_stages_are_nowhere(self):
        for context in ({}, {"default_pipeline_id": self.pipeline.id}):
            for board in (True, False):
                columns = self._get_columns(self._read_board(board=board, **context))
                self.assertFalse([name for name in columns if name.startswith("Received, test")])
        lead = self.env["crm.lead"].create({"name": "Bare"})
        self.assertNotIn(self.service_stage, lead._stage_find(limit=None))
        field = self.env["crm.lead"]._fields["stage_id"]
        self.assertNotIn(
            self.service_stage,
            self.env["crm.stage"].search(
                safe_eval(field.domain, {"pipeline_id": self.pipeline.id})
            ),
        )

    def test_agents_see_the_same_columns_and_their_own_cards(self):
        self.leads[0].user_id = self.other_agent
        result = self._read_board([("pipeline_id", "=", self.pipeline.id)], user=self.agent)
        self.assertEqual(self._get_columns(result), ["Inbox", "Contacted", "Offer", "Sold", "Gone"])
        self.assertEqual(result["groups"][0]["__count"], 1)

    def test_pipeline_of_another_company_is_not_shown(self):
        """Whoever asks for it by its id gets what they would get without it."""
        company = self.env["res.company"].create({"name": "Test Elsewhere"})
        hidden = self.env["bpo.pipeline"].create({"name": "Hidden", "company_id": company.id})
        hidden.stage_ids[0].name = "Hidden stage"
        nothing = [("id", "=", 0)]
        for board in (True, False):
            plain = self._get_columns(self._read_board(nothing, user=self.agent, board=board))
            asked = self._get_columns(
                self._read_board(
                    nothing, user=self.agent, board=board, default_pipeline_id=hidden.id
                )
            )
            self.assertEqual(asked, plain)

    def test_archived_pipeline_of_the_context_is_shown(self):
        self.other_pipeline.active = False
        result = self._read_board(user=self.agent, default_pipeline_id=self.other_pipeline.id)
        self.assertEqual(self._get_columns(result), ["New", "Won", "Lost"])

    # -- stock's own ways in

    def _read_action(self, action, **kwargs):
        """Read the columns of an action with its filters, as the client opens it."""
        context = action["context"]
        if isinstance(context, str):
            context = safe_eval(context, {"uid": self.env.uid, "active_id": 0})
        domain = action["domain"]
        if isinstance(domain, str):
            domain = literal_eval(domain)
        if pipeline_id := context.get("search_default_pipeline_id"):
            domain = [*domain, ("pipeline_id", "=", pipeline_id)]
        return self._read_board(domain, **{**context, **kwargs})

    def test_board_of_a_pipeline(self):
        for pipeline, columns in (
            (self.pipeline, ["Inbox", "Contacted", "Offer", "Sold", "Gone"]),
            (self.other_pipeline, ["New", "Won", "Lost"]),
        ):
            action = pipeline.with_user(self.agent).action_open_board()
            self.assertEqual(action["display_name"], pipeline.name)
            self.assertEqual(action["views"][0][1], "kanban")
            self.assertEqual(self._get_columns(self._read_action(action)), columns)

    def test_my_pipeline_is_the_default_one(self):
        self.pipeline.sequence = -1
        action = self.env["crm.team"].with_user(self.agent).action_your_pipeline()
        self.assertEqual(action["display_name"], "Vehicles")
        self.assertEqual(
            self._get_columns(self._read_action(action)),
            ["Inbox", "Contacted", "Offer", "Sold", "Gone"],
        )
        self.assertEqual(action["context"]["search_default_assigned_to_me"], 1)

    def test_empty_board_asks_nobody_to_join_a_team(self):
        self.assertFalse(self.agent.sale_team_id)
        teams = self.env["crm.team"].with_user(self.agent)
        for action in (teams.action_your_pipeline(), teams.action_opportunity_forecast()):
            self.assertNotIn("Team", str(action["help"]))

    def test_my_pipeline_is_the_one_of_my_team(self):
        team = self.env["crm.team"].create(
            {"name": "Fleet team", "member_ids": [Command.set(self.agent.ids)]}
        )
        self.other_pipeline.stage_ids.team_ids = team
        action = self.env["crm.team"].with_user(self.agent).action_your_pipeline()
        self.assertEqual(action["display_name"], "Fleet")

    def test_team_board(self):
        team = self.env["crm.team"].create({"name": "Sellers"})
        self.pipeline.sequence = -1
        for action in (team.action_open_leads(), team.action_open_unassigned_leads()):
            self.assertEqual(
                self._get_columns(self._read_action(action)),
                ["Inbox", "Contacted", "Offer", "Sold", "Gone"],
            )
        context = team.action_open_unassigned_leads()["context"]
        self.assertTrue(context["search_default_unassigned"])

    def test_forecast_by_stage(self):
        self.pipeline.sequence = -1
        action = self.env["crm.team"].action_opportunity_forecast()
        result = self._read_action({**action, "domain": [("id", "in", self.leads.ids)]})
        self.assertEqual(self._get_columns(result), ["Inbox", "Contacted", "Offer", "Sold", "Gone"])

    def test_other_groupings_are_stocks_own(self):
        domain = [("id", "in", (self.leads + self.foreign).ids)]
        result = self._read_board(domain, groupby="user_id")
        self.assertEqual(sum(group["__count"] for group in result["groups"]), 5)

    # -- creating from a column

    def test_quick_create_in_a_column(self):
        for user in (self.agent, self.manager):
            form = Form(
                self.env["crm.lead"]
                .with_user(user)
                .with_context(
                    default_type="opportunity",
                    default_pipeline_id=self.pipeline.id,
                    default_stage_id=self.stage_offer.id,
                ),
                view="crm.quick_create_opportunity_form",
            )
            form.name = "From the column"
            lead = form.save()
            self.assertEqual(lead.stage_id, self.stage_offer)
            self.assertEqual(lead.pipeline_id, self.pipeline)

    def test_quick_create_in_a_column_of_a_chosen_pipeline(self):
        """Without a pipeline in the context, the column knows it."""
        form = Form(
            self.env["crm.lead"].with_context(
                default_type="opportunity", default_stage_id=self.other_new.id
            ),
            view="crm.quick_create_opportunity_form",
        )
        form.name = "From the column"
        self.assertEqual(form.save().pipeline_id, self.other_pipeline)

    def test_stage_created_from_the_deal_form_gets_its_pipeline(self):
        stage_form = Form(
            self.env["crm.stage"]
            .with_user(self.manager)
            .with_context(
                default_pipeline_id=self.other_pipeline.id,
                default_stage_type="deal",
                bpo_crm_before_closing=True,
            ),
            view="bpo_crm.crm_stage_view_form_board",
        )
        self.assertEqual(stage_form.pipeline_id, self.other_pipeline)
        stage_form.name = "Proposal"
        stage_form.color = 4
        stage = stage_form.save()
        self.assertEqual(
            self.other_pipeline.stage_ids.sorted("sequence").mapped("name"),
            ["New", "Proposal", "Won", "Lost"],
        )
        self.assertEqual(stage.color, 4)

    def test_agents_get_no_stage_actions_in_the_views(self):
        """The board's architecture and the stage choice tell the client what is allowed."""
        for user, allowed in ((self.agent, False), (self.sales_admin, False), (self.manager, True)):
            model = self.env["crm.lead"].with_user(user)
            arch = etree.fromstring(
                model.get_view(self.env.ref("crm.crm_case_kanban_view_leads").id, "kanban")["arch"]
            )
            for action in ("group_create", "group_edit", "group_delete"):
                self.assertEqual(arch.get(action) != "False", allowed, (user.login, action))
            arch = etree.fromstring(
                model.get_view(self.env.ref("crm.crm_lead_view_form").id, "form")["arch"]
            )
            (stage,) = arch.xpath("//sheet//field[@name='stage_id']")
            self.assertEqual(stage.get("can_create"), str(allowed))
        menus = self.env["ir.ui.menu"].with_user(self.agent)._visible_menu_ids()
        self.assertNotIn(self.env.ref("crm.menu_crm_lead_stage_act").id, menus)
        self.assertNotIn(self.env.ref("bpo_crm.menu_bpo_pipeline_config").id, menus)
        self.assertIn(self.env.ref("bpo_crm.menu_bpo_pipeline").id, menus)


@tagged("post_install", "-at_install")
class TestBoardQueries(BoardCase):
    """Opening a board costs what stock's does, plus a constant."""

    def _count_queries(self, stock, **context):
        model = type(self.env["crm.lead"])
        self.env.flush_all()
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        # warm what is cached for everybody, like access rights
        self._read_board([("id", "=", 0)], board=not stock, **context)
        self.env.invalidate_all()
        start = self.cr.sql_log_count
        domain = [("pipeline_id", "=", self.pipeline.id)]
        if stock:
            # Stock's one search of columns, for the same columns: it has no pipelines.
            with patch.object(
                model,
                "_read_group_stage_ids",
                lambda self, stages, domain: stages.search(
                    [("pipeline_id", "=", context["default_pipeline_id"])]
                ),
            ):
                self._read_board(domain, board=False, **context)
        else:
            self._read_board(domain, **context)
        return self.cr.sql_log_count - start

    def test_constant_more_than_stock(self):
        context = {"default_pipeline_id": self.pipeline.id}
        before = self._count_queries(False, **context) - self._count_queries(True, **context)
        self.assertLessEqual(before, 2)
        self.env["crm.stage"].create(
            [
                {"name": f"Step {number}", "pipeline_id": self.pipeline.id, "color": number}
                for number in range(12)
            ]
        )
        stages = self.pipeline.stage_ids.filtered(lambda stage: not stage._get_closed_status())
        for stage in stages:
            self._create_leads(3, stage_id=stage.id)
        after = self._count_queries(False, **context) - self._count_queries(True, **context)
        self.assertEqual(after, before, "grows with stages or leads")
