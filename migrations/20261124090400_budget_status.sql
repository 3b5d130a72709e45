-- Where budgets stand. One row per budget and tenant with use in the current window, and one for a budget nobody uses.
CREATE VIEW gatelog.budget_status AS
WITH standing AS (
    SELECT b.*, w.tenant_id AS user_id, w.window_start, w.window_end, coalesce(w.leased, 0) AS leased_amount,
           extract(epoch FROM now() - w.window_start) AS elapsed,
           extract(epoch FROM w.window_end - w.window_start) AS length,
           coalesce(w.spent + w.overrun, 0)::numeric
               + CASE b.period WHEN 'sliding' THEN coalesce(ceil(
                     (before.spent + before.leased + before.overrun)::numeric * extract(epoch FROM w.window_end - now())
                     / extract(epoch FROM w.window_end - w.window_start)), 0)
                 ELSE 0 END AS used_amount
    FROM gatelog.budget AS b
    LEFT JOIN gatelog.budget_window AS w
        ON w.budget_id = b.id AND w.revision = b.revision AND w.window_start <= now() AND now() < w.window_end
    LEFT JOIN gatelog.budget_window AS before
        ON b.period = 'sliding' AND before.budget_id = b.id AND before.revision = b.revision
           AND before.tenant_id = w.tenant_id
           -- Seconds, not days: those would depend on the time zone of whoever looks.
           AND before.window_start = w.window_start - make_interval(secs => b.window_seconds)
)
SELECT s.id AS budget_id,
       coalesce(s.user_id, s.tenant_id) AS tenant_id,
       CASE WHEN s.window_seconds IS NULL THEN s.period ELSE format('%s %s s', s.period, s.window_seconds) END AS period,
       s.window_start,
       s.window_end,
       CASE s.unit WHEN 'tokens' THEN s.amount END AS limit_tokens,
       CASE s.unit WHEN 'usd' THEN s.amount * 0.000000000001 END AS limit_usd,
       CASE s.unit WHEN 'tokens' THEN s.used_bigint END AS used_tokens,
       CASE s.unit WHEN 'usd' THEN s.used_amount * 0.000000000001 END AS used_usd,
       (s.used_amount / s.amount)::double precision AS used_ratio,
       CASE WHEN s.used_amount >= s.amount THEN 'exceeded'
            WHEN s.used_amount * 100 >= s.amount::numeric * 80 THEN 'warning'
            ELSE 'ok' END AS state,
       -- Compared before it is divided: an interval cannot hold what a nearly unused budget would last.
       CASE WHEN s.period <> 'sliding' AND s.used_amount > 0 AND s.elapsed * s.amount < s.length * s.used_amount
            THEN s.window_start + make_interval(secs => (s.elapsed * s.amount / s.used_amount)::double precision) END
           AS projected_exhaustion,
       s.unit,
       s.amount AS limit_amount,
       s.used_bigint AS used_amount,
       s.leased_amount,
       s.time_zone
FROM (SELECT *, least(used_amount, 9000000000000000000)::bigint AS used_bigint FROM standing) AS s;

COMMENT ON VIEW gatelog.budget_status IS 'Where budgets stand in their current windows, per tenant.';
COMMENT ON COLUMN gatelog.budget_status.budget_id IS 'Budget.';
COMMENT ON COLUMN gatelog.budget_status.tenant_id IS 'Tenant; null for a budget of every tenant that nobody uses at present.';
COMMENT ON COLUMN gatelog.budget_status.period IS 'day, month, or fixed or sliding with its length, such as sliding 60 s.';
COMMENT ON COLUMN gatelog.budget_status.window_start IS 'First instant of the current window; null when nobody has used it there.';
COMMENT ON COLUMN gatelog.budget_status.window_end IS 'First instant after it.';
COMMENT ON COLUMN gatelog.budget_status.limit_tokens IS 'Limit of a budget of tokens.';
COMMENT ON COLUMN gatelog.budget_status.limit_usd IS 'Limit of a budget of money, exact to 12 decimals.';
COMMENT ON COLUMN gatelog.budget_status.used_tokens IS 'Tokens used, told by gateways within the last seconds.';
COMMENT ON COLUMN gatelog.budget_status.used_usd IS 'Money used, exact to 12 decimals.';
COMMENT ON COLUMN gatelog.budget_status.used_ratio IS 'Used by limit; more than 1 when requests used more than they had reserved, or the limit was lowered.';
COMMENT ON COLUMN gatelog.budget_status.state IS 'ok, warning from 80 %, exceeded from 100 %. Leases count against requests too, so refusals can begin a little before.';
COMMENT ON COLUMN gatelog.budget_status.projected_exhaustion IS 'When it is used up at the pace of this window so far; null when the window ends first, and for sliding windows.';
COMMENT ON COLUMN gatelog.budget_status.unit IS 'What is counted: requests, tokens or usd.';
COMMENT ON COLUMN gatelog.budget_status.limit_amount IS 'The limit in its unit, money in pico-USD.';
COMMENT ON COLUMN gatelog.budget_status.used_amount IS 'Used in its unit, money in pico-USD, with what still counts of the window before for a sliding one.';
COMMENT ON COLUMN gatelog.budget_status.leased_amount IS 'In the hands of gateways and not yet told to be used.';
COMMENT ON COLUMN gatelog.budget_status.time_zone IS 'Time zone of a calendar period.';
