"""gatelog's gateway with everything on: authentication, budgets, cache, metrics, the sealed log and its shipping."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sandbox
from proxy import Proxy, free_port, listening
from upstream import API_KEY, CHAT, DEPLOYMENT, Upstream

GATEWAY = "bench"
TENANT = "tenant-0001"
RESOURCE = "aoai-imbila-sa"
# Soon, so that what a load left behind has been shipped, and its CPU time counted, within seconds.
SHIP_INTERVAL_SECONDS = 2
SETTLE_SECONDS = 300
# The bucket is on another machine; here its server gives way to what is measured.
S3_NICENESS = 15
LOSSES = (
    "gatelog_gateway_records_lost_total",
    "gatelog_spool_lost_records_total",
    "gatelog_spool_dropped_records_total",
)
METADATA = '{"userId":"u-0001","promptVersion":"v3"}'


@dataclass(frozen=True)
class Gateway:
    """A running one."""

    status_port: int
    bucket: Path

    def settle(self) -> None:
        """Waits until every answer's record is in the bucket, then empties that."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while not self._is_settled():
            if time.monotonic() > deadline:
                sys.exit(f"audit records are not shipped: {self.metrics()}")
            time.sleep(0.5)
        for folder in self.bucket.iterdir():
            shutil.rmtree(folder) if folder.is_dir() else folder.unlink()

    def _is_settled(self) -> bool:
        metrics = self.metrics()
        lost = [name for name in LOSSES if metrics.get(name)]
        if lost:
            sys.exit(f"the gateway lost audit records: {lost}")
        return metrics.get("gatelog_spool_shipped_records_total", 0) >= metrics.get("gatelog_gateway_answers_total", 0)

    def metrics(self) -> dict[str, float]:
        """Every metric, summed over its labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.status_port}/metrics") as answer:
            lines = re.findall(r"^(\w+)(?:{.*})? (\S+)$", answer.read().decode(), re.MULTILINE)
        sums: dict[str, float] = {}
        for name, value in lines:
            sums[name] = sums.get(name, 0) + float(value)
        return sums


@contextmanager
def governed(binaries: Path, folder: Path, upstream: Upstream, key_bits: int) -> Iterator[Proxy]:
    """A gateway with a database, a bucket and a spool of its own; its log is sealed for an RSA key of that size."""
    folder.mkdir()
    with sandbox.testkit_s3(binaries, folder / "s3", niceness=S3_NICENESS) as s3, sandbox.database() as url:
        port, status_port = free_port(), free_port()
        config = sandbox.Installation(binaries, folder, s3, url).config()
        with config.open("a") as file:
            file.writelines(sections(folder, port, status_port, public_key(binaries, folder, key_bits), upstream))
        command = [str(binaries / "gatelog"), "--config", str(config)]
        token = subprocess.check_output(
            [*command, "token", "create", "bench", "--tenant", TENANT], text=True, stderr=subprocess.DEVNULL
        )
        log = folder / "gateway.log"
        with listening([*command, "gateway"], port, log) as process:
            gateway = Gateway(status_port, folder / "s3" / sandbox.SOURCE_BUCKET)
            path = f"/v1/account/{GATEWAY}/azure-openai/{RESOURCE}/{DEPLOYMENT}/{CHAT}"
            headers = [API_KEY, f"cf-aig-authorization: Bearer {token.strip()}", f"cf-aig-metadata: {METADATA}"]
            yield Proxy(
                f"gatelog (RSA-{key_bits})",
                f"http://127.0.0.1:{port}{path}",
                headers,
                process=process.pid,
                settle=gateway.settle,
                must_not_fail=True,
            )
        if process.returncode != 0:
            sys.exit(f"the gateway ended with {process.returncode}\n{log.read_text()}")


def public_key(binaries: Path, folder: Path, bits: int) -> Path:
    """Of a new pair."""
    path = folder / "public.pem"
    command = [str(binaries / "gatelog"), "keygen", "--private", str(folder / "private.pem"), "--bits", str(bits)]
    path.write_bytes(subprocess.check_output(command))
    return path


def sections(folder: Path, port: int, status_port: int, key: Path, upstream: Upstream) -> Iterator[str]:
    """What `gatelog.toml` says of the gateway."""
    yield sandbox.section("status", {"listen": f"127.0.0.1:{status_port}"})
    yield sandbox.section(
        "gateway",
        {
            "listen": f"127.0.0.1:{port}",
            "gateways": [GATEWAY],
            "azure_base_url": upstream.endpoint,
            "authentication": True,
        },
    )
    yield sandbox.section("gateway.cache", {"enabled": True, "ttl_seconds": 300})
    yield sandbox.section(
        "gateway.audit",
        {
            "public_key_file": str(key),
            "spool_folder": str(folder / "spool"),
            # More than a run writes: at full speed it outruns the shipper.
            "spool_bytes_max": 16 << 30,
            "ship_interval_seconds": SHIP_INTERVAL_SECONDS,
        },
    )
    budgets = [("tokens-per-day", "tokens", "day", 10**15), ("dollars-per-month", "usd", "month", 10**6)]
    for name, unit, per, amount in budgets:
        budget = {"id": name, "tenant": TENANT, "unit": unit, "per": per, "amount": str(amount)}
        yield sandbox.section("[budgets.list]", budget)
