//! The catalog on a real Postgres, every test in a database of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod budgets;
mod commit;
mod common;
mod ledger;
mod outcome;
mod retry;
mod rollup;
mod schema;
mod tokens;
mod views;
