"""What is measured against which limit, and the one form in which it is said."""

from __future__ import annotations

import operator
from dataclasses import dataclass

COMPARISONS = {"<=": operator.le, "<": operator.lt, ">=": operator.ge}


@dataclass(frozen=True)
class Goal:
    """A limit; `comparison` is how the value must stand to it."""

    name: str
    unit: str
    comparison: str
    limit: float

    def is_met(self, value: float) -> bool:
        return COMPARISONS[self.comparison](value, self.limit)

    def line(self, value: float) -> str:
        verdict = "met" if self.is_met(value) else "short"
        return f"bench: {self.name} = {shown(value)} {self.unit} (goal {self.comparison} {self.limit:g}) {verdict}"


GOALS = {
    goal.name: goal
    for goal in (
        # gatelog's CPU seconds by those of the fastest peer, same files, same run.
        Goal("ingest_cpu_ratio", "x", "<=", 1.0),
        Goal("ingest_size_ratio", "x", "<=", 0.75),
        Goal("ingest_peak_rss", "MB", "<", 400),
        Goal("single_object_peak_rss", "MB", "<", 400),
        # Unwraps per second of a whole ingest by those of a bare loop.
        Goal("unwraps_ratio", "x", ">=", 0.9),
        Goal("tiny_objects_per_second", "objects/s", ">=", 1000),
        Goal("snapshots_per_interval", "snapshots", "<=", 1),
        # Commit number 2,000 by commit number 20.
        Goal("commit_time_ratio", "x", "<=", 1.5),
        Goal("commit_bytes_ratio", "x", "<=", 2.0),
        # What the gateway, with everything on, adds to the same upstream at 1,000 requests a second.
        Goal("gateway_added_p50", "ms", "<=", 0.15),
        Goal("gateway_added_p99", "ms", "<=", 1.0),
        # Answers per CPU second by those of nginx, same run.
        Goal("gateway_answers_ratio", "x", ">=", 0.5),
        Goal("gateway_streams_ratio", "x", ">=", 0.5),
        # With 1,000 streams open.
        Goal("gateway_peak_rss", "MB", "<", 128),
    )
}


def shown(value: float) -> str:
    """Three digits that count, no exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
