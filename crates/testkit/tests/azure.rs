//! The simulated Azure OpenAI over real connections, its answers read by the crate that reads Azure's.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod azure {
    mod answers;
    mod client;
    mod faults;
    mod journal;
    mod program;
    mod refusals;
}
