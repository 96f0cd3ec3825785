# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from ..stage.bpo_pipeline import get_free_copy_name


class BpoService(models.Model):
    """A service offered to clients, with the workflow that requests for it go through.

    Stages are shared: one may serve several services, each with its own order of stages. That
    order is kept on ``bpo.service.stage``; ``stage_ids`` is the same thing for those who only
    want the stages, and writes through.
    """

    _name = "bpo.service"
    _inherit = ["bpo.unique.name"]
    _description = "Service"
    _order = "sequence, id"
    _check_company_auto = True
    _unique_name_scope = ("company_id",)

    name = fields.Char("Service", required=True, translate=True)
    description = fields.Text(
        translate=True, help="What clients get, and what an agent needs to know to deliver it."
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(
        default=True,
        help="Archive a service that is no longer offered; its requests go on as they are.",
    )
    company_id = fields.Many2one(
        "res.company", index=True, help="Leave empty to offer the service in all companies."
    )
    stage_line_ids = fields.One2many(
        "bpo.service.stage",
        "service_id",
        string="Workflow",
        help="The stages that requests for this service go through, in order. Stages may be "
        "shared with other services.",
    )
    stage_ids = fields.Many2many(
        "crm.stage",
        compute="_compute_stage_ids",
        inverse="_inverse_stage_ids",
        search="_search_stage_ids",
        context={"default_stage_type": "service"},
        help="The steps of this service, in its own order.",
    )
    chosen_default_stage_id = fields.Many2one(
        "crm.stage",
        copy=False,
        ondelete="set null",
        index="btree_not_null",
        domain="[('id', 'in', stage_ids)]",
        help="Where new requests start. Leave empty to take the first stage of the workflow.",
    )
    default_stage_id = fields.Many2one(
        "crm.stage",
        compute="_compute_default_stage_id",
        inverse="_inverse_default_stage_id",
        domain="[('id', 'in', stage_ids)]",
        help="Where new requests start: the first stage, unless another one is chosen here.",
    )
    request_ids = fields.One2many("bpo.service.request", "service_id", groups="bpo_crm.group_agent")
    request_count = fields.Integer(
        "Requests", compute="_compute_request_counts", groups="bpo_crm.group_agent"
    )
    open_request_count = fields.Integer(
        "Open Requests",
        compute="_compute_request_counts",
        groups="bpo_crm.group_agent",
        help="Requests that are neither completed nor cancelled.",
    )
    unclaimed_request_count = fields.Integer(
        "Unclaimed Requests",
        compute="_compute_request_counts",
        groups="bpo_crm.group_agent",
        help="Open requests that nobody is assigned to yet.",
    )
    late_request_count = fields.Integer(
        "Late Requests",
        compute="_compute_request_counts",
        groups="bpo_crm.group_agent",
        help="Open requests whose deadline has passed.",
    )

    _name_company_uniq = models.UniqueIndex(
        "(lower(btrim(name->>'en_US')), COALESCE(company_id, 0))",
        "A service of this name exists already in this company (archived ones count too).",
    )

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("stage_line_ids.sequence", "stage_line_ids.stage_id")
    def _compute_stage_ids(self):
        for service in self:
            service.stage_ids = service._get_sorted_lines().stage_id

    def _inverse_stage_ids(self):
        """Attach, detach and order the stages as given; archived ones that are hidden stay."""
        wanted = {service: service.stage_ids for service in self}
        for service, stages in wanted.items():
            lines = service._get_sorted_lines()
            if self.env.context.get("active_test", True):
                lines = lines.filtered("stage_id.active")
            gone = lines.filtered(lambda line, stages=stages: line.stage_id not in stages)
            missing = stages - lines.stage_id
            gone.unlink()
            service.stage_line_ids = [Command.create({"stage_id": stage.id}) for stage in missing]
            service._reorder_stages(stages)

    def _search_stage_ids(self, operator, value):
        return self.env["bpo.service.stage"]._search_through(
            "stage_line_ids", "stage_id", operator, value
        )

    @api.depends(
        "chosen_default_stage_id",
        "stage_line_ids.sequence",
        "stage_line_ids.stage_id.active",
    )
    def _compute_default_stage_id(self):
        """Take the chosen stage; the next active one where it is archived; else the first."""
        for service in self:
            stages = service._get_sorted_lines().stage_id
            chosen = service.chosen_default_stage_id
            start = stages.ids.index(chosen.id) if chosen.id in stages.ids else 0
            following = stages[start:] + stages[:start]
            service.default_stage_id = following.filtered("active")[:1]

    def _inverse_default_stage_id(self):
        # checked when all is written: the stages given together with it may come later
        for service in self.with_context(bpo_crm_check_default_later=True):
            service.chosen_default_stage_id = service.default_stage_id

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_request_counts(self):
        request = self.env["bpo.service.request"]
        ours = Domain("service_id", "in", self.ids)
        still_open = ours & request._get_domain_open()
        for name, domain in (
            ("request_count", ours),
            ("open_request_count", still_open),
            ("unclaimed_request_count", still_open & Domain("user_id", "=", False)),
            ("late_request_count", ours & request._get_domain_late()),
        ):
            counts = request._count_by("service_id", domain)
            for service in self:
                service[name] = counts.get(service._origin, 0)

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    def _get_message_name_missing(self):
        return self.env._("Give the service a name.")

    def _get_message_name_taken(self, names):
        return self.env._(
            "These service names are taken in this company, archived services and translations "
            "included: %(names)s. Choose another name.",
            names=names,
        )

    @api.constrains("company_id")
    def _check_company_of_requests(self):
        """Refuse a company other than that of the requests, hidden ones included."""
        services = self.filtered("company_id")
        counts = (
            self.env["bpo.service.request"]
            .sudo()
            .with_context(active_test=False)
            ._read_group(
                [("service_id", "in", services.ids)], ["service_id", "company_id"], ["__count"]
            )
        )
        names = {
            service.display_name
            for service, company, _count in counts
            if company != service.company_id
        }
        if names:
            raise ValidationError(
                self.env._(
                    "These services have requests in another company: %(services)s. Leave their "
                    "company empty, or duplicate them for the other company.",
                    services=", ".join(sorted(names)),
                )
            )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        services = super().create([self._create_stages(vals) for vals in vals_list])
        services._check_default_stage()
        services._forget_default_stage()
        return services

    def write(self, vals):
        res = super().write(self._create_stages(vals))
        chosen = vals.get("default_stage_id") or vals.get("chosen_default_stage_id")
        if chosen and not self.env.context.get("bpo_crm_check_default_later"):
            self._check_default_stage()
        if "default_stage_id" in vals:
            self._forget_default_stage()
        return res

    @api.model
    def _create_stages(self, vals):
        """Return ``vals`` with the stages that ``stage_ids`` is to create, created and linked.

        Left to the ORM, new stages would come last whatever their place among the commands, and
        those of a new service would not be saved when the workflow is made of them.
        """
        commands = vals.get("stage_ids")
        if not isinstance(commands, (list, tuple)):
            return vals
        places = [
            place
            for place, command in enumerate(commands)
            if isinstance(command, (list, tuple)) and command[0] == Command.CREATE
        ]
        if not places:
            return vals
        stages = (
            self.env["crm.stage"]
            .with_context(default_stage_type="service")
            .create([commands[place][2] for place in places])
        )
        commands = list(commands)
        for place, stage in zip(places, stages, strict=True):
            commands[place] = Command.link(stage.id)
        return {**vals, "stage_ids": commands}

    def copy_data(self, default=None):
        """Let the copy go through the same shared stages, in the same order."""
        vals_list = super().copy_data(default=default)
        for service, vals in zip(self, vals_list, strict=True):
            if "name" not in (default or {}):
                vals["name"] = service._get_free_name()
            if not {"stage_ids", "stage_line_ids"} & set(default or {}):
                vals["stage_line_ids"] = [
                    Command.create({"stage_id": line.stage_id.id, "sequence": line.sequence})
                    for line in service._get_sorted_lines()
                ]
                vals["chosen_default_stage_id"] = service.chosen_default_stage_id.id
        return vals_list

    @api.model
    def load(self, fields, data):
        """Import: a stage's name means a service stage, though deals may have a namesake."""
        return super(BpoService, self.with_context(bpo_crm_stage_type="service")).load(fields, data)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_with_requests(self):
        groups = (
            self.env["bpo.service.request"]
            .sudo()
            .with_context(active_test=False)
            ._read_group([("service_id", "in", self.ids)], ["service_id"], ["__count"])
        )
        if groups:
            raise UserError(
                self.env._(
                    "These services have requests and cannot be deleted: %(services)s. "
                    "Archive them instead.",
                    services=", ".join(
                        self.env._(
                            "%(service)s (requests, archived ones included: %(count)s)",
                            service=service.display_name,
                            count=count,
                        )
                        for service, count in groups
                    ),
                )
            )

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_view_requests(self):
        """Open the board of this service: its stages, in its order, as columns.

        A board without columns would say nothing: managers get to where stages are added.
        """
        self.ensure_one()
        if not self.with_context(active_test=False).stage_ids:
            if not self.has_access("write"):
                self._check_open_to_requests()
            return self.get_formview_action()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "bpo_crm.bpo_service_request_action_service"
        )
        return {
            **action,
            "display_name": self.display_name,
            "domain": [("service_id", "=", self.id)],
            "context": {
                "default_service_id": self.id,
                "bpo_crm_service_id": self.id,
                "search_default_open": 1,
            },
        }

    # ------------------------------------------------------------
    # BUSINESS METHODS
    # ------------------------------------------------------------

    def _get_sorted_lines(self):
        """Return the stages of one service with their places, archived ones too, in order."""
        self.ensure_one()
        # a one2many in cache keeps its old order when sequences are written
        return self.stage_line_ids.sorted("sequence")

    def _reorder_stages(self, stages):
        """Put these stages, in this order, into the places they hold in the service's order."""
        self.ensure_one()
        lines = self._get_sorted_lines()
        by_stage = {line.stage_id: line.id for line in lines}
        lines.browse(by_stage[stage] for stage in stages if stage in by_stage)._reorder()

    def _forget_default_stage(self):
        """Let the default stage be computed anew: what was written may be none, or archived."""
        self.invalidate_recordset(["default_stage_id"], flush=False)

    def _get_free_name(self):
        """Return a name for a copy of this service that no other one bears."""
        self.ensure_one()
        names = self.sudo().with_context(active_test=False).search([]).mapped("name")
        return get_free_copy_name(self.env, self.name, names)

    def _check_default_stage(self):
        """Refuse a default stage that is not one of the service's stages."""
        astray = self.filtered(
            lambda service: (
                service.chosen_default_stage_id
                and service.chosen_default_stage_id not in service.stage_line_ids.stage_id
            )
        )
        if astray:
            raise ValidationError(
                "\n".join(
                    self.env._(
                        "“%(stage)s” is not one of the stages of the service “%(service)s”, so "
                        "it cannot be its default stage. Attach it first.",
                        stage=service.chosen_default_stage_id.display_name,
                        service=service.display_name,
                    )
                    for service in astray
                )
            )

    def _check_open_to_requests(self):
        """Refuse new requests for services that are archived or have no stage yet."""
        problems = []
        for service in self:
            if not service.active:
                problems.append(
                    self.env._(
                        "The service “%(service)s” is archived and takes no new requests.",
                        service=service.display_name,
                    )
                )
            elif not service.default_stage_id:
                problems.append(
                    self.env._(
                        "The service “%(service)s” has no stage yet, so a request for it has "
                        "nowhere to start. A BPO Manager can add its stages in "
                        "BPO CRM → Services → Services.",
                        service=service.display_name,
                    )
                )
        if problems:
            raise UserError("\n".join(problems))

    # ------------------------------------------------------------
    # IMPORT
    # ------------------------------------------------------------

    @api.model
    def get_import_templates(self):
        return [
            {
                "label": self.env._("Import Template for Services"),
                "template": "/bpo_crm/static/xls/bpo_service.csv",
            }
        ]
