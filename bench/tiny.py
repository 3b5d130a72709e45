"""Many objects of one line each, as Logpush writes when there is little to log."""

from __future__ import annotations

import math
import sys

import sandbox
from corpus import corpus
from measure import Context, postgres_cpu

# Short, so that several intervals pass.
COMMIT_INTERVAL_SECONDS = 2
COMMITTED = "SELECT count(*) FROM gatelog.source_object WHERE state = 'committed' AND events = 1"
SNAPSHOTS = "SELECT count(DISTINCT snapshot_id) FROM gatelog.lake_commit"


def objects_of_one_line(context: Context) -> dict[str, float]:
    """Objects per second from start to exit, and snapshots per commit interval begun."""
    count = context.scaled(20_000)
    logs = corpus("--files", str(count), "--records", str(count))
    with sandbox.testkit_s3(context.binaries, context.folder / "s3") as s3, sandbox.database() as url:
        sandbox.upload(s3, logs, sandbox.log_objects(logs))
        pace = {"commit_interval_seconds": COMMIT_INTERVAL_SECONDS}
        gatelog = sandbox.Installation(context.binaries, context.folder, s3, url, ingest=pace)
        with postgres_cpu() as postgres:
            run = gatelog.ingest_once()
        [(objects,)] = gatelog.ask(COMMITTED)
        [(snapshots,)] = gatelog.ask(SNAPSHOTS)
    if objects != count:
        sys.exit(f"gatelog committed {objects} of {count} objects")
    intervals = math.ceil(run.wall_seconds / COMMIT_INTERVAL_SECONDS)
    print(
        f"gatelog: {count} objects in {run.wall_seconds:.1f} s, {run.cpu_seconds:.1f} CPU-s "
        f"and {postgres[0]:.1f} CPU-s of Postgres, peak RSS {run.peak_rss_mb:.0f} MB; "
        f"{snapshots} snapshots in {intervals} intervals of {COMMIT_INTERVAL_SECONDS} s"
    )
    return {"tiny_objects_per_second": count / run.wall_seconds, "snapshots_per_interval": snapshots / intervals}
