"""A systemd unit, read as its manager reads it."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

STATE_ROOT = "/var/lib"


@dataclass(frozen=True)
class UnitFile:
    path: Path
    text: str
    settings: dict[str, list[str]]

    @staticmethod
    def read(path: Path) -> UnitFile:
        settings: dict[str, list[str]] = defaultdict(list)
        for line in path.read_text().splitlines():
            name, is_setting, value = line.partition("=")
            if is_setting and not line.startswith(("#", ";")):
                settings[name.strip()].append(value.strip())
        return UnitFile(path, path.read_text(), settings)

    @property
    def role(self) -> str:
        """By its name; what it runs is checked against that."""
        return self.path.stem.removeprefix("gatelog-")

    def credentials_folder(self) -> str:
        """What `%d` becomes."""
        return f"/run/credentials/{self.path.name}"

    def credentials(self) -> list[str]:
        return [entry.partition(":")[0] for entry in self.settings["LoadCredential"]]

    def command(self) -> list[str]:
        return shlex.split(self.settings["ExecStart"][0])

    def config(self) -> str:
        command = self.command()
        return command[command.index("--config") + 1]

    def environment(self) -> dict[str, str]:
        """`Environment=` with its specifiers replaced."""
        pairs = [word for line in self.settings["Environment"] for word in shlex.split(line)]
        replaced = [pair.replace("%d", self.credentials_folder()).replace("%S", STATE_ROOT) for pair in pairs]
        return dict(pair.partition("=")[::2] for pair in replaced)

    def state_folder(self) -> str:
        return f"{STATE_ROOT}/{self.settings['StateDirectory'][0]}"

    def stated_exposure(self) -> str | None:
        found = re.search(r"^# Exposure by `systemd-analyze security` 252: ([\d.]+)$", self.text, re.MULTILINE)
        return found and found[1]

    def stop_seconds(self) -> int:
        return int(self.settings["TimeoutStopSec"][0].removesuffix("s"))
