"""What the accounts of the document stand for here: an S3 server, an Azure, Cloudflare's API, a database."""

from __future__ import annotations

import json
import secrets
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import databases
from processes import line, server
from tracks import Track

# Other names than the document's own, so that one that is written out where a value belongs is found.
ACCOUNT = "5e1f0000000000000000000000000a11"
RESOURCE, DEPLOYMENT, MODEL = "newcomer-za", "first-chat", "gpt-4o-2024-11-20"
LOG_BUCKET, LAKE_BUCKET = "newcomer-logs", "newcomer-lake"
# Input, output and cached tokens of every answer: each of the three prices counts.
USAGE = "1200/300/1024"


@dataclass(frozen=True)
class S3:
    endpoint: str
    access_key: str
    secret_key: str
    # Its buckets are folders there.
    folder: Path

    def objects(self, bucket: str) -> list[str]:
        """Keys of what is in a bucket."""
        files = (path for path in (self.folder / bucket).rglob("*.gz") if path.is_file())
        return sorted(str(path.relative_to(self.folder / bucket)) for path in files)


@dataclass(frozen=True)
class StandIns:
    s3: S3
    azure: str
    azure_key: str
    cloudflare: str
    cloudflare_token: str
    database_url: str
    # Of the stand-in for Cloudflare's gateway, which keeps its tokens where the newcomer cannot look.
    elsewhere_url: str

    def counted(self) -> dict[str, Any]:
        """Calls and tokens, as the simulated Azure itself counted them."""
        totals: dict[str, Any] = fetch(f"{self.azure}/_sim/totals")
        return totals

    def jobs(self) -> list[dict[str, Any]]:
        """The Logpush jobs with their secrets, which Cloudflare's own API keeps to itself."""
        address = urlsplit(self.cloudflare)
        jobs: list[dict[str, Any]] = fetch(f"{address.scheme}://{address.netloc}/_sim/jobs")
        return jobs


@contextmanager
def stand_ins(track: Track, binaries: Path, folder: Path) -> Iterator[StandIns]:
    azure_key, cloudflare_token = secrets.token_hex(16), secrets.token_hex(20)
    azure_command = [str(binaries / "gatelog-testkit-azure"), "--api-key", azure_key, "--behave", f"usage={USAGE}"]
    azure_command += ["--deployment", f"{DEPLOYMENT}={MODEL}"]
    cloudflare_command = [str(binaries / "gatelog-testkit-cloudflare"), "--account", ACCOUNT]
    cloudflare_command += ["--token", cloudflare_token]
    s3_command = [str(binaries / "gatelog-testkit-s3"), str(folder / "s3"), "0", LOG_BUCKET, LAKE_BUCKET]
    with ExitStack() as running:
        s3 = running.enter_context(server(s3_command))
        azure = running.enter_context(server(azure_command))
        cloudflare = running.enter_context(server(cloudflare_command))
        said = dict(line(s3).split() for _ in range(4))
        yield StandIns(
            S3(said["endpoint"], said["access_key"], said["secret_key"], folder / "s3"),
            line(azure),
            azure_key,
            line(cloudflare),
            cloudflare_token,
            databases.make(f"newcomer_{track.value.lower()}", folder),
            databases.make(f"elsewhere_{track.value.lower()}", folder),
        )


def fetch(url: str) -> Any:
    # Never by a proxy: it is this machine.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=10) as answer:
        return json.load(answer)
