"""What a provider would say of things it has made or looked up."""

from __future__ import annotations

import json
from typing import Any

Values = dict[str, Any]
AWS_ACCOUNT = "123456789012"


def made(kind: str, attribute: str, of_type: str, state: Values) -> str | int | bool | list[str]:
    """An attribute of a resource, known once the resource is there."""
    if of_type != "string":
        return {"number": 0, "bool": False}.get(of_type, [])
    name = state.get("name") or state.get("bucket") or state.get("queue_name") or kind
    if attribute == "arn":
        return f"arn:aws:s3:::{name}" if kind == "aws_s3_bucket" else f"arn:aws:{kind}:{name}"
    if kind == "aws_s3_bucket" and attribute == "id":
        return str(name)
    return f"{attribute} of {name}"


def answered(kind: str, config: Values, region: str) -> Values:
    """A data source with everything it can tell."""
    if kind == "aws_region":
        return {**config, "id": region, "name": region, "region": config["region"] or region, "description": region}
    if kind == "aws_caller_identity":
        return {
            **config,
            "id": AWS_ACCOUNT,
            "account_id": AWS_ACCOUNT,
            "arn": f"arn:aws:iam::{AWS_ACCOUNT}:root",
            "user_id": AWS_ACCOUNT,
        }
    document = json.dumps(policy(config), sort_keys=True)
    return {**config, "id": "document", "json": document, "minified_json": document}


def policy(config: Values) -> Values:
    return {"Version": "2012-10-17", "Statement": [statement(each) for each in config["statement"]]}


def statement(block: Values) -> Values:
    found: Values = {"Effect": block["effect"] or "Allow", "Action": sorted(block["actions"])}
    if block["sid"]:
        found["Sid"] = block["sid"]
    if block["resources"]:
        found["Resource"] = sorted(block["resources"])
    if block["principals"]:
        found["Principal"] = {each["type"]: sorted(each["identifiers"]) for each in block["principals"]}
    if block["condition"]:
        found["Condition"] = {each["test"]: {each["variable"]: each["values"]} for each in block["condition"]}
    return found
