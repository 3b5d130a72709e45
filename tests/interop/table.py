"""Where the table is, for readers that are not ours: environment, catalog, metadata, data files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

NAME = "gatelog.events"
# The pointer lies in schema `gatelog`, in the layout that Java's JdbcCatalog and PyIceberg share.
SEARCH_PATH = "options=-csearch_path%3Dgatelog"


@dataclass(frozen=True)
class Access:
    """The S3 server and the database, from the variables that the AWS tools and libpq programs use."""

    endpoint: str
    access_key: str
    secret_key: str
    region: str
    database_url: str

    @staticmethod
    def from_environment() -> Access:
        return Access(
            endpoint=os.environ["AWS_ENDPOINT_URL"],
            access_key=os.environ["AWS_ACCESS_KEY_ID"],
            secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            region=os.environ["AWS_REGION"],
            database_url=os.environ["DATABASE_URL"],
        )

    def storage_options(self) -> dict[str, str]:
        """As PyIceberg names them."""
        return {
            "s3.endpoint": self.endpoint,
            "s3.access-key-id": self.access_key,
            "s3.secret-access-key": self.secret_key,
            "s3.region": self.region,
            "s3.force-virtual-addressing": "false",
        }

    def table(self) -> Table:
        """The table through the same Postgres catalog that gatelog commits to."""
        server = urlsplit(self.database_url)
        uri = server._replace(scheme="postgresql+psycopg2", query=SEARCH_PATH).geturl()
        catalog = SqlCatalog("gatelog", uri=uri, init_catalog_tables="false", **self.storage_options())
        return catalog.load_table(NAME)

    def client(self) -> Any:
        return boto3.client("s3", endpoint_url=self.endpoint, config=Config(s3={"addressing_style": "path"}))

    def read(self, location: str) -> bytes:
        """One object, by its `s3://` location."""
        bucket, key = split_location(location)
        return self.client().get_object(Bucket=bucket, Key=key)["Body"].read()

    def list(self, location: str) -> list[str]:
        """The locations of all objects below one."""
        bucket, prefix = split_location(location)
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [f"s3://{bucket}/{found['Key']}" for page in pages for found in page.get("Contents", [])]


def split_location(location: str) -> tuple[str, str]:
    """Bucket and key."""
    parts = urlsplit(location)
    return parts.netloc, parts.path.lstrip("/")


def data_files(table: Table) -> list[str]:
    """The Parquet files of the current snapshot."""
    return [task.file.file_path for task in table.scan().plan_files()]
