"""Where the CPU time of an ingest goes, stage by stage, over the corpus in memory."""

from __future__ import annotations

import sandbox
from corpus import corpus, totals
from measure import Context


def breakdown(context: Context) -> dict[str, float]:
    """Prints CPU seconds per stage; no goal of its own. The example prints `STAGE CPU_SECONDS` lines."""
    logs = corpus("--files", str(context.scaled(20)), "--file-mb", "50")
    raw_gb = totals(logs)["raw_bytes"] / 1e9
    run = sandbox.measure([context.example("stages"), *map(str, sandbox.log_objects(logs))])
    spent = {name: float(seconds) for name, seconds in map(str.split, run.output.splitlines())}
    for name, seconds in spent.items():
        print(f"stage {name}: {seconds:.2f} CPU-s, {seconds / raw_gb:.2f} per GB raw")
    print(f"stages in all: {sum(spent.values()):.2f} CPU-s; the whole program: {run.cpu_seconds:.2f} CPU-s")
    return {}
