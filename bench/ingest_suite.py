"""The benchmarks of `make bench`. Started by run.py, beside a private Postgres."""

from __future__ import annotations

import sys

import chdb

import commits
import ingest
import stages
import suite
import tiny
import unwraps

BENCHMARKS: dict[str, suite.Benchmark] = {
    "ingest": ingest.corpus_against_peer,
    "stages": stages.breakdown,
    "single_object": ingest.single_object,
    "unwraps": unwraps.against_bare_loop,
    "tiny_objects": tiny.objects_of_one_line,
    "commits": commits.growth,
}

if __name__ == "__main__":
    sys.exit(suite.run(BENCHMARKS, [f"chdb {chdb.__version__} (ClickHouse {chdb.engine_version})"]))
