//! What the record and the answer together say about how it went.

use gatelog_logpush::Record;
use gatelog_model::{Outcome, TokenSource, Tokens};
use gatelog_usage::{ResponseFacts, read_usage};

/// Cloudflare's gateway answers 424 when a guardrail or DLP rule blocks.
const STATUS_BLOCKED: i32 = 424;
const STATUS_RATE_LIMITED: i32 = 429;
/// nginx's number for a client that hung up; our gateway logs it.
const STATUS_CLIENT_CLOSED: i32 = 499;

/// The record's own usage if it has one (our gateway sends it), else the answer's.
pub(super) fn tokens(record: &Record<'_>, response: &ResponseFacts) -> Tokens {
    let recorded = record.usage.map(|usage| read_usage(usage.get())).unwrap_or_default();
    if recorded.is_empty() { response.tokens } else { recorded }
}

pub(super) fn token_source(tokens: &Tokens) -> TokenSource {
    if tokens.is_empty() { TokenSource::None } else { TokenSource::Reported }
}

/// How the request ended; the HTTP status decides, the answer refines.
pub(super) fn outcome(record: &Record<'_>, response: &ResponseFacts) -> Outcome {
    let status = record.status_code;
    if record.rate_limited == Some(true) || status == Some(STATUS_RATE_LIMITED) {
        return Outcome::RateLimited;
    }
    match status {
        Some(STATUS_BLOCKED) => Outcome::Blocked,
        Some(STATUS_CLIENT_CLOSED) => Outcome::Cancelled,
        Some(code) if code >= 400 && response.content_filtered => Outcome::Blocked,
        Some(code) if code >= 400 => Outcome::Error,
        _ if response.error.is_some() => Outcome::Error,
        _ if response.streamed && !response.complete => Outcome::Truncated,
        _ => Outcome::Ok,
    }
}
