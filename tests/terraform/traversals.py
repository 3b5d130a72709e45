"""Which names an expression refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from configuration import Expression, parse_expression, parts
from expressions import bare, text

NO_NAMES: frozenset[str] = frozenset()
HEREDOCS = ("heredoc_template", "heredoc_template_trim")
LOOPS = ("for_tuple_expr", "for_object_expr")
PATHS = ("get_attr_expr_term", "index_expr_term", "attr_splat_expr_term", "full_splat_expr_term")


def traversals(tree: Expression, scope: frozenset[str] = NO_NAMES) -> Iterator[list[str]]:
    """Every reference, as its names: `module.a.b[0].c` is module, a, b, c. Names that a `for` binds are none.

    `scope`: names that are bound outside of the expression.
    """
    names = path(tree)
    if names:
        if names[0] not in scope:
            yield names
        for index in tree.find_data("braces_index"):
            yield from inside(index, scope)
    elif tree.data in HEREDOCS:
        yield from in_heredoc(text(tree), scope)
    elif tree.data in LOOPS:
        yield from in_loop(tree, scope)
    elif tree.data == "object_elem":
        yield from in_entry(tree, scope)
    elif tree.data == "function_call":
        yield from (each for child in parts(tree)[1:] for each in traversals(child, scope))
    elif tree.data != "get_attr":  # An attribute of what a function gave.
        yield from inside(tree, scope)


def inside(tree: Expression, scope: frozenset[str]) -> Iterator[list[str]]:
    for child in parts(tree):
        yield from traversals(child, scope)


def path(tree: Expression) -> list[str] | None:
    """Names of a reference, or `None` if the expression is none."""
    tree = bare(tree)
    if tree.data == "identifier":
        return [text(tree)]
    if tree.data not in PATHS:
        return None
    owner, step = parts(tree)
    head = path(owner)
    if head is None:
        return None
    return head if tree.data == "index_expr_term" else head + [text(name) for name in step.find_data("identifier")]


def in_entry(tree: Expression, scope: frozenset[str]) -> Iterator[list[str]]:
    """A bare word before the equals sign is a key, not a reference; in parentheses it is one."""
    key, value = parts(tree)
    if text(key).startswith(("(", '"')):
        yield from inside(key, scope)
    yield from traversals(value, scope)


def in_loop(tree: Expression, scope: frozenset[str]) -> Iterator[list[str]]:
    intro, *body = parts(tree)
    *bound, source = parts(intro)
    yield from traversals(source, scope)
    names = scope | {text(name) for name in bound}
    for child in body:
        yield from traversals(child, names)


def in_heredoc(template: str, scope: frozenset[str]) -> Iterator[list[str]]:
    found = re.findall(r"(?<!\$)\$\{([^{}]*)\}", template)
    if len(found) != len(re.findall(r"(?<!\$)\$\{", template)):
        raise ValueError("a template inside a template of a heredoc is not understood: give it a name with a local")
    for expression in found:
        yield from traversals(parse_expression(expression), scope)
