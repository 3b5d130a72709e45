"""The places that compose.yaml and the units describe."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import confinement
from compose import Service
from dockerfile import Dockerfile
from place import CERTIFICATES, Place
from stand_ins import StandIns
from unit_file import UnitFile

INSTALLED = "/usr/local/bin/gatelog"
# Of nobody on the machine, as with DynamicUser=.
UNIT_OWNER = (61_184, 61_184)


@dataclass(frozen=True)
class Ground:
    """Folders of one place on this machine."""

    folder: Path
    owner: tuple[int, int]

    @staticmethod
    def make(folder: Path, owner: tuple[int, int]) -> Ground:
        for name in ("root", "state", "secrets"):
            (folder / name).mkdir(parents=True)
        os.chown(folder / "state", *owner)
        (folder / "state").chmod(0o700)
        return Ground(folder, owner)

    def secret(self, name: str, text: str) -> str:
        """A file that only the role's user can read."""
        path = self.folder / "secrets" / name
        path.write_text(text)
        path.chmod(0o400)
        os.chown(path, *self.owner)
        return str(path)


def of_service(
    ground: Ground, binary: Path, dockerfile: Dockerfile, service: Service, stand_ins: StandIns, overrides: dict[str, str]
) -> Place:
    secrets = {f"/run/secrets/{name}": ground.secret(name, stand_ins.secret(name)) for name in service.secrets()}
    configs = {target: str(file) for target, file in service.mounts().items()}
    return Place(
        name=service.name,
        root=str(ground.folder / "root"),
        command=dockerfile.entrypoint() + service.fields["command"],
        environment=dockerfile.environment() | service.environment() | overrides,
        user=ground.owner[0],
        group=ground.owner[1],
        folder=dockerfile.final.last("WORKDIR").text,
        read_only_files={INSTALLED: str(binary), CERTIFICATES: CERTIFICATES} | configs | secrets,
        writable={target: str(ground.folder / "state") for target in service.named_volumes()},
        tmpfs=service.tmpfs(),
        read_only=service.fields.get("read_only", False),
        drops_capabilities="ALL" in service.fields.get("cap_drop", []),
    )


def of_unit(
    ground: Ground, binary: Path, unit: UnitFile, config: Path, stand_ins: StandIns, overrides: dict[str, str]
) -> Place:
    folder = unit.credentials_folder()
    secrets = {f"{folder}/{name}": ground.secret(name, stand_ins.secret(name)) for name in unit.credentials()}
    return Place(
        name=f"{unit.role} as a unit",
        root=str(ground.folder / "root"),
        command=unit.command(),
        environment=unit.environment() | overrides,
        user=ground.owner[0],
        group=ground.owner[1],
        folder=unit.state_folder(),
        read_only_files={INSTALLED: str(binary), CERTIFICATES: CERTIFICATES, unit.config(): str(config)} | secrets,
        writable={unit.state_folder(): str(ground.folder / "state")},
        tmpfs=["/tmp"],
        umask=unit.settings["UMask"][0],
        confinement={
            "system_calls": confinement.allowed(unit.settings["SystemCallFilter"]),
            "address_families": unit.settings["RestrictAddressFamilies"][0].split(),
        },
    )
