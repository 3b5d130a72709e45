-- Parquet files by commit, so that a file can be traced to its objects and checked against what was written.
CREATE TABLE gatelog.output_file (
    path       text PRIMARY KEY,
    commit_seq bigint NOT NULL,
    day        date NOT NULL,
    rows       bigint NOT NULL CHECK (rows > 0),
    size_bytes bigint NOT NULL CHECK (size_bytes > 0),
    sha256     bytea NOT NULL CHECK (octet_length(sha256) = 32)
);

CREATE INDEX output_file_commit_seq ON gatelog.output_file (commit_seq);

COMMENT ON TABLE gatelog.output_file IS 'Parquet files that commits added to the lake.';
COMMENT ON COLUMN gatelog.output_file.path IS 'Location as in the Iceberg manifests.';
COMMENT ON COLUMN gatelog.output_file.commit_seq IS 'Commit that added it (lake_commit).';
COMMENT ON COLUMN gatelog.output_file.day IS 'Partition: UTC day of its events.';
COMMENT ON COLUMN gatelog.output_file.rows IS 'Events in it.';
COMMENT ON COLUMN gatelog.output_file.size_bytes IS 'Size, bytes.';
COMMENT ON COLUMN gatelog.output_file.sha256 IS 'SHA-256 of its bytes as written.';
