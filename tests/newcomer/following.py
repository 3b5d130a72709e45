"""Follows the document once, in an empty folder, in the environment of somebody who has just logged in."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import tracks
import values
from cloudflare_gateway import CloudflareGateway
from document import Block, Page
from job import Destination
from shell import CannotGoOn, Outcome, Shell
from stand_ins import LOG_BUCKET, StandIns, stand_ins
from tracks import Track

# As step 2 has it for gatelog's own gateway; its other listener is in step 6's configuration.
OWN_URL = "http://127.0.0.1:8787"
# Of a record to the bucket, with a ship interval of a second.
DELIVERY_SECONDS = 20
ASK, INGEST = "8", "9"


@dataclass
class Followed:
    """What came of it, all stand-ins still there but for Cloudflare's gateway, which has ended."""

    track: Track
    around: StandIns
    # Where the newcomer worked.
    working: Path
    # What stood for step 2's.
    stood_for: dict[str, str]
    additions: list[values.Addition]
    outcome: Outcome = field(default_factory=Outcome)
    # Keys in the log bucket when step 9 began.
    delivered: list[str] = field(default_factory=list)
    # Exit code of every gateway.
    ended: list[int] = field(default_factory=list)
    # Days on which it may have happened, in UTC.
    days: set[str] = field(default_factory=set)


@contextmanager
def following(track: Track, binaries: Path, folder: Path, page: Page, after: list[Block]) -> Iterator[Followed]:
    """Runs the track's blocks of `page`, then those of `after`."""
    # A blank in the path, as in many people's; nothing in the document may mind.
    working, home = folder / "a new folder", folder / "home"
    working.mkdir()
    home.mkdir()
    with stand_ins(track, binaries, folder) as around:
        elsewhere = CloudflareGateway.make(binaries / "gatelog", folder / "cloudflare", around)
        url = f"http://{elsewhere.address}" if track is Track.CLOUDFLARE else OWN_URL
        ours = values.values(url, around)
        added = values.additions(track, around, elsewhere.token)
        blocks = [
            values.replaced(block, ours) if block.kind == "sh values" else block for block in tracks.of(page, track)
        ]
        followed = Followed(track, around, working, ours, added, days={today()})

        def before(block: Block) -> None:
            if block.step == ASK and track is Track.CLOUDFLARE:
                start(elsewhere, around, working)
            if block.step == INGEST:
                followed.delivered = delivered(around)

        environment = {addition.name: addition.value for addition in added}
        environment |= {"PATH": f"{binaries}:{os.environ['PATH']}", "HOME": str(home)}
        try:
            followed.outcome = Shell(folder / "shell").run([*blocks, *after], environment, working, before)
        finally:
            code = elsewhere.stop()
        followed.ended = [*followed.outcome.background, *([] if code is None else [code])]
        followed.days.add(today())
        yield followed


def start(elsewhere: CloudflareGateway, around: StandIns, working: Path) -> None:
    """The gateway at Cloudflare is given the one public key that there is, and delivers by the first job."""
    public_keys, jobs = list(working.glob("*.public.pem")), around.jobs()
    if len(public_keys) != 1 or len(jobs) != 1:
        raise CannotGoOn(f"there should be one public key and one Logpush job, not {len(public_keys)} and {len(jobs)}")
    try:
        elsewhere.start(Destination.of(jobs[0]), public_keys[0])
    except (RuntimeError, ValueError) as error:
        raise CannotGoOn(str(error)) from error


def delivered(around: StandIns) -> list[str]:
    """What is in the log bucket, as soon as something is."""
    deadline = time.monotonic() + DELIVERY_SECONDS
    while not (objects := around.s3.objects(LOG_BUCKET)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return objects


def today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())
