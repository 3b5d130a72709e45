-- Hourly totals. The size grows with tenants, models and hours, not with requests.
CREATE TABLE gatelog.rollup_hourly (
    hour                timestamptz NOT NULL CHECK (extract(epoch FROM hour)::bigint % 3600 = 0),
    gateway_id          text NOT NULL,
    tenant_id           text,
    user_id             text,
    provider            text NOT NULL,
    deployment          text,
    model               text,
    prompt_version      text,
    outcome             text NOT NULL,
    cached              boolean NOT NULL,
    requests            bigint NOT NULL CHECK (requests >= 0),
    input_tokens        bigint NOT NULL CHECK (input_tokens >= 0),
    cached_input_tokens bigint NOT NULL CHECK (cached_input_tokens >= 0),
    cache_write_tokens  bigint NOT NULL CHECK (cache_write_tokens >= 0),
    output_tokens       bigint NOT NULL CHECK (output_tokens >= 0),
    reasoning_tokens    bigint NOT NULL CHECK (reasoning_tokens >= 0),
    cost_pusd           numeric(38, 0) NOT NULL,
    saved_pusd          numeric(38, 0) NOT NULL,
    unpriced            bigint NOT NULL CHECK (unpriced >= 0),
    latency             bigint[] NOT NULL DEFAULT '{}' CHECK (cardinality(latency) IN (0, 64)),
    CONSTRAINT rollup_hourly_key UNIQUE NULLS NOT DISTINCT
        (hour, gateway_id, tenant_id, user_id, provider, deployment, model, prompt_version, outcome, cached)
) WITH (fillfactor = 70); -- a cell is updated by every commit of its hour

COMMENT ON TABLE gatelog.rollup_hourly IS 'Totals per hour and key: always equal to a recount of the lake. Read the views cost_* instead.';
COMMENT ON COLUMN gatelog.rollup_hourly.hour IS 'Start of the UTC hour of the events.';
COMMENT ON COLUMN gatelog.rollup_hourly.gateway_id IS 'Gateway as sent. In key columns a text of more than 256 bytes is cut and ends in ~ and its digest.';
COMMENT ON COLUMN gatelog.rollup_hourly.tenant_id IS 'Tenant; null when the request named none.';
COMMENT ON COLUMN gatelog.rollup_hourly.user_id IS 'User; null when none was named or users are not kept apart.';
COMMENT ON COLUMN gatelog.rollup_hourly.provider IS 'Provider slug as sent.';
COMMENT ON COLUMN gatelog.rollup_hourly.deployment IS 'Azure deployment.';
COMMENT ON COLUMN gatelog.rollup_hourly.model IS 'Model that answered, else the one asked for.';
COMMENT ON COLUMN gatelog.rollup_hourly.prompt_version IS 'Prompt version, from the metadata.';
COMMENT ON COLUMN gatelog.rollup_hourly.outcome IS 'ok, error, rate_limited, blocked, truncated or cancelled.';
COMMENT ON COLUMN gatelog.rollup_hourly.cached IS 'Whether the gateway''s cache answered.';
COMMENT ON COLUMN gatelog.rollup_hourly.requests IS 'Events counted.';
COMMENT ON COLUMN gatelog.rollup_hourly.input_tokens IS 'Input tokens, cached ones and cache writes included.';
COMMENT ON COLUMN gatelog.rollup_hourly.cached_input_tokens IS 'Input tokens read from the provider''s prompt cache.';
COMMENT ON COLUMN gatelog.rollup_hourly.cache_write_tokens IS 'Input tokens written to the provider''s prompt cache.';
COMMENT ON COLUMN gatelog.rollup_hourly.output_tokens IS 'Output tokens, reasoning included.';
COMMENT ON COLUMN gatelog.rollup_hourly.reasoning_tokens IS 'Output tokens spent on reasoning.';
COMMENT ON COLUMN gatelog.rollup_hourly.cost_pusd IS 'Cost of the priced requests in pico-USD (1e-12 USD), exact.';
COMMENT ON COLUMN gatelog.rollup_hourly.saved_pusd IS 'What cache hits avoided, pico-USD.';
COMMENT ON COLUMN gatelog.rollup_hourly.unpriced IS 'Requests with tokens that no rate prices: missing from cost_pusd.';
COMMENT ON COLUMN gatelog.rollup_hourly.latency IS 'Histogram of durations (see histogram_add); empty when no request told its duration.';
