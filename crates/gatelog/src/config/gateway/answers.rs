//! The sections of retries and the cache.

use std::time::Duration;

use gatelog_gateway::{Backoff, CacheOptions, GatewayOptions, KeyMode, RetryPlan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How waits between tries grow.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BackoffName {
    /// The same every time.
    Constant,
    /// By the base each time.
    Linear,
    /// Twice as long each time.
    Exponential,
}

/// Retries of requests that do not say.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetrySection {
    /// Tries in all, 1 to 5.
    pub(crate) max_attempts: u32,
    /// Base of the wait, milliseconds, at most 5,000.
    pub(crate) delay_ms: u64,
    /// How it grows.
    pub(crate) backoff: BackoffName,
    /// Longest wait that a provider may ask for, seconds; one that asks for more is not tried again.
    pub(crate) wait_max_seconds: u64,
}

impl Default for RetrySection {
    fn default() -> Self {
        let wait_max = GatewayOptions::default().retry_wait_max;
        Self { max_attempts: 1, delay_ms: 500, backoff: BackoffName::Exponential, wait_max_seconds: wait_max.as_secs() }
    }
}

impl RetrySection {
    pub(super) fn plan(&self) -> RetryPlan {
        RetryPlan {
            max_attempts: self.max_attempts,
            delay: Duration::from_millis(self.delay_ms),
            backoff: match self.backoff {
                BackoffName::Constant => Backoff::Constant,
                BackoffName::Linear => Backoff::Linear,
                BackoffName::Exponential => Backoff::Exponential,
            },
        }
    }
}

/// How `cf-aig-cache-key` is understood.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyModeName {
    /// A scope: other bodies have other answers.
    Scope,
    /// Cloudflare's own way: it replaces path and body.
    Literal,
}

/// The cache.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CacheSection {
    /// Whether there is one.
    pub(crate) enabled: bool,
    /// How long answers are kept if the request does not say, seconds; 0 keeps none of those.
    pub(crate) ttl_seconds: u64,
    /// Most bytes of answers in memory.
    pub(crate) memory_bytes: u64,
    /// Largest answer that is kept, bytes.
    pub(crate) entry_bytes_max: usize,
    /// How `cf-aig-cache-key` is understood.
    pub(crate) key_mode: KeyModeName,
}

impl Default for CacheSection {
    fn default() -> Self {
        let options = CacheOptions::default();
        Self {
            enabled: options.enabled,
            ttl_seconds: options.default_ttl.as_secs(),
            memory_bytes: options.bytes_max,
            entry_bytes_max: options.entry_bytes_max,
            key_mode: KeyModeName::Scope,
        }
    }
}

impl CacheSection {
    pub(super) fn options(&self) -> CacheOptions {
        CacheOptions {
            enabled: self.enabled,
            default_ttl: Duration::from_secs(self.ttl_seconds),
            bytes_max: self.memory_bytes,
            entry_bytes_max: self.entry_bytes_max,
            key_mode: match self.key_mode {
                KeyModeName::Scope => KeyMode::Scope,
                KeyModeName::Literal => KeyMode::Literal,
            },
        }
    }
}
