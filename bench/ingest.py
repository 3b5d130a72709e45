"""Plain logs to the lake: CPU and output size against chDB, and peak memory."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sandbox
from corpus import corpus, totals
from measure import Context, interleaved, median_by, postgres_cpu

PEER = Path(__file__).resolve().parent / "peer_chdb.py"
# The peer is taken with the number of threads that costs it less.
PEER_THREADS = (1, 2)
COUNTED = "SELECT sum(requests), sum(input_tokens), sum(output_tokens) FROM gatelog.rollup_hourly"


@dataclass(frozen=True)
class Ingested:
    """One run over a corpus."""

    run: sandbox.Run
    output_mb: float
    note: str = ""

    def line(self, name: str, raw_mb: float) -> str:
        run = self.run
        return (
            f"{name}: {run.cpu_seconds:.2f} CPU-s ({raw_mb / run.cpu_seconds:.0f} MB raw per CPU-s), "
            f"{run.wall_seconds:.1f} s wall, peak RSS {run.peak_rss_mb:.0f} MB, "
            f"output {self.output_mb:.1f} MB{self.note}"
        )


def corpus_against_peer(context: Context) -> dict[str, float]:
    """20 objects of 50 MB raw, gatelog and the peer in turn; medians by CPU seconds."""
    logs = corpus("--files", str(context.scaled(20)), "--file-mb", "50")
    raw_mb = totals(logs)["raw_bytes"] / 1e6
    print(f"corpus: {totals(logs)['records']} records, {raw_mb:.0f} MB raw, {totals(logs)['bytes'] / 1e6:.0f} MB gzip")
    with sandbox.testkit_s3(context.binaries, context.folder / "s3") as s3:
        sandbox.upload(s3, logs, sandbox.log_objects(logs))
        runs: dict[str, Callable[[], Ingested]] = {"gatelog": lambda: run_gatelog(context, s3, logs)}
        for threads in PEER_THREADS:
            runs[f"chdb, {threads} threads"] = lambda threads=threads: run_peer(logs, threads)
        results = interleaved(context.rounds, runs)

    medians = {name: median_by(each, lambda one: one.run.cpu_seconds) for name, each in results.items()}
    for name, median in medians.items():
        spread = ", ".join(f"{one.run.cpu_seconds:.2f}" for one in results[name])
        print(f"{median.line(name, raw_mb)} (all CPU-s: {spread})")
    ours = medians.pop("gatelog")
    peer = min(medians.values(), key=lambda one: one.run.cpu_seconds)
    return {
        "ingest_cpu_ratio": ours.run.cpu_seconds / peer.run.cpu_seconds,
        "ingest_size_ratio": ours.output_mb / peer.output_mb,
        "ingest_peak_rss": max(one.run.peak_rss_mb for one in results["gatelog"]),
    }


def single_object(context: Context) -> dict[str, float]:
    """One object of 1 GB raw."""
    logs = corpus("--files", "1", "--file-mb", str(context.scaled(1000)))
    with sandbox.testkit_s3(context.binaries, context.folder / "s3") as s3:
        sandbox.upload(s3, logs, sandbox.log_objects(logs))
        ingested = run_gatelog(context, s3, logs)
    print(ingested.line("gatelog", totals(logs)["raw_bytes"] / 1e6))
    return {"single_object_peak_rss": ingested.run.peak_rss_mb}


def run_gatelog(context: Context, s3: sandbox.S3, logs: Path) -> Ingested:
    """A new installation each time, so that nothing is a duplicate. The totals must be the generator's."""
    with sandbox.database() as url, tempfile.TemporaryDirectory(dir=context.folder) as folder:
        gatelog = sandbox.Installation(context.binaries, Path(folder), s3, url, lake_prefix=Path(folder).name)
        with postgres_cpu() as postgres:
            run = gatelog.ingest_once()
        [counted] = gatelog.ask(COUNTED)
        [(size_bytes,)] = gatelog.ask("SELECT sum(size_bytes) FROM gatelog.output_file")
    truth = totals(logs)
    parts = [truth[f"{kind}_tokens_json"] + truth[f"{kind}_tokens_sse"] for kind in ("prompt", "completion")]
    require("gatelog", [int(count) for count in counted], [truth["records"], *parts])
    return Ingested(run, float(size_bytes) / 1e6, f", Postgres {postgres[0]:.2f} CPU-s more")


def run_peer(logs: Path, threads: int) -> Ingested:
    """A new process each time. It does not read streamed answers, so its token sums leave those out."""
    with tempfile.TemporaryDirectory() as folder:
        run = sandbox.measure([sys.executable, str(PEER), str(logs), folder, str(threads)])
        size_bytes = sum(file.stat().st_size for file in Path(folder).iterdir())
    truth = totals(logs)
    expected = [truth["records"], truth["prompt_tokens_json"], truth["completion_tokens_json"]]
    require("chdb", [int(count) for count in run.output.split()], expected)
    return Ingested(run, size_bytes / 1e6)


def require(name: str, counted: list[int], expected: list[int]) -> None:
    """A fast wrong answer is no measurement."""
    if counted != expected:
        sys.exit(f"{name} counted rows, input and output tokens {counted}, the generator {expected}")
