-- What stands against one budget of one tenant in one window. A grant locks this row, so no two gateways grant from the same
-- remainder.
--
-- Invariant: spent + leased <= limit_amount. Only a grant enlarges the left side, and it is made only where everything,
-- overrun and what slides out included, stays within the limit of that moment. limit_amount is the highest such limit and
-- not the present one: a budget may be lowered below what is granted already. Overrun, what requests used beyond their
-- reservation, is not granted by anybody and stands apart; it makes the next grants smaller.
CREATE TABLE gatelog.budget_window (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    budget_id    text NOT NULL REFERENCES gatelog.budget (id) ON DELETE CASCADE,
    revision     bigint NOT NULL,
    tenant_id    text NOT NULL CHECK (octet_length(tenant_id) BETWEEN 1 AND 256),
    window_start timestamptz NOT NULL,
    window_end   timestamptz NOT NULL,
    limit_amount bigint NOT NULL DEFAULT 0 CHECK (limit_amount BETWEEN 0 AND 1000000000000000000),
    spent        bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
    leased       bigint NOT NULL DEFAULT 0 CHECK (leased >= 0),
    overrun      bigint NOT NULL DEFAULT 0 CHECK (overrun BETWEEN 0 AND 4000000000000000000),
    CONSTRAINT budget_window_key UNIQUE (budget_id, revision, tenant_id, window_start),
    CONSTRAINT budget_window_forward CHECK (window_end > window_start),
    CONSTRAINT budget_window_granted_within_limit CHECK (spent + leased <= limit_amount)
) WITH (fillfactor = 70); -- a row is updated by every lease and every settlement

-- Pruning, and finding what is current.
CREATE INDEX budget_window_end ON gatelog.budget_window (window_end);

COMMENT ON TABLE gatelog.budget_window IS 'Use of budgets per tenant and window. Old windows are forgotten a day after their end, or after ten times their length.';
COMMENT ON COLUMN gatelog.budget_window.id IS 'Number of the window; rows are locked in this order.';
COMMENT ON COLUMN gatelog.budget_window.budget_id IS 'Budget.';
COMMENT ON COLUMN gatelog.budget_window.revision IS 'Revision of the budget that it was counted under.';
COMMENT ON COLUMN gatelog.budget_window.tenant_id IS 'Tenant that used it.';
COMMENT ON COLUMN gatelog.budget_window.window_start IS 'First instant of the window.';
COMMENT ON COLUMN gatelog.budget_window.window_end IS 'First instant after the window.';
COMMENT ON COLUMN gatelog.budget_window.limit_amount IS 'Highest limit that anything was granted under; 0 before the first grant.';
COMMENT ON COLUMN gatelog.budget_window.spent IS 'Used, as far as gateways have told, and covered by grants.';
COMMENT ON COLUMN gatelog.budget_window.leased IS 'Granted to gateways and not told to be used: counts as spent while the window lasts. A gateway that died never tells.';
COMMENT ON COLUMN gatelog.budget_window.overrun IS 'Used beyond what was reserved, or let through while this database was down.';
