"""Brings the loopback device of a new network namespace up; a small Debian has no `ip`."""

from __future__ import annotations

import fcntl
import socket
import struct

# Of <linux/sockios.h> and <linux/if.h>.
SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def main() -> None:
    # `struct ifreq`: a name of 16 bytes, then a union of 24 of which the flags are first.
    request = struct.pack("16sh22x", b"lo", IFF_UP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, SIOCSIFFLAGS, request)


if __name__ == "__main__":
    main()
