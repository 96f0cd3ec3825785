# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models
from odoo.tools import SQL

# What is known of the orders that have arrived only, with how it is summed up.
OF_SENT = ("delivery_minutes_median", "delivery_minutes_p95")


class BpoDealerOrder(models.Model):
    """How long orders take, for reports."""

    _name = "bpo.dealer.order"
    _inherit = ["bpo.dealer.order", "bpo.percentile.mixin"]

    delivery_minutes_median = fields.Float(
        "Minutes to Dealer (median)",
        related="delivery_minutes",
        aggregator="median",
        help="Half of the orders that arrived took no longer, from the win to the dealership.",
    )
    delivery_minutes_p95 = fields.Float(
        "Minutes to Dealer (95 %)",
        related="delivery_minutes",
        aggregator="p95",
        help="19 in 20 orders that arrived took no longer, from the win to the dealership.",
    )

    def _field_to_sql(self, alias, field_expr, query=None):
        """Leave out orders that have not arrived: they have taken no time yet."""
        if field_expr not in OF_SENT:
            return super()._field_to_sql(alias, field_expr, query)
        return SQL(
            "CASE WHEN %s = 'sent' THEN %s END",
            self._field_to_sql(alias, "state", query),
            self._field_to_sql(alias, "delivery_minutes", query),
        )
