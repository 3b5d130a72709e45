"""The part of a unit's confinement that a process can put on itself: its filter of system calls.

systemd makes the same filter with the same library: SystemCallFilter=, RestrictAddressFamilies=, MemoryDenyWriteExecute=.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import subprocess
from typing import Any

ALLOW = 0x7FFF0000
DENY = 0x00050000 | errno.EPERM
# Of libseccomp's comparisons.
EQUAL, MASKED_EQUAL = 4, 7
NO_SUCH_SYSCALL = -1
# Numbers of <sys/socket.h>.
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
WRITE_AND_EXECUTE = mmap.PROT_WRITE | mmap.PROT_EXEC


class Comparison(ctypes.Structure):
    """`struct scmp_arg_cmp`."""

    _fields_ = [
        ("argument", ctypes.c_uint),
        ("operation", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    ]


def allowed(rules: list[str]) -> list[str]:
    """Names that the lines of `SystemCallFilter=` leave: the first allows, those with `~` take away.

    With `~` first, systemd allows everything else: no unit here may do that.
    """
    if not rules or rules[0].startswith("~"):
        raise ValueError("SystemCallFilter= must begin with what is allowed")
    names: set[str] = set()
    for rule in rules:
        words = {name for word in rule.removeprefix("~").split() for name in expand(word)}
        names = names - words if rule.startswith("~") else names | words
    # systemd always allows these, so that the command can be started.
    return sorted(names | expand("@default"))


def expand(word: str) -> set[str]:
    if not word.startswith("@"):
        return {word}
    command = ["systemd-analyze", "syscall-filter", word]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    words = [line.strip() for line in listed.splitlines()[1:]]
    return {name for word in words if word and not word.startswith("#") for name in expand(word)}


def confine(wanted: dict[str, Any]) -> None:
    """Everything that is not named fails with EPERM, as in the units. NO_NEW_PRIVS must be set."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(DENY))
    special = {"socket", "mmap", "mprotect", "pkey_mprotect"}
    for name in wanted["system_calls"]:
        if name not in special:
            add(library, context, name)
    for family in wanted["address_families"]:
        add(library, context, "socket", Comparison(0, EQUAL, FAMILIES[family], 0))
    # Allowed are only those that are not both, and no change to executable.
    for protection in (0, mmap.PROT_WRITE, mmap.PROT_EXEC):
        add(library, context, "mmap", Comparison(2, MASKED_EQUAL, WRITE_AND_EXECUTE, protection))
    for name in ("mprotect", "pkey_mprotect"):
        add(library, context, name, Comparison(2, MASKED_EQUAL, mmap.PROT_EXEC, 0))
    if library.seccomp_load(context) != 0:
        raise OSError("cannot load the filter of system calls")


def add(library: ctypes.CDLL, context: ctypes.c_void_p, name: str, *comparisons: Comparison) -> None:
    number = library.seccomp_syscall_resolve_name(name.encode())
    # Of other architectures, or newer than the library.
    if number <= NO_SUCH_SYSCALL:
        return
    array = (Comparison * max(1, len(comparisons)))(*comparisons)
    if library.seccomp_rule_add_array(context, ALLOW, number, len(comparisons), array) != 0:
        raise OSError(f"cannot allow `{name}`")
