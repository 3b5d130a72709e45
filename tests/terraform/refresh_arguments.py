"""Writes provider_arguments.json anew from the published bindings of the providers, or says how it differs.

usage: refresh_arguments.py CLOUDFLARE_WHEEL AWS_WHEEL [--check]

The wheels are cdktn-provider-cloudflare and cdktn-provider-aws. They are generated from the schemas that the providers
themselves report, so names, types, nesting and what is required come from the provider and not from prose. The wheels
are 90 MB, which is why the result is kept and this is not part of every run.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from binding_source import Bindings

HERE = Path(__file__).parent
TARGET = HERE / "provider_arguments.json"
CLOUDFLARE = [
    "provider",
    "ai_gateway",
    "queue",
    "queue_consumer",
    "r2_bucket",
    "r2_bucket_event_notification",
    "r2_bucket_lifecycle",
    "r2_bucket_lock",
    "logpush_job",
]
AWS = [
    "provider",
    "data_aws_caller_identity",
    "data_aws_iam_policy_document",
    "data_aws_region",
    "iam_policy",
    "iam_role",
    "iam_role_policy_attachment",
    "s3_bucket",
    "s3_bucket_lifecycle_configuration",
    "s3_bucket_notification",
    "s3_bucket_object_lock_configuration",
    "s3_bucket_ownership_controls",
    "s3_bucket_policy",
    "s3_bucket_public_access_block",
    "s3_bucket_server_side_encryption_configuration",
    "s3_bucket_versioning",
    "sqs_queue",
    "sqs_queue_policy",
    "sqs_queue_redrive_allow_policy",
]


def main(arguments: list[str]) -> int:
    wheels = [Path(argument) for argument in arguments if argument != "--check"]
    if len(wheels) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    fresh = render(collect(*wheels))
    if "--check" not in arguments:
        TARGET.write_text(fresh)
        return 0
    same = TARGET.read_text() == fresh
    print("provider_arguments.json is", "what the bindings say" if same else "NOT what the bindings say")
    return 0 if same else 1


def collect(cloudflare: Path, aws: Path) -> dict[str, Any]:
    read = [
        Bindings(zipfile.ZipFile(cloudflare), "cloudflare", nested_are_blocks=False).read(CLOUDFLARE),
        Bindings(zipfile.ZipFile(aws), "aws", nested_are_blocks=True).read(AWS),
    ]
    found: dict[str, Any] = {
        "about": "What the providers accept. Written by refresh_arguments.py; do not edit.",
        "providers": {each.provider: each.origin for each in read},
        "types": {name: schema for each in read for name, schema in each.types.items()},
    }
    for entry in json.loads((HERE / "documented_values.json").read_text())["values"]:
        argument_at(found["types"], entry["at"])["values"] = entry["values"]
    return found


def argument_at(types: dict[str, Any], path: str) -> dict[str, Any]:
    name = next(name for name in types if path.startswith(f"{name}."))
    node: dict[str, Any] = types[name]
    for part in path.removeprefix(f"{name}.").split("."):
        node = node["arguments"][part]
    return node


def render(value: Any, indent: int = 0) -> str:
    """JSON with one line per argument that has no arguments of its own, so that differences can be read."""
    if not isinstance(value, dict) or not any(isinstance(item, dict) for item in value.values()):
        return json.dumps(value)
    pad = "  " * (indent + 1)
    lines = [f"{pad}{json.dumps(key)}: {render(item, indent + 1)}" for key, item in value.items()]
    return "{\n" + ",\n".join(lines) + "\n" + "  " * indent + "}" + ("\n" if indent == 0 else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
