"""Messages that name no new object of the source bucket, each with the kind that gatelog is to count it as."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

from deliveries import LONG_AGO, PREFIX
from notified_bucket import OTHER_BUCKET
from sandbox import SOURCE_BUCKET

Odd = tuple[str, str]


def odd_messages(committed: str, lost: str) -> list[Odd]:
    """`committed` and `lost` are keys of the source bucket; nothing here may lead to the lost one."""
    elsewhere = committed.replace(PREFIX, "elsewhere")
    return [
        # Stale or known: a listing, and nothing new.
        ("listed", records(record("ObjectCreated:Put", SOURCE_BUCKET, LONG_AGO))),
        ("listed", records(record("ObjectCreated:Put", SOURCE_BUCKET, committed))),
        ("listed", bridge("Object Created", SOURCE_BUCKET, committed)),
        ("other_bucket", records(record("ObjectCreated:Put", OTHER_BUCKET, lost))),
        ("other_bucket", bridge("Object Created", OTHER_BUCKET, lost)),
        ("other_prefix", records(record("ObjectCreated:Put", SOURCE_BUCKET, elsewhere))),
        ("ownership_challenge", records(record("ObjectCreated:Put", SOURCE_BUCKET, "ownership-challenge-1.txt"))),
        ("other", records(record("ObjectCreated:Put", SOURCE_BUCKET, lost.removesuffix(".gz")))),
        ("other_event", records(record("ObjectRemoved:Delete", SOURCE_BUCKET, lost))),
        ("other_event", records(record("ObjectTagging:Put", SOURCE_BUCKET, lost))),
        ("other_event", bridge("Object Deleted", SOURCE_BUCKET, lost)),
        ("other_event", records()),
        ("other_event", json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": SOURCE_BUCKET})),
        ("unreadable", "no JSON"),
        ("unreadable", json.dumps(["no", "notice", lost])),
        ("unreadable", json.dumps({"Message": lost})),
        ("unreadable", records({"eventName": "ObjectCreated:Put"})),
    ]


def records(*entries: dict[str, Any]) -> str:
    """As S3 sends them."""
    return json.dumps({"Records": entries})


def record(event: str, bucket: str, key: str) -> dict[str, Any]:
    entity = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key, safe="/"), "size": 1, "eTag": "none"}}
    return {"eventSource": "aws:s3", "eventName": event, "s3": entity}


def bridge(kind: str, bucket: str, key: str) -> str:
    """As EventBridge sends it, the key as it is."""
    detail = {"bucket": {"name": bucket}, "object": {"key": key}}
    return json.dumps({"source": "aws.s3", "detail-type": kind, "detail": detail})
