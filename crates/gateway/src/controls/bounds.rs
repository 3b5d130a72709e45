//! What each control may be, whether it came as a header or as a member of a universal entry's `config`.
//!
//! Source of the bounds: Cloudflare's pages on caching, request handling and limits; the 3,600,000 ms of the timeout
//! are ours, Cloudflare names no upper bound.

use std::time::Duration;

/// Shortest and longest time to keep an answer, in seconds; zero means not to keep it.
const CACHE_TTL_S: [u64; 2] = [60, 2_592_000];
/// Longest cache key.
const CACHE_KEY_BYTES_MAX: usize = 1024;
/// Most tries in all.
const ATTEMPTS_MAX: u64 = 5;
/// Longest base delay between tries.
const RETRY_DELAY_MS_MAX: u64 = 5000;
/// Longest wait for the first byte: an hour, more than any provider keeps a connection silent.
const REQUEST_TIMEOUT_MS_MAX: u64 = 3_600_000;
/// Longest event id: it is written into every record and answered in a header.
const EVENT_ID_BYTES_MAX: usize = 128;
/// Longest token for the gateway; signed tokens with many claims stay below it.
const TOKEN_BYTES_MAX: usize = 4096;

/// How long an answer may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheTtl {
    /// Not at all.
    Off,
    /// One minute to thirty days.
    For(Duration),
}

/// How the delay between tries grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    /// The base delay each time.
    Constant,
    /// The base delay times the number of the try.
    Linear,
    /// The base delay, doubled each time.
    Exponential,
}

/// What the caller of the gateway proves itself with; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(String);

impl BearerToken {
    /// The token, never to be logged. Compare hashes of tokens: `==` takes longer the more bytes agree.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BearerToken(..)")
    }
}

/// Says what is allowed; the offending value is not repeated.
pub(super) type Problem = &'static str;

pub(super) fn cache_ttl(seconds: Option<u64>) -> Result<CacheTtl, Problem> {
    match seconds {
        Some(0) => Ok(CacheTtl::Off),
        Some(seconds) if (CACHE_TTL_S[0]..=CACHE_TTL_S[1]).contains(&seconds) => {
            Ok(CacheTtl::For(Duration::from_secs(seconds)))
        }
        _ => Err("must be 0 or whole seconds from 60 to 2592000"),
    }
}

pub(super) fn max_attempts(count: Option<u64>) -> Result<u32, Problem> {
    count
        .filter(|count| (1..=ATTEMPTS_MAX).contains(count))
        .and_then(|count| u32::try_from(count).ok())
        .ok_or("must be a whole number from 1 to 5")
}

pub(super) fn retry_delay(millis: Option<u64>) -> Result<Duration, Problem> {
    millis
        .filter(|millis| *millis <= RETRY_DELAY_MS_MAX)
        .map(Duration::from_millis)
        .ok_or("must be whole milliseconds from 0 to 5000")
}

pub(super) fn request_timeout(millis: Option<u64>) -> Result<Duration, Problem> {
    millis
        .filter(|millis| (1..=REQUEST_TIMEOUT_MS_MAX).contains(millis))
        .map(Duration::from_millis)
        .ok_or("must be whole milliseconds from 1 to 3600000")
}

pub(super) fn backoff(text: &str) -> Result<Backoff, Problem> {
    match text {
        "constant" => Ok(Backoff::Constant),
        "linear" => Ok(Backoff::Linear),
        "exponential" => Ok(Backoff::Exponential),
        _ => Err("must be `constant`, `linear` or `exponential`"),
    }
}

pub(super) fn flag(text: &str) -> Result<bool, Problem> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be `true` or `false`"),
    }
}

pub(super) fn cache_key(text: &str) -> Result<String, Problem> {
    let fits = (1..=CACHE_KEY_BYTES_MAX).contains(&text.len());
    if fits { Ok(text.to_owned()) } else { Err("must be 1 to 1024 bytes of text") }
}

pub(super) fn event_id(text: &str) -> Result<String, Problem> {
    let fits = (1..=EVENT_ID_BYTES_MAX).contains(&text.len()) && is_visible(text);
    if fits { Ok(text.to_owned()) } else { Err("must be 1 to 128 visible ASCII characters") }
}

/// Takes `Bearer <token>`; the scheme's case does not matter (RFC 9110, section 11.1).
pub(super) fn bearer(text: &str) -> Result<BearerToken, Problem> {
    let token = text
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim_start_matches(' '))
        .filter(|token| (1..=TOKEN_BYTES_MAX).contains(&token.len()) && is_visible(token));
    token.map(|token| BearerToken(token.to_owned())).ok_or("must be `Bearer` and one token")
}

pub(super) fn trace_id(text: &str) -> Result<[u8; 16], Problem> {
    hex_id(text).ok_or("must be 32 hexadecimal digits")
}

pub(super) fn span_id(text: &str) -> Result<[u8; 8], Problem> {
    hex_id(text).ok_or("must be 16 hexadecimal digits")
}

fn hex_id<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut id = [0; N];
    hex::decode_to_slice(text, &mut id).ok()?;
    Some(id)
}

/// Reads digits only: no sign, no decimals, no exponent. Leading zeros are digits.
pub(super) fn digits(text: &str) -> Option<u64> {
    let are_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if are_digits { text.parse().ok() } else { None }
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}
