# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

import ast

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from .problem import Gap, Problem

# What a condition raises that the models at hand cannot make sense of (any more).
VOID_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    SyntaxError,
    TypeError,
    UserError,
    ValueError,
)


class _KnownNames(ast.NodeTransformer):
    """Puts the value in the place of each name that the domain editor writes."""

    def __init__(self, values):
        self.values = values

    def visit_Name(self, node):
        if node.id not in self.values:
            raise ValueError(node.id)
        return ast.copy_location(ast.Constant(self.values[node.id]), node)


class CrmStage(models.Model):
    """What has to be known, or true, before a record enters the stage: deals and requests alike.

    A condition that the models at hand do not know any more (its field or addon is gone) is void:
    it holds nobody up, and the stage says so.
    """

    _inherit = "crm.stage"

    entry_field_ids = fields.Many2many(
        "ir.model.fields",
        string="Needed to Enter",
        groups="bpo_crm.group_manager",
        help="What has to be filled in before a deal or request enters this stage. Whoever moves "
        "it there is asked for what is missing.",
    )
    entry_domain = fields.Char(
        "Condition to Enter",
        prefetch=False,
        groups="bpo_crm.group_manager",
        help="What else has to be true of a deal or request that enters this stage.",
    )
    entry_message = fields.Char(
        "Message",
        prefetch=False,
        translate=True,
        help="What is said where the condition does not hold: one sentence that tells what to do.",
    )
    has_conditions = fields.Boolean(compute="_compute_has_conditions", store=True)
    entry_activity_type_id = fields.Many2one(
        "mail.activity.type",
        string="Schedule",
        ondelete="set null",
        help="An activity that is scheduled when a deal or request enters this stage, for whoever "
        "is responsible for it, else for whoever moves it. Not on imports, and not twice.",
    )
    entry_activity_days = fields.Integer(
        "Due in Days",
        default=0,
        prefetch=False,
        help="Days from entering the stage until the activity is due.",
    )

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("entry_field_ids", "entry_domain")
    def _compute_has_conditions(self):
        for stage in self:
            stage.has_conditions = bool(stage.entry_field_ids or stage.entry_domain)

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("entry_domain", "stage_type")
    def _check_entry_domain(self):
        """Refuse a condition that is none, or that asks for what its author may not read."""
        for stage in self.filtered("entry_domain"):
            model = self.env[self._get_staged_model(stage.stage_type)]
            try:
                domain = stage._get_entry_domain()
                model._search(domain)
                model.sudo().new({}).filtered_domain(domain)
            except VOID_ERRORS as error:
                raise ValidationError(
                    self.env._(
                        "“%(stage)s”: this is not a condition that can be checked: %(domain)s. "
                        "Choose fields and values with the editor of the condition. (%(error)s)",
                        stage=stage.display_name,
                        domain=stage.sudo().entry_domain,
                        error=error,
                    )
                ) from error

    @api.constrains("entry_activity_type_id", "entry_activity_days", "stage_type")
    def _check_entry_activity(self):
        for stage in self:
            kind = stage.entry_activity_type_id
            if kind.res_model not in (False, self._get_staged_model(stage.stage_type)):
                raise ValidationError(
                    self.env._(
                        "Activities of the type “%(type)s” cannot be scheduled on what is in the "
                        "stage “%(stage)s”. Choose another type.",
                        type=kind.display_name,
                        stage=stage.display_name,
                    )
                )
            if stage.entry_activity_days < 0:
                raise ValidationError(
                    self.env._(
                        "An activity is due on the day of entering “%(stage)s” or later: the days "
                        "cannot be negative.",
                        stage=stage.display_name,
                    )
                )

    # ------------------------------------------------------------
    # BUSINESS METHODS
    # ------------------------------------------------------------

    @api.model
    def _get_staged_model(self, stage_type):
        """Return the name of the model whose records are in stages of a type."""
        return {"deal": "crm.lead", "service": "bpo.service.request"}[stage_type]

    def _get_move_problems(self, records, asked):
        """Return ``{record: [Problem]}``: what stands against records that come into this stage.

        :param asked: those of the records that have to give what it asks for
        """
        problems = self._get_entry_problems(asked) if self.has_conditions else {}
        for record, texts in self._get_limit_problems(records).items():
            problems[record] = [*problems.get(record, []), *texts]
        return problems

    def _get_entry_problems(self, records):
        """Return ``{record: [Problem]}``: what records lack that enter this stage.

        :param records: of one model, in any number; read as superuser, as the condition may be
            about what the user does not see
        """
        self.ensure_one()
        known = records.sudo()
        gaps = self._get_entry_gaps()
        failing = self._filtered_failing(known)
        message = [self._get_entry_message()] if failing else []
        return {
            record: [gap for name, gap in gaps.items() if not record_sudo._is_given(name)]
            + (message if record_sudo in failing else [])
            for record, record_sudo in zip(records, known, strict=True)
        }

    def _get_entry_gaps(self):
        """Return ``{name: Gap}`` of the fields that this stage asks for and that still exist."""
        model = self.env[self._get_staged_model(self.stage_type)]
        fillable = self._get_fillable_names(self.stage_type)
        return {
            name: Gap(
                self.env._(
                    "%(field)s is missing",
                    field=model._fields[name]._description_string(self.env),
                ),
                name,
                cause=name,
            )
            for name in self.entry_field_ids.mapped("name")
            if name in fillable
        }

    def _filtered_failing(self, records):
        """Return those of the records for which the condition does not hold; none if it is void."""
        if not self.entry_domain:
            return records.browse()
        try:
            return records - records.filtered_domain(self._get_entry_domain())
        except VOID_ERRORS:
            return records.browse()

    def _get_entry_domain(self):
        """Return the condition of this stage as a ``Domain``.

        Only what the domain editor writes is understood: literals, and the user at work. Nothing
        is run. Relative dates ("today +7d") are strings that the ORM understands.

        :raise: one of ``VOID_ERRORS`` where it makes no sense for the model
        """
        tree = ast.parse((self.sudo().entry_domain or "[]").strip(), mode="eval")
        values = ast.literal_eval(_KnownNames({"uid": self.env.uid}).visit(tree))
        if not isinstance(values, list | tuple):
            raise ValueError(values)
        domain = Domain(list(values))
        domain.validate(self.env[self._get_staged_model(self.stage_type)].sudo())
        return domain

    def _get_entry_message(self):
        """Return the problem of records for which the condition does not hold."""
        text = self.entry_message or self.env._(
            "it does not meet the condition of the stage “%(stage)s”", stage=self.display_name
        )
        names = {
            condition.field_expr.partition(".")[0]
            for condition in self._get_entry_domain().iter_conditions()
        }
        fillable = names.intersection(self._get_fillable_names(self.stage_type))
        if not fillable:
            return Problem(text, cause="condition")
        return Gap(text, *sorted(fillable), cause="condition")

    def _prepare_entry_activities(self, records):
        """Return the values of the activities that this stage wants done for records."""
        self.ensure_one()
        scheduled = self.env["mail.activity"].search_fetch(
            [
                ("res_model", "=", records._name),
                ("res_id", "in", records.ids),
                ("activity_type_id", "=", self.entry_activity_type_id.id),
            ],
            ["res_id"],
        )
        present = set(scheduled.mapped("res_id"))
        return [
            record._prepare_entry_activity(self) for record in records if record.id not in present
        ]
