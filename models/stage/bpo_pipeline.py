# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import json
from collections import defaultdict

from markupsafe import Markup

from odoo import api, fields, models, tools
from odoo.exceptions import UserError, ValidationError

# Where the installation keeps what it had to decide, until a manager has read it.
ADOPTION_NOTES = "bpo_crm.adoption_notes"


def get_free_copy_name(env, name, taken):
    """Return the name of a copy of ``name``, numbered where the plain one is in ``taken``."""
    taken = {other.strip().lower() for other in taken}
    free = env._("%s (copy)", name)
    number = 1
    while free.strip().lower() in taken:
        number += 1
        free = env._("%(name)s (copy %(number)s)", name=name, number=number)
    return free


class BpoPipeline(models.Model):
    """A named sales workflow. Every deal stage and every lead belongs to exactly one."""

    _name = "bpo.pipeline"
    _inherit = ["bpo.unique.name"]
    _description = "Pipeline"
    _order = "sequence, id"
    _unique_name_scope = ("company_id",)

    name = fields.Char("Pipeline", required=True, translate=True)
    description = fields.Text(
        translate=True, help="What is sold here, and how; shown to agents on the board."
    )
    sequence = fields.Integer(
        default=10, help="The active pipeline of lowest sequence is the default one."
    )
    active = fields.Boolean(
        default=True, help="Archive a pipeline to hide it; its leads stay as they are."
    )
    company_id = fields.Many2one(
        "res.company", index=True, help="Leave empty to share the pipeline by all companies."
    )
    stage_ids = fields.One2many(
        "crm.stage",
        "pipeline_id",
        string="Stages",
        copy=False,
        help="The columns of this pipeline's board, in order. Flag one as Won and one as Lost.",
    )
    push_orders = fields.Boolean(
        "Create Dealer Orders",
        default=True,
        help="A lead won here becomes a sale order on its dealership's own Odoo.",
    )
    forward_only = fields.Boolean(
        help="Agents advance a lead one open stage at a time. Closing it is always possible.",
    )
    won_stage_id = fields.Many2one("crm.stage", compute="_compute_closing_stages")
    lost_stage_id = fields.Many2one("crm.stage", compute="_compute_closing_stages")
    configuration_warning = fields.Char(
        "Warning",
        compute="_compute_configuration_warning",
        help="What the pipeline lacks so that its leads can be won and lost.",
    )
    open_count = fields.Integer("Open Deals", compute="_compute_counters")
    won_count = fields.Integer("Won Deals", compute="_compute_counters")
    lost_count = fields.Integer("Lost Deals", compute="_compute_counters")
    open_value = fields.Monetary(
        compute="_compute_counters",
        currency_field="currency_id",
        help="Expected revenue of the open deals.",
    )
    currency_id = fields.Many2one("res.currency", compute="_compute_currency_id")

    _name_company_uniq = models.UniqueIndex(
        "(lower(btrim(name->>'en_US')), COALESCE(company_id, 0))",
        "A pipeline of this name exists already in this company (archived ones count too).",
    )

    @api.depends("stage_ids.is_won", "stage_ids.is_lost", "stage_ids.active")
    def _compute_closing_stages(self):
        # Not by stage_ids, which would be one query per pipeline.
        by_pipeline = (
            self.env["crm.stage"]
            .search(
                [
                    ("pipeline_id", "in", self.ids),
                    ("active", "=", True),
                    "|",
                    ("is_won", "=", True),
                    ("is_lost", "=", True),
                ]
            )
            .grouped("pipeline_id")
        )
        for pipeline in self:
            if pipeline.id:
                stages = by_pipeline.get(pipeline, self.env["crm.stage"])
            else:  # in a form: the stages as they are edited
                stages = pipeline.stage_ids.filtered("active")
            pipeline.won_stage_id = stages.filtered("is_won")[:1]
            pipeline.lost_stage_id = stages.filtered("is_lost")[:1]

    @api.depends("active", "won_stage_id", "lost_stage_id")
    def _compute_configuration_warning(self):
        """Say in words what an active pipeline lacks to win and lose leads."""
        for pipeline in self:
            if not pipeline.active or (pipeline.won_stage_id and pipeline.lost_stage_id):
                pipeline.configuration_warning = False
            elif pipeline.won_stage_id:
                pipeline.configuration_warning = self.env._("No Lost stage in the pipeline")
            elif pipeline.lost_stage_id:
                pipeline.configuration_warning = self.env._("No Won stage in the pipeline")
            else:
                pipeline.configuration_warning = self.env._(
                    "No Won and no Lost stage in the pipeline"
                )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_counters(self):
        """Count the deals that the user may see, by outcome."""
        counters = defaultdict(lambda: defaultdict(lambda: (0, 0.0)))
        for pipeline, status, count, value in self.env["crm.lead"]._read_group(
            [("pipeline_id", "in", self.ids), ("type", "=", "opportunity")],
            ["pipeline_id", "won_status"],
            ["__count", "expected_revenue:sum"],
        ):
            counters[pipeline][status] = (count, value)
        for pipeline in self:
            statuses = counters[pipeline]
            pipeline.open_count, pipeline.open_value = statuses["pending"]
            pipeline.won_count = statuses["won"][0]
            pipeline.lost_count = statuses["lost"][0]

    @api.depends("company_id")
    @api.depends_context("company")
    def _compute_currency_id(self):
        for pipeline in self:
            pipeline.currency_id = (pipeline.company_id or self.env.company).currency_id

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    def _get_message_name_missing(self):
        return self.env._("Give the pipeline a name.")

    def _get_message_name_taken(self, names):
        return self.env._(
            "These pipeline names are taken in this company, archived pipelines and "
            "translations included: %(names)s. Choose another name.",
            names=names,
        )

    @api.constrains("active", "company_id")
    def _check_default_left(self):
        """Keep an active pipeline for every company: new leads need one."""
        self._check_pipeline_for_every_company(self.browse())

    @api.constrains("company_id")
    def _check_leads_of_company(self):
        """Refuse to reserve a pipeline for a company while others have leads in it."""
        for pipeline in self.filtered("company_id"):
            count = (
                self.env["crm.lead"]
                .sudo()
                .with_context(active_test=False)
                .search_count(
                    [
                        ("pipeline_id", "=", pipeline.id),
                        ("company_id", "!=", pipeline.company_id.id),
                    ]
                )
            )
            if count:
                raise ValidationError(
                    self.env._(
                        "“%(pipeline)s” holds leads that do not belong to %(company)s "
                        "(%(count)s). Move them to another pipeline first, or share this one.",
                        pipeline=pipeline.display_name,
                        count=count,
                        company=pipeline.company_id.display_name,
                    )
                )

    @api.model
    def _check_pipeline_for_every_company(self, leaving):
        """Refuse what leaves a company without any active pipeline.

        :param leaving: pipelines that are about to go
        """
        pipelines = self.sudo().search([("id", "not in", leaving.ids)])
        if pipelines and not all(pipeline.company_id for pipeline in pipelines):
            return
        stranded = self.env["res.company"].sudo().search([]) - pipelines.company_id
        if stranded:
            raise ValidationError(
                self.env._(
                    "This is the last active pipeline of %(companies)s, and every new lead needs "
                    "one. Create or unarchive another pipeline first.",
                    companies=", ".join(stranded.mapped("display_name")),
                )
            )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Give New, Won and Lost to each pipeline created without stages."""
        pipelines = super().create(vals_list)
        if not self.env.context.get("bpo_crm_no_default_stages"):
            self.env["crm.stage"].create(
                [
                    {**vals, "pipeline_id": pipeline.id}
                    for pipeline in pipelines
                    if not pipeline.stage_ids
                    for vals in self._prepare_default_stages()
                ]
            )
        if any(pipelines.mapped("forward_only")):
            self.env.registry.clear_cache()
        return pipelines

    def write(self, vals):
        """Keep the stages in order that are edited in the form of their pipeline.

        Closing flags are given up before other stages of the same save take them, and rows that
        were dragged, which the client numbers without gaps, are numbered with gaps.
        """
        if "forward_only" in vals:
            self.env.registry.clear_cache()
        commands = vals.get("stage_ids")
        if not commands:
            return super().write(vals)
        res = super().write({**vals, "stage_ids": sorted(commands, key=self._takes_closing_flag)})
        if any("sequence" in self._get_command_values(command) for command in commands):
            stages = self.with_context(active_test=False).stage_ids
            stages.sorted(lambda stage: (stage.sequence, stage.id))._write_sequences()
        return res

    @api.model
    def _get_command_values(self, command):
        """Return the values that a command on stages writes."""
        return command[2] if len(command) > 2 and isinstance(command[2], dict) else {}

    @api.model
    def _takes_closing_flag(self, command):
        """Tell whether a command on stages flags one as won or lost."""
        values = self._get_command_values(command)
        return bool(values.get("is_won") or values.get("is_lost"))

    def copy_data(self, default=None):
        vals_list = super().copy_data(default=default)
        if "name" in (default or {}):
            return vals_list
        taken = self.sudo().with_context(active_test=False).search([]).mapped("name")
        for pipeline, vals in zip(self, vals_list, strict=True):
            vals["name"] = get_free_copy_name(self.env, pipeline.name, taken)
            taken.append(vals["name"])
        return vals_list

    def copy(self, default=None):
        """Copy the stages too with their translations, archived ones left behind."""
        copies = super(BpoPipeline, self.with_context(bpo_crm_no_default_stages=True)).copy(default)
        for pipeline, copied in zip(self, copies, strict=True):
            pipeline.stage_ids.filtered("active").with_context(bpo_crm_copy_pipeline=True).copy(
                {"pipeline_id": copied.id}
            )
        return copies.with_env(self.env)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_with_leads(self):
        groups = (
            self.env["crm.lead"]
            .sudo()
            .with_context(active_test=False)
            ._read_group([("pipeline_id", "in", self.ids)], ["pipeline_id"], ["__count"])
        )
        if groups:
            raise UserError(
                self.env._(
                    "These pipelines hold leads and cannot be deleted: %(pipelines)s. "
                    "Archive them instead, or move their leads to another pipeline first.",
                    pipelines=", ".join(
                        self.env._(
                            "%(pipeline)s (leads: %(count)s)",
                            pipeline=pipeline.display_name,
                            count=count,
                        )
                        for pipeline, count in groups
                    ),
                )
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_last_active(self):
        self._check_pipeline_for_every_company(self)

    def unlink(self):
        """Take the stages along: without leads nothing else refers to them."""
        self.check_access("unlink")
        self._unlink_except_with_leads()
        self.with_context(active_test=False).stage_ids.unlink()
        return super().unlink()

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_open_board(self):
        """Open the board of this pipeline: its own leads, its own stages as columns.

        It begins without the deals closed long ago, unless the context has ``bpo_crm_all_closed``,
        as counters of closed deals do.
        """
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("bpo_crm.crm_lead_action_board")
        action["display_name"] = action["name"] = self.display_name
        action["domain"] = [("type", "=", "opportunity"), ("pipeline_id", "=", self.id)]
        action["context"] = self._get_board_context()
        if self.description:
            action["help"] = Markup("<p class='o_view_nocontent_smiling_face'>%s</p><p>%s</p>") % (
                self.env._("Create a deal"),
                self.description,
            )
        return action

    def action_open_stages(self):
        """Open the list of the stages of this pipeline."""
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("crm.crm_stage_action")
        action["domain"] = [("pipeline_id", "=", self.id)]
        action["context"] = {"default_pipeline_id": self.id, "default_stage_type": "deal"}
        return action

    @api.model
    def get_configuration_notes(self):
        """Return what managers should know about pipelines and stages, for the Stages screen.

        :return: ``{"warnings": [...], "adoption": [...]}``, lists of plain sentences
        """
        if not self.has_access("write"):
            return {"warnings": [], "adoption": []}
        return {
            "warnings": [
                f"{pipeline.display_name}: {pipeline.configuration_warning}"
                for pipeline in self.search([])
                if pipeline.configuration_warning
            ]
            + self.env["crm.stage"]._get_entry_warnings(),
            "adoption": json.loads(
                self.env["ir.config_parameter"].sudo().get_param(ADOPTION_NOTES) or "[]"
            ),
        }

    @api.model
    def dismiss_adoption_notes(self):
        """Forget what the installation had to decide, once a manager has read it."""
        self.check_access("write")
        self.env["ir.config_parameter"].sudo().set_param(ADOPTION_NOTES, False)
        return True

    # ------------------------------------------------------------
    # BUSINESS METHODS
    # ------------------------------------------------------------

    @api.model
    def _prepare_default_stages(self):
        """Return the values of the stages that a pipeline created from scratch starts with."""
        return [
            {"name": self.env._("New"), "sequence": 10},
            {"name": self.env._("Won"), "sequence": 20, "is_won": True, "color": 10},
            {"name": self.env._("Lost"), "sequence": 30, "is_lost": True, "fold": True, "color": 1},
        ]

    @api.model
    @api.private
    def _get_default(self, company=None):
        """Return the default pipeline: the active one of lowest sequence.

        :param company: the ``res.company`` whose pipelines are considered beside the shared
            ones, an empty one for the shared ones alone; by default the one at work
        """
        if company is None:
            company = self.env.company
        # A lead may belong to a company that the user does not work in at the moment.
        pipelines = self.sudo().search([("company_id", "in", [False, company.id])], limit=1)
        return pipelines.with_env(self.env)

    @api.model
    @api.private
    def _get_default_of_leads(self, company):
        """Return the default pipeline of leads of ``company``, possibly of none.

        Where nothing is shared, leads without a company come to the one that is at work.

        :raise UserError: there is no pipeline they may be in
        """
        pipeline = self._get_default(company)
        if not pipeline and not company:
            pipeline = self._get_default(self.env.company)
        if not pipeline:
            raise UserError(
                self.env._(
                    "There is no active pipeline for %(company)s. A BPO Manager can create one "
                    "there, or share one with all companies, in BPO CRM → Configuration → "
                    "Pipelines.",
                    company=(company or self.env.company).sudo().display_name,
                )
            )
        return pipeline

    @api.model
    @api.private
    def _get_for_team(self, team):
        """Return the active pipeline whose stages are reserved for ``team``, if any."""
        if not team:
            return self
        return (
            self.env["crm.stage"]
            .search(
                [("team_ids", "in", team.ids), ("pipeline_id.active", "=", True)],
                limit=1,
            )
            .pipeline_id
        )

    @api.model
    @api.private
    @tools.ormcache()
    def _get_forward_only_ids(self):
        """Return the ids of the pipelines that are ``forward_only``: every move asks for them."""
        pipelines = self.sudo().with_context(active_test=False)
        return frozenset(pipelines.search([("forward_only", "=", True)]).ids)

    def _get_board_context(self):
        """Return the context of views that show this pipeline alone."""
        self.ensure_one()
        context = {"default_type": "opportunity", "default_pipeline_id": self.id}
        if self.company_id:
            context["default_company_id"] = self.company_id.id
        if not self.push_orders:
            context["bpo_crm_no_orders"] = True  # so that the board says it without asking
        current = self.env["crm.lead"]._get_current_context()
        if self.env.context.get("bpo_crm_all_closed"):
            current.pop("search_default_current", None)
        return {**context, **current}

    @api.private
    def _get_first_open_stages(self):
        """Return ``{pipeline: its first stage that is neither won nor lost}``, in one query.

        Pipelines without such a stage are absent.
        """
        stages = self.env["crm.stage"].search(
            [("pipeline_id", "in", self.ids), ("is_won", "=", False), ("is_lost", "=", False)]
        )
        return {pipeline: group[0] for pipeline, group in stages.grouped("pipeline_id").items()}

    def _get_message_no_won_stage(self):
        """Return what to tell a person who wins a lead where no stage is flagged as won."""
        return self.env._(
            "No won stage configured in the pipeline “%(pipeline)s”. A BPO Manager can set "
            "Is Won Stage on one of its stages in BPO CRM → Configuration → Stages.",
            pipeline=self.display_name,
        )

    def _get_message_no_lost_stage(self):
        """Return what to tell a person who loses a lead where no stage is flagged as lost."""
        return self.env._(
            "No lost stage configured in the pipeline “%(pipeline)s”. A BPO Manager can set "
            "Is Lost Stage on one of its stages in BPO CRM → Configuration → Stages.",
            pipeline=self.display_name,
        )

    def _get_message_no_stage(self):
        """Return what to tell a person who leaves a lead without a stage."""
        if not self._get_first_open_stages():
            return self._get_message_no_open_stage()
        return self.env._(
            "a lead is always in a stage: choose one of the pipeline “%(pipeline)s”",
            pipeline=self.display_name,
        )

    def _get_message_no_open_stage(self):
        """Return what to tell a person who puts a lead where every stage is a closing one."""
        return self.env._(
            "The pipeline “%(pipeline)s” has no open stage to put the lead into. A BPO Manager "
            "can add one in BPO CRM → Configuration → Stages.",
            pipeline=self.display_name,
        )
