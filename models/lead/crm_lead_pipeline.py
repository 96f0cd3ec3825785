# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, models


class CrmLead(models.Model):
    """Which pipeline a lead is in: by its stage, its team and its company."""

    _inherit = "crm.lead"

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("team_id")
    def _compute_pipeline_id(self):
        """Follow the given stage, else stay, else take the team's or the default pipeline.

        A lead handed to a team that may not use its stage goes to that team's pipeline, like
        stock moves it to one of that team's stages; handed over together with such a stage, it
        goes to the pipeline of that stage. Pipelines of other companies are left. Closed leads
        never move by themselves.
        """
        stage_field = self._fields["stage_id"]
        # It is judged by the stage they are in; the stage that follows from it comes after.
        pending = self.env.records_to_compute(stage_field) & self
        self.env.remove_to_compute(stage_field, pending)
        self._follow_stage_or_team()
        astray = self.filtered(lambda lead: not lead.pipeline_id or lead._is_astray_by_company())
        for company, leads in astray.grouped("company_id").items():
            leads.pipeline_id = self.env["bpo.pipeline"]._get_default_of_leads(company)
        self.env.add_to_compute(stage_field, pending | astray.filtered("id"))

    def _follow_stage_or_team(self):
        """Take the pipeline of the stage, of the team, or the default one, where one is needed."""
        pipelines = self.env["bpo.pipeline"]
        astray = self.browse()
        for lead in self:
            of_stage = lead.stage_id.pipeline_id
            elsewhere = of_stage and of_stage != lead.pipeline_id
            if elsewhere and (not lead.pipeline_id or lead._is_in_stage_of_team()):
                lead.pipeline_id = of_stage
            elif not lead.pipeline_id or lead._is_astray_by_team():
                astray += lead
        for (team, company), leads in astray.grouped(
            lambda lead: (lead.team_id, lead.company_id)
        ).items():
            leads.pipeline_id = pipelines._get_for_team(team) or pipelines._get_default(company)

    def _compute_company_id(self):
        """Let leads without a company belong to that of their pipeline, where there is one.

        The pipeline follows the company, too; as a dependency it could not be precomputed.
        """
        leads = self.filtered("id")
        # before stock's choice among the companies of the salesperson, and where it makes none
        leads._follow_company_of_pipeline()
        res = super()._compute_company_id()
        leads._follow_company_of_pipeline()
        astray = leads.filtered(lambda lead: lead._is_astray_by_company())
        self.env.add_to_compute(self._fields["pipeline_id"], astray)
        return res

    def _follow_company_of_pipeline(self):
        """Take the company of the pipeline, unless the salesperson does not work there."""
        for lead in self.filtered(lambda lead: not lead.company_id):
            company = lead.pipeline_id.sudo().company_id
            if company and (not lead.user_id or company in lead.user_id.sudo().company_ids):
                lead.company_id = company

    # ------------------------------------------------------------
    # NEW LEADS
    # ------------------------------------------------------------

    @api.model
    def _add_pipeline_of_stage(self, vals):
        """Return the values of a new lead with the pipeline of its stage, where it has a company.

        Its company follows from that; before the lead is there it would be the salesperson's own,
        who may work for several.

        They stay as they are where pipeline or company are given, or the salesperson does not work
        for that company.
        """
        given = {
            "user_id": self.env.uid,
            **{
                name: self.env.context[f"default_{name}"]
                for name in ("pipeline_id", "company_id", "stage_id", "user_id")
                if f"default_{name}" in self.env.context
            },
            **vals,
        }
        if given.get("pipeline_id") or given.get("company_id") or not given.get("stage_id"):
            return vals
        pipeline = self.env["crm.stage"].browse(given["stage_id"]).sudo().pipeline_id
        company = pipeline.company_id
        user = self.env["res.users"].browse(given["user_id"] or ()).sudo()
        if not company or (user and company not in user.company_ids):
            return vals
        return {**vals, "pipeline_id": pipeline.id}

    # ------------------------------------------------------------
    # ONCHANGE
    # ------------------------------------------------------------

    @api.onchange("pipeline_id")
    def _onchange_pipeline_id(self):
        """Show what saving does: the lead starts in the first open stage, closed ones too."""
        pipeline = self.pipeline_id
        if self.stage_id.pipeline_id != pipeline:
            self.stage_id = pipeline._get_first_open_stages().get(pipeline)
        self._follow_company_of_pipeline()

    # ------------------------------------------------------------
    # BUSINESS METHODS
    # ------------------------------------------------------------

    def _is_astray_by_team(self):
        """Tell whether this open lead sits in a stage reserved for other teams (stock's rule)."""
        self.ensure_one()
        teams = self.stage_id.team_ids
        return bool(teams and self.team_id and self.team_id not in teams and not self.closed_status)

    def _is_astray_by_company(self):
        """Tell whether this open lead sits in a pipeline of another company."""
        self.ensure_one()
        company = self.pipeline_id.sudo().company_id
        return bool(company and self.company_id != company and not self.closed_status)

    def _filtered_astray_in(self, company):
        """Return the open leads whose pipeline ``company`` may not use, should it become theirs."""
        return self.filtered(
            lambda lead: (
                lead.pipeline_id.sudo().company_id not in (company.browse(), company)
                and not lead.closed_status
            )
        )

    def _is_in_stage_of_team(self):
        """Tell whether this lead sits in a stage reserved for its team."""
        self.ensure_one()
        return bool(self.team_id and self.team_id in self.stage_id.team_ids)
