-- Lines that could not become events. Their text stays in the source object: nothing of it is in here.
CREATE TABLE gatelog.reject (
    object_id           bigint NOT NULL REFERENCES gatelog.source_object (id),
    line                bigint NOT NULL CHECK (line >= 1),
    byte_offset         bigint NOT NULL CHECK (byte_offset >= 0),
    reason              text NOT NULL,
    key_ring            text,
    first_seen          timestamptz NOT NULL DEFAULT now(),
    last_tried          timestamptz NOT NULL DEFAULT now(),
    resolved_commit_seq bigint,
    PRIMARY KEY (object_id, line)
);

CREATE INDEX reject_open ON gatelog.reject (object_id, reason) WHERE resolved_commit_seq IS NULL;
CREATE INDEX reject_open_no_key ON gatelog.reject (key_ring, object_id)
    WHERE resolved_commit_seq IS NULL AND reason = 'no_key';

COMMENT ON TABLE gatelog.reject IS 'Lines that could not become events, open and resolved; never any of their text.';
COMMENT ON COLUMN gatelog.reject.object_id IS 'Object the line stands in (source_object).';
COMMENT ON COLUMN gatelog.reject.line IS 'Line number in the object, from 1.';
COMMENT ON COLUMN gatelog.reject.byte_offset IS 'Where the line starts in the uncompressed object, bytes.';
COMMENT ON COLUMN gatelog.reject.reason IS 'Label of why, for example no_key or not_json.';
COMMENT ON COLUMN gatelog.reject.key_ring IS 'Id of the key ring that was tried last; null without one.';
COMMENT ON COLUMN gatelog.reject.first_seen IS 'When the line was rejected first.';
COMMENT ON COLUMN gatelog.reject.last_tried IS 'When the line was read last.';
COMMENT ON COLUMN gatelog.reject.resolved_commit_seq IS 'Commit that moved the line to events or duplicates; null while it is open.';
