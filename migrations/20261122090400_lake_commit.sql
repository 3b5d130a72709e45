-- One row per transaction that made something visible. Its presence is the proof that the transaction committed.
CREATE SEQUENCE gatelog.commit_seq AS bigint;
COMMENT ON SEQUENCE gatelog.commit_seq IS 'Numbers of commits. Taken before encoding, because rows of the lake carry them: gaps are normal.';

CREATE TABLE gatelog.lake_commit (
    commit_seq        bigint PRIMARY KEY,
    worker            uuid NOT NULL,
    ingest_time       timestamptz NOT NULL,
    events            bigint NOT NULL CHECK (events >= 0),
    objects           bigint NOT NULL CHECK (objects >= 0),
    files             bigint NOT NULL CHECK (files >= 0),
    snapshot_id       bigint,
    metadata_location text,
    committed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT lake_commit_events_in_files CHECK (events = 0 OR files > 0),
    CONSTRAINT lake_commit_files_in_snapshot CHECK (files = 0 OR num_nulls(snapshot_id, metadata_location) = 0)
);

COMMENT ON TABLE gatelog.lake_commit IS 'Commits: what became visible together. A commit_seq missing here never committed.';
COMMENT ON COLUMN gatelog.lake_commit.commit_seq IS 'Number of the commit, as in the lake''s rows.';
COMMENT ON COLUMN gatelog.lake_commit.worker IS 'Process that made it: the owner of the leases.';
COMMENT ON COLUMN gatelog.lake_commit.ingest_time IS 'The ingest_time that the lake''s rows of this commit carry.';
COMMENT ON COLUMN gatelog.lake_commit.events IS 'Events that became visible.';
COMMENT ON COLUMN gatelog.lake_commit.objects IS 'Objects it covered, retried ones included.';
COMMENT ON COLUMN gatelog.lake_commit.files IS 'Parquet files it added; 0 when there were only rejects and duplicates.';
COMMENT ON COLUMN gatelog.lake_commit.snapshot_id IS 'Iceberg snapshot that shows the files; null without files.';
COMMENT ON COLUMN gatelog.lake_commit.metadata_location IS 'Iceberg metadata the pointer was moved to; null without files.';
COMMENT ON COLUMN gatelog.lake_commit.committed_at IS 'When the row was written, the last statement before COMMIT, by the clock of this database.';
