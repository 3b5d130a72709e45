//! The `config` member of a universal entry.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, value::RawValue};

use super::{
    Backoff, CacheTtl,
    bounds::{self, Problem, digits},
};

/// What an entry asks for in its `config`, with the bounds of the headers of the same meaning.
///
/// Numbers may be JSON numbers or digits in a string, booleans also `"true"` and `"false"`; null is as absent. A member
/// that is not listed is refused in both header modes: left out unseen, it would be a limit that nobody keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryConfig {
    /// `backoff`.
    pub backoff: Option<Backoff>,
    /// `cacheTtl`, seconds.
    pub cache_ttl: Option<CacheTtl>,
    /// `maxAttempts`.
    pub max_attempts: Option<u32>,
    /// `requestTimeout`, milliseconds.
    pub request_timeout: Option<Duration>,
    /// `retryDelay`, milliseconds.
    pub retry_delay: Option<Duration>,
    /// `skipCache`.
    pub skip_cache: Option<bool>,
}

/// A `config` that cannot be understood; its values are not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadConfig {
    /// Something else than an object of members we know.
    #[error(
        "must be an object of `backoff`, `cacheTtl`, `maxAttempts`, `requestTimeout`, `retryDelay` and `skipCache`, \
         each at most once"
    )]
    Shape,
    /// A member out of bounds.
    #[error("has a bad member: `{member}` {problem}")]
    Member {
        /// Which.
        member: &'static str,
        /// What is allowed.
        problem: &'static str,
    },
}

/// The members as they come.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Members {
    backoff: Option<Value>,
    cache_ttl: Option<Value>,
    max_attempts: Option<Value>,
    request_timeout: Option<Value>,
    retry_delay: Option<Value>,
    skip_cache: Option<Value>,
}

impl EntryConfig {
    /// Reads the JSON of a `config`.
    ///
    /// # Errors
    ///
    /// [`BadConfig`].
    pub fn parse(json: &str) -> Result<Self, BadConfig> {
        // serde's structs are also read from arrays, member by member.
        if !json.trim_ascii_start().starts_with('{') {
            return Err(BadConfig::Shape);
        }
        let members: Members = serde_json::from_str(json).map_err(|_| BadConfig::Shape)?;
        Self::try_from(members)
    }
}

/// From JSON only: the members are looked at as they stand there.
impl<'de> Deserialize<'de> for EntryConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(json.get()).map_err(de::Error::custom)
    }
}

impl TryFrom<Members> for EntryConfig {
    type Error = BadConfig;

    fn try_from(members: Members) -> Result<Self, BadConfig> {
        Ok(Self {
            backoff: member("backoff", members.backoff, |value| bounds::backoff(value.as_str().unwrap_or_default()))?,
            cache_ttl: member("cacheTtl", members.cache_ttl, |value| bounds::cache_ttl(count(value)))?,
            max_attempts: member("maxAttempts", members.max_attempts, |value| bounds::max_attempts(count(value)))?,
            request_timeout: member("requestTimeout", members.request_timeout, |value| {
                bounds::request_timeout(count(value))
            })?,
            retry_delay: member("retryDelay", members.retry_delay, |value| bounds::retry_delay(count(value)))?,
            skip_cache: member("skipCache", members.skip_cache, flag)?,
        })
    }
}

fn member<T>(
    member: &'static str,
    value: Option<Value>,
    parse: impl FnOnce(&Value) -> Result<T, Problem>,
) -> Result<Option<T>, BadConfig> {
    value.as_ref().map(parse).transpose().map_err(|problem| BadConfig::Member { member, problem })
}

fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| digits(value.as_str()?))
}

fn flag(value: &Value) -> Result<bool, Problem> {
    value.as_bool().map_or_else(|| bounds::flag(value.as_str().unwrap_or_default()), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_as_numbers_or_digits() {
        for json in [
            r#"{"requestTimeout":1500,"maxAttempts":3,"retryDelay":0,"backoff":"linear","cacheTtl":60,"skipCache":true}"#,
            r#"{"requestTimeout":"1500","maxAttempts":"3","retryDelay":"0","backoff":"linear","cacheTtl":"60","skipCache":"true"}"#,
        ] {
            let config: EntryConfig = serde_json::from_str(json).unwrap();
            assert_eq!(Ok(&config), EntryConfig::parse(json).as_ref());
            let expected = EntryConfig {
                backoff: Some(Backoff::Linear),
                cache_ttl: Some(CacheTtl::For(Duration::from_secs(60))),
                max_attempts: Some(3),
                request_timeout: Some(Duration::from_millis(1500)),
                retry_delay: Some(Duration::ZERO),
                skip_cache: Some(true),
            };
            assert_eq!(config, expected);
        }
        for nothing in ["{}", r#"{"maxAttempts":null,"skipCache":null}"#] {
            assert_eq!(EntryConfig::parse(nothing), Ok(EntryConfig::default()));
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        for (json, member) in [
            (r#"{"maxAttempts":0}"#, "maxAttempts"),
            (r#"{"maxAttempts":6}"#, "maxAttempts"),
            (r#"{"maxAttempts":3.0}"#, "maxAttempts"),
            (r#"{"maxAttempts":"3.0"}"#, "maxAttempts"),
            (r#"{"maxAttempts":-1}"#, "maxAttempts"),
            (r#"{"maxAttempts":4294967297}"#, "maxAttempts"),
            (r#"{"maxAttempts":[3]}"#, "maxAttempts"),
            (r#"{"retryDelay":5001}"#, "retryDelay"),
            (r#"{"requestTimeout":0}"#, "requestTimeout"),
            (r#"{"requestTimeout":3600001}"#, "requestTimeout"),
            (r#"{"requestTimeout":1e3}"#, "requestTimeout"),
            (r#"{"cacheTtl":59}"#, "cacheTtl"),
            (r#"{"cacheTtl":2592001}"#, "cacheTtl"),
            (r#"{"backoff":"Linear"}"#, "backoff"),
            (r#"{"backoff":1}"#, "backoff"),
            (r#"{"skipCache":1}"#, "skipCache"),
            (r#"{"skipCache":"yes"}"#, "skipCache"),
        ] {
            let error = EntryConfig::parse(json).unwrap_err();
            assert!(matches!(error, BadConfig::Member { member: named, .. } if named == member), "{json}: {error}");
        }
        for json in [
            "[]",
            r#"["linear",60,3,1,1,true]"#,
            "3",
            "null",
            "",
            r#"{"maxAttempt":3}"#,
            r#"{"maxAttempts":3,"maxAttempts":3}"#,
        ] {
            assert_eq!(EntryConfig::parse(json), Err(BadConfig::Shape), "{json}");
        }
    }
}
