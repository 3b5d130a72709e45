"""What buckets keep, for how long, and where."""

from __future__ import annotations

from expressions import elements, entries, is_null, literal, text
from selection import Modules, examples, resources

REGION = "af-south-1"


def logs_are_locked_and_the_lake_is_not(modules: Modules) -> list[str]:
    problems = []
    for example in examples(modules):
        calls = {call.labels[0]: call for call in example.of("module")}
        lock = "locks" if "r2-bucket" in text(calls["logs"].arguments["source"]) else "object_lock"
        if lock not in calls["logs"].arguments or is_null(calls["logs"].arguments[lock]):
            problems.append(f"{example.folder}: the logs are not locked")
        elif lock == "locks" and not any(
            text(entries(each)["prefix"]) == '"${var.log_prefix}/"' for each in elements(calls["logs"].arguments[lock])
        ):
            problems.append(f"{example.folder}: the lock is not on the log prefix")
        if lock in calls["lake"].arguments:
            problems.append(f"{example.folder}: a lock on the lake stops its maintenance")
    return problems or ([] if examples(modules) else ["there is no example"])


def buckets_outlive_a_destroy(modules: Modules) -> list[str]:
    kinds = ("cloudflare_r2_bucket", "cloudflare_r2_bucket_lock", "aws_s3_bucket")
    found = [block for kind in kinds for block in resources(modules, kind)]
    kept = [
        block
        for block in found
        if any(
            "prevent_destroy" in each.arguments and literal(each.arguments["prevent_destroy"]) == "true"
            for each in block.nested("lifecycle")
        )
    ]
    problems = [f"{block.address}: a destroy would take it" for block in found if block not in kept]
    problems += [f"{block.address}: a destroy would empty it" for block in found if "force_destroy" in block.arguments]
    return problems + (
        ["there are not three kinds of buckets and locks"] if len({block.labels[0] for block in found}) < 3 else []
    )


def incomplete_uploads_end(modules: Modules) -> list[str]:
    r2 = [text(block.arguments["rules"]) for block in resources(modules, "cloudflare_r2_bucket_lifecycle")]
    s3 = [
        rule for block in resources(modules, "aws_s3_bucket_lifecycle_configuration") for rule in block.nested("rule")
    ]
    good = any("abort_multipart_uploads_transition={" in each for each in r2)
    aborts = any(rule.nested("abort_incomplete_multipart_upload") for rule in s3)
    return ([] if good else ["R2: uploads that never end are kept"]) + (
        [] if aborts else ["S3: uploads that never end are kept"]
    )


def data_stays_in_cape_town(modules: Modules) -> list[str]:
    example = modules[f"examples/s3-{REGION}"]
    problems = []
    if {name: literal(value) for name, value in example.local_values().items()}.get("region") != REGION:
        problems.append(f"local.region is not {REGION}")
    places = [
        (block.address, block.arguments.get("region")) for block in example.of("provider") if block.labels[0] == "aws"
    ]
    places += [
        (call.address, call.arguments.get("region"))
        for call in example.of("module")
        if "s3-bucket" in text(call.arguments["source"])
    ]
    problems += [
        f"{name}: its region is not local.region"
        for name, value in places
        if value is None or text(value) != "local.region"
    ]
    if len(places) < 3:
        problems.append("the example has no provider and two buckets")
    module = modules["modules/s3-bucket"]
    checks = [
        check
        for block in module.of_type("aws_s3_bucket")
        for life in block.nested("lifecycle")
        for check in life.nested("precondition")
    ]
    if not any(text(check.arguments["condition"]) == "data.aws_region.current.region==var.region" for check in checks):
        problems.append("modules/s3-bucket does not compare its region with the provider's")
    return problems
