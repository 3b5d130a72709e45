"""Names inside one module: what is referred to is declared, what is declared is used and described."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from configuration import Block, Module
from expressions import bare, entries, literal
from traversals import traversals

# Names that Terraform gives; what comes after them is its own affair.
BUILT_IN = {"each", "count", "self", "path", "terraform"}
CALL_ARGUMENTS = {"source", "version", "providers", "count", "for_each", "depends_on"}


def references(block: Block, scope: frozenset[str] = frozenset()) -> Iterator[list[str]]:
    for name, value in block.arguments.items():
        if not (block.kind == "variable" and name == "type"):  # A type is made of words, not of references.
            yield from traversals(value, scope)
    for nested in block.blocks:
        inner = scope
        if nested.kind == "dynamic":
            inner = scope | {
                literal(nested.arguments["iterator"]) or "" if "iterator" in nested.arguments else nested.labels[0]
            }
        yield from references(nested, inner)


def dangling(module: Module, all_modules: dict[str, Module], types: dict[str, Any]) -> list[str]:
    declared = Declared(module, all_modules, types)
    return [
        f"{block.address}: {problem}"
        for block in module.blocks
        for problem in filter(None, map(declared.problem, references(block)))
    ]


class Declared:
    def __init__(self, module: Module, all_modules: dict[str, Module], types: dict[str, Any]) -> None:
        self.types = types
        self.variables = {block.labels[0] for block in module.of("variable")}
        self.locals = set(module.local_values())
        self.resources = {tuple(block.labels) for block in module.of("resource")}
        self.data = {tuple(block.labels) for block in module.of("data")}
        self.calls = {call.labels[0]: all_modules.get(called_folder(module, call)) for call in module.of("module")}

    def problem(self, parts: list[str]) -> str | None:
        """What is wrong with a reference, if anything."""
        name = ".".join(parts)
        match parts:
            case ["var", variable, *_]:
                return None if variable in self.variables else f"{name}: no such variable"
            case ["local", local, *_]:
                return None if local in self.locals else f"{name}: no such local"
            case ["module", call, *rest]:
                return self.call_problem(name, call, rest)
            case ["data", kind, label, *rest]:
                return (
                    self.attribute_problem(name, f"data.{kind}", rest)
                    if (kind, label) in self.data
                    else f"{name}: no such data source"
                )
            case [root, *_] if root in BUILT_IN:
                return None
            case [kind, label, *rest]:
                return (
                    self.attribute_problem(name, kind, rest)
                    if (kind, label) in self.resources
                    else f"{name}: no such resource"
                )
            case _:
                return f"{name}: not a reference"

    def call_problem(self, name: str, call: str, rest: list[str]) -> str | None:
        called = self.calls.get(call)
        if called is None:
            return f"{name}: no such module"
        outputs = {block.labels[0] for block in called.of("output")}
        return f"{name}: the module has no such output" if rest and rest[0] not in outputs else None

    def attribute_problem(self, name: str, kind: str, rest: list[str]) -> str | None:
        known = self.types.get(kind, {"arguments": {}, "attributes": {}})
        if rest and rest[0] not in known["arguments"] and rest[0] not in known["attributes"]:
            return f"{name}: {kind} has no attribute `{rest[0]}`"
        return None


def called_folder(module: Module, call: Block) -> str:
    source = literal(call.arguments["source"]) if "source" in call.arguments else None
    return posixpath.normpath(posixpath.join(module.folder, source or "?"))


def undescribed(module: Module) -> list[str]:
    problems = []
    for block in module.of("variable") + module.of("output"):
        if "description" not in block.arguments or not literal(block.arguments["description"]):
            problems.append(f"{block.address}: no description")
    problems += [f"{block.address}: no type" for block in module.of("variable") if "type" not in block.arguments]
    return problems


def unused(module: Module) -> list[str]:
    used = {
        tuple(parts[:3])
        for block in module.blocks
        for parts in references(block)
        if not is_own_validation(block, parts)
    }
    pairs = {parts[:2] for parts in used}
    problems = [
        f"{block.address}: never used" for block in module.of("variable") if ("var", block.labels[0]) not in pairs
    ]
    problems += [f"local.{name}: never used" for name in module.local_values() if ("local", name) not in pairs]
    problems += [f"{block.address}: never used" for block in module.of("data") if ("data", *block.labels) not in used]
    return problems


def is_own_validation(block: Block, parts: list[str]) -> bool:
    return block.kind == "variable" and parts[:2] == ["var", block.labels[0]]


def call_problems(module: Module, all_modules: dict[str, Module]) -> list[str]:
    problems = []
    for call in module.of("module"):
        called = all_modules.get(called_folder(module, call))
        if called is None:
            problems.append(f"{call.address}: its source is no module of this tree")
            continue
        variables = {block.labels[0]: "default" not in block.arguments for block in called.of("variable")}
        given = set(call.arguments) - CALL_ARGUMENTS
        problems += [f"{call.address}: the module has no variable `{name}`" for name in sorted(given - set(variables))]
        required = {name for name, needed in variables.items() if needed}
        problems += [f"{call.address}: the variable `{name}` is required" for name in sorted(required - given)]
    return problems


def unpinned(module: Module) -> list[str]:
    """Each provider in use is named with its source and held to one major version."""
    used = {block.labels[0].split("_")[0] for block in module.of("resource") + module.of("data")}
    used |= {block.labels[0] for block in module.of("provider")}
    pins = {
        name: value
        for one in module.of("terraform")
        for block in one.nested("required_providers")
        for name, value in block.arguments.items()
    }
    problems = [f"{module.folder}: provider {name} is not in required_providers" for name in sorted(used - set(pins))]
    return problems + [problem for name, value in pins.items() for problem in pin_problems(module, name, value)]


def pin_problems(module: Module, name: str, value: Any) -> Iterator[str]:
    fields = entries(bare(value))
    version = literal(fields["version"]) if "version" in fields else None
    if not (version or "").startswith("~> "):
        yield f"{module.folder}: provider {name} has no `~>` version"
    if "source" not in fields:
        yield f"{module.folder}: provider {name} has no source"
