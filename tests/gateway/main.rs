//! Gateways as real processes, with callers before them and a simulated Azure behind.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bill;
mod budget;
mod loss;
mod one_process;
mod webhook;
