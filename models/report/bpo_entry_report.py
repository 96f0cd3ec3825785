# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models
from odoo.tools import SQL, unique
from odoo.tools.misc import frozendict


class BpoEntryReport(models.AbstractModel):
    """What the reports of entries have in common: where, when, by whom, and for how long."""

    _name = "bpo.entry.report"
    _description = "Analysis of Entries of Stages"
    _inherit = ["bpo.percentile.mixin"]

    # the aggregates that groups can be summed up from, and of what: an average is a sum of values
    # that are there by their number
    _SUMMED_UP = frozendict({"sum": ("sum",), "avg": ("sum", "count")})

    company_id = fields.Many2one("res.company", readonly=True)
    stage_id = fields.Many2one("crm.stage", readonly=True)
    from_stage_id = fields.Many2one("crm.stage", "From", readonly=True)
    entered_date = fields.Datetime("Entered On", readonly=True)
    left_date = fields.Datetime("Left On", readonly=True)
    mover_id = fields.Many2one("res.users", "Moved By", readonly=True)
    days = fields.Float(
        "Days in Stage (average)",
        readonly=True,
        aggregator="avg",
        digits=(16, 2),
        help="Of those that left it.",
    )
    days_so_far = fields.Float(
        "Days in Stage so Far (average)",
        readonly=True,
        aggregator="avg",
        digits=(16, 2),
        help="Of those that left it, and of those that are still there: until now.",
    )
    days_median = fields.Float(
        "Days in Stage (median)",
        readonly=True,
        aggregator="median",
        digits=(16, 2),
        help="Half of the entries took no longer. Of those that left the stage.",
    )
    days_p90 = fields.Float(
        "Days in Stage (90 %)",
        readonly=True,
        aggregator="p90",
        digits=(16, 2),
        help="Nine in ten entries took no longer. Of those that left the stage.",
    )

    def _get_days(self):
        """Return how long an entry lasted, in SQL; nothing while the record is still there."""
        return SQL("EXTRACT(EPOCH FROM entry.left_date - entry.entered_date)::float8 / 86400")

    def _get_days_so_far(self):
        """Return how long an entry has lasted, in SQL; until now while the record is there."""
        return SQL(
            "EXTRACT(EPOCH FROM COALESCE(entry.left_date, %s) - entry.entered_date)::float8"
            " / 86400",
            fields.Datetime.now(),
        )

    @api.model
    def _read_grouping_sets(self, domain, grouping_sets, aggregates=(), order=None):
        """Read the finest groups, and sum up the wider ones from them: what a pivot table asks for.

        PostgreSQL makes one grouping on all its cores, and counts each row once; several groupings
        in one query it makes on a single core, and counts each row for each of them. Percentiles
        cannot be summed up: they go that way.
        """
        sets = [tuple(groupby) for groupby in grouping_sets]
        finest = max(sets, key=len, default=())
        parts = [self._split_aggregate(aggregate) for aggregate in aggregates]
        can_be_summed_up = (
            len(sets) > 1
            and all(parts)
            and all(groupby == finest[: len(groupby)] for groupby in sets)
            and order in (None, ", ".join(finest))
        )
        specs = can_be_summed_up and list(unique(spec for part in parts for spec in part))
        rows = specs and self._read_group(domain, finest, specs, order=order)
        # where there is nothing, the widest group says so
        if not rows:
            return super()._read_grouping_sets(domain, grouping_sets, aggregates, order=order)
        return [self._sum_up(rows, len(groupby), specs, parts) for groupby in sets]

    @api.model
    def _split_aggregate(self, aggregate):
        """Return the aggregates that this one is summed up from; none if it cannot be."""
        if aggregate == "__count":
            return [aggregate]
        name, _colon, function = aggregate.partition(":")
        return [f"{name}:{part}" for part in self._SUMMED_UP.get(function, ())]

    @api.model
    def _sum_up(self, rows, level, specs, parts):
        """Return wider groups, as :meth:`_read_group` does.

        :param list rows: the finest groups, and what ``specs`` came to in each
        :param int level: by how many of the values of a row the wider groups are
        :param list parts: for each aggregate, which of ``specs`` it is made of
        """
        groups = {}
        for row in rows:
            figures = dict(zip(specs, row[-len(specs) :], strict=True))
            known = groups.setdefault(row[:level], {})
            for spec, figure in figures.items():
                # no value at all is False, as the ORM has it
                if figure is not False:
                    known[spec] = known.get(spec, 0) + figure
        return [
            (*group, *(_put_together(*(known.get(spec, False) for spec in part)) for part in parts))
            for group, known in groups.items()
        ]


def _put_together(total, count=None):
    """Return the aggregate that these are the parts of."""
    if count is None:
        return total
    return total / count if count else False
