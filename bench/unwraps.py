"""Sealed logs: RSA unwraps per second of a whole ingest against a bare loop of the same library."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sandbox
from corpus import PRIVATE_KEY, corpus, totals
from measure import Context, interleaved, median_by


@dataclass(frozen=True)
class Rate:
    """Unwraps of one run."""

    unwraps: int
    run: sandbox.Run
    # An ingest counts from start to exit; the loop has a stopwatch of its own.
    seconds: float

    @property
    def per_second(self) -> float:
        return self.unwraps / self.seconds

    def line(self, name: str) -> str:
        per_cpu = self.unwraps / self.run.cpu_seconds
        took = f"{self.unwraps} in {self.seconds:.1f} s"
        return f"{name}: {self.per_second:.0f} unwraps/s ({took}), {per_cpu:.0f} per CPU-s of the process"


def against_bare_loop(context: Context) -> dict[str, float]:
    """RSA-4096, one wrapped key per line, as many threads as cores in both."""
    logs = corpus("--records", str(context.scaled(20_000)), "--files", "4", "--encrypt", "--key-mode", "per-log")
    records = totals(logs)["records"]
    with sandbox.testkit_s3(context.binaries, context.folder / "s3") as s3:
        sandbox.upload(s3, logs, sandbox.log_objects(logs))
        runs: dict[str, Callable[[], Rate]] = {
            "gatelog": lambda: ingest(context, s3, logs, records),
            "bare loop": lambda: bare_loop(context, logs / PRIVATE_KEY, records),
        }
        results = interleaved(context.rounds, runs)
    medians = {name: median_by(each, lambda one: one.per_second) for name, each in results.items()}
    for name, median in medians.items():
        print(median.line(name))
    return {"unwraps_ratio": medians["gatelog"].per_second / medians["bare loop"].per_second}


def ingest(context: Context, s3: sandbox.S3, logs: Path, records: int) -> Rate:
    with sandbox.database() as url, tempfile.TemporaryDirectory(dir=context.folder) as folder:
        own = {"private_key": logs / PRIVATE_KEY, "lake_prefix": Path(folder).name}
        gatelog = sandbox.Installation(context.binaries, Path(folder), s3, url, **own)
        run = gatelog.ingest_once()
        [(events,)] = gatelog.ask("SELECT sum(events) FROM gatelog.source_object")
    if events != records:
        raise SystemExit(f"gatelog opened {events} of {records} lines")
    return Rate(records, run, run.wall_seconds)


def bare_loop(context: Context, key: Path, unwraps: int) -> Rate:
    """A Rust example that prints the seconds it took."""
    run = sandbox.measure([context.example("unwrap_loop"), str(key), str(os.cpu_count()), str(unwraps)])
    return Rate(unwraps, run, float(run.output))
