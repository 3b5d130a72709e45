"""The load generator, and what one load of one proxy came to."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sandbox
from proxy import Proxy
from upstream import DEPLOYMENT, Upstream

# About what Logpush records of chat applications have; see the corpus.
PROMPT_BYTES = 4_000
SENTENCE = "The carrier confirms that the pallets of invoice four were delivered and asks when they are paid for. "


@dataclass(frozen=True)
class Times:
    """Milliseconds."""

    p50: float
    p99: float

    @staticmethod
    def of(micros: dict[str, float]) -> Times:
        return Times(micros["p50"] / 1000, micros["p99"] / 1000)


@dataclass(frozen=True)
class Load:
    """What one load of one proxy came to."""

    answers: int
    # Answers and those before the run that are not timed.
    asked: int
    errors: dict[str, int]
    unsent: int
    per_second: float
    body_bytes: int
    latency: Times
    # How late requests were sent: what the generator and busy connections add to the latency.
    late: Times
    # Of the proxy, until it was done with what the load left behind, and how much of that came after the last answer.
    cpu_seconds: float
    cpu_seconds_after: float

    @property
    def cpu_micros(self) -> float:
        """CPU time per answer."""
        return self.cpu_seconds / self.asked * 1e6

    @property
    def per_cpu_second(self) -> float:
        return self.asked / self.cpu_seconds


@dataclass
class Generator:
    """Loads proxies; no two requests of it have the same prompt, so no cache can answer."""

    binaries: Path
    folder: Path
    upstream: Upstream
    _numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        for is_stream in (False, True):
            self._body(is_stream).write_text(json.dumps(body(is_stream)))

    def rate(self, proxy: Proxy, per_second: int, seconds: int, connections: int) -> Load:
        """So many requests a second; latency counts from when each was due."""
        mode = ["rate", str(per_second), "--connections", str(connections), "--seconds", str(seconds)]
        return self._load(proxy, mode, is_stream=False)

    def max(self, proxy: Proxy, seconds: int, connections: int, *, is_stream: bool = False) -> Load:
        """As fast as it goes."""
        mode = ["max", "--connections", str(connections), "--seconds", str(seconds)]
        return self._load(proxy, mode, is_stream=is_stream)

    @contextmanager
    def holding(self, proxy: Proxy, streams: int, seconds: int) -> Iterator[dict[str, Any]]:
        """Opens streams and reads them for a while; they stay open while the block runs.

        Says how many streams had begun and how many were held so far.
        """
        command = self._command(proxy, ["hold", str(streams), "--seconds", str(seconds)], is_stream=True)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            said = process.stdout.readline()
            yield json.loads(said) if said else {"begun": 0, "held": 0}
            process.stdin.close()

    def _load(self, proxy: Proxy, mode: list[str], *, is_stream: bool) -> Load:
        calls, cpu = self.upstream.calls(), proxy.cpu_seconds()
        said = json.loads(sandbox.measure(self._command(proxy, mode, is_stream=is_stream)).output)
        cpu_at_end = proxy.cpu_seconds()
        proxy.settle()
        cpu_settled = proxy.cpu_seconds()
        if said["errors"] and proxy.must_not_fail:
            sys.exit(f"{proxy.name} failed: {said['errors']}")
        asked = said["answers"] + said["warm_up"]
        calls = self.upstream.calls() - calls
        if not said["errors"] and calls != asked:
            sys.exit(f"the upstream was asked {calls} times for {asked} requests to {proxy.name}")
        return Load(
            said["answers"],
            asked,
            said["errors"],
            said["unsent"],
            said["per_second"],
            said["body_bytes"],
            Times.of(said["latency"]),
            Times.of(said["late"]),
            cpu_settled - cpu,
            cpu_settled - cpu_at_end,
        )

    def _command(self, proxy: Proxy, mode: list[str], *, is_stream: bool) -> list[str]:
        # A range of its own for each run: a billion is more than any sends.
        first = next(self._numbers) * 10**9
        headers = ["content-type: application/json", *proxy.headers]
        command = [str(self.binaries / "gatelog-testkit-load"), "--body", str(self._body(is_stream))]
        command += [f"--first={first}", *(f"--header={header}" for header in headers)]
        url = proxy.stream_url if is_stream and proxy.stream_url else proxy.url
        return [*command, url, *mode]

    def _body(self, is_stream: bool) -> Path:
        return self.folder / ("stream.json" if is_stream else "plain.json")


def body(is_stream: bool) -> dict[str, Any]:
    """A request whose prompt has its number."""
    text = (SENTENCE * (PROMPT_BYTES // len(SENTENCE) + 1))[:PROMPT_BYTES]
    messages = [
        {"role": "system", "content": "You answer in one paragraph."},
        {"role": "user", "content": f"Case {{number}}. {text}"},
    ]
    asked = {"model": DEPLOYMENT, "messages": messages, "max_tokens": 4_000}
    return asked | ({"stream": True, "stream_options": {"include_usage": True}} if is_stream else {})
