//! Answers kept for callers that ask the same again.
//!
//! The store is bounded by the bytes it holds and forgets at the end of each answer's own time. Only whole answers with
//! status 200 get in: errors and broken streams never do. Of callers that ask the same at once one goes to the provider
//! and the others wait for what it brings; if that is nothing that can be kept, they go themselves.

mod flight;
mod key;

use std::{sync::Arc, time::Duration};

use crate::{
    controls::{CacheTtl, Controls},
    headers::bytes_of,
};
use bytes::Bytes;
use gatelog_usage::ResponseFacts;
use http::{HeaderMap, StatusCode};
use moka::{Expiry, future::Cache as Moka};

pub(crate) use flight::{Flights, Follow, Lead, Takeoff};
pub use key::KeyMode;
pub(crate) use key::{AuthClass, CacheKey, CacheScope};

/// How long an answer is kept if the request brings a cache key but no time; Cloudflare's figure.
const KEYED_TTL: Duration = Duration::from_secs(300);
/// What an entry costs beside its body and its headers: key and bookkeeping.
const ENTRY_OVERHEAD_BYTES: usize = 1_024;

/// What `cf-aig-cache-status` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheStatus {
    Hit,
    Miss,
    Bypass,
}

impl CacheStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "HIT",
            Self::Miss => "MISS",
            Self::Bypass => "BYPASS",
        }
    }
}

/// How the cache behaves where the request does not say.
#[derive(Debug, Clone)]
pub struct CacheOptions {
    /// Whether there is a cache at all.
    pub enabled: bool,
    /// How long answers are kept if the request has no `cf-aig-cache-ttl`; zero keeps none of those.
    pub default_ttl: Duration,
    /// Most bytes of answers in memory.
    pub bytes_max: u64,
    /// Largest answer that is kept, bytes. Cloudflare's limit is 25 MB.
    pub entry_bytes_max: usize,
    /// How `cf-aig-cache-key` is understood.
    pub key_mode: KeyMode,
}

/// What a request asks of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CacheWish {
    /// Whether the provider is to be asked whatever the cache has.
    pub(crate) is_skipped: bool,
    /// How long the answer is kept; zero keeps it not at all.
    pub(crate) ttl: Duration,
    /// `cf-aig-cache-key`.
    pub(crate) key: Option<String>,
}

impl CacheOptions {
    /// What these controls ask for, with what holds where they do not say.
    pub(crate) fn wish(&self, controls: &Controls) -> CacheWish {
        let ttl = match controls.cache_ttl {
            Some(CacheTtl::Off) => Duration::ZERO,
            Some(CacheTtl::For(ttl)) => ttl,
            None if controls.cache_key.is_some() && self.default_ttl.is_zero() => KEYED_TTL,
            None => self.default_ttl,
        };
        let is_skipped = !self.enabled || controls.skip_cache == Some(true);
        CacheWish { is_skipped, ttl, key: controls.cache_key.clone() }
    }
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            default_ttl: Duration::ZERO,
            bytes_max: 256 * 1024 * 1024,
            entry_bytes_max: 25 * 1024 * 1024,
            key_mode: KeyMode::Scope,
        }
    }
}

/// An answer as it can be given again.
#[derive(Debug)]
pub(crate) struct StoredAnswer {
    pub(crate) status: StatusCode,
    /// The headers that the caller got, without those that tell of one particular request.
    pub(crate) headers: HeaderMap,
    /// The bytes of the body; those of a stream of events are one too.
    pub(crate) body: Bytes,
    /// What it says of itself.
    pub(crate) facts: ResponseFacts,
    /// Name of the target that gave it.
    pub(crate) provider: String,
    /// How long it may be kept.
    pub(crate) ttl: Duration,
}

/// The store and the requests under way.
pub(crate) struct AnswerCache {
    options: CacheOptions,
    answers: Moka<CacheKey, Arc<StoredAnswer>>,
    pub(crate) flights: Flights,
}

struct OwnTtl;

impl Expiry<CacheKey, Arc<StoredAnswer>> for OwnTtl {
    fn expire_after_create(&self, _: &CacheKey, answer: &Arc<StoredAnswer>, _: std::time::Instant) -> Option<Duration> {
        Some(answer.ttl)
    }

    fn expire_after_update(
        &self,
        _: &CacheKey,
        answer: &Arc<StoredAnswer>,
        _: std::time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(answer.ttl)
    }
}

impl AnswerCache {
    pub(crate) fn new(options: CacheOptions) -> Self {
        let weigh = |_: &CacheKey, answer: &Arc<StoredAnswer>| {
            let bytes = answer.body.len() + bytes_of(&answer.headers) + ENTRY_OVERHEAD_BYTES;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let answers = Moka::builder().max_capacity(options.bytes_max).weigher(weigh).expire_after(OwnTtl).build();
        Self { options, answers, flights: Flights::default() }
    }

    pub(crate) async fn get(&self, key: &CacheKey) -> Option<Arc<StoredAnswer>> {
        self.answers.get(key).await
    }

    /// Keeps an answer unless it is too large.
    pub(crate) async fn put(&self, key: CacheKey, answer: Arc<StoredAnswer>) {
        if answer.body.len() <= self.options.entry_bytes_max {
            self.answers.insert(key, answer).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use gatelog_model::TenantId;

    use super::*;

    fn key(body: &[u8]) -> CacheKey {
        let scope = CacheScope {
            account: "a",
            gateway: "g",
            method: "POST",
            provider: "azure-openai",
            endpoint: "r/d/chat/completions",
            asked_key: None,
            body,
        };
        let class = AuthClass::of_credentials(&[]);
        CacheKey::new(&TenantId::parse("t").unwrap(), class, KeyMode::Scope, &scope)
    }

    fn answer(body: &'static [u8], ttl: Duration) -> Arc<StoredAnswer> {
        Arc::new(StoredAnswer {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body),
            facts: ResponseFacts::default(),
            provider: "azure-openai".to_owned(),
            ttl,
        })
    }

    #[tokio::test]
    async fn answers_are_kept_for_their_own_time_and_within_bounds() {
        let options = CacheOptions { entry_bytes_max: 4, ..CacheOptions::default() };
        let cache = AnswerCache::new(options);
        cache.put(key(b"1"), answer(b"kept", Duration::from_secs(60))).await;
        cache.put(key(b"2"), answer(b"gone", Duration::from_millis(1))).await;
        cache.put(key(b"3"), answer(b"large", Duration::from_secs(60))).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(cache.get(&key(b"1")).await.unwrap().body, "kept");
        assert!(cache.get(&key(b"2")).await.is_none());
        assert!(cache.get(&key(b"3")).await.is_none());
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let options = CacheOptions { bytes_max: 8 * 1_024, ..CacheOptions::default() };
        let cache = AnswerCache::new(options);
        for number in 0..100_u8 {
            cache.put(key(&[number]), answer(&[0; 1_024], Duration::from_secs(60))).await;
        }
        cache.answers.run_pending_tasks().await;
        assert!(cache.answers.weighted_size() <= 8 * 1_024);
    }
}
