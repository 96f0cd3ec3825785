# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import SQL

# What became of a record in a stage; empty while it is there.
OUTCOMES = [
    ("forward", "Went on"),
    ("won", "Won"),
    ("lost", "Lost"),
    ("back", "Went back"),
    ("reopened", "Reopened"),
    ("elsewhere", "Other pipeline or service"),
]


class Move(NamedTuple):
    """One record's move, as it is written down."""

    # id of the crm.lead or bpo.service.request
    record: int
    # ids; the workflow is the bpo.pipeline or bpo.service it is in now
    workflow: int
    company: int
    stage: int
    from_stage: int
    # what it became by entering: "won", "lost" or nothing
    closed_status: str
    # one of OUTCOMES: how it left where it was; nothing for a new record
    outcome: str


class BpoStageEntry(models.Model):
    """One fact per entry of a stage, of deals and requests: what reports stand on.

    A row begins when a record enters a stage, and ends when it leaves. A stage that becomes a
    closing one ends the rows of the deals in it, which begin another one there: as won or lost.

    Rows are written by the path of a move, by nothing else, in one statement whatever the size of
    the batch; tracking that is switched off does not keep them from being written.
    """

    _name = "bpo.stage.entry"
    _description = "Entry of a Stage"
    _order = "entered_date desc, id desc"
    _log_access = False

    lead_id = fields.Many2one(
        "crm.lead", "Deal", readonly=True, index="btree_not_null", ondelete="cascade"
    )
    request_id = fields.Many2one(
        "bpo.service.request", readonly=True, index="btree_not_null", ondelete="cascade"
    )
    pipeline_id = fields.Many2one("bpo.pipeline", readonly=True, ondelete="cascade")
    service_id = fields.Many2one("bpo.service", readonly=True, ondelete="cascade")
    company_id = fields.Many2one(
        "res.company", compute="_compute_company_id", store=True, ondelete="cascade"
    )
    stage_id = fields.Many2one(
        "crm.stage",
        readonly=True,
        ondelete="set null",
        help="Empty where the stage was deleted since.",
    )
    from_stage_id = fields.Many2one(
        "crm.stage",
        "From",
        readonly=True,
        ondelete="set null",
        help="Where it was before; empty for the first stage of all.",
    )
    closed_status = fields.Selection(
        [("won", "Won"), ("lost", "Lost")],
        readonly=True,
        help="What the deal became by entering.",
    )
    user_id = fields.Many2one(
        "res.users", "Moved By", readonly=True, ondelete="set null", help="Who moved it here."
    )
    entered_date = fields.Datetime("Entered On", readonly=True, required=True)
    left_date = fields.Datetime("Left On", readonly=True, help="Empty while it is there.")
    outcome = fields.Selection(
        OUTCOMES, readonly=True, help="How it left; empty while it is there."
    )
    position = fields.Integer(
        readonly=True,
        aggregator=None,
        help="1 for the stage where the record began, 2 for the next one it entered.",
    )
    is_first = fields.Boolean(
        "First Time", readonly=True, help="The record was never in this stage before."
    )

    _of_one_record = models.Constraint(
        "CHECK(num_nonnulls(lead_id, request_id) = 1)",
        "An entry is one of a deal or of a service request.",
    )
    _entered_date_idx = models.Index("(entered_date)")

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("lead_id.company_id", "request_id.company_id")
    def _compute_company_id(self):
        for entry in self:
            entry.company_id = entry.lead_id.company_id or entry.request_id.company_id

    @api.depends("lead_id", "request_id", "stage_id")
    def _compute_display_name(self):
        for entry in self:
            record = entry.lead_id or entry.request_id
            entry.display_name = f"{record.display_name}: {entry.stage_id.display_name or '-'}"

    # ------------------------------------------------------------
    # BUSINESS METHODS
    # ------------------------------------------------------------

    @api.model
    def _enter_leads(self, moves):
        """Write down that leads have moved.

        :param list moves: a :class:`Move` each
        """
        self._enter("lead_id", "pipeline_id", moves)

    @api.model
    def _enter_requests(self, moves):
        """Write down that service requests have moved.

        :param list moves: a :class:`Move` each
        """
        self._enter("request_id", "service_id", moves)

    @api.model
    def _take_back_leads(self, lead_ids):
        """Forget where leads are, and let them be where they were before.

        :param list lead_ids: their ids
        """
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM bpo_stage_entry
                      WHERE lead_id = ANY(%(leads)s) AND left_date IS NULL;
                UPDATE bpo_stage_entry
                   SET left_date = NULL, outcome = NULL
                 WHERE id IN (SELECT max(id) FROM bpo_stage_entry
                               WHERE lead_id = ANY(%(leads)s)
                            GROUP BY lead_id)
                """,
                leads=list(lead_ids),
            )
        )
        self.invalidate_model(flush=False)

    @api.model
    def _enter(self, record, workflow, moves):
        """End the rows where the records were, and begin those where they are.

        In SQL, one statement: the ORM would insert a hundred rows at a time, and of the time of a
        move by an agent each statement is a twentieth.
        """
        # over the External API a record may be named twice
        moves = list({move.record: move for move in moves}.values())
        if not moves:
            return
        records, workflows, companies, stages, origins, statuses, outcomes = (
            [value or None for value in column] for column in zip(*moves, strict=True)
        )
        self.env.cr.execute(
            SQL(
                """
                WITH move AS (
                         SELECT *
                           FROM unnest(%(records)s::integer[], %(workflows)s::integer[],
                                       %(companies)s::integer[], %(stages)s::integer[],
                                       %(origins)s::integer[], %(statuses)s::varchar[],
                                       %(outcomes)s::varchar[])
                                AS move (record, workflow, company, stage, from_stage,
                                         closed_status, outcome)
                     ),
                     ended AS (
                         UPDATE bpo_stage_entry entry
                            SET left_date = %(now)s, outcome = move.outcome
                           FROM move
                          WHERE entry.%(record)s = move.record
                            AND entry.left_date IS NULL
                            AND move.outcome IS NOT NULL
                     )
                INSERT INTO bpo_stage_entry
                            (%(record)s, %(workflow)s, company_id, stage_id, from_stage_id,
                             closed_status, user_id, entered_date, position, is_first)
                     SELECT move.record, move.workflow, move.company, move.stage, move.from_stage,
                            move.closed_status, %(user)s, %(now)s,
                            past.number + 1, past.here IS NOT TRUE
                       FROM move
                 CROSS JOIN LATERAL (
                                SELECT count(*) AS number,
                                       bool_or(entry.stage_id = move.stage) AS here
                                  FROM bpo_stage_entry entry
                                 WHERE entry.%(record)s = move.record) past
                      WHERE move.stage IS NOT NULL
                """,
                record=SQL.identifier(record),
                workflow=SQL.identifier(workflow),
                user=self.env.uid,
                now=fields.Datetime.now(),
                records=records,
                workflows=workflows,
                companies=companies,
                stages=stages,
                origins=origins,
                statuses=statuses,
                outcomes=outcomes,
            )
        )
        self.invalidate_model(flush=False)
