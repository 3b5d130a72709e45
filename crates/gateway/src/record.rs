//! One audit record: Cloudflare's ten fields, ours beside them, sealed, as a line for the spool.

use gatelog_logpush::{LineSealer, Payload, RecordLine, WriteError};
use gatelog_model::{TimestampMicros, Tokens};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use crate::logged::LoggedBody;

/// Everything that a record says.
#[derive(Debug)]
pub(crate) struct AuditRecord<'a> {
    pub(crate) at: TimestampMicros,
    pub(crate) log_id: Uuid,
    pub(crate) event_id: &'a str,
    pub(crate) gateway: &'a str,
    /// Provider slug.
    pub(crate) provider: &'a str,
    pub(crate) endpoint: &'a str,
    pub(crate) deployment: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
    pub(crate) model: Option<&'a str>,
    /// JSON text of the metadata; `None` if the request had none.
    pub(crate) metadata: Option<Box<RawValue>>,
    pub(crate) custom_cost: Option<Box<RawValue>>,
    pub(crate) step: u32,
    /// `None` where no provider was asked.
    pub(crate) attempt: Option<u32>,
    pub(crate) status: u16,
    pub(crate) cached: bool,
    pub(crate) rate_limited: bool,
    pub(crate) streamed: bool,
    pub(crate) duration_ms: u32,
    pub(crate) ttft_ms: Option<u32>,
    pub(crate) tokens: Tokens,
    /// `None` where the caller's opting out is honoured.
    pub(crate) request: Option<LoggedBody<'a>>,
    /// `None` where the caller's opting out is honoured, and if there was no answer.
    pub(crate) response: Option<&'a LoggedBody<'a>>,
}

/// A `usage` object as OpenAI's APIs have it, so that the reader of answers reads it too.
#[derive(Serialize)]
struct Usage {
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "InputDetails::is_empty")]
    prompt_tokens_details: InputDetails,
    #[serde(skip_serializing_if = "OutputDetails::is_empty")]
    completion_tokens_details: OutputDetails,
}

#[derive(Serialize)]
struct InputDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_tokens: Option<u64>,
}

#[derive(Serialize)]
struct OutputDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_tokens: Option<u64>,
}

impl InputDetails {
    fn is_empty(&self) -> bool {
        self.cached_tokens.is_none() && self.cache_write_tokens.is_none()
    }
}

impl OutputDetails {
    fn is_empty(&self) -> bool {
        self.reasoning_tokens.is_none()
    }
}

impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        Self {
            prompt_tokens: tokens.input,
            completion_tokens: tokens.output,
            prompt_tokens_details: InputDetails {
                cached_tokens: tokens.cached_input,
                cache_write_tokens: tokens.cache_write,
            },
            completion_tokens_details: OutputDetails { reasoning_tokens: tokens.reasoning },
        }
    }
}

impl AuditRecord<'_> {
    /// The record as one line with its newline.
    ///
    /// # Errors
    ///
    /// [`WriteError`], only when the cryptographic library fails in itself.
    pub(crate) fn to_line(&self, sealer: Option<&LineSealer>) -> Result<Vec<u8>, WriteError> {
        let usage = (!self.tokens.is_empty()).then(|| to_raw_value(&Usage::from(self.tokens))).transpose()?;
        let request = self.request.as_ref();
        let whole_request = request.and_then(|body| body.whole.as_ref());
        let whole_response = self.response.and_then(|body| body.whole.as_ref());
        let bodies = request.into_iter().chain(self.response);
        let text_bytes: usize = bodies.clone().map(|body| body.text.len()).sum();
        let is_truncated = bodies.clone().any(|body| body.is_truncated);
        let mut log_id = Uuid::encode_buffer();
        let line = RecordLine {
            attempt: self.attempt,
            cached: Some(self.cached),
            custom_cost: self.custom_cost.as_deref(),
            datetime: Some(self.at),
            deployment: self.deployment,
            duration_ms: Some(self.duration_ms),
            endpoint: Some(self.endpoint),
            event_id: Some(self.event_id),
            gateway: Some(self.gateway),
            log_id: Some(self.log_id.hyphenated().encode_lower(&mut log_id)),
            metadata: self.metadata.as_deref().map(Payload::Json),
            model: self.model,
            provider: Some(self.provider),
            rate_limited: Some(self.rate_limited),
            region: self.region,
            request_body: request.map(|body| Payload::Text(&body.text)),
            request_body_bytes: whole_request.map(|whole| whole.bytes),
            request_body_sha256: whole_request.map(|whole| whole.sha256.as_str()),
            response_body: self.response.map(|body| Payload::Text(&body.text)),
            response_body_bytes: whole_response.map(|whole| whole.bytes),
            response_body_sha256: whole_response.map(|whole| whole.sha256.as_str()),
            status_code: Some(self.status),
            step: Some(self.step),
            streamed: self.streamed.then_some(true),
            truncated: is_truncated.then_some(true),
            ttft_ms: self.ttft_ms,
            usage: usage.as_deref(),
        };
        // Base64 takes four bytes for three; the rest of a record is under 4 KB.
        let mut out = Vec::with_capacity(text_bytes * 4 / 3 + 4_096);
        line.append_to(&mut out, sealer)?;
        Ok(out)
    }
}
