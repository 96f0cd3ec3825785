# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools.safe_eval import safe_eval

from .bpo_staged import Gap


class CrmStage(models.Model):
    """What has to be known, or true, before a record enters the stage: deals and requests alike."""

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
        groups="bpo_crm.group_manager",
        help="What else has to be true of a deal or request that enters this stage.",
    )
    entry_message = fields.Char(
        "Message",
        translate=True,
        help="What is said where the condition does not hold: one sentence that tells what to do.",
    )
    has_conditions = fields.Boolean(compute="_compute_has_conditions", store=True)

    @api.depends("entry_field_ids", "entry_domain")
    def _compute_has_conditions(self):
        for stage in self:
            stage.has_conditions = bool(stage.entry_field_ids or stage.entry_domain)

    @api.model
    def _get_staged_model(self, stage_type):
        """Return the name of the model whose records are in stages of a type."""
        return {"deal": "crm.lead", "service": "bpo.service.request"}[stage_type]

    def _get_entry_problems(self, records):
        """Return ``{record: [Gap]}``: what records lack that enter this stage.

        :param records: of one model, in any number; read as superuser, as the condition may be
            about what the user does not see
        """
        self.ensure_one()
        known = records.sudo()
        names = [name for name in self.entry_field_ids.mapped("name") if name in known._fields]
        labels = {name: known._fields[name]._description_string(self.env) for name in names}
        failing = known - known.filtered_domain(self._get_entry_domain())
        return {
            record: [
                Gap(self.env._("%(field)s is missing", field=labels[name]), name)
                for name in names
                if not record_sudo._is_given(name)
            ]
            + ([self._get_entry_message(known)] if record_sudo in failing else [])
            for record, record_sudo in zip(records, known, strict=True)
        }

    def _get_entry_domain(self):
        """Return the condition of this stage as a ``Domain``."""
        return Domain(safe_eval(self.entry_domain or "[]", {"uid": self.env.uid}))

    def _get_entry_message(self, records):
        """Return the problem of records for which the condition does not hold."""
        text = self.entry_message or self.env._(
            "it does not meet the condition of the stage “%(stage)s”", stage=self.display_name
        )
        names = {
            condition.field_expr.partition(".")[0]
            for condition in self._get_entry_domain().iter_conditions()
        }
        return Gap(text, *sorted(names.intersection(records._fields)))
