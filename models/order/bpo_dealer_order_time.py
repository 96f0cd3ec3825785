# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models


class BpoDealerOrder(models.Model):
    """How long an order takes from the win to the dealer."""

    _inherit = "bpo.dealer.order"

    won_date = fields.Datetime(
        "Won On",
        default=fields.Datetime.now,
        readonly=True,
        help="Since when the order is wanted; won again after it was cancelled, since then.",
    )
    delivery_minutes = fields.Float(
        "Minutes to Dealer",
        compute="_compute_delivery_minutes",
        store=True,
        precompute=True,
        aggregator="avg",
        help="From the win until it was certain that the dealership has the order.",
    )

    @api.depends("won_date", "sent_date")
    def _compute_delivery_minutes(self):
        for order in self:
            waited = order.sent_date and order.won_date and order.sent_date - order.won_date
            # an order of another attempt may be found that is older than the win
            order.delivery_minutes = max(waited.total_seconds() / 60, 0) if waited else 0.0
