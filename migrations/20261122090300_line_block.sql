-- Digests of committed lines: the guard against counting a line twice. One row per line, because an exact look-up needs
-- an index by digest, and because a unique constraint catches what a look-up before the commit could miss.
CREATE TABLE gatelog.line_block (
    digest    uuid PRIMARY KEY,
    object_id bigint NOT NULL,
    seen_at   timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.1);

-- Rows arrive and leave in the order of time, so a block range index (a few pages) finds the expired ones.
CREATE INDEX line_block_seen_at ON gatelog.line_block USING brin (seen_at)
    WITH (pages_per_range = 32, autosummarize = on);

COMMENT ON TABLE gatelog.line_block IS 'Digests that block a line from being committed again: one row per committed line, kept for the duplicate window (default 72 h). Rows are never updated, and there is no foreign key, to keep them cheap.';
COMMENT ON COLUMN gatelog.line_block.digest IS 'The 16 bytes of the line digest; the type is uuid because that is 16 bytes without a length word.';
COMMENT ON COLUMN gatelog.line_block.object_id IS 'Object the line was committed from (source_object).';
COMMENT ON COLUMN gatelog.line_block.seen_at IS 'When it was committed: the window counts from here, not from the time of the event.';
