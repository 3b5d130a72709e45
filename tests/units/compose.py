"""compose.yaml, read as an engine reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Service:
    name: str
    fields: dict[str, Any]
    folder: Path

    def is_ours(self) -> bool:
        return "build" in self.fields

    def environment(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.fields.get("environment", {}).items()}

    def mounts(self) -> dict[str, Path]:
        """Files of the repository by their place in the container."""
        return {target: self.folder / source for source, target, _ in self._volumes() if source.startswith(".")}

    def named_volumes(self) -> dict[str, str]:
        return {target: source for source, target, _ in self._volumes() if not source.startswith(".")}

    def writable_mounts(self) -> list[str]:
        return [source for source, _, mode in self._volumes() if source.startswith(".") and mode != "ro"]

    def secrets(self) -> list[str]:
        return list(self.fields.get("secrets", []))

    def tmpfs(self) -> list[str]:
        return [entry.partition(":")[0] for entry in self.fields.get("tmpfs", [])]

    def grace_seconds(self) -> int:
        return seconds(self.fields["stop_grace_period"])

    def _volumes(self) -> list[tuple[str, str, str]]:
        parts = [entry.split(":") for entry in self.fields.get("volumes", [])]
        return [(part[0], part[1], part[2] if len(part) > 2 else "") for part in parts]


@dataclass(frozen=True)
class Compose:
    services: dict[str, Service]
    secrets: dict[str, Any]
    volumes: dict[str, Any]
    networks: dict[str, Any]

    @staticmethod
    def read(path: Path) -> Compose:
        document = yaml.safe_load(path.read_text())
        services = {name: Service(name, fields, path.parent) for name, fields in document["services"].items()}
        return Compose(services, document["secrets"], document["volumes"], document["networks"])

    def ours(self) -> list[Service]:
        return [service for service in self.services.values() if service.is_ours()]


def seconds(text: str) -> int:
    """Of `90s`, `2m` or `1h`."""
    number, unit = re.fullmatch(r"(\d+)(s|m|h)", text).groups()
    return int(number) * {"s": 1, "m": 60, "h": 3_600}[unit]
