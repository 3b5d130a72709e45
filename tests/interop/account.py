"""Everything two installations must agree on that have read the same objects, whatever told them of these."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import ledger
import sandbox
from table import Access
from totals import Totals

CELL = (
    "hour, gateway_id, tenant_id, user_id, provider, deployment, model, prompt_version, outcome, cached, requests, "
    "input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_pusd, saved_pusd, "
    "unpriced, latency"
)
LINES = "lines, events, duplicates, rejects"
STATEMENTS = {
    "objects by state": "SELECT state, count(*) FROM gatelog.source_object GROUP BY 1 ORDER BY 1",
    LINES: "SELECT sum(lines), sum(events), sum(duplicates), sum(rejects) FROM gatelog.source_object",
    "rejects by reason": "SELECT reason, count(*) FROM gatelog.reject GROUP BY 1 ORDER BY 1",
    "digests of lines": "SELECT count(*), md5(string_agg(digest::text, '' ORDER BY digest)) FROM gatelog.line_block",
    "requests, cost in pico-USD": "SELECT sum(requests), sum(cost_pusd) FROM gatelog.rollup_hourly",
    "cells of the rollup": "SELECT count(*), md5(string_agg(cell::text, '' ORDER BY cell::text)) "
    f"FROM (SELECT {CELL} FROM gatelog.rollup_hourly) AS cell",
}


def account(installation: sandbox.Installation) -> dict[str, Any]:
    """By what it says; numbers and short digests, so that a difference can be read."""
    found: dict[str, Any] = {}
    for name, statement in STATEMENTS.items():
        found[name] = [tuple(map(str, row)) for row in installation.ask(statement)]
    event_ids = list(lake_event_ids(installation))
    found["rows of the lake, different event ids"] = (len(event_ids), len(set(event_ids)))
    found["digest of the event ids"] = hashlib.sha256("\n".join(sorted(event_ids)).encode()).hexdigest()[:16]
    return found


def lake_event_ids(installation: sandbox.Installation) -> Iterator[str]:
    """Of every row, as PyIceberg reads the table."""
    yield from access(installation).table().scan(selected_fields=("event_id",)).to_arrow()["event_id"].to_pylist()


def bill(installation: sandbox.Installation) -> Totals:
    """As people ask for it."""
    return ledger.read_rollup(access(installation))


def access(installation: sandbox.Installation) -> Access:
    s3 = installation.s3
    return Access(s3.endpoint, s3.access_key, s3.secret_key, s3.region, installation.database_url)
