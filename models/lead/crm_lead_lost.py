# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

# What a lead that is open (again) does not keep: chatter has it.
LOST_FIELDS = ("lost_reason_id", "lost_note", "lost_from_stage_id")


class CrmLead(models.Model):
    """Losing leads and restoring them: reason, note and the stage they were lost from."""

    _inherit = "crm.lead"

    lost_reason_id = fields.Many2one(copy=False)
    lost_note = fields.Text(copy=False, tracking=True, help="What was said when the lead was lost.")
    lost_from_stage_id = fields.Many2one(
        "crm.stage",
        readonly=True,
        copy=False,
        ondelete="set null",
        help="The stage that Restore returns the lead to.",
    )

    # ------------------------------------------------------------
    # VIEWS
    # ------------------------------------------------------------

    @api.model
    def _make_fill_in_field(self, form, name):
        """Offer the reasons that apply, all at a glance, as the dialog *Mark as Lost* does."""
        node = super()._make_fill_in_field(form, name)
        if name == "lost_reason_id":
            node.set("widget", "bpo_lost_reason")
            node.set(
                "domain",
                "['|', ('pipeline_ids', '=', False), ('pipeline_ids', 'in', [pipeline_id])]",
            )
        return node

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model
    def _search(self, domain, *args, **kwargs):
        """Leave lost leads out where stock assigns work (see ``crm.team``)."""
        if self.env.context.get("bpo_crm_without_lost"):
            domain = Domain(domain) & Domain("won_status", "!=", "lost")
        return super()._search(domain, *args, **kwargs)

    def _mail_track(self, tracked_fields, initial_values):
        """Do not say the note of a loss twice where it is the text of the message already."""
        texts = self.env.cr.precommit.data.get(f"mail.tracking.message.{self._name}", {})
        if self.closed_status == "lost" and self.id in texts:
            tracked_fields = {
                name: field for name, field in tracked_fields.items() if name != "lost_note"
            }
        return super()._mail_track(tracked_fields, initial_values)

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_set_lost(self, **additional_values):
        """Move each lead to the lost stage of its own pipeline; unlike stock it stays active.

        :param additional_values: further values to write, ``lost_reason_id`` above all
        :raise UserError: a pipeline has no lost stage
        :raise ValidationError: no lost reason is given
        """
        pipelines = self.pipeline_id
        if without := pipelines.filtered(lambda pipeline: not pipeline.lost_stage_id):
            raise UserError(
                "\n".join(pipeline._get_message_no_lost_stage() for pipeline in without)
            )
        for pipeline, leads in self.grouped("pipeline_id").items():
            leads.write({**additional_values, "stage_id": pipeline.lost_stage_id.id})
        return True

    def action_unarchive(self):
        """Keep the reason of leads in a lost stage: stock takes every archived lead for lost."""
        lost = self.filtered(lambda lead: not lead.active and lead.closed_status == "lost")
        if lost:
            lost.active = True
        return super().action_unarchive()

    def action_restore(self):
        """Return lost leads to the stage they were lost from, as open leads.

        Where that stage is gone, it is the first open one of the pipeline. Leads that stock
        lost by archiving are unarchived, as stock does.
        """
        lost = self.filtered(lambda lead: lead.closed_status == "lost")
        if others := self - lost:
            super(CrmLead, others).action_restore()
        lost.filtered(lambda lead: not lead.active).action_unarchive()
        first_stages = lost.pipeline_id._get_first_open_stages()
        for target, leads in lost.grouped(
            lambda lead: lead._get_open_stage() or first_stages.get(lead.pipeline_id)
        ).items():
            if not target:
                raise UserError(leads.pipeline_id[:1]._get_message_no_open_stage())
            leads.write({"stage_id": target.id})
        return True

    def convert_opportunity(self, partner, user_ids=False, team_id=False):
        """Leave lost leads out, as stock leaves out the archived ones."""
        leads = self.filtered(lambda lead: lead.closed_status != "lost")
        return super(CrmLead, leads).convert_opportunity(
            partner, user_ids=user_ids, team_id=team_id
        )

    # ------------------------------------------------------------
    # RULES
    # ------------------------------------------------------------

    def _get_problems_lost(self, origins):
        """Rule 3: into a lost stage only with a lost reason, one that fits."""
        return self.filtered(lambda lead: lead.closed_status == "lost")._get_problems_of_loss()

    def _get_problems_of_loss(self):
        """Return ``{lead: [why it cannot be lost as it says]}``."""
        return self._get_problems_of_reasons(
            lambda lead: (lead.pipeline_id, lead.lost_reason_id, lead.lost_note)
        )

    def _check_losing(self, reason, note):
        """Check that leads of any pipelines can be lost, before anything is written.

        :raise ValidationError: listing, per lead, all that is wrong
        """
        problems = self._get_problems_of_reasons(lambda lead: (lead.pipeline_id, reason, note))
        for lead in self.filtered(lambda lead: not lead.pipeline_id.lost_stage_id):
            problems.setdefault(lead, []).append(lead.pipeline_id._get_message_no_lost_stage())
        self._raise_problems(problems)

    def _get_problems_of_reasons(self, get_loss):
        """Return ``{lead: [why it cannot be lost like this]}``.

        :param get_loss: gives pipeline, reason and note of a lead's loss
        """
        problems = {}
        for (pipeline, reason, note), leads in self.grouped(get_loss).items():
            if texts := reason._get_problems(pipeline, note):
                problems.update({lead: list(texts) for lead in leads})
        return problems

    def _check_lost_by_archiving(self):
        """Ask for a reason also where a lead is lost like stock does: archived, probability 0."""
        bare = self.filtered(lambda lead: lead.won_status == "lost" and not lead.lost_reason_id)
        if bare and not self.env.su:
            self._raise_problems(
                {lead: bare.lost_reason_id._get_problems(lead.pipeline_id, False) for lead in bare}
            )

    def _filtered_not_lost(self, vals):
        """Return the leads that are open or won, where ``vals`` could lose them as stock does."""
        if {"active", "probability"}.isdisjoint(vals):
            return self.browse()
        return self.filtered(lambda lead: lead.won_status != "lost")

    def _check_loss(self, vals):
        """Check lost leads that stay lost: explained anew, by the rules of a loss.

        :raise ValidationError: listing, per lead, what is wrong
        """
        if {"lost_reason_id", "lost_note"}.isdisjoint(vals):
            return
        lost = self.filtered(lambda lead: lead.closed_status == "lost")
        if "lost_reason_id" in vals:
            lost._check_lost_reason()
        if "lost_note" in vals:
            lost._check_lost_note()

    def _check_lost_reason(self):
        if bare := self.filtered(lambda lead: not lead.lost_reason_id):
            raise ValidationError(
                self.env._(
                    "A lost lead has a lost reason: choose another one instead of clearing it, or "
                    "restore the lead. (%(leads)s)",
                    leads=", ".join(bare.mapped("display_name")),
                )
            )
        if lines := self._get_problem_lines(self._get_problems_of_loss()):
            raise ValidationError(
                self.env._(
                    "The lost reason stays as it was. Put this right first:\n%(problems)s",
                    problems=lines,
                )
            )

    def _check_lost_note(self):
        bare = self.filtered(
            lambda lead: lead.lost_reason_id.note_required and not (lead.lost_note or "").strip()
        )
        if bare:
            raise ValidationError(
                self.env._(
                    "The lost reason of these leads needs a note: %(leads)s.",
                    leads=", ".join(bare.mapped("display_name")),
                )
            )
