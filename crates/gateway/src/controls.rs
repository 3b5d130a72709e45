//! What a caller asks of the gateway: Cloudflare's `cf-aig-*` request headers, read once into [`Controls`].
//!
//! What was said in several places is layered: headers of a universal entry, its `config`, headers of the request,
//! defaults of the gateway, the first that says something counts (Cloudflare: "provider-level headers, request headers,
//! gateway settings"; that an entry's headers go before its own `config` is our reading). Each layer is a [`Controls`],
//! and [`Controls::over`] puts one on top of another.
//!
//! No value is repeated in an error: one of the headers is a token, and the others may name people.

mod bounds;
mod entry_config;
mod layers;
mod members;
mod metadata;
mod read;

#[cfg(test)]
mod tests;

use std::{borrow::Cow, time::Duration};

use gatelog_pricing::CustomCost;
use http::HeaderName;

pub use bounds::{Backoff, BearerToken, CacheTtl};
pub use entry_config::{BadConfig, EntryConfig};
pub(crate) use members::Members;
pub use metadata::{Metadata, MetadataValue, ReadMetadata};

/// Control headers that say something to the gateway; `cf-cache-ttl` and `cf-skip-cache` are
/// old names of two of them.
pub const CONTROL_HEADERS: &[&str] = &[
    AUTHORIZATION,
    BACKOFF,
    CACHE_KEY,
    CACHE_TTL,
    COLLECT_LOG,
    COLLECT_LOG_PAYLOAD,
    CUSTOM_COST,
    EVENT_ID,
    MAX_ATTEMPTS,
    METADATA,
    OTEL_PARENT_SPAN_ID,
    OTEL_TRACE_ID,
    REQUEST_TIMEOUT,
    RETRY_DELAY,
    SKIP_CACHE,
];

/// Headers of Cloudflare that have no meaning here: accepted with any value, never sent on.
///
/// `byok-alias`, `no-wholesale` and `zdr` choose between keys and bills that only Cloudflare has; `gateway-id` belongs
/// to its REST API, here the path names the gateway.
pub const IGNORED_HEADERS: &[&str] = &["cf-aig-byok-alias", "cf-aig-gateway-id", "cf-aig-no-wholesale", "cf-aig-zdr"];

const AUTHORIZATION: &str = "cf-aig-authorization";
const BACKOFF: &str = "cf-aig-backoff";
const CACHE_KEY: &str = "cf-aig-cache-key";
const CACHE_TTL: &str = "cf-aig-cache-ttl";
const COLLECT_LOG: &str = "cf-aig-collect-log";
const COLLECT_LOG_PAYLOAD: &str = "cf-aig-collect-log-payload";
const CUSTOM_COST: &str = "cf-aig-custom-cost";
const EVENT_ID: &str = "cf-aig-event-id";
const MAX_ATTEMPTS: &str = "cf-aig-max-attempts";
const METADATA: &str = "cf-aig-metadata";
const OTEL_PARENT_SPAN_ID: &str = "cf-aig-otel-parent-span-id";
const OTEL_TRACE_ID: &str = "cf-aig-otel-trace-id";
const REQUEST_TIMEOUT: &str = "cf-aig-request-timeout";
const RETRY_DELAY: &str = "cf-aig-retry-delay";
const SKIP_CACHE: &str = "cf-aig-skip-cache";
/// Old name of `cf-aig-cache-ttl`, still in use.
const OLD_CACHE_TTL: &str = "cf-cache-ttl";
/// Old name of `cf-aig-skip-cache`, still in use.
const OLD_SKIP_CACHE: &str = "cf-skip-cache";
/// What all other control headers begin with.
const PREFIX: &str = "cf-aig-";

/// What to do with a control header that cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderMode {
    /// Refuse the request: a caller that misspells a limit or an opt-out should hear of it.
    Strict,
    /// Go on without the header, as Cloudflare does.
    Lenient,
}

/// What one layer says; `None` where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Controls {
    /// What the caller proves itself with to the gateway.
    pub authorization: Option<BearerToken>,
    /// How the delay between tries grows.
    pub backoff: Option<Backoff>,
    /// Scope of the cache entry: 1 to 1024 bytes.
    pub cache_key: Option<String>,
    /// How long the answer may be kept.
    pub cache_ttl: Option<CacheTtl>,
    /// Whether to write a log record.
    pub collect_log: Option<bool>,
    /// Whether the log record has the bodies.
    pub collect_log_payload: Option<bool>,
    /// What the request costs.
    pub custom_cost: Option<CustomCost>,
    /// The caller's name for the request: 1 to 128 visible ASCII characters.
    pub event_id: Option<String>,
    /// Tries in all: 1 to 5.
    pub max_attempts: Option<u32>,
    /// The caller's own words on the request.
    pub metadata: Option<Metadata>,
    /// Span of the caller that this request is part of.
    pub otel_parent_span_id: Option<[u8; 8]>,
    /// Trace of the caller that this request is part of.
    pub otel_trace_id: Option<[u8; 16]>,
    /// Longest wait for the first byte: 1 ms to an hour.
    pub request_timeout: Option<Duration>,
    /// Base delay between tries: up to 5 s.
    pub retry_delay: Option<Duration>,
    /// Whether to answer from the provider even if the cache has an answer.
    pub skip_cache: Option<bool>,
}

/// Controls, and what they lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadControls {
    /// What was understood.
    pub controls: Controls,
    /// Names of the headers that were left out, whole or in part, each once; empty in strict reading.
    pub left_out: Vec<&'static str>,
}

/// A control header that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{header}` {problem}")]
pub struct BadHeader {
    /// Its name, as the caller wrote it but in lower case.
    pub header: &'static str,
    /// What is allowed.
    pub problem: Cow<'static, str>,
}

/// Whether a header is for the gateway and must not reach a provider: known, unknown and old names alike.
pub fn is_control(name: &HeaderName) -> bool {
    name.as_str().starts_with(PREFIX) || [OLD_CACHE_TTL, OLD_SKIP_CACHE].contains(&name.as_str())
}
