# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Programs of moves: random ones, and those that come to what is rare in them."""

from hypothesis import strategies as st

from .moves_model import REASONS, Lead, Pipeline, Stage, Step, World

STAGES = 5
LEADS = 3
LETTERS = ("A", "B")
# what the stages of a new pipeline are flagged as: most have both
FLAGS = {"won": ("won", "won", "won", None), "lost": ("lost", "lost", "lost", None)}

names = st.builds(
    lambda letter, place: f"{letter}{place}", st.sampled_from(LETTERS), st.integers(0, STAGES - 1)
)
# the first stage of a pipeline stays open, so that there is one to start in
later_names = names.filter(lambda name: name[1] != "0")
letters = st.sampled_from(LETTERS)
numbers = st.lists(st.integers(0, LEADS), min_size=1, max_size=3, unique=True).map(
    lambda chosen: tuple(sorted(chosen))
)
one = st.integers(0, LEADS).map(lambda number: (number,))
ROLES = ("agent", "supervisor", "manager", "superuser", "automation")
roles = st.sampled_from(ROLES)
reasons = {"reason": st.sampled_from((*REASONS, None)), "note": st.booleans()}
given_reasons = {"reason": st.sampled_from(tuple(REASONS)), "note": st.booleans()}
lacks = st.sampled_from(
    [
        frozenset(names)
        for names in (
            *((), (), ("deadline",), ("urgency",)),
            *(("dealership", "deadline"), ("units", "urgency"), ("dealership",), ("units",)),
        )
    ]
)
# what is asked for on entering a stage: fields, and a condition
asked = st.tuples(
    st.sampled_from(
        [frozenset(names) for names in ((), ("deadline",), ("dealership",), ("units", "deadline"))]
    ),
    st.sampled_from((None, "urgent", "mine")),
)
# how many may be in it, whether of one agent, and whether that is kept
limits = st.tuples(st.integers(0, 2), st.booleans(), st.sampled_from((True, True, False)))
filled_in = st.sampled_from(
    [
        frozenset(names)
        for names in (("deadline",), ("units", "urgency"), ("dealership", "deadline", "urgency"))
    ]
)
past = {"passing": st.sampled_from((False, False, True))}


def steps(deed, by=roles, **arguments):
    return st.builds(Step, role=by, deed=st.just(deed), **arguments)


manager = st.just("manager")
MOVE_WAYS = ("write", "form", "rpc")
CREATE_WAYS = ("create", "board")
given_places = {"pipeline": st.none() | letters}
closing = st.sampled_from(("won", "lost"))
create_ways = st.sampled_from(CREATE_WAYS)
any_step = st.one_of(
    steps("move", leads=one, stage=names, way=st.sampled_from(MOVE_WAYS), **reasons, **past),
    steps("mass_edit", leads=numbers, stage=names, pipeline=st.none() | letters, **reasons, **past),
    steps("change_pipeline", leads=numbers, pipeline=letters, **past),
    steps("win", leads=one, **past),
    steps("win", leads=numbers, **past),
    steps("lose", leads=one, **reasons),
    steps("lose", leads=numbers, **reasons),
    steps("restore", leads=numbers, **past),
    steps("archive", leads=numbers),
    steps("unarchive", leads=numbers, **past),
    steps("merge", leads=numbers),
    steps("lose_by_dialog", leads=numbers, **given_reasons),
    steps("set_company", leads=numbers, value=st.sampled_from(("one", "two"))),
    steps("fill_in", leads=numbers, stage=names, value=filled_in, **past, **reasons),
    steps("fill_in", leads=numbers, value=filled_in),
    steps(
        "assign",
        st.sampled_from(("supervisor", "manager", "superuser", "automation")),
        leads=numbers,
        value=st.sampled_from(("agent", "other")),
        **past,
    ),
    steps("create", stage=names, **given_places, value=lacks, way=create_ways, **reasons),
    steps("create", pipeline=letters, value=lacks, way=create_ways),
    steps("load", stage=names, pipeline=letters, value=lacks, **reasons),
    steps("flag", manager, stage=later_names, value=closing | st.none()),
    steps(
        "flag",
        manager,
        stage=later_names,
        value=closing,
        way=st.just("alone"),
    ),
    steps("move_and_archive", manager, stage=later_names, value=names, **reasons),
    steps("archive_stage", manager, stage=later_names),
    steps("unarchive_stage", manager, stage=later_names),
    steps("set_conditions", manager, stage=names, value=asked),
    steps("set_limit", manager, stage=names, value=limits),
    steps("set_push", manager, pipeline=letters, value=st.booleans()),
    steps("set_forward_only", manager, pipeline=letters, value=st.booleans()),
    steps("dealer_takes", st.just("dealer"), leads=numbers),
)
DEEDS = [name.removeprefix("_do_") for name in vars(World) if name.startswith("_do_")]


def draw_conditions(draw, world, letter):
    """Let one stage of a pipeline ask for something, maybe, and limit an open one, maybe."""
    if draw(st.booleans()):
        stage = world.stages[f"{letter}{draw(st.integers(1, STAGES - 1))}"]
        stage.asks, stage.condition = draw(asked)
    if letter == "A" and draw(st.booleans()):
        opens = [stage for stage in world.stages.values() if not stage.flag]
        stage = draw(st.sampled_from(opens))
        stage.limit, stage.per_user, stage.strict = draw(limits)


@st.composite
def worlds(draw):
    """Two pipelines of five stages, most with a won and a lost one, and some open leads."""
    world = World()
    for letter in LETTERS:
        # one is shared, as the default pipeline that takes leads whose company changes
        company = draw(st.sampled_from((None, None, "two"))) if letter == "B" else None
        world.pipelines[letter] = Pipeline(draw(st.booleans()), draw(st.booleans()), company)
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
        draw_conditions(draw, world, letter)
    for number in range(LEADS):
        letter = draw(letters)
        owner = draw(st.sampled_from(("agent", "agent", "other")))
        company = world.pipelines[letter].company or "one"
        world.leads[number] = Lead(owner, draw(lacks), letter, f"{letter}0", company)
    return world


def get_known_world(company=None):
    """Return a world where all is as usual; its second pipeline is that of a company, maybe."""
    world = World()
    for letter in LETTERS:
        world.pipelines[letter] = Pipeline(push=True)
        for place, flag in enumerate((None, None, None, "won", "lost")):
            world.stages[f"{letter}{place}"] = Stage(f"{letter}{place}", flag)
    world.pipelines["B"].company = company
    for number, letter in enumerate("AAB"):
        of_lead = company if letter == "B" and company else "one"
        world.leads[number] = Lead("agent", frozenset(), letter, f"{letter}0", of_lead)
    return world


def get_known_program():
    """Return a world and a program that comes to the rules that need several steps before."""
    return get_known_world(), [
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
        Step("manager", "archive_stage", stage="B3"),
        Step("agent", "create", stage="B3", value=frozenset(), way="create"),
        Step("manager", "flag", stage="B3"),
        Step("manager", "flag", stage="B4", value="won"),
        Step("agent", "archive", (2,)),
        Step("agent", "restore", (2,)),
        Step("agent", "merge", (2,)),
    ]


def get_known_program_of_companies():
    """Return a world of two companies, and a program of what is rare in random ones."""
    world = get_known_world("two")
    world.leads[1].lacks = frozenset(["units"])
    return world, [
        Step("agent", "change_pipeline", (0,), pipeline="B"),
        Step("automation", "set_company", (0,), value="two"),
        Step("agent", "move", (0,), stage="A1", way="form"),
        Step("agent", "change_pipeline", (0,), pipeline="B"),
        Step("agent", "set_company", (0,), value="one"),
        Step("agent", "win", (1,)),
        Step("agent", "move", (0,), stage="A1", way="rpc"),
        Step("agent", "lose_by_dialog", (0, 1), reason="price"),
        Step("agent", "lose_by_dialog", (0, 1), reason="price"),
        Step("agent", "restore", (0,)),
        Step("agent", "lose_by_dialog", (0,), reason="price"),
        Step("manager", "flag", stage="A3"),
        Step("manager", "flag", stage="A4", value="won"),
        Step("agent", "restore", (1,)),
        Step("manager", "flag", stage="A4", value="won"),
        Step("agent", "archive", (0,)),
        Step("manager", "flag", stage="A4", value="lost"),
        Step("agent", "unarchive", (0,)),
        Step("agent", "lose", (0,)),
        Step("agent", "lose", (0,), reason="price"),
        Step("agent", "archive", (0,)),
        Step("agent", "move", (0,), stage="A2", way="write"),
        Step("agent", "win", (2,)),
        Step("agent", "set_company", (2,), value="one"),
        Step("manager", "flag", stage="B3"),
        Step("manager", "move_and_archive", stage="B3", value="A1"),
        Step("manager", "move_and_archive", stage="B3", value="B2"),
    ]


def get_known_program_of_conditions():
    """Return a world whose stages ask for something, and a program of all that comes of it."""
    world = get_known_world()
    for number, names in enumerate((("deadline", "urgency"), ("dealership",), ("units",))):
        world.leads[number].lacks = frozenset(names)
    world.leads[2].pipeline, world.leads[2].stage = "A", "A0"
    world.stages["A1"].asks = frozenset(("deadline", "units"))
    world.stages["A1"].condition = "urgent"
    limited = world.stages["A2"]
    limited.limit, limited.strict = 1, True
    world.stages["A3"].asks = frozenset(("dealership",))
    world.stages["A3"].condition = "mine"
    return world, [
        Step("agent", "move", (0,), stage="A1", way="rpc"),
        Step("automation", "move", (0,), stage="A1", way="write", passing=True),
        Step("agent", "fill_in", (0, 1), stage="A1", value=frozenset(("deadline",))),
        Step("agent", "fill_in", (0, 1), stage="A1", value=frozenset(("deadline", "urgency"))),
        Step("agent", "move", (2,), stage="A1", way="form"),
        Step("manager", "move", (2,), stage="A1", way="form", passing=True),
        Step("agent", "create", stage="A1", value=frozenset(("deadline",)), way="board"),
        Step("automation", "create", stage="A1", value=frozenset(("deadline",)), way="create"),
        Step("manager", "set_conditions", stage="A1", value=(frozenset(("dealership",)), None)),
        Step("agent", "win", (1,)),
        Step("supervisor", "win", (0,)),
        Step("manager", "win", (1,), passing=True),
        Step("agent", "move", (1,), stage="A1", way="write"),
        # the limit
        Step("agent", "mass_edit", (0, 1), stage="A2"),
        Step("agent", "move", (0,), stage="A2", way="rpc"),
        Step("agent", "move", (1,), stage="A2", way="rpc"),
        Step("superuser", "move", (1,), stage="A2", way="write"),
        Step("agent", "win", (0,)),
        Step("agent", "fill_in", (1,), stage="A2", value=frozenset(("dealership",))),
        # lead 0 has a place there no more
        Step("agent", "move", (0,), stage="A2", way="rpc"),
        Step("manager", "move", (0,), stage="A2", way="rpc", passing=True),
        Step("agent", "lose", (0,), reason="price"),
        Step("agent", "restore", (0,)),
        Step("automation", "archive", (1,)),
        Step("agent", "restore", (0,)),
        Step("agent", "unarchive", (1,)),
        Step("agent", "win", (1,)),
        Step("manager", "flag", stage="A2", value="lost"),
        Step("manager", "set_limit", stage="A3", value=(1, False, True)),
        Step("manager", "set_limit", stage="A2", value=(1, True, True)),
        Step("supervisor", "assign", (2,), value="other"),
        Step("supervisor", "move", (2,), stage="A2", way="write"),
        Step("supervisor", "assign", (0,), value="other"),
        Step("manager", "assign", (0,), value="other", passing=True),
        Step("manager", "merge", (0, 2)),
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
                f"{''.join(f', without {what}' for what in sorted(lead.lacks))}"
                for number, lead in world.leads.items()
            ),
            *(
                f"  {stage.name} asks for {', '.join(sorted(stage.asks)) or 'no field'},"
                f" for {stage.condition or 'nothing'} else"
                for stage in world.stages.values()
                if stage.asks or stage.condition
            ),
            *(
                f"  {stage.name} {'takes' if stage.strict else 'warns from'} {stage.limit}"
                f"{' of each agent' if stage.per_user else ''}"
                for stage in world.stages.values()
                if stage.limit
            ),
            *(f"  {place}. {step}" for place, step in enumerate(program[: count + 1], start=1)),
        ]
    )
