//! One line to one record.
//!
//! [`parse_line`] is the one function that knows the JSON of a line, so that a faster one can take its place.

mod field;
mod object;
mod scalar;
mod text;

#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt, mem};

use gatelog_model::{RejectReason, TimestampMicros};
use serde_json::value::RawValue;

pub use field::Field;

/// One log record: Cloudflare's ten fields, those our own gateway adds, and the rest as it came.
///
/// Any field may be absent or null; both are `None`. `Debug` shows no content.
#[derive(Clone, Default)]
pub struct Record<'a> {
    /// `Cached`, also sent as a string.
    pub cached: Option<bool>,
    /// `Endpoint`: the provider's path.
    pub endpoint: Option<Cow<'a, str>>,
    /// `Gateway`: its id.
    pub gateway: Option<Cow<'a, str>>,
    /// `Metadata`: what the request carried in `cf-aig-metadata`.
    pub metadata: Field<'a>,
    /// `Model`.
    pub model: Option<Cow<'a, str>>,
    /// `Provider`: its slug.
    pub provider: Option<Cow<'a, str>>,
    /// `RateLimited`, also sent as a string.
    pub rate_limited: Option<bool>,
    /// `RequestBody`.
    pub request_body: Field<'a>,
    /// `ResponseBody`.
    pub response_body: Field<'a>,
    /// `StatusCode`, also sent as a string; not negative.
    pub status_code: Option<i32>,
    /// `Datetime`, else `Timestamp`, in any of Logpush's formats; never outside the years 1970 to 9999.
    pub time: Option<TimestampMicros>,
    /// `LogId`.
    pub log_id: Option<Cow<'a, str>>,
    /// `EventId`.
    pub event_id: Option<Cow<'a, str>>,
    /// `Step`: which fallback target, from 0.
    pub step: Option<i32>,
    /// `Attempt`: which try, from 1.
    pub attempt: Option<i32>,
    /// `DurationMs`.
    pub duration_ms: Option<i32>,
    /// `TtftMs`: time to the first token.
    pub ttft_ms: Option<i32>,
    /// `Usage`: the token counts as a JSON object.
    pub usage: Option<&'a RawValue>,
    /// `Deployment`.
    pub deployment: Option<Cow<'a, str>>,
    /// `Region`.
    pub region: Option<Cow<'a, str>>,
    /// `Truncated`: whether the gateway cut a body at its cap.
    pub truncated: Option<bool>,
    /// All other fields in their order, names and values byte for byte, as the text of a JSON object. A name that
    /// comes twice is in it twice.
    pub extra: Option<String>,
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("gateway", &self.gateway)
            .field("model", &self.model)
            .field("status_code", &self.status_code)
            .field("time", &self.time)
            .field("log_id", &self.log_id)
            .field("metadata", &self.metadata)
            .field("request_body", &self.request_body)
            .field("response_body", &self.response_body)
            .finish_non_exhaustive()
    }
}

/// Reads one line, borrowing from it whatever has no escapes.
///
/// Of a known field that comes twice the last one counts, as in JavaScript and Go: the writer's own tools saw that one.
/// Lone surrogate escapes in strings that are read become U+FFFD; in `extra` and [`Field::Json`] they stay.
///
/// # Errors
///
/// `NotJson` when it is not UTF-8 or not JSON, raw NUL and control characters in strings included; `NotObject` when it
/// is other JSON; `BadField` when a known field has a type that cannot be read; `BadEnvelope` when an envelope lacks a
/// part. What is wrong with the whole line goes before what is wrong with a field.
pub fn parse_line(line: &[u8]) -> Result<Record<'_>, RejectReason> {
    let text = str::from_utf8(line).map_err(|_| RejectReason::NotJson)?;
    let mut reading = Reading::default();
    let mut outcome = Ok(());
    object::members(text, |name, value| {
        let read = reading.member(name.get(), value);
        if outcome.is_ok() {
            outcome = read;
        }
    })?;
    outcome.map(|()| reading.finish())
}

/// A record of which some members were read.
#[derive(Default)]
struct Reading<'a> {
    record: Record<'a>,
    datetime: Option<TimestampMicros>,
    timestamp: Option<TimestampMicros>,
    extra: String,
}

impl<'a> Reading<'a> {
    fn member(&mut self, raw_name: &'a str, raw: &'a RawValue) -> Result<(), RejectReason> {
        let (record, value) = (&mut self.record, raw.get());
        match text::unquoted(raw_name).as_ref() {
            "Cached" => record.cached = scalar::boolean(value)?,
            "Endpoint" => record.endpoint = scalar::text(value)?,
            "Gateway" => record.gateway = scalar::text(value)?,
            "Metadata" => record.metadata = Field::from_raw(raw)?,
            "Model" => record.model = scalar::text(value)?,
            "Provider" => record.provider = scalar::text(value)?,
            "RateLimited" => record.rate_limited = scalar::boolean(value)?,
            "RequestBody" => record.request_body = Field::from_raw(raw)?,
            "ResponseBody" => record.response_body = Field::from_raw(raw)?,
            "StatusCode" => record.status_code = scalar::count(value)?,
            "Datetime" => self.datetime = scalar::instant(value)?,
            "Timestamp" => self.timestamp = scalar::instant(value)?,
            "LogId" => record.log_id = scalar::text(value)?,
            "EventId" => record.event_id = scalar::text(value)?,
            "Step" => record.step = scalar::count(value)?,
            "Attempt" => record.attempt = scalar::count(value)?,
            "DurationMs" => record.duration_ms = scalar::count(value)?,
            "TtftMs" => record.ttft_ms = scalar::count(value)?,
            "Usage" => record.usage = object_or_null(raw)?,
            "Deployment" => record.deployment = scalar::text(value)?,
            "Region" => record.region = scalar::text(value)?,
            "Truncated" => record.truncated = scalar::boolean(value)?,
            _ => self.keep(raw_name, value),
        }
        Ok(())
    }

    fn keep(&mut self, raw_name: &str, value: &str) {
        self.extra.push(if self.extra.is_empty() { '{' } else { ',' });
        self.extra.push_str(raw_name);
        self.extra.push(':');
        self.extra.push_str(value);
    }

    fn finish(mut self) -> Record<'a> {
        self.record.time = self.datetime.or(self.timestamp);
        if !self.extra.is_empty() {
            self.extra.push('}');
            self.record.extra = Some(mem::take(&mut self.extra));
        }
        self.record
    }
}

fn object_or_null(raw: &RawValue) -> Result<Option<&RawValue>, RejectReason> {
    match raw.get().as_bytes().first() {
        Some(b'{') => Ok(Some(raw)),
        Some(b'n') => Ok(None),
        _ => Err(RejectReason::BadField),
    }
}
