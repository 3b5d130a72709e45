-- How far ingestion is. Every state has a row, also when nothing is in it.
CREATE VIEW gatelog.ingest_status AS
WITH standing AS (
    SELECT CASE WHEN state = 'discovered' AND lease_until > now() THEN 'leased' ELSE state END AS state,
           count(*) AS objects, sum(lines)::bigint AS lines,
           min(window_start) AS oldest, max(window_end) AS newest
    FROM gatelog.source_object
    GROUP BY 1
    UNION ALL
    SELECT 'reject_open', count(DISTINCT r.object_id), count(*), min(o.window_start), max(o.window_end)
    FROM gatelog.reject AS r JOIN gatelog.source_object AS o ON o.id = r.object_id
    WHERE r.resolved_commit_seq IS NULL
)
SELECT label.state,
       coalesce(s.objects, 0) AS objects,
       coalesce(s.lines, 0) AS lines,
       s.oldest,
       extract(epoch FROM now() - CASE label.state WHEN 'committed' THEN s.newest ELSE s.oldest END)::double precision
           AS lag_seconds
FROM (VALUES (1, 'discovered'), (2, 'leased'), (3, 'committed'), (4, 'quarantined'), (5, 'reject_open'))
         AS label (position, state)
LEFT JOIN standing AS s USING (state)
ORDER BY label.position;

COMMENT ON VIEW gatelog.ingest_status IS 'How many objects stand where, and how old they are.';
COMMENT ON COLUMN gatelog.ingest_status.state IS 'discovered: waiting. leased: a worker has it. committed: visible. quarantined: cannot be read. reject_open: committed, with rejects still open (also counted under committed).';
COMMENT ON COLUMN gatelog.ingest_status.objects IS 'Objects in this state.';
COMMENT ON COLUMN gatelog.ingest_status.lines IS 'Lines of committed objects; open rejects for reject_open; 0 where they are not known yet.';
COMMENT ON COLUMN gatelog.ingest_status.oldest IS 'Start of the oldest window among them.';
COMMENT ON COLUMN gatelog.ingest_status.lag_seconds IS 'Age of oldest; for committed the age of the newest window''s end, that is how fresh the data is.';
