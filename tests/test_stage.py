# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from contextlib import contextmanager
from datetime import datetime

from lxml import etree
from psycopg2 import IntegrityError, errors

from odoo import SUPERUSER_ID, Command, api
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, TransactionCase, tagged
from odoo.tools import mute_logger
from odoo.tools.safe_eval import safe_eval

from odoo.addons.bpo_crm.models.stage.crm_stage import StageInUseError

from .common import BpoCrmCommon


class StageCase(BpoCrmCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.Stage = cls.env["crm.stage"]

    def _get_order(self, pipeline):
        """Return the names of all stages of a pipeline, in order, with their sequences."""
        stages = self.Stage.with_context(active_test=False).search(
            [("pipeline_id", "=", pipeline.id)]
        )
        return [(stage.name, stage.sequence) for stage in stages]

    @contextmanager
    def _assert_refused(self, text):
        """What is done inside is refused, by a check or by the database, in clear words."""
        try:
            with mute_logger("odoo.sql_db"), self.cr.savepoint():
                yield
        except ValidationError as error:
            message = str(error)
        except IntegrityError as error:
            # in the way the server tells people of it
            message = self.Stage._sql_error_to_message(error)
        else:
            self.fail("nothing was refused")
        self.env.invalidate_all()
        self.assertRegex(message, text)

    def _assert_database_refuses(self, query, params, error):
        """The database itself refuses: nothing of the ORM is asked."""
        with self.assertRaises(error), mute_logger("odoo.sql_db"), self.cr.savepoint():
            self.cr.execute(query, params)


@tagged("post_install", "-at_install")
class TestStageResource(StageCase):
    """What a stage is: names, flags, types (design, section 2)."""

    def test_fresh_install_ships_five_stages(self):
        pipeline = self.env.ref("bpo_crm.pipeline_bpo_sales")
        self.assertRecordValues(
            pipeline.stage_ids,
            [
                {"sequence": 10, "name": "New", "is_won": False, "is_lost": False, "fold": False},
                {
                    "sequence": 20,
                    "name": "Qualified",
                    "is_won": False,
                    "is_lost": False,
                    "fold": False,
                },
                {
                    "sequence": 30,
                    "name": "Negotiation",
                    "is_won": False,
                    "is_lost": False,
                    "fold": False,
                },
                {"sequence": 40, "name": "Won", "is_won": True, "is_lost": False, "fold": False},
                {"sequence": 50, "name": "Lost", "is_won": False, "is_lost": True, "fold": True},
            ],
        )

    def test_defaults(self):
        stage = self.Stage.create({"name": "Plain"})
        self.assertEqual(stage.stage_type, "deal")
        self.assertEqual(stage.pipeline_id, self.env["bpo.pipeline"].search([], limit=1))
        self.assertTrue(stage.active)

    def test_name_is_required(self):
        for name in (False, "   "):
            with self.subTest(name=name), self._assert_refused("name|required"):
                self.Stage.create({"name": name, "pipeline_id": self.pipeline.id})

    def test_name_is_unique_in_its_pipeline(self):
        for name in ("Inbox", " inbox ", "INBOX"):
            with self.subTest(name=name), self._assert_refused("exists already"):
                self.Stage.create({"name": name, "pipeline_id": self.pipeline.id})
        with self._assert_refused("exists already|taken.*Contacted"):
            self.stage_offer.name = "contacted"

    def test_name_of_an_archived_stage_is_taken(self):
        self.stage_offer.active = False
        with self._assert_refused("archived ones count too"):
            self.Stage.create({"name": "offer", "pipeline_id": self.pipeline.id})

    def test_name_is_free_in_another_pipeline(self):
        stage = self.Stage.create({"name": "Inbox", "pipeline_id": self.other_pipeline.id})
        self.assertEqual(stage.name, self.stage_inbox.name)

    def test_name_is_unique_in_the_database(self):
        self._assert_database_refuses(
            "UPDATE crm_stage SET name = jsonb_build_object('en_US', ' INBOX') WHERE id = %s",
            [self.stage_offer.id],
            errors.UniqueViolation,
        )

    def test_service_names_are_unique_among_services(self):
        self.Stage.create({"name": "Inbox, please", "stage_type": "service"})
        with self._assert_refused("service stage of this name"):
            self.Stage.create({"name": "inbox, PLEASE", "stage_type": "service"})
        self.Stage.create({"name": "Inbox", "stage_type": "service"})

    def test_translated_name_is_unique(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.stage_inbox.update_field_translations("name", {"fr_FR": "Boîte"})
        with self.assertRaisesRegex(ValidationError, "boîte|Boîte"), self.cr.savepoint():
            self.stage_offer.with_context(lang="fr_FR").name = "boîte"
        with self.assertRaisesRegex(ValidationError, "Boîte"), self.cr.savepoint():
            self.stage_offer.update_field_translations("name", {"fr_FR": " Boîte "})
        self.stage_offer.update_field_translations("name", {"fr_FR": "Offre"})
        self.assertEqual(self.stage_offer.with_context(lang="fr_FR").name, "Offre")

    def test_deal_stage_needs_a_pipeline(self):
        with self._assert_refused("A deal stage belongs to a pipeline"):
            self.stage_offer.pipeline_id = False
            self.env.flush_all()
        self._assert_database_refuses(
            "UPDATE crm_stage SET pipeline_id = NULL WHERE id = %s",
            [self.stage_offer.id],
            errors.CheckViolation,
        )

    def test_service_stage_has_no_pipeline(self):
        stage = self.Stage.with_context(default_pipeline_id=self.pipeline.id).create(
            {"name": "Received, test", "stage_type": "service"}
        )
        self.assertFalse(stage.pipeline_id)
        with self._assert_refused("a service stage does not"):
            stage.pipeline_id = self.pipeline
            self.env.flush_all()
        self._assert_database_refuses(
            "UPDATE crm_stage SET pipeline_id = %s WHERE id = %s",
            [self.pipeline.id, stage.id],
            errors.CheckViolation,
        )

    def test_changing_the_type_takes_the_pipeline_along(self):
        self.stage_offer.stage_type = "service"
        self.assertFalse(self.stage_offer.pipeline_id)
        self.stage_offer.stage_type = "deal"
        self.assertEqual(self.stage_offer.pipeline_id, self.env["bpo.pipeline"].search([], limit=1))

    def test_flags_only_on_deal_stages(self):
        for flag in ("is_won", "is_lost"):
            with self.subTest(flag=flag), self._assert_refused("Only deal stages"):
                self.Stage.create({"name": "Done", "stage_type": "service", flag: True})

    def test_not_both_won_and_lost(self):
        pipeline = self.env["bpo.pipeline"].create(
            {"name": "Bare", "stage_ids": [Command.create({"name": "Only"})]}
        )
        with self._assert_refused("both the Won and the Lost"):
            pipeline.stage_ids.write({"is_won": True, "is_lost": True})
            self.env.flush_all()

    def test_one_closing_stage_of_each_kind(self):
        for flag in ("is_won", "is_lost"):
            refused = "Another stage of this pipeline"
            with self.subTest(flag=flag, way="write"), self._assert_refused(refused):
                self.stage_offer.write({flag: True})
                self.env.flush_all()
            with self.subTest(flag=flag, way="create"), self._assert_refused(refused):
                self.Stage.create({"name": "Two", "pipeline_id": self.pipeline.id, flag: True})
            with self.subTest(flag=flag, way="sql"):
                self._assert_database_refuses(
                    f"UPDATE crm_stage SET {flag} = TRUE WHERE id = %s",
                    [self.stage_offer.id],
                    errors.UniqueViolation,
                )

    def test_one_won_stage_holds_for_imports(self):
        with mute_logger("odoo.sql_db"):
            result = self.Stage.load(
                ["name", "pipeline_id/.id", "is_won"],
                [["Imported", str(self.pipeline.id), "1"]],
            )
        self.assertFalse(result["ids"])
        self.assertIn("Another stage of this pipeline", result["messages"][0]["message"])

    def test_archived_closing_stage_makes_room_for_another(self):
        self.stage_sold.active = False
        self.stage_offer.is_won = True
        self.assertEqual(self.pipeline.won_stage_id, self.stage_offer)
        with self._assert_refused("its Won stage already"):
            self.stage_sold.active = True
            self.env.flush_all()

    def test_closing_flag_changes_hands_in_one_save(self):
        """Whatever the order of the rows: by the pipeline's form, and one after the other."""
        for stages in ((self.stage_sold, self.stage_offer), (self.stage_offer, self.stage_sold)):
            old, new = (
                self.pipeline.won_stage_id,
                stages[0] + stages[1] - self.pipeline.won_stage_id,
            )
            self.pipeline.write(
                {
                    "stage_ids": [
                        Command.update(stage.id, {"is_won": stage == new}) for stage in stages
                    ]
                }
            )
            self.env.flush_all()
            self.assertEqual(self.pipeline.won_stage_id, new)
            new.is_won = False
            old.is_won = True
            self.env.flush_all()
            self.assertEqual(self.pipeline.won_stage_id, old)

    def test_copy_translated(self):
        """The copy has a name of its own in every language."""
        self.env["res.lang"]._activate_lang("fr_FR")
        self.stage_inbox.update_field_translations("name", {"fr_FR": "Arrivée d'essai"})
        for lang in ("en_US", "fr_FR"):
            with self.subTest(lang=lang):
                copy = self.stage_inbox.with_context(lang=lang).copy()
                self.assertNotEqual(copy.with_context(lang="fr_FR").name, "Arrivée d'essai")

    def test_copy_lives_beside_its_origin(self):
        copies = self.stage_sold.copy() + self.stage_sold.copy()
        self.assertEqual(copies.mapped("is_won"), [False, False])
        self.assertEqual(len(set(copies.mapped("name"))), 2)
        self.assertEqual(copies.pipeline_id, self.pipeline)

    def test_rename_keeps_leads(self):
        lead = self._create_leads()
        self.stage_inbox.name = "Mailbox"
        self.assertEqual(lead.stage_id, self.stage_inbox)
        self.assertEqual(lead.stage_id.display_name, "Mailbox")

    def test_warning_of_what_a_pipeline_lacks(self):
        self.assertFalse(self.stage_inbox.configuration_warning)
        self.stage_sold.is_won = False
        self.assertIn("No Won stage", self.stage_inbox.configuration_warning)
        self.stage_gone.is_lost = False
        self.assertIn("No Won and no Lost", self.stage_offer.configuration_warning)
        self.pipeline.active = False
        self.assertFalse(self.stage_inbox.configuration_warning)

    def test_screen_filters_and_groups_both_types(self):
        service = self.Stage.create({"name": "Received, test", "stage_type": "service"})
        arch = etree.fromstring(
            self.Stage.get_view(self.env.ref("crm.crm_lead_stage_search").id, "search")["arch"]
        )
        filters = {node.get("name"): node for node in arch.iter("filter")}
        stages = self.pipeline.stage_ids + service
        for name, expected in (
            ("deals", self.pipeline.stage_ids),
            ("services", service),
            ("closing", self.stage_sold + self.stage_gone),
        ):
            domain = safe_eval(filters[name].get("domain"))
            self.assertEqual(stages.filtered_domain(domain), expected, name)
        for name, field in (("group_stage_type", "stage_type"), ("group_pipeline", "pipeline_id")):
            self.assertEqual(safe_eval(filters[name].get("context")), {"group_by": field})
        action = self.env.ref("crm.crm_stage_action")
        self.assertEqual(safe_eval(action.context), {"search_default_group_pipeline": 1})
        groups = self.Stage.web_read_group([("id", "in", stages.ids)], ["pipeline_id"])["groups"]
        self.assertEqual([group["__count"] for group in groups], [5, 1])


@tagged("post_install", "-at_install")
class TestStageOrder(StageCase):
    """Where stages stand, and how they are moved about."""

    def test_new_stage_is_appended(self):
        stage = self.Stage.create({"name": "Late", "pipeline_id": self.pipeline.id})
        self.assertEqual(stage.sequence, 60)
        self.stage_gone.sequence = 95
        stages = self.Stage.create(
            [
                {"name": "Later", "pipeline_id": self.pipeline.id},
                {"name": "Latest", "pipeline_id": self.pipeline.id},
                {"name": "Elsewhere", "pipeline_id": self.other_pipeline.id},
                {"name": "Chosen", "pipeline_id": self.pipeline.id, "sequence": 15},
            ]
        )
        self.assertEqual(stages.mapped("sequence"), [105, 115, 40, 15])

    def test_name_create_uses_the_pipeline_at_hand(self):
        stage_id, _name = self.Stage.with_context(
            default_pipeline_id=self.other_pipeline.id
        ).name_create("Quick one")
        stage = self.Stage.browse(stage_id)
        self.assertEqual(stage.pipeline_id, self.other_pipeline)
        self.assertEqual(stage.sequence, 40)

    def test_new_stage_of_the_board_goes_before_closing(self):
        stages = self.Stage.with_context(
            default_pipeline_id=self.pipeline.id, bpo_crm_before_closing=True
        ).create([{"name": "Proposal", "color": 5}, {"name": "Approval"}])
        self.assertEqual(stages.mapped("pipeline_id"), self.pipeline)
        self.assertEqual(
            self._get_order(self.pipeline),
            [
                ("Inbox", 10),
                ("Contacted", 20),
                ("Offer", 30),
                ("Proposal", 40),
                ("Approval", 50),
                ("Sold", 60),
                ("Gone", 70),
            ],
        )

    def test_new_stage_of_the_board_where_all_are_closing(self):
        pipeline = self.env["bpo.pipeline"].create(
            {"name": "Closed", "stage_ids": [Command.create({"name": "Won", "is_won": True})]}
        )
        self.Stage.with_context(bpo_crm_before_closing=True).create(
            {"name": "First", "pipeline_id": pipeline.id}
        )
        self.assertEqual(self._get_order(pipeline), [("First", 10), ("Won", 20)])

    def test_dragging_leaves_gaps_of_ten(self):
        """The client sends the rows between the old and the new place, as dense numbers."""
        stages = self.stage_offer + self.stage_inbox + self.stage_contacted
        stages.web_resequence({"sequence": {}}, offset=10)
        self.assertEqual(
            self._get_order(self.pipeline),
            [("Offer", 10), ("Inbox", 20), ("Contacted", 30), ("Sold", 40), ("Gone", 50)],
        )

    def test_dragging_answers_with_the_new_sequences(self):
        stages = self.stage_contacted + self.stage_inbox
        answer = stages.web_resequence({"sequence": {}})
        self.assertEqual(
            answer,
            [
                {"id": self.stage_contacted.id, "sequence": 10},
                {"id": self.stage_inbox.id, "sequence": 20},
            ],
        )

    def test_dragging_in_the_form_of_the_pipeline_leaves_gaps_of_ten(self):
        """There the client numbers the rows without gaps, and saves them with the form."""
        places = {self.stage_offer: 10, self.stage_inbox: 11, self.stage_contacted: 12}
        self.pipeline.write(
            {
                "stage_ids": [
                    Command.update(stage.id, {"sequence": place}) for stage, place in places.items()
                ]
            }
        )
        self.assertEqual(
            self._get_order(self.pipeline),
            [("Offer", 10), ("Inbox", 20), ("Contacted", 30), ("Sold", 40), ("Gone", 50)],
        )

    def test_dragging_rows_of_several_pipelines_keeps_each_in_itself(self):
        stages = self.stage_contacted + self.other_won + self.stage_inbox + self.other_new
        stages.web_resequence({"sequence": {}})
        self.assertEqual(
            [name for name, _sequence in self._get_order(self.pipeline)][:3],
            ["Contacted", "Inbox", "Offer"],
        )
        self.assertEqual(
            self._get_order(self.other_pipeline), [("Won", 10), ("New", 20), ("Lost", 30)]
        )

    def test_renumber(self):
        self.stage_contacted.sequence = 11
        self.stage_offer.sequence = 11
        self.other_won.sequence = 12
        action = self.stage_inbox.action_renumber()
        self.assertEqual(action["tag"], "display_notification")
        self.assertIn("they had: 5.", action["params"]["message"])
        self.assertEqual(action["params"]["next"]["tag"], "soft_reload")
        self.assertEqual(
            [sequence for _name, sequence in self._get_order(self.pipeline)], [10, 20, 30, 40, 50]
        )
        self.assertEqual(self.other_won.sequence, 12, "other pipelines are left alone")
        self.Stage.action_renumber()
        self.assertEqual(
            [sequence for _name, sequence in self._get_order(self.other_pipeline)], [10, 20, 30]
        )

    def test_move_left_and_right(self):
        self.stage_offer.action_move_left()
        self.assertEqual(
            self._get_order(self.pipeline)[:3], [("Inbox", 10), ("Offer", 20), ("Contacted", 30)]
        )
        self.stage_offer.action_move_right()
        self.stage_offer.action_move_right()
        self.assertEqual(
            self._get_order(self.pipeline)[1:4], [("Contacted", 20), ("Sold", 30), ("Offer", 40)]
        )

    def test_move_over_the_edge_changes_nothing(self):
        before = self._get_order(self.pipeline)
        self.stage_inbox.action_move_left()
        self.stage_gone.action_move_right()
        self.assertEqual(self._get_order(self.pipeline), before)

    def test_move_passes_archived_stages(self):
        """What is not on the board does not swallow a step."""
        self.stage_contacted.active = False
        self.stage_offer.action_move_left()
        names = [name for name, _sequence in self._get_order(self.pipeline)]
        self.assertLess(names.index("Offer"), names.index("Inbox"))


@tagged("post_install", "-at_install")
class TestStageRights(StageCase):
    """Only BPO Managers shape stages; a stock Sales administrator is not enough."""

    def test_others_are_refused_by_the_server(self):
        self._create_leads()
        wizard_vals = {
            "stage_ids": [Command.set(self.stage_inbox.ids)],
            "target_stage_id": self.stage_offer.id,
        }
        deeds = {
            "create": lambda stage: stage.create({"name": "Mine", "pipeline_id": self.pipeline.id}),
            "name_create": lambda stage: stage.name_create("Mine"),
            "rename": lambda stage: stage.write({"name": "Mine"}),
            "color": lambda stage: stage.write({"color": 3}),
            "flag": lambda stage: stage.write({"is_won": True}),
            "archive": lambda stage: stage.action_archive(),
            "delete": lambda stage: stage.unlink(),
            "copy": lambda stage: stage.copy(),
            "translate": lambda stage: stage.update_field_translations("name", {"en_US": "Mine"}),
            "resequence": lambda stage: stage.web_resequence({"sequence": {}}),
            "renumber": lambda stage: stage.action_renumber(),
            "renumber all": lambda stage: stage.browse().action_renumber(),
            "move left": lambda stage: stage.action_move_left(),
            "move right": lambda stage: stage.action_move_right(),
            "remove": lambda stage: stage.action_remove(),
            "open move and archive": lambda stage: stage.action_move_and_archive(),
            "move and archive": lambda stage: stage.env["bpo.stage.move"].create(wizard_vals),
            "load": lambda stage: self._load(stage),
        }
        before = self._get_order(self.pipeline)
        for user in (self.agent, self.supervisor, self.sales_admin):
            for deed, act in deeds.items():
                with (
                    self.subTest(user=user.login, deed=deed),
                    self.assertRaises(AccessError),
                    mute_logger("odoo.models", "odoo.addons.base.models.ir_rule"),
                    self.cr.savepoint(),
                ):
                    act(self.stage_inbox.with_user(user))
        self.assertEqual(self._get_order(self.pipeline), before)

    def _load(self, stage):
        """Import reports a refusal instead of raising it."""
        result = stage.load(["name"], [["Imported"]])
        if not result["ids"]:
            raise AccessError(result["messages"][0]["message"])

    def test_managers_may(self):
        stage = self.Stage.with_user(self.manager).create(
            {"name": "Managed", "pipeline_id": self.pipeline.id}
        )
        stage.write({"name": "Managed well", "color": 2})
        stage.action_move_left()
        stage.action_remove()
        stage.unlink()
        self.assertFalse(stage.exists())

    def test_everybody_reads_stages(self):
        self.assertEqual(self.stage_inbox.with_user(self.agent).name, "Inbox")

    def test_refusal_tells_others_nothing_of_the_leads(self):
        """An agent is told of the missing right, not of the leads of others in the stage."""
        self._create_leads(user_id=self.other_agent.id)
        with self.assertRaises(AccessError), self.cr.savepoint():
            self.stage_inbox.with_user(self.agent).write({"active": False})
        service = self.env["bpo.service"].create({"name": "Test Rides"})
        stage = self.Stage.create(
            {"name": "Booked, test", "stage_type": "service", "service_ids": service.ids}
        )
        self.env["bpo.service.request"].create(
            {"name": "Secret of another", "service_id": service.id, "user_id": self.other_agent.id}
        )
        for empty in (self.stage_inbox, stage):
            with self.assertRaises(AccessError), self.cr.savepoint():
                empty.with_user(self.agent).unlink()


@tagged("post_install", "-at_install")
class TestStageInUse(StageCase):
    """Stages that hold leads: refusals, and the way out."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.leads = cls._create_leads(4)
        for number, lead in enumerate(cls.leads, start=1):
            lead.name = f"Lead {number} of many"

    def _move(self, target, **values):
        wizard = self.env["bpo.stage.move"].with_user(self.manager)
        return wizard.create(
            {
                "stage_ids": [Command.set(self.stage_inbox.ids)],
                "target_stage_id": target.id,
                **values,
            }
        )

    def test_refused_while_leads_are_in_it(self):
        for what, act in {
            "archived": lambda stage: stage.write({"active": False}),
            "archived by the menu": lambda stage: stage.action_archive(),
            "deleted": lambda stage: stage.unlink(),
            "moved to another pipeline": lambda stage: stage.write(
                {"pipeline_id": self.other_pipeline.id}
            ),
            "given another type": lambda stage: stage.write({"stage_type": "service"}),
        }.items():
            with self.subTest(what=what):
                with self.assertRaises(StageInUseError) as caught, self.cr.savepoint():
                    act(self.stage_inbox.with_user(self.manager))
                message = str(caught.exception)
                self.assertIn("Inbox: 4 records, such as", message)
                self.assertRegex(message, r"Lead \d of many, Lead \d of many")
                self.assertEqual(
                    caught.exception.context,
                    {
                        "exception_class": "bpo_crm.stage_in_use",
                        "stage_ids": self.stage_inbox.ids,
                    },
                )

    def test_one_lead_is_named(self):
        self.leads[1:].unlink()
        with self.assertRaisesRegex(UserError, "Inbox: 1 record, Lead 1 of many"):
            self.stage_inbox.unlink()

    def test_flagging_in_the_form_tells_what_happens_to_the_leads(self):
        self.leads.write({"stage_id": self.stage_gone.id, "lost_reason_id": self.reason.id})
        for stage, flag, text in (
            (self.stage_gone, "is_lost", "All leads in this stage (4) stay lost"),
            (self.stage_gone, "is_won", "all leads in this stage (4) will be won"),
            (self.stage_offer, "is_won", None),
            (self.stage_sold, "is_won", "No lead of the pipeline can be won until"),
        ):
            with self.subTest(stage=stage.name, flag=flag):
                answer = stage.onchange({flag: not stage[flag]}, [flag], {flag: {}})
                message = answer.get("warning", {}).get("message", "")
                self.assertIn(text, message) if text else self.assertFalse(message)

    def test_archived_leads_count(self):
        self.leads.active = False
        with self.assertRaisesRegex(UserError, "4 records"), self.cr.savepoint():
            self.stage_inbox.unlink()

    def test_leads_of_others_count(self):
        self.leads.user_id = self.other_agent
        with self.assertRaisesRegex(UserError, "4 records"), self.cr.savepoint():
            self.stage_inbox.with_user(self.manager).unlink()

    def test_empty_stages_can_go(self):
        self.stage_offer.active = False
        (self.stage_contacted + self.stage_offer).unlink()
        self.assertFalse((self.stage_contacted + self.stage_offer).exists())

    def test_empty_stage_can_change_its_pipeline(self):
        self.stage_offer.pipeline_id = self.other_pipeline
        self.assertIn(self.stage_offer, self.other_pipeline.stage_ids)

    def test_remove_opens_the_dialog_only_when_needed(self):
        action = self.stage_inbox.action_remove()
        self.assertEqual(action["res_model"], "bpo.stage.move")
        self.assertEqual(action["context"], {"default_stage_ids": self.stage_inbox.ids})
        self.assertFalse(self.stage_offer.action_remove())
        self.assertTrue(self.stage_offer.exists(), "the client asks before it deletes")

    def test_move_and_archive(self):
        hidden = self.leads[0]
        hidden.active = False
        wizard = self._move(self.stage_offer)
        self.assertIn("4 records", wizard.usage)
        self.assertEqual(wizard.allowed_stage_ids, self.pipeline.stage_ids - self.stage_inbox)
        wizard.action_move_and_archive()
        self.assertEqual(self.leads.stage_id, self.stage_offer)
        self.assertFalse(hidden.active)
        self.assertFalse(self.stage_inbox.active)

    def test_move_and_archive_several_stages(self):
        self.leads[0].stage_id = self.stage_contacted
        wizard = self.env["bpo.stage.move"].create(
            {
                "stage_ids": [Command.set((self.stage_inbox + self.stage_contacted).ids)],
                "target_stage_id": self.stage_offer.id,
            }
        )
        wizard.action_move_and_archive()
        self.assertEqual(self.leads.stage_id, self.stage_offer)
        self.assertFalse(any((self.stage_inbox + self.stage_contacted).mapped("active")))

    def test_move_needs_a_target_of_the_same_pipeline(self):
        for target in (self.Stage, self.other_new, self.stage_inbox):
            with (
                self.subTest(target=target.name),
                self.assertRaisesRegex(UserError, "Choose the stage to move to"),
                self.cr.savepoint(),
            ):
                self._move(target).action_move_and_archive()
        self.assertTrue(self.stage_inbox.active)

    def test_move_into_lost_asks_for_a_reason(self):
        with self.assertRaisesRegex(ValidationError, "lost reason"), self.cr.savepoint():
            self._move(self.stage_gone).action_move_and_archive()
        self._move(
            self.stage_gone, lost_reason_id=self.reason.id, lost_note="Stage given up"
        ).action_move_and_archive()
        self.assertEqual(set(self.leads.mapped("won_status")), {"lost"})
        self.assertEqual(self.leads.lost_reason_id, self.reason)
        self.assertEqual(set(self.leads.mapped("lost_note")), {"Stage given up"})

    def test_move_into_won_obeys_the_rules_of_a_move(self):
        self.leads[1].dealership_id = False
        with self.assertRaisesRegex(ValidationError, "Lead 2 of many"), self.cr.savepoint():
            self._move(self.stage_sold).action_move_and_archive()
        self.assertEqual(self.leads.stage_id, self.stage_inbox)
        self.assertTrue(self.stage_inbox.active)

    def test_move_warns_of_outcomes_that_change(self):
        self.leads[:2].write({"stage_id": self.stage_gone.id, "lost_reason_id": self.reason.id})
        wizard = self.env["bpo.stage.move"].create(
            {
                "stage_ids": [Command.set(self.stage_gone.ids)],
                "target_stage_id": self.stage_offer.id,
            }
        )
        self.assertIn(
            "Won or lost already, and to be what “Offer” makes of them: 2.", wizard.outcome_warning
        )

    def test_empty_stages_are_just_archived(self):
        wizard = self.env["bpo.stage.move"].create(
            {"stage_ids": [Command.set(self.stage_offer.ids)]}
        )
        self.assertFalse(wizard.usage)
        wizard.action_move_and_archive()
        self.assertFalse(self.stage_offer.active)


@tagged("post_install", "-at_install")
class TestStageOutcome(StageCase):
    """Clearing a flag does not rewrite history."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.won = cls._create_leads()
        cls.won.action_set_won()
        cls.lost = cls._create_leads()
        cls.lost.action_set_lost(lost_reason_id=cls.reason.id)
        cls.won.date_closed = "2026-01-05 10:00:00"
        cls.lost.date_closed = "2026-01-06 11:00:00"
        cls.stage_sold.is_won = False
        cls.stage_gone.is_lost = False

    def _assert_outcomes_kept(self):
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertRecordValues(
            self.won + self.lost,
            [
                {
                    "won_status": "won",
                    "probability": 100,
                    "automated_probability": 100,
                    "stage_id": self.stage_sold.id,
                    "date_closed": datetime(2026, 1, 5, 10),
                    "active": True,
                },
                {
                    "won_status": "lost",
                    "probability": 0,
                    "automated_probability": 0,
                    "stage_id": self.stage_gone.id,
                    "date_closed": datetime(2026, 1, 6, 11),
                    "active": True,
                },
            ],
        )
        self.assertEqual(self.lost.lost_reason_id, self.reason)

    def test_outcomes_are_kept(self):
        self._assert_outcomes_kept()

    def test_after_later_edits(self):
        leads = self.won + self.lost
        leads.write({"name": "Renamed", "priority": "2", "user_id": self.other_agent.id})
        leads.write({"email_from": "new@example.com", "team_id": False})
        with Form(self.won) as form:
            form.description = "Called again"
        self._assert_outcomes_kept()

    def test_after_scoring(self):
        """The nightly scoring looks at stages; closed leads are none of its business."""
        self._create_leads(3)
        self.env["crm.lead"]._cron_update_automated_probabilities()
        (self.won + self.lost)._compute_probabilities()
        self._assert_outcomes_kept()

    def test_after_recomputation_of_every_stored_field(self):
        """What an upgrade may do at most."""
        leads = self.won + self.lost
        for field in leads._fields.values():
            if field.store and field.compute and field.name not in ("date_closed", "phone"):
                self.env.add_to_compute(field, leads)
        leads._recompute_recordset()
        self._assert_outcomes_kept()

    def test_after_renaming_and_flagging_another_stage(self):
        self.stage_sold.name = "Was won"
        self.stage_offer.is_won = True
        self._assert_outcomes_kept()
        fresh = self._create_leads()
        fresh.action_set_won()
        self.assertEqual(fresh.stage_id, self.stage_offer)

    def test_new_clicks_fail_with_the_name_of_the_pipeline(self):
        lead = self._create_leads()
        for act in (lead.action_set_won, lead.action_set_won_rainbowman):
            with self.assertRaisesRegex(UserError, "No won stage configured.*“Vehicles”"):
                act()
        with self.assertRaisesRegex(UserError, "No lost stage configured.*“Vehicles”"):
            lead.action_set_lost(lost_reason_id=self.reason.id)

    def test_other_pipelines_are_not_concerned(self):
        lead = self._create_leads(
            pipeline_id=self.other_pipeline.id, dealership_id=False, line_ids=False
        )
        lead.action_set_won()
        self.assertEqual(lead.stage_id, self.other_won)
        self.assertEqual(lead.won_status, "won")


@tagged("post_install", "-at_install")
class TestStageConcurrency(TransactionCase):
    """Two people flag two stages as won at the same time: the database lets one pass."""

    def setUp(self):
        super().setUp()
        with self.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            pipeline = env["bpo.pipeline"].create(
                {
                    "name": "Flagged by two",
                    "stage_ids": [
                        Command.create({"name": "One"}),
                        Command.create({"name": "Two"}),
                    ],
                }
            )
            self.pipeline_id, self.stage_ids = pipeline.id, pipeline.stage_ids.ids
        self.addCleanup(self._clean_up)

    def _clean_up(self):
        with self.registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["bpo.pipeline"].browse(self.pipeline_id).unlink()

    def _flag(self, cr, stage_id, flag):
        """Flag a stage as one person does, in a transaction of their own."""
        env = api.Environment(cr, SUPERUSER_ID, {})
        env["crm.stage"].browse(stage_id).write({flag: True})
        env.flush_all()

    def test_one_of_two_transactions_fails(self):
        for flag in ("is_won", "is_lost"):
            with self.subTest(flag=flag), self.registry.cursor() as late:
                # The late one looks first, and sees no flag until its end.
                late.execute("SELECT count(*) FROM crm_stage")
                with self.registry.cursor() as early:
                    self._flag(early, self.stage_ids[0], flag)
                with self.assertRaises(errors.UniqueViolation), mute_logger("odoo.sql_db"):
                    self._flag(late, self.stage_ids[1], flag)
                late.rollback()
            with self.registry.cursor() as cr:
                api.Environment(cr, SUPERUSER_ID, {})["crm.stage"].browse(self.stage_ids[0]).write(
                    {flag: False}
                )
