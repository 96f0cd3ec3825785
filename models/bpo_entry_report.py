# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models
from odoo.tools import SQL


class BpoEntryReport(models.AbstractModel):
    """What the reports of entries have in common: where, when, by whom, and for how long."""

    _name = "bpo.entry.report"
    _description = "Analysis of Entries of Stages"
    _inherit = ["bpo.percentile.mixin"]

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
