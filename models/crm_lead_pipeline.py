# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models
from odoo.exceptions import UserError


class CrmLead(models.Model):
    """Which pipeline a lead is in: by its company, in forms, back from the archive."""

    _inherit = "crm.lead"

    # ------------------------------------------------------------
    # COMPANIES
    # ------------------------------------------------------------

    def _compute_pipeline_id(self):
        """Leave the pipelines of other companies; closed leads never move by themselves."""
        stage_field = self._fields["stage_id"]
        # It is judged by the stage they are in; the stage that follows from it comes after.
        pending = self.env.records_to_compute(stage_field) & self
        self.env.remove_to_compute(stage_field, pending)
        res = super()._compute_pipeline_id()
        astray = self.filtered(lambda lead: not lead.pipeline_id or lead._has_foreign_pipeline())
        for company, leads in astray.grouped("company_id").items():
            leads.pipeline_id = self.env["bpo.pipeline"]._get_default_of_leads(company)
        self.env.add_to_compute(stage_field, pending | astray.filtered("id"))
        return res

    def _compute_company_id(self):
        """Let leads without a company belong to that of their pipeline, where there is one.

        The pipeline follows the company, too; as a dependency it could not be precomputed.
        """
        leads = self.filtered("id")
        # before stock's choice among the companies of the salesperson, and where it makes none
        leads._follow_company_of_pipeline()
        res = super()._compute_company_id()
        leads._follow_company_of_pipeline()
        astray = leads.filtered(lambda lead: lead._has_foreign_pipeline())
        self.env.add_to_compute(self._fields["pipeline_id"], astray)
        return res

    def _follow_company_of_pipeline(self):
        """Take the company of the pipeline, unless the salesperson does not work there."""
        for lead in self.filtered(lambda lead: not lead.company_id):
            company = lead.pipeline_id.sudo().company_id
            if company and (not lead.user_id or company in lead.user_id.sudo().company_ids):
                lead.company_id = company

    def _has_foreign_pipeline(self):
        """Tell whether this open lead sits in a pipeline of another company."""
        self.ensure_one()
        company = self.pipeline_id.sudo().company_id
        return bool(company and self.company_id != company and not self.closed_status)

    @api.onchange("pipeline_id")
    def _onchange_pipeline_id(self):
        """Show what saving does: the lead starts in the first open stage, closed ones too."""
        pipeline = self.pipeline_id
        if self.stage_id.pipeline_id != pipeline:
            self.stage_id = pipeline._get_first_open_stages().get(pipeline)
        self._follow_company_of_pipeline()

    # ------------------------------------------------------------
    # MOVING
    # ------------------------------------------------------------

    def write(self, vals):
        """Move leads to their company's pipeline; let none come back into a closing stage."""
        if {"stage_id", "pipeline_id"}.intersection(vals):
            return super().write(vals)
        returning = self.filtered(lambda lead: not lead.active) if vals.get("active") else self[:0]
        res = self._write_company(vals) if "company_id" in vals else super().write(vals)
        returning._leave_closing_stage()
        return res

    def _write_company(self, vals):
        """Change the company: open leads in a pipeline of another one change both."""
        company = self.env["res.company"].browse(vals["company_id"] or [])
        astray = self.filtered(
            lambda lead: (
                lead.pipeline_id.sudo().company_id not in (company.browse(), company)
                and not lead.closed_status
            )
        )
        if astray:
            pipeline = self.env["bpo.pipeline"]._get_default_of_leads(company)
            astray.write({**vals, "pipeline_id": pipeline.id})
        staying = self - astray
        return super(CrmLead, staying).write(vals) if staying else True

    def _leave_closing_stage(self):
        """Move open leads out of closing stages, to the first open one of their pipeline.

        Archived leads are not closed with the others when their stage gets a closing flag.
        """
        misplaced = self.filtered(
            lambda lead: not lead.closed_status and lead.stage_id._get_closed_status()
        )
        first_stages = misplaced.pipeline_id._get_first_open_stages() if misplaced else {}
        for pipeline, leads in misplaced.grouped("pipeline_id").items():
            if pipeline not in first_stages:
                raise UserError(pipeline._get_message_no_open_stage())
            leads.write({"stage_id": first_stages[pipeline].id})

    def _get_problems_pipeline(self, origins):
        """Rule 1, and: no lead is put into an archived pipeline; those in it may go on."""
        problems = super()._get_problems_pipeline(origins)
        for lead in self:
            if not lead.pipeline_id.active and origins[lead].pipeline_id != lead.pipeline_id:
                problems.setdefault(lead, []).append(
                    self.env._(
                        "the pipeline “%(pipeline)s” is archived",
                        pipeline=lead.pipeline_id.display_name,
                    )
                )
        return problems
