# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict

from odoo import api, models
from odoo.exceptions import UserError


class CrmLead(models.Model):
    """Which pipeline a lead is in: by its company, in forms, in imports, back from the archive."""

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

    # ------------------------------------------------------------
    # IMPORT
    # ------------------------------------------------------------

    @api.model
    def load(self, fields, data):
        """Import: the name of a stage means the deal stage of the row's own pipeline.

        Pipelines have stages of the same names, and services may have, too.
        """
        leads = self.with_context(bpo_crm_stage_type="deal")
        if "stage_id" in fields:
            data, stages = leads._resolve_stage_names(fields, data)
            leads = leads.with_context(bpo_crm_stage_by_cell=stages)
        return super(CrmLead, leads).load(fields, data)

    @api.model
    def _resolve_stage_names(self, fields, data):
        """Make the names of stages in an import unmistakable.

        :return: the rows, and ``{cell: stage id}`` of the cells that were replaced. Names which
            the row's pipeline does not have are left to stock.
        """
        stages = {
            (stage.pipeline_id.id, stage.name.strip().lower()): stage
            for stage in self.env["crm.stage"].search([("stage_type", "=", "deal")])
        }
        column = fields.index("stage_id")
        rows, by_cell = [], {}
        for row, pipeline_id in zip(data, self._get_pipeline_of_rows(fields, data), strict=True):
            stage = stages.get((pipeline_id, (row[column] or "").strip().lower()))
            if stage:
                cell = self.env._(
                    "%(stage)s (%(pipeline)s)",
                    stage=stage.name,
                    pipeline=stage.pipeline_id.sudo().display_name,
                )
                if by_cell.setdefault(cell, stage.id) == stage.id:
                    row = [*row[:column], cell, *row[column + 1 :]]
            rows.append(row)
        return rows, by_cell

    @api.model
    def _get_pipeline_of_rows(self, fields, data):
        """Return, per row of an import, the id of the pipeline its lead is in, or comes into."""
        present = self._get_pipeline_of_present_leads(fields, data)
        given = [None] * len(data)
        for path, find in (
            ("pipeline_id", self._find_pipelines_by_name),
            ("pipeline_id/id", self._find_pipelines_by_xmlid),
            ("pipeline_id/.id", self._find_by_id),
        ):
            if path in fields:
                column = fields.index(path)
                found = find({row[column] for row in data if row[column]})
                # what is given, but not found, is for stock to say
                given = [found.get(row[column], False) if row[column] else None for row in data]
        default = self.env.context.get("default_pipeline_id")
        default = default or self.env["bpo.pipeline"]._get_default(self.env.company).id
        return [
            (there or default) if chosen is None else chosen
            for chosen, there in zip(given, present, strict=True)
        ]

    @api.model
    def _get_pipeline_of_present_leads(self, fields, data):
        """Return, per row, the id of the pipeline of the lead that it changes, or False."""
        if ".id" in fields:
            keys = [row[fields.index(".id")] for row in data]
            ids = self._find_by_id(set(filter(None, keys)))
        elif "id" in fields:
            keys = [row[fields.index("id")] for row in data]
            ids = self._find_by_xmlid("crm.lead", set(filter(None, keys)))
        else:
            return [False] * len(data)
        leads = self.with_context(active_test=False).search([("id", "in", list(ids.values()))])
        pipelines = {lead.id: lead.pipeline_id.id for lead in leads}
        return [pipelines.get(ids.get(key), False) for key in keys]

    @api.model
    def _find_pipelines_by_name(self, names):
        """Return ``{name: id}`` of the pipelines that bear one of the names alone."""
        found = defaultdict(list)
        for pipeline in self.env["bpo.pipeline"].search([("name", "in", list(names))]):
            found[pipeline.name].append(pipeline.id)
        return {name: ids[0] for name, ids in found.items() if len(ids) == 1}

    @api.model
    def _find_by_id(self, cells):
        """Return ``{cell: id}`` of the cells that hold a database id."""
        return {cell: int(cell) for cell in cells if str(cell).isdecimal()}

    @api.model
    def _find_pipelines_by_xmlid(self, xmlids):
        """Return ``{external id: id}`` of pipelines."""
        return self._find_by_xmlid("bpo.pipeline", xmlids)

    @api.model
    def _find_by_xmlid(self, model, xmlids):
        """Return ``{external id: id}`` of records of a model, as an import names them."""
        module = self.env.context.get("_import_current_module") or "__import__"
        full = {xmlid: xmlid if "." in xmlid else f"{module}.{xmlid}" for xmlid in xmlids}
        found = {
            f"{data.module}.{data.name}": data.res_id
            for data in self.env["ir.model.data"]
            .sudo()
            .search(
                [
                    ("model", "=", model),
                    ("name", "in", [xmlid.partition(".")[2] for xmlid in full.values()]),
                ]
            )
        }
        return {xmlid: found[name] for xmlid, name in full.items() if name in found}
