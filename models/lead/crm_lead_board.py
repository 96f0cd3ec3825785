# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.fields import Domain


class CrmLead(models.Model):
    """The board: which pipelines are looked at, and which stages are its columns.

    Columns of several pipelines never stand side by side by accident. The pipelines at hand are
    those the domain names (a filter, a favourite, a pipeline's own board), else the one of the
    context. Where neither names one (other actions of stock and of other addons), a board
    shows one pipeline that holds leads of the domain, and tells the client of the others.
    """

    _inherit = "crm.lead"

    lost_stage_id = fields.Many2one(
        related="pipeline_id.lost_stage_id",
        string="Lost Stage",
        help="Which stage of the pipeline asks for a lost reason: what the web client goes by.",
    )

    @api.model
    @api.readonly
    def web_read_group(self, domain, groupby, *args, **kwargs):
        """Keep a board (context ``bpo_crm_board``) to the pipelines at hand.

        :return: stock's result; where the pipeline had to be chosen here,
            ``bpo_crm_pipelines`` says so: the one shown first, then the others, each with
            ``id``, ``name`` and ``count`` of its leads in the domain. Where the domain leaves old
            closed deals out, ``bpo_crm_closed_days`` says how many days back it goes
        """
        if not self.env.context.get("bpo_crm_board") or list(groupby) != ["stage_id"]:
            return super().web_read_group(domain, groupby, *args, **kwargs)
        pipelines = self._get_pipelines_at_hand(domain)
        choice = [] if pipelines else self._get_pipelines_of_leads(domain)
        if choice:
            pipelines = choice[0][0]
        elif not pipelines:
            pipelines = self.env["bpo.pipeline"]._get_default()
        result = super().web_read_group(
            Domain(domain) & Domain("pipeline_id", "in", pipelines.ids), groupby, *args, **kwargs
        )
        if len(choice) > 1:
            result["bpo_crm_pipelines"] = [
                {"id": pipeline.id, "name": pipeline.display_name, "count": count}
                for pipeline, count in choice
            ]
        if days := self._get_closed_days_of(domain):
            result["bpo_crm_closed_days"] = days
        return result

    @api.model
    def _read_group_stage_ids(self, stages, domain):
        """Show all active stages of the pipelines at hand in order, also empty ones.

        Stages that hold leads are always there. Those of several pipelines come pipeline by
        pipeline and bear its name.
        """
        pipelines = self._get_pipelines_at_hand(domain) or stages.sudo().pipeline_id
        pipelines = pipelines or self.env["bpo.pipeline"]._get_default()
        columns = stages.sudo().search(
            Domain("id", "in", stages.ids)
            | (Domain("stage_type", "=", "deal") & Domain("pipeline_id", "in", pipelines.ids))
        )
        columns = columns.with_env(stages.env)
        shown = columns.sudo().pipeline_id
        if len(shown) > 1:
            by_pipeline = columns.sudo().grouped("pipeline_id")
            columns = columns.browse(
                stage.id for pipeline in shown.sorted() for stage in by_pipeline[pipeline]
            ).with_context(bpo_crm_stage_with_pipeline=True)
        return columns

    @api.model
    def _get_pipelines_at_hand(self, domain):
        """Return the pipelines that the domain names, else the one of the context, else none.

        Of either only those that the user may read: the context comes from the client, too.
        """
        pipelines = self.env["bpo.pipeline"].with_context(active_test=False)
        asked = self._get_pipeline_domain(domain)
        if not asked.is_true() and (named := pipelines.search(asked)):
            return named
        pipeline_id = self.env.context.get("default_pipeline_id")
        return pipelines.search([("id", "=", pipeline_id)]) if pipeline_id else pipelines

    @api.model
    def _get_pipelines_of_leads(self, domain):
        """Return ``[(pipeline, number of its leads)]`` of the leads in the domain, in order.

        Ungrouped boards over everything are rare, so this aggregate is paid for by them alone.
        """
        counts = dict(self._read_group(domain, ["pipeline_id"], ["__count"]))
        return [
            (pipeline, counts[pipeline])
            for pipeline in self.env["bpo.pipeline"].concat(*counts).sorted()
        ]

    @api.model
    def _get_pipeline_domain(self, domain):
        """Return what a domain of leads demands of their pipeline, as a domain of pipelines.

        Only what holds for all leads of the domain counts: its parts joined by "and" that speak
        of the pipeline alone.
        """
        return Domain.AND(
            part.map_conditions(self._get_pipeline_condition)
            for part in self._get_parts(domain)
            if all(
                condition.field_expr.split(".")[0] == "pipeline_id"
                for condition in part.iter_conditions()
            )
        )

    @api.model
    def _get_parts(self, domain):
        """Return the domains of which leads of the domain fulfil each: those joined by "and"."""
        domain = Domain(domain)
        return domain.children if getattr(domain, "OPERATOR", "") == "&" else [domain]

    @api.model
    def _get_pipeline_condition(self, condition):
        """Return a condition on ``pipeline_id`` as a domain of pipelines."""
        _field, _dot, path = condition.field_expr.partition(".")
        operator, value = condition.operator, condition.value
        if path:
            return Domain(path, operator, value)
        if operator in ("any", "any!"):
            return Domain(value)
        if operator in ("not any", "not any!"):
            return ~Domain(value)
        values = value if isinstance(value, list | tuple | set | frozenset) else [value]
        by_name = any(isinstance(item, str) for item in values)
        return Domain("display_name" if by_name else "id", operator, value)
