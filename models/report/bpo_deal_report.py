# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import fields, models
from odoo.tools import SQL

from .bpo_stage_entry import OUTCOMES


class BpoDealReport(models.Model):
    """Deals by the stages they entered: a row per entry, the deal as it is now beside it.

    All figures are sums, averages or percentiles of a row's own, so that they are right under
    every filter and grouping.
    """

    _name = "bpo.deal.report"
    _description = "Analysis of Deals"
    _inherit = ["bpo.entry.report"]
    _auto = False
    _order = "entered_date desc, id desc"
    _rec_name = "lead_id"
    _depends = {
        "bpo.stage.entry": [
            *["lead_id", "pipeline_id", "company_id", "stage_id", "from_stage_id", "user_id"],
            *["entered_date", "left_date", "outcome", "closed_status", "position", "is_first"],
        ],
        "crm.lead": [
            *["user_id", "team_id", "dealership_id", "source_id", "lost_reason_id", "active"],
            *["won_status", "closed_status"],
        ],
    }

    lead_id = fields.Many2one("crm.lead", "Deal", readonly=True)
    pipeline_id = fields.Many2one("bpo.pipeline", readonly=True)
    closed_status = fields.Selection(
        [("won", "Won"), ("lost", "Lost")],
        "Closed As",
        readonly=True,
        help="What the deal became by entering.",
    )
    outcome = fields.Selection(OUTCOMES, readonly=True, help="How the deal left the stage.")
    user_id = fields.Many2one("res.users", "Agent", readonly=True, help="Whose deal it is now.")
    team_id = fields.Many2one("crm.team", readonly=True)
    dealership_id = fields.Many2one("bpo.dealership", readonly=True)
    source_id = fields.Many2one("utm.source", readonly=True)
    lost_reason_id = fields.Many2one("crm.lost.reason", readonly=True)
    won_status = fields.Selection(
        [("won", "Won"), ("lost", "Lost"), ("pending", "Open")],
        "Status",
        readonly=True,
        help="What the deal is now.",
    )

    # -- the funnel
    entered = fields.Integer(readonly=True, help="How often deals entered the stage.")
    deals = fields.Integer(
        readonly=True, help="How many deals entered the stage: each one counts once."
    )
    passed_on = fields.Integer(
        readonly=True, help="How often they went on: to a later stage, or were won."
    )
    lost = fields.Integer(readonly=True, help="How often they were lost from the stage.")
    moved_away = fields.Integer(
        readonly=True,
        help="How often they went back to an earlier stage or to another pipeline, or were "
        "reopened.",
    )
    here = fields.Integer("Still There", readonly=True, help="How many are in the stage now.")
    archived = fields.Integer(
        readonly=True, help="How many are in the stage, but archived, so that no board shows them."
    )
    passed_rate = fields.Float(
        "Passed On (%)",
        readonly=True,
        aggregator="avg",
        digits=(16, 1),
        help="Of 100 entries of an open stage, how many went on.",
    )
    won_rate = fields.Float(
        "Won in the End (%)",
        readonly=True,
        aggregator="avg",
        digits=(16, 1),
        help="Of 100 deals that entered the stage, how many are won now. In the first stage of a "
        "pipeline this is the conversion from end to end.",
    )

    # -- agents
    won_deals = fields.Integer(readonly=True, help="Deals that were won, and still are.")
    lost_deals = fields.Integer(readonly=True, help="Deals that were lost, and still are.")
    win_rate = fields.Float(
        "Win Rate (%)",
        readonly=True,
        aggregator="avg",
        digits=(16, 1),
        help="Of 100 deals that were closed, how many were won.",
    )
    hours_to_move = fields.Float(
        "Hours to First Move (median)",
        readonly=True,
        aggregator="median",
        digits=(16, 1),
        help="From the creation of a deal until it was moved for the first time; half of them "
        "took no longer.",
    )

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT entry.id, entry.lead_id, entry.pipeline_id, entry.company_id, entry.stage_id,
                   entry.from_stage_id, entry.closed_status, entry.outcome, entry.entered_date,
                   entry.left_date, entry.user_id AS mover_id,
                   lead.user_id, lead.team_id, lead.dealership_id, lead.source_id,
                   lead.lost_reason_id, lead.won_status,
                   1 AS entered,
                   entry.is_first::integer AS deals,
                   (%(passed_on)s)::integer AS passed_on,
                   ((%(gone)s AND entry.outcome = 'lost') OR %(lost_there)s)::integer AS lost,
                   (%(gone)s AND NOT %(passed_on)s AND entry.outcome != 'lost')::integer
                       AS moved_away,
                   (%(there)s AND lead.active)::integer AS here,
                   (%(there)s AND NOT lead.active)::integer AS archived,
                   CASE WHEN entry.closed_status IS NULL
                        THEN CASE WHEN %(passed_on)s THEN 100.0 ELSE 0.0 END
                   END AS passed_rate,
                   CASE WHEN entry.is_first
                        THEN CASE WHEN lead.won_status = 'won' THEN 100.0 ELSE 0.0 END
                   END AS won_rate,
                   %(days)s AS days, %(days)s AS days_median, %(days)s AS days_p90,
                   %(so_far)s AS days_so_far,
                   (%(won_now)s)::integer AS won_deals, (%(lost_now)s)::integer AS lost_deals,
                   CASE WHEN %(won_now)s THEN 100.0 WHEN %(lost_now)s THEN 0.0 END AS win_rate,
                   CASE WHEN entry.position = 1 THEN %(days)s * 24 END AS hours_to_move
              FROM bpo_stage_entry entry
              JOIN crm_lead lead ON lead.id = entry.lead_id
            """,
            **self._get_conditions(),
            days=self._get_days(),
            so_far=self._get_days_so_far(),
        )

    def _get_conditions(self):
        """Return what can be said of an entry, in SQL that is true or false."""
        gone = SQL("entry.left_date IS NOT NULL")
        closed = SQL("entry.left_date IS NULL AND entry.closed_status")
        # as stock loses a deal: archived in its stage
        lost_there = SQL(
            "(NOT %s AND entry.closed_status IS NULL"
            " AND lead.won_status IS NOT DISTINCT FROM 'lost')",
            gone,
        )
        return {
            "gone": gone,
            "passed_on": SQL("(%s AND entry.outcome IN ('forward', 'won'))", gone),
            "lost_there": lost_there,
            "there": SQL("(NOT %s AND NOT %s)", gone, lost_there),
            "won_now": SQL("(%s IS NOT DISTINCT FROM 'won')", closed),
            "lost_now": SQL("(%s IS NOT DISTINCT FROM 'lost' OR %s)", closed, lost_there),
        }

    def action_open_lead(self):
        """Open the deal this entry is of."""
        self.ensure_one()
        return self.lead_id.get_formview_action()
