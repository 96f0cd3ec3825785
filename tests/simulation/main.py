# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The command: run episodes, print what came of them, shrink what fails."""

import argparse
import gc
import json
import logging
import re
import signal
import sys
import time

from . import episode, schedule
from .product import Product

# A fifth of the time went into looking for unreachable objects, which few episodes leave behind.
EPISODES_PER_COLLECTION = 20


def read_options(arguments):
    """Return the options."""
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--pushes", type=int, default=0, help="stop after so many orders pushed")
    parser.add_argument("--episodes", type=int, default=0, help="stop after so many episodes")
    parser.add_argument("--mutant", default="", help="a deliberate defect")
    parser.add_argument("--replay", default="", help="what a failing seed printed, or a file of it")
    parser.add_argument("--mood", type=int, choices=range(4), help="0: many orders, no faults")
    parser.add_argument("--episode", type=int, help="this one episode only")
    parser.add_argument("--mutants", nargs="?", const="all", metavar="NAME,NAME")
    parser.add_argument("--jobs", type=int, default=1, help="so many mutants at a time")
    parser.add_argument("--cpu-seconds", type=float, default=0, help="stop after so many of them")
    parser.add_argument("--skip", default="", metavar="EPISODE,EPISODE", help="but these")
    parser.add_argument("--json", action="store_true", help="print one line for programs")
    parser.add_argument("--keep-going", action="store_true", help="count wrongs, shrink none")
    parser.add_argument("--shrink-seconds", type=float, default=30.0)
    return parser.parse_args(arguments)


def main(arguments):
    """Simulate; the exit status is 1 when something was wrong."""
    options = read_options(arguments)
    if options.mutants:
        from .table import run_mutants

        return run_mutants(options)
    catch_unexpected()
    mutant = None
    if options.mutant:
        from .mutants import MUTANTS

        mutant = MUTANTS[options.mutant].replacements
    product = Product(mutant)
    if options.episode is not None:
        print_replay(product, options.episode, options)
        return 0
    if options.replay:
        return replay(product, options.replay)
    return simulate(product, options)


class _Unexpected(logging.Handler):
    """Notes the exceptions that the product did not expect, and says so in its log."""

    def emit(self, record):
        """Count one, but for those that the simulation itself raises."""
        if str(record.msg).startswith("Unexpected") and record.args[0] != "DatabaseRefuses":
            episode.unexpected.append(record.getMessage())


def catch_unexpected():
    """Keep the product's log away from the screen, and notice what it did not expect."""
    logger = logging.getLogger("bpo_crm")
    logger.propagate = False
    logger.setLevel(logging.ERROR)
    logger.addHandler(_Unexpected())


def simulate(product, options):
    """Run episode after episode."""
    total = episode.Outcome()
    gc.freeze()
    gc.disable()
    # a run that is stopped, also one in the background, shows what was done so far
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    began = time.monotonic()
    number, failing, failed = 0, None, []
    skipped = {int(each) for each in options.skip.split(",") if each}
    while failing is None:
        seed = options.seed * 1_000_000 + number
        if seed in skipped:
            number += 1
            continue
        try:
            outcome = episode.run(product, seed, mood=options.mood)
        except KeyboardInterrupt:
            break
        total.add(outcome)
        number += 1
        if number % EPISODES_PER_COLLECTION == 0:
            gc.collect()
        if outcome.wrong and not options.keep_going:
            failing = seed
        if outcome.wrong and options.keep_going:
            failed.append(seed)
            print(f"episode {seed}: {outcome.wrong[0]}")
        if time.monotonic() - began > options.minutes * 60:
            break
        if options.cpu_seconds and time.process_time() > options.cpu_seconds:
            break
        if options.pushes and total.counts["orders"] >= options.pushes:
            break
        if options.episodes and number >= options.episodes:
            break
    seconds = time.monotonic() - began
    if options.json:
        text = total.wrong[0].strip().splitlines() if total.wrong else []
        pushes = total.counts["pushes"]
        found = {
            "failed": failed,
            "episode": failing,
            "pushes": pushes,
            "wrong": text,
            "episodes": number,
        }
        print(json.dumps(found))
        return 1 if total.wrong else 0
    show(total, number, seconds, options)
    if failing is not None:
        print_replay(product, failing, options)
    return 1 if total.wrong else 0


def show(total, episodes, seconds, options):
    """Print the figures."""
    counts = total.counts
    cpu = time.process_time()
    print(f"seed {options.seed}, {episodes} episodes, {seconds:.0f} s, {cpu:.0f} s of them at work")
    orders = counts["bpo.dealer.order"]
    print(
        f"pushes {counts['pushes']} ({counts['pushes'] / cpu:.0f} per second at work), "
        f"outbox rows {orders}, orders made at dealers {counts['orders']}, "
        f"requests {counts['requests']}"
    )
    print("events:", dict(sorted(counts.items())))
    print("faults:", dict(sorted(total.faults.items())))
    print("excuses:")
    for kind, count in sorted(total.excuses.items()):
        print(f"  {count:8} {kind}")
    print(f"wrong: {len(total.wrong)}")
    for text in total.wrong[:10]:
        print("  ", text)


def print_replay(product, seed, options):
    """Shrink an episode that fails, and print what --replay takes."""
    events = shrink(product, seed, schedule.make(seed, options.mood), options.shrink_seconds)
    wrong = episode.run(product, seed, events).wrong
    if not wrong:
        print(f"in the episode {seed} nothing is wrong")
        return
    print(f"the episode {seed}, shrunk to {schedule.count(events)} events and disturbances:")
    for text in wrong[:3]:
        print("  ", text)
    text = json.dumps({"seed": seed, "events": events})
    print(f"scripts/simulate --replay '{text}'")


def shrink(product, seed, events, seconds):
    """Leave out what is not needed for something to be wrong, for so many seconds at most."""
    end = time.monotonic() + seconds
    kinds = kinds_of(episode.run(product, seed, events).wrong)
    smaller = True
    while smaller:
        smaller = False
        for candidate in schedule.simpler(events):
            if time.monotonic() > end:
                return events
            if kinds & kinds_of(episode.run(product, seed, candidate).wrong):
                events, smaller = candidate, True
                break
    return events


def kinds_of(wrong):
    """Return what is wrong, without the names of leads and orders."""
    return {
        re.sub(r"\[.*|\{.*|went to .*|[tc]?\d+|_2", "", text.splitlines()[0]) for text in wrong[:5]
    }


def replay(product, text):
    """Run again what a failing seed printed."""
    if not text.lstrip().startswith("{"):
        with open(text, encoding="utf-8") as file:
            text = file.read()
    found = json.loads(text)
    outcome = episode.run(product, found["seed"], found.get("events"))
    for wrong in outcome.wrong:
        print("wrong:", wrong)
    print(f"wrong: {len(outcome.wrong)}")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
