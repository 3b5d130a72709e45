"""provider_arguments.json as the schemas that Terraform asks a provider for."""

from __future__ import annotations

import json
from typing import Any

from tf.gen import tfplugin_pb2 as plugin

Schema = dict[str, Any]
NESTING = {
    "object": plugin.Schema.Object.SINGLE,
    "list of objects": plugin.Schema.Object.LIST,
    "map of objects": plugin.Schema.Object.MAP,
}


def schema(known: Schema, computed_arguments: bool = False) -> plugin.Schema:
    """`computed_arguments`: what is left out of a data source is answered."""
    block = block_of(known["arguments"])
    for attribute in block.attributes:
        attribute.computed = computed_arguments and not attribute.required
    for name, kind in known.get("attributes", {}).items():
        block.attributes.append(plugin.Schema.Attribute(name=name, type=type_of(kind), computed=True))
    return plugin.Schema(version=0, block=block)


def block_of(arguments: Schema) -> plugin.Schema.Block:
    block = plugin.Schema.Block()
    for name, known in arguments.items():
        if not known["type"].startswith("block"):
            block.attributes.append(attribute_of(name, known))
            continue
        nested = block.block_types.add(type_name=name, nesting=plugin.Schema.NestedBlock.LIST)
        nested.block.CopyFrom(block_of(known["arguments"]))
        nested.min_items = 1 if known.get("required") else 0
        nested.max_items = 1 if known["type"] == "block" else 0
    return block


def attribute_of(name: str, known: Schema) -> plugin.Schema.Attribute:
    required = known.get("required", False)
    attribute = plugin.Schema.Attribute(name=name, required=required, optional=not required)
    if "arguments" in known:
        inside = [attribute_of(each, inner) for each, inner in known["arguments"].items()]
        attribute.nested_type.CopyFrom(plugin.Schema.Object(attributes=inside, nesting=NESTING[known["type"]]))
    else:
        attribute.type = type_of(known["type"])
    return attribute


def type_of(kind: str) -> bytes:
    """As cty writes types: `"string"`, `["list","string"]`."""
    shape, _, inside = kind.partition(" of ")
    return json.dumps([shape, inside] if inside else shape).encode()
