"""What an expression may be worth, as far as that can be read off it."""

from __future__ import annotations

from collections.abc import Iterator

from lark import Token

from configuration import Expression, parts

# Spaces inside these belong to the value.
VERBATIM = ("STRING_CHARS", "HEREDOC_TEMPLATE", "HEREDOC_TEMPLATE_TRIM")
# Of these functions the result has the elements of the arguments.
JOINING = ("concat", "tolist", "toset")


def text(tree: Expression | Token) -> str:
    """The expression as written, without spaces and comments."""
    if isinstance(tree, Token):
        return str(tree) if tree.type in VERBATIM else str(tree).strip()
    if tree.data == "new_line_or_comment":
        return ""
    return "".join(text(child) for child in tree.children)


def bare(tree: Expression) -> Expression:
    """The expression without wrappers and parentheses."""
    while tree.data == "expr_term" and len(parts(tree)) == 1:
        tree = parts(tree)[0]
    return tree


def branches(tree: Expression) -> Iterator[Expression]:
    """Every value that the expression may have, conditions looked through."""
    tree = bare(tree)
    if tree.data == "conditional":
        _, when_true, when_false = parts(tree)
        yield from branches(when_true)
        yield from branches(when_false)
    else:
        yield tree


def elements(tree: Expression) -> Iterator[Expression]:
    """Every element that a list may have; what comes from a variable is left out."""
    for branch in branches(tree):
        if branch.data == "tuple":
            for child in parts(branch):
                yield from branches(child)
        elif branch.data == "for_tuple_expr":
            yield from branches(loop_body(branch))
        elif branch.data == "function_call" and function_name(branch) in JOINING:
            for argument in function_arguments(branch):
                yield from elements(argument)


def loop_body(tree: Expression) -> Expression:
    """What a `for` makes of each element."""
    return [child for child in parts(tree) if child.data != "for_cond"][-1]


def function_name(tree: Expression) -> str:
    return text(parts(tree)[0])


def function_arguments(tree: Expression) -> list[Expression]:
    return [argument for listed in parts(tree) if listed.data == "arguments" for argument in parts(listed)]


def entries(tree: Expression) -> dict[str, Expression]:
    """Entries of an object, keys as written; a computed key keeps its parentheses."""
    pairs = [parts(child) for child in parts(tree) if child.data == "object_elem"]
    return {text(key).strip('"'): value for key, value in pairs}


def is_null(tree: Expression) -> bool:
    return text(bare(tree)) == "null"


def literal(tree: Expression) -> str | None:
    """A literal string, number or Boolean as text; `None` for everything else."""
    tree = bare(tree)
    if tree.data == "string":
        inside = parts(tree)
        templates = [part for part in inside if parts(part)]
        return None if templates else "".join(map(text, inside))
    return text(tree) if tree.data in ("int_lit", "float_lit", "literal_value") else None


def literals(tree: Expression) -> list[str | None]:
    return [literal(element) for element in elements(tree)]
