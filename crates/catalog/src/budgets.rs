//! Budgets in Postgres: the store that gateways share.
//!
//! The arithmetic is [`gatelog_budget::Account`]'s, the same as of the store in memory; here it is given rows that are
//! locked. The clock is the database's.
//!
//! # Locks
//!
//! Whoever changes an account or a lease holds the lock of its row in `budget_window`. A lease locks one such row,
//! a settlement several, in the order of their ids, so no two wait for each other.
//!
//! # After a crash
//!
//! A transaction did all or nothing. Reports are numbered totals: what is sent again changes nothing.

mod alerts;
mod definition;
mod lease;
mod settle;
mod status;
mod store;
