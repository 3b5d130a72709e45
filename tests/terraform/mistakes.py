"""Edits that Terraform accepts, each of which one expectation about the outcome must give away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from outcomes import (
    Outcome,
    r2_locks_and_expiry,
    r2_notification,
    s3_bucket_policy,
    s3_least_rights,
    s3_lock,
    s3_queue_policy,
    s3_rights_end_at_the_prefix,
    spend_limits,
)

R2 = "r2"
S3 = "s3-af-south-1"


@dataclass(frozen=True)
class Mistake:
    """`old` becomes `new` in one file of deploy/terraform."""

    title: str
    example: str
    file: str
    old: str
    new: str
    given_away_by: Callable[[Outcome], list[str]]


MISTAKES = [
    Mistake(
        "spend limits per a key of the wrong name",
        R2,
        "modules/gateway/main.tf",
        "{ (rule.per_metadata_key) =",
        "{ per_metadata_key =",
        spend_limits,
    ),
    Mistake(
        "a lock of seconds instead of days",
        R2,
        "modules/r2-bucket/main.tf",
        "local.day_seconds * lock.days",
        "lock.days",
        r2_locks_and_expiry,
    ),
    Mistake(
        "notifications to the dead letters",
        R2,
        "modules/r2-notifications/main.tf",
        "queue_id     = cloudflare_queue.this.queue_id",
        "queue_id     = cloudflare_queue.dead_letters.queue_id",
        r2_notification,
    ),
    Mistake(
        "a bucket policy for another prefix",
        S3,
        "modules/s3-bucket/policy.tf",
        "${statement.value}/*",
        "${statement.key}/*",
        s3_bucket_policy,
    ),
    Mistake(
        "logs without a lock",
        S3,
        "examples/s3-af-south-1/main.tf",
        "object_lock    = var.object_lock",
        "object_lock    = null",
        s3_lock,
    ),
    Mistake(
        "a reader that may delete",
        S3,
        "modules/s3-access/main.tf",
        'actions   = ["s3:GetObject"]',
        'actions   = ["s3:GetObject", "s3:DeleteObject"]',
        s3_least_rights,
    ),
    Mistake(
        "a reader of the whole bucket",
        S3,
        "modules/s3-access/main.tf",
        "${var.source_bucket_arn}/${var.log_prefix}/*",
        "${var.source_bucket_arn}/*",
        s3_rights_end_at_the_prefix,
    ),
    Mistake(
        "a queue that any bucket may fill",
        S3,
        "modules/s3-notifications/main.tf",
        "values   = [var.bucket_arn]",
        'values   = ["*"]',
        s3_queue_policy,
    ),
]
