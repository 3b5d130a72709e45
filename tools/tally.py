"""Counts checks and prints each as one line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0

    def check(self, title: str, holds: bool, detail: str = "") -> None:
        """One line; a failure says why."""
        if holds:
            self.passed += 1
        else:
            self.failed += 1
        print(f"PASS {title}" if holds else f"FAIL {title}{detail and f': {detail}'}", flush=True)

    def equal(self, title: str, found: object, expected: object) -> None:
        self.check(f"{title}: {expected}", found == expected, f"found {found}")
