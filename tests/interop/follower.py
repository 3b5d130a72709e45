"""An installation whose daemon follows a queue and lists only once, and what can be asked of it."""

from __future__ import annotations

import re
import socket
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sandbox
from deliveries import PREFIX
from sandbox import section

# After the first listing only a queue can tell of anything.
PACE = {"poll_interval_seconds": 3600, "commit_interval_seconds": 1}
# For anything that takes a second or two.
PATIENCE_SECONDS = 20
STOP_SECONDS = 10
ANSWER_SECONDS = 5
NOTICES = re.compile(r'^gatelog_ingest_notices_total\{kind="(\w+)"\} (\d+)$', re.MULTILINE)
FAILURES = re.compile(r"^gatelog_ingest_notice_failures_total (\d+)$", re.MULTILINE)
COMMIT_TIMES = """
    SELECT key, extract(epoch FROM lake_commit.committed_at)::float8
    FROM gatelog.source_object JOIN gatelog.lake_commit USING (commit_seq) WHERE state = 'committed'
"""


@dataclass
class Follower(sandbox.Installation):
    """Without a queue it is an ordinary installation."""

    queue_url: str | None = field(kw_only=True, default=None)
    status: str = field(kw_only=True, default="")

    def _sections(self) -> Iterator[str]:
        yield from super()._sections()
        yield section("source", {"prefixes": [PREFIX]})
        if self.queue_url:
            yield section("source.sqs", {"queue_url": self.queue_url} | self._queue())
        if self.status:
            yield section("status", {"listen": self.status})

    def _queue(self) -> dict[str, str]:
        return {name: value for name, value in self._bucket("").items() if name != "name"}

    @contextmanager
    def daemon(self) -> Iterator[subprocess.Popen[Any]]:
        """`gatelog ingest`, from its first listing on."""
        # Once: the daemon must not read it half written.
        self.config()
        with (self.folder / "ingest.log").open("w") as sink:
            process = subprocess.Popen(self._command("ingest"), stdout=sink, stderr=sink)
        with sandbox.ended_at_exit(process):
            if not wait_until(self.is_healthy):
                raise TimeoutError(f"no first listing\n{self.log()}")
            yield process

    def _command(self, *arguments: str) -> list[str]:
        return [str(self.binaries / "gatelog"), "--config", str(self.folder / "gatelog.toml"), *arguments]

    def is_healthy(self) -> bool:
        """`gatelog health`: it has listed and can go on."""
        return subprocess.run(self._command("health"), capture_output=True).returncode == 0

    def log(self) -> str:
        return (self.folder / "ingest.log").read_text()

    def committed(self) -> dict[str, float]:
        """When each key was committed, seconds since 1970."""
        return dict(self.ask(COMMIT_TIMES))

    def found(self) -> set[str]:
        """Keys of the ledger, committed or not: it has what a listing showed before the message is acknowledged."""
        return {key for (key,) in self.ask("SELECT key FROM gatelog.source_object")}

    def notices(self) -> Counter[str]:
        """What became of the notices, by the daemon's own count."""
        return Counter({kind: int(count) for kind, count in NOTICES.findall(self._metrics())})

    def failures(self) -> int:
        """Looks into the queue that failed."""
        return sum(map(int, FAILURES.findall(self._metrics())))

    def _metrics(self) -> str:
        try:
            with urllib.request.urlopen(f"http://{self.status}/metrics", timeout=ANSWER_SECONDS) as answer:
                return answer.read().decode()
        except OSError:
            # A daemon that is gone counts nothing, which the checks will say.
            return ""


def stop(process: subprocess.Popen[Any]) -> int:
    """Asks it to end, and does not wait for ever; its exit code."""
    process.terminate()
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def wait_until(holds: Callable[[], bool]) -> bool:
    """Whether it came to hold in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return holds()
