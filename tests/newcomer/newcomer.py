"""Follows install.md in both of its tracks and checks what comes of it. See run.sh."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import findings
import leaks
import ports
import rotation
import tracks
import values
from document import Page
from following import following
from tally import Tally
from tracks import Track

NAMES = {Track.CLOUDFLARE: "Cloudflare's gateway", Track.OWN: "gatelog's own gateway"}


def main(binaries: Path, install: Page, keys: Page) -> int:
    tally = Tally()
    check_page(tally, install)
    if tally.failed:
        # Which commands to run is not known then.
        return close(tally)
    rotation.check_page(tally, keys, install)
    for track in Track:
        print(f"== track {track.value}: {NAMES[track]}", flush=True)
        with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
            follow(tally, track, binaries, Path(folder), install, keys)
    return close(tally)


def close(tally: Tally) -> int:
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


def check_page(tally: Tally, install: Page) -> None:
    unknown, unexplained = tracks.unknown(install), tracks.unexplained(install)
    tally.check("every block is marked in a way that is known", not unknown, "; ".join(unknown))
    tally.check("blocks that are not run are preceded by the reason", not unexplained, "; ".join(unexplained))
    found = [str(block) for block in install.blocks if block.kind == "sh values"]
    tally.check("there is one block of values", len(found) == 1, "; ".join(found))
    taken = ports.taken(install.text)
    tally.check("the ports that the document names are free", not taken, f"taken: {taken}")


def check_values(tally: Tally, install: Page, ours: set[str]) -> None:
    """What the document's own block exports, by bash, against what stood for it."""
    block = next(block for block in install.blocks if block.kind == "sh values")
    try:
        names = values.exported(block)
    except subprocess.CalledProcessError as error:
        tally.check("the block of values can be run", False, error.stderr.strip())
        return
    drift = f"only in the document: {sorted(names - ours)}, only here: {sorted(ours - names)}"
    tally.check(f"the document and this script have the same {len(ours)} values", names == ours, drift)
    commands = "".join(block.text for block in install.blocks if block.kind != "sh values")
    idle = sorted(name for name in names if f"${name}" not in commands)
    tally.check("every value is used by a command", not idle, f"{idle}")


def follow(tally: Tally, track: Track, binaries: Path, folder: Path, install: Page, keys: Page) -> None:
    with following(track, binaries, folder, install, rotation.blocks(keys)) as followed:
        for addition in followed.additions:
            print(f"     with {addition.name}: {addition.reason}")
        check_values(tally, install, set(followed.stood_for))
        outcome = followed.outcome
        tally.check("every command succeeds", not outcome.failure, outcome.failure)
        if outcome.failure:
            # What runs in the background says why in a file.
            for log in followed.working.glob("*.log"):
                print(f"-- {log.name}\n{log.read_text()}", end="", flush=True)
        else:
            findings.check(tally, followed, install)
            rotation.check(tally, keys, outcome)
            leaks.check_all_known(tally, followed)
            tally.equal("exit codes of gateways after SIGTERM", followed.ended, [0])
        leaks.check(tally, followed)
        print("".join(findings.out(followed, findings.COST)[:1]), end="", flush=True)


if __name__ == "__main__":
    # Ends what was started, also when this is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main(Path(sys.argv[1]), Page.read(Path(sys.argv[2])), Page.read(Path(sys.argv[3]))))
