"""The benchmarks, in order. Started by run.py, beside a private Postgres.

Prints machine, versions and commit, then for each benchmark its measurements and one line per goal:
`bench: NAME = VALUE UNIT (goal OP VALUE) met`, or `... short`. Exits with 1 if a goal is short, unless it runs --quick.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import commits
import ingest
import machine
import stages
import tiny
import unwraps
from goals import GOALS
from measure import Context

BENCHMARKS: dict[str, Callable[[Context], dict[str, float]]] = {
    "ingest": ingest.corpus_against_peer,
    "stages": stages.breakdown,
    "single_object": ingest.single_object,
    "unwraps": unwraps.against_bare_loop,
    "tiny_objects": tiny.objects_of_one_line,
    "commits": commits.growth,
}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS))
    arguments = parser.parse_args()

    print("\n".join(machine.describe(arguments.bin)), flush=True)
    values: dict[str, float] = {}
    for name in arguments.only:
        print(f"\n== {name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="gatelog-bench-") as folder:
            measured = BENCHMARKS[name](Context(arguments.bin, Path(folder), arguments.quick))
        for goal, value in measured.items():
            print(GOALS[goal].line(value), flush=True)
        values |= measured

    short = [name for name, value in values.items() if not GOALS[name].is_met(value)]
    if arguments.quick:
        print("\nquick run: the sizes are too small for the goals, none is enforced")
        return 0
    print(f"\n{len(values) - len(short)} goals met, {len(short)} short{': ' if short else ''}{', '.join(short)}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
