"""Runs the client programs and takes down what they say; outcome.py has the lines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tally import Tally

HERE = Path(__file__).resolve().parent
# By the tenant that each asks as.
SUITES = {
    "openai-errors": "client_openai_errors.py",
    "openai-node": "client_openai.mjs",
    "openai-python": "client_openai.py",
    "openai-async": "client_openai_async.py",
    "openai-tls": "client_openai_tls.py",
    "ai-sdk": "client_ai_sdk.mjs",
    "ai-gateway-provider": "client_ai_gateway_provider.mjs",
    "fetch": "client_fetch.mjs",
}
# Some wait for retry-after, others compute.
AT_ONCE = 3
# Longest run of one; they take a few seconds.
SUITE_SECONDS = 45


@dataclass
class Heard:
    """What the clients know that the provider does not."""

    counts: Counter[str] = field(default_factory=Counter)
    log_ids: list[str] = field(default_factory=list)
    # Streamed answers as SDKs put them together.
    wholes: list[dict[str, Any]] = field(default_factory=list)


def run_all(tally: Tally, folder: Path, packages: Path, environments: dict[str, dict[str, str]]) -> Heard:
    """Runs every suite with its environment."""
    stage(folder, packages)
    heard = Heard()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = {suite: pool.submit(run, folder / program, environments[suite]) for suite, program in SUITES.items()}
        for suite, ended in runs.items():
            print(f"== {suite}: {SUITES[suite]}", flush=True)
            take(tally, heard, suite, ended.result())
    return heard


def stage(folder: Path, packages: Path) -> None:
    """Puts the programs beside the packages: Node looks for those in the folders above a program and nowhere else."""
    for program in [*HERE.glob("*.mjs"), *HERE.glob("client_*.py"), HERE / "outcome.py", HERE / "place.py"]:
        shutil.copy(program, folder)
    (folder / "node_modules").symlink_to(packages / "node_modules")


def run(program: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs one to its end, or to its limit."""
    interpreter = sys.executable if program.suffix == ".py" else "node"
    command = [interpreter, str(program)]
    try:
        return subprocess.run(command, env=clean() | environment, capture_output=True, text=True, timeout=SUITE_SECONDS)
    except subprocess.TimeoutExpired as cut:
        said = [text.decode() if isinstance(text, bytes) else text or "" for text in (cut.stdout, cut.stderr)]
        return subprocess.CompletedProcess(command, -1, said[0], f"{said[1]}\nno end after {SUITE_SECONDS} s")


def clean() -> dict[str, str]:
    """This environment without what the clients would take for settings of theirs."""
    def is_setting(name: str) -> bool:
        return name.startswith(("OPENAI_", "AZURE_", "NODE_")) or name.upper().endswith("_PROXY")

    return {name: value for name, value in os.environ.items() if not is_setting(name)}


def take(tally: Tally, heard: Heard, suite: str, ended: subprocess.CompletedProcess[str]) -> None:
    """Reads what a client said. One that did not come to its end has failed whatever it said before."""
    is_whole = False
    for line in ended.stdout.splitlines():
        word, _, rest = line.partition(" ")
        match word:
            case "PASS":
                tally.check(f"{suite}: {rest}", True)
            case "FAIL":
                tally.check(f"{suite}: {rest}", False)
            case "LOGGED":
                heard.log_ids.append(rest)
            case "WHOLE":
                heard.wholes.append(json.loads(rest))
            case "COUNT":
                heard.counts.update(json.loads(rest))
                is_whole = True
            case _:
                print(line, flush=True)
    tally.check(f"{suite}: ran to its end", is_whole and ended.returncode in (0, 1), f"exit code {ended.returncode}")
    if not is_whole or ended.returncode:
        print(ended.stderr, file=sys.stderr)
