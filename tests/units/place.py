"""Where a role runs: what `container.py` is told, made from compose.yaml or from a unit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
COMMAND_SECONDS = 20


@dataclass(frozen=True)
class Place:
    """Everything a process sees of the world. Paths that begin a mapping are those inside."""

    name: str
    # An empty folder that becomes the root, in this place's namespace only.
    root: str
    command: list[str]
    environment: dict[str, str]
    user: int
    group: int
    folder: str
    read_only_files: dict[str, str]
    writable: dict[str, str]
    tmpfs: list[str]
    read_only: bool = True
    drops_capabilities: bool = True
    umask: str = "022"
    # System calls and address families, if the place has a filter.
    confinement: dict[str, Any] = field(default_factory=dict)

    def with_command(self, command: list[str]) -> Place:
        """Another command in the same place, as `docker compose exec` has it."""
        return replace(self, command=command)

    def start(self, log: Path, output: int | None = None) -> subprocess.Popen[bytes]:
        """Both outputs go to the log, unless `output` says where standard output goes."""
        description = log.with_suffix(f".{os.urandom(4).hex()}.json")
        description.write_text(json.dumps(asdict(self)))
        command = ["unshare", "--mount", "--", sys.executable, str(HERE / "container.py"), str(description)]
        with log.open("ab") as sink:
            stdout = sink if output is None else output
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=sink)

    def run(self, log: Path) -> tuple[int, str]:
        """To its end: exit code and standard output."""
        process = self.start(log, subprocess.PIPE)
        try:
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
        return process.returncode, output.decode()


def stop(process: subprocess.Popen[bytes], seconds: float) -> int | str:
    """SIGTERM; the exit code, or that there was none in time."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return f"none within {seconds} s"
