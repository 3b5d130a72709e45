//! The contract of the gateway, between a caller and a simulated Azure.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod protocols;
mod random_streams;
mod refusals;
mod streams;
mod worker;
