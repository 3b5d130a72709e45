-- Slices of budgets in the hands of gateways. The holder tells totals, numbered, so that a repeated or late message changes
-- nothing; the sum of `held` over a window is its `leased`.
CREATE TABLE gatelog.budget_lease (
    holder      uuid NOT NULL,
    lease_id    bigint NOT NULL,
    window_id   bigint NOT NULL REFERENCES gatelog.budget_window (id) ON DELETE CASCADE,
    seq         bigint NOT NULL CHECK (seq >= 0),
    spent       bigint NOT NULL CHECK (spent >= 0),
    overrun     bigint NOT NULL CHECK (overrun >= 0),
    held        bigint NOT NULL CHECK (held >= 0),
    opened_at   timestamptz NOT NULL DEFAULT now(),
    reported_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (holder, lease_id)
) WITH (fillfactor = 70); -- updated with every report

CREATE INDEX budget_lease_window ON gatelog.budget_lease (window_id);

COMMENT ON TABLE gatelog.budget_lease IS 'Slices of budget windows held by gateways. A closed lease is deleted; one that stays after its window is over was held by a gateway that died.';
COMMENT ON COLUMN gatelog.budget_lease.holder IS 'Process that holds it, a random number of its own.';
COMMENT ON COLUMN gatelog.budget_lease.lease_id IS 'Number that the holder gave it.';
COMMENT ON COLUMN gatelog.budget_lease.window_id IS 'Window it is a slice of, for ever: late use is booked there.';
COMMENT ON COLUMN gatelog.budget_lease.seq IS 'Number of the last report; an older one is refused.';
COMMENT ON COLUMN gatelog.budget_lease.spent IS 'Spent on this lease, all in all.';
COMMENT ON COLUMN gatelog.budget_lease.overrun IS 'Used beyond reservations on this lease, all in all.';
COMMENT ON COLUMN gatelog.budget_lease.held IS 'In the hand of the holder: reserved by requests under way, or free.';
COMMENT ON COLUMN gatelog.budget_lease.opened_at IS 'When it was granted first.';
COMMENT ON COLUMN gatelog.budget_lease.reported_at IS 'When the holder was heard of last.';
