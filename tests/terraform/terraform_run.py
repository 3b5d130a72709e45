"""Runs the real Terraform in a copy of the configuration, with stand-ins for its providers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stand_in_provider import serve

PROVIDERS = {"cloudflare": "cloudflare/cloudflare", "aws": "hashicorp/aws"}
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Answer:
    succeeded: bool
    # Errors are wrapped at the width of a terminal; one line can be searched.
    text: str


def command(
    arguments: list[str], folder: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    # A caller's own settings must not reach into the run.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return subprocess.run(
        ["terraform", *arguments],
        cwd=folder,
        env=inherited | (environment or {}),
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )


@contextmanager
def stand_ins(types: dict[str, Any], folder: Path) -> Iterator[dict[str, str]]:
    """Environment in which Terraform finds the stand-ins instead of looking for providers elsewhere."""
    servers, found = [], {}
    for provider, source in PROVIDERS.items():
        socket = str(folder / f"{provider}.sock")
        servers.append(serve(provider, types, socket))
        address = {"Network": "unix", "String": socket}
        found[source] = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": address}
    settings = folder / "settings"
    settings.touch()
    yield {"TF_REATTACH_PROVIDERS": json.dumps(found), "TF_CLI_CONFIG_FILE": str(settings), "CHECKPOINT_DISABLE": "1"}
    for server in servers:
        server.stop(grace=None)


class Configuration:
    """A copy of deploy/terraform; the original gets no .terraform folder and no state."""

    def __init__(self, source: Path, copy: Path, environment: dict[str, str]) -> None:
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
        self.root = copy
        self.environment = environment

    def run(self, example: str, *arguments: str, variables: dict[str, Any] | None = None) -> Answer:
        folder = self.root / "examples" / example
        if variables is not None:
            (folder / "terraform.tfvars.json").write_text(json.dumps(variables))
        done = command(list(arguments), folder, self.environment)
        said = COLOURS.sub("", done.stdout + done.stderr)
        return Answer(done.returncode == 0, re.sub(r"[\s│╷╵]+", " ", said) if "-json" not in arguments else done.stdout)

    def state(self, example: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.run(example, "show", "-json").text)
        return state

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.root / name
        before = file.read_text()
        if old not in before:
            raise ValueError(f"`{old}` is not in {name}")
        file.write_text(before.replace(old, new, 1))
