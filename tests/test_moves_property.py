# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Random programs of moves, held against a model of them in plain Python.

environment:
  BPO_MOVES_EXAMPLES  how many random programs to try (default: a fixed set)
  BPO_MOVES_SEED      the seed of these (default: another one each time; the log says which)
"""

import copy
import logging
import os
import random
import re
from collections import Counter

from hypothesis import HealthCheck, Phase, Verbosity, example, given, seed, settings
from hypothesis import strategies as st
from psycopg2 import IntegrityError

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import BpoCrmCommon
from .moves_model import REASONS, Lead, Pipeline, Refused, Stage, Step, World

_logger = logging.getLogger(__name__)

EXAMPLES = int(os.environ.get("BPO_MOVES_EXAMPLES") or 0)
SEED = int(os.environ.get("BPO_MOVES_SEED") or random.randrange(2**32))
FIXED_EXAMPLES = 100
STAGES = 5
LEADS = 3
LETTERS = ("A", "B")
# what the stages of a new pipeline are flagged as: most have both
FLAGS = {"won": ("won", "won", "won", None), "lost": ("lost", "lost", "lost", None)}

# Which words of a refusal tell which rule refuses.
RULES = {
    "foreign": "belongs to the pipeline",
    "archived_stage": "the stage “.*” is archived",
    "forward_only": "leads enter this pipeline at|is the last open stage|the only next stage is",
    "reason": "a lost reason is needed",
    "reason_pipeline": "is not one of the pipeline",
    "note": "needs a note",
    "dealer": "no dealership is chosen",
    "reopen": "Only a BPO manager may reopen",
    "no_won_stage": "No won stage configured",
    "no_lost_stage": "No lost stage configured",
    "in_use": "A stage that is in use",
    "orders": "They cannot be merged into one lead",
    "too_few": "Select at least two",
}

names = st.builds(lambda letter, place: f"{letter}{place}", st.sampled_from(LETTERS),
                  st.integers(0, STAGES - 1))  # fmt: skip
# the first stage of a pipeline stays open, so that there is one to start in
later_names = names.filter(lambda name: name[1] != "0")
letters = st.sampled_from(LETTERS)
numbers = st.lists(st.integers(0, LEADS), min_size=1, max_size=3, unique=True).map(
    lambda chosen: tuple(sorted(chosen))
)
one = st.integers(0, LEADS).map(lambda number: (number,))
roles = st.sampled_from(("agent", "supervisor", "manager", "superuser"))
reasons = {"reason": st.sampled_from((*REASONS, None)), "note": st.booleans()}
ready = st.sampled_from((True, True, False))


def steps(deed, by=roles, **arguments):
    return st.builds(Step, role=by, deed=st.just(deed), **arguments)


manager = st.just("manager")
any_step = st.one_of(
    steps("move", leads=one, stage=names, **reasons),
    steps("mass_edit", leads=numbers, stage=names, pipeline=st.none() | letters, **reasons),
    steps("change_pipeline", leads=numbers, pipeline=letters),
    steps("win", leads=one),
    steps("win", leads=numbers),
    steps("lose", leads=one, **reasons),
    steps("lose", leads=numbers, **reasons),
    steps("restore", leads=numbers),
    steps("archive", leads=numbers),
    steps("unarchive", leads=numbers),
    steps("merge", leads=numbers),
    steps("create", stage=names, pipeline=st.none() | letters, value=ready, **reasons),
    steps("load", stage=names, pipeline=letters, value=ready, **reasons),
    steps("flag", manager, stage=later_names, value=st.sampled_from(("won", "lost", None))),
    steps("archive_stage", manager, stage=later_names),
    steps("unarchive_stage", manager, stage=later_names),
    steps("set_push", manager, pipeline=letters, value=st.booleans()),
    steps("set_forward_only", manager, pipeline=letters, value=st.booleans()),
    steps("dealer_takes", st.just("dealer"), leads=numbers),
)
DEEDS = [name.removeprefix("_do_") for name in vars(World) if name.startswith("_do_")]


@st.composite
def worlds(draw):
    """Two pipelines of five stages, most with a won and a lost one, and some open leads."""
    world = World()
    for letter in LETTERS:
        world.pipelines[letter] = Pipeline(draw(st.booleans()), draw(st.booleans()))
        flags = dict(
            zip(
                draw(st.permutations(range(1, STAGES)))[:2],
                (draw(st.sampled_from(FLAGS["won"])), draw(st.sampled_from(FLAGS["lost"]))),
                strict=True,
            )
        )
        for place in range(STAGES):
            name = f"{letter}{place}"
            world.stages[name] = Stage(name, flags.get(place))
    for number in range(LEADS):
        letter = draw(letters)
        owner = draw(st.sampled_from(("agent", "agent", "other")))
        world.leads[number] = Lead(owner, draw(ready), letter, f"{letter}0")
    return world


def get_known_program():
    """Return a world and a program that comes to the rules that need several steps before."""
    world = World()
    for letter in LETTERS:
        world.pipelines[letter] = Pipeline(push=True)
        for place, flag in enumerate((None, None, None, "won", "lost")):
            world.stages[f"{letter}{place}"] = Stage(f"{letter}{place}", flag)
    for number, letter in enumerate("AAB"):
        world.leads[number] = Lead("agent", True, letter, f"{letter}0")
    return world, [
        Step("agent", "win", (0, 1)),
        Step("agent", "merge", (0, 1)),
        Step("dealer", "dealer_takes", (0,)),
        Step("supervisor", "move", (0,), stage="A1"),
        Step("manager", "move", (0,), stage="A1"),
        Step("agent", "win", (0,)),
        Step("agent", "lose", (2,), reason="only_a"),
        Step("agent", "lose", (2,), reason="other"),
        Step("agent", "lose", (2,), reason="other", note=True),
        Step("manager", "archive_stage", stage="B4"),
        Step("manager", "flag", stage="B3"),
        Step("manager", "flag", stage="B4", value="won"),
        Step("agent", "archive", (2,)),
        Step("agent", "restore", (2,)),
    ]


def describe(world, program, count):
    """Return a program in words, up to the step with this number, which went wrong."""
    flags = [f"{stage.name} {stage.flag}" for stage in world.stages.values() if stage.flag]
    return "\n".join(
        [
            *(f"  {letter}: {pipeline}" for letter, pipeline in world.pipelines.items()),
            f"  flags: {', '.join(flags) or 'none'}",
            *(
                f"  lead {number}: {lead.owner}'s, in {lead.stage}"
                f"{'' if lead.ready else ', without a dealership'}"
                for number, lead in world.leads.items()
            ),
            *(f"  {place}. {step}" for place, step in enumerate(program[: count + 1], start=1)),
        ]
    )


@tagged("post_install", "-at_install")
class TestMovesProperty(BpoCrmCommon):
    """The server does what the model says, and refuses what it refuses, by the same rules."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context={**cls.env.context, "tracking_disable": True})
        cls.users = {
            "agent": cls.agent,
            "other": cls.other_agent,
            "supervisor": cls.supervisor,
            "manager": cls.manager,
            "superuser": cls.env.ref("base.user_root"),
        }

    def test_moves_follow_the_model(self):
        @settings(
            max_examples=EXAMPLES or FIXED_EXAMPLES,
            derandomize=not EXAMPLES,
            database=None,
            deadline=None,
            print_blob=False,
            report_multiple_bugs=False,
            # the failing program says in words what it is
            verbosity=Verbosity.quiet,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @example(*get_known_program())
        @given(worlds(), st.lists(any_step, min_size=4, max_size=14))
        def follow(world, program):
            self._follow_in_savepoint(copy.deepcopy(world), program)

        self.seen = Counter()
        if EXAMPLES:
            _logger.info("%s random programs of moves, seed %s", EXAMPLES, SEED)
            follow = seed(SEED)(follow)
        with mute_logger("odoo.sql_db", "odoo.addons.base.models.ir_rule", "odoo.models.unlink"):
            follow()
        _logger.info("Moves, by what became of them: %s", dict(self.seen))
        # programs that never come to a rule or a way in would prove nothing about it
        wanted = {*RULES, "access", "unique", *(f"{deed} allowed" for deed in DEEDS)}
        self.assertFalse(wanted - set(self.seen), "never seen")

    # -- running a program --

    def _follow_in_savepoint(self, world, program):
        savepoint = self.env.cr.savepoint()
        try:
            self._build(world)
            start = describe(world, (), 0)
            for count, step in enumerate(program):
                try:
                    self._follow(world, step)
                except AssertionError as error:
                    lines = [f"  {n}. {s}" for n, s in enumerate(program[: count + 1], start=1)]
                    text = "\n".join([str(error), "The program:", start, *lines])
                    raise AssertionError(text) from None
        finally:
            self.env.invalidate_all(flush=False)
            savepoint.close(rollback=True)
            self.env.registry.clear_cache()

    def _build(self, world):
        """Create on the server what the model begins with."""
        self.pipelines, self.stages, self.leads = {}, {}, {}
        for letter, pipeline in world.pipelines.items():
            stages = [stage for stage in world.stages.values() if stage.pipeline == letter]
            record = self.env["bpo.pipeline"].create(
                {
                    "name": f"Property {letter}",
                    "push_orders": pipeline.push,
                    "forward_only": pipeline.forward_only,
                    "stage_ids": [
                        Command.create(
                            {
                                "name": stage.name,
                                "sequence": 10 * place,
                                "is_won": stage.flag == "won",
                                "is_lost": stage.flag == "lost",
                            }
                        )
                        for place, stage in enumerate(stages, start=1)
                    ],
                }
            )
            self.pipelines[letter] = record
            for stage in record.stage_ids:
                self.stages[stage.name] = stage
        self.reasons = {
            name: self.env["crm.lost.reason"].create(
                {
                    "name": f"Property {name}",
                    "note_required": needs_note,
                    "pipeline_ids": [self.pipelines[letter].id for letter in for_pipelines],
                }
            )
            for name, (for_pipelines, needs_note) in REASONS.items()
        }
        for number, lead in world.leads.items():
            self.leads[number] = self._create_leads(**self._get_lead_vals(lead))

    def _get_lead_vals(self, lead):
        return {
            "pipeline_id": self.pipelines[lead.pipeline].id,
            "user_id": self.users[lead.owner].id,
            "dealership_id": self.dealership.id if lead.ready else False,
        }

    def _follow(self, world, step):
        """Take one step on both sides and compare."""
        before = self._read()
        scores = {number: values["probability"] for number, values in before.items()}
        expected, result = frozenset(), None
        try:
            result = world.apply(step, scores)
        except Refused as refused:
            expected = refused.rules
        found = self._attempt(step)
        self.env.invalidate_all()
        self.seen.update(found or [f"{step.deed} allowed"])
        if expected:
            self.assertTrue(found, f"{step} was allowed; the model refuses it: {set(expected)}")
            # where several rules refuse, the first may be the only one that is asked
            self.assertLessEqual(found, expected, f"{step} was refused by other rules")
            if step.deed != "flag" and len(step.leads) < 2:
                self.assertEqual(found, expected, f"{step} was refused by other rules")
            self.assertEqual(self._read(), before, f"{step} was refused, and changed something")
            return
        self.assertFalse(found, f"{step} was refused; the model allows it")
        if step.deed in ("create", "load"):
            self.leads[result] = self.created
        if step.deed == "merge":
            self._finish_merge(world, step, result)
        self._compare(world, step)
        self._check_invariants(world)

    def _finish_merge(self, world, step, allowed):
        merged = {n: self.leads[n] for n in step.leads if n in self.leads}
        heads = [number for number, lead in merged.items() if lead.exists()]
        self.assertEqual(len(heads), 1, "one lead is left of those that were merged")
        self.assertIn(heads[0], allowed, "this lead cannot be the one that stays")
        world.merge_into(heads[0], list(merged))
        for number in merged:
            if number != heads[0]:
                del self.leads[number]

    def _attempt(self, step):
        """Take a step on the server; return the names of the rules that refuse it."""
        self.env.flush_all()
        self.env.invalidate_all()
        try:
            with self.env.cr.savepoint():
                messages = getattr(self, f"_do_{step.deed}")(step)
                self.env.flush_all()
        except AccessError:
            return frozenset({"access"})
        except IntegrityError:
            return frozenset({"unique"})
        except (UserError, ValidationError) as error:
            messages = str(error)
        return self._get_rules(messages)

    def _get_rules(self, message):
        if not message:
            return frozenset()
        rules = frozenset(name for name, words in RULES.items() if re.search(words, message))
        self.assertTrue(rules, f"an unknown refusal: {message}")
        return rules

    # -- the steps on the server --

    def _get_leads(self, step):
        ids = [self.leads[number].id for number in step.leads if number in self.leads]
        return self.env["crm.lead"].with_user(self.users[step.role]).browse(ids)

    def _get_loss(self, step):
        if not step.reason:
            return {}
        note = "Said at length" if step.note else False
        return {"lost_reason_id": self.reasons[step.reason].id, "lost_note": note}

    def _do_move(self, step):
        self._get_leads(step).write(
            {"stage_id": self.stages[step.stage].id, **self._get_loss(step)}
        )

    def _do_mass_edit(self, step):
        vals = {"stage_id": self.stages[step.stage].id, **self._get_loss(step)}
        if step.pipeline:
            vals["pipeline_id"] = self.pipelines[step.pipeline].id
        self._get_leads(step).write(vals)

    def _do_change_pipeline(self, step):
        self._get_leads(step).write({"pipeline_id": self.pipelines[step.pipeline].id})

    def _do_win(self, step):
        self._get_leads(step).action_set_won()

    def _do_lose(self, step):
        self._get_leads(step).action_set_lost(**self._get_loss(step))

    def _do_restore(self, step):
        self._get_leads(step).action_restore()

    def _do_archive(self, step):
        self._get_leads(step).action_archive()

    def _do_unarchive(self, step):
        self._get_leads(step).action_unarchive()

    def _do_merge(self, step):
        self._get_leads(step).merge_opportunity()

    def _prepare_new(self, step):
        user = self.users["other" if step.role == "superuser" else step.role]
        vals = self._prepare_lead(user_id=user.id, **self._get_loss(step))
        vals["stage_id"] = self.stages[step.stage].id
        vals["dealership_id"] = self.dealership.id if step.value else False
        del vals["pipeline_id"]
        if step.pipeline:
            vals["pipeline_id"] = self.pipelines[step.pipeline].id
        return vals

    def _do_create(self, step):
        model = self.env["crm.lead"].with_user(self.users[step.role])
        self.created = model.create(self._prepare_new(step)).with_env(self.env)

    def _do_load(self, step):
        vals = self._prepare_new(step)
        del vals["line_ids"]
        row = {
            f"{name}/.id" if name.endswith("_id") else name: str(value or "")
            for name, value in vals.items()
        }
        row.update({"line_ids/product_id/.id": str(self.product.id), "line_ids/quantity": "1"})
        model = self.env["crm.lead"].with_user(self.users[step.role])
        result = model.load(list(row), [list(row.values())])
        if not result["ids"]:
            return "\n".join(str(message["message"]) for message in result["messages"])
        self.created = self.env["crm.lead"].browse(result["ids"])
        return None

    def _get_stage(self, step):
        return self.stages[step.stage].with_user(self.manager)

    def _do_flag(self, step):
        self._get_stage(step).write(
            {"is_won": step.value == "won", "is_lost": step.value == "lost"}
        )

    def _do_archive_stage(self, step):
        self._get_stage(step).action_archive()

    def _do_unarchive_stage(self, step):
        self._get_stage(step).action_unarchive()

    def _do_set_push(self, step):
        self.pipelines[step.pipeline].with_user(self.manager).push_orders = step.value

    def _do_set_forward_only(self, step):
        self.pipelines[step.pipeline].with_user(self.manager).forward_only = step.value

    def _do_dealer_takes(self, step):
        for number in step.leads:
            if number in self.leads:
                order = self.leads[number].dealer_order_id
                if order.state == "pending":
                    order.write({"state": "sent", "remote_id": 1000 + number})

    # -- comparing --

    def _read(self):
        """Return what is so of each lead, read from the database."""
        self.env.flush_all()
        self.env.invalidate_all()
        return {number: self._read_lead(lead) for number, lead in self.leads.items()}

    def _read_lead(self, lead):
        reason_names = {reason: name for name, reason in self.reasons.items()}
        letters_of = {pipeline: letter for letter, pipeline in self.pipelines.items()}
        return {
            "pipeline": letters_of[lead.pipeline_id],
            "stage": lead.stage_id.name,
            "status": lead.closed_status or None,
            "won_status": lead.won_status,
            "active": lead.active,
            "reason": reason_names.get(lead.lost_reason_id),
            "note": bool(lead.lost_note),
            "order": lead.dealer_order_state or None,
            "probability": lead.probability,
        }

    def _compare(self, world, step):
        expected = {number: self._get_expected(lead) for number, lead in world.leads.items()}
        found = self._read()
        self.assertEqual(set(found), set(expected))
        for number, values in expected.items():
            differing = {
                name: f"{found[number][name]!r} on the server, {value!r} in the model"
                for name, value in values.items()
                if found[number][name] != value
            }
            self.assertFalse(differing, f"after {step}, lead {number} differs")

    def _get_expected(self, lead):
        probabilities = {"won": {"probability": 100}, "lost": {"probability": 0}}
        return {
            "pipeline": lead.pipeline,
            "stage": lead.stage,
            "status": lead.status,
            "won_status": "lost" if lead.stock_lost else lead.status or "pending",
            "active": lead.active,
            "reason": lead.reason,
            "note": lead.note,
            "order": lead.order,
            # that of open leads is for scoring to say
            **probabilities.get(lead.status, {}),
        }

    def _check_invariants(self, world):
        for pipeline in self.pipelines.values():
            for flag in ("is_won", "is_lost"):
                flagged = pipeline.stage_ids.filtered("active").filtered(flag)
                self.assertLessEqual(len(flagged), 1, f"stages of one pipeline with {flag}")
        for number, lead in self.leads.items():
            self.assertEqual(lead.stage_id.pipeline_id, lead.pipeline_id)
            orders = lead.dealer_order_ids
            self.assertLessEqual(len(orders), 1)
            alive = orders.filtered(lambda order: order.state != "cancelled")
            # pipelines may have begun to push after the lead was won
            if world.leads[number].order in ("pending", "sent"):
                self.assertEqual(len(alive), 1)
            if not lead.closed_status:
                self.assertNotIn("pending", orders.mapped("state"), f"lead {number} is open")
                self.assertLess(lead.probability, 100, f"lead {number} is open")
