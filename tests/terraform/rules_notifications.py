"""Queues hear of new log objects, and of nothing else."""

from __future__ import annotations

from expressions import elements, entries, literal, literals, text
from selection import Modules, must_be, needed, resources

# How the name of a log object ends: {start}_{end}_{8 hex}.log.gz.
LOG_SUFFIX = ".log.gz"


def notifications_match_log_keys(modules: Modules) -> list[str]:
    r2 = [
        entries(rule)
        for block in resources(modules, "cloudflare_r2_bucket_event_notification")
        for rule in elements(block.arguments["rules"])
    ]
    s3 = [
        queue.arguments for block in resources(modules, "aws_s3_bucket_notification") for queue in block.nested("queue")
    ]
    problems = [] if r2 and s3 else ["there is no notification of both kinds"]
    for rule, prefix, suffix in [(rule, "prefix", "suffix") for rule in r2] + [
        (rule, "filter_prefix", "filter_suffix") for rule in s3
    ]:
        if suffix not in rule or literal(rule[suffix]) != LOG_SUFFIX:
            problems.append(f"a notification's {suffix} is not {LOG_SUFFIX}")
        if prefix not in rule or text(rule[prefix]) != '"${var.log_prefix}/"':
            problems.append(f"a notification's {prefix} is not the log prefix and a slash")
    created = {"PutObject", "CompleteMultipartUpload", "CopyObject"}
    problems += [
        "an R2 notification is not for object-create alone" for rule in r2 if set(literals(rule["actions"])) != created
    ]
    problems += [
        "an S3 notification is not for created objects alone"
        for rule in s3
        if literals(rule["events"]) != ["s3:ObjectCreated:*"]
    ]
    return problems


def queue_is_pulled(modules: Modules) -> list[str]:
    consumers = resources(modules, "cloudflare_queue_consumer")
    problems = needed(consumers, "consumer of a queue")
    for consumer in consumers:
        problems += must_be(consumer, {"type": "http_pull"})
        if "dead_letter_queue" not in consumer.arguments:
            problems.append(f"{consumer.address}: messages that are handed out too often are lost")
    return problems
