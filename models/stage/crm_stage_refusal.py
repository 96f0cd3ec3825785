# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models


class CrmStage(models.Model):
    """What a stage holds back."""

    _inherit = "crm.stage"

    refusal_summary = fields.Char(
        "Stopped This Month",
        compute="_compute_refusal_summary",
        groups="bpo_crm.group_manager",
        help="How many records could not enter this month, for want of what. A condition that "
        "stops many may be asked for too early.",
    )

    def _compute_refusal_summary(self):
        month = fields.Date.today().replace(day=1)
        rows = self.env["bpo.stage.refusal"].search(
            [("stage_id", "in", self.ids), ("month", "=", month)]
        )
        by_stage = rows.grouped("stage_id")
        for stage in self:
            stage.refusal_summary = (
                ", ".join(
                    self.env._(
                        "%(count)s for %(cause)s",
                        count=row.count,
                        cause=stage._get_cause_label(row.cause),
                    )
                    for row in by_stage.get(stage._origin, ())
                )
                or False
            )

    def _get_cause_label(self, cause):
        """Return what a record was held up for, in words."""
        if cause == "limit":
            return self.env._("the limit")
        if cause == "condition":
            return self.sudo().entry_message or self.env._("the condition")
        field = self.env[self._get_staged_model(self.stage_type)]._fields.get(cause)
        return field._description_string(self.env) if field else cause
