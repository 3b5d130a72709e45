-- Holes between the time windows in object keys. Logpush writes nothing when there was nothing to log, and it never sends
-- again what it dropped, so a hole is either quiet or lost: the hours around it decide which is more likely.
--
-- Only holes of an hour or more are looked for (setting coverage_hole_seconds). Such a hole holds an hour boundary, so it
-- is enough to compare, per bucket and prefix, the clock hours in which a window starts.
CREATE VIEW gatelog.coverage_gap AS
WITH active AS (
    SELECT bucket, prefix, date_trunc('hour', window_start, 'UTC') AS hour,
           min(window_start) AS first_start, max(window_end) AS last_end
    FROM gatelog.source_object
    GROUP BY 1, 2, 3
), flow AS (
    SELECT bucket, prefix,
           max(last_end) OVER so_far AS covered_until,
           lead(first_start) OVER in_order AS next_start,
           count(*) OVER (PARTITION BY bucket, prefix ORDER BY hour
               RANGE BETWEEN INTERVAL '2 hours' PRECEDING AND CURRENT ROW) = 3 AS steady_before,
           lead(hour, 3) OVER in_order = lead(hour, 1) OVER in_order + INTERVAL '2 hours' AS steady_after
    FROM active
    WINDOW in_order AS (PARTITION BY bucket, prefix ORDER BY hour),
           so_far AS (PARTITION BY bucket, prefix ORDER BY hour ROWS UNBOUNDED PRECEDING)
)
SELECT bucket, prefix, covered_until AS gap_start, coalesce(next_start, now()) AS gap_end,
       CASE WHEN steady_before AND (next_start IS NULL OR coalesce(steady_after, false)) THEN 'gap' ELSE 'idle' END AS kind
FROM flow
WHERE coalesce(next_start, now()) - covered_until >= make_interval(secs => greatest(3600,
          (SELECT value::double precision FROM gatelog.setting WHERE key = 'coverage_hole_seconds')))
ORDER BY bucket, prefix, gap_start;

COMMENT ON VIEW gatelog.coverage_gap IS 'Times that no object covers, objects of every state counted; the last one of a prefix is open and ends now.';
COMMENT ON COLUMN gatelog.coverage_gap.bucket IS 'Bucket.';
COMMENT ON COLUMN gatelog.coverage_gap.prefix IS 'Key prefix before the day: one Logpush job. Keys do not name the gateway.';
COMMENT ON COLUMN gatelog.coverage_gap.gap_start IS 'End of the last window before the hole.';
COMMENT ON COLUMN gatelog.coverage_gap.gap_end IS 'Start of the next window, or now.';
COMMENT ON COLUMN gatelog.coverage_gap.kind IS 'gap: a window started in each of the three clock hours up to the hole and in each of the three after it (an open hole is judged by the hours before alone): probably lost. idle: traffic was thin around it, so probably nothing happened.';
