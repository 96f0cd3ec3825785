# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A small model of moves in plain Python: what the design says, not how the addon does it.

It imports nothing of Odoo or of the addon. A :class:`World` takes one :class:`Step` after the other
and changes, or raises :class:`Refused` with the names of the rules that stand against the step;
then it is as before.
"""

import copy
from dataclasses import dataclass, field

MANAGERS = ("manager", "superuser")
# what runs without access checks; automations do so in anybody's session, here an agent's
SUPERUSERS = ("superuser", "automation")
# in whose name the leads of those are that own none
OWNERS = {"superuser": "other", "automation": "agent"}
# {reason: (pipelines it is for, or none for all; whether it needs a note)}
REASONS = {"price": ((), False), "only_a": (("A",), False), "other": ((), True)}
# what a dealer needs of a lead that is won where orders are pushed
NEEDED_BY_DEALER = frozenset(("dealership", "units"))


class Refused(Exception):
    """A step is not allowed.

    :param rules: the names of the rules that refuse it, and no others
    """

    def __init__(self, rules):
        super().__init__(", ".join(sorted(rules)))
        self.rules = frozenset(rules)


@dataclass(frozen=True)
class Step:
    """What somebody does; a program is a list of these."""

    role: str
    deed: str
    leads: tuple = ()
    stage: str | None = None
    pipeline: str | None = None
    reason: str | None = None
    note: bool = False
    value: str | bool | frozenset | tuple | None = None
    # by what the server is asked, where there are several; the same is to come of it
    way: str | None = None
    # past the conditions of stages, for those who may
    passing: bool = False

    def __repr__(self):
        said = [
            f"{name}={value!r}"
            for name in (
                *("leads", "stage", "pipeline", "reason", "note", "value", "way", "passing"),
            )
            if (value := getattr(self, name)) not in ((), None, False)
        ]
        return f"{self.role}: {self.deed}({', '.join(said)})"


@dataclass
class Stage:
    """A column of the board; its name is the pipeline's letter and its place."""

    name: str
    flag: str | None = None
    active: bool = True
    # what a lead that enters may not lack
    asks: frozenset = frozenset()
    # what else has to be true of it: that it is "urgent", or is "mine", of who moves it
    condition: str | None = None
    # how many open leads may be in it, 0 for any number
    limit: int = 0
    per_user: bool = False
    strict: bool = False

    @property
    def pipeline(self):
        return self.name[0]


@dataclass
class Pipeline:
    push: bool = False
    forward_only: bool = False
    # "two", or None where all companies share it
    company: str | None = None


@dataclass
class Lead:
    owner: str
    # what its dealer would need, "dealership" or "units"; a "deadline"; "urgency"
    lacks: frozenset
    pipeline: str
    stage: str
    company: str = "one"
    status: str | None = None
    active: bool = True
    reason: str | None = None
    note: bool = False
    won_from: str | None = None
    lost_from: str | None = None
    order: str | None = None
    # archived with probability 0, which stock takes for lost
    stock_lost: bool = False


@dataclass
class World:
    """Pipelines, stages in order, and leads by number."""

    pipelines: dict = field(default_factory=dict)
    stages: dict = field(default_factory=dict)
    leads: dict = field(default_factory=dict)
    # whether the present step goes past conditions
    passing: bool = False

    def apply(self, step, scores=None):
        """Take a step, or raise :class:`Refused` and stay as it is.

        :param dict scores: ``{lead: probability}`` before the step, where scoring decides it
        """
        before = copy.deepcopy(self.__dict__)
        self.passing = step.passing and step.role in MANAGERS
        try:
            numbers = self._check_access(step)
            return getattr(self, f"_do_{step.deed}")(step, numbers, scores or {})
        except Refused:
            self.__dict__.update(before)
            raise

    def _check_access(self, step):
        numbers = sorted({number for number in step.leads if number in self.leads})
        if step.role == "agent" and any(self.leads[n].owner != "agent" for n in numbers):
            raise Refused({"access"})
        return numbers

    # -- asking for a move --

    def _do_move(self, step, numbers, _scores):
        self._write(step, numbers, step.stage)

    def _do_mass_edit(self, step, numbers, _scores):
        self._write(step, numbers, step.stage, step.pipeline)

    def _do_fill_in(self, step, numbers, _scores):
        """Give leads what they lack of some things, and maybe move them with that."""
        for number in numbers:
            self.leads[number].lacks -= step.value
        if step.stage:
            self._write(step, numbers, step.stage)

    def _do_assign(self, step, numbers, _scores):
        """Hand leads over to somebody, whose count for a limit they come into."""
        coming = [n for n in numbers if self.leads[n].owner != step.value]
        for number in numbers:
            self.leads[number].owner = step.value
        rules = self._problems_of_limits(
            [n for n in coming if self.stages[self.leads[n].stage].per_user]
        )
        if rules:
            raise Refused(rules)

    def _do_set_company(self, step, numbers, _scores):
        """Open leads leave a pipeline that their new company may not use; closed ones stay."""
        astray = []
        for number in numbers:
            lead = self.leads[number]
            lead.company = step.value
            if self._is_foreign_to_company(lead):
                if lead.status:
                    raise Refused({"company"})
                astray.append(number)
        # the default pipeline
        self._enter(step.role, astray, "A0", "A")

    def _do_move_and_archive(self, step, _numbers, _scores):
        stage, target = self.stages[step.stage], self.stages[step.value]
        numbers = [n for n, lead in self.leads.items() if lead.stage == stage.name]
        if numbers:
            if target.pipeline != stage.pipeline or not target.active or target == stage:
                raise Refused({"target"})
            if target.flag == "lost":
                for number in numbers:
                    lead = self.leads[number]
                    lead.reason, lead.note = step.reason, step.note and bool(step.reason)
            self._enter(step.role, numbers, target.name)
        stage.active = False

    def _do_change_pipeline(self, step, numbers, _scores):
        moving = [n for n in numbers if self.leads[n].pipeline != step.pipeline]
        self._enter(step.role, moving, f"{step.pipeline}0", step.pipeline)

    def _do_win(self, step, numbers, _scores):
        """Win leads wherever they are: what is archived in a full stage does not stay there."""
        self._unarchive(step.role, numbers, to_stay=False)
        for pipeline, group in self._by_pipeline(numbers).items():
            target = self._flagged(pipeline, "won")
            if not target:
                raise Refused({"no_won_stage"})
            self._write(step, group, target)
            unordered = [
                n
                for n in group
                if self.leads[n].status == "won"
                and self.pipelines[pipeline].push
                and self.leads[n].order in (None, "cancelled")
            ]
            self._check(step.role, unordered, {n: self._origin(n) for n in unordered})
            self._follow_up(step.role, unordered, {})

    def _do_lose(self, step, numbers, _scores):
        groups = self._by_pipeline(numbers)
        if not all(self._flagged(pipeline, "lost") for pipeline in groups):
            raise Refused({"no_lost_stage"})
        for pipeline, group in groups.items():
            self._write(step, group, self._flagged(pipeline, "lost"))

    def _do_lose_by_dialog(self, step, numbers, _scores):
        """Leave out what is lost; a note that was there before stays where none is given."""
        losing = [
            n for n in numbers if self.leads[n].status != "lost" and not self.leads[n].stock_lost
        ]
        if not losing:
            raise Refused({"lost_already"})
        rules = set()
        for number in losing:
            pipeline = self.leads[number].pipeline
            rules |= self._problems_of_reason(pipeline, step.reason, step.note)
            if not self._flagged(pipeline, "lost"):
                rules.add("no_lost_stage")
        if rules:
            raise Refused(rules)
        for pipeline, group in self._by_pipeline(losing).items():
            for number in group:
                lead = self.leads[number]
                lead.reason, lead.note = step.reason, step.note or lead.note
            self._enter(step.role, group, self._flagged(pipeline, "lost"))

    def _do_restore(self, step, numbers, _scores):
        lost = [n for n in numbers if self.leads[n].status == "lost"]
        self._unarchive(step.role, numbers)
        for number in lost:
            lead = self.leads[number]
            self._enter(step.role, [number], self._open_stage(lead) or f"{lead.pipeline}0")

    def _do_create(self, step, _numbers, _scores):
        pipeline = step.pipeline or step.stage[0]
        number = max(self.leads, default=-1) + 1
        lead = Lead(
            OWNERS.get(step.role, step.role),
            step.value,
            pipeline,
            step.stage or f"{pipeline}0",
            self.pipelines[pipeline].company or "one",
            reason=step.reason,
            note=step.note and bool(step.reason),
        )
        self.leads[number] = lead
        lead.status = self.stages[lead.stage].flag
        self._check(step.role, [number], {number: (None, None, None)})
        self._follow_up(step.role, [number], {})
        return number

    _do_load = _do_create

    def _write(self, step, numbers, stage, pipeline=None):
        """Write a stage, and maybe pipeline and reason, on leads of which some are there.

        Leads in a closing stage that are not what it makes of them enter it like others.
        """
        flag = self.stages[stage].flag
        moving = [
            n
            for n in numbers
            if self.leads[n].stage != stage
            or pipeline not in (None, self.leads[n].pipeline)
            or (flag and self.leads[n].status != flag)
        ]
        self._enter(step.role, moving, stage, pipeline, step.reason, step.note)
        rules = set()
        for number in set(numbers) - set(moving):
            lead = self.leads[number]
            if step.reason:
                lead.reason, lead.note = step.reason, step.note
                rules |= self._problems_of_loss(lead)
        if rules:
            raise Refused(rules)

    # -- the archive --

    def _do_archive(self, step, numbers, scores):
        for number in numbers:
            lead = self.leads[number]
            if lead.active and not lead.status and not scores.get(number):
                if step.role not in SUPERUSERS and not lead.reason:
                    raise Refused({"reason"})
                lead.stock_lost = True
            lead.active = False

    def _do_unarchive(self, step, numbers, _scores):
        self._unarchive(step.role, numbers)

    def _unarchive(self, role, numbers, to_stay=True):
        """Bring leads back; open ones do not come back into a closing stage, or a full one."""
        returning = [n for n in numbers if not self.leads[n].active]
        for number in numbers:
            lead = self.leads[number]
            if lead.active:
                continue
            lead.active, lead.stock_lost = True, False
            if lead.status != "lost":
                # stock takes every archived lead for lost
                lead.reason = None
            if not lead.status and self.stages[lead.stage].flag:
                self._enter(role, [number], f"{lead.pipeline}0")
        rules = self._problems_of_limits(returning) if to_stay else None
        if rules:
            raise Refused(rules)

    # -- merging --

    def _do_merge(self, _step, numbers, _scores):
        """Merge; return the leads any of which may be the one that stays."""
        if len(numbers) < 2:
            raise Refused({"too_few"})
        live = [n for n in numbers if self.leads[n].order in ("pending", "sent")]
        if len(live) > 1:
            raise Refused({"orders"})
        return live or [n for n in numbers if self.leads[n].status != "lost"] or numbers

    def merge_into(self, head, numbers):
        """Finish a merge, once it is known which of the allowed leads stayed."""
        kept = self.leads[head]
        if kept.status != "lost" and not kept.stock_lost:
            kept.reason, kept.note = None, False
        # units of others do not come beside an order
        not_taken_over = {"units"} if kept.order else set()
        for number in sorted(set(numbers) - {head}):
            lead = self.leads.pop(number)
            kept.lacks &= lead.lacks | not_taken_over
            kept.order = kept.order or lead.order

    # -- the configuration --

    def _do_flag(self, step, _numbers, _scores):
        stage = self.stages[step.stage]
        newly = step.value and stage.flag != step.value
        other = step.value and self._flagged(stage.pipeline, step.value)
        rules = set()
        if other not in (None, False, stage.name) and stage.active:
            rules.add("unique")
        if step.way == "alone" and newly and stage.flag:
            # never both at once
            rules.add("unique")
        if step.value and stage.limit:
            rules.add("limit_closing")
        stage.flag = step.value
        try:
            if newly:
                self._close_in_place(step.role, stage)
        except Refused as refused:
            rules |= refused.rules
        if rules:
            raise Refused(rules)

    def _close_in_place(self, role, stage):
        numbers = [
            n
            for n, lead in self.leads.items()
            if lead.stage == stage.name and lead.active and lead.status != stage.flag
        ]
        origins = {n: self._origin(n) for n in numbers}
        for number in numbers:
            self.leads[number].status = stage.flag
            self._forget_loss(self.leads[number])
        self._check(role, numbers, origins)
        self._follow_up(role, numbers, origins)

    def _do_archive_stage(self, step, _numbers, _scores):
        stage = self.stages[step.stage]
        if stage.active and any(lead.stage == stage.name for lead in self.leads.values()):
            raise Refused({"in_use"})
        stage.active = False

    def _do_unarchive_stage(self, step, _numbers, _scores):
        stage = self.stages[step.stage]
        if stage.flag and self._flagged(stage.pipeline, stage.flag) not in (None, stage.name):
            raise Refused({"unique"})
        stage.active = True

    def _do_set_conditions(self, step, _numbers, _scores):
        """A condition that is added later troubles nobody where they are."""
        stage = self.stages[step.stage]
        stage.asks, stage.condition = step.value

    def _do_set_limit(self, step, _numbers, _scores):
        stage = self.stages[step.stage]
        stage.limit, stage.per_user, stage.strict = step.value
        if stage.limit and stage.flag:
            raise Refused({"limit_closing"})

    def _do_set_push(self, step, _numbers, _scores):
        self.pipelines[step.pipeline].push = step.value

    def _do_set_forward_only(self, step, _numbers, _scores):
        self.pipelines[step.pipeline].forward_only = step.value

    def _do_dealer_takes(self, _step, numbers, _scores):
        for number in numbers:
            if self.leads[number].order == "pending":
                self.leads[number].order = "sent"

    # -- what a move is --

    def _enter(self, role, numbers, target, pipeline=None, reason=None, note=False):
        """Move leads into a stage: change them, judge all of them, then follow up."""
        origins = {n: self._origin(n) for n in numbers}
        flag = self.stages[target].flag
        for number in numbers:
            lead = self.leads[number]
            lead.stage, lead.status = target, flag
            lead.pipeline = pipeline or lead.pipeline
            if flag or origins[number][1]:
                lead.stock_lost = False
            if not flag and origins[number][1]:
                lead.active = True
            if reason:
                lead.reason, lead.note = reason, note
            self._forget_loss(lead)
            if flag == "won":
                lead.won_from, lead.active = origins[number][2], True
            elif flag == "lost":
                lead.lost_from = origins[number][2]
            if flag != "won":
                lead.won_from = None
        if any(self._is_foreign_to_company(self.leads[number]) for number in numbers):
            # asked by Odoo, before the rules of a move
            raise Refused({"company"})
        self._check(role, numbers, origins)
        self._follow_up(role, numbers, origins)

    def _forget_loss(self, lead):
        if lead.status != "lost":
            lead.reason, lead.note, lead.lost_from = None, False, None

    def _origin(self, number):
        lead = self.leads[number]
        return lead.stage, lead.status, self._open_stage(lead)

    def _open_stage(self, lead):
        """The open stage a lead is in, or may be taken back to."""
        if not lead.status:
            return lead.stage
        name = lead.won_from if lead.status == "won" else lead.lost_from
        stage = self.stages.get(name)
        usable = stage and stage.active and not stage.flag and stage.pipeline == lead.pipeline
        return name if usable else None

    def _check(self, role, numbers, origins):
        rules = set()
        for number in numbers:
            lead = self.leads[number]
            rules |= self._problems_of_stage(lead)
            rules |= self._problems_of_direction(role, lead, origins[number][2])
            rules |= self._problems_of_loss(lead)
            if lead.status == "won" and self.pipelines[lead.pipeline].push:
                rules |= lead.lacks & NEEDED_BY_DEALER
            rules |= self._problems_of_conditions(role, lead, origins[number])
        rules |= self._problems_of_limits(
            [n for n in numbers if self._is_coming(role, self.leads[n], origins[n])]
        )
        if rules:
            raise Refused(rules)

    def _problems_of_stage(self, lead):
        stage = self.stages[lead.stage]
        if stage.pipeline != lead.pipeline:
            return {"foreign"}
        return set() if stage.active else {"archived_stage"}

    def _problems_of_direction(self, role, lead, origin):
        pipeline = self.pipelines[lead.pipeline]
        if role in MANAGERS or not pipeline.forward_only or lead.status or lead.stage == origin:
            return set()
        row = [
            stage.name
            for stage in self.stages.values()
            if stage.pipeline == lead.pipeline and stage.active and not stage.flag
        ]
        following = row[row.index(origin) + 1 :][:1] if origin in row else row[:1]
        return set() if [lead.stage] == following else {"forward_only"}

    def _problems_of_conditions(self, role, lead, origin):
        """What the stage asks for that the lead enters.

        A closed lead that is taken back to where it was closed from has not been away. What comes
        in by itself is let in.
        """
        was_in, _status, open_stage = origin
        if lead.stage in (was_in, open_stage) or self._comes_by_itself(role, origin):
            return set()
        if self.passing:
            return set()
        stage = self.stages[lead.stage]
        rules = {f"asked_{what}" for what in stage.asks & lead.lacks}
        users = {"agent": "agent", "automation": "agent"}
        met = {
            None: True,
            "urgent": "urgency" not in lead.lacks,
            "mine": lead.owner == users.get(role, role),
        }
        return rules if met[stage.condition] else rules | {"condition"}

    def _comes_by_itself(self, role, origin):
        return origin[0] is None and role in SUPERUSERS

    def _is_coming(self, role, lead, origin):
        """Tell whether a move brings a lead into the count of its stage."""
        was_in, status, _open_stage = origin
        moved = lead.stage != was_in or bool(status)
        return moved and not self._comes_by_itself(role, origin)

    def _problems_of_limits(self, numbers):
        """What strict limits say to leads that came into the count of their stages."""
        too_many = any(
            self._is_counted(self.leads[n]) and self._is_too_full(self.leads[n]) for n in numbers
        )
        return {"limit"} if too_many and not self.passing else set()

    def _is_too_full(self, lead):
        stage = self.stages[lead.stage]
        return stage.strict and stage.limit and self.count(stage, lead.owner) > stage.limit

    def _is_counted(self, lead):
        return lead.active and not lead.status

    def count(self, stage, owner):
        """Return how many leads count for the limit of a stage: all, or those of an owner."""
        return sum(
            lead.stage == stage.name
            and self._is_counted(lead)
            and (lead.owner == owner or not stage.per_user)
            for lead in self.leads.values()
        )

    def _problems_of_loss(self, lead):
        if lead.status != "lost":
            return set()
        return self._problems_of_reason(lead.pipeline, lead.reason, lead.note)

    def _problems_of_reason(self, pipeline, reason, note):
        if not reason:
            return {"reason"}
        pipelines, needs_note = REASONS[reason]
        rules = set()
        if pipelines and pipeline not in pipelines:
            rules.add("reason_pipeline")
        if needs_note and not note:
            rules.add("note")
        return rules

    def _is_foreign_to_company(self, lead):
        return self.pipelines[lead.pipeline].company not in (None, lead.company)

    def _follow_up(self, role, numbers, origins):
        for number in numbers:
            lead = self.leads[number]
            was = origins.get(number, (None, None, None))[1]
            if was == "won" and lead.status != "won":
                if lead.order == "sent" and role not in MANAGERS:
                    raise Refused({"reopen"})
                if lead.order == "pending":
                    lead.order = "cancelled"
            if lead.status == "won" and self.pipelines[lead.pipeline].push:
                if lead.order != "sent":
                    lead.order = "pending"

    # -- looking --

    def _flagged(self, pipeline, flag):
        """The active stage of a pipeline that bears a flag, or None."""
        return next(
            (
                stage.name
                for stage in self.stages.values()
                if stage.pipeline == pipeline and stage.active and stage.flag == flag
            ),
            None,
        )

    def _by_pipeline(self, numbers):
        groups = {}
        for number in numbers:
            groups.setdefault(self.leads[number].pipeline, []).append(number)
        return groups
