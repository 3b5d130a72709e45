"""Proves that no prompt, answer or metadata entry leaks out of the data pages of the table.

usage: check_manifests.py [NEEDLE...]

The environment says where, as for read_table.py. Checked are
- the manifests of the current snapshot: no lower or upper bound of a private column;
- every metadata file of the table, old ones too: no needle, neither as stored nor decompressed;
- the footer of every Parquet file: no statistics, page index or bloom filter of a private column, no dictionary of a
  content column, no needle.
Exits with 1 and one line for each leak.
"""

from __future__ import annotations

import io
import json
import struct
import sys
from collections.abc import Iterator
from typing import Any

import fastavro
import pyarrow.parquet
from pyiceberg.table import Table

from table import Access, data_files

CONTENT_COLUMNS = ("request_body", "response_body")
# Written by callers: values may be anything, so they are kept out of statistics as well.
PRIVATE_COLUMNS = (*CONTENT_COLUMNS, "metadata", "extra")
BOUNDS = ("lower_bounds", "upper_bounds")
PARQUET_TAIL = struct.Struct("<I4s")


def private_field_ids(table: Table) -> dict[int, str]:
    """Ids of the private columns and of everything inside them."""
    names = table.schema()._lazy_id_to_name.items()
    return {number: name for number, name in names if name.split(".")[0] in PRIVATE_COLUMNS}


def avro_records(file: bytes) -> list[dict[str, Any]]:
    return list(fastavro.reader(io.BytesIO(file)))


def bound_leaks(access: Access, table: Table) -> Iterator[str]:
    """Reads the manifests without PyIceberg's help: what is in the file counts, not what a library makes of it."""
    private = private_field_ids(table)
    for manifest in avro_records(access.read(table.current_snapshot().manifest_list)):
        for entry in avro_records(access.read(manifest["manifest_path"])):
            for bounds in BOUNDS:
                for bound in entry["data_file"].get(bounds) or []:
                    if bound["key"] in private:
                        yield f"{manifest['manifest_path']}: {bounds} of {private[bound['key']]}"


def texts(value: Any) -> Iterator[bytes]:
    """Every text and byte string inside an Avro record."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for element in value:
            yield from texts(element)
    elif isinstance(value, str):
        yield value.encode()
    elif isinstance(value, bytes):
        yield value


def metadata_leaks(access: Access, table: Table, needles: list[bytes]) -> Iterator[str]:
    """Looks for needles in all metadata files, those of earlier snapshots too."""
    files = [name for name in access.list(f"{table.location()}/metadata/") if name.endswith((".avro", ".json"))]
    if len(files) < 3:
        yield f"only {len(files)} metadata files found below {table.location()}"
    for name in files:
        stored = access.read(name)
        parts = [stored, *texts(avro_records(stored))] if name.endswith(".avro") else [stored]
        for needle in needles:
            if any(needle in part for part in parts):
                yield f"{name}: holds {needle.decode()!r}"


def footer_leaks(access: Access, location: str, needles: list[bytes]) -> Iterator[str]:
    """Looks at one Parquet file."""
    file = access.read(location)
    length, magic = PARQUET_TAIL.unpack(file[-PARQUET_TAIL.size :])
    if magic != b"PAR1":
        yield f"{location}: ends with {magic!r}, so its footer cannot be checked"
        return
    footer = file[-PARQUET_TAIL.size - length :]
    yield from (f"{location}: footer holds {needle.decode()!r}" for needle in needles if needle in footer)
    metadata = pyarrow.parquet.read_metadata(io.BytesIO(file))
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            column = metadata.row_group(group).column(index)
            yield from (f"{location}: {column.path_in_schema} has {leak}" for leak in column_leaks(column))


def column_leaks(column: pyarrow.parquet.ColumnChunkMetaData) -> Iterator[str]:
    name = column.path_in_schema.split(".")[0]
    if name in PRIVATE_COLUMNS:
        if column.is_stats_set and column.statistics.has_min_max:
            yield "statistics"
        if column.has_column_index:
            yield "a column index"
        if column.bloom_filter_offset is not None:
            yield "a bloom filter"
    if name in CONTENT_COLUMNS and column.has_dictionary_page:
        yield "a dictionary"


def main(needles: list[str]) -> int:
    access = Access.from_environment()
    table = access.table()
    wanted = [needle.encode() for needle in needles]
    leaks = [*bound_leaks(access, table), *metadata_leaks(access, table, wanted)]
    files = data_files(table)
    for location in files:
        leaks += footer_leaks(access, location, wanted)
    for leak in leaks:
        print(f"LEAK {leak}")
    print(f"private columns: {len(leaks)} leaks in the metadata of {len(files)} files, {len(wanted)} needles")
    return 1 if leaks or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
