"""Runs under a stopwatch: interleaved repetitions, medians, CPU time and memory of processes that go on."""

from __future__ import annotations

import os
import re
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
        children = [times for times in all_processes().values() if times.parent == postmaster]
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


def all_processes() -> dict[int, ProcessTimes]:
    processes = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            processes[int(folder.name)] = process_times(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return processes


def tree(root: int) -> dict[int, ProcessTimes]:
    """A process and its descendants."""
    processes = all_processes()
    found = {root: processes[root]}
    while more := {
        process: times for process, times in processes.items() if times.parent in found and process not in found
    }:
        found |= more
    return found


def tree_cpu_seconds(root: int) -> float:
    """CPU seconds of a process and its descendants, those that have ended included."""
    ticks = sum(times.own + times.ended_children for times in tree(root).values())
    return ticks / os.sysconf("SC_CLK_TCK")


def tree_peak_rss_mb(root: int) -> float:
    """The sum of what a process and each of its descendants ever had in memory at most."""
    return sum(peak_rss_mb(process) for process in tree(root))


def peak_rss_mb(process: int) -> float:
    """From /proc/PID/status, which says it in kB of 1,024 bytes."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found.group(1)) * 1024 / 1e6 if found else 0.0
