# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).

from collections import defaultdict
from functools import partial
from typing import NamedTuple

from odoo import fields, models
from odoo.exceptions import UserError

from ..constants import MANAGER
from .crm_lead_lost import LOST_FIELDS
from .crm_lost_reason import LostReasonRequired

# Where the open stage is remembered that a lead was closed from.
CLOSED_FROM = {"won": "won_from_stage_id", "lost": "lost_from_stage_id"}
# What the team and the company of a lead are computed from, and with them its stage.
HANDED_OVER_BY = frozenset(("partner_id", "team_id", "user_id"))


class Origin(NamedTuple):
    """Where a lead comes from in a move; all is empty for a new lead."""

    # The crm.stage it was in.
    stage: models.BaseModel
    # What it was: "won", "lost" or False (open).
    status: str | bool
    # The crm.stage it may be taken back to: of a closed lead, the one it was closed from.
    open_stage: models.BaseModel


class CrmLead(models.Model):
    """Moving a lead: who moves where, the rules, and what follows.

    A move is what changes ``stage_id``. Its steps, for every way into the server:

    1. :meth:`_get_destinations` and :meth:`_filtered_moving` decide which leads move;
    2. :meth:`_write_move` notes where they come from (``origins``) and lets stock write once;
    3. :meth:`_check_move` applies the rules of :meth:`_get_move_rules` to the batch, after the
       write, so that the values written together with the stage count;
    4. :meth:`_follow_up_move` does what follows from the move.

    Leads created in a stage, and those of a stage that becomes a closing one, go through 3 and 4.
    """

    _inherit = "crm.lead"

    # ------------------------------------------------------------
    # WHO MOVES WHERE
    # ------------------------------------------------------------

    def _get_destinations(self, vals):
        """Decide which leads go to another stage by values that do not name one.

        Those are: leads that change their pipeline; open leads whose new company may not use
        their pipeline; open leads that come back from the archive into a closing stage (archived
        ones are not closed with the others when their stage gets a closing flag).

        :return: ``{pipeline: leads}``; they start in its first open stage
        """
        if "stage_id" in vals:
            return {}
        if "pipeline_id" in vals:
            pipeline = self.env["bpo.pipeline"].browse(vals["pipeline_id"] or [])
            return {pipeline: self.filtered(lambda lead: lead.pipeline_id != pipeline)}
        destinations = defaultdict(self.browse)
        astray = self.browse()
        if "company_id" in vals:
            company = self.env["res.company"].browse(vals["company_id"] or [])
            if astray := self._filtered_astray_in(company):
                destinations[self.env["bpo.pipeline"]._get_default_of_leads(company)] = astray
        if vals.get("active"):
            returning = (self - astray).filtered(
                lambda lead: (
                    not lead.active
                    and not lead.closed_status
                    and lead.stage_id._get_closed_status()
                )
            )
            for pipeline, leads in returning.grouped("pipeline_id").items():
                destinations[pipeline] += leads
        return destinations

    def _write_destinations(self, destinations, vals):
        """Write ``vals`` with the stage that follows from them; nothing moves the other leads.

        The stage is written as if it had been given, so that whatever hangs on ``write``
        (automations, other addons) sees it.

        :param dict destinations: see :meth:`_get_destinations`
        :raise UserError: a pipeline has no open stage
        """
        moving = self.browse().concat(*destinations.values())
        if staying := self - moving:
            staying.write({name: value for name, value in vals.items() if name != "pipeline_id"})
        pipelines = self.env["bpo.pipeline"].concat(*destinations) if moving else None
        first_stages = pipelines._get_first_open_stages() if pipelines else {}
        for pipeline, leads in destinations.items():
            if not leads:
                continue
            stage = first_stages.get(pipeline)
            if not stage:
                raise UserError(pipeline._get_message_no_open_stage())
            leads.write({**vals, "pipeline_id": pipeline.id, "stage_id": stage.id})
        return True

    def _filtered_moving(self, vals):
        """Return the leads that enter the stage given by ``vals``; others are in it already.

        Those, too, that are in it and not what it makes of leads: they were in the archive when
        it became a closing stage. Asked to go there, they are won or lost like all others.
        """
        if "stage_id" not in vals:
            return self.browse()
        # where they come from is read together with where they go, whoever may see it: the rules
        # of the move ask for that
        stage = self.env["crm.stage"].sudo().browse(vals["stage_id"])
        stage = stage.with_prefetch((*stage.ids, *self.stage_id.ids))
        status = stage._get_closed_status()
        return self.filtered(
            lambda lead: (
                lead.stage_id != stage
                or lead.pipeline_id.id != vals.get("pipeline_id", lead.pipeline_id.id)
                or (status and lead.closed_status != status)
            )
        )

    # ------------------------------------------------------------
    # MOVING
    # ------------------------------------------------------------

    def _write_move(self, vals):
        """Write ``vals``, a stage among them, on leads that enter it: the one path of every move.

        :raise ValidationError: listing, per lead, all that stands against it
        """
        status = self.env["crm.stage"].browse(vals["stage_id"])._get_closed_status()
        origins = self._get_origins()
        undo_values = self._get_undo_values(origins, vals, status)
        if not status:
            self._unarchive_closed()
        move = {**self._prepare_move(vals, status), **self._note_open_stages(origins, status)}
        self._with_counted_losses()._write_protected({**vals, **move})
        self._complete_move(origins)
        self._offer_undo(undo_values)

    def _unarchive_closed(self):
        """Bring closed leads back that are about to be reopened, as stock does for won ones.

        Scoring leaves archived leads alone: they would keep the 100 or 0 of what they were.
        """
        if archived := self.filtered(lambda lead: lead.closed_status and not lead.active):
            archived._write_protected({"active": True})

    def _unarchive_to_win(self):
        """Bring leads back that are about to be won, also into a full stage: they go on at once."""
        limited = self.env["crm.stage"]._get_strict_ids()
        going_on = self.filtered(
            lambda lead: lead.stage_id.id in limited and not lead.active and not lead.closed_status
        )
        if going_on:
            going_on._write_protected({"active": True})
        (self - going_on).action_unarchive()

    def _enter_as_new(self):
        """Close, check and follow up new leads by the stage they have, wherever it came from.

        :raise AccessError: the user may not see the stage
        """
        self.stage_id.check_access("read")
        self._mark_closed()
        stage = self.env["crm.stage"]
        self._complete_move(dict.fromkeys(self, Origin(stage, False, stage)))

    def _close_in_place(self, status):
        """Close leads whose stage is about to get a closing flag, like a move into it.

        Before it has the flag: stock then writes 100 on what is in a stage that becomes a won
        one, and lost leads do not take that.

        :param str status: what they become; leads that are that already are left
        :return: ``{lead: Origin}`` of those that are closed, for :meth:`_complete_move`
        """
        closing = self.filtered(lambda lead: lead.closed_status != status)
        origins = closing._get_origins()
        closing._with_counted_losses()._write_protected(closing._prepare_move({}, status))
        return origins

    def _complete_move(self, origins):
        """Check the leads in their new stage, and follow their moves up."""
        self._check_move(origins)
        self._follow_up_move(origins)

    def _follow_up_move(self, origins):
        """Do what follows from a move that was written and checked, in the same transaction.

        This method serves as a hook: models that have to know of moves extend it. It gets the
        batch, so it should take a constant number of queries; what it raises undoes the move.

        :param dict origins: ``{lead: Origin}``, where each lead comes from
        """
        self._schedule_entry_activities(self._get_stages_left(origins))

    def _get_origins_of_handed_over(self, vals):
        """Return ``{lead: Origin}`` of leads that ``vals`` may bring into another team or company.

        Where a stage is reserved for a team, or a pipeline for a company, it is computed then.
        """
        if HANDED_OVER_BY.isdisjoint(vals):
            return {}
        return self.filtered(lambda lead: not lead.closed_status)._get_origins()

    def _follow_up_handed_over(self, origins):
        """Follow up what was moved because it was handed over; nobody has asked for these moves.

        Their rules are not asked, as for what comes in by itself: a refusal would keep whole
        batches, such as stock's assignment of leads, from their salespeople.
        """
        # the pipeline follows the company, and the stage that
        self.browse().concat(*origins).mapped("company_id")
        moved = [lead for lead, origin in origins.items() if lead.stage_id != origin.stage]
        if moved:
            self.browse().concat(*moved)._follow_up_move({lead: origins[lead] for lead in moved})

    def _get_origins(self):
        """Return ``{lead: Origin}``: where these leads are before a move."""
        return {
            lead: Origin(lead.stage_id, lead.closed_status, lead._get_open_stage()) for lead in self
        }

    def _get_open_stage(self):
        """Return the open stage this lead is in, or was closed from.

        That is none where the stage it was closed from cannot take the lead back any more.
        """
        self.ensure_one()
        if not self.closed_status:
            return self.stage_id
        stage = self[CLOSED_FROM[self.closed_status]]
        usable = (
            stage.active
            and stage.pipeline_id == self.pipeline_id
            and not stage._get_closed_status()
        )
        return stage if usable else self.env["crm.stage"]

    def _prepare_move(self, vals, status):
        """Return what entering a stage of the given closed status changes on the leads."""
        move = {}
        if any(lead.closed_status != status for lead in self):
            move["closed_status"] = status
        if status == "won":
            # as stock does where the stage is another one
            move.update(active=True, probability=100, automated_probability=100)
        if status == "lost":
            move.update(
                probability=0,
                automated_probability=0,
                date_closed=vals.get("date_closed") or fields.Datetime.now(),
            )
        elif any(vals.get(name) or any(lead[name] for lead in self) for name in LOST_FIELDS):
            move.update(dict.fromkeys(LOST_FIELDS, False))
        if status != "won" and any(lead.won_from_stage_id for lead in self):
            move["won_from_stage_id"] = False
        return move

    def _note_open_stages(self, origins, status):
        """Remember the open stage each lead is about to be closed from, if it is closed.

        :return: the values that are the same for all, to be written together with the move
        """
        name = CLOSED_FROM.get(status)
        if not name:
            return {}
        by_stage = self.grouped(lambda lead: origins[lead].open_stage)
        if len(by_stage) == 1:
            return {name: next(iter(by_stage)).id}
        for stage, leads in by_stage.items():
            leads._write_protected({name: stage.id})
        return {}

    def _mark_closed(self):
        """Note what new leads became by the stage they are in."""
        entering = self.filtered(
            lambda lead: lead.closed_status != lead.stage_id._get_closed_status()
        )
        for status, leads in entering.grouped(
            lambda lead: lead.stage_id._get_closed_status()
        ).items():
            vals = {"closed_status": status}
            if status == "lost":
                vals.update(probability=0, automated_probability=0)
            leads._write_protected(vals)
            if undated := leads.filtered(lambda lead: lead.closed_status and not lead.date_closed):
                undated._write_protected({"date_closed": fields.Datetime.now()})

    # ------------------------------------------------------------
    # RULES
    # ------------------------------------------------------------

    def _get_move_rules(self):
        """Return the rules of a move, in the order in which their problems are listed.

        This method serves as a hook: add a rule by extending the list. A rule is a method of
        these leads that gets ``origins``, ``{lead: Origin}``, and returns ``{lead: [text]}``,
        why leads may not be where they are now. It gets the batch, so it should take a constant
        number of queries; leads it has nothing against may be absent.
        """
        return [
            self._get_problems_pipeline,
            self._get_problems_forward_only,
            self._get_problems_lost,
            self._get_problems_conditions,
        ]

    def _check_move(self, origins):
        """Check the leads in their new stage, as a batch, after the move was written.

        :param dict origins: ``{lead: Origin}``, where each lead comes from
        :raise ValidationError: listing, per lead, all that is wrong
        """
        problems = {lead: [] for lead in self}
        for rule in self._get_rules_of_undo() or self._get_move_rules():
            for lead, texts in rule(origins).items():
                problems[lead] += texts
        if not any(problems.values()):
            return
        if self._lacks_only_lost_reason(problems, origins):
            refusal = partial(LostReasonRequired, leads=self)
        else:
            are_new = not all(origin.stage for origin in origins.values())
            refusal = self._get_refusal(problems, are_new)
        self._raise_problems(problems, refusal)

    def _lacks_only_lost_reason(self, problems, origins):
        """Tell whether a lost reason would make the move of these leads good.

        Leads that are being created are none that a reason can be given to afterwards.
        """
        return all(
            origins[lead].stage
            and lead.closed_status == "lost"
            and (not problems[lead] or (not lead.lost_reason_id and len(problems[lead]) == 1))
            for lead in self
        )

    def _get_problems_pipeline(self, origins):
        """Rule 1: the stage is an active deal stage of the lead's own pipeline.

        No lead is put into an archived pipeline; those in it may go on.
        """
        problems = {}
        for lead in self:
            texts = (lead._get_problem_stage(), lead._get_problem_archived(origins[lead]))
            if texts := list(filter(None, texts)):
                problems[lead] = texts
        return problems

    def _get_problem_stage(self):
        """Return why no lead of this one's pipeline may be in its stage, or nothing."""
        self.ensure_one()
        stage = self.stage_id
        if not stage:
            # what comes in by itself (mail, website) is not turned away for it
            return None if self.env.su else self.pipeline_id._get_message_no_stage()
        if stage.stage_type != "deal" or stage.pipeline_id != self.pipeline_id:
            # nothing is said of a stage that the user may not see
            stage.check_access("read")
        if stage.stage_type != "deal":
            return self.env._(
                "“%(stage)s” is a service stage, not one of deals", stage=stage.display_name
            )
        if stage.pipeline_id != self.pipeline_id:
            return self.env._(
                "the stage “%(stage)s” belongs to the pipeline “%(other)s”, the lead to "
                "“%(pipeline)s”",
                stage=stage.display_name,
                other=stage.pipeline_id.sudo().display_name,
                pipeline=self.pipeline_id.display_name,
            )
        if not stage.active:
            return self.env._("the stage “%(stage)s” is archived", stage=stage.display_name)
        return None

    def _get_problem_archived(self, origin):
        """Return why this lead may not come into its pipeline, or nothing."""
        self.ensure_one()
        pipeline = self.pipeline_id
        # the pipeline itself is not read where a lead stays in it
        if origin.stage.sudo().pipeline_id == pipeline or pipeline.active:
            return None
        return self.env._("the pipeline “%(pipeline)s” is archived", pipeline=pipeline.display_name)

    def _get_problems_forward_only(self, origins):
        """Rule 2: on ``forward_only`` pipelines agents advance one open stage at a time.

        They enter such a pipeline at its first open stage, and take a closed lead back to the
        stage it was won or lost from.
        """
        forward_only = self.env["bpo.pipeline"]._get_forward_only_ids()
        if not forward_only or self.env.user.has_group(MANAGER):
            return {}
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

    def _get_problems_conditions(self, origins):
        """Rule 6: a lead that enters a stage has what the stage asks for, and finds room there."""
        return self._get_problems_entry(
            self._get_stages_left(origins),
            returning=self.filtered(
                lambda lead: origins[lead].status and origins[lead].open_stage == lead.stage_id
            ),
        )

    def _get_stages_left(self, origins):
        """Return ``{lead: the stage it was in}``.

        A closed lead that is taken back to where it was closed from has not been away: it was let
        in before.
        """
        return {
            lead: lead.stage_id
            if origins[lead].open_stage and origins[lead].open_stage == lead.stage_id
            else origins[lead].stage
            for lead in self
        }

    def _get_problem_forward_only(self, origin, open_stages):
        """Return why this lead may not be in its stage, or nothing.

        :param Origin origin: where it comes from
        :param open_stages: those of its pipeline, in order
        """
        self.ensure_one()
        stage = origin.open_stage
        if stage == self.stage_id:
            return None
        if stage not in open_stages:
            if self.stage_id == open_stages[:1]:
                return None
            return self.env._(
                "leads enter this pipeline at “%(stage)s”", stage=open_stages[:1].display_name
            )
        following = open_stages._get_following(stage)
        if self.stage_id == following:
            return None
        if not following:
            return self.env._(
                "“%(stage)s” is the last open stage; use Mark Won or Mark Lost to close the lead",
                stage=stage.display_name,
            )
        return self.env._(
            "from “%(stage)s” the only next stage is “%(next)s”; use Mark Won or Mark Lost to "
            "close the lead",
            stage=stage.display_name,
            next=following.display_name,
        )
