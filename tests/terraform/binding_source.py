"""Reads arguments and attributes of resources out of the source text of generated Python bindings."""

from __future__ import annotations

import ast
import re
import zipfile
from dataclasses import dataclass, field
from typing import Any

META = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners", "alias"}
# Addresses of some hundred services: of no use here, and most of the file.
LEFT_OUT = {"endpoints"}
VALUES = re.compile(r'Available values: ((?:"[^"]*"(?:, )?)+)')


@dataclass
class ReadBindings:
    provider: str
    origin: dict[str, str]
    types: dict[str, Any] = field(default_factory=dict)


@dataclass
class Bindings:
    wheel: zipfile.ZipFile
    provider: str
    nested_are_blocks: bool

    def read(self, modules: list[str]) -> ReadBindings:
        metadata = next(name for name in self.wheel.namelist() if name.endswith("/METADATA"))
        text = self.wheel.read(metadata).decode()
        package = [re.search(rf"^{key}: (.+)$", text, re.MULTILINE)[1] for key in ("Name", "Version")]  # type: ignore[index]
        version = re.search(r"bindings for (\S+) provider version (\S+)", text)
        assert version, "the bindings name the provider that they were made from"
        read = ReadBindings(
            self.provider, {"source": version[1], "version": version[2], "read_from": " ".join(package)}
        )
        for module in modules:
            source = self.wheel.read(f"cdktn_provider_{self.provider}/{module}/__init__.py").decode()
            read.types[self.type_name(module)] = Module(ast.parse(source), self.nested_are_blocks).schema()
        return read

    def type_name(self, module: str) -> str:
        if module == "provider":
            return f"provider.{self.provider}"
        data = f"data_{self.provider}_"
        if module.startswith(data):
            return f"data.{self.provider}_{module.removeprefix(data)}"
        return f"{self.provider}_{module}"


class Module:
    """One module of the bindings: a class of the resource, one of its arguments, and one for each nested object."""

    def __init__(self, tree: ast.Module, nested_are_blocks: bool) -> None:
        self.nested_are_blocks = nested_are_blocks
        self.classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}

    def schema(self) -> dict[str, Any]:
        config = self.class_with_base("TerraformMetaArguments") or self.named_config()
        resource = self.class_with_base("TerraformResource", "TerraformDataSource", "TerraformProvider")
        assert config and resource, "the module has a class of the resource and one of its arguments"
        arguments = self.arguments(config, top=True)
        attributes = {name: kind for name, kind in self.attributes(resource) if name not in arguments}
        return {"arguments": arguments, "attributes": attributes}

    def class_with_base(self, *names: str) -> ast.ClassDef | None:
        for node in self.classes.values():
            if any(ast.unparse(base).split(".")[-1] in names for base in node.bases):
                return node
        return None

    def named_config(self) -> ast.ClassDef | None:
        """The class of a provider's arguments has no base."""
        return next((node for name, node in self.classes.items() if name.endswith("ProviderConfig")), None)

    def arguments(self, owner: ast.ClassDef, top: bool = False) -> dict[str, Any]:
        init = next(node for node in owner.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
        documentation = ast.get_docstring(init) or ""
        found: dict[str, Any] = {}
        for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
            name = argument.arg.rstrip("_")
            if top and (name in META or name in LEFT_OUT or self.is_own_id(name, default)):
                continue
            assert argument.annotation
            entry = self.argument(ast.unparse(argument.annotation))
            if default is None:
                entry["required"] = True
            values = values_of(documentation, argument.arg)
            if values:
                entry["values"] = values
            if "arguments" in entry:  # Last, where the eye looks for it.
                entry["arguments"] = entry.pop("arguments")
            found[name] = entry
        return found

    def is_own_id(self, name: str, default: ast.expr | None) -> bool:
        """The AWS provider's older resources list their id among the arguments, though nobody may set it."""
        return self.nested_are_blocks and name == "id" and default is not None

    def argument(self, annotation: str) -> dict[str, Any]:
        nested = next((name for name in re.findall(r"['\"](\w+)['\"]", annotation) if name in self.classes), None)
        shape = "list" if "Sequence[" in annotation else "map" if "Mapping[" in annotation else ""
        if nested:
            kind = (
                ("blocks" if shape else "block")
                if self.nested_are_blocks
                else (f"{shape} of objects" if shape else "object")
            )
            return {"type": kind, "arguments": self.arguments(self.classes[nested])}
        return {"type": primitive(annotation, shape)}

    def attributes(self, owner: ast.ClassDef) -> list[tuple[str, str]]:
        found = []
        for node in owner.body:
            if not isinstance(node, ast.FunctionDef) or node.name.endswith("_input") or not node.returns:
                continue
            if node.name == "TF_RESOURCE_TYPE" or not any(
                ast.unparse(each).endswith("property") for each in node.decorator_list
            ):
                continue
            annotation = ast.unparse(node.returns)
            if re.fullmatch(r"builtins\.(str|bool)|jsii\.Number|typing\.List\[builtins\.str\]", annotation):
                found.append((node.name.rstrip("_"), primitive(annotation, "list" if "List[" in annotation else "")))
        return found


def primitive(annotation: str, shape: str) -> str:
    # A Boolean and its lists may also be given by reference, so other names stand beside it.
    kind = "bool" if "builtins.bool" in annotation else "number" if "jsii.Number" in annotation else "string"
    if "IResolvable" in annotation and "builtins.str" in annotation:
        kind = "string"
    return f"{shape} of {kind}" if shape else kind


def values_of(documentation: str, argument: str) -> list[str]:
    line = re.search(rf":param {argument}: (.*)", documentation)
    listed = VALUES.search(line[1]) if line else None
    return re.findall(r'"([^"]*)"', listed[1]) if listed else []
