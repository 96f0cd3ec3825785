# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import models
from odoo.tools import SQL
from odoo.tools.misc import frozendict


class BpoPercentileMixin(models.AbstractModel):
    """Aggregates that Odoo does not have: an average says little where a few take very long."""

    _name = "bpo.percentile.mixin"
    _description = "Median and Percentiles of Reports"

    # the ``aggregator`` of a field: the share of the values that are not higher
    _PERCENTILES = frozendict({"median": 0.5, "p90": 0.9, "p95": 0.95})

    def _read_group_select(self, aggregate_spec, query):
        """Give ``field:median``, ``field:p90`` and ``field:p95``; empty values do not count."""
        name, _colon, aggregator = aggregate_spec.partition(":")
        if aggregator not in self._PERCENTILES or name not in self._fields:
            return super()._read_group_select(aggregate_spec, query)
        return SQL(
            "percentile_cont(%s) WITHIN GROUP (ORDER BY %s)",
            self._PERCENTILES[aggregator],
            self._field_to_sql(self._table, name, query),
        )
