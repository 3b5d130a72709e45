"""Picking blocks out of the modules, for the rules."""

from __future__ import annotations

from collections.abc import Iterator

from configuration import Block, Module
from expressions import literal

Modules = dict[str, Module]


def resources(modules: Modules, kind: str) -> list[Block]:
    return [block for module in modules.values() for block in module.of_type(kind)]


def needed(found: list[Block], what: str) -> list[str]:
    return [] if found else [f"there is no {what}"]


def must_be(block: Block, expected: dict[str, str]) -> Iterator[str]:
    for name, value in expected.items():
        found = literal(block.arguments[name]) if name in block.arguments else None
        if found != value:
            yield f"{block.address}: `{name}` must be {value}"


def examples(modules: Modules) -> list[Module]:
    return [module for folder, module in modules.items() if folder.startswith("examples/")]
