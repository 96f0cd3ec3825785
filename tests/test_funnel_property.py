# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Every figure of the analysis of deals, held against a slow computation in plain Python.

Random histories of moves are played; beside them a list is kept of who was where, from when until
when. The figures are counted in that list, one by one, and compared with the report's, under each
grouping.

environment:
  BPO_FUNNEL_EXAMPLES  how many random histories to play besides the fixed ones
  BPO_FUNNEL_SEED      the seed of the first of these (default: another one each time)
"""

import logging
import os
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from freezegun import freeze_time

from odoo.tests import tagged

from .common import BpoCrmCommon

_logger = logging.getLogger(__name__)

FIXED = range(8)
EXAMPLES = int(os.environ.get("BPO_FUNNEL_EXAMPLES") or 0)
SEED = int(os.environ.get("BPO_FUNNEL_SEED") or random.randrange(2**32))
STEPS = 40
START = datetime(2025, 1, 6, 8, 0)
SUMS = (
    *("entered", "deals", "passed_on", "lost", "moved_away", "here", "archived"),
    *("won_deals", "lost_deals"),
)
AVERAGES = ("passed_rate", "won_rate", "win_rate", "days")
PERCENTILES = {"days_median": 0.5, "days_p90": 0.9, "hours_to_move": 0.5}
GROUPINGS = (
    [],
    ["stage_id"],
    ["pipeline_id", "stage_id"],
    ["from_stage_id"],
    ["user_id"],
    ["team_id", "stage_id"],
    ["dealership_id"],
    ["source_id", "stage_id"],
    ["lost_reason_id", "from_stage_id"],
    ["entered_date:month"],
    ["outcome"],
)


@dataclass
class Spell:
    """A deal's time in one stage."""

    stage: object
    entered: datetime
    # what the deal was there: "won", "lost" or False
    status: str | bool
    left: datetime | None = None


@dataclass
class Deal:
    """What a deal went through, and what it is now."""

    spells: list = field(default_factory=list)
    archived: bool = False

    @property
    def stage(self):
        return self.spells[-1].stage

    @property
    def status(self):
        return self.spells[-1].status

    def enter(self, stage, now, status=None):
        if self.spells:
            self.spells[-1].left = now
        if status is None:
            status = ("won" if stage.is_won else "lost" if stage.is_lost else False) or False
        self.spells.append(Spell(stage, now, status))


def tell_outcome(spell, following):
    """Return how a deal left a stage, by where it was next."""
    if following.status:
        return following.status
    if following.stage.pipeline_id != spell.stage.pipeline_id:
        return "elsewhere"
    if spell.status:
        return "reopened"
    stages = list(spell.stage.pipeline_id.stage_ids)
    return "forward" if stages.index(following.stage) > stages.index(spell.stage) else "back"


def interpolate(values, share):
    """Return the percentile of values, as text books tell it: between the two that are nearest."""
    values = sorted(values)
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


@tagged("post_install", "-at_install")
class TestFunnelProperty(BpoCrmCommon):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pipeline.push_orders = False
        cls.other_pipeline.push_orders = False
        cls.sources = cls.env["utm.source"].create([{"name": "Test fair"}, {"name": "Test web"}])
        cls.teams = cls.env["crm.team"].create([{"name": "Test north"}, {"name": "Test south"}])
        cls.reasons = cls.reason + cls.reason.create({"name": "Too late, test"})
        cls.env["bpo.stage.entry"].search([]).unlink()

    # ------------------------------------------------------------
    # HISTORIES
    # ------------------------------------------------------------

    def _play(self, seed):
        """Play a random history; return ``{lead: Deal}`` and the moment at its end."""
        rng = random.Random(seed)
        deals, now = {}, START
        deeds = ("create", "move", "move", "move", "move", "switch", "restore", "archive",
                 "assign", "delete", "merge")  # fmt: skip
        for _number in range(STEPS):
            now += timedelta(seconds=rng.randrange(1, 400_000))
            with freeze_time(now):
                deed = rng.choice(deeds) if deals else "create"
                getattr(self, f"_do_{deed}")(rng, deals, now)
        return deals

    def _do_create(self, rng, deals, now):
        stage = rng.choice(self.pipeline.stage_ids + self.other_pipeline.stage_ids)
        lead = self._create_leads(
            pipeline_id=stage.pipeline_id.id,
            stage_id=stage.id,
            lost_reason_id=stage.is_lost and rng.choice(self.reasons).id,
            user_id=rng.choice((self.agent.id, self.other_agent.id, False)),
            team_id=rng.choice((*self.teams.ids, False)),
            source_id=rng.choice((*self.sources.ids, False)),
            dealership_id=rng.choice((self.dealership.id, False)),
        )
        deals[lead] = Deal()
        deals[lead].enter(stage, now)

    def _do_move(self, rng, deals, now):
        """Move some deals by one write, as a list does."""
        first = rng.choice(list(deals))
        pipeline = deals[first].stage.pipeline_id
        chosen = [
            lead
            for lead, deal in deals.items()
            if deal.stage.pipeline_id == pipeline and (lead == first or rng.random() < 0.3)
        ]
        stage = rng.choice(pipeline.stage_ids)
        values = {"stage_id": stage.id}
        if stage.is_lost:
            values["lost_reason_id"] = rng.choice(self.reasons).id
        first.concat(*chosen).write(values)
        for lead in chosen:
            deal = deals[lead]
            if deal.stage != stage:
                if (deal.status and not stage.is_lost) or stage.is_won:
                    # a move brings closed and won deals back from the archive
                    deal.archived = False
                deal.enter(stage, now)

    def _do_switch(self, rng, deals, now):
        lead = rng.choice(list(deals))
        deal = deals[lead]
        pipeline = self.pipeline + self.other_pipeline - deal.stage.pipeline_id
        lead.pipeline_id = pipeline
        if deal.status:
            deal.archived = False
        deal.enter(pipeline.stage_ids[0], now)

    def _do_restore(self, rng, deals, now):
        lead = rng.choice(list(deals))
        deal = deals[lead]
        if deal.status != "lost":
            return
        target = next(
            (
                spell.stage
                for spell in reversed(deal.spells)
                if not spell.status and spell.stage.pipeline_id == deal.stage.pipeline_id
            ),
            deal.stage.pipeline_id.stage_ids[0],
        )
        lead.action_restore()
        deal.archived = False
        deal.enter(lead.stage_id, now)
        # where it goes is another test's
        if deal.spells[-2].stage != deal.spells[0].stage:
            self.assertIn(lead.stage_id, (target, deal.stage.pipeline_id.stage_ids[0]))

    def _do_archive(self, rng, deals, now):
        lead = rng.choice(list(deals))
        # an open deal of probability 0 would be lost by it, as in stock
        if deals[lead].status or lead.probability:
            lead.active = False
            deals[lead].archived = True

    def _do_assign(self, rng, deals, now):
        rng.choice(list(deals)).user_id = rng.choice((self.agent, self.other_agent))

    def _do_delete(self, rng, deals, now):
        if rng.random() < 0.3:
            lead = rng.choice(list(deals))
            del deals[lead]
            lead.unlink()

    def _do_merge(self, rng, deals, now):
        if len(deals) > 3 and rng.random() < 0.3:
            leads = rng.sample([lead for lead, deal in deals.items() if not deal.archived] or
                               list(deals)[:1], 1)  # fmt: skip
            others = [
                lead
                for lead, deal in deals.items()
                if lead != leads[0]
                and not deal.archived
                and not deal.status
                and not deals[leads[0]].status
            ]
            if others and not deals[leads[0]].archived:
                pair = leads[0] + rng.choice(others)
                head = pair.merge_opportunity()
                for lead in pair - head:
                    del deals[lead]

    # ------------------------------------------------------------
    # FIGURES
    # ------------------------------------------------------------

    def _count(self, deals):
        """Return a row of figures and of what they are grouped by, for each time in a stage."""
        rows = []
        for lead, deal in deals.items():
            for number, spell in enumerate(deal.spells):
                following = deal.spells[number + 1] if spell.left else None
                before = deal.spells[number - 1].stage if number else spell.stage.browse()
                first_time = all(each.stage != spell.stage for each in deal.spells[:number])
                outcome = tell_outcome(spell, following) if following else False
                days = spell.left and (spell.left - spell.entered).total_seconds() / 86400
                rows.append(
                    {
                        "stage_id": spell.stage,
                        "pipeline_id": spell.stage.pipeline_id,
                        "from_stage_id": before,
                        "user_id": lead.user_id,
                        "team_id": lead.team_id,
                        "dealership_id": lead.dealership_id,
                        "source_id": lead.source_id,
                        "lost_reason_id": lead.lost_reason_id,
                        "entered_date:month": (spell.entered.year, spell.entered.month),
                        "outcome": outcome,
                        "entered": 1,
                        "deals": int(first_time),
                        "passed_on": int(outcome in ("forward", "won")),
                        "lost": int(outcome == "lost"),
                        "moved_away": int(outcome in ("back", "reopened", "elsewhere")),
                        "here": int(not following and not deal.archived),
                        "archived": int(not following and deal.archived),
                        "won_deals": int(not following and spell.status == "won"),
                        "lost_deals": int(not following and spell.status == "lost"),
                        "passed_rate": None
                        if spell.status
                        else 100
                        if outcome in ("forward", "won")
                        else 0,
                        "won_rate": (100 if deal.status == "won" else 0) if first_time else None,
                        "win_rate": (100 if spell.status == "won" else 0)
                        if spell.status and not following
                        else None,
                        "days": days,
                        "days_median": days,
                        "days_p90": days,
                        "hours_to_move": days * 24 if days is not None and not number else None,
                    }
                )
        return rows

    def _expect(self, rows):
        """Return the figures of some rows."""

        def known(name):
            return [row[name] for row in rows if row[name] is not None]

        figures = {name: sum(known(name)) for name in SUMS}
        for name in AVERAGES:
            figures[name] = sum(known(name)) / len(known(name)) if known(name) else False
        for name, share in PERCENTILES.items():
            figures[name] = interpolate(known(name), share) if known(name) else False
        return figures

    def _report(self, groupby, user=None, leads=None):
        report = self.env["bpo.deal.report"].with_user(user or self.manager)
        fields = report._fields
        names = [*SUMS, *AVERAGES, *PERCENTILES]
        result = {}
        for values in report._read_group(
            [("lead_id", "in", leads.ids)],
            groupby,
            [f"{name}:{fields[name].aggregator}" for name in names],
        ):
            key = tuple(
                (value.year, value.month) if isinstance(value, datetime) else value
                for value in values[: len(groupby)]
            )
            result[key] = dict(zip(names, values[len(groupby) :], strict=True))
        return result

    def _check_paths(self, deals):
        """Check that each deal's rows are the stages that it went through, in order."""
        entries = self.env["bpo.stage.entry"].search([], order="id").grouped("lead_id")
        for lead, deal in deals.items():
            self.assertEqual(
                [(entry.stage_id, entry.entered_date, entry.left_date) for entry in entries[lead]],
                [(spell.stage, spell.entered, spell.left or False) for spell in deal.spells],
            )

    def _check(self, deals, user=None):
        leads = self.env["crm.lead"].concat(*deals)
        seen = {
            lead: deal
            for lead, deal in deals.items()
            if user is None or lead.user_id in (user, user.browse())
        }
        self._check_paths(seen)
        rows = self._count(seen)
        for groupby in GROUPINGS:
            expected = {}
            for row in rows:
                expected.setdefault(tuple(row[name] for name in groupby), []).append(row)
            expected = {key: self._expect(group) for key, group in expected.items()}
            actual = self._report(groupby, user, leads)
            if not groupby and not rows:
                continue
            self.assertEqual(set(actual), set(expected), groupby)
            for key, figures in expected.items():
                for name, figure in figures.items():
                    found = actual[key][name]
                    if figure is False:
                        self.assertFalse(found, (groupby, key, name))
                    else:
                        self.assertAlmostEqual(found, figure, 6, (groupby, key, name))
            for figures in actual.values():
                self.assertEqual(
                    figures["entered"],
                    sum(figures[name] for name in SUMS[2:7]),
                    "each entry is somewhere",
                )

    def test_figures_of_random_histories(self):
        for seed in (*FIXED, *range(SEED, SEED + EXAMPLES)):
            with self.subTest(seed=seed):
                _logger.info("playing the history of seed %s", seed)
                deals = self._play(seed)
                self.env.flush_all()
                self.env.invalidate_all()
                self._check(deals)
                self._check(deals, self.agent)
