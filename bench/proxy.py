"""Something that is asked for chat completions, and how programs that listen are started."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sandbox
from measure import tree_cpu_seconds, tree_peak_rss_mb

# LiteLLM imports for a while.
START_SECONDS = 120


def nothing() -> None:
    """There is nothing to wait for."""


@dataclass(frozen=True)
class Proxy:
    """One way to the upstream."""

    name: str
    url: str
    # `name: value`, besides the usual ones.
    headers: list[str] = field(default_factory=list)
    # Where streams are asked for, if that is another place.
    stream_url: str = ""
    # Its process; 0 for the upstream itself, which is no proxy.
    process: int = 0
    # Waits until it is done with what a load left behind.
    settle: Callable[[], None] = nothing
    # Whether an error of it ends the benchmark.
    must_not_fail: bool = False

    def cpu_seconds(self) -> float:
        """Of its process and that one's descendants."""
        return tree_cpu_seconds(self.process) if self.process else 0.0

    def peak_rss_mb(self) -> float:
        return tree_peak_rss_mb(self.process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def listening(
    command: list[str], port: int, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a program from when it takes connections on `port` until the block ends. What it says goes to `log`."""
    with log.open("ab") as sink:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=environment)
    with sandbox.ended_at_exit(process):
        deadline = time.monotonic() + START_SECONDS
        while not takes_connections(port):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"`{' '.join(command)}` does not listen\n{log.read_text()}")
            time.sleep(0.05)
        yield process


def takes_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
