-- Tokens by which callers prove to the gateway who they are. The token itself is nowhere: only its SHA-256.
CREATE TABLE gatelog.api_token (
    id         text        PRIMARY KEY CHECK (id <> '' AND length(id) <= 64),
    sha256     bytea       NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    tenant_id  text        CHECK (tenant_id <> ''),
    gateways   text[]      NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz CHECK (revoked_at >= created_at)
);
COMMENT ON TABLE gatelog.api_token IS 'Gateway tokens, known by their digest; a revoked one stays as evidence.';
COMMENT ON COLUMN gatelog.api_token.id IS 'Names the token in logs and on the command line; not secret.';
COMMENT ON COLUMN gatelog.api_token.sha256 IS 'SHA-256 of the token, which has 256 random bits.';
COMMENT ON COLUMN gatelog.api_token.tenant_id IS 'Tenant its requests are for; null lets the request name it.';
COMMENT ON COLUMN gatelog.api_token.gateways IS 'Gateways it may call; empty for all.';
COMMENT ON COLUMN gatelog.api_token.created_at IS 'When it was made.';
COMMENT ON COLUMN gatelog.api_token.revoked_at IS 'Since when it is worth nothing; null while it is good.';
