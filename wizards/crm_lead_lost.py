# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import html2plaintext, is_html_empty, plaintext2html

from ..models.stage.bpo_staged import Gap, describe_gaps

# How many leads the dialog names before it only counts them.
NAMED_LEADS = 3


class CrmLeadLost(models.TransientModel):
    """*Mark as Lost*: the one dialog for all ways of losing leads in the web client.

    Leads of several pipelines go to the lost stage of their own pipeline each.
    """

    _inherit = "crm.lead.lost"

    lost_reason_id = fields.Many2one(required=True, domain="[('id', 'in', available_reason_ids)]")
    lost_note = fields.Text("Notes")
    note_required = fields.Boolean(related="lost_reason_id.note_required")
    summary = fields.Char("Leads to Lose", compute="_compute_leads")
    warning = fields.Char(compute="_compute_leads")
    available_reason_ids = fields.Many2many("crm.lost.reason", compute="_compute_leads")
    entry_gaps = fields.Json(
        compute="_compute_entry_gaps",
        help="What else the lost stages ask for; the web client then asks for all in one dialog.",
    )

    @api.depends("lead_ids")
    def _compute_leads(self):
        reasons = self.env["crm.lost.reason"].search([])
        for wizard in self:
            leads = wizard._get_leads_to_lose()
            wizard.available_reason_ids = reasons._get_applicable(leads.pipeline_id)
            names = ", ".join(leads[:NAMED_LEADS].mapped("display_name"))
            wizard.summary = (
                self.env._("%(count)s leads: %(names)s…", count=len(leads), names=names)
                if len(leads) > NAMED_LEADS
                else names
            )
            wizard.warning = wizard._get_warning(leads)

    @api.depends("lead_ids")
    def _compute_entry_gaps(self):
        for wizard in self:
            wizard.entry_gaps = wizard._get_entry_gaps()

    def _get_entry_gaps(self):
        """Return what is missing besides the reason, as :class:`StageEntryIncomplete` tells it.

        Nothing is looked up where no lost stage asks for anything.
        """
        leads = self._get_leads_to_lose()._origin
        problems = {}
        for stage, losing in leads.grouped(lambda lead: lead.pipeline_id.lost_stage_id).items():
            if stage.sudo().has_conditions:
                problems.update(stage.sudo()._get_entry_problems(losing))
        texts = [text for texts in problems.values() for text in texts]
        if not texts or not all(isinstance(text, Gap) for text in texts):
            # the latter is for the server to say when the leads are lost
            return False
        unexplained = self.env["crm.lost.reason"]
        return {
            "model": leads._name,
            "records": [
                describe_gaps(
                    lead,
                    lead.pipeline_id.lost_stage_id,
                    unexplained._get_problems(lead.pipeline_id, False) + problems.get(lead, []),
                )
                for lead in leads
            ],
        }

    def _get_warning(self, leads):
        """Return what people should know before they choose a reason, if anything."""
        skipped = len(self.lead_ids) - len(leads)
        if not leads:
            return self.env._("Lost already.")
        if skipped:
            return self.env._(
                "Leads that are lost already and stay as they are: %(count)s.", count=skipped
            )
        if not self.available_reason_ids:
            return self.env._(
                "No lost reason applies to all these leads: mark those of each pipeline apart, or "
                "ask a BPO Manager for a reason in BPO CRM → Configuration → Lost Reasons."
            )
        return False

    def _get_leads_to_lose(self):
        """Return the leads that are not lost yet: lost ones keep the reason they have."""
        return self.lead_ids.filtered(lambda lead: lead.won_status != "lost")

    def action_lost_reason_apply(self):
        """Move each lead to the lost stage of its pipeline, with reason and note.

        All of them or none: what stands against it is listed per lead in one message.
        """
        self.ensure_one()
        leads = self._get_leads_to_lose()
        if not leads:
            raise UserError(self.env._("These leads are lost already: nothing was changed."))
        note = self.lost_note or html2plaintext(self.lost_feedback or "").strip()
        leads._check_losing(self.lost_reason_id, note)
        self.lead_ids = [Command.set(leads.ids)]
        if note:
            leads.lost_note = note
            if is_html_empty(self.lost_feedback):
                self.lost_feedback = plaintext2html(note)
        return super().action_lost_reason_apply()
