# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict

from odoo import api, models


class CrmLead(models.Model):
    """Importing leads: which stage is meant by a name that every pipeline has."""

    _inherit = "crm.lead"

    @api.model
    def get_import_templates(self):
        """Offer deals with their units beside stock's template, to those who see dealerships."""
        templates = super().get_import_templates()
        if self.env["bpo.dealership"].has_access("read"):
            ours = {
                "label": self.env._("Import Template for Deals with Units"),
                "template": "/bpo_crm/static/xls/crm_lead_units.csv",
            }
            templates = [*templates, ours]
        return templates

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
