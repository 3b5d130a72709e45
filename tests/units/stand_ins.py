"""What the examples' endpoints and secrets stand for here: an S3 server, a provider, a Postgres and a key pair."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Set by gatelog-testkit-postgres.
CLUSTER_VARIABLE = "GATELOG_TEST_DATABASE_URL"
# As the examples name them.
BUCKETS = ["llm-logs", "llm-lake"]


@dataclass(frozen=True)
class StandIns:
    s3: dict[str, str]
    azure: str
    private_key: str
    public_key: str

    def secret(self, name: str) -> str:
        """What is in the secret file of this name."""
        match name:
            case "database-url":
                return os.environ[CLUSTER_VARIABLE]
            case "logpush-2026.pem":
                return self.private_key
            case "logpush-2026.public.pem":
                return self.public_key
            case _ if name.endswith("-secret-access-key"):
                return self.s3["secret_key"]
        raise KeyError(name)

    def overrides(self, role: str) -> dict[str, str]:
        """Endpoints, and short intervals. The roles share one loopback here, so only one can have the examples' port."""
        buckets = ["SOURCE", "LAKE"] if role == "ingest" else ["SOURCE"]
        leaves = {f"{bucket}__BUCKET__ENDPOINT": self.s3["endpoint"] for bucket in buckets}
        leaves |= {f"{bucket}__BUCKET__ACCESS_KEY_ID": self.s3["access_key"] for bucket in buckets}
        leaves |= {f"{bucket}__BUCKET__REGION": self.s3["region"] for bucket in buckets}
        if role == "ingest":
            leaves |= {"INGEST__POLL_INTERVAL_SECONDS": "1", "INGEST__COMMIT_INTERVAL_SECONDS": "1"}
            leaves |= {"STATUS__LISTEN": "127.0.0.1:9465"}
        else:
            leaves |= {"GATEWAY__AUDIT__SHIP_INTERVAL_SECONDS": "1", "GATEWAY__AZURE_BASE_URL": self.azure}
        return {f"GATELOG__{leaf}": value for leaf, value in leaves.items()}


@contextmanager
def stand_ins(binaries: Path, folder: Path) -> Iterator[StandIns]:
    private = folder / "private.pem"
    keygen = [str(binaries / "gatelog"), "keygen", "--bits", "2048", "--private", str(private)]
    public = subprocess.run(keygen, capture_output=True, text=True, check=True).stdout
    with (
        server([str(binaries / "gatelog-testkit-s3"), str(folder / "s3"), "0", *BUCKETS]) as s3,
        server([str(binaries / "gatelog-testkit-azure")]) as azure,
    ):
        said = dict(s3.stdout.readline().split() for _ in range(4))
        yield StandIns(said, azure.stdout.readline().strip(), private.read_text(), public)


@contextmanager
def server(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
