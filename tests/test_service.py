# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .service_common import ServiceCommon


@tagged("post_install", "-at_install")
class TestServiceStages(ServiceCommon):
    def test_order_belongs_to_the_service(self):
        self.assertEqual(
            self.papers.stage_ids, self.s_in + self.s_check + self.s_wait + self.s_done
        )
        self.assertEqual(self.visit.stage_ids.ids, (self.s_work + self.s_in + self.s_done).ids)
        self.assertEqual(self.papers.stage_line_ids.mapped("sequence"), [10, 20, 30, 40])

    def test_search_of_one_service_follows_its_order(self):
        """Who says which service is at hand, by RPC too, gets its stages in its order."""
        stage = self.env["crm.stage"].with_context(bpo_crm_service_id=self.visit.id)
        domain = [("service_ids", "in", self.visit.ids)]
        self.assertEqual(
            stage.search(domain).ids,
            (self.s_work + self.s_in + self.s_done).ids,
        )
        self.assertEqual(
            [row["id"] for row in stage.search_read(domain, ["name"])],
            (self.s_work + self.s_in + self.s_done).ids,
        )
        self.assertEqual(
            [id_ for id_, _name in stage.name_search("Test", domain)],
            (self.s_work + self.s_in + self.s_done).ids,
        )

    def test_place_in_the_service_at_hand(self):
        stages = (self.s_in + self.s_work).with_context(bpo_crm_service_id=self.visit.id)
        self.assertEqual(stages.mapped("service_sequence"), [20, 10])
        self.assertEqual((self.s_in + self.s_work).mapped("service_sequence"), [0, 0])
        # grouped: the place must be among what is grouped by
        groups = (
            self.env["bpo.service.request"]
            .with_context(bpo_crm_service_id=self.visit.id)
            .formatted_read_group(
                [
                    (
                        "id",
                        "in",
                        [
                            self._create_request(service_id=self.visit.id, stage_id=stage.id).id
                            for stage in (self.s_in, self.s_done, self.s_work)
                        ],
                    )
                ],
                ["stage_id"],
                ["__count"],
            )
        )
        self.assertEqual(
            [group["stage_id"][0] for group in groups],
            (self.s_work + self.s_in + self.s_done).ids,
        )

    def test_search_of_several_services_follows_the_stages_screen(self):
        stages = self.env["crm.stage"].search(
            [("service_ids", "in", (self.papers + self.visit).ids)]
        )
        self.assertEqual(
            stages.ids,
            (self.s_in + self.s_check + self.s_wait + self.s_work + self.s_done).ids,
        )

    def test_search_of_stages_without_service(self):
        lonely = self.env["crm.stage"].create({"name": "Test Lonely", "stage_type": "service"})
        found = self.env["crm.stage"].search(
            [("stage_type", "=", "service"), ("service_ids", "=", False)]
        )
        self.assertIn(lonely, found)
        self.assertNotIn(self.s_in, found)
        others = self.env["crm.stage"].search([("service_ids", "not in", self.visit.ids)])
        self.assertIn(self.s_check, others)
        self.assertIn(lonely, others)
        self.assertNotIn(self.s_in, others)

    def test_set_again_reorders(self):
        self.papers.stage_ids = [
            Command.set((self.s_done + self.s_in + self.s_check + self.s_wait).ids)
        ]
        self.env.invalidate_all()
        self.assertEqual(
            self.papers.stage_ids.ids, (self.s_done + self.s_in + self.s_check + self.s_wait).ids
        )
        self.assertEqual(self.visit.stage_ids[:1], self.s_work, "the other service keeps its order")

    def test_create_stage_from_the_service(self):
        self.papers.stage_ids = [Command.create({"name": "Test Archive Papers"})]
        stage = self.papers.stage_ids[-1]
        self.assertEqual(stage.name, "Test Archive Papers")
        self.assertEqual(stage.stage_type, "service")
        self.assertFalse(stage.pipeline_id)

    def test_create_service_with_new_stages(self):
        """Stages made and attached in one go with their service, as other programs do it."""
        service, other = (
            self.env["bpo.service"]
            .with_user(self.manager)
            .create(
                [
                    {
                        "name": "Test Made At Once",
                        "stage_ids": [
                            Command.create({"name": "Test Ask"}),
                            Command.link(self.s_wait.id),
                            Command.create({"name": "Test Tell", "stage_type": "service"}),
                        ],
                    },
                    {"name": "Test Made Beside", "stage_ids": [Command.set(self.s_done.ids)]},
                ]
            )
        )
        self.assertEqual(service.stage_ids.mapped("name"), ["Test Ask", "Test Wait", "Test Tell"])
        self.assertEqual(set(service.stage_ids.mapped("stage_type")), {"service"})
        self.assertFalse(service.stage_ids.pipeline_id)
        self.assertEqual(service.stage_line_ids.mapped("sequence"), [10, 20, 30])
        self.assertEqual(service.default_stage_id.name, "Test Ask")
        self.assertEqual(other.stage_ids, self.s_done)

    def test_new_stages_take_their_place(self):
        self.papers.stage_ids = [
            Command.clear(),
            Command.create({"name": "Test Ask"}),
            Command.link(self.s_done.id),
        ]
        self.assertEqual(self.papers.stage_ids.mapped("name"), ["Test Ask", "Test Done"])

    def test_attach_from_the_stage(self):
        self.s_work.service_ids = [Command.link(self.papers.id)]
        self.assertEqual(self.papers.stage_ids[-1], self.s_work)
        self.assertEqual(self.s_work.service_ids, self.visit + self.papers)
        self.s_work.service_ids = [Command.unlink(self.papers.id)]
        self.assertNotIn(self.s_work, self.papers.stage_ids)

    def test_stage_twice_in_a_service(self):
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"):
            self.papers.stage_line_ids = [Command.create({"stage_id": self.s_in.id})]

    def test_only_service_stages(self):
        deal_stage = self.env["crm.stage"].search([("stage_type", "=", "deal")], limit=1)
        with self.assertRaisesRegex(ValidationError, "stages of deals"):
            self.papers.stage_ids = [Command.link(deal_stage.id)]

    def test_attached_stage_cannot_become_a_deal_stage(self):
        with self.assertRaisesRegex(ValidationError, "part of services"):
            self.s_wait.write({"stage_type": "deal"})

    def test_drag_on_the_board_of_a_service(self):
        """A column dragged on the board of a service moves in this service only."""
        order = self.s_in.search([("stage_type", "=", "service")]).ids
        stages = self.s_in + self.s_work + self.s_done
        stages.with_context(bpo_crm_service_id=self.visit.id).web_resequence(
            {"sequence": {}}, offset=0
        )
        self.assertEqual(self.visit.stage_ids.ids, stages.ids)
        self.assertEqual(self.papers.stage_ids[:1], self.s_in)
        self.assertEqual(self.s_in.search([("stage_type", "=", "service")]).ids, order)
        self.assertEqual(
            self.visit.stage_line_ids.sorted("sequence").mapped("sequence"), [10, 20, 30]
        )

    def test_drag_a_row_keeps_archived_places(self):
        self.s_check.active = False
        self.papers._reorder_stages(self.s_wait + self.s_in)
        self.assertEqual(self.papers.stage_ids.ids, (self.s_wait + self.s_in + self.s_done).ids)
        self.s_check.active = True
        self.assertEqual(
            self.papers.stage_ids.ids,
            (self.s_wait + self.s_check + self.s_in + self.s_done).ids,
        )

    def test_move_left_and_right_on_the_board_of_a_service(self):
        order = self.s_in.search([("stage_type", "=", "service")]).ids
        stage = self.s_in.with_context(bpo_crm_service_id=self.visit.id)
        stage.action_move_left()
        self.assertEqual(self.visit.stage_ids.ids, (self.s_in + self.s_work + self.s_done).ids)
        stage.action_move_left()
        self.assertEqual(self.visit.stage_ids[0], self.s_in, "at the left end already")
        stage.action_move_right()
        stage.action_move_right()
        self.assertEqual(self.visit.stage_ids.ids, (self.s_work + self.s_done + self.s_in).ids)
        self.assertEqual(self.papers.stage_ids[0], self.s_in)
        self.assertEqual(self.s_in.search([("stage_type", "=", "service")]).ids, order)

    def test_new_stage_on_the_board_of_a_service(self):
        """The column quick create and the dropdown of a request make a stage of the service."""
        stage_id, _name = (
            self.env["crm.stage"]
            .with_context(bpo_crm_service_id=self.visit.id)
            .name_create("Test Checked Twice")
        )
        stage = self.env["crm.stage"].browse(stage_id)
        self.assertEqual(stage.stage_type, "service")
        self.assertEqual(self.visit.stage_ids[-1], stage)

    def test_form_creates_and_orders_stages(self):
        with Form(self.env["bpo.service"].with_user(self.manager)) as form:
            form.name = "Test Form Service"
            with form.stage_line_ids.new() as line:
                line.stage_id = self.s_wait
            with form.stage_line_ids.new() as line:
                line.stage_id = self.s_done
                line.color = 9
                line.icon = "fa-star"
        service = form.save()
        self.assertEqual(service.stage_ids.ids, (self.s_wait + self.s_done).ids)
        self.assertEqual(self.s_done.color, 9)
        self.assertEqual(self.s_done.icon, "fa-star")
        self.assertEqual(service.default_stage_id, self.s_wait)
        self.assertFalse(service.chosen_default_stage_id, "nobody chose it")

    def test_places_given_by_the_web_client(self):
        """A new service: the client counts its rows from 0."""
        service = self.env["bpo.service"].create(
            {
                "name": "Test Counted",
                "stage_line_ids": [
                    Command.create({"stage_id": stage.id, "sequence": place})
                    for place, stage in enumerate(self.s_done + self.s_in + self.s_wait)
                ],
            }
        )
        self.assertEqual(service.stage_ids.ids, (self.s_done + self.s_in + self.s_wait).ids)

    def test_import_with_namesakes_among_deals(self):
        self.env["crm.stage"].create({"name": "Test Wait", "sequence": 1})
        result = self.env["bpo.service"].load(
            ["name", "stage_ids"], [["Test Imported", "Test Wait,Test In"]]
        )
        self.assertFalse(result["messages"])
        service = self.env["bpo.service"].browse(result["ids"])
        self.assertEqual(service.stage_ids.ids, (self.s_wait + self.s_in).ids)

    def test_icon_is_a_font_awesome_class(self):
        for icon in ("fa-inbox", "fa fa-inbox", False):
            self.s_in.icon = icon
        for icon in ("inbox", 'fa-x" onload="', "fa-x fa-y", "fa-"):
            with self.subTest(icon=icon), self.assertRaises(ValidationError):
                self.s_in.icon = icon

    def test_shared_with(self):
        line = self.visit.stage_line_ids.filtered(lambda line: line.stage_id == self.s_in)
        self.assertEqual(line.shared_with, "Test Papers")
        line = self.visit.stage_line_ids.filtered(lambda line: line.stage_id == self.s_work)
        self.assertFalse(line.shared_with)


@tagged("post_install", "-at_install")
class TestServiceDefaultStage(ServiceCommon):
    def test_first_unless_chosen(self):
        self.assertEqual(self.papers.default_stage_id, self.s_in)
        self.papers._reorder_stages(self.s_check + self.s_in + self.s_wait + self.s_done)
        self.assertEqual(self.papers.default_stage_id, self.s_check)
        self.papers.default_stage_id = self.s_in
        self.assertEqual(self.papers.default_stage_id, self.s_in)
        self.papers._reorder_stages(self.s_done + self.s_in + self.s_wait + self.s_check)
        self.assertEqual(self.papers.default_stage_id, self.s_in)
        self.papers.default_stage_id = False
        self.assertEqual(self.papers.default_stage_id, self.s_done)

    def test_chosen_at_creation(self):
        service = self.env["bpo.service"].create(
            {
                "name": "Test Chosen",
                "default_stage_id": self.s_wait.id,
                "stage_ids": [Command.set((self.s_in + self.s_wait).ids)],
            }
        )
        self.assertEqual(service.default_stage_id, self.s_wait)

    def test_must_be_a_stage_of_the_service(self):
        with self.assertRaisesRegex(ValidationError, "not one of the stages"):
            self.papers.default_stage_id = self.s_work
        with self.assertRaisesRegex(ValidationError, "not one of the stages"):
            self.env["bpo.service"].create(
                {"name": "Test Astray", "default_stage_id": self.s_work.id}
            )

    def test_next_takes_over_from_archived(self):
        self.papers.default_stage_id = self.s_check
        self.s_check.active = False
        self.assertEqual(self.papers.default_stage_id, self.s_wait)
        self.assertEqual(self._create_request().stage_id, self.s_wait)
        self.s_check.active = True
        self.assertEqual(self.papers.default_stage_id, self.s_check, "brought back")

    def test_next_takes_over_from_first(self):
        self.s_in.active = False
        self.assertEqual(self.papers.default_stage_id, self.s_check)
        self.assertEqual(self.visit.default_stage_id, self.s_work)

    def test_next_takes_over_from_detached(self):
        self.papers.default_stage_id = self.s_check
        self.papers.stage_ids = [Command.unlink(self.s_check.id)]
        self.assertEqual(self.papers.default_stage_id, self.s_wait)

    def test_next_takes_over_from_deleted(self):
        self.papers.default_stage_id = self.s_wait
        self.s_wait.unlink()
        self.assertEqual(self.papers.default_stage_id, self.s_done)
        self.s_done.unlink()
        self.assertEqual(self.papers.default_stage_id, self.s_in, "behind the last comes the first")

    def test_all_stages_gone(self):
        self.papers.stage_ids = [Command.clear()]
        self.assertFalse(self.papers.default_stage_id)
        with self.assertRaisesRegex(UserError, "has no stage yet"):
            self._create_request()


@tagged("post_install", "-at_install")
class TestServiceStagesInUse(ServiceCommon):
    def test_detach_in_use(self):
        request = self._create_request(stage_id=self.s_check.id)
        with self.assertRaisesRegex(UserError, rf"Test Check.*requests: 1.*{request.reference}"):
            self.papers.stage_ids = [Command.unlink(self.s_check.id)]
        with self.assertRaisesRegex(UserError, "requests are in it"):
            self.s_check.service_ids = [Command.unlink(self.papers.id)]
        line = self.papers.stage_line_ids.filtered(lambda line: line.stage_id == self.s_check)
        with self.assertRaisesRegex(UserError, "requests are in it"):
            line.unlink()
        with self.assertRaisesRegex(UserError, "requests are in it"):
            line.stage_id = self.s_work
        with self.assertRaisesRegex(UserError, "requests are in it"):
            line.service_id = self.bare
        request.stage_id = self.s_wait
        line.unlink()
        self.assertNotIn(self.s_check, self.papers.stage_ids)

    def test_refusal_tells_others_nothing_of_the_requests(self):
        """An agent is told of the missing right, not of the requests of others in the stage."""
        self._create_request(stage_id=self.s_check.id, user_id=self.other_agent.id)
        line = self.papers.stage_line_ids.filtered(lambda line: line.stage_id == self.s_check)
        line = line.with_user(self.agent)
        for vals in ({"stage_id": self.s_work.id}, {"service_id": self.bare.id}):
            with self.subTest(vals=vals), self.assertRaises(AccessError):
                line.write(vals)
        with self.assertRaises(AccessError):
            line.unlink()

    def test_detach_counts_archived_requests(self):
        self._create_request(stage_id=self.s_check.id, active=False)
        with self.assertRaisesRegex(UserError, "archived ones count too"):
            self.papers.stage_ids = [Command.unlink(self.s_check.id)]

    def test_detach_shared_stage_of_the_other_service(self):
        """Requests of one service do not tie a shared stage to the other."""
        self._create_request(stage_id=self.s_in.id)
        self.visit.stage_ids = [Command.unlink(self.s_in.id)]
        self.assertNotIn(self.s_in, self.visit.stage_ids)
        self.assertIn(self.s_in, self.papers.stage_ids)

    def test_archive_and_delete_in_use(self):
        request = self._create_request(stage_id=self.s_check.id)
        request.active = False
        for method in ("action_archive", "unlink"):
            with self.subTest(method=method), self.assertRaisesRegex(UserError, request.reference):
                getattr(self.s_check, method)()
        request.write({"stage_id": self.s_wait.id})
        self.s_check.action_archive()
        self.assertEqual(self.papers.stage_ids.ids, (self.s_in + self.s_wait + self.s_done).ids)

    def test_move_and_archive_offers_stages_of_the_services(self):
        self._create_request(stage_id=self.s_in.id)
        wizard = self.env["bpo.stage.move"].create({"stage_ids": self.s_in.ids})
        self.assertEqual(
            wizard.allowed_stage_ids, self.s_check + self.s_wait + self.s_done, "of the one service"
        )
        self._create_request(service_id=self.visit.id, stage_id=self.s_in.id)
        wizard = self.env["bpo.stage.move"].create({"stage_ids": self.s_in.ids})
        self.assertEqual(wizard.allowed_stage_ids, self.s_done, "part of both services")
        wizard.target_stage_id = self.s_done
        wizard.action_move_and_archive()
        self.assertFalse(self.s_in.active)
        self.assertEqual(self.papers.request_ids.stage_id, self.s_done)
        self.assertEqual(self.visit.request_ids.stage_id, self.s_done)

    def test_move_and_take_out(self):
        moved = self._create_request(stage_id=self.s_in.id) + self._create_request(active=False)
        kept = self._create_request(service_id=self.visit.id, stage_id=self.s_in.id)
        stage = self.s_in.with_user(self.manager).with_context(bpo_crm_service_id=self.papers.id)
        action = stage.action_take_out()
        wizard = (
            self.env["bpo.stage.move"].with_user(self.manager).with_context(**action["context"])
        ).create({"target_stage_id": self.s_wait.id})
        self.assertIn("requests: 2", wizard.usage)
        self.assertEqual(wizard.allowed_stage_ids, self.s_check + self.s_wait + self.s_done)
        wizard.action_move_and_archive()
        self.assertEqual(moved.stage_id, self.s_wait)
        self.assertEqual(kept.stage_id, self.s_in)
        self.assertTrue(self.s_in.active)
        self.assertEqual(self.s_in.service_ids, self.visit)

    def test_form_saves_after_move_and_take_out(self):
        """The form that was refused still holds the removal of the row."""
        line = self.papers.stage_line_ids[1]
        self._create_request(stage_id=line.stage_id.id)
        wizard = self.env["bpo.stage.move"].create(
            {
                "stage_ids": line.stage_id.ids,
                "service_id": self.papers.id,
                "target_stage_id": self.s_in.id,
            }
        )
        wizard.action_move_and_archive()
        self.papers.write({"stage_line_ids": [Command.delete(line.id)], "description": "Saved"})
        self.assertEqual(self.papers.description, "Saved")

    def test_service_without_stages_has_no_board(self):
        action = self.bare.with_user(self.manager).action_view_requests()
        self.assertEqual((action["res_model"], action["res_id"]), ("bpo.service", self.bare.id))
        with self.assertRaisesRegex(UserError, "has no stage yet"):
            self.bare.with_user(self.agent).action_view_requests()

    def test_take_out_unused(self):
        stage = self.s_check.with_context(bpo_crm_service_id=self.papers.id)
        self.assertFalse(stage.action_take_out())
        self.assertNotIn(self.s_check, self.papers.stage_ids)
        with self.assertRaises(AccessError):
            self.s_wait.with_user(self.agent).with_context(
                bpo_crm_service_id=self.papers.id
            ).action_take_out()

    def test_refusal_offers_to_move_and_take_out(self):
        self._create_request(stage_id=self.s_check.id)
        with self.assertRaises(UserError) as refused:
            self.papers.stage_ids = [Command.unlink(self.s_check.id)]
        self.assertEqual(
            refused.exception.context,
            {
                "exception_class": "bpo_crm.stage_in_use",
                "stage_ids": self.s_check.ids,
                "service_id": self.papers.id,
            },
        )

    def test_delete_service(self):
        self._create_request(active=False)
        with self.assertRaisesRegex(UserError, "Test Papers .*included: 1"):
            self.papers.unlink()
        self.visit.unlink()
        self.assertTrue(self.s_work.exists(), "its stages stay")

    def test_usage_is_found_in_constant_queries(self):
        lines = (self.papers + self.visit).stage_line_ids
        self.env.flush_all()
        lines._check_unused()
        with self.assertQueryCount(1):
            lines[:2]._check_unused()
        with self.assertQueryCount(1):
            lines._check_unused()


@tagged("post_install", "-at_install")
class TestService(ServiceCommon):
    def test_copy(self):
        self.visit.default_stage_id = self.s_in
        copy = self.visit.copy()
        self.assertEqual(copy.name, "Test Visit (copy)")
        self.assertEqual(copy.stage_ids.ids, self.visit.stage_ids.ids)
        self.assertEqual(copy.default_stage_id, self.s_in)
        self.assertEqual(self.s_work.service_ids, self.visit + copy)

    def test_copy_translated(self):
        """The copy has a name of its own in every language, whoever makes it."""
        self.env["res.lang"]._activate_lang("fr_FR")
        self.visit.update_field_translations("name", {"fr_FR": "Visite d'essai"})
        for lang in ("en_US", "fr_FR"):
            with self.subTest(lang=lang):
                copy = self.visit.with_context(lang=lang).copy()
                names = {copy.with_context(lang=code).name for code in ("en_US", "fr_FR")}
                self.assertFalse(names & {"Test Visit", "Visite d'essai"})

    def test_name_unique(self):
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"):
            self.env["bpo.service"].create({"name": " test papers "})

    def test_help_for_newcomers(self):
        """What a label alone does not say is explained where the field is shown."""
        for model, names in (
            (
                "bpo.service",
                [
                    "description",
                    "stage_line_ids",
                    "stage_ids",
                    "default_stage_id",
                    "open_request_count",
                    "unclaimed_request_count",
                    "late_request_count",
                ],
            ),
            ("bpo.service.stage", ["is_default", "shared_with", "status_on_enter"]),
            (
                "bpo.service.request",
                [
                    "reference",
                    "partner_id",
                    "user_id",
                    "lead_id",
                    "priority",
                    "deadline",
                    "stage_id",
                    "status",
                    "date_last_stage_update",
                    "date_closed",
                ],
            ),
        ):
            for name, field in self.env[model].fields_get(names, ["help"]).items():
                with self.subTest(model=model, field=name):
                    self.assertTrue(field.get("help"))

    def test_translated_name_unique(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.visit.update_field_translations("name", {"fr_FR": "Visite d'essai"})
        with self.assertRaisesRegex(ValidationError, "Visite d'essai"):
            self.bare.with_context(lang="fr_FR").name = " visite d'ESSAI"
        with self.assertRaisesRegex(ValidationError, "Visite d'essai"):
            self.bare.update_field_translations("name", {"fr_FR": "Visite d'essai"})
        with self.assertRaises(ValidationError):
            self.bare.name = "  "
        elsewhere = self.env["res.company"].create({"name": "Test Elsewhere"})
        self.bare.company_id = elsewhere
        self.bare.update_field_translations("name", {"fr_FR": "Visite d'essai"})
        self.assertEqual(self.bare.with_context(lang="fr_FR").name, "Visite d'essai")

    def test_counts(self):
        self._create_request(user_id=self.agent.id, deadline="2020-01-01")
        self._create_request()
        self._create_request(status="completed", deadline="2020-01-01")
        self.assertRecordValues(
            self.papers + self.visit,
            [
                {
                    "request_count": 3,
                    "open_request_count": 2,
                    "unclaimed_request_count": 1,
                    "late_request_count": 1,
                },
                {
                    "request_count": 0,
                    "open_request_count": 0,
                    "unclaimed_request_count": 0,
                    "late_request_count": 0,
                },
            ],
        )
        own = self.papers.with_user(self.other_agent)
        self.assertEqual(own.open_request_count, 1, "another agent's requests are not counted")

    def test_only_managers_configure(self):
        for user in (self.agent, self.supervisor):
            service = self.papers.with_user(user)
            self.assertEqual(service.stage_ids, self.papers.stage_ids)
            self.assertEqual(service.default_stage_id, self.s_in)
            with self.assertRaises(AccessError):
                service.name = "Mine"
            with self.assertRaises(AccessError):
                service.create({"name": "Mine"})
            with self.assertRaises(AccessError):
                service.stage_ids = [Command.unlink(self.s_wait.id)]
            with self.assertRaises(AccessError):
                service.default_stage_id = self.s_done
            with self.assertRaises(AccessError):
                (
                    self.s_in.with_user(user)
                    .with_context(bpo_crm_service_id=self.papers.id)
                    .web_resequence({"sequence": {}})
                )
            with self.assertRaises(AccessError):
                service.unlink()
        service = self.papers.with_user(self.manager)
        service.stage_ids = [Command.create({"name": "Test By Manager"})]
        service.default_stage_id = self.s_wait
        self.visit.with_user(self.manager).unlink()

    def test_company(self):
        company = self.env["res.company"].create({"name": "Test Elsewhere"})
        self._create_request()
        with self.assertRaises(ValidationError):
            self.papers.company_id = company
        self.visit.company_id = company
        services = self.env["bpo.service"].with_user(self.manager).search([])
        self.assertIn(self.papers, services)
        self.assertNotIn(self.visit, services)
        self.assertEqual(
            self.s_in.with_user(self.manager).service_ids,
            self.papers,
            "services of other companies are not seen through their stages",
        )
