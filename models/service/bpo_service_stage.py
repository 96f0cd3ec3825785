# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain

from ..stage.crm_stage import StageInUseError


class BpoServiceStage(models.Model):
    """A stage in the workflow of one service, and its place there.

    The stage itself is shared: name, colour, icon and the rest are the same wherever it is
    used. Only the place belongs to the service.
    """

    _name = "bpo.service.stage"
    _inherit = ["bpo.ordered"]
    _description = "Stage of a Service"
    _order = "sequence, id"
    _rec_name = "stage_id"

    service_id = fields.Many2one("bpo.service", required=True, index=True, ondelete="cascade")
    stage_id = fields.Many2one(
        "crm.stage",
        required=True,
        index=True,
        ondelete="cascade",
        domain="[('stage_type', '=', 'service')]",
        context={"default_stage_type": "service"},
        help="Choose a stage that exists, or type a new name to create one.",
    )
    color = fields.Integer(related="stage_id.color", readonly=False)
    icon = fields.Char(related="stage_id.icon", readonly=False)
    status_on_enter = fields.Selection(related="stage_id.status_on_enter", readonly=False)
    fold = fields.Boolean(related="stage_id.fold", readonly=False)
    # not called "active": lines of archived stages keep their place and are shown
    stage_active = fields.Boolean(related="stage_id.active", string="Stage is Active")
    is_default = fields.Boolean(
        "Default",
        compute="_compute_is_default",
        help="New requests start in this stage; another one can be chosen on the service.",
    )
    shared_with = fields.Char(
        "Also Used By",
        compute="_compute_shared_with",
        help="Other services this stage is part of: what you change in it changes there, too.",
    )

    _service_stage_uniq = models.Constraint(
        "UNIQUE (service_id, stage_id)", "This stage is part of the service already."
    )

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("service_id.default_stage_id", "stage_id")
    def _compute_is_default(self):
        for line in self:
            line.is_default = line.stage_id and line.stage_id == line.service_id.default_stage_id

    @api.depends("stage_id.service_ids.name", "service_id")
    def _compute_shared_with(self):
        for line in self:
            others = line.stage_id.service_ids._origin - line.service_id._origin
            line.shared_with = ", ".join(others.mapped("display_name"))

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("stage_id")
    def _check_stage_type(self):
        deals = self.stage_id.filtered(lambda stage: stage.stage_type != "service")
        if deals:
            raise ValidationError(
                self.env._(
                    "Only service stages can be part of a service; these are stages of deals: "
                    "%(stages)s.",
                    stages=", ".join(deals.mapped("display_name")),
                )
            )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Append the stages that come without a place behind the last one of their service.

        The web client counts from 0 in a new service: that is a place.
        """
        lines = super().create(vals_list)
        self.browse(
            line.id
            for line, vals in zip(lines, vals_list, strict=True)
            if vals.get("sequence") is None
        )._append()
        return lines

    def write(self, vals):
        """Guard the requests of the stages that are taken out of a service."""
        if self:
            # First, so that nobody learns from a refusal what is in the stages.
            self.check_access("write")
        pair = [name for name in ("service_id", "stage_id") if name in vals]
        if pair:
            self.filtered(
                lambda line: any(line[name].id != vals[name] for name in pair)
            )._check_unused()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_in_use(self):
        self._check_unused()

    def unlink(self):
        """Pass the role of default stage on to the next stage of the service."""
        # A form that was told to move the requests first still asks to delete its row.
        existing = self.exists()
        for service, lines in existing.grouped("service_id").items():
            chosen = service.chosen_default_stage_id
            if chosen not in lines.stage_id:
                continue
            stages = service._get_sorted_lines().stage_id
            following = stages[stages.ids.index(chosen.id) :] - lines.stage_id
            service.chosen_default_stage_id = following.filtered("active")[:1]
        return super(BpoServiceStage, existing).unlink()

    # ------------------------------------------------------------
    # BUSINESS METHODS
    # ------------------------------------------------------------

    @api.model
    def _search_through(self, lines, other, operator, value):
        """Return the domain of the records whose lines lead to what is searched for.

        :param str lines: the one2many to these lines, on the side that is searched
        :param str other: the many2one of these lines to the other side
        """
        if operator in Domain.NEGATIVE_OPERATORS:
            return NotImplemented
        domain = Domain(f"{lines}.{other}", operator, value)
        if operator == "in" and False in value:
            domain |= Domain(lines, "=", False)
        return domain

    def _get_scope(self):
        self.ensure_one()
        return self.service_id

    def _get_siblings(self):
        return self.browse().concat(*(service._get_sorted_lines() for service in self.service_id))

    def _get_usage(self):
        """Return ``[(service, stage, count, request ids)]`` of these lines with requests.

        Everybody's requests count, archived ones too: hidden ones must not be stranded.
        """
        request = self.env["bpo.service.request"].sudo().with_context(active_test=False)
        domain = Domain.OR(
            Domain("service_id", "=", line.service_id.id)
            & Domain("stage_id", "=", line.stage_id.id)
            for line in self
        )
        return request._read_group(domain, ["service_id", "stage_id"], ["__count", "id:array_agg"])

    def _get_usage_lines(self, usage):
        """Return ``usage`` in words: one line per stage and service, with some names."""
        request = self.env["bpo.service.request"].sudo()
        return [
            self.env._(
                "- %(stage)s, in %(service)s (requests: %(count)s), such as %(names)s",
                stage=stage.display_name,
                service=service.display_name,
                count=count,
                names=", ".join(request.browse(ids[:3]).mapped("display_name")),
            )
            for service, stage, count, ids in usage
        ]

    def _check_unused(self):
        """Refuse to take stages out of a service while its requests are in them.

        Requests of other services in a shared stage do not count; archived ones do.

        :raise StageInUseError: naming counts and some of the requests
        """
        usage = self._get_usage()
        if not usage:
            return
        stages = self.stage_id.browse(stage.id for _service, stage, _count, _ids in usage)
        services = {service for service, _stage, _count, _ids in usage}
        raise StageInUseError(
            self.env._(
                "A stage cannot be taken out of a service while requests are in it (archived "
                "ones count too):\n%(stages)s\nMove these requests to another stage first.",
                stages="\n".join(self._get_usage_lines(usage)),
            ),
            stages,
            services.pop() if len(services) == 1 else None,
        )
