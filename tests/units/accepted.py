"""Asks the binary what it accepts."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

BAD_USAGE, BAD_CONFIG = 2, 64
ANSWER_SECONDS = 10
# Nobody listens there, so that `health` ends at once.
NOBODY = {"GATELOG__STATUS__LISTEN": "127.0.0.1:1"}


@dataclass(frozen=True)
class Binary:
    path: Path
    # Empty, so that no gatelog.toml is found by chance.
    folder: Path

    def run(self, arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        command = [str(self.path), *arguments]
        return subprocess.run(
            command, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=ANSWER_SECONDS
        )

    def unknown_words(self, command: list[str]) -> list[str]:
        """Options and subcommands of `command` that `--help` does not have; values of options are skipped."""
        unknown, path, is_value = [], [], False
        for word in command[1:]:
            if is_value:
                is_value = False
                continue
            text = self.run([*path, "--help"], {}).stdout
            if word.startswith("-"):
                option = re.search(rf"^\s+(?:-\w, )?{re.escape(word)}( <\w+>)?(?:\s|$)", text, re.MULTILINE)
                is_value = bool(option and option[1])
                unknown += [] if option else [word]
            elif re.search(rf"^  {re.escape(word)}(\s|$)", text.partition("Commands:")[2], re.MULTILINE):
                path.append(word)
            else:
                unknown.append(word)
        return unknown

    def objection(self, config: Path, environment: dict[str, str]) -> str | None:
        """Why file and overrides are not accepted. `health` reads both and no secret, and asks nobody but itself."""
        ended = self.run(["--config", str(config), "health"], environment | NOBODY)
        refused = ended.returncode in (BAD_USAGE, BAD_CONFIG)
        return ended.stderr.strip() if refused else None
