"""Runs both roles as the image and as the units have them, with a request that goes all the way."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tally import Tally

import outside
import places
from compose import Compose
from dockerfile import Dockerfile
from place import Place, stop
from stand_ins import StandIns, stand_ins
from unit_file import UnitFile

START_SECONDS = 30
ARRIVAL_SECONDS = 20
# Nothing is open when they are asked to stop; longer means that something hangs.
STOP_SECONDS = 20


@dataclass(frozen=True)
class Role:
    """A place, how its health is asked, and how long it may take to stop."""

    place: Place
    health: list[str]
    grace_seconds: int
    log: Path
    state: Path

    def health_code(self) -> int:
        return self.place.with_command(self.health).run(self.log)[0]


def check(
    tally: Tally, folder: Path, binaries: Path, dockerfile: Dockerfile, compose: Compose, units: list[UnitFile]
) -> None:
    binary = binaries / "gatelog"
    with stand_ins(binaries, folder) as around:
        print("== both roles as compose.yaml starts them", flush=True)
        drive(tally, around, list(of_compose(folder / "compose", binary, dockerfile, compose, around)), "compose")
        if not shutil.which("systemd-analyze"):
            print("LEFT OUT both roles as the units start them: there is no systemd-analyze (Debian: systemd)")
            return
        print("== both roles as the units start them, under the units' filter of system calls", flush=True)
        drive(tally, around, list(of_units(folder / "units", binary, units, compose, around)), "units")


def of_compose(folder: Path, binary: Path, dockerfile: Dockerfile, compose: Compose, around: StandIns) -> Iterator[Role]:
    for service in compose.ours():
        ground = places.Ground.make(folder / service.name, dockerfile.owner())
        overrides = around.overrides(service.name)
        place = places.of_service(ground, binary, dockerfile, service, around, overrides)
        log = folder / f"{service.name}.log"
        yield Role(place, dockerfile.health_command(), service.grace_seconds(), log, ground.folder / "state")


def of_units(folder: Path, binary: Path, units: list[UnitFile], compose: Compose, around: StandIns) -> Iterator[Role]:
    for unit in units:
        ground = places.Ground.make(folder / unit.role, places.UNIT_OWNER)
        # The short example; where its secrets are is overridden by the unit.
        config = next(iter(compose.services[unit.role].mounts().values()))
        place = places.of_unit(ground, binary, unit, config, around, around.overrides(unit.role))
        health = [*unit.command()[:-1], "health"]
        yield Role(place, health, unit.stop_seconds(), folder / f"{unit.role}.log", ground.folder / "state")


def drive(tally: Tally, around: StandIns, roles: list[Role], tenant: str) -> None:
    tally.equal(f"{roles[0].place.name}: exit code of `gatelog version`", in_place(roles[0], "version")[0], 0)
    for role in roles:
        code = role.health_code()
        tally.equal(f"{role.place.name}: exit code of the health check before the start", code, 1)
    with started(roles) as processes:
        for role, process in zip(roles, processes, strict=True):
            tally.check(f"{role.place.name}: the health check turns to 0", becomes_healthy(role, process), tail(role))
            check_confined(tally, role, process)
        gateway = next(role for role in roles if role.place.command[-1] == "gateway")
        ingest = next(role for role in roles if role.place.command[-1] == "ingest")
        check_request(tally, around, gateway, tenant)
        code, said = in_place(ingest, "check")
        tally.check(f"{ingest.place.name}: `gatelog check` finds nothing", code == 0, said)
        for role, process in zip(roles, processes, strict=True):
            check_traces(tally, role, process)
            began = time.monotonic()
            code = stop(process, min(STOP_SECONDS, role.grace_seconds))
            tally.equal(f"{role.place.name}: exit code after SIGTERM, in {time.monotonic() - began:.1f} s", code, 0)
            tally.equal(f"{role.place.name}: exit code of the health check after the end", role.health_code(), 1)
    for role in roles:
        tally.equal(f"{role.place.name}: errors in its log", errors(role), [])


@contextmanager
def started(roles: list[Role]) -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for role in roles:
            processes.append(role.place.start(role.log))
        yield processes
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def becomes_healthy(role: Role, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if role.health_code() == 0:
            return True
        time.sleep(0.1)
    return False


def check_confined(tally: Tally, role: Role, process: subprocess.Popen[bytes]) -> None:
    """That the process really has what was asked for: the rest means nothing otherwise."""
    if process.poll() is not None:
        return
    place, lines = role.place, Path(f"/proc/{process.pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    tally.equal(f"{place.name}: user", status["Uid"].split(), [str(place.user)] * 4)
    sets = {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    tally.equal(f"{place.name}: capabilities", {name: value for name, value in sets.items() if value}, {})
    has_filter = status["Seccomp"] == "2"
    found = (status["NoNewPrivs"], has_filter)
    tally.equal(f"{place.name}: no new privileges, filter", found, ("1", bool(place.confinement)))
    tally.equal(f"{place.name}: what can be written", writable(process), sorted([*place.tmpfs, *place.writable]))


def writable(process: subprocess.Popen[bytes]) -> list[str]:
    """Mounts without `ro`, but for the kernel's and single devices."""
    lines = [line.split() for line in Path(f"/proc/{process.pid}/mountinfo").read_text().splitlines()]
    places_of = [line[4] for line in lines if "ro" not in line[5].split(",")]
    return sorted(place for place in places_of if not re.match(r"/(proc|dev)(/|$)", place))


def check_request(tally: Tally, around: StandIns, gateway: Role, tenant: str) -> None:
    """One question, from a caller with a token to the ledger."""
    name = gateway.place.name
    code, token = in_place(gateway, "token", "create", tenant, "--tenant", tenant)
    tally.equal(f"{name}: exit code of `gatelog token create`", code, 0)
    before = outside.calls(around.azure)
    tally.equal(f"{name}: a caller without a token gets", outside.ask({})[0], 401)
    status, answer = outside.ask({"cf-aig-authorization": f"Bearer {token.strip()}"})
    tally.equal(f"{name}: a caller with a token gets", (status, "choices" in answer), (200, True))
    tally.equal(f"{name}: requests that reached the provider", outside.calls(around.azure) - before, 1)
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while outside.committed_events() < 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    tally.equal(f"{name}: events of it that ingest committed", outside.committed_events(), 1)


def in_place(role: Role, *arguments: str) -> tuple[int, str]:
    """Exit code and output of another command in the same place, with the role's configuration."""
    return role.place.with_command([*role.health[:-1], *arguments]).run(role.log)


def check_traces(tally: Tally, role: Role, process: subprocess.Popen[bytes]) -> None:
    """What it left in the folders that can be written and are not its state."""
    inside = Path(f"/proc/{process.pid}/root")
    left = [str(path) for folder in role.place.tmpfs for path in (inside / folder.lstrip("/")).rglob("*")]
    tally.equal(f"{role.place.name}: files outside the state folder", left, [])
    strangers = [str(path) for path in role.state.rglob("*") if path.stat().st_uid != role.place.user]
    tally.equal(f"{role.place.name}: state of another user", strangers, [])


def errors(role: Role) -> list[str]:
    return [line for line in role.log.read_text().splitlines() if '"level":"ERROR"' in line or "panicked" in line]


def tail(role: Role) -> str:
    return "\n".join(role.log.read_text().splitlines()[-5:])
