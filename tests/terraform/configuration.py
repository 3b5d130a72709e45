"""Terraform files as blocks and expressions. The grammar is python-hcl2's; this only names what the checks ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import hcl2
from lark import Token, Tree

Expression = Tree[Token]


@dataclass
class Block:
    """One block. Shape: `resource "a" "b" {}` has kind `resource` and labels `a`, `b`."""

    kind: str
    labels: list[str]
    arguments: dict[str, Expression] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)

    def nested(self, kind: str) -> list[Block]:
        return [block for block in self.blocks if block.kind == kind]

    def named_blocks(self) -> Iterator[tuple[str, Block]]:
        """Blocks inside by name; a dynamic block counts as what it makes."""
        for block in self.blocks:
            if block.kind == "dynamic":
                yield from ((block.labels[0], content) for content in block.nested("content"))
            else:
                yield block.kind, block

    @property
    def address(self) -> str:
        return ".".join([self.kind, *self.labels] if self.kind != "resource" else self.labels)


@dataclass
class Module:
    """All files of one folder: what Terraform takes as one namespace."""

    folder: str
    blocks: list[Block]

    def of(self, kind: str) -> list[Block]:
        return [block for block in self.blocks if block.kind == kind]

    def of_type(self, resource_type: str) -> list[Block]:
        return [block for block in self.of("resource") if block.labels[0] == resource_type]

    def local_values(self) -> dict[str, Expression]:
        return {name: value for block in self.of("locals") for name, value in block.arguments.items()}


def read_files(root: Path) -> dict[str, str]:
    """By path below the root. Copies of modules that `terraform init` keeps are left out."""
    paths = [path for path in sorted(root.rglob("*.tf")) if ".terraform" not in path.parts]
    return {str(path.relative_to(root)): path.read_text() for path in paths}


def modules(files: dict[str, str]) -> dict[str, Module]:
    found: dict[str, Module] = {}
    for name, text in files.items():
        folder = str(Path(name).parent)
        module = found.setdefault(folder, Module(folder, []))
        module.blocks.extend(parse(name, text))
    return found


class Unreadable(Exception):
    """A file is not HCL."""


@cache
def parse(name: str, text: str) -> tuple[Block, ...]:
    try:
        tree = hcl2.parses_to_tree(text)
    except Exception as error:  # The parser's own errors have no common base.
        raise Unreadable(f"{name}: {error}") from error
    body = file_body(tree)
    if body.arguments:
        raise Unreadable(f"{name}: arguments outside of a block: {', '.join(body.arguments)}")
    return tuple(body.blocks)


def file_body(tree: Expression) -> Block:
    return block_of(Tree("block", [Tree("identifier", [Token("NAME", "file")]), *parts(tree)]))


def assignments(text: str) -> dict[str, Expression]:
    """What a file of variable values assigns."""
    return file_body(hcl2.parses_to_tree(text)).arguments


def parse_expression(text: str) -> Expression:
    return assignments(f"value = {text}\n")["value"]


def parts(tree: Expression) -> list[Expression]:
    """What a rule of the grammar is made of, without punctuation and comments."""
    return [child for child in tree.children if isinstance(child, Tree) and child.data != "new_line_or_comment"]


def block_of(tree: Expression) -> Block:
    *words, body = parts(tree)
    kind, *labels = map(word, words)
    block = Block(kind, labels)
    for child in parts(body):
        if child.data == "attribute":
            name, value = parts(child)
            block.arguments[word(name)] = value
        else:
            block.blocks.append(block_of(child))
    return block


def word(tree: Expression) -> str:
    return "".join(str(token) for token in tree.scan_values(lambda token: True)).strip('"')
