"""Runs one command as a container engine would: its own root file system, its own user, nothing else.

usage: container.py PLACE        in a mount namespace of its own (`unshare --mount`), as root

PLACE is a JSON file; `place.py` describes it. The process becomes the command: its id and exit code are the command's.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import confinement

# What the binary is linked with. There is no shell in the root: a command in shell form would not start.
LIBRARIES = ["usr/lib", "usr/lib64"]
LINKS = {"lib": "usr/lib", "lib64": "usr/lib64"}
DEVICES = ["dev/null", "dev/zero", "dev/full", "dev/random", "dev/urandom"]
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24


def main(place: dict[str, Any]) -> None:
    root = Path(place["root"])
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", str(root))
    build(root, place)
    if place["read_only"]:
        mount("-o", "remount,bind,ro", str(root))
    os.chroot(root)
    os.chdir(place["folder"])
    os.umask(int(place["umask"], 8))
    become(place["user"], place["group"], drops_all=place["drops_capabilities"])
    if place["confinement"]:
        confinement.confine(place["confinement"])
    command = place["command"]
    try:
        os.execvpe(command[0], command, place["environment"])
    except OSError as error:
        sys.exit(f"cannot run `{command[0]}`: {error}")


def build(root: Path, place: dict[str, Any]) -> None:
    for name in LIBRARIES:
        bind(Path("/", name), root / name, is_read_only=True)
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    for name in DEVICES:
        bind(Path("/", name), root / name)
    (root / "proc").mkdir()
    mount("--rbind", "/proc", str(root / "proc"))
    for target, source in place["read_only_files"].items():
        bind(Path(source), root / target.lstrip("/"), is_read_only=True)
    for target in place["tmpfs"]:
        (root / target.lstrip("/")).mkdir(parents=True)
        mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", str(root / target.lstrip("/")))
    for target, source in place["writable"].items():
        bind(Path(source), root / target.lstrip("/"))


def bind(source: Path, target: Path, *, is_read_only: bool = False) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.mkdir() if source.is_dir() else target.touch()
    mount("--bind", str(source), str(target))
    if is_read_only:
        mount("-o", "remount,bind,ro", str(target))


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def become(user: int, group: int, *, drops_all: bool) -> None:
    """Leaving root empties the other capability sets; the bounding set has to be emptied before."""
    libc = ctypes.CDLL(None, use_errno=True)
    if drops_all:
        last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
        for capability in range(last + 1):
            if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "cannot drop a capability")
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot give up new privileges")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
