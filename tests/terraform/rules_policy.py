"""What the policy of an S3 bucket allows, and to whom."""

from __future__ import annotations

import re
from collections.abc import Iterator

from configuration import Block, Expression, Module
from expressions import elements, literal, literals, text
from selection import Modules, needed

# Source: Cloudflare's page on Logpush to Amazon S3.
LOGPUSH_USER = "arn:aws:iam::391854517948:user/cloudflare-logpush"


def logpush_only_writes(modules: Modules) -> list[str]:
    documents = bucket_policy_documents(modules)
    problems = needed(documents, "policy of a bucket")
    allowed = [
        block
        for document in documents
        for name, block in document.named_blocks()
        if name == "statement" and effect(block) != "Deny"
    ]
    problems += needed(allowed, "statement that lets Logpush in")
    for statement in allowed:
        problems += logpush_statement_problems(statement, modules)
    return problems


def bucket_policy_documents(modules: Modules) -> list[Block]:
    found = []
    for module in modules.values():
        for policy in module.of_type("aws_s3_bucket_policy"):
            name = text(policy.arguments["policy"]).removeprefix("data.aws_iam_policy_document.").removesuffix(".json")
            found += [block for block in module.of("data") if block.labels == ["aws_iam_policy_document", name]]
    return found


def effect(statement: Block) -> str:
    return (literal(statement.arguments["effect"]) if "effect" in statement.arguments else None) or "Allow"


def logpush_statement_problems(statement: Block, modules: Modules) -> Iterator[str]:
    if literals(statement.arguments["actions"]) != ["s3:PutObject"]:
        yield "the bucket policy allows more than s3:PutObject"
    for resource in elements(statement.arguments["resources"]):
        if not re.fullmatch(r'"\$\{[^}]+\.arn\}/\$\{[^}]+\}/\*"', text(resource)):
            yield f"the bucket policy lets {text(resource)} be written: more than what is below the log prefix"
    principals = statement.nested("principals")
    for each in principals:
        who = [
            resolved(identifier, modules["modules/s3-bucket"]) for identifier in elements(each.arguments["identifiers"])
        ]
        if who != [LOGPUSH_USER] or literal(each.arguments["type"]) != "AWS":
            yield f"the bucket policy lets in {who}, not Logpush alone"
    if not principals:
        yield "the bucket policy allows without saying whom"


def resolved(value: Expression, module: Module) -> str:
    """A literal, or the literal that a local stands for."""
    name = text(value)
    if name.startswith("local."):
        value = module.local_values()[name.removeprefix("local.")]
    return literal(value) or text(value)


def plain_http_is_refused(modules: Modules) -> list[str]:
    problems = []
    for document in bucket_policy_documents(modules):
        denied = [block for name, block in document.named_blocks() if name == "statement" and effect(block) == "Deny"]
        conditions = [condition for block in denied for condition in block.nested("condition")]
        tests = [(literal(each.arguments["variable"]), literals(each.arguments["values"])) for each in conditions]
        if ("aws:SecureTransport", ["false"]) not in tests:
            problems.append(f"{document.address}: plain HTTP is not refused")
    return problems or needed(bucket_policy_documents(modules), "policy of a bucket")
