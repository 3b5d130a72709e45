"""Ingests objects as S3 notifications in SQS tell of them, and holds the totals against those of plain listing.

usage: notifications.py BINARIES

moto serves S3, SQS and EventBridge. The daemon lists once and then hardly ever, so what it finds it was told of.
Messages that are lost, late, repeated, stale or about something else may change when an object is counted, and never a
total.
Run beside gatelog-testkit-postgres; run.sh does all of it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import sandbox
import truth
from account import account, bill
from agreement import agree
from corpus import corpus
from deliveries import FILES, Deliveries
from follower import PACE, Follower, free_address
from notified_bucket import NotifiedBucket
from notified_ingest import NotifiedIngest

CORPUS = ("--records", "1200", "--files", str(FILES))


def compare(gatelog: Follower, plain: Follower, objects: Deliveries, logs: Path) -> Iterator[bool]:
    """What no message told of is found by listing; then both installations and the generator agree."""
    gatelog.ingest_once()
    plain.ingest_once()
    everything = objects.before | objects.told() | objects.lost()
    yield agree("objects committed, with the lost", set(gatelog.committed()), set(everything))
    ours, theirs = account(gatelog), account(plain)
    yield from (agree(f"{name}, with and without queue", ours[name], theirs[name]) for name in theirs)
    yield agree("differences to what was generated", truth.count(logs).differences(bill(gatelog)), [])


def check(binaries: Path, logs: Path) -> Iterator[bool]:
    objects = Deliveries.of(logs)
    with tempfile.TemporaryDirectory() as temporary, sandbox.database() as url, sandbox.database() as plain_url:
        folder = Path(temporary)
        (folder / "plain").mkdir()
        with sandbox.moto_s3(folder / "moto.log") as s3:
            bucket = NotifiedBucket(s3)
            gatelog = Follower(
                binaries, folder, s3, url, ingest=PACE, queue_url=bucket.queue_url, status=free_address()
            )
            plain = Follower(binaries, folder / "plain", s3, plain_url, lake_prefix="plain")
            followed = list(NotifiedIngest(bucket, gatelog, objects, folder / "moto.log").follow())
            if not all(followed):
                print(f"the daemon said:\n{gatelog.log()}", file=sys.stderr)
            yield from followed
            yield from compare(gatelog, plain, objects, logs)


def main(binaries: Path) -> int:
    results = list(check(binaries, corpus(*CORPUS)))
    print(f"notifications: {results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
