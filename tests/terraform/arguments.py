"""Arguments of resources, data sources and providers against what the providers accept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from configuration import Block, Expression
from expressions import branches, elements, entries, is_null, literal, text

# What Terraform itself understands, wherever it is written.
META_ARGUMENTS = {"count", "for_each", "depends_on", "provider"}
META_BLOCKS = {"lifecycle", "provisioner", "connection"}

Schema = dict[str, Any]


def type_name(block: Block) -> str:
    prefix = {"resource": "", "data": "data.", "provider": "provider."}[block.kind]
    return prefix + block.labels[0]


def argument_problems(block: Block, types: Schema) -> list[str]:
    name = type_name(block)
    if name not in types:
        return [f"{name} is not in provider_arguments.json: nothing is known about it"]
    return list(block_problems(block, types[name]["arguments"], name, top=True))


def block_problems(block: Block, known: Schema, where: str, top: bool = False) -> Iterator[str]:
    given = dict(block.arguments)
    if top:
        given = {name: value for name, value in given.items() if name not in META_ARGUMENTS}
    inside = [(name, nested) for name, nested in block.named_blocks() if not (top and name in META_BLOCKS)]
    for name, value in given.items():
        yield from value_problems(value, known.get(name), f"{where}.{name}")
    for name, nested in inside:
        schema = known.get(name)
        if schema is None:
            yield f"{where}.{name}: unknown block"
        elif not schema["type"].startswith("block"):
            yield f"{where}.{name}: is an argument, written `{name} = ...`, not a block"
        else:
            yield from block_problems(nested, schema["arguments"], f"{where}.{name}")
    for name, schema in known.items():
        if schema["type"] == "block" and [each for each, _ in inside].count(name) > 1:
            yield f"{where}.{name}: may stand there once"
    yield from missing(known, {**given, **dict.fromkeys(name for name, _ in inside)}, where)


def missing(known: Schema, given: dict[str, Expression | None], where: str) -> Iterator[str]:
    for name, schema in known.items():
        value = given.get(name)
        if schema.get("required") and (name not in given or (value is not None and is_null(value))):
            yield f"{where}.{name}: missing, and required"


def value_problems(value: Expression, schema: Schema | None, where: str) -> Iterator[str]:
    if schema is None:
        yield f"{where}: unknown argument"
    elif schema["type"].startswith("block"):
        yield f"{where}: is a block, not an argument"
    elif "arguments" in schema:
        yield from nested_problems(value, schema, where)
    else:
        listed = schema["type"].startswith("list")
        for each in elements(value) if listed else branches(value):
            yield from allowed_problems(each, schema.get("values"), where)


def nested_problems(value: Expression, schema: Schema, where: str) -> Iterator[str]:
    """Objects inside arguments, however they are made: written out, by a condition, by a loop, joined."""
    wanted = "tuple" if schema["type"] == "list of objects" else "object"
    for branch in branches(value):
        if branch.data in ("tuple", "object") and branch.data != wanted:
            yield f"{where}: must be {'a list' if wanted == 'tuple' else 'an object'}"
    for found in objects(value, schema["type"]):
        fields = entries(found)
        for name, inside in fields.items():
            yield from value_problems(inside, schema["arguments"].get(name), f"{where}.{name}")
        yield from missing(schema["arguments"], dict(fields), where)


def objects(value: Expression, kind: str) -> Iterator[Expression]:
    if kind == "list of objects":
        found = elements(value)
    elif kind == "map of objects":
        maps = (branch for branch in branches(value) if branch.data == "object")
        found = (each for one in maps for entry in entries(one).values() for each in branches(entry))
    else:
        found = branches(value)
    return (each for each in found if each.data == "object")


def allowed_problems(value: Expression, allowed: list[str] | None, where: str) -> Iterator[str]:
    given = literal(value)
    if allowed and given is not None and not is_null(value) and given not in allowed:
        yield f"{where}: {text(value)} is none of {', '.join(allowed)}"
