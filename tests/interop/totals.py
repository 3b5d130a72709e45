"""What every reader, the database and the generator must agree on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any

# Phrases of prompts that gen_corpus.py writes into some records: reading them proves that the bodies arrive.
NEEDLES = (
    "Project Bluefinch",
    "wire transfer to IBAN GB33",
    "rotate the prod signing key",
    "You are the assistant of tenant-0001",
)
# Differing tenants named in one complaint.
TENANTS_SHOWN = 3


@dataclass(frozen=True)
class TenantTotals:
    """Events and exact cost of one tenant."""

    events: int
    cost_usd: Decimal


@dataclass(frozen=True)
class Totals:
    """A part that a source cannot know is None and is not compared."""

    rows: int
    event_ids: int | None
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    needles: tuple[int, ...] | None
    tenants: dict[str, TenantTotals]

    @staticmethod
    def from_rows(overall: Iterable[Any], needles: Iterable[int] | None, tenants: Iterable[tuple[Any, ...]]) -> Totals:
        """From one row (rows, event ids, input, output, cost) and one per tenant (tenant, events, cost)."""
        rows, event_ids, input_tokens, output_tokens, cost = overall
        return Totals(
            rows=int(rows),
            event_ids=None if event_ids is None else int(event_ids),
            input_tokens=int(input_tokens),
            output_tokens=int(output_tokens),
            cost_usd=exact(cost),
            needles=None if needles is None else tuple(int(count) for count in needles),
            tenants={name: TenantTotals(int(events), exact(spent)) for name, events, spent in tenants},
        )

    def line(self) -> str:
        """For people."""
        parts = asdict(self) | {"tenants": len(self.tenants)}
        return " ".join(f"{name}={value}" for name, value in parts.items())

    def differences(self, other: Totals) -> list[str]:
        """One sentence for each part both know and do not agree on."""
        found = []
        for part in fields(self):
            ours, theirs = getattr(self, part.name), getattr(other, part.name)
            if part.name == "tenants":
                ours, theirs = only_different(ours, theirs)
            if ours is not None and theirs is not None and ours != theirs:
                found.append(f"{part.name}: {ours} against {theirs}")
        return found


def only_different(ours: dict[str, Any], theirs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both without the entries they share, and no more than fit a line."""
    names = [name for name in sorted({*ours, *theirs}, key=str) if ours.get(name) != theirs.get(name)][:TENANTS_SHOWN]
    return {name: ours.get(name) for name in names}, {name: theirs.get(name) for name in names}


def exact(amount: Any) -> Decimal:
    """A cost as a decimal; a float would hide a difference, so it is refused. A tenant without any cost has none."""
    if isinstance(amount, float):
        raise TypeError("cost came as a float")
    return Decimal(0) if amount is None else Decimal(amount)
