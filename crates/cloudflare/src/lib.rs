//! What gatelog asks of Cloudflare's REST API (`https://api.cloudflare.com/client/v4`).
//!
//! Terraform makes the gateway, the bucket and the queue. Its provider refuses the dataset `ai_gateway_events`, so the Logpush
//! job is made here: [`logpush`] says what it has to be, compares that with what there is, and changes it. [`queue`] takes
//! messages from a queue over HTTP.
//!
//! Source: Cloudflare's API documentation and the schema its clients are generated from, as of November 2026.

mod address;
mod client;
pub mod logpush;
pub mod queue;

pub use address::{ApiAddress, NotAnApiAddress};
pub use client::{ApiError, Client, ClientError, Refusal};
