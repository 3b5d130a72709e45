"""Counts checks and prints each as one line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0

    def check(self, title: str, problems: list[str]) -> None:
        """One line; a failure is followed by what is wrong, a line each."""
        if problems:
            self.failed += 1
        else:
            self.passed += 1
        print(f"{'FAIL' if problems else 'PASS'} {title}", flush=True)
        for problem in problems:
            print(f"     {problem}", flush=True)
