"""Everything that is asked of the configuration, as titles and what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arguments import argument_problems
from configuration import assignments, modules
from references import call_problems, dangling, undescribed, unpinned, unused
from rules import RULES

HERE = Path(__file__).parent
PROVIDED = {"resource", "data", "provider"}


def provider_types() -> dict[str, Any]:
    types: dict[str, Any] = json.loads((HERE / "provider_arguments.json").read_text())["types"]
    return types


def run(files: dict[str, str], types: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """One item per check. Files are given as text, so that a broken copy can be checked as well as the real ones."""
    found = modules(files)
    for folder, module in found.items():
        for block in module.blocks:
            if block.kind in PROVIDED:
                yield (
                    f"{folder}: {block.address} has the arguments its provider documents",
                    argument_problems(block, types),
                )
    for folder, module in found.items():
        yield f"{folder}: every reference leads somewhere", dangling(module, found, types)
        yield f"{folder}: variables and outputs are described", undescribed(module)
        yield f"{folder}: variables, locals and data sources are used", unused(module)
        yield f"{folder}: modules are called with what they need", call_problems(module, found)
        yield f"{folder}: providers are pinned", unpinned(module)
    for title, rule in RULES.items():
        yield title, rule(found)
    yield "logpush: the provider still refuses the dataset, as README.md and the outputs say", dataset_is_refused(types)


def dataset_is_refused(types: dict[str, Any]) -> list[str]:
    datasets = types["cloudflare_logpush_job"]["arguments"]["dataset"]["values"]
    return (
        ["the provider knows ai_gateway_events now: Terraform could make the job"]
        if "ai_gateway_events" in datasets
        else []
    )


def example_values(source: Path, files: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Each terraform.tfvars.example gives what has no default, and nothing that there is not."""
    for folder, module in modules(files).items():
        if not folder.startswith("examples/"):
            continue
        given = set(assignments((source / folder / "terraform.tfvars.example").read_text()))
        declared = {block.labels[0]: "default" in block.arguments for block in module.of("variable")}
        problems = [f"there is no variable `{name}`" for name in sorted(given - set(declared))]
        problems += [
            f"`{name}` is not given" for name, has_default in declared.items() if not has_default and name not in given
        ]
        yield f"{folder}: terraform.tfvars.example fits the variables", problems
