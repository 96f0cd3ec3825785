# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import Command, api, fields, models
from odoo.exceptions import UserError


class BpoPipeline(models.Model):
    """A named sales workflow. Every deal stage and every lead belongs to exactly one."""

    _name = "bpo.pipeline"
    _description = "Pipeline"
    _order = "sequence, id"

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
    stage_ids = fields.One2many("crm.stage", "pipeline_id", string="Stages", copy=False)
    push_orders = fields.Boolean(
        "Create Dealer Orders",
        help="A lead won here becomes a sale order on its dealership's own Odoo.",
    )
    forward_only = fields.Boolean(
        help="Agents advance a lead one open stage at a time. Closing it is always possible.",
    )
    won_stage_id = fields.Many2one("crm.stage", compute="_compute_closing_stages")
    lost_stage_id = fields.Many2one("crm.stage", compute="_compute_closing_stages")

    _name_company_uniq = models.UniqueIndex(
        "(lower(btrim(name->>'en_US')), COALESCE(company_id, 0))",
        "A pipeline of this name exists already in this company (archived ones count too).",
    )

    @api.depends("stage_ids.is_won", "stage_ids.is_lost", "stage_ids.active")
    def _compute_closing_stages(self):
        for pipeline in self:
            # sudo'ed relations may hold archived stages in cache
            stages = pipeline.stage_ids.filtered("active")
            pipeline.won_stage_id = stages.filtered("is_won")[:1]
            pipeline.lost_stage_id = stages.filtered("is_lost")[:1]

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
        return pipelines

    def copy_data(self, default=None):
        vals_list = super().copy_data(default=default)
        if "name" in (default or {}):
            return vals_list
        return [
            dict(vals, name=self.env._("%s (copy)", pipeline.name))
            for pipeline, vals in zip(self, vals_list, strict=True)
        ]

    def copy(self, default=None):
        """Copy the stages too, archived ones left behind."""
        copies = super(BpoPipeline, self.with_context(bpo_crm_no_default_stages=True)).copy(default)
        for pipeline, copied in zip(self, copies, strict=True):
            copied.stage_ids = [
                Command.create(vals)
                for vals in pipeline.stage_ids.filtered("active")
                .with_context(bpo_crm_copy_pipeline=True)
                .copy_data({"pipeline_id": copied.id})
            ]
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
                            "%(pipeline)s (%(count)s leads)",
                            pipeline=pipeline.display_name,
                            count=count,
                        )
                        for pipeline, count in groups
                    ),
                )
            )

    def unlink(self):
        """Take the stages along: without leads nothing else refers to them."""
        self.with_context(active_test=False).stage_ids.unlink()
        return super().unlink()

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

        :param company: only pipelines of this ``res.company`` or shared ones are considered;
            by default those of the allowed companies (record rule)
        """
        domain = [("company_id", "in", [False, company.id])] if company else []
        return self.search(domain, limit=1)

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

    def _get_message_no_open_stage(self):
        """Return what to tell a person who puts a lead where every stage is a closing one."""
        return self.env._(
            "The pipeline “%(pipeline)s” has no open stage to put the lead into. A BPO Manager "
            "can add one in BPO CRM → Configuration → Stages.",
            pipeline=self.display_name,
        )
