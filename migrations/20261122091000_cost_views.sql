-- What people are billed and budgeted by. Multiplying by 1e-12 keeps every digit; dividing would round long sums.
-- unpriced_requests stands last, beside the columns others depend on: an unknown price must be seen, never taken for 0.

CREATE VIEW gatelog.cost_hourly AS
SELECT
    r.hour AS period_start,
    r.tenant_id,
    r.gateway_id,
    r.provider,
    r.deployment,
    r.model,
    r.prompt_version,
    sum(r.requests)::bigint AS requests,
    coalesce(sum(r.requests) FILTER (WHERE r.cached), 0)::bigint AS cached_requests,
    coalesce(sum(r.requests) FILTER (WHERE r.outcome = 'error'), 0)::bigint AS errors,
    sum(r.input_tokens)::bigint AS input_tokens,
    sum(r.cached_input_tokens)::bigint AS cached_input_tokens,
    sum(r.output_tokens)::bigint AS output_tokens,
    sum(r.reasoning_tokens)::bigint AS reasoning_tokens,
    sum(r.cost_pusd) * 0.000000000001 AS cost_usd,
    sum(r.saved_pusd) * 0.000000000001 AS saved_usd,
    gatelog.histogram_percentile(gatelog.histogram_sum(r.latency), 50) AS p50_ms,
    gatelog.histogram_percentile(gatelog.histogram_sum(r.latency), 95) AS p95_ms,
    gatelog.histogram_percentile(gatelog.histogram_sum(r.latency), 99) AS p99_ms,
    sum(r.unpriced)::bigint AS unpriced_requests
FROM gatelog.rollup_hourly AS r
GROUP BY 1, 2, 3, 4, 5, 6, 7;
COMMENT ON VIEW gatelog.cost_hourly IS 'Cost and use per hour, tenant, gateway, provider, deployment, model and prompt version.';
COMMENT ON COLUMN gatelog.cost_hourly.period_start IS 'Start of the hour.';
COMMENT ON COLUMN gatelog.cost_hourly.tenant_id IS 'Tenant; null when the request named none.';
COMMENT ON COLUMN gatelog.cost_hourly.gateway_id IS 'Gateway as sent.';
COMMENT ON COLUMN gatelog.cost_hourly.provider IS 'Provider slug as sent.';
COMMENT ON COLUMN gatelog.cost_hourly.deployment IS 'Azure deployment.';
COMMENT ON COLUMN gatelog.cost_hourly.model IS 'Model that answered, else the one asked for.';
COMMENT ON COLUMN gatelog.cost_hourly.prompt_version IS 'Prompt version, from the metadata.';
COMMENT ON COLUMN gatelog.cost_hourly.requests IS 'All requests.';
COMMENT ON COLUMN gatelog.cost_hourly.cached_requests IS 'Requests that the gateway''s cache answered.';
COMMENT ON COLUMN gatelog.cost_hourly.errors IS 'Requests with outcome error; refusals and cancellations are not errors.';
COMMENT ON COLUMN gatelog.cost_hourly.input_tokens IS 'Input tokens, cached ones included.';
COMMENT ON COLUMN gatelog.cost_hourly.cached_input_tokens IS 'Input tokens read from the provider''s prompt cache.';
COMMENT ON COLUMN gatelog.cost_hourly.output_tokens IS 'Output tokens, reasoning included.';
COMMENT ON COLUMN gatelog.cost_hourly.reasoning_tokens IS 'Output tokens spent on reasoning.';
COMMENT ON COLUMN gatelog.cost_hourly.cost_usd IS 'Cost of the priced requests, exact to 12 decimals.';
COMMENT ON COLUMN gatelog.cost_hourly.saved_usd IS 'What cache hits avoided, exact to 12 decimals.';
COMMENT ON COLUMN gatelog.cost_hourly.p50_ms IS 'Median duration, ms, within 12.3 %; null when no request told its duration.';
COMMENT ON COLUMN gatelog.cost_hourly.p95_ms IS '95 of 100 requests took no longer, ms.';
COMMENT ON COLUMN gatelog.cost_hourly.p99_ms IS '99 of 100 requests took no longer, ms.';
COMMENT ON COLUMN gatelog.cost_hourly.unpriced_requests IS 'Requests with tokens that no rate prices: while it is not 0, cost_usd is too low.';

CREATE VIEW gatelog.cost_daily AS
SELECT
    date_trunc('day', r.hour, (SELECT value FROM gatelog.setting WHERE key = 'reporting_time_zone')) AS period_start,
    r.tenant_id,
    r.gateway_id,
    r.provider,
    r.deployment,
    r.model,
    r.prompt_version,
    sum(r.requests)::bigint AS requests,
    coalesce(sum(r.requests) FILTER (WHERE r.cached), 0)::bigint AS cached_requests,
    coalesce(sum(r.requests) FILTER (WHERE r.outcome = 'error'), 0)::bigint AS errors,
    sum(r.input_tokens)::bigint AS input_tokens,
    sum(r.cached_input_tokens)::bigint AS cached_input_tokens,
    sum(r.output_tokens)::bigint AS output_tokens,
    sum(r.reasoning_tokens)::bigint AS reasoning_tokens,
    sum(r.cost_pusd) * 0.000000000001 AS cost_usd,
    sum(r.saved_pusd) * 0.000000000001 AS saved_usd,
    gatelog.histogram_percentile(gatelog.histogram_sum(r.latency), 50) AS p50_ms,
    gatelog.histogram_percentile(gatelog.histogram_sum(r.latency), 95) AS p95_ms,
    gatelog.histogram_percentile(gatelog.histogram_sum(r.latency), 99) AS p99_ms,
    sum(r.unpriced)::bigint AS unpriced_requests
FROM gatelog.rollup_hourly AS r
GROUP BY 1, 2, 3, 4, 5, 6, 7;
COMMENT ON VIEW gatelog.cost_daily IS 'Cost and use per day of the reporting time zone, tenant, gateway, provider, deployment, model and prompt version.';
COMMENT ON COLUMN gatelog.cost_daily.period_start IS 'Start of the day of the reporting time zone.';
COMMENT ON COLUMN gatelog.cost_daily.tenant_id IS 'Tenant; null when the request named none.';
COMMENT ON COLUMN gatelog.cost_daily.gateway_id IS 'Gateway as sent.';
COMMENT ON COLUMN gatelog.cost_daily.provider IS 'Provider slug as sent.';
COMMENT ON COLUMN gatelog.cost_daily.deployment IS 'Azure deployment.';
COMMENT ON COLUMN gatelog.cost_daily.model IS 'Model that answered, else the one asked for.';
COMMENT ON COLUMN gatelog.cost_daily.prompt_version IS 'Prompt version, from the metadata.';
COMMENT ON COLUMN gatelog.cost_daily.requests IS 'All requests.';
COMMENT ON COLUMN gatelog.cost_daily.cached_requests IS 'Requests that the gateway''s cache answered.';
COMMENT ON COLUMN gatelog.cost_daily.errors IS 'Requests with outcome error; refusals and cancellations are not errors.';
COMMENT ON COLUMN gatelog.cost_daily.input_tokens IS 'Input tokens, cached ones included.';
COMMENT ON COLUMN gatelog.cost_daily.cached_input_tokens IS 'Input tokens read from the provider''s prompt cache.';
COMMENT ON COLUMN gatelog.cost_daily.output_tokens IS 'Output tokens, reasoning included.';
COMMENT ON COLUMN gatelog.cost_daily.reasoning_tokens IS 'Output tokens spent on reasoning.';
COMMENT ON COLUMN gatelog.cost_daily.cost_usd IS 'Cost of the priced requests, exact to 12 decimals.';
COMMENT ON COLUMN gatelog.cost_daily.saved_usd IS 'What cache hits avoided, exact to 12 decimals.';
COMMENT ON COLUMN gatelog.cost_daily.p50_ms IS 'Median duration, ms, within 12.3 %; null when no request told its duration.';
COMMENT ON COLUMN gatelog.cost_daily.p95_ms IS '95 of 100 requests took no longer, ms.';
COMMENT ON COLUMN gatelog.cost_daily.p99_ms IS '99 of 100 requests took no longer, ms.';
COMMENT ON COLUMN gatelog.cost_daily.unpriced_requests IS 'Requests with tokens that no rate prices: while it is not 0, cost_usd is too low.';

CREATE VIEW gatelog.cost_monthly AS
SELECT
    date_trunc('month', r.hour, (SELECT value FROM gatelog.setting WHERE key = 'reporting_time_zone')) AS period_start,
    r.tenant_id,
    r.gateway_id,
    r.provider,
    r.deployment,
    r.model,
    r.prompt_version,
    sum(r.requests)::bigint AS requests,
    coalesce(sum(r.requests) FILTER (WHERE r.cached), 0)::bigint AS cached_requests,
    coalesce(sum(r.requests) FILTER (WHERE r.outcome = 'error'), 0)::bigint AS errors,
    sum(r.input_tokens)::bigint AS input_tokens,
    sum(r.cached_input_tokens)::bigint AS cached_input_tokens,
    sum(r.output_tokens)::bigint AS output_tokens,
    sum(r.reasoning_tokens)::bigint AS reasoning_tokens,
    sum(r.cost_pusd) * 0.000000000001 AS cost_usd,
    sum(r.saved_pusd) * 0.000000000001 AS saved_usd,
    gatelog.histogram_percentile(gatelog.histogram_sum(r.latency), 50) AS p50_ms,
    gatelog.histogram_percentile(gatelog.histogram_sum(r.latency), 95) AS p95_ms,
    gatelog.histogram_percentile(gatelog.histogram_sum(r.latency), 99) AS p99_ms,
    sum(r.unpriced)::bigint AS unpriced_requests
FROM gatelog.rollup_hourly AS r
GROUP BY 1, 2, 3, 4, 5, 6, 7;
COMMENT ON VIEW gatelog.cost_monthly IS 'Cost and use per month of the reporting time zone, tenant, gateway, provider, deployment, model and prompt version.';
COMMENT ON COLUMN gatelog.cost_monthly.period_start IS 'Start of the month of the reporting time zone.';
COMMENT ON COLUMN gatelog.cost_monthly.tenant_id IS 'Tenant; null when the request named none.';
COMMENT ON COLUMN gatelog.cost_monthly.gateway_id IS 'Gateway as sent.';
COMMENT ON COLUMN gatelog.cost_monthly.provider IS 'Provider slug as sent.';
COMMENT ON COLUMN gatelog.cost_monthly.deployment IS 'Azure deployment.';
COMMENT ON COLUMN gatelog.cost_monthly.model IS 'Model that answered, else the one asked for.';
COMMENT ON COLUMN gatelog.cost_monthly.prompt_version IS 'Prompt version, from the metadata.';
COMMENT ON COLUMN gatelog.cost_monthly.requests IS 'All requests.';
COMMENT ON COLUMN gatelog.cost_monthly.cached_requests IS 'Requests that the gateway''s cache answered.';
COMMENT ON COLUMN gatelog.cost_monthly.errors IS 'Requests with outcome error; refusals and cancellations are not errors.';
COMMENT ON COLUMN gatelog.cost_monthly.input_tokens IS 'Input tokens, cached ones included.';
COMMENT ON COLUMN gatelog.cost_monthly.cached_input_tokens IS 'Input tokens read from the provider''s prompt cache.';
COMMENT ON COLUMN gatelog.cost_monthly.output_tokens IS 'Output tokens, reasoning included.';
COMMENT ON COLUMN gatelog.cost_monthly.reasoning_tokens IS 'Output tokens spent on reasoning.';
COMMENT ON COLUMN gatelog.cost_monthly.cost_usd IS 'Cost of the priced requests, exact to 12 decimals.';
COMMENT ON COLUMN gatelog.cost_monthly.saved_usd IS 'What cache hits avoided, exact to 12 decimals.';
COMMENT ON COLUMN gatelog.cost_monthly.p50_ms IS 'Median duration, ms, within 12.3 %; null when no request told its duration.';
COMMENT ON COLUMN gatelog.cost_monthly.p95_ms IS '95 of 100 requests took no longer, ms.';
COMMENT ON COLUMN gatelog.cost_monthly.p99_ms IS '99 of 100 requests took no longer, ms.';
COMMENT ON COLUMN gatelog.cost_monthly.unpriced_requests IS 'Requests with tokens that no rate prices: while it is not 0, cost_usd is too low.';
