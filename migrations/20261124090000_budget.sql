-- What tenants may use. `gatelog budget set` writes here, gateways read it.
CREATE TABLE gatelog.budget (
    id             text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9._-]{1,64}$'),
    tenant_id      text CHECK (octet_length(tenant_id) BETWEEN 1 AND 256),
    unit           text NOT NULL CHECK (unit IN ('requests', 'tokens', 'usd')),
    period         text NOT NULL CHECK (period IN ('fixed', 'sliding', 'day', 'month')),
    window_seconds integer CHECK (window_seconds BETWEEN 1 AND 31622400),
    time_zone      text,
    amount         bigint NOT NULL CHECK (amount BETWEEN 1 AND 1000000000000000000),
    revision       bigint NOT NULL DEFAULT 1 CHECK (revision >= 1),
    changed_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT budget_window_said_once CHECK (
        CASE WHEN period IN ('fixed', 'sliding')
             THEN window_seconds IS NOT NULL AND time_zone IS NULL
             ELSE window_seconds IS NULL AND time_zone IS NOT NULL END)
);

COMMENT ON TABLE gatelog.budget IS 'Limits on what tenants may use per window; see budget_status for where they stand.';
COMMENT ON COLUMN gatelog.budget.id IS 'Name of the budget.';
COMMENT ON COLUMN gatelog.budget.tenant_id IS 'Tenant it holds for; null gives every tenant one of its own.';
COMMENT ON COLUMN gatelog.budget.unit IS 'What it counts: requests, tokens, or usd (amounts then are pico-USD, 1e-12 USD).';
COMMENT ON COLUMN gatelog.budget.period IS 'fixed: windows of one length since 1970. sliding: the same, the window before counting by overlap. day, month: of the calendar.';
COMMENT ON COLUMN gatelog.budget.window_seconds IS 'Length of a fixed or sliding window.';
COMMENT ON COLUMN gatelog.budget.time_zone IS 'IANA time zone of calendar days and months.';
COMMENT ON COLUMN gatelog.budget.amount IS 'What is allowed per window, in its unit. A change holds from the next lease on.';
COMMENT ON COLUMN gatelog.budget.revision IS 'One more whenever anything but the amount changes: counting then starts anew.';
COMMENT ON COLUMN gatelog.budget.changed_at IS 'When it was changed last.';
