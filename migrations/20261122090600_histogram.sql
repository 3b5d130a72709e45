-- Latency histograms as bigint[]: empty, or 64 counts. Bucket i (from 1) counts durations of more than bound i-1 and at
-- most bound i; the bounds are the preferred numbers 1 to 4,000,000 ms of the crate `rollup`, which a test compares.

-- A loop on an array variable: 10 us for two full histograms on PostgreSQL 15, 60 % of what unnest and ARRAY() take.
CREATE FUNCTION gatelog.histogram_add(a bigint[], b bigint[]) RETURNS bigint[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF b IS NULL OR cardinality(b) = 0 THEN
        RETURN a;
    ELSIF a IS NULL OR cardinality(a) = 0 THEN
        RETURN b;
    ELSIF cardinality(a) <> cardinality(b) THEN
        RAISE EXCEPTION 'cannot add histograms of % and % buckets', cardinality(a), cardinality(b)
            USING ERRCODE = 'array_subscript_error';
    END IF;
    FOR i IN 1 .. cardinality(a) LOOP
        a[i] := a[i] + b[i];
    END LOOP;
    RETURN a;
END
$$;
COMMENT ON FUNCTION gatelog.histogram_add(bigint[], bigint[]) IS 'Adds two latency histograms bucket by bucket; null and empty count as nothing recorded.';

CREATE AGGREGATE gatelog.histogram_sum(bigint[]) (
    SFUNC = gatelog.histogram_add,
    STYPE = bigint[],
    COMBINEFUNC = gatelog.histogram_add,
    INITCOND = '{}',
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE gatelog.histogram_sum(bigint[]) IS 'Adds up latency histograms; empty when nothing was recorded.';

-- Nearest rank: the first bucket whose running total reaches ceil(total * percent / 100), in numeric so that whole per
-- cents are exact.
CREATE FUNCTION gatelog.histogram_percentile(histogram bigint[], percent double precision) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    representative CONSTANT integer[] := ARRAY[
        1, 2, 3, 4, 5, 6, 7,
        9, 12, 15, 18, 23, 29, 36, 45, 56, 71,
        90, 112, 141, 178, 223, 279, 353, 445, 558, 706,
        890, 1112, 1404, 1778, 2223, 2788, 3525, 4445, 5576, 7050,
        8890, 11112, 14036, 17778, 22223, 27877, 35245, 44445, 55753, 70490,
        88890, 111112, 140352, 177778, 222223, 278762, 352448, 444445, 557523, 704896,
        888890, 1111112, 1403509, 1777778, 2222223, 2787611, 3524476];
    total   numeric := 0;
    reached numeric := 0;
    rank    numeric;
BEGIN
    FOR i IN 1 .. cardinality(histogram) LOOP
        total := total + histogram[i];
    END LOOP;
    IF total = 0 THEN
        RETURN NULL;
    END IF;
    rank := greatest(ceil(total * least(percent, 100)::numeric / 100), 1);
    FOR i IN 1 .. cardinality(histogram) LOOP
        reached := reached + histogram[i];
        IF reached >= rank THEN
            RETURN representative[i];
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION gatelog.histogram_percentile(bigint[], double precision) IS 'Milliseconds that percent (0 to 100) of the recorded durations did not exceed, within 12.3 %; null when nothing was recorded.';
