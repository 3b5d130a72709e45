"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from measure import CLUSTER_URL
from sandbox import ask

ROOT = Path(__file__).resolve().parent.parent


def describe(binaries: Path, peers: list[str]) -> list[str]:
    """Machine, versions and commit, a line each; `peers` are names with versions."""
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0]
    cpu = first_match("/proc/cpuinfo", r"model name\s*: (.*)")
    lines = [
        f"machine: {cpu}, {cores} cores, {memory_gb():.0f} GB, Linux {platform.release()}",
        f"versions: {said(str(binaries / 'gatelog'), '--version')}, commit {commit()}, {said('rustc', '--version')}, "
        f"{', '.join(peers)}, {postgres()}, Python {platform.python_version()}",
    ]
    if load > cores:
        lines.append(
            f"warning: load average is {load:.1f} on {cores} cores: these figures come from a shared machine; "
            "trust CPU seconds and ratios, not wall time"
        )
    return lines


def memory_gb() -> float:
    return int(first_match("/proc/meminfo", r"MemTotal:\s*(\d+)")) * 1024 / 1e9


def first_match(file: str, pattern: str) -> str:
    found = re.search(pattern, Path(file).read_text())
    return found.group(1) if found else "unknown"


def said(*command: str) -> str:
    return subprocess.check_output(command, text=True, cwd=ROOT).strip()


def commit() -> str:
    """The commit, marked when files differ from it."""
    return said("git", "describe", "--always", "--dirty", "--abbrev=12")


def postgres() -> str:
    [(version, fsync)] = ask(CLUSTER_URL, "SELECT current_setting('server_version'), current_setting('fsync')")
    return f"PostgreSQL {version.split()[0]} (fsync {fsync})"
