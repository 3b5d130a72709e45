"""A throwaway installation for checks and benchmarks: an S3 server, a database, a configuration, runs of the binary.

Everything comes from the folder of built binaries. The Postgres cluster is the one `gatelog-testkit-postgres` runs this
program beside; every installation gets a database of its own in it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import boto3
import psycopg2
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# Set by gatelog-testkit-postgres.
CLUSTER_VARIABLE = "GATELOG_TEST_DATABASE_URL"
SOURCE_BUCKET = "logs"
LAKE_BUCKET = "lake"
UPLOAD_THREADS = 16
SERVER_START_SECONDS = 60


@dataclass(frozen=True)
class S3:
    """How to reach an S3 server."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str

    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=UPLOAD_THREADS),
        )


@dataclass(frozen=True)
class Run:
    """What one run of a program took; `cpu_seconds` is user and system time of that process alone."""

    cpu_seconds: float
    wall_seconds: float
    peak_rss_mb: float
    output: str


def measure(command: list[str], environment: dict[str, str] | None = None) -> Run:
    """Runs a program to its end. A failure ends this one, with what the program said."""
    started = time.monotonic()
    process = subprocess.Popen(
        command, env=os.environ | (environment or {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with ThreadPoolExecutor(2) as pool:
        output = pool.submit(process.stdout.read)
        errors = pool.submit(process.stderr.read)
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"`{' '.join(command)}` ended with {process.returncode}\n{output.result()}{errors.result()}")
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024 / 1e6, output.result())


@contextmanager
def testkit_s3(binaries: Path, folder: Path, *, niceness: int = 0) -> Iterator[S3]:
    """The S3 server of tests and demo, as a process of its own."""
    command = ["nice", "-n", str(niceness), str(binaries / "gatelog-testkit-s3"), str(folder), "0"]
    command += [SOURCE_BUCKET, LAKE_BUCKET]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with ended_at_exit(process):
        said = dict(process.stdout.readline().split() for _ in range(4))
        yield S3(said["endpoint"], said["access_key"], said["secret_key"], said["region"])


@contextmanager
def moto_s3(log: Path) -> Iterator[S3]:
    """moto, a second implementation of S3."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    with log.open("w") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink)
    with ended_at_exit(process):
        s3 = S3(f"http://127.0.0.1:{port}", "moto", "moto-secret", "us-east-1")
        wait_for_server(s3, process)
        for bucket in (SOURCE_BUCKET, LAKE_BUCKET):
            s3.client().create_bucket(Bucket=bucket)
        yield s3


@contextmanager
def ended_at_exit(process: subprocess.Popen[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def wait_for_server(s3: S3, process: subprocess.Popen[Any]) -> None:
    """Asks until it answers."""
    deadline = time.monotonic() + SERVER_START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            s3.client().list_buckets()
            return
        except (BotoCoreError, ClientError):
            time.sleep(0.1)
    sys.exit(f"the S3 server at {s3.endpoint} does not answer")


def log_objects(corpus: Path) -> list[Path]:
    """The files of a corpus, in the order of their time windows."""
    return sorted(corpus.glob("*/*.log.gz"))


def upload(s3: S3, corpus: Path, files: list[Path]) -> None:
    """Puts log objects of a corpus into the source bucket, each under its path in the corpus."""
    client = s3.client()

    def put(file: Path) -> None:
        with file.open("rb") as body:
            client.put_object(Bucket=SOURCE_BUCKET, Key=str(file.relative_to(corpus)), Body=body)

    with ThreadPoolExecutor(UPLOAD_THREADS) as pool:
        list(pool.map(put, files))


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextmanager
def database() -> Iterator[str]:
    """A new, empty database in the cluster; its URL. Dropped at the end."""
    cluster = os.environ.get(CLUSTER_VARIABLE)
    if not cluster:
        sys.exit(f"{CLUSTER_VARIABLE} is not set: run this beside gatelog-testkit-postgres")
    name = f"sandbox_{uuid.uuid4().hex[:12]}"
    execute(cluster, f"CREATE DATABASE {name}")
    try:
        yield with_database(cluster, name)
    finally:
        execute(cluster, f"DROP DATABASE {name} WITH (FORCE)")


def execute(url: str, statement: str) -> None:
    """Runs a statement outside any transaction."""
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        connection.cursor().execute(statement)
    finally:
        connection.close()


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows of one query."""
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()
    finally:
        connection.close()


@dataclass
class Installation:
    """One configured gatelog: its binary, its buckets, its database."""

    binaries: Path
    folder: Path
    s3: S3
    database_url: str
    _: KW_ONLY
    private_key: Path | None = None
    lake_prefix: str = "lake"
    ingest: dict[str, int] = field(default_factory=dict)

    def config(self) -> Path:
        """Writes `gatelog.toml` and returns its path."""
        path = self.folder / "gatelog.toml"
        path.write_text("\n".join([*self._sections(), *map(deployment_section, DEPLOYMENTS)]))
        return path

    def _sections(self) -> Iterator[str]:
        yield 'account_id = "sandbox"'
        yield section("source.bucket", self._bucket(SOURCE_BUCKET))
        yield section("lake", {"prefix": self.lake_prefix})
        yield section("lake.bucket", self._bucket(LAKE_BUCKET))
        yield section("database", {"url": self.database_url})
        if self.private_key:
            yield section("keys", {"private_key_files": [str(self.private_key)]})
        if self.ingest:
            yield section("ingest", self.ingest)
        yield section("log", {"filter": "warn"})

    def _bucket(self, name: str) -> dict[str, str]:
        return {
            "name": name,
            "region": self.s3.region,
            "endpoint": self.s3.endpoint,
            "access_key_id": self.s3.access_key,
            "secret_access_key": self.s3.secret_key,
        }

    def ingest_once(self) -> Run:
        """`gatelog ingest --once`."""
        command = [str(self.binaries / "gatelog"), "--config", str(self.config()), "ingest", "--once"]
        return measure(command)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        return ask(self.database_url, statement)


@dataclass(frozen=True)
class Deployment:
    """One `[[deployments]]` entry."""

    resource: str
    deployment: str
    version: str
    type: str
    region: str = "southafricanorth"


# What gen_corpus.py sends requests to, except workers-ai, which has no list price and must stay visibly unpriced.
DEPLOYMENTS = [
    Deployment("aoai-imbila-sa", "gpt-4o", "2024-11-20", "regional"),
    Deployment("aoai-imbila-sa", "gpt-4o-mini", "2024-07-18", "global"),
    Deployment("aoai-imbila-sa", "gpt-4.1", "2025-04-14", "global"),
    Deployment("aoai-imbila-sa", "gpt-4.1-mini", "2025-04-14", "global"),
    Deployment("aoai-imbila-sa", "o4-mini", "2025-04-16", "global"),
    Deployment("openai", "gpt-4o-mini", "2024-07-18", "global"),
    Deployment("openai", "gpt-4.1-nano", "2025-04-14", "global"),
]


def section(name: str, values: dict[str, Any]) -> str:
    """A TOML table; strings, numbers and lists of strings are spelt as in JSON."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def deployment_section(entry: Deployment) -> str:
    """One element of the list of deployments; here each is named after its model."""
    return section("[deployments]", vars(entry) | {"model": entry.deployment})
