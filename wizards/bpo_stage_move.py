# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import UserError


class BpoStageMove(models.TransientModel):
    """*Move and archive*: empty stages into another one, then archive them.

    With a service it is *Move and take out*: only requests of that service move, and the stages,
    which other services may go on using, are taken out of it instead.

    Records move by ``write``, so that every rule of a move holds. Only conditions of the target do
    not hold them up: it is the manager who moves them. What is missing is shown on the records.
    """

    _name = "bpo.stage.move"
    _description = "Move and Archive Stages"

    stage_ids = fields.Many2many("crm.stage", string="Stages to archive", required=True)
    service_id = fields.Many2one("bpo.service", help="The service to take the stages out of.")
    target_stage_id = fields.Many2one(
        "crm.stage", string="Move to", domain="[('id', 'in', allowed_stage_ids)]"
    )
    allowed_stage_ids = fields.Many2many("crm.stage", compute="_compute_allowed_stage_ids")
    usage = fields.Text("What is in them", compute="_compute_usage")
    outcome_warning = fields.Char(compute="_compute_outcome_warning")
    target_is_lost = fields.Boolean(related="target_stage_id.is_lost")
    lost_reason_id = fields.Many2one("crm.lost.reason")
    lost_note = fields.Text("Note")

    @api.depends("stage_ids", "service_id")
    def _compute_allowed_stage_ids(self):
        """Allow the other active stages of the same pipeline, or of the same services."""
        for wizard in self:
            stages = wizard.stage_ids._origin
            wizard.allowed_stage_ids = stages._get_move_targets(wizard.service_id)

    @api.depends("stage_ids", "service_id")
    def _compute_usage(self):
        for wizard in self:
            wizard.usage = wizard._get_usage_text()

    def _get_usage_text(self):
        """Return in words what is to be moved, empty if nothing is."""
        stages = self.stage_ids._origin
        if not self.service_id:
            return "\n".join(stages._get_usage_lines(stages._get_usage()))
        lines = self.service_id.stage_line_ids.filtered(lambda line: line.stage_id in stages)
        return "\n".join(lines._get_usage_lines(lines._get_usage()))

    @api.depends("stage_ids", "target_stage_id")
    def _compute_outcome_warning(self):
        """Warn of leads that are won or lost and would become something else by the move."""
        for wizard in self:
            wizard.outcome_warning = False
            if not wizard.target_stage_id:
                continue
            count = wizard._search_records("crm.lead").search_count(
                [
                    ("stage_id", "in", wizard.stage_ids.ids),
                    ("closed_status", "!=", False),
                    ("closed_status", "!=", wizard.target_stage_id._get_closed_status()),
                ]
            )
            if count:
                wizard.outcome_warning = self.env._(
                    "Won or lost already, and to be what “%(stage)s” makes of them: %(count)s.",
                    count=count,
                    stage=wizard.target_stage_id.display_name,
                )

    def action_move_and_archive(self):
        """Move everything that is in the stages to the target, then archive the stages.

        :raise UserError: a target is needed and missing, or a rule stands against the moves
        """
        self.ensure_one()
        stages = self.stage_ids
        stages.check_access("write")
        target = self.target_stage_id
        if self.usage:
            if target not in self.allowed_stage_ids:
                raise UserError(
                    self.env._(
                        "Choose the stage to move to: an active one of the same pipeline or "
                        "service that does not go with the others."
                    )
                )
            for model_name in stages._get_models_in_stages():
                records = self._search_records(model_name).search(self._get_domain(model_name))
                records.with_context(bpo_crm_pass_conditions=True).write(
                    self._prepare_move(model_name, target)
                )
        if self.service_id:
            self.service_id.stage_line_ids.filtered(lambda line: line.stage_id in stages).unlink()
        else:
            stages.action_archive()
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _get_domain(self, model_name):
        """Return which records of a model are to be moved."""
        domain = [("stage_id", "in", self.stage_ids.ids)]
        if self.service_id and model_name == "bpo.service.request":
            domain.append(("service_id", "=", self.service_id.id))
        return domain

    def _search_records(self, model_name):
        """Return the model to search: everybody's records count, archived ones too."""
        return self.env[model_name].sudo().with_context(active_test=False)

    def _prepare_move(self, model_name, target):
        """Return the values that move records of a model to ``target``."""
        vals = {"stage_id": target.id}
        if model_name == "crm.lead" and target.is_lost:
            vals.update(lost_reason_id=self.lost_reason_id.id, lost_note=self.lost_note)
        return vals
