//! The proxy in front of Azure OpenAI that speaks the headers of Cloudflare AI Gateway.
//!
//! [`Gateway::listen`] answers requests; the module `service` has the order of what is done to one. Bytes of requests and
//! answers pass untouched. Every try at a provider, every answer out of the cache and every refusal leaves one audit record
//! in the spool before the caller has the last byte.

mod answer;
mod bill;
mod breaker;
mod cache;
mod capture;
pub mod controls;
mod conversation;
pub mod error_body;
mod forward;
mod gateway;
mod headers;
mod intake;
mod logged;
mod metrics;
mod plan;
mod prices;
mod record;
mod refusal;
mod retry;
pub mod route;
mod server;
mod service;
mod serving;
mod settle;
mod spans;
mod targets;
mod tokens;
mod upstream;
mod webhook;
mod workers;

pub use cache::{CacheOptions, KeyMode};
pub use controls::{Backoff, HeaderMode};
pub use gateway::{Gateway, GatewayOptions, KnownKeys, Parts, SetupError};
pub use logged::StreamForm;
pub use metrics::describe_metrics;
pub use prices::Prices;
pub use retry::RetryPlan;
pub use server::{ListenError, ListenOptions, Listening};
pub use targets::{ApiKey, BadTargets, FallbackOptions, PROVIDER_AZURE, PROVIDER_OPENAI, ResidencyRule, TargetOptions};
pub use tokens::{
    FirstOf, ListedTokens, REMEMBERED_FOR, Remembered, TokenDigest, TokenGrant, TokenStore, TokenStoreDown,
};
pub use webhook::{BadWebhook, Webhook};
