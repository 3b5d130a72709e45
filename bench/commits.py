"""Whether commits stay as fast, and their metadata as small, as at the beginning."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import sandbox
from measure import Context

EARLY = 20
LATE = 2_000
# Commits around each; merging and expiring happen now and then, so one commit says little.
WINDOW = 16


@dataclass(frozen=True)
class Commit:
    """One commit of one small file: what it took and the metadata it read and wrote."""

    seconds: float
    metadata_bytes: int


def growth(context: Context) -> dict[str, float]:
    """Commits in a row to one table, against Postgres and the S3 server. Medians over a window around two of them."""
    late = context.scaled(LATE)
    run = sandbox.measure([context.example("commit_growth"), str(late)])
    commits = [Commit(float(seconds), int(size)) for seconds, size in map(str.split, run.output.splitlines())]
    windows = {EARLY: commits[EARLY - WINDOW // 2 : EARLY + WINDOW // 2], late: commits[-WINDOW:]}
    for number, window in windows.items():
        print(f"commit {number}: {describe(window)}")
    early, last = windows.values()
    return {
        "commit_time_ratio": median_seconds(last) / median_seconds(early),
        "commit_bytes_ratio": median_bytes(last) / median_bytes(early),
    }


def describe(window: list[Commit]) -> str:
    slowest = max(commit.seconds for commit in window)
    return (
        f"median {median_seconds(window) * 1000:.1f} ms (slowest {slowest * 1000:.1f} ms), "
        f"{median_bytes(window) / 1000:.0f} kB of metadata, over {len(window)} commits"
    )


def median_seconds(window: list[Commit]) -> float:
    return statistics.median(commit.seconds for commit in window)


def median_bytes(window: list[Commit]) -> float:
    return statistics.median(commit.metadata_bytes for commit in window)
