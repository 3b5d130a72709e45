-- Settings that views depend on and that every reader must therefore see alike.
CREATE TABLE gatelog.setting (
    key   text PRIMARY KEY,
    value text NOT NULL
);

COMMENT ON TABLE gatelog.setting IS 'Settings of the views.';
COMMENT ON COLUMN gatelog.setting.key IS 'reporting_time_zone: zone whose days and months the cost views use; its offset must be whole hours. coverage_hole_seconds: shortest hole that coverage_gap reports, at least 3600.';
COMMENT ON COLUMN gatelog.setting.value IS 'The value as text.';

INSERT INTO gatelog.setting (key, value) VALUES ('reporting_time_zone', 'UTC'), ('coverage_hole_seconds', '3600');
