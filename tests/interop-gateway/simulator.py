"""The simulated Azure OpenAI, as a process of its own."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sandbox


@dataclass(frozen=True)
class Simulator:
    endpoint: str

    def totals(self) -> dict[str, Any]:
        """`sum`, `by_deployment` and `by_tenant`, as the provider itself counted."""
        with urllib.request.urlopen(f"{self.endpoint}/_sim/totals") as answer:
            return json.load(answer)


@contextmanager
def simulator(binaries: Path, *options: str) -> Iterator[Simulator]:
    command = [str(binaries / "gatelog-testkit-azure"), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with sandbox.ended_at_exit(process):
        yield Simulator(process.stdout.readline().strip())
