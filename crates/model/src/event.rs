//! One normalised line: the row of the lake.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use bytestring::ByteString;

use crate::{Digest, PicoUsd, SourceObject, TimestampMicros, Tokens};

/// A label that is not of its set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{label}` is no {kind}")]
pub struct UnknownLabel {
    /// What was looked for.
    pub kind: &'static str,
    /// What was found.
    pub label: String,
}

/// Declares an enum whose variants have one fixed label each, in the lake, in SQL and in metrics.
macro_rules! labelled {
    ($(#[$doc:meta])* $name:ident ($kind:literal) { $($(#[$vdoc:meta])* $variant:ident = $label:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The label stored in the lake and in SQL.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $label),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownLabel;

            fn from_str(label: &str) -> Result<Self, UnknownLabel> {
                match label {
                    $($label => Ok(Self::$variant),)+
                    _ => Err(UnknownLabel { kind: $kind, label: label.to_owned() }),
                }
            }
        }
    };
}

labelled! {
    /// Where the time of an event comes from.
    EventTimeSource ("event time source") {
        /// A `Datetime` or `Timestamp` field of the record.
        Record = "record",
        /// `created` of the response body.
        Response = "response",
        /// The start of the time window in the object's key: Cloudflare sends no time.
        ObjectWindow = "object_window",
    }
}

labelled! {
    /// What was asked of the provider.
    Operation ("operation") {
        /// Chat completions.
        Chat = "chat",
        /// Embeddings.
        Embeddings = "embeddings",
        /// The Responses API.
        Responses = "responses",
        /// Legacy text completions.
        Completions = "completions",
        /// Anything else.
        Other = "other",
    }
}

labelled! {
    /// How the request ended.
    Outcome ("outcome") {
        /// Answered.
        Ok = "ok",
        /// The provider or the gateway failed.
        Error = "error",
        /// Refused by a limit of the gateway or the provider.
        RateLimited = "rate_limited",
        /// Refused by a content filter or guardrail.
        Blocked = "blocked",
        /// The answer broke off.
        Truncated = "truncated",
        /// The client hung up.
        Cancelled = "cancelled",
    }
}

labelled! {
    /// How a deployment is sold; decides the price.
    DeploymentType ("deployment type") {
        /// Processed in the resource's region.
        Regional = "regional",
        /// Processed somewhere in the region's data zone.
        DataZone = "data_zone",
        /// Processed anywhere.
        Global = "global",
        /// Provisioned throughput: paid by the hour, not by the token.
        Ptu = "ptu",
    }
}

labelled! {
    /// Where the token counts come from.
    TokenSource ("token source") {
        /// The provider's usage object.
        Reported = "reported",
        /// A tokenizer of ours.
        Estimated = "estimated",
        /// Nowhere.
        None = "none",
    }
}

labelled! {
    /// Where the cost comes from.
    CostSource ("cost source") {
        /// Dated rates.
        Rated = "rated",
        /// A price that came with the request.
        Custom = "custom",
        /// A cache hit: zero, see `saved`.
        Cached = "cached",
        /// Tokens but no rate: null, and somebody should look.
        Unpriced = "unpriced",
        /// Nothing to price.
        None = "none",
    }
}

labelled! {
    /// What the lake has of the bodies.
    BodyState ("body state") {
        /// All of both.
        Open = "open",
        /// The caller opted out, or the body was never there.
        Omitted = "omitted",
        /// Cut at the gateway's cap.
        Truncated = "truncated",
    }
}

/// One normalised line. Field by field the columns of the lake's `events` table, except those that only the commit
/// knows (`ingest_time`, `commit_seq`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `LogId`, else 32 hex of SHA-256(raw line), `-n` for the n-th identical line of an object (from 2).
    pub event_id: String,
    /// When it happened.
    pub event_time: TimestampMicros,
    /// How that is known.
    pub event_time_source: EventTimeSource,
    /// Account of the gateway, from config; empty if not configured.
    pub account_id: String,
    /// Gateway as sent.
    pub gateway_id: String,
    /// Provider slug as sent.
    pub provider: String,
    /// Provider path as sent.
    pub endpoint: String,
    /// What was asked.
    pub operation: Operation,
    /// Azure resource, from the endpoint.
    pub azure_resource: Option<String>,
    /// Azure deployment, from the endpoint.
    pub deployment: Option<String>,
    /// How the deployment is sold, from the deployment map.
    pub deployment_type: Option<DeploymentType>,
    /// Where it runs, from the deployment map or the record.
    pub region: Option<String>,
    /// Model asked for.
    pub model_requested: Option<String>,
    /// Model that answered: the priced one.
    pub model: Option<String>,
    /// HTTP status.
    pub status_code: Option<i32>,
    /// How it ended.
    pub outcome: Outcome,
    /// Served from the gateway's cache.
    pub cached: bool,
    /// Refused by a limit of the gateway.
    pub rate_limited: bool,
    /// Streamed answer.
    pub streamed: bool,
    /// Which try, from 1.
    pub attempt: Option<i32>,
    /// Which fallback target, from 0.
    pub step: Option<i32>,
    /// Whole duration; only our gateway sends it.
    pub duration_ms: Option<i32>,
    /// Time to first token; only our gateway sends it.
    pub ttft_ms: Option<i32>,
    /// Tenant, from the metadata.
    pub tenant_id: Option<String>,
    /// User, from the metadata.
    pub user_id: Option<String>,
    /// Prompt version, from the metadata.
    pub prompt_version: Option<String>,
    /// All metadata entries, values as text.
    pub metadata: BTreeMap<String, String>,
    /// What the answer used; no field above [`crate::TOKENS_MAX`].
    pub tokens: Tokens,
    /// Where the counts come from.
    pub token_source: TokenSource,
    /// What it cost; `None` when unpriced.
    pub cost: Option<PicoUsd>,
    /// What a cache hit avoided.
    pub saved: Option<PicoUsd>,
    /// Where the cost comes from.
    pub cost_source: CostSource,
    /// The dated rate rows used, joined by `+`.
    pub rate_id: Option<String>,
    /// Why the model stopped.
    pub finish_reason: Option<String>,
    /// Whether a content filter cut in.
    pub content_filtered: bool,
    /// Content: the request as sent. Bodies may be parts of one larger text, which they keep in memory.
    pub request_body: Option<ByteString>,
    /// Content: the answer as the record has it.
    pub response_body: Option<ByteString>,
    /// What of the bodies is here.
    pub body_state: BodyState,
    /// The object it came from.
    pub source: Arc<SourceObject>,
    /// Line number in it, from 1.
    pub source_line: u64,
    /// SHA-256 of the raw line.
    pub line_digest: Digest,
    /// Unknown fields of the line, a JSON object, values byte for byte.
    pub extra: Option<String>,
}

impl Event {
    /// Bytes of both bodies.
    pub fn body_bytes(&self) -> usize {
        [&self.request_body, &self.response_body].into_iter().flatten().map(|body| body.len()).sum()
    }

    /// Bytes this event holds besides its bodies, roughly: what a memory budget is charged.
    pub fn heap_bytes(&self) -> usize {
        let metadata: usize = self.metadata.iter().map(|(key, value)| key.len() + value.len() + 64).sum();
        size_of::<Self>() + self.extra.as_ref().map_or(0, String::len) + self.endpoint.len() + metadata + 256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_round_trip() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(*outcome));
        }
        for source in CostSource::ALL {
            assert_eq!(source.as_str().parse(), Ok(*source));
        }
        assert!("nope".parse::<BodyState>().is_err());
    }
}
