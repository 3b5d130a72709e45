"""Ports of this machine. In a network of its own all are free; where there is no such network, some may not be."""

from __future__ import annotations

import re
import socket

LOOPBACK = "127.0.0.1"


def free() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def taken(text: str) -> list[int]:
    """Those of the loopback ports in a text that somebody else listens on."""
    named = {int(port) for port in re.findall(rf"\b{re.escape(LOOPBACK)}:(\d+)", text)}
    return sorted(port for port in named if not can_be_had(port))


def can_be_had(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a connection that has just ended is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
