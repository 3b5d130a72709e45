"""Runs benchmarks in order, each in a folder of its own, and says which goals are met.

Prints machine, versions and commit, then for each benchmark its measurements and one line per goal:
`bench: NAME = VALUE UNIT (goal OP VALUE) met`, or `... short`. Exits with 1 if a goal is short, unless it runs --quick.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import machine
from goals import GOALS
from measure import Context

Benchmark = Callable[[Context], dict[str, float]]


def run(benchmarks: dict[str, Benchmark], peers: list[str]) -> int:
    """The exit code; `peers` are names with versions."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=benchmarks, default=list(benchmarks))
    arguments = parser.parse_args()

    print("\n".join(machine.describe(arguments.bin, peers)), flush=True)
    values: dict[str, float] = {}
    for name in arguments.only:
        print(f"\n== {name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="gatelog-bench-") as folder:
            measured = benchmarks[name](Context(arguments.bin, Path(folder), arguments.quick))
        for goal, value in measured.items():
            print(GOALS[goal].line(value), flush=True)
        values |= measured

    short = [name for name, value in values.items() if not GOALS[name].is_met(value)]
    if arguments.quick:
        print("\nquick run: the sizes are too small for the goals, none is enforced")
        return 0
    print(f"\n{len(values) - len(short)} goals met, {len(short)} short{': ' if short else ''}{', '.join(short)}")
    return 1 if short else 0
