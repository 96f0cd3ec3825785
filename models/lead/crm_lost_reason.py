# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..stage.problem import Gap

# The reasons that stock CRM ships, as they are before anybody makes a list of their own.
STOCK_REASONS = {
    "crm.lost_reason_1": "Too expensive",
    "crm.lost_reason_2": "We don't have people/skills",
    "crm.lost_reason_3": "Not enough stock",
}


class LostReasonRequired(ValidationError):
    """Leads cannot be lost for want of a reason alone; the web client asks for it.

    :param leads: all leads that were to be lost together
    """

    def __init__(self, message, leads):
        super().__init__(message)
        # Sent along to the web client, which opens Mark as Lost for these leads.
        self.context = {"exception_class": "bpo_crm.lost_reason_required", "lead_ids": leads.ids}


class CrmLostReason(models.Model):
    """A lost reason with a code, so that reports survive relabelling and translation."""

    _inherit = "crm.lost.reason"
    _order = "sequence, id"
    # people type the code where they know it; imports may name a reason by either
    _rec_names_search = ["code", "name"]

    sequence = fields.Integer(default=10)
    code = fields.Char(
        required=True,
        compute="_compute_code",
        store=True,
        readonly=False,
        precompute=True,
        index=True,
        copy=False,
        help="Short and unique, in upper case; reports and imports rely on it.",
    )

    note_required = fields.Boolean(
        help="A lead is lost for this reason only with a note that says more, as for “Other”.",
    )
    pipeline_ids = fields.Many2many(
        "bpo.pipeline",
        string="Pipelines",
        help="Only leads of these pipelines can be lost for this reason; leave empty for all.",
    )

    _code_uniq = models.UniqueIndex(
        "(upper(btrim(code)))", "Another lost reason has this code already (archived ones count)."
    )
    _code_upper = models.Constraint(
        "CHECK (code = upper(btrim(code)) AND code <> '')",
        "The code of a lost reason is written in upper case, without blanks around it.",
    )

    @api.depends("name")
    def _compute_code(self):
        """Propose a code from the label; a code once given is never changed by a new label."""
        fresh = self.filtered(lambda reason: not reason.code and reason.name)
        if not fresh:
            return
        taken = set(self.with_context(active_test=False).sudo().search([]).mapped("code"))
        for reason in fresh:
            base = code = self._prepare_code(reason.name)
            number = 1
            while code in taken:
                number += 1
                code = f"{base}_{number}"
            taken.add(code)
            reason.code = code

    @api.model
    def _prepare_code(self, label):
        """Return ``label`` as a code: upper-case letters and digits, joined by underscores."""
        slug = self.env["ir.http"]._slugify(label).replace("-", "_").upper()
        return slug or "REASON"

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._clean_code(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._clean_code(vals))

    @api.model
    def _clean_code(self, vals):
        """Return ``vals`` with its code trimmed and in upper case, whoever typed it."""
        if vals.get("code"):
            return dict(vals, code=vals["code"].strip().upper())
        return vals

    # ------------------------------------------------------------
    # BUSINESS METHODS
    # ------------------------------------------------------------

    def _get_applicable(self, pipelines):
        """Return those of these reasons for which leads of *all* the pipelines can be lost."""
        wanted = set(pipelines.ids)
        return self.filtered(
            lambda reason: (
                not reason.sudo().pipeline_ids or wanted <= set(reason.sudo().pipeline_ids.ids)
            )
        )

    def _get_problems(self, pipeline, note):
        """Return why a lead of ``pipeline`` cannot be lost for this reason, as texts.

        :param note: what is said about it, if anything
        """
        if not self:
            return [
                Gap(
                    self.env._(
                        "a lost reason is needed: choose one with Mark Lost; a file to import "
                        "needs the column Lost Reason"
                    ),
                    "lost_reason_id",
                    "lost_note",
                    prompt=self.env._("Choose why it is lost"),
                )
            ]
        problems = []
        if not self.active:
            problems.append(
                self.env._("the lost reason “%(reason)s” is archived", reason=self.display_name)
            )
        if not self._get_applicable(pipeline):
            problems.append(
                self.env._(
                    "the lost reason “%(reason)s” is not one of the pipeline “%(pipeline)s”",
                    reason=self.display_name,
                    pipeline=pipeline.display_name,
                )
            )
        if self.note_required and not (note or "").strip():
            problems.append(
                Gap(
                    self.env._(
                        "the lost reason “%(reason)s” needs a note that says more; a file to "
                        "import needs the column Lost Note",
                        reason=self.display_name,
                    ),
                    "lost_note",
                    prompt=self.env._(
                        "The lost reason “%(reason)s” needs a note", reason=self.display_name
                    ),
                )
            )
        return problems

    # ------------------------------------------------------------
    # IMPORT
    # ------------------------------------------------------------

    @api.model
    def get_import_templates(self):
        return [
            {
                "label": self.env._("Import Template for Lost Reasons"),
                "template": "/bpo_crm/static/xls/crm_lost_reason.csv",
            }
        ]

    # ------------------------------------------------------------
    # STARTER LIST
    # ------------------------------------------------------------

    @api.model
    def _load_starter_reasons(self, reasons):
        """Turn the reasons of stock into a list for dealerships, unless people made their own.

        :param list reasons: ``(external id, values)``; those of stock are adapted where they
            still are, so that no reason appears twice
        """
        present = self.with_context(active_test=False).search([])
        names = present.with_context(lang=None).get_external_id()
        if any(
            STOCK_REASONS.get(names[reason.id]) != reason.with_context(lang=None).name
            for reason in present
        ):
            return
        loaded = self._load_records(
            [{"xml_id": xml_id, "values": values, "noupdate": True} for xml_id, values in reasons]
        )
        # translations of stock's labels do not fit ours
        for code, _name in self.env["res.lang"].get_installed():
            for reason in loaded & present:
                reason.with_context(lang=code).name = reason.with_context(lang=None).name
