# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger

from .. import adoption, handback
from .common import BpoCrmCommon
from .dealer_common import DealerOrderCommon
from .service_common import ServiceCommon


@tagged("post_install", "-at_install")
class TestAdoption(TransactionCase):
    """The set-based adoption of stages and leads (design, section 10), step by step.

    The steps run on rows put into the state a stock database is in before installation; the
    installation as a whole is tested end to end on real databases.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.default = cls.env.ref("bpo_crm.pipeline_bpo_sales")
        # indexes and checks come after adoption in an installation
        cls.env.cr.execute(
            """
            ALTER TABLE crm_stage DROP CONSTRAINT IF EXISTS crm_stage_pipeline_on_deal_stages;
            DROP INDEX IF EXISTS crm_stage_name_pipeline_uniq, crm_stage_one_won_per_pipeline;
            """
        )
        cls.teams = cls.env["crm.team"].create([{"name": f"Team {name}"} for name in "ABC"])

    def _create_stage(self, name, teams=None, sequence=1, is_won=False):
        self.env.flush_all()
        self.env.cr.execute(
            "INSERT INTO crm_stage (name, sequence, active, stage_type, is_won)"
            " VALUES (jsonb_build_object('en_US', %s), %s, TRUE, 'deal', %s) RETURNING id",
            [name, sequence, is_won],
        )
        stage_id = self.env.cr.fetchone()[0]
        for team in teams or []:
            self.env.cr.execute(
                "INSERT INTO crm_stage_crm_team_rel (crm_stage_id, crm_team_id) VALUES (%s, %s)",
                [stage_id, team.id],
            )
        return self.env["crm.stage"].browse(stage_id)

    def test_leads_that_are_there_are_won_as_before(self):
        """Nobody has prepared them for orders: units and dealership are ours."""
        self.env["crm.lead"].create({"name": "Here before"})
        self.default.name = "Not in the way"
        self.env.flush_all()
        for in_use in (True, False):
            with self.subTest(in_use=in_use), self.env.cr.savepoint() as savepoint:
                self.env["ir.model.data"].search([("name", "=", "pipeline_bpo_sales")]).unlink()
                # those of this database's own installation
                self.env["ir.config_parameter"].search(
                    [("key", "=", adoption.ADOPTION_NOTES)]
                ).unlink()
                self.env.flush_all()
                with patch.object(adoption, "_is_in_use", wraps=adoption._is_in_use) as is_in_use:
                    if not in_use:
                        is_in_use.side_effect = lambda cr: False
                    pipeline_id = adoption._create_default_pipeline(self.env.cr)
                self.env.invalidate_all()
                pipeline = self.env["bpo.pipeline"].browse(pipeline_id)
                self.assertEqual(pipeline.push_orders, not in_use)
                self.env.cr.execute(
                    "SELECT count(*) FROM ir_config_parameter WHERE key = %s AND value LIKE %s",
                    [adoption.ADOPTION_NOTES, "%Create Dealer Orders%"],
                )
                self.assertEqual(self.env.cr.fetchone()[0], in_use)
                savepoint.rollback()

    def test_teams_sharing_a_stage_share_a_pipeline(self):
        team_a, team_b, team_c = self.teams
        only_a = self._create_stage("Only A", team_a)
        shared = self._create_stage("Shared", team_a + team_b)
        only_b = self._create_stage("Only B", team_b)
        only_c = self._create_stage("Only C", team_c)
        generic = self._create_stage("Generic")
        adoption._adopt_stages(self.env.cr, self.default.id)
        self.env.invalidate_all()
        self.assertEqual(len((only_a + shared + only_b).pipeline_id), 1)
        self.assertEqual(only_a.pipeline_id.name, "Team A, Team B")
        self.assertEqual(only_c.pipeline_id.name, "Team C")
        self.assertEqual(generic.pipeline_id, self.default)

    def test_a_team_that_is_called_like_a_pipeline(self):
        self.teams[:2].name = self.default.name
        stages = [self._create_stage("Own", team) for team in self.teams[:2]]
        adoption._adopt_stages(self.env.cr, self.default.id)
        self.env.invalidate_all()
        names = [stage.pipeline_id.name for stage in stages]
        self.assertEqual(names, [f"{self.default.name} (2)", f"{self.default.name} (3)"])

    def test_one_won_stage_remains_per_pipeline(self):
        first = self._create_stage("Won early", self.teams[0], sequence=1, is_won=True)
        last = self._create_stage("Won late", self.teams[0], sequence=2, is_won=True)
        adoption._adopt_stages(self.env.cr, self.default.id)
        adoption._separate_won_stages(self.env.cr)
        self.env.invalidate_all()
        self.assertFalse(first.is_won)
        self.assertTrue(last.is_won)

    def test_doubled_names_are_numbered(self):
        first = self._create_stage("Visit", self.teams[0], sequence=1)
        second = self._create_stage(" visit ", self.teams[0], sequence=2)
        adoption._adopt_stages(self.env.cr, self.default.id)
        adoption._separate_names(self.env.cr)
        self.env.invalidate_all()
        self.assertEqual(first.name, "Visit")
        self.assertEqual(second.name, f" visit  ({second.id})")

    def test_numbers_are_free_too(self):
        first = self._create_stage("Visit", sequence=1)
        second = self._create_stage("Visit", sequence=2)
        third = self._create_stage(f"VISIT ({second.id})", sequence=3)
        fourth = self._create_stage(f"visit ({second.id}) ({second.id})", sequence=4)
        fifth = self._create_stage(f"visit ({second.id})", sequence=5)
        adoption._adopt_stages(self.env.cr, self.default.id)
        adoption._separate_names(self.env.cr)
        self.env.invalidate_all()
        self.assertEqual(first.name, "Visit")
        self.assertEqual(third.name, f"VISIT ({second.id})")
        self.assertEqual(fourth.name, f"visit ({second.id}) ({second.id})")
        stages = first + second + third + fourth + fifth
        self.assertEqual(len({stage.name.lower() for stage in stages}), 5)

    def test_closing_stages_find_a_free_name(self):
        stage = self._create_stage("Won", self.teams[0])
        self._create_stage("Won (closed)", self.teams[0])
        adoption._adopt_stages(self.env.cr, self.default.id)
        adoption._add_closing_stages(self.env)
        self.env.invalidate_all()
        self.assertEqual(stage.pipeline_id.won_stage_id.name, "Won (closed) (closed)")

    def test_each_pipeline_gets_what_it_lacks(self):
        stage = self._create_stage("Won", self.teams[0])  # a name is no flag
        adoption._adopt_stages(self.env.cr, self.default.id)
        adoption._add_closing_stages(self.env)
        self.env.invalidate_all()
        pipeline = stage.pipeline_id
        self.assertEqual(pipeline.won_stage_id.name, "Won (closed)")
        self.assertEqual(pipeline.lost_stage_id.name, "Lost")
        self.assertTrue(pipeline.lost_stage_id.fold)

    def test_fresh_stages_are_the_shipped_ones(self):
        stages = self.default.with_context(lang="en_US").stage_ids
        self.assertEqual(
            [(stage.sequence, stage.name, stage.is_won, stage.is_lost) for stage in stages],
            [
                (10, "New", False, False),
                (20, "Qualified", False, False),
                (30, "Negotiation", False, False),
                (40, "Won", True, False),
                (50, "Lost", False, True),
            ],
        )
        self.assertTrue(stages[-1].fold)


@tagged("post_install", "-at_install")
class TestAdoptionBesideOthers(TransactionCase):
    """Adoption beside an addon that has a required column on stages."""

    def setUp(self):
        self.addCleanup(self.registry.reset_changes)
        self.addCleanup(self.registry.clear_all_caches)
        super().setUp()

    def test_required_column_of_another_addon(self):
        self.env["ir.model.fields"].create(
            {
                "name": "x_depth",
                "model_id": self.env["ir.model"]._get_id("crm.stage"),
                "ttype": "float",
            }
        )
        self.env["ir.default"].set("crm.stage", "x_depth", 10.0)
        self.env["crm.stage"].with_context(active_test=False).search([]).x_depth = 10.0
        self.env.flush_all()
        self.env.cr.execute("ALTER TABLE crm_stage ALTER COLUMN x_depth SET NOT NULL")
        pipeline = self.env["bpo.pipeline"].with_context(bpo_crm_no_default_stages=True)
        pipeline = pipeline.create({"name": "Without stages"})
        self.env.flush_all()
        adoption._add_closing_stages(self.env)
        self.env.invalidate_all()
        self.assertEqual(pipeline.stage_ids.mapped("x_depth"), [10.0, 10.0])
        self.assertTrue(pipeline.won_stage_id)
        self.assertTrue(pipeline.lost_stage_id)


@tagged("post_install", "-at_install")
class TestUninstallWarning(DealerOrderCommon):
    """Who is about to uninstall the addon is told which orders will never be sent."""

    def _get_warning(self, module):
        wizard = self.env["base.module.uninstall"].create({"module_ids": module.ids})
        return wizard.bpo_crm_warning

    def test_waiting_orders_are_named(self):
        self._win_one()
        dealership = self.env["bpo.dealer.order"].search([("state", "=", "pending")]).dealership_id
        warning = self._get_warning(self.env.ref("base.module_bpo_crm"))
        self.assertIn(dealership.name, warning)
        self.assertTrue(self._get_warning(self.env.ref("base.module_crm")))
        self.assertFalse(self._get_warning(self.env.ref("base.module_base_import")))

    def test_nothing_to_say_without_waiting_orders(self):
        _lead, order = self._win_one()
        self._push()
        self.assertEqual(order.state, "sent")
        self.assertFalse(self._get_warning(self.env.ref("base.module_bpo_crm")))

    def test_leads_are_told(self):
        lead, order = self._win_one()
        order._log_uninstallation()
        self.assertIn(order.reference, self._get_notes(lead)[0])
        order.possibly_sent = True
        order._log_uninstallation()
        self.assertIn("Ask the dealership", self._get_notes(lead)[0])

    def test_many_are_counted_in_the_log(self):
        self._win_one()
        self._win_one()
        with (
            patch.object(handback, "NAMED_LEADS", 1),
            self.assertLogs("odoo.addons.bpo_crm.handback", "WARNING") as logs,
        ):
            handback._say_which_orders_are_lost(self.env)
        [line] = logs.output
        self.assertTrue(line.endswith(", …"), line)


@tagged("post_install", "-at_install")
class TestHandBack(BpoCrmCommon):
    """What stock CRM finds after us; the uninstallation as a whole is tested end to end."""

    def test_lost_leads_and_their_stages(self):
        here, from_nowhere = self._create_leads(2)
        here.stage_id = self.stage_contacted
        here.action_set_lost(lost_reason_id=self.reason.id)
        from_nowhere.write({"stage_id": self.stage_gone.id, "lost_reason_id": self.reason.id})
        from_nowhere._write_protected({"lost_from_stage_id": False})
        # demo data has orders that wait, and the log says so
        with mute_logger("odoo.models.unlink", "odoo.addons.bpo_crm.handback"):
            handback.hand_back(self.env)
        leads = here + from_nowhere
        self.assertEqual(leads.mapped("active"), [False, False])
        self.assertEqual(leads.mapped("probability"), [0, 0])
        self.assertEqual(leads.stage_id, self.stage_contacted + self.stage_inbox)
        self.assertFalse(self.stage_gone.exists())

    def test_a_stage_that_another_addon_holds(self):
        """It stays, which is logged; the uninstallation goes on."""
        refusal = UserError("Letters are sent from there")
        with (
            patch.object(type(self.stage_gone), "unlink", side_effect=refusal),
            self.assertLogs("odoo.addons.bpo_crm.handback", "WARNING") as logs,
        ):
            handback._remove_lost_stages(self.env)
        self.assertIn("The stage “Gone” stays", " ".join(logs.output))
        self.assertIn("Letters are sent from there", " ".join(logs.output))
        self.assertTrue(self.stage_gone.exists())


@tagged("post_install", "-at_install")
class TestServiceSequence(ServiceCommon):
    """The sequence of requests, where it has to be made again."""

    def test_number_behind_the_references_that_are_given(self):
        requests = self.env["bpo.service.request"]
        values = {"name": "Plates", "service_id": self.papers.id}
        requests.create(
            [{**values, "reference": name} for name in ("SR88812", "X99999", "SR9x", "SR.88899")]
        )
        self.assertEqual(requests._get_next_number("SR"), 88813)
        self.assertEqual(requests._get_next_number("NONE"), 1)
        self.assertEqual(requests._get_next_number("SR."), 88900)
