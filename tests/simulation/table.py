# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Run the mutants, each in a process of its own, and write the table of what came of them."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from .mutants import MUTANTS
from .product import CHECKOUT

DOCUMENT = CHECKOUT / "docs" / "simulation.md"
BEGIN, END = "<!-- mutants: begin -->", "<!-- mutants: end -->"
CPU_SECONDS = 40.0


def run(options, seed, cpu_seconds, timeout=3600):
    """Run the simulation in a process of its own; return what it found."""
    command = [sys.executable, str(CHECKOUT / "scripts" / "simulate"), f"--seed={seed}", "--json"]
    command += ["--minutes=50", "--shrink-seconds=0", f"--cpu-seconds={cpu_seconds}", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if not done.stdout.strip():
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def run_mutants(options):
    """Run all mutants, or those named, and print and write the table.

    An episode in which something is wrong without any mutant proves nothing, and is left out.
    """
    names = list(MUTANTS) if options.mutants == "all" else options.mutants.split(",")
    cpu_seconds = options.cpu_seconds or CPU_SECONDS
    plain = run(["--keep-going"], options.seed, cpu_seconds)
    print(f"without a mutant {len(plain['failed'])} of {plain['episodes']} episodes are wrong")
    skip = "--skip=" + ",".join(map(str, plain["failed"]))
    limit = f"--episodes={plain['episodes']}"
    rows, caught = [], 0
    pool = ThreadPoolExecutor(options.jobs)
    runs = {
        name: pool.submit(run, [f"--mutant={name}", skip, limit], options.seed, cpu_seconds)
        for name in names
    }
    for name in names:
        found = runs[name].result()
        is_caught = bool(found["wrong"])
        caught += is_caught
        row = [f"`{name}`", MUTANTS[name].breaks]
        if is_caught:
            row += [f"episode {found['episode']}", f"{found['pushes']}", _shown(found["wrong"])]
        else:
            row += ["**not caught**", f"{found['pushes']}", f"{found['episodes']} episodes"]
        rows.append(row)
        print(" | ".join(row), flush=True)
    print(f"{caught} of {len(names)} mutants caught")
    if options.mutants == "all":
        _write(rows, caught)
    return 0 if caught == len(names) else 1


def _shown(wrong):
    text = wrong[0]
    if text.startswith("broke off"):
        text = f"broke off: {wrong[-1]}"
    text = re.sub(r"[\[{].*", "…", text.removeprefix("at rest: "))
    return text.replace("|", "/")[:90]


def _write(rows, caught):
    lines = [
        f"{caught} of {len(rows)} mutants caught.",
        "",
        "| mutant | what it breaks | caught by | after pushes | what was said |",
        "|---|---|---|---:|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    text = DOCUMENT.read_text("utf-8")
    before, _begin, rest = text.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    DOCUMENT.write_text("\n".join([f"{before}{BEGIN}", "", *lines, "", f"{END}{after}"]), "utf-8")
