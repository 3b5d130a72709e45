"""Checks image, compose.yaml and units against the binary, then runs both roles as they say.

usage: units.py ROOT BINARIES [--run]

Run beside gatelog-testkit-postgres in namespaces of its own; run.sh does all of it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tally import Tally

import compose_checks
import image_checks
import running
import unit_checks
from accepted import Binary
from compose import Compose
from dockerfile import Dockerfile
from unit_file import UnitFile


def main(root: Path, binaries: Path, is_run: bool) -> int:
    tally = Tally()
    dockerfile = Dockerfile.read(root / "deploy/image/Dockerfile")
    compose = Compose.read(root / "deploy/image/compose.yaml")
    units = [UnitFile.read(path) for path in sorted((root / "deploy/systemd").glob("*.service"))]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        binary = Binary(binaries / "gatelog", folder)
        print("== image", flush=True)
        image_checks.check(tally, root, dockerfile)
        print("== compose.yaml", flush=True)
        compose_checks.check(tally, root, dockerfile, compose, binary)
        print("== units", flush=True)
        tally.equal("units", [unit.path.name for unit in units], ["gatelog-gateway.service", "gatelog-ingest.service"])
        unit_checks.check(tally, root, units, binary)
        if is_run:
            running.check(tally, folder, binaries, dockerfile, compose, units)
        else:
            print("LEFT OUT running the roles: needs root and namespaces of its own (`unshare --mount --net`)")
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), "--run" in sys.argv[3:]))
