"""Programs that run beside the commands of the document, each ended by its own process number."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STOP_SECONDS = 20


def stop(process: subprocess.Popen[str]) -> int:
    """SIGTERM; the exit code. One that hangs is killed, which its exit code shows."""
    process.terminate()
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


@contextmanager
def server(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        stop(process)


def line(process: subprocess.Popen[str]) -> str:
    """The next line it prints: where it listens, which it says once it does."""
    assert process.stdout is not None
    said = process.stdout.readline().strip()
    if not said:
        raise RuntimeError(f"process {process.pid} ended before it said where it listens")
    return said


def run(command: list[str], environment: dict[str, str], folder: Path) -> str:
    """Standard output of a program that has to succeed."""
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"`{' '.join(command)}` ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
