"""What an apply leaves behind, as Terraform itself works it out."""

from __future__ import annotations

import json
import tomllib
from typing import Any

Values = dict[str, Any]
DAY = 86400
LOGPUSH_USER = "arn:aws:iam::391854517948:user/cloudflare-logpush"


class Outcome:
    def __init__(self, state: Values) -> None:
        self.outputs = {name: output["value"] for name, output in state["values"]["outputs"].items()}
        self.resources = {each["address"]: each["values"] for each in resources(state["values"]["root_module"])}

    def resource(self, address: str) -> Values:
        values: Values = self.resources[address]
        return values

    def policy(self, address: str, argument: str = "policy") -> list[Values]:
        statements: list[Values] = json.loads(self.resources[address][argument])["Statement"]
        return statements


def resources(module: Values) -> list[Values]:
    own = list(module.get("resources", []))
    return own + [each for child in module.get("child_modules", []) for each in resources(child)]


def differences(found: object, expected: object) -> list[str]:
    return [] if found == expected else [f"found {found}, not {expected}"]


def spend_limits(outcome: Outcome) -> list[str]:
    rules = outcome.resource("module.gateway.cloudflare_ai_gateway.this")["spend_limits"]["rules"]
    found = {rule["id"]: (rule["limit"], rule["window"], rule["metadata"]) for rule in rules}
    tenant = {"tenantId": {"mode": "partition", "values": None}}
    return differences(found, {"all-per-day": (500, DAY, None), "tenant-per-day": (50, DAY, tenant)})


def r2_locks_and_expiry(outcome: Outcome) -> list[str]:
    lock = outcome.resource("module.logs.cloudflare_r2_bucket_lock.this[0]")["rules"]
    expiry = outcome.resource("module.logs.cloudflare_r2_bucket_lifecycle.this")["rules"]
    found = (
        [(rule["prefix"], rule["condition"]["max_age_seconds"]) for rule in lock],
        [(rule["conditions"]["prefix"], deletion_age(rule)) for rule in expiry],
        [address for address in outcome.resources if address.startswith("module.lake.cloudflare_r2_bucket_lock")],
    )
    return differences(found, ([("ai-gateway/", 184 * DAY)], [("", None), ("ai-gateway/", 400 * DAY)], []))


def deletion_age(rule: Values) -> int | None:
    deletion = rule["delete_objects_transition"]
    return deletion["condition"]["max_age"] if deletion else None


def r2_notification(outcome: Outcome) -> list[str]:
    block = outcome.resource("module.notifications.cloudflare_r2_bucket_event_notification.this")
    queue = outcome.resource("module.notifications.cloudflare_queue.this")
    found = (block["bucket_name"], block["queue_id"], [(rule["prefix"], rule["suffix"]) for rule in block["rules"]])
    return differences(found, ("llm-logs", queue["queue_id"], [("ai-gateway/", ".log.gz")]))


def s3_bucket_policy(outcome: Outcome) -> list[str]:
    logs = outcome.policy("module.logs.aws_s3_bucket_policy.this")
    lake = outcome.policy("module.lake.aws_s3_bucket_policy.this")
    allowed = [each for each in logs + lake if each["Effect"] == "Allow"]
    logpush = {
        "Sid": "LogpushWrites",
        "Effect": "Allow",
        "Action": ["s3:PutObject"],
        "Resource": ["arn:aws:s3:::example-llm-logs/ai-gateway/*"],
        "Principal": {"AWS": [LOGPUSH_USER]},
    }
    return differences(allowed, [logpush])


def s3_least_rights(outcome: Outcome) -> list[str]:
    granted = {
        name: sorted(
            action
            for statement in outcome.policy(f'module.access.aws_iam_policy.this["{name}"]')
            for action in statement["Action"]
        )
        for name in ("source-reader", "lake-writer", "gateway-writer")
    }
    queue = ["sqs:DeleteMessage", "sqs:ReceiveMessage"]
    expected = {
        "source-reader": ["s3:GetObject", "s3:ListBucket", *queue],
        "lake-writer": ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"],
        "gateway-writer": ["s3:GetObject", "s3:PutObject"],
    }
    return differences(granted, expected)


def s3_rights_end_at_the_prefix(outcome: Outcome) -> list[str]:
    problems = []
    for name in ("source-reader", "lake-writer", "gateway-writer"):
        for statement in outcome.policy(f'module.access.aws_iam_policy.this["{name}"]'):
            objects = [
                each
                for each in statement["Resource"]
                if each.endswith("*") and not each.endswith(("/ai-gateway/*", "/lake/*"))
            ]
            if objects or (
                statement["Action"] == ["s3:ListBucket"] and "s3:prefix" not in str(statement.get("Condition"))
            ):
                problems.append(f"{name}: {statement['Sid']} reaches beyond its prefix")
    return problems


def s3_queue_policy(outcome: Outcome) -> list[str]:
    allowed = [
        each for each in outcome.policy("module.notifications.aws_sqs_queue_policy.this") if each["Effect"] == "Allow"
    ]
    found = [(each["Action"], each["Principal"], each["Condition"]["ArnEquals"]) for each in allowed]
    source = {"aws:SourceArn": ["arn:aws:s3:::example-llm-logs"]}
    return differences(found, [(["sqs:SendMessage"], {"Service": ["s3.amazonaws.com"]}, source)])


def s3_lock(outcome: Outcome) -> list[str]:
    locks = {
        address: values["rule"]
        for address, values in outcome.resources.items()
        if ".aws_s3_bucket_object_lock_" in address
    }
    kept = [{"default_retention": [{"days": 184, "mode": "GOVERNANCE", "years": None}]}]
    return differences(locks, {"module.logs.aws_s3_bucket_object_lock_configuration.this[0]": kept})


def gatelog_reads_its_configuration(outcome: Outcome, schema: Values) -> list[str]:
    """The text for gatelog.toml is TOML, and gatelog's own schema knows every key of it."""
    return unknown_keys(tomllib.loads(outcome.outputs["gatelog_toml"]), schema, schema, "gatelog_toml")


def unknown_keys(value: Values, schema: Values, root: Values, where: str) -> list[str]:
    known = section(schema, root).get("properties", {})
    problems = [f"{where}.{key}: gatelog has no such key" for key in value if key not in known]
    for key, inner in value.items():
        if isinstance(inner, dict) and key in known:
            problems += unknown_keys(inner, known[key], root, f"{where}.{key}")
    return problems


def section(schema: Values, root: Values) -> Values:
    """What a reference stands for; a section that may be left out is a choice between one and null."""
    for choice in [schema, *schema.get("anyOf", []), *schema.get("allOf", [])]:
        if "$ref" in choice:
            return section(root["$defs"][choice["$ref"].rsplit("/", 1)[1]], root)
    return schema


EXPECTED = {
    "r2": {
        "two spend limits, one of them per tenant": spend_limits,
        "the log prefix is locked, expires later, and the lake is not locked": r2_locks_and_expiry,
        "the queue hears of log objects": r2_notification,
    },
    "s3-af-south-1": {
        "two spend limits, one of them per tenant": spend_limits,
        "the only thing allowed by bucket policies is Logpush's PutObject": s3_bucket_policy,
        "the logs alone are locked": s3_lock,
        "gatelog's parts may do this and no more": s3_least_rights,
        "gatelog's rights end at their prefixes": s3_rights_end_at_the_prefix,
        "the bucket alone may send to the queue": s3_queue_policy,
    },
}
