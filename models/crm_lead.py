# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from .crm_lost_reason import LostReasonRequired

MANAGER = "bpo_crm.group_manager"
# What a lead that is open (again) does not keep: chatter has it.
LOST_FIELDS = ("lost_reason_id", "lost_note", "lost_from_stage_id")
# Written by moves and by the outbox, never by hand, import or RPC.
KEPT_FIELDS = frozenset(
    (
        "closed_status",
        "won_status",
        "lost_from_stage_id",
        "dealer_order_id",
        "dealer_order_state",
        "dealer_so_id",
        "dealer_so_name",
    )
)


class CrmLead(models.Model):
    """A deal on the board of one pipeline.

    STATE DIAGRAM of ``closed_status`` (what the lead became; ``won_status`` follows it)::

                    enters a won stage                 enters a lost stage, with a reason
          (open) ─────────────────────▶ won   (open) ─────────────────────▶ lost
            ▲                            │      ▲                             │
            └──── leaves that stage ─────┘      └────── leaves that stage ────┘

    It is written when a lead enters or leaves a stage, and by nothing else: clearing the flag
    of a stage, scoring and upgrades leave closed leads as they are.

    Moving a lead is one path for every way in, see :meth:`write`: note where the leads come
    from, let stock write, then check the moves as a batch and follow them up.
    """

    _inherit = "crm.lead"

    pipeline_id = fields.Many2one(
        "bpo.pipeline",
        compute="_compute_pipeline_id",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        index=True,
        tracking=True,
        ondelete="restrict",
        check_company=True,
        help="The sales workflow this lead goes through; its stages are the columns of the board.",
    )
    stage_id = fields.Many2one(
        domain="[('stage_type', '=', 'deal'), ('pipeline_id', '=', pipeline_id)]",
    )
    closed_status = fields.Selection(
        [("won", "Won"), ("lost", "Lost")],
        readonly=True,
        copy=False,
        help="What the lead became in its present stage; kept when the stage's flags change.",
    )
    won_status = fields.Selection(selection_add=[("pending", "Open")])
    lost_reason_id = fields.Many2one(copy=False)
    lost_note = fields.Text(copy=False, tracking=True, help="What was said when the lead was lost.")
    lost_from_stage_id = fields.Many2one(
        "crm.stage",
        readonly=True,
        copy=False,
        ondelete="set null",
        help="The stage that Restore returns the lead to.",
    )
    dealership_id = fields.Many2one(
        "bpo.dealership",
        index="btree_not_null",
        tracking=True,
        ondelete="restrict",
        check_company=True,
        help="The dealer this lead is worked for: once won, the order goes to its Odoo.",
    )
    line_ids = fields.One2many("bpo.lead.line", "lead_id", string="Units", copy=True)
    # Stock's default of 0 would count as typed in and keep the compute from setting the total.
    expected_revenue = fields.Monetary(
        compute="_compute_expected_revenue", store=True, readonly=False, default=None
    )
    dealer_order_ids = fields.One2many("bpo.dealer.order", "lead_id", string="Dealer Orders")
    dealer_order_id = fields.Many2one(
        "bpo.dealer.order",
        compute="_compute_dealer_order_id",
        store=True,
        index="btree_not_null",
        copy=False,
        ondelete="set null",
        help="At most one: the outbox has one row per lead.",
    )
    dealer_order_state = fields.Selection(
        related="dealer_order_id.state", string="Dealer Order Status", store=True
    )
    dealer_so_id = fields.Integer(
        "Dealer Order ID",
        related="dealer_order_id.remote_id",
        store=True,
        help="Database id of the sale order on the dealer's own Odoo.",
    )
    dealer_so_name = fields.Char(
        "Dealer Order Number", related="dealer_order_id.remote_name", store=True
    )
    dealer_so_url = fields.Char("Dealer Order Link", related="dealer_order_id.remote_url")

    # The board: leads of a pipeline per stage, in the order of the cards. The condition is in the
    # very words of the ORM: PostgreSQL does not see that "active" is the same as "active IS TRUE".
    _board_idx = models.Index(
        "(pipeline_id, stage_id, priority DESC, id DESC) WHERE active IS TRUE"
    )

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    @api.depends("team_id")
    def _compute_pipeline_id(self):
        """Follow the given stage, else stay, else take the team's or the default pipeline.

        A lead handed to a team that may not use its stage goes to that team's pipeline, like
        stock moves it to one of that team's stages; handed over together with such a stage, it
        goes to the pipeline of that stage. Closed leads never move by themselves.
        """
        pipelines = self.env["bpo.pipeline"]
        unplaced = self.browse()
        for lead in self:
            home = lead.stage_id.pipeline_id
            away = home and home != lead.pipeline_id
            if away and (not lead.pipeline_id or lead._is_in_stage_of_team()):
                lead.pipeline_id = home
            elif not lead.pipeline_id or lead._has_foreign_team():
                unplaced += lead
        for (team, company), leads in unplaced.grouped(
            lambda lead: (lead.team_id, lead.company_id)
        ).items():
            leads.pipeline_id = pipelines._get_for_team(team) or pipelines._get_default(company)

    @api.depends("pipeline_id")
    def _compute_stage_id(self):
        """Put leads without a stage of their own pipeline into its first open stage."""
        strayed = self.filtered(
            lambda lead: (
                not lead.stage_id
                or lead._has_foreign_team()
                or (not lead.closed_status and lead.stage_id.pipeline_id != lead.pipeline_id)
            )
        )
        first_stages = strayed.pipeline_id._get_first_open_stages() if strayed else {}
        for lead in strayed:
            lead.stage_id = first_stages.get(lead.pipeline_id)

    @api.depends("line_ids.price_subtotal")
    def _compute_expected_revenue(self):
        """Follow the total of the units; without units it is typed in, as in stock."""
        for lead in self.filtered("line_ids"):
            lead.expected_revenue = sum(lead.line_ids.mapped("price_subtotal"))

    @api.depends("dealer_order_ids")
    def _compute_dealer_order_id(self):
        for lead in self:
            lead.dealer_order_id = lead.dealer_order_ids[:1]

    @api.depends("closed_status")
    def _compute_probabilities(self):
        """Keep 100 and 0 on closed leads, whatever the flags of their stage are by now."""
        closed = self.filtered("closed_status")
        for lead in closed:
            probability = 100 if lead.closed_status == "won" else 0
            # Stages and scoring call this outside of a recomputation, where assigning is
            # writing, and writing 100 would set a new close date.
            for name in ("probability", "automated_probability"):
                if lead[name] != probability:
                    lead[name] = probability
        others = self - closed
        # stock's scoring does not take an empty recordset
        return super(CrmLead, others)._compute_probabilities() if others else None

    @api.depends("closed_status")
    def _compute_won_status(self):
        """Say what the lead became; leads archived as lost by stock stay lost."""
        closed = self.filtered("closed_status")
        for lead in closed:
            lead.won_status = lead.closed_status
        return super(CrmLead, self - closed)._compute_won_status()

    # ------------------------------------------------------------
    # CONSTRAINTS
    # ------------------------------------------------------------

    @api.constrains("probability", "closed_status")
    def _check_closed_probability(self):
        for lead in self:
            if lead.closed_status == "lost" and lead.probability:
                raise ValidationError(
                    self.env._(
                        "%(lead)s is lost, so its probability is 0. Restore it or move it to "
                        "another stage first.",
                        lead=lead.display_name,
                    )
                )
            if lead.closed_status == "won" and lead.probability != 100:
                raise ValidationError(
                    self.env._(
                        "%(lead)s is won, so its probability is 100. Move it to another stage "
                        "first.",
                        lead=lead.display_name,
                    )
                )

    @api.constrains("lost_reason_id")
    def _check_lost_reason(self):
        """A loss that is explained anew is explained by the rules of a loss."""
        lost = self.filtered(lambda lead: lead.closed_status == "lost")
        if bare := lost.filtered(lambda lead: not lead.lost_reason_id):
            raise ValidationError(
                self.env._(
                    "A lost lead has a lost reason: choose another one instead of clearing it, or "
                    "restore the lead. (%(leads)s)",
                    leads=", ".join(bare.mapped("display_name")),
                )
            )
        lost._raise_problems(lost._get_problems_lost(None))

    @api.constrains("lost_note")
    def _check_lost_note(self):
        bare = self.filtered(
            lambda lead: (
                lead.closed_status == "lost"
                and lead.lost_reason_id.note_required
                and not (lead.lost_note or "").strip()
            )
        )
        if bare:
            raise ValidationError(
                self.env._(
                    "The lost reason of these leads needs a note: %(leads)s.",
                    leads=", ".join(bare.mapped("display_name")),
                )
            )

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Create leads, also straight into a closing stage: the rules of a move hold."""
        self._check_kept_fields(set().union(*vals_list))
        leads = super(CrmLead, self._without_kept_defaults()).create(
            [
                # an empty stage, as in a cell of an import, is one that is not given
                {name: value for name, value in vals.items() if name != "stage_id" or value}
                for vals in vals_list
            ]
        )
        leads = leads.with_env(self.env)
        leads._follow_lines()
        leads._after_create()
        return leads

    def write(self, vals):
        """Write, and treat a change of stage as a move, whoever asks for it and however.

        :raise ValidationError: one message that lists, per lead, all that stands against it
        """
        self._check_kept_fields(vals)
        if "dealership_id" in vals:
            self._check_dealership_change(vals["dealership_id"])
        if "pipeline_id" in vals and "stage_id" not in vals:
            return self._write_pipeline(vals)
        archiving = {"active", "probability"}.intersection(vals)
        not_lost = self.filtered(lambda lead: lead.won_status != "lost") if archiving else self
        res = self._write_stage(vals) if "stage_id" in vals else super().write(vals)
        if archiving:
            not_lost._check_lost_by_archiving()
        if "expected_revenue" in vals:
            self._follow_lines()
        return res

    def _write_kept(self, vals):
        """Write values that moves alone decide on, past :meth:`_check_kept_fields`."""
        return super().write(vals)

    @api.model
    def _search(self, domain, *args, **kwargs):
        """Leave lost leads out where stock assigns work (see ``crm.team``)."""
        if self.env.context.get("bpo_crm_without_lost"):
            domain = Domain(domain) & Domain("won_status", "!=", "lost")
        return super()._search(domain, *args, **kwargs)

    def _mail_track(self, tracked_fields, initial_values):
        """Do not say the note of a loss twice where it is the text of the message already."""
        texts = self.env.cr.precommit.data.get(f"mail.tracking.message.{self._name}", {})
        if self.closed_status == "lost" and self.id in texts:
            tracked_fields = {
                name: field for name, field in tracked_fields.items() if name != "lost_note"
            }
        return super()._mail_track(tracked_fields, initial_values)

    def copy_data(self, default=None):
        """Copy a lead of an archived pipeline into the default one."""
        vals_list = super().copy_data(default=default)
        for lead, vals in zip(self, vals_list, strict=True):
            if not lead.pipeline_id.active:
                vals.pop("pipeline_id", None)
        return vals_list

    @api.ondelete(at_uninstall=False)
    def _unlink_except_ordered(self):
        ordered = self.sudo().filtered(lambda lead: lead.dealer_order_id._is_live())
        if ordered:
            raise UserError(
                self.env._(
                    "These leads have an order at their dealer, or one on its way, and cannot be "
                    "deleted: %(leads)s. Archive them instead.",
                    leads=", ".join(ordered.mapped("display_name")),
                )
            )

    def unlink(self):
        """Take the orders along that never reached a dealer."""
        orders = self.sudo().dealer_order_id.filtered(lambda order: not order._is_live())
        orders.unlink()
        return super().unlink()

    # ------------------------------------------------------------
    # ACTIONS
    # ------------------------------------------------------------

    def action_set_won(self):
        """Move each lead to the won stage of its own pipeline.

        :raise UserError: a pipeline has no won stage
        """
        self.action_unarchive()
        for pipeline, leads in self.grouped("pipeline_id").items():
            stage = pipeline.won_stage_id
            if not stage:
                raise UserError(pipeline._get_message_no_won_stage())
            leads.write({"stage_id": stage.id, "probability": 100})
        return True

    def action_set_lost(self, **additional_values):
        """Move each lead to the lost stage of its own pipeline; unlike stock it stays active.

        :param additional_values: further values to write, ``lost_reason_id`` above all
        :raise UserError: a pipeline has no lost stage
        :raise ValidationError: no lost reason is given
        """
        pipelines = self.pipeline_id
        if without := pipelines.filtered(lambda pipeline: not pipeline.lost_stage_id):
            raise UserError(
                "\n".join(pipeline._get_message_no_lost_stage() for pipeline in without)
            )
        for pipeline, leads in self.grouped("pipeline_id").items():
            leads.write({**additional_values, "stage_id": pipeline.lost_stage_id.id})
        return True

    def action_unarchive(self):
        """Keep the reason of leads in a lost stage: stock takes every archived lead for lost."""
        lost = self.filtered(lambda lead: not lead.active and lead.closed_status == "lost")
        if lost:
            lost.active = True
        return super().action_unarchive()

    def action_restore(self):
        """Return lost leads to the stage they were lost from, as open leads.

        Where that stage is gone, it is the first open one of the pipeline. Leads that stock
        lost by archiving are unarchived, as stock does.
        """
        lost = self.filtered(lambda lead: lead.closed_status == "lost")
        if others := self - lost:
            super(CrmLead, others).action_restore()
        lost.filtered(lambda lead: not lead.active).action_unarchive()
        first_stages = lost.pipeline_id._get_first_open_stages()
        for target, leads in lost.grouped(
            lambda lead: lead._get_restore_stage() or first_stages.get(lead.pipeline_id)
        ).items():
            if not target:
                raise UserError(leads.pipeline_id[:1]._get_message_no_open_stage())
            leads.write({"stage_id": target.id})
        return True

    def action_open_dealer_order(self):
        """Open the order that this lead's dealer gets, or got."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "bpo.dealer.order",
            "res_id": self.dealer_order_id.id,
            "view_mode": "form",
        }

    def convert_opportunity(self, partner, user_ids=False, team_id=False):
        """Leave lost leads out, as stock leaves out the archived ones."""
        leads = self.filtered(lambda lead: lead.closed_status != "lost")
        return super(CrmLead, leads).convert_opportunity(
            partner, user_ids=user_ids, team_id=team_id
        )

    # ------------------------------------------------------------
    # MOVING: preparation
    # ------------------------------------------------------------

    def _after_create(self):
        """Close, check and follow up new leads by the stage they have, wherever it came from."""
        self._mark_closed()
        self._check_move(dict.fromkeys(self, self.env["crm.stage"]))
        self._follow_up_closing()

    def _write_stage(self, vals):
        """Tell the leads that move from those that are in the stage already."""
        stage = self.env["crm.stage"].browse(vals["stage_id"])
        moving = self.filtered(
            lambda lead: (
                lead.stage_id != stage
                or lead.pipeline_id.id != vals.get("pipeline_id", lead.pipeline_id.id)
            )
        )
        if staying := self - moving:
            staying._write_kept(dict(vals))
        return moving._write_move(vals, stage) if moving else True

    def _write_pipeline(self, vals):
        """Change the pipeline alone: leads that change move to its first open stage."""
        pipeline = self.env["bpo.pipeline"].browse(vals["pipeline_id"])
        changing = self.filtered(lambda lead: lead.pipeline_id != pipeline)
        if staying := self - changing:
            staying.write({name: value for name, value in vals.items() if name != "pipeline_id"})
        if not changing:
            return True
        stage = pipeline._get_first_open_stages().get(pipeline)
        if not stage:
            raise UserError(pipeline._get_message_no_open_stage())
        return changing.write({**vals, "stage_id": stage.id})

    def _write_move(self, vals, stage):
        """Write ``vals`` on leads that all move to ``stage``: the one path of every move."""
        origins = {lead: lead._get_origin() for lead in self}
        leaving_won = self.filtered(lambda lead: lead.closed_status == "won")
        status = stage._get_closed_status()
        if status == "lost":
            self._note_origin()
        res = self._write_kept({**vals, **self._prepare_move(vals, status)})
        self._check_move(origins)
        if leaving_won and status != "won":
            self.env["bpo.dealer.order"]._withdraw(leaving_won)
        self._follow_up_closing()
        return res

    def _prepare_move(self, vals, status):
        """Return what entering a stage of the given closed status changes on the leads."""
        move = {"closed_status": status}
        if status == "lost":
            move.update(
                probability=0,
                automated_probability=0,
                date_closed=vals.get("date_closed") or fields.Datetime.now(),
            )
        elif any(lead[name] for lead in self for name in LOST_FIELDS):
            move.update(dict.fromkeys(LOST_FIELDS, False))
        return move

    def _note_origin(self):
        """Remember the open stage each lead is about to be lost from."""
        still_open = self.filtered(lambda lead: not lead.closed_status)
        for origin, leads in still_open.grouped("stage_id").items():
            leads._write_kept({"lost_from_stage_id": origin.id})

    def _close_in_place(self):
        """Close the leads of a stage that has just become a closing stage, like a move into it."""
        entering = self._mark_closed()
        entering._check_move({lead: lead.stage_id for lead in entering})
        entering._follow_up_closing()

    def _mark_closed(self):
        """Note what leads became by the stage they are in; return those for which that is new."""
        entering = self.filtered(
            lambda lead: lead.closed_status != lead.stage_id._get_closed_status()
        )
        for status, leads in entering.grouped(
            lambda lead: lead.stage_id._get_closed_status()
        ).items():
            vals = {"closed_status": status}
            if status == "lost":
                vals.update(probability=0, automated_probability=0)
            leads._write_kept(vals)
            if undated := leads.filtered(lambda lead: lead.closed_status and not lead.date_closed):
                undated._write_kept({"date_closed": fields.Datetime.now()})
        return entering

    def _follow_up_closing(self):
        """Hand the leads that were won to the outbox of their dealers."""
        won = self._filtered_to_push()
        if won:
            self.env["bpo.dealer.order"]._enqueue(won)

    def _filtered_to_push(self):
        """Return the won leads whose order is to be sent to a dealer."""
        if self.env.context.get("bpo_crm_no_push") and (
            self.env.su or self.env.user.has_group(MANAGER)
        ):
            return self.browse()
        return self.filtered(
            lambda lead: lead.closed_status == "won" and lead.pipeline_id.push_orders
        )

    # ------------------------------------------------------------
    # MOVING: rules
    # ------------------------------------------------------------

    def _check_move(self, origins):
        """Check the leads in their new stage, as a batch, after the move was written.

        After it, so that the values written together with the stage count.

        :param dict origins: ``{lead: the stage it comes from}``, an empty stage for new leads
        :raise ValidationError: listing, per lead, all that is wrong
        """
        problems = {lead: [] for lead in self}
        for rule in (
            self._get_problems_pipeline,
            self._get_problems_forward_only,
            self._get_problems_lost,
            self._get_problems_won,
        ):
            for lead, messages in rule(origins).items():
                problems[lead] += messages
        lacks_reason = self._lacks_only_lost_reason(problems, origins)
        refusal = partial(LostReasonRequired, leads=self) if lacks_reason else ValidationError
        self._raise_problems(problems, refusal)

    def _lacks_only_lost_reason(self, problems, origins):
        """Tell whether a lost reason would make the move of these leads good.

        Leads that are being created are none that a reason can be given to afterwards.
        """
        return all(
            origins[lead]
            and lead.closed_status == "lost"
            and (not problems[lead] or (not lead.lost_reason_id and len(problems[lead]) == 1))
            for lead in self
        )

    def _raise_problems(self, problems, refusal=ValidationError):
        """Refuse a move, if there are problems.

        :param dict problems: ``{lead: [text]}``
        :param refusal: makes the error from its message
        :raise ValidationError: listing, per lead, all that is wrong
        """
        lines = [
            self.env._(
                "- %(lead)s: %(problems)s", lead=lead.display_name, problems="; ".join(messages)
            )
            for lead, messages in problems.items()
            if messages
        ]
        if lines:
            raise refusal(
                self.env._(
                    "Nothing was moved. Put this right first:\n%(problems)s",
                    problems="\n".join(lines),
                )
            )

    def _get_problems_pipeline(self, origins):
        """Rule 1: the stage is an active deal stage of the lead's own pipeline."""
        problems = {}
        for lead in self:
            stage = lead.stage_id
            if not stage:
                # what comes in by itself (mail, website) is not turned away for it
                if not self.env.su:
                    problems[lead] = [lead.pipeline_id._get_message_no_stage()]
            elif stage.stage_type != "deal":
                problems[lead] = [
                    self.env._(
                        "“%(stage)s” is a service stage, not one of deals", stage=stage.display_name
                    )
                ]
            elif stage.pipeline_id != lead.pipeline_id:
                problems[lead] = [
                    self.env._(
                        "the stage “%(stage)s” belongs to the pipeline “%(other)s”, the lead to "
                        "“%(pipeline)s”",
                        stage=stage.display_name,
                        other=stage.pipeline_id.sudo().display_name,
                        pipeline=lead.pipeline_id.display_name,
                    )
                ]
            elif not stage.active:
                problems[lead] = [
                    self.env._("the stage “%(stage)s” is archived", stage=stage.display_name)
                ]
        return problems

    def _get_problems_forward_only(self, origins):
        """Rule 2: on ``forward_only`` pipelines agents advance one open stage at a time.

        They enter such a pipeline at its first open stage, and take a lost lead back to the
        stage it was lost from.
        """
        if self.env.user.has_group(MANAGER):
            return {}
        forward_only = self.env["bpo.pipeline"]._get_forward_only_ids()
        leads = self.filtered(
            lambda lead: lead.pipeline_id.id in forward_only and not lead.closed_status
        )
        if not leads:
            return {}
        stages = self.env["crm.stage"].search(
            [
                ("pipeline_id", "in", leads.pipeline_id.ids),
                ("is_won", "=", False),
                ("is_lost", "=", False),
            ]
        )
        by_pipeline = stages.grouped("pipeline_id")
        problems = {}
        for lead in leads:
            open_stages = by_pipeline.get(lead.pipeline_id, self.env["crm.stage"])
            if text := lead._get_problem_forward_only(origins[lead], open_stages):
                problems[lead] = [text]
        return problems

    def _get_problem_forward_only(self, origin, open_stages):
        """Return why this lead may not be in its stage, or nothing.

        :param origin: the stage it comes from, see :meth:`_get_origin`
        :param open_stages: those of its pipeline, in order
        """
        self.ensure_one()
        if origin.is_won or origin == self.stage_id:
            return None
        if origin not in open_stages:
            if self.stage_id == open_stages[:1]:
                return None
            return self.env._(
                "leads enter this pipeline at “%(stage)s”", stage=open_stages[:1].display_name
            )
        following = open_stages._get_following(origin)
        if self.stage_id == following:
            return None
        if not following:
            return self.env._(
                "“%(stage)s” is the last open stage; use Mark Won or Mark Lost to close the lead",
                stage=origin.display_name,
            )
        return self.env._(
            "from “%(stage)s” the only next stage is “%(next)s”; use Mark Won or Mark Lost to "
            "close the lead",
            stage=origin.display_name,
            next=following.display_name,
        )

    def _get_problems_lost(self, origins):
        """Rule 3: into a lost stage only with a lost reason, one that fits."""
        lost = self.filtered(lambda lead: lead.closed_status == "lost")
        return lost._get_problems_reasons(
            lambda lead: (lead.pipeline_id, lead.lost_reason_id, lead.lost_note)
        )

    def _check_losing(self, reason, note):
        """Check that leads of any pipelines can be lost, before anything is written.

        :raise ValidationError: listing, per lead, all that is wrong
        """
        problems = self._get_problems_reasons(lambda lead: (lead.pipeline_id, reason, note))
        for lead in self.filtered(lambda lead: not lead.pipeline_id.lost_stage_id):
            problems.setdefault(lead, []).append(lead.pipeline_id._get_message_no_lost_stage())
        self._raise_problems(problems)

    def _get_problems_reasons(self, get_loss):
        """Return ``{lead: [why it cannot be lost like this]}``.

        :param get_loss: gives pipeline, reason and note of a lead's loss
        """
        problems = {}
        for (pipeline, reason, note), leads in self.grouped(get_loss).items():
            obstacles = reason._get_obstacles(pipeline, note)
            if obstacles:
                problems.update({lead: list(obstacles) for lead in leads})
        return problems

    def _get_problems_won(self, origins):
        """Rule 4: a lead that is won where orders are pushed is ready for its dealer."""
        won = self._filtered_to_push()
        return self.env["bpo.dealer.order"]._get_missing(won) if won else {}

    def _without_kept_defaults(self):
        """Return the model without defaults for what only moves and the outbox write."""
        kept = {f"default_{name}" for name in KEPT_FIELDS}
        context = {key: value for key, value in self.env.context.items() if key not in kept}
        return self.with_env(self.env(context=context))

    def _check_lost_by_archiving(self):
        """Ask for a reason also where a lead is lost like stock does: archived, probability 0."""
        bare = self.filtered(lambda lead: lead.won_status == "lost" and not lead.lost_reason_id)
        if bare and not self.env.su:
            self._raise_problems(
                {lead: bare.lost_reason_id._get_obstacles(lead.pipeline_id, False) for lead in bare}
            )

    @api.model
    def _check_kept_fields(self, names):
        """Refuse values for what only moves and the outbox write; code with ``sudo`` may.

        :param names: the names of the fields somebody gives values for
        """
        kept = KEPT_FIELDS.intersection(names)
        if kept and not self.env.su:
            raise UserError(
                self.env._(
                    "These fields follow the stage of the lead and the order at its dealer, and "
                    "cannot be written: %(fields)s. Move the lead to another stage instead.",
                    fields=", ".join(sorted(kept)),
                )
            )

    def _check_dealership_change(self, dealership_id):
        """Refuse another dealership while an order for the present one is on its way or there."""
        changing = self.sudo().filtered(
            lambda lead: lead.dealership_id.id != dealership_id and lead.dealer_order_id._is_live()
        )
        if reopened := changing.filtered(lambda lead: lead.closed_status != "won"):
            raise UserError(
                self.env._(
                    "These leads have an order at their dealership, or may have one, and a lead "
                    "has one order only: %(orders)s. Create a new lead for another dealership.",
                    orders=", ".join(
                        f"{lead.display_name} ({lead.dealer_order_id.display_name})"
                        for lead in reopened
                    ),
                )
            )
        if changing:
            raise UserError(
                self.env._(
                    "The order of these leads is at their dealership, or on its way: %(leads)s. "
                    "Move them out of Won before you choose another dealership.",
                    leads=", ".join(changing.mapped("display_name")),
                )
            )

    def _follow_lines(self):
        """Let the total of the units prevail over a revenue that was passed beside them."""
        self.env.add_to_compute(self._fields["expected_revenue"], self.filtered("line_ids"))

    # ------------------------------------------------------------
    # STAGES OF A LEAD
    # ------------------------------------------------------------

    def _has_foreign_team(self):
        """Tell whether this open lead sits in a stage reserved for other teams (stock's rule)."""
        self.ensure_one()
        teams = self.stage_id.team_ids
        return bool(teams and self.team_id and self.team_id not in teams and not self.closed_status)

    def _is_in_stage_of_team(self):
        """Tell whether this lead sits in a stage reserved for its team."""
        self.ensure_one()
        return bool(self.team_id and self.team_id in self.stage_id.team_ids)

    def _get_origin(self):
        """Return the stage this lead comes from: of a lost one, where it was lost from."""
        self.ensure_one()
        lost_from = self._get_restore_stage() if self.closed_status == "lost" else None
        return lost_from or self.stage_id

    def _get_restore_stage(self):
        """Return the stage this lead was lost from, where it can still take the lead back."""
        self.ensure_one()
        stage = self.lost_from_stage_id
        usable = (
            stage.active
            and stage.pipeline_id == self.pipeline_id
            and not stage._get_closed_status()
        )
        return stage if usable else self.env["crm.stage"]

    def _stage_find(self, team_id=False, domain=None, order="sequence, id", limit=1):
        """Look among the stages of the leads' own pipelines, never among service stages."""
        pipelines = self.pipeline_id or self.env["bpo.pipeline"]._get_default()
        domain = Domain(domain or Domain.TRUE) & Domain("pipeline_id", "in", pipelines.ids)
        return super()._stage_find(team_id=team_id, domain=domain, order=order, limit=limit)

    # ------------------------------------------------------------
    # MERGE
    # ------------------------------------------------------------

    def _sort_by_confidence_level(self, reverse=False):
        """Let a lead whose dealer has the order be the one that the others are merged into.

        Lost leads come last, and lost opportunities after the others but before leads, as in
        stock; there, they have no lost stage whose sequence could count for them.
        """
        leads = super()._sort_by_confidence_level(reverse=reverse)
        return leads.sorted(
            lambda lead: (
                lead.sudo().dealer_order_id._is_live(),
                lead.type == "opportunity" or lead.closed_status != "lost",
                lead.type == "opportunity",
                lead.closed_status != "lost",
            ),
            reverse=reverse,
        )

    def _merge_opportunity(self, user_id=False, team_id=False, auto_unlink=True, max_length=5):
        """Refuse to merge leads that each have an order of their own; keep the one there is."""
        ordered = self.sudo().filtered(lambda lead: lead.dealer_order_id._is_live())
        if len(ordered) > 1:
            raise UserError(
                self.env._(
                    "Each of these leads has an order at a dealer, or one on its way: %(leads)s. "
                    "They cannot be merged into one lead.",
                    leads=", ".join(ordered.mapped("display_name")),
                )
            )
        return super()._merge_opportunity(
            user_id=user_id, team_id=team_id, auto_unlink=auto_unlink, max_length=max_length
        )

    def _merge_get_fields(self):
        return [*super()._merge_get_fields(), "dealership_id", "lost_note"]

    def _merge_data(self, fnames=None):
        """Keep the stage, and so the pipeline, of the lead that the others are merged into."""
        data = super()._merge_data(fnames)
        head = self[:1]
        data["stage_id"] = head.stage_id.id
        if head.closed_status == "lost":
            data.update(lost_reason_id=head.lost_reason_id.id, lost_note=head.lost_note)
        elif head.won_status != "lost":
            data["lost_note"] = False
        return data

    def _merge_dependences(self, opportunities):
        """Take over the units and the dealer order of the merged leads, where there are none."""
        res = super()._merge_dependences(opportunities)
        if not self.line_ids and not self.dealer_order_id:
            opportunities.line_ids.write({"lead_id": self.id})
        if not self.sudo().dealer_order_id:
            opportunities.sudo().dealer_order_id[:1].write({"lead_id": self.id})
        return res
