-- Thresholds that were passed, each once per budget, tenant and window, and who posts the message.
CREATE TABLE gatelog.budget_alert (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    window_id         bigint NOT NULL REFERENCES gatelog.budget_window (id) ON DELETE CASCADE,
    threshold_percent smallint NOT NULL CHECK (threshold_percent IN (80, 100)),
    used_amount       bigint NOT NULL CHECK (used_amount >= 0),
    limit_amount      bigint NOT NULL CHECK (limit_amount >= 1),
    crossed_at        timestamptz NOT NULL DEFAULT now(),
    attempt           integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    claimed_by        uuid,
    due_at            timestamptz NOT NULL DEFAULT now(),
    posted_at         timestamptz,
    -- A window is one budget (at one revision), one tenant and one span of time.
    CONSTRAINT budget_alert_once UNIQUE (window_id, threshold_percent),
    -- A budget refuses a request that may not fit before it is used to the last: that counts as 100.
    CONSTRAINT budget_alert_really_passed CHECK (used_amount::numeric * 100 >= limit_amount::numeric * 80),
    CONSTRAINT budget_alert_posted_by_somebody CHECK (posted_at IS NULL OR (claimed_by IS NOT NULL AND attempt >= 1))
);

CREATE INDEX budget_alert_due ON gatelog.budget_alert (due_at) WHERE posted_at IS NULL;

COMMENT ON TABLE gatelog.budget_alert IS 'Thresholds of budgets that were passed; each is posted once as a rule, and again only when it is not known whether it arrived.';
COMMENT ON COLUMN gatelog.budget_alert.id IS 'Number of the alert.';
COMMENT ON COLUMN gatelog.budget_alert.window_id IS 'Budget, tenant and window.';
COMMENT ON COLUMN gatelog.budget_alert.threshold_percent IS '80: share of the limit that was used. 100: all of it was used, or so much that a request was refused.';
COMMENT ON COLUMN gatelog.budget_alert.used_amount IS 'Used when it was noticed, in the unit of the budget.';
COMMENT ON COLUMN gatelog.budget_alert.limit_amount IS 'The limit then.';
COMMENT ON COLUMN gatelog.budget_alert.crossed_at IS 'When it was noticed: when the use was told, up to a second or so after it happened.';
COMMENT ON COLUMN gatelog.budget_alert.attempt IS 'Claims so far; also fences a gateway that was too slow to post.';
COMMENT ON COLUMN gatelog.budget_alert.claimed_by IS 'Gateway that claimed it last; null when its post has failed.';
COMMENT ON COLUMN gatelog.budget_alert.due_at IS 'Not to be claimed before this instant: the end of a claim or of a pause.';
COMMENT ON COLUMN gatelog.budget_alert.posted_at IS 'When it was posted; null until then.';
