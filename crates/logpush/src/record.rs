//! One line to one record.
//!
//! [`LineParser`] is the one place that knows the JSON of a line. A line is most of an ingest's work, so its strings are
//! read once and by hand; everything else is serde_json's, and tests hold the two together on what is JSON.

mod block;
mod field;
mod object;
mod quoted;
mod rest;
mod scalar;

#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt, mem};

use gatelog_model::{RejectReason, TimestampMicros};
use serde_json::value::RawValue;

pub use field::Field;
use object::Value;
use quoted::{Scratch, text_of};
use rest::Rest;

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
    /// `CustomCost`: the price that came with the request, a JSON object.
    pub custom_cost: Option<&'a RawValue>,
    /// `Deployment`.
    pub deployment: Option<Cow<'a, str>>,
    /// `Region`.
    pub region: Option<Cow<'a, str>>,
    /// `Streamed`: whether the answer was a stream of events, whatever the record has of it.
    pub streamed: Option<bool>,
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

/// Reads lines, one after the other.
#[derive(Debug, Clone, Default)]
pub struct LineParser {
    scratch: Scratch,
}

impl LineParser {
    /// Reads one line, borrowing from it whatever has no escapes.
    ///
    /// Of a known field that comes twice the last one counts, as in JavaScript and Go: the writer's own tools saw that
    /// one. Lone surrogate escapes in strings that are read become U+FFFD; in `extra` and [`Field::Json`] they stay.
    ///
    /// # Errors
    ///
    /// `NotJson` when it is not UTF-8 or not JSON, raw NUL and control characters in strings included; `NotObject` when
    /// it is other JSON; `BadField` when a known field has a type that cannot be read; `BadEnvelope` when an envelope
    /// lacks a part. What is wrong with the whole line goes before what is wrong with a field.
    pub fn parse<'a>(&mut self, line: &'a [u8]) -> Result<Record<'a>, RejectReason> {
        self.read(line)
    }

    /// Reads one line, borrowing the text of every field from it: strings with escapes are overwritten by their text. So a
    /// body can be kept as a part of its line, without memory of its own.
    ///
    /// # Errors
    ///
    /// As [`LineParser::parse`]; the line is of no use then.
    pub fn parse_in_place<'a>(&mut self, line: &'a mut [u8]) -> Result<Record<'a>, RejectReason> {
        self.read(line)
    }

    fn read<'a, R: Rest<'a>>(&mut self, line: R) -> Result<Record<'a>, RejectReason> {
        let mut reading = Reading::default();
        let mut outcome = Ok(());
        object::members(line, |raw_name, cursor| {
            match known_field(&text_of(raw_name)) {
                None => reading.keep(raw_name, cursor.raw()?),
                Some(take) => {
                    let read = take(&mut reading, cursor.value(&mut self.scratch)?);
                    if outcome.is_ok() {
                        outcome = read;
                    }
                }
            }
            Ok(())
        })?;
        outcome.map(|()| reading.finish())
    }
}

/// Reads a single line as [`LineParser::parse`] does; whoever has many keeps the parser.
///
/// # Errors
///
/// As [`LineParser::parse`].
pub fn parse_line(line: &[u8]) -> Result<Record<'_>, RejectReason> {
    LineParser::default().parse(line)
}

/// Takes the value of one field into a record.
type TakeField = for<'a> fn(&mut Reading<'a>, Value<'a>) -> Result<(), RejectReason>;

/// What is done with the value of a known field; `None` for any other name.
fn known_field(name: &str) -> Option<TakeField> {
    Some(match name {
        "Cached" => |to, value| scalar::boolean(&value).map(|read| to.record.cached = read),
        "Endpoint" => |to, value| scalar::text(value).map(|read| to.record.endpoint = read),
        "Gateway" => |to, value| scalar::text(value).map(|read| to.record.gateway = read),
        "Metadata" => |to, value| Field::of_value(value).map(|read| to.record.metadata = read),
        "Model" => |to, value| scalar::text(value).map(|read| to.record.model = read),
        "Provider" => |to, value| scalar::text(value).map(|read| to.record.provider = read),
        "RateLimited" => |to, value| scalar::boolean(&value).map(|read| to.record.rate_limited = read),
        "RequestBody" => |to, value| Field::of_value(value).map(|read| to.record.request_body = read),
        "ResponseBody" => |to, value| Field::of_value(value).map(|read| to.record.response_body = read),
        "StatusCode" => |to, value| scalar::count(&value).map(|read| to.record.status_code = read),
        "Datetime" => |to, value| scalar::instant(&value).map(|read| to.datetime = read),
        "Timestamp" => |to, value| scalar::instant(&value).map(|read| to.timestamp = read),
        "LogId" => |to, value| scalar::text(value).map(|read| to.record.log_id = read),
        "EventId" => |to, value| scalar::text(value).map(|read| to.record.event_id = read),
        "Step" => |to, value| scalar::count(&value).map(|read| to.record.step = read),
        "Attempt" => |to, value| scalar::count(&value).map(|read| to.record.attempt = read),
        "DurationMs" => |to, value| scalar::count(&value).map(|read| to.record.duration_ms = read),
        "TtftMs" => |to, value| scalar::count(&value).map(|read| to.record.ttft_ms = read),
        "Usage" => |to, value| object_or_null(&value).map(|read| to.record.usage = read),
        "CustomCost" => |to, value| object_or_null(&value).map(|read| to.record.custom_cost = read),
        "Deployment" => |to, value| scalar::text(value).map(|read| to.record.deployment = read),
        "Region" => |to, value| scalar::text(value).map(|read| to.record.region = read),
        "Streamed" => |to, value| scalar::boolean(&value).map(|read| to.record.streamed = read),
        "Truncated" => |to, value| scalar::boolean(&value).map(|read| to.record.truncated = read),
        _ => return None,
    })
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

fn object_or_null<'a>(value: &Value<'a>) -> Result<Option<&'a RawValue>, RejectReason> {
    match value {
        Value::Other(other) if other.get().starts_with('{') => Ok(Some(other)),
        Value::Other(other) if other.get() == "null" => Ok(None),
        Value::Other(_) | Value::Text(_) => Err(RejectReason::BadField),
    }
}
