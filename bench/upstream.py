"""The simulated Azure OpenAI that every proxy stands before."""

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
from proxy import Proxy

DEPLOYMENT = "gpt-4o"
API_VERSION = "2024-10-21"
CHAT = f"chat/completions?api-version={API_VERSION}"
AZURE_PATH = f"/openai/deployments/{DEPLOYMENT}/{CHAT}"
API_KEY = "api-key: any-will-do"


@dataclass(frozen=True)
class Upstream:
    """A running one."""

    endpoint: str

    def direct(self) -> Proxy:
        """The floor: nothing in between."""
        return Proxy("direct", self.endpoint + AZURE_PATH, [API_KEY], must_not_fail=True)

    def behave(self, words: str) -> None:
        """Meets every request so from now on."""
        self._ask("reset", {})
        self._ask("behave", {"behave": words})

    def calls(self) -> int:
        """Requests since `behave`."""
        return self._ask("totals")["sum"]["calls"]

    def _ask(self, name: str, body: dict[str, str] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.endpoint}/_sim/{name}", data) as answer:
            return json.load(answer)


@contextmanager
def running(binaries: Path) -> Iterator[Upstream]:
    """Keeps totals only, which is faster."""
    command = [str(binaries / "gatelog-testkit-azure"), "--calls", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with sandbox.ended_at_exit(process):
        yield Upstream(process.stdout.readline().strip())
