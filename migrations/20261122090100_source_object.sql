-- The ledger: what happened to every object.
CREATE TABLE gatelog.source_object (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bucket            text NOT NULL,
    key               text NOT NULL,
    prefix            text NOT NULL GENERATED ALWAYS AS (regexp_replace(key, '[0-9]{8}/[^/]*$', '')) STORED,
    etag              text NOT NULL,
    size_bytes        bigint NOT NULL CHECK (size_bytes >= 0),
    window_start      timestamptz NOT NULL,
    window_end        timestamptz NOT NULL,
    discovered_at     timestamptz NOT NULL DEFAULT now(),
    state             text NOT NULL DEFAULT 'discovered' CHECK (state IN ('discovered', 'committed', 'quarantined')),
    attempt           integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    not_before        timestamptz NOT NULL DEFAULT now(),
    lease_owner       uuid,
    lease_epoch       bigint NOT NULL DEFAULT 0,
    lease_until       timestamptz,
    lines             bigint CHECK (lines >= 0),
    events            bigint CHECK (events >= 0),
    duplicates        bigint CHECK (duplicates >= 0),
    rejects           bigint CHECK (rejects >= 0),
    sha256            bytea CHECK (octet_length(sha256) = 32),
    lines_digest      bytea CHECK (octet_length(lines_digest) = 32),
    commit_seq        bigint,
    committed_at      timestamptz,
    quarantine_reason text,
    quarantine_offset bigint CHECK (quarantine_offset >= 0),
    retry_requested   boolean NOT NULL DEFAULT false,
    CONSTRAINT source_object_version UNIQUE (bucket, key, etag),
    CONSTRAINT source_object_window_forward CHECK (window_end >= window_start),
    -- A CHECK passes on NULL, so completeness is a constraint of its own.
    CONSTRAINT source_object_balance CHECK (state <> 'committed' OR lines = events + duplicates + rejects),
    CONSTRAINT source_object_committed_complete CHECK (
        state <> 'committed'
        OR num_nulls(lines, events, duplicates, rejects, sha256, lines_digest, commit_seq, committed_at) = 0),
    CONSTRAINT source_object_quarantine_reason CHECK ((state = 'quarantined') = (quarantine_reason IS NOT NULL)),
    CONSTRAINT source_object_lease_whole CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
    CONSTRAINT source_object_retry_committed CHECK (NOT retry_requested OR state = 'committed')
) WITH (fillfactor = 85); -- room for lease renewals to stay on their page

-- Claims take the oldest window first. The predicate means `discovered`, said so that a planner without statistics (the
-- minute after the first listing) expects many rows and walks this index instead of sorting all of them for each claim:
-- 200,000 objects not yet analysed took 400 ms a claim with `state = 'discovered'`.
CREATE INDEX source_object_claimable ON gatelog.source_object (window_start, id)
    WHERE state NOT IN ('committed', 'quarantined');
CREATE INDEX source_object_retry ON gatelog.source_object (window_start, id) WHERE retry_requested;
-- Renewing and giving back the leases of one worker.
CREATE INDEX source_object_leased ON gatelog.source_object (lease_owner) WHERE lease_owner IS NOT NULL;
-- Whole re-deliveries under another name; empty objects all look alike and are left out.
CREATE INDEX source_object_sha256 ON gatelog.source_object (sha256) WHERE state = 'committed' AND lines > 0;
CREATE INDEX source_object_lines_digest ON gatelog.source_object (lines_digest) WHERE state = 'committed' AND lines > 0;
CREATE INDEX source_object_quarantined ON gatelog.source_object (id) WHERE state = 'quarantined';

COMMENT ON TABLE gatelog.source_object IS 'The ledger: one row per source object at one etag, kept for ever.';
COMMENT ON COLUMN gatelog.source_object.id IS 'Number of the object in this ledger.';
COMMENT ON COLUMN gatelog.source_object.bucket IS 'Bucket it lies in.';
COMMENT ON COLUMN gatelog.source_object.key IS 'Whole object key.';
COMMENT ON COLUMN gatelog.source_object.prefix IS 'What stands before {YYYYMMDD}/{file} in the key: one Logpush job.';
COMMENT ON COLUMN gatelog.source_object.etag IS 'Version tag of the store, quotes removed; a key written again is another object.';
COMMENT ON COLUMN gatelog.source_object.size_bytes IS 'Size as listed, bytes (compressed).';
COMMENT ON COLUMN gatelog.source_object.window_start IS 'Start of the time window in the key.';
COMMENT ON COLUMN gatelog.source_object.window_end IS 'End of the time window in the key; may equal the start.';
COMMENT ON COLUMN gatelog.source_object.discovered_at IS 'When a listing showed it first.';
COMMENT ON COLUMN gatelog.source_object.state IS 'discovered: to be read, by somebody if there is a lease. committed: its lines are visible. quarantined: cannot be read as a whole; a person decides.';
COMMENT ON COLUMN gatelog.source_object.attempt IS 'Claims since it was discovered, or since a retry was asked for.';
COMMENT ON COLUMN gatelog.source_object.not_before IS 'Not to be claimed before this instant: the pause after a failure.';
COMMENT ON COLUMN gatelog.source_object.lease_owner IS 'Worker that holds it; null when nobody does.';
COMMENT ON COLUMN gatelog.source_object.lease_epoch IS 'Fencing number, one more with every claim: a commit under an older one is refused.';
COMMENT ON COLUMN gatelog.source_object.lease_until IS 'When the lease may be taken over, by the clock of this database.';
COMMENT ON COLUMN gatelog.source_object.lines IS 'Lines read; null until committed.';
COMMENT ON COLUMN gatelog.source_object.events IS 'Lines that became events.';
COMMENT ON COLUMN gatelog.source_object.duplicates IS 'Lines committed before from another object, or repeating a LogId.';
COMMENT ON COLUMN gatelog.source_object.rejects IS 'Lines kept as rejects that are still open.';
COMMENT ON COLUMN gatelog.source_object.sha256 IS 'SHA-256 of the stored bytes: finds a re-delivery at any age.';
COMMENT ON COLUMN gatelog.source_object.lines_digest IS 'Digest over all lines, whatever their order: finds a re-delivery that was compressed or ordered anew.';
COMMENT ON COLUMN gatelog.source_object.commit_seq IS 'Commit that made it visible (lake_commit); retried rejects name their own.';
COMMENT ON COLUMN gatelog.source_object.committed_at IS 'When that commit began, by the clock of this database.';
COMMENT ON COLUMN gatelog.source_object.quarantine_reason IS 'Label of why it cannot be read; set while quarantined.';
COMMENT ON COLUMN gatelog.source_object.quarantine_offset IS 'Where reading failed, bytes into the stored object.';
COMMENT ON COLUMN gatelog.source_object.retry_requested IS 'Its open rejects shall be read again.';
