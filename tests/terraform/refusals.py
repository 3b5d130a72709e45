"""Inputs and edits that Terraform must refuse, with the message that must then stand there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0B\n-----END PUBLIC KEY-----\n"
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMIIBIjANBgkqhkiG9w0B\n-----END PRIVATE KEY-----\n"
VARIABLES: dict[str, dict[str, Any]] = {
    "r2": {"account_id": "0" * 32, "logpush_public_key": PUBLIC_KEY, "expire_after_days": 400},
    "s3-af-south-1": {
        "account_id": "0" * 32,
        "logpush_public_key": PUBLIC_KEY,
        "log_bucket_name": "example-llm-logs",
        "lake_bucket_name": "example-llm-lake",
        "expire_after_days": 400,
        "trusted_principal_arns": ["arn:aws:iam::123456789012:role/gatelog-host"],
    },
}


@dataclass(frozen=True)
class Refusal:
    title: str
    example: str
    message: str
    variables: dict[str, Any] = field(default_factory=dict)
    # File of the example, text in it, what it becomes.
    edit: tuple[str, str, str] | None = None


def limit(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "limit_usd": 1, "window_seconds": 3600, **fields}


REFUSALS = [
    Refusal("a private key", "r2", "never the private half", {"logpush_public_key": PRIVATE_KEY}),
    Refusal(
        "a private key after a public one",
        "r2",
        "never the private half",
        {"logpush_public_key": PUBLIC_KEY + PRIVATE_KEY},
    ),
    Refusal("no account id", "r2", "32 lower-case hex digits", {"account_id": "example"}),
    Refusal("two spend limits with one id", "r2", "an id of its own", {"spend_limits": [limit("a"), limit("a")]}),
    Refusal(
        "21 spend limits", "r2", "at most 20 rules", {"spend_limits": [limit(f"a{number}") for number in range(21)]}
    ),
    Refusal("an unknown technique", "r2", "fixed or sliding", {"spend_limits": [limit("a", technique="daily")]}),
    Refusal("R2 expiry before the lock ends", "r2", "after their lock ends", {"expire_after_days": 30}),
    Refusal("one R2 bucket for logs and lake", "r2", "need a bucket each", {"lake_bucket_name": "llm-logs"}),
    Refusal("an African location of R2", "r2", "One of apac", {"location": "afr"}),
    Refusal("a log prefix with a slash at its end", "r2", "no slash at either end", {"log_prefix": "ai-gateway/"}),
    Refusal(
        "an unknown mode of Object Lock",
        "s3-af-south-1",
        "GOVERNANCE or COMPLIANCE",
        {"object_lock": {"mode": "NONE", "days": 1}},
    ),
    Refusal("S3 expiry before the lock ends", "s3-af-south-1", "after their lock ends", {"expire_after_days": 30}),
    Refusal("a wildcard in Logpush's prefix", "s3-af-south-1", "no wildcard", {"log_prefix": "logs*"}),
    Refusal(
        "a whole account for a role",
        "s3-af-south-1",
        "the ARN of one role or user",
        {"trusted_principal_arns": ["arn:aws:iam::123456789012:root"]},
    ),
    Refusal(
        "a provider in another region",
        "s3-af-south-1",
        "The AWS provider points at eu-west-1, but this bucket belongs in af-south-1",
        edit=("main.tf", 'provider "aws" {\n  region = local.region', 'provider "aws" {\n  region = "eu-west-1"'),
    ),
    # These four show that the stand-ins are as strict as a provider is.
    Refusal(
        "an unknown argument",
        "r2",
        "Unsupported argument",
        edit=("../../modules/gateway/main.tf", "collect_logs ", "collect_log "),
    ),
    Refusal(
        "an unknown argument in a loop",
        "r2",
        "Inappropriate value for attribute",
        edit=("../../modules/gateway/main.tf", 'limit_type = "cost"', 'kind = "cost"'),
    ),
    Refusal(
        "a block where an object belongs",
        "r2",
        "Unsupported block type",
        edit=("../../modules/r2-notifications/main.tf", "settings = {", "settings {"),
    ),
    Refusal(
        "an attribute that there is not",
        "r2",
        "Unsupported attribute",
        edit=("../../modules/r2-notifications/main.tf", "this.queue_id", "this.queue"),
    ),
]
