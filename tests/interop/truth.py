"""Counts a plain corpus without gatelog: rows, tokens, tenants, and the bill at Azure's list prices.

usage: truth.py CORPUS TRUTH.json

A sealed corpus of the same options and seed holds the same records, so this truth is its truth too.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from totals import NEEDLES, TenantTotals, Totals

# USD per million tokens: input, cached input, output. Azure's list prices of 2026-01-01 for the deployments of
# tools/sandbox.py: gpt-4o-2024-11-20 regional in southafricanorth, the others global.
GPT_4O_MINI = (Decimal("0.15"), Decimal("0.075"), Decimal("0.60"))
PRICES = {
    ("azure-openai", "gpt-4o"): (Decimal("3.025"), Decimal("1.513"), Decimal("12.10")),
    ("azure-openai", "gpt-4o-mini"): GPT_4O_MINI,
    ("azure-openai", "gpt-4.1"): (Decimal("2.00"), Decimal("0.50"), Decimal("8.00")),
    ("azure-openai", "gpt-4.1-mini"): (Decimal("0.40"), Decimal("0.10"), Decimal("1.60")),
    ("azure-openai", "o4-mini"): (Decimal("1.10"), Decimal("0.275"), Decimal("4.40")),
    ("openai", "gpt-4o-mini"): GPT_4O_MINI,
    ("openai", "gpt-4.1-nano"): (Decimal("0.10"), Decimal("0.025"), Decimal("0.40")),
}
MILLION = Decimal(1_000_000)


def records(corpus: Path) -> Iterator[dict[str, Any]]:
    """Every record of the corpus."""
    for file in sorted(corpus.glob("*/*.log.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def usage_of(body: str) -> dict[str, Any]:
    """The usage object of an answer, whole or streamed; empty when it has none."""
    if body.startswith("data:"):
        frames = [frame.removeprefix("data: ") for frame in body.split("\n\n")]
        answers = [json.loads(frame) for frame in frames if frame.startswith("{")]
    else:
        answers = [json.loads(body)]
    return next((answer["usage"] for answer in reversed(answers) if answer.get("usage")), {})


def cost_of(record: dict[str, Any], usage: dict[str, Any]) -> Decimal:
    """What one request cost; a cache hit, an answer without usage and a model without a price cost nothing."""
    prices = PRICES.get((record["Provider"], record["Model"]))
    if record["Cached"] or not usage or prices is None:
        return Decimal(0)
    cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    tokens = (usage["prompt_tokens"] - cached, cached, usage["completion_tokens"])
    return sum((count * price for count, price in zip(tokens, prices)), Decimal(0)) / MILLION


def count(corpus: Path) -> Totals:
    """The truth of a corpus."""
    rows, input_tokens, output_tokens = 0, 0, 0
    needles = [0] * len(NEEDLES)
    events: dict[str, int] = defaultdict(int)
    costs: dict[str, Decimal] = defaultdict(Decimal)
    for record in records(corpus):
        usage = usage_of(record["ResponseBody"])
        tenant = record["Metadata"]["tenantId"]
        rows += 1
        input_tokens += usage.get("prompt_tokens", 0)
        output_tokens += usage.get("completion_tokens", 0)
        events[tenant] += 1
        costs[tenant] += cost_of(record, usage)
        for index, needle in enumerate(NEEDLES):
            needles[index] += needle in record["RequestBody"]
    tenants = {name: TenantTotals(events[name], costs[name]) for name in events}
    return Totals(rows, rows, input_tokens, output_tokens, sum(costs.values(), Decimal(0)), tuple(needles), tenants)


def check_against_manifest(truth: Totals, corpus: Path) -> None:
    """The generator counted while it wrote: both counts must agree before anything is held against them."""
    totals = json.loads((corpus / "manifest.json").read_text())["totals"]
    tenants = {name: tenant.events for name, tenant in truth.tenants.items()}
    counted = (truth.rows, truth.input_tokens, truth.output_tokens, tenants)
    written = (
        totals["records"],
        totals["prompt_tokens_json"] + totals["prompt_tokens_sse"],
        totals["completion_tokens_json"] + totals["completion_tokens_sse"],
        totals["tenant"],
    )
    if counted != written:
        sys.exit(f"the corpus in {corpus} is not what its manifest says")


def save(truth: Totals, file: Path) -> None:
    file.write_text(json.dumps(asdict(truth), default=str, indent=1))


def load(file: Path) -> Totals:
    stored = json.loads(file.read_text())
    tenants = {name: TenantTotals(t["events"], Decimal(t["cost_usd"])) for name, t in stored["tenants"].items()}
    cost = Decimal(stored["cost_usd"])
    return Totals(**stored | {"cost_usd": cost, "needles": tuple(stored["needles"]), "tenants": tenants})


if __name__ == "__main__":
    plain, output = Path(sys.argv[1]), Path(sys.argv[2])
    counted = count(plain)
    check_against_manifest(counted, plain)
    save(counted, output)
