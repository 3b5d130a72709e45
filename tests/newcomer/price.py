"""What an answer costs, from Azure's published prices, without any of gatelog's code or rates."""

from __future__ import annotations

from decimal import Decimal

# What the document's step 4 says is deployed.
PRICED = {"model": "gpt-4o", "version": "2024-11-20", "type": "regional", "region": "southafricanorth"}
# USD per million of its tokens, since 2025-12-01 (Azure Retail Prices API).
INPUT = Decimal("3.025")
CACHED_INPUT = Decimal("1.513")
OUTPUT = Decimal("12.10")
MILLION = Decimal(1_000_000)


def cost_usd(counted: dict[str, int]) -> Decimal:
    """Cached tokens are part of the input and have a price of their own."""
    cached = counted["cached_input_tokens"]
    full = counted["input_tokens"] - cached
    return (full * INPUT + cached * CACHED_INPUT + counted["output_tokens"] * OUTPUT) / MILLION
