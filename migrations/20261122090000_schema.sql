-- Everything of gatelog lives in one schema, so that it can be granted, dumped and restored as one.
-- Needs PostgreSQL 15 (UNIQUE NULLS NOT DISTINCT). The migrator has created the schema already for its own table.
CREATE SCHEMA IF NOT EXISTS gatelog;
COMMENT ON SCHEMA gatelog IS 'Audit trail and cost ledger of LLM traffic. No prompt or completion text is ever in here.';
COMMENT ON TABLE gatelog.schema_migration IS 'Migrations applied so far; written by the migrator only.';
