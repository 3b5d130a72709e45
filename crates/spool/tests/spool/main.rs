//! The spool and its shipper against a real folder and the in-process S3 with its faults.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bounds;
mod kill;
mod setup;
mod ship;
