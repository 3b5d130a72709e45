"""The peer: chDB turns gzip NDJSON into zstd Parquet, with tenant, user and usage as columns of their own.

usage: peer_chdb.py CORPUS OUTPUT_FOLDER THREADS

One query, told everything it would otherwise have to find out: the schema, the compression, the threads. Bloom filters,
which it would write for every column, are off: nobody looks for a whole prompt.
"""

import sys
from pathlib import Path

import chdb

SCHEMA = ", ".join(
    (
        "Cached Bool",
        "Endpoint String",
        "Gateway String",
        "Metadata String",
        "Model String",
        "Provider String",
        "RateLimited Bool",
        "RequestBody String",
        "ResponseBody String",
        "StatusCode Int32",
        "Timestamp String",
    )
)

QUERY = """
INSERT INTO FUNCTION file('{output}', 'Parquet')
SELECT *,
       JSONExtractString(Metadata, 'tenantId') AS tenant_id,
       JSONExtractString(Metadata, 'userId') AS user_id,
       JSONExtract(ResponseBody, 'usage', 'prompt_tokens', 'Nullable(Int64)') AS prompt_tokens,
       JSONExtract(ResponseBody, 'usage', 'completion_tokens', 'Nullable(Int64)') AS completion_tokens
FROM file('{corpus}/*/*.log.gz', 'JSONEachRow', '{schema}')
SETTINGS max_threads = {threads}, input_format_json_read_objects_as_strings = 1,
         output_format_parquet_compression_method = 'zstd', output_format_compression_level = 1,
         output_format_parquet_parallel_encoding = 1, output_format_parquet_write_bloom_filter = 0
"""

TOTALS = "SELECT count(), sum(prompt_tokens), sum(completion_tokens) FROM file('{output}', 'Parquet')"


def main(corpus: Path, folder: Path, threads: int) -> None:
    """Converts the corpus and prints `rows prompt_tokens completion_tokens` as read back."""
    output = folder / "events.parquet"
    chdb.query(QUERY.format(output=output, corpus=corpus, schema=SCHEMA, threads=threads))
    print(str(chdb.query(TOTALS.format(output=output), "TabSeparated")).strip())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
