"""The Logpush job that the newcomer made, as far as it says where records go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

# What Logpush puts the day in for.
DATE = "/{DATE}"


@dataclass(frozen=True)
class Destination:
    scheme: str
    bucket: str
    prefix: str
    account: str
    access_key: str
    secret_key: str

    @staticmethod
    def of(job: dict[str, Any]) -> Destination:
        address = urlsplit(job["destination_conf"])
        if not address.path.endswith(DATE):
            raise ValueError(f"the job's path `{address.path}` does not end in {DATE}")
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        return Destination(
            address.scheme,
            address.netloc,
            address.path.removesuffix(DATE).strip("/"),
            asked.get("account-id", ""),
            asked.get("access-key-id", ""),
            asked.get("secret-access-key", ""),
        )
