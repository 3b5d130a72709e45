"""What is in the bucket, the lake and the rollup, against what the simulated providers counted."""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet
import sandbox

from installation import GatewayInstallation
from simulator import Simulator
from suites import Heard
from tally import Tally

# What all text of the simulated provider begins with, and what the clients ask.
CONTENT = (b"zebra quartz", b"What does the invoice", b"Question 1")
TOKENS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
LAKE_COLUMNS = ["event_id", "cached", "rate_limited", "attempt", "status_code", "tenant_id", *TOKENS]
BODY_COLUMNS = ["streamed", "response_body"]
ROLLUP = f"SELECT sum(requests), {', '.join(f'sum({name})' for name in TOKENS)} FROM gatelog.rollup_hourly"
LEDGER = "SELECT sum(lines), sum(events), sum(duplicates), sum(rejects) FROM gatelog.source_object"


@dataclass(frozen=True)
class Truth:
    """What must have been recorded: each try once, each answer out of the cache, each refusal."""

    calls: int
    unreached: int
    hits: int
    refusals: int
    tokens: tuple[int, ...]
    tokens_by_tenant: dict[str, tuple[int, ...]]

    @staticmethod
    def of(simulators: list[Simulator], heard: Heard) -> Truth:
        totals = [simulator.totals() for simulator in simulators]
        by_tenant: Counter[tuple[str, str]] = Counter()
        for tenant, counts in (item for each in totals for item in each["by_tenant"].items()):
            by_tenant.update({(tenant, name): counts[name] for name in TOKENS})
        return Truth(
            calls=sum(each["sum"]["calls"] for each in totals),
            unreached=heard.counts["unreached"],
            hits=heard.counts["hits"],
            refusals=heard.counts["refusals"],
            tokens=tuple(sum(each["sum"][name] for each in totals) for name in TOKENS),
            tokens_by_tenant={
                tenant: tuple(by_tenant[tenant, name] for name in TOKENS) for tenant in {key[0] for key in by_tenant}
            },
        )

    @property
    def events(self) -> int:
        return self.calls + self.unreached + self.hits + self.refusals


def check_bucket(tally: Tally, s3: sandbox.S3, truth: Truth) -> None:
    """The audit log as it was shipped: as many lines as there must be events, and nothing that can be read."""
    text = b"".join(objects(s3, sandbox.SOURCE_BUCKET))
    tally.equal("bucket: lines of the audit log", text.count(b"\n"), truth.events)
    tally.equal("bucket: phrases of prompts and answers in clear", [phrase for phrase in CONTENT if phrase in text], [])


def objects(s3: sandbox.S3, bucket: str) -> Iterator[bytes]:
    client = s3.client()
    for entry in client.list_objects_v2(Bucket=bucket).get("Contents", []):
        yield gzip.decompress(client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())


def check_rollup(tally: Tally, installation: GatewayInstallation, truth: Truth) -> None:
    lines = (truth.events, truth.events, 0, 0)
    tally.equal("ledger: lines, events, duplicates, rejects", numbers(installation, LEDGER), lines)
    whole = numbers(installation, ROLLUP)
    tally.equal("rollup: events = calls of the provider + cache hits + refusals", whole[0], truth.events)
    fresh = numbers(installation, f"{ROLLUP} WHERE NOT cached")
    tally.equal(f"rollup: {', '.join(TOKENS)}, as the provider counted them", fresh[1:], truth.tokens)
    hits = numbers(installation, f"{ROLLUP} WHERE cached")
    tally.equal("rollup: answers out of the cache", hits[0], truth.hits)
    rows = installation.ask(f"{ROLLUP.replace('SELECT', 'SELECT tenant_id,')} WHERE NOT cached GROUP BY 1")
    found = {tenant: tuple(map(int, sums[1:])) for tenant, *sums in rows}
    wrong = {name: (found.get(name), sums) for name, sums in truth.tokens_by_tenant.items() if found.get(name) != sums}
    title = f"rollup: the tokens of each of {len(truth.tokens_by_tenant)} tenants"
    tally.check(title, not wrong, f"found and expected {wrong}")


def numbers(installation: GatewayInstallation, statement: str) -> tuple[int, ...]:
    return tuple(int(number or 0) for number in installation.ask(statement)[0])


def check_lake(tally: Tally, installation: GatewayInstallation, truth: Truth, heard: Heard) -> None:
    rows = list(lake_rows(installation, LAKE_COLUMNS))
    tries = [row for row in rows if row["attempt"] is not None]
    tally.equal("lake: rows", len(rows), truth.events)
    tally.equal("lake: different event ids", len({row["event_id"] for row in rows}), truth.events)
    tally.equal("lake: rows of tries", len(tries), truth.calls + truth.unreached)
    tally.equal("lake: rows of cache hits", sum(row["cached"] for row in rows), truth.hits)
    refused = [row for row in rows if row["rate_limited"] and row["attempt"] is None]
    tally.equal("lake: rows of refusals", len(refused), truth.refusals)
    found = tuple(sum(row[name] or 0 for row in tries) for name in TOKENS)
    tally.equal(f"lake: {', '.join(TOKENS)}, as the provider counted them", found, truth.tokens)
    missing = set(heard.log_ids) - {row["event_id"] for row in rows}
    tally.equal(f"lake: missing ones of {len(heard.log_ids)} ids that clients were told", sorted(missing), [])


def check_wholes(tally: Tally, installation: GatewayInstallation, heard: Heard) -> None:
    """Streamed answers in the lake, against what the SDKs made of the same frames."""
    bodies = [row["response_body"] for row in lake_rows(installation, BODY_COLUMNS) if row["streamed"]]
    wholes = [json.loads(body) for body in bodies if body and body.startswith("{")]
    by_id = {whole.get("id"): whole for whole in wholes}
    expected = [essence(whole) for whole in heard.wholes]
    tally.check("lake: SDKs have put streams together", len(expected) > 1, f"{len(expected)} of them")
    found = [essence(by_id[whole["id"]]) if whole["id"] in by_id else None for whole in heard.wholes]
    title = f"lake: {len(expected)} streamed answers as SDKs put them together"
    tally.check(title, found == expected, f"{found} and not {expected}")


def essence(whole: dict[str, Any]) -> dict[str, Any]:
    """What a whole answer says; an SDK fills in fields that were not sent."""
    counts = {name: count for name, count in whole["usage"].items() if isinstance(count, int)}
    facts = {"model": whole["model"], "usage": counts}
    if whole["object"] == "response":
        texts = [[part["text"] for part in item["content"]] for item in whole["output"]]
        return facts | {"status": whole["status"], "created": int(whole["created_at"]), "texts": texts}
    said = [
        (choice["index"], choice["finish_reason"], choice["message"]["role"], choice["message"]["content"])
        for choice in whole["choices"]
    ]
    return facts | {"object": whole["object"], "created": whole["created"], "said": said}


def lake_rows(installation: GatewayInstallation, columns: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of all files that commits added, read by another implementation of Parquet."""
    client = installation.s3.client()
    for (path,) in installation.ask("SELECT path FROM gatelog.output_file"):
        bucket, _, key = path.removeprefix("s3://").partition("/")
        file = io.BytesIO(client.get_object(Bucket=bucket, Key=key)["Body"].read())
        yield from pyarrow.parquet.read_table(file, columns=columns).to_pylist()
