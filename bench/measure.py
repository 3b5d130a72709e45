"""Runs under a stopwatch: interleaved repetitions, medians, the CPU time of Postgres."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import sandbox

T = TypeVar("T")
CLUSTER_URL = os.environ[sandbox.CLUSTER_VARIABLE]
# What each figure is the median of.
ROUNDS = 3


@dataclass(frozen=True)
class Context:
    """What every benchmark is given."""

    binaries: Path
    folder: Path
    quick: bool

    def example(self, name: str) -> str:
        """A Rust example, built with the release."""
        return str(self.binaries / "examples" / name)

    def scaled(self, size: int) -> int:
        """A tenth of it for a quick run."""
        return size // 10 if self.quick else size

    @property
    def rounds(self) -> int:
        return 1 if self.quick else ROUNDS


def interleaved(rounds: int, runs: dict[str, Callable[[], T]]) -> dict[str, list[T]]:
    """Runs each once per round, so that a busy minute of the machine falls on all of them."""
    results: dict[str, list[T]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            results[name].append(run())
    return results


def median_by(results: list[T], key: Callable[[T], float]) -> T:
    """The run whose figure is the median."""
    wanted = statistics.median_low([key(result) for result in results])
    return next(result for result in results if key(result) == wanted)


@contextmanager
def postgres_cpu() -> Iterator[list[float]]:
    """CPU seconds of the whole cluster while the block runs: the one element of the list, once it has ended."""
    spent: list[float] = []
    before = cluster_cpu_seconds()
    yield spent
    spent.append(cluster_cpu_seconds() - before)


def cluster_cpu_seconds() -> float:
    """Of the postmaster, its present children and those that have ended."""
    [(checkpointer,)] = sandbox.ask(CLUSTER_URL, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    postmaster = process_times(checkpointer).parent
    while True:
        before = process_times(postmaster)
        children = [times for times in all_processes() if times.parent == postmaster]
        # A child that ended meanwhile may be in neither count: then look again.
        if process_times(postmaster).ended_children == before.ended_children:
            ticks = before.own + before.ended_children + sum(child.own for child in children)
            return ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class ProcessTimes:
    """User and system time, in clock ticks."""

    parent: int
    own: int
    ended_children: int


def process_times(process: int) -> ProcessTimes:
    """From /proc/PID/stat: after the command name come state, parent, ..., utime, stime, cutime, cstime."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return ProcessTimes(int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14]))


def all_processes() -> Iterator[ProcessTimes]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            yield process_times(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
