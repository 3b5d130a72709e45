//! Budgets on a real Postgres.

mod alerts;
mod constraints;
mod definition;
mod leases;
mod sharing;
mod status;
mod support;
