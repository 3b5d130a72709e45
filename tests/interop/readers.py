"""Four implementations that read the table, none of them ours."""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Callable
from urllib.parse import urlsplit

# PyIceberg plans the scan; without this polars warns that its own planner is not installed.
os.environ["POLARS_ICEBERG_PLANNER"] = "pyiceberg"

import chdb
import duckdb
import polars
import pyarrow
import pyarrow.compute

from table import Access, split_location
from totals import NEEDLES, Totals

OVERALL = "count(*), count(DISTINCT event_id), sum(input_tokens), sum(output_tokens), {cost}"
COLUMNS = ("event_id", "tenant_id", "input_tokens", "output_tokens", "cost_usd", "request_body")


def read_with_pyiceberg(access: Access) -> Totals:
    """Through the Postgres catalog; the sums are Arrow's."""
    events = access.table().scan(selected_fields=COLUMNS).to_arrow()
    compute = pyarrow.compute
    overall = (
        events.num_rows,
        compute.count_distinct(events["event_id"]).as_py(),
        compute.sum(events["input_tokens"]).as_py(),
        compute.sum(events["output_tokens"]).as_py(),
        compute.sum(events["cost_usd"]).as_py(),
    )
    needles = [compute.sum(compute.match_substring(events["request_body"], needle)).as_py() for needle in NEEDLES]
    by_tenant = events.group_by("tenant_id").aggregate([("event_id", "count"), ("cost_usd", "sum")])
    tenants = by_tenant.select(["tenant_id", "event_id_count", "cost_usd_sum"])
    return Totals.from_rows(overall, needles, zip(*(column.to_pylist() for column in tenants)))


def read_with_duckdb(access: Access) -> Totals:
    """Its Iceberg extension, from the metadata file the catalog points to."""
    connection = duckdb.connect()
    for extension in ("avro", "httpfs", "iceberg"):
        connection.load_extension(extension_path(extension))
    server = urlsplit(access.endpoint)
    connection.execute(
        f"CREATE SECRET (TYPE s3, KEY_ID '{access.access_key}', SECRET '{access.secret_key}', "
        f"REGION '{access.region}', ENDPOINT '{server.netloc}', URL_STYLE 'path', USE_SSL {server.scheme == 'https'})"
    )
    source = f"iceberg_scan('{access.table().metadata_location}')"

    def ask(columns: str, rest: str = "") -> list[tuple]:
        return connection.execute(f"SELECT {columns} FROM {source} {rest}").fetchall()

    needles = ", ".join(f"count(*) FILTER (contains(request_body, '{needle}'))" for needle in NEEDLES)
    return Totals.from_rows(
        ask(OVERALL.format(cost="sum(cost_usd)"))[0],
        ask(needles)[0],
        ask("tenant_id, count(*), sum(cost_usd)", "GROUP BY 1"),
    )


def read_with_chdb(access: Access) -> Totals:
    """ClickHouse's own Iceberg reader; the metadata file is named, as it would guess the newest by its number."""
    table = access.table()
    _, metadata_key = split_location(table.metadata_location)
    bucket, folder = split_location(table.location())
    relative = metadata_key.removeprefix(folder).lstrip("/")
    source = (
        f"icebergS3('{access.endpoint}/{bucket}/{folder}/', '{access.access_key}', '{access.secret_key}', "
        f"SETTINGS iceberg_metadata_file_path = '{relative}')"
    )

    def ask(columns: str, rest: str = "") -> list[list[str | None]]:
        text = str(chdb.query(f"SELECT {columns} FROM {source} {rest}", "TabSeparated"))
        return [[None if cell == r"\N" else cell for cell in line.split("\t")] for line in text.splitlines()]

    needles = ", ".join(f"countIf(position(request_body, '{needle}') > 0)" for needle in NEEDLES)
    return Totals.from_rows(
        ask(OVERALL.format(cost="sum(cost_usd)"))[0],
        [int(count) for count in ask(needles)[0]],
        [tuple(row) for row in ask("tenant_id, count(), sum(cost_usd)", "GROUP BY tenant_id")],
    )


def read_with_polars(access: Access) -> Totals:
    """Its native Parquet reader below PyIceberg's plan of the table."""
    options = {
        "aws_endpoint_url": access.endpoint,
        "aws_access_key_id": access.access_key,
        "aws_secret_access_key": access.secret_key,
        "aws_region": access.region,
        "aws_allow_http": "true",
    }
    events = polars.scan_iceberg(access.table(), storage_options=options, reader_override="native")
    sums = [polars.col(name).sum() for name in ("input_tokens", "output_tokens", "cost_usd")]
    overall = events.select(polars.len(), polars.col("event_id").n_unique(), *sums).collect().row(0)
    body = polars.col("request_body")
    needles = events.select(body.str.contains(needle, literal=True).sum().alias(needle) for needle in NEEDLES)
    tenants = events.group_by("tenant_id").agg(polars.len(), polars.col("cost_usd").sum())
    return Totals.from_rows(overall, needles.collect().row(0), tenants.collect().rows())


def extension_path(extension: str) -> str:
    """The file in the wheel of that extension; DuckDB's own extension server is not asked."""
    wheel = importlib.resources.files(f"duckdb_extension_{extension}")
    return str(wheel / "extensions" / f"v{duckdb.__version__}" / f"{extension}.duckdb_extension")


READERS: dict[str, Callable[[Access], Totals]] = {
    "pyiceberg": read_with_pyiceberg,
    "duckdb": read_with_duckdb,
    "chdb": read_with_chdb,
    "polars": read_with_polars,
}
