# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..lead.crm_lead import PROTECTED_FIELDS
from .crm_stage_entry import VOID_ERRORS

# What managers mostly want to know before a record goes on, offered first, in this order.
SENSIBLE_FIELDS = {
    "deal": (
        "contact_name",
        "partner_id",
        "partner_name",
        "phone",
        "email_from",
        "dealership_id",
        "line_ids",
        "expected_revenue",
        "date_deadline",
        "tag_ids",
        "user_id",
        "dealer_notes",
        "description",
    ),
    "service": ("partner_id", "user_id", "deadline", "description", "lead_id"),
}
# What the system keeps for itself, or what always has a value.
INTERNAL_FIELDS = PROTECTED_FIELDS | {
    "active",
    "automated_probability",
    "color",
    "company_id",
    "date_closed",
    "date_last_stage_update",
    "date_open",
    "dealer_order_ids",
    "iap_enrich_done",
    "lead_mining_request_id",
    "lost_reason_id",
    "pipeline_id",
    "priority",
    "probability",
    "reveal_id",
    "service_id",
    "stage_id",
    "status",
    "type",
    "won_status",
}
INTERNAL_PREFIXES = ("activity_", "message_", "my_activity_", "rating_", "website_message_")
# What a person can be asked for in a dialog.
FILLABLE_TYPES = frozenset(
    (
        "boolean",
        "char",
        "date",
        "datetime",
        "float",
        "html",
        "integer",
        "many2many",
        "many2one",
        "monetary",
        "one2many",
        "selection",
        "text",
    )
)


class CrmStage(models.Model):
    """Which fields a stage can ask for, and what is said of those that are gone."""

    _inherit = "crm.stage"

    entry_choice_ids = fields.Many2many(
        "ir.model.fields",
        compute="_compute_entry_choice_ids",
        groups="bpo_crm.group_manager",
        help="The fields that can be asked for.",
    )
    entry_model = fields.Char(
        compute="_compute_entry_model", help="The model of what is in stages of this type."
    )
    # {name: label} of what was chosen: rows of fields vanish together with their addon
    entry_labels = fields.Json(groups="bpo_crm.group_manager", copy=False, prefetch=False)
    entry_warning = fields.Char(
        compute="_compute_entry_warning",
        groups="bpo_crm.group_manager",
        help="Which conditions of this stage are void, and why.",
    )

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("stage_type")
    def _compute_entry_model(self):
        for stage in self:
            stage.entry_model = self._get_staged_model(stage.stage_type or "deal")

    @api.depends("stage_type")
    def _compute_entry_choice_ids(self):
        every = self.env["ir.model.fields"].sudo()
        for stage_type, stages in self.grouped("stage_type").items():
            model = self._get_staged_model(stage_type or "deal")
            names = self._get_fillable_names(stage_type or "deal")
            stages.entry_choice_ids = every.search(
                [("model", "=", model), ("name", "in", list(names))]
            )

    @api.depends("entry_field_ids", "entry_domain", "entry_labels", "stage_type")
    @api.depends_context("lang")
    def _compute_entry_warning(self):
        for stage in self:
            stage.entry_warning = " ".join(stage.sudo()._get_void_conditions()) or False

    def _get_void_conditions(self):
        """Return in words which conditions of this stage hold nobody up any more."""
        fillable = self._get_fillable_names(self.stage_type) if self.stage_type else ()
        labels = self.entry_labels or {}
        present = set(self.entry_field_ids.mapped("name"))
        texts = [
            self.env._(
                "“%(field)s” is not asked for any more: the field is gone, or nobody can fill it "
                "in. Check whether something else is to be asked for, then save the conditions.",
                field=labels[name],
            )
            for name in labels
            if name not in present or name not in fillable
        ]
        if self.entry_domain and self._is_domain_void():
            texts.append(
                self.env._(
                    "The condition is not checked any more: it is about something that is gone. "
                    "Set it anew, or remove it."
                )
            )
        return texts

    @api.model
    def _get_entry_warnings(self):
        """Return, for managers, which conditions of all stages are void, as plain sentences."""
        stages = self.with_context(bpo_crm_stage_with_pipeline=True).search(
            ["|", ("has_conditions", "=", True), ("entry_labels", "!=", False)]
        )
        return [
            f"{stage.display_name}: {stage.entry_warning}"
            for stage in stages
            if stage.entry_warning
        ]

    def _is_domain_void(self):
        """Tell whether the condition cannot be checked."""
        model = self.env[self._get_staged_model(self.stage_type)]
        try:
            model.sudo().new({}).filtered_domain(self._get_entry_domain())
        except VOID_ERRORS:
            return True
        return False

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("entry_field_ids", "stage_type")
    def _check_entry_fields(self):
        """Refuse fields of another model, and those that nobody could fill in."""
        for stage in self.sudo().filtered("entry_field_ids"):
            model = self._get_staged_model(stage.stage_type)
            fillable = self._get_fillable_names(stage.stage_type)
            wrong = stage.entry_field_ids.filtered(
                lambda field, model=model, fillable=fillable: (
                    field.model != model or field.name not in fillable
                )
            )
            if wrong:
                raise ValidationError(
                    self.env._(
                        "A stage can only ask for what people fill in on what is in it. Leave out "
                        "of “%(stage)s”: %(fields)s.",
                        stage=stage.display_name,
                        fields=", ".join(wrong.mapped("display_name")),
                    )
                )

    @api.onchange("stage_type")
    def _onchange_stage_type_conditions(self):
        """Take away what was asked of the other kind of records."""
        self.update(self._prepare_no_conditions())

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_forget_void_conditions(self):
        """Take away those conditions of these stages that are void, and say no more of them."""
        self.check_access("write")
        for stage in self:
            fillable = self._get_fillable_names(stage.stage_type)
            vals = {
                "entry_field_ids": [
                    fields.Command.set(
                        stage.sudo()
                        .entry_field_ids.filtered(
                            lambda field, fillable=fillable: field.name in fillable
                        )
                        .ids
                    )
                ]
            }
            if stage._is_domain_void():
                vals["entry_domain"] = False
            stage.write(vals)
        return True

    # ------------------------------------------------------------
    # BUSINESS METHODS
    # ------------------------------------------------------------

    def _drop_conditions(self):
        """Take away what these stages ask for: conditions do not outlive the type of a stage."""
        if self.sudo().filtered(lambda stage: stage.has_conditions or stage.entry_activity_type_id):
            self.write(self._prepare_no_conditions())

    def _note_conditions(self, names):
        """Follow up that fields of these stages were written.

        :param names: the names of the fields
        """
        if "entry_field_ids" in names:
            self.sudo()._remember_entry_labels()
        if not {"record_limit", "limit_strict"}.isdisjoint(names):
            self.env.registry.clear_cache()

    @api.model
    def _prepare_no_conditions(self):
        """Return the values of a stage that asks for nothing, and whose activity fits any type."""
        return {
            "entry_field_ids": [fields.Command.clear()],
            "entry_domain": False,
            "entry_activity_type_id": False,
        }

    def _remember_entry_labels(self):
        for stage in self:
            chosen = {field.name: field.field_description for field in stage.entry_field_ids}
            if chosen != (stage.entry_labels or {}):
                stage.entry_labels = chosen

    @api.model
    def _get_fillable_names(self, stage_type):
        """Return the names of the fields that a stage of a type can ask for, sensible ones first.

        :return: ``{name: rank}``
        """
        model = self.env[self._get_staged_model(stage_type)]
        agents = self.env.ref("bpo_crm.group_agent").sudo()
        groups = set((agents | agents.all_implied_ids).get_external_id().values())
        names = [
            name
            for name, field in model._fields.items()
            if self._is_fillable(field)
            and (not field.groups or groups.intersection(field.groups.split(",")))
        ]
        first = [name for name in SENSIBLE_FIELDS[stage_type] if name in names]
        others = sorted(names, key=lambda name: model._fields[name].string)
        ordered = dict.fromkeys([*first, *others])
        return {name: rank for rank, name in enumerate(ordered)}

    @api.model
    def _is_fillable(self, field):
        """Tell whether people can be asked for a value of a field of deals or requests."""
        return (
            field.name not in INTERNAL_FIELDS
            and not field.name.startswith(INTERNAL_PREFIXES)
            and field.name not in models.MAGIC_COLUMNS
            and not field.readonly
            and not field.required
            and field.type in FILLABLE_TYPES
            and bool(field.store or field.inverse)
        )
