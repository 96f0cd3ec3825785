# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError
from odoo.fields import Domain

from ..service.bpo_service_request import CLOSED_STATUSES
from .problem import Problem


class CrmStage(models.Model):
    """How many open records may be in a stage."""

    _inherit = "crm.stage"

    record_limit = fields.Integer(
        "Limit",
        aggregator=None,
        help="How many open deals or requests may be in this stage; leave 0 for any number. The "
        "column says how many there are.",
    )
    limit_scope = fields.Selection(
        [("stage", "In the Stage"), ("user", "Per Agent")],
        string="Limit Counts",
        prefetch=False,
        default="stage",
        help="In the stage: all open records in it. Per agent: those that one agent is "
        "responsible for; what is unclaimed does not count.",
    )
    limit_strict = fields.Boolean(
        "Strict Limit",
        help="Nothing more can be moved into a full stage. Otherwise the column warns.",
    )
    limit_count = fields.Integer(
        "Counts for the Limit",
        compute="_compute_limit_count",
        help="How many open records there are, whatever is filtered; per agent: your own.",
    )
    # Written by whoever moves records into a stage with a strict limit, see _take_limit_turn.
    limit_turn = fields.Integer(default=0, copy=False, prefetch=False, aggregator=None)

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("record_limit", "limit_scope")
    @api.depends_context("uid")
    def _compute_limit_count(self):
        """Count what is in the stages that have a limit; the others cost nothing."""
        self.limit_count = 0
        limited = self.filtered("record_limit")
        for stage_type, stages in limited.grouped("stage_type").items():
            records = self.env[self._get_staged_model(stage_type)].sudo()
            counts = {
                (stage, user): count
                for stage, user, count in records._read_group(
                    Domain("stage_id", "in", stages.ids) & records._get_domain_open_in_stage(),
                    ["stage_id", "user_id"],
                    ["__count"],
                )
            }
            for stage in stages:
                stage.limit_count = sum(
                    count
                    for (of, user), count in counts.items()
                    if of == stage._origin
                    and (stage.limit_scope != "user" or user == self.env.user)
                )

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("record_limit", "is_won", "is_lost", "status_on_enter")
    def _check_record_limit(self):
        for stage in self:
            if stage.record_limit < 0:
                raise ValidationError(
                    self.env._(
                        "The limit of “%(stage)s” is negative. Leave 0 for any number.",
                        stage=stage.display_name,
                    )
                )
            closing = stage._get_closed_status() or stage.status_on_enter in CLOSED_STATUSES
            if stage.record_limit and closing:
                raise ValidationError(
                    self.env._(
                        "A limit counts what is open, and what enters “%(stage)s” is closed. Take "
                        "its limit away (0).",
                        stage=stage.display_name,
                    )
                )

    # ------------------------------------------------------------
    # BUSINESS METHODS
    # ------------------------------------------------------------

    @api.model
    @tools.ormcache()
    def _get_strict_ids(self):
        """Return the ids of the stages with a strict limit: every move asks for them."""
        stages = self.sudo().with_context(active_test=False)
        return frozenset(stages.search([("limit_strict", "=", True), ("record_limit", ">", 0)]).ids)

    def _get_limit_problems(self, records):
        """Return ``{record: [Problem]}`` of records that a strict limit of this stage keeps out.

        :param records: they are in the stage already, in this transaction
        """
        self.ensure_one()
        if not self.limit_strict or not self.record_limit:
            return {}
        known = records.sudo()
        counted = known.filtered(lambda record: record._is_open_in_stage())
        if self.limit_scope == "user":
            counted = counted.filtered("user_id")
        if not counted:
            return {}
        self._take_limit_turn()
        domain = Domain("stage_id", "=", self.id) & known._get_domain_open_in_stage()
        if self.limit_scope != "user":
            count = known.search_count(domain)
            return self._get_problems_full(records, counted, lambda record: count)
        counts = dict(
            known._read_group(
                domain & Domain("user_id", "in", counted.user_id.ids), ["user_id"], ["__count"]
            )
        )
        return self._get_problems_full(records, counted, lambda record: counts[record.user_id])

    def _get_problems_full(self, records, counted, get_count):
        """Return ``{record: [Problem]}`` of the counted ones of records that are too many."""
        problems = {}
        for record in records.filtered(lambda record: record.sudo() in counted):
            known = record.sudo()
            if (count := get_count(known)) > self.record_limit:
                names = {"stage": self.display_name, "limit": self.record_limit, "count": count}
                text = (
                    self.env._(
                        "%(user)s may have %(limit)s open in “%(stage)s” and would have %(count)s. "
                        "Move something on first",
                        user=known.user_id.display_name,
                        **names,
                    )
                    if self.limit_scope == "user"
                    else self.env._(
                        "“%(stage)s” takes %(limit)s and would have %(count)s. Move something on "
                        "first",
                        **names,
                    )
                )
                problems[record] = [Problem(text, cause="limit")]
        return problems

    def _take_limit_turn(self):
        """Let only one transaction at a time fill this stage.

        A lock alone would not do: whoever waited for it counts what was there when their
        transaction began. Because the row is written, PostgreSQL refuses them after the wait, and
        Odoo repeats their request, which then sees the others' records.
        """
        self.env.cr.execute(
            "UPDATE crm_stage SET limit_turn = COALESCE(limit_turn, 0) + 1 WHERE id = %s",
            [self.id],
        )
