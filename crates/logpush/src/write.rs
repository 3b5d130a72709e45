//! Writing records and objects the way Cloudflare does: for our own gateway and the demo.

mod gzip;

use gatelog_model::TimestampMicros;
use serde::Serialize;
use serde_json::value::RawValue;

use gzip::GzipWriter;

use crate::{LineSealer, SealError};

/// Text in one block: enough that its codes are nothing beside it, little enough to hold.
const BLOCK_TEXT_BYTES: usize = 1 << 20;

/// What may be sealed, before it is.
#[derive(Clone, Copy)]
pub enum Payload<'a> {
    /// Text; written as a JSON string.
    Text(&'a str),
    /// JSON; written as it is.
    Json(&'a RawValue),
}

/// One record to write; `None` leaves a field out. The fields are in alphabetical order, as Logpush writes them.
#[derive(Clone, Copy, Default)]
pub struct RecordLine<'a> {
    /// `Attempt`: which try, from 1.
    pub attempt: Option<u32>,
    /// `Cached`.
    pub cached: Option<bool>,
    /// `CustomCost`: the request's `cf-aig-custom-cost`.
    pub custom_cost: Option<&'a RawValue>,
    /// `Datetime`, written as RFC 3339 with microseconds.
    pub datetime: Option<TimestampMicros>,
    /// `Deployment`.
    pub deployment: Option<&'a str>,
    /// `DurationMs`.
    pub duration_ms: Option<u32>,
    /// `Endpoint`.
    pub endpoint: Option<&'a str>,
    /// `EventId`.
    pub event_id: Option<&'a str>,
    /// `Gateway`.
    pub gateway: Option<&'a str>,
    /// `LogId`.
    pub log_id: Option<&'a str>,
    /// `Metadata`, sealed if there is a sealer.
    pub metadata: Option<Payload<'a>>,
    /// `Model`.
    pub model: Option<&'a str>,
    /// `Provider`.
    pub provider: Option<&'a str>,
    /// `RateLimited`.
    pub rate_limited: Option<bool>,
    /// `Region`.
    pub region: Option<&'a str>,
    /// `RequestBody`, sealed if there is a sealer.
    pub request_body: Option<Payload<'a>>,
    /// `RequestBodyBytes`: size of the whole request, where the record does not have each byte of it.
    pub request_body_bytes: Option<u64>,
    /// `RequestBodySha256` of the whole, in hexadecimal digits.
    pub request_body_sha256: Option<&'a str>,
    /// `ResponseBody`, sealed if there is a sealer.
    pub response_body: Option<Payload<'a>>,
    /// `ResponseBodyBytes`: size of the whole answer, where the record does not have each byte of it.
    pub response_body_bytes: Option<u64>,
    /// `ResponseBodySha256` of the whole, in hexadecimal digits.
    pub response_body_sha256: Option<&'a str>,
    /// `StatusCode`.
    pub status_code: Option<u16>,
    /// `Step`: which fallback target, from 0.
    pub step: Option<u32>,
    /// `Streamed`: whether the answer was a stream of events, whatever the record has of it.
    pub streamed: Option<bool>,
    /// `Truncated`: whether a body was cut.
    pub truncated: Option<bool>,
    /// `TtftMs`.
    pub ttft_ms: Option<u32>,
    /// `Usage`: a JSON object.
    pub usage: Option<&'a RawValue>,
}

/// Why a record or an object was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A field could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A field could not be written as JSON.
    #[error("cannot write a record as JSON")]
    Json(#[from] serde_json::Error),
}

impl RecordLine<'_> {
    /// Appends the record as one line with its newline; with a sealer, the three fields that can be sealed are.
    ///
    /// # Errors
    ///
    /// [`WriteError`]; `out` is then as it was.
    pub fn append_to(&self, out: &mut Vec<u8>, sealer: Option<&LineSealer>) -> Result<(), WriteError> {
        let before = out.len();
        self.write_fields(&mut ObjectWriter { out: &mut *out, sealer, separator: b'{' })
            .inspect_err(|_| out.truncate(before))
    }

    fn write_fields(&self, object: &mut ObjectWriter<'_>) -> Result<(), WriteError> {
        object.field("Attempt", self.attempt)?;
        object.field("Cached", self.cached)?;
        object.field("CustomCost", self.custom_cost)?;
        object.field("Datetime", self.datetime.map(|at| at.to_string()))?;
        object.field("Deployment", self.deployment)?;
        object.field("DurationMs", self.duration_ms)?;
        object.field("Endpoint", self.endpoint)?;
        object.field("EventId", self.event_id)?;
        object.field("Gateway", self.gateway)?;
        object.field("LogId", self.log_id)?;
        object.payload("Metadata", self.metadata)?;
        object.field("Model", self.model)?;
        object.field("Provider", self.provider)?;
        object.field("RateLimited", self.rate_limited)?;
        object.field("Region", self.region)?;
        object.payload("RequestBody", self.request_body)?;
        object.field("RequestBodyBytes", self.request_body_bytes)?;
        object.field("RequestBodySha256", self.request_body_sha256)?;
        object.payload("ResponseBody", self.response_body)?;
        object.field("ResponseBodyBytes", self.response_body_bytes)?;
        object.field("ResponseBodySha256", self.response_body_sha256)?;
        object.field("StatusCode", self.status_code)?;
        object.field("Step", self.step)?;
        object.field("Streamed", self.streamed)?;
        object.field("Truncated", self.truncated)?;
        object.field("TtftMs", self.ttft_ms)?;
        object.field("Usage", self.usage)?;
        object.end();
        Ok(())
    }
}

/// Writes one JSON object, member by member, and a newline.
struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
    sealer: Option<&'a LineSealer>,
    separator: u8,
}

impl ObjectWriter<'_> {
    fn field(&mut self, name: &str, value: Option<impl Serialize>) -> Result<(), WriteError> {
        if let Some(value) = value {
            self.name(name)?;
            serde_json::to_writer(&mut *self.out, &value)?;
        }
        Ok(())
    }

    fn payload(&mut self, name: &str, payload: Option<Payload<'_>>) -> Result<(), WriteError> {
        match (payload, self.sealer) {
            (None, _) => Ok(()),
            (Some(Payload::Text(text)), None) => self.field(name, Some(text)),
            (Some(Payload::Json(json)), None) => self.field(name, Some(json)),
            (Some(Payload::Text(text)), Some(sealer)) => self.envelope(name, text, sealer),
            (Some(Payload::Json(json)), Some(sealer)) => self.envelope(name, json.get(), sealer),
        }
    }

    fn envelope(&mut self, name: &str, plain: &str, sealer: &LineSealer) -> Result<(), WriteError> {
        self.name(name)?;
        Ok(sealer.seal_into(plain.as_bytes(), self.out)?)
    }

    fn name(&mut self, name: &str) -> Result<(), WriteError> {
        self.out.push(self.separator);
        self.separator = b',';
        serde_json::to_writer(&mut *self.out, name)?;
        self.out.push(b':');
        Ok(())
    }

    fn end(&mut self) {
        if self.separator == b'{' {
            self.out.push(b'{');
        }
        self.out.extend_from_slice(b"}\n");
    }
}

/// The lines of one object, compressed as they come. Gzip files may be joined: several batches one after the other are one
/// object too. The same lines always give the same bytes.
pub struct Batch {
    gzip: GzipWriter,
    /// Lines that are not compressed yet.
    text: Vec<u8>,
    lines: u64,
    text_bytes: u64,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::with_room_for(0)
    }

    /// An empty batch with room for about so much text.
    pub fn with_room_for(text_bytes: usize) -> Self {
        // Base64 and some JSON around it: a bit more than six bits each.
        Self { gzip: GzipWriter::new(text_bytes / 5 * 4), text: Vec::new(), lines: 0, text_bytes: 0 }
    }

    /// Adds one record; on failure it is as if it had never been tried.
    ///
    /// # Errors
    ///
    /// [`WriteError`].
    pub fn push(&mut self, record: &RecordLine<'_>, sealer: Option<&LineSealer>) -> Result<(), WriteError> {
        let before = self.text.len();
        record.append_to(&mut self.text, sealer)?;
        self.added(before);
        Ok(())
    }

    /// Adds one line as it is, its newline included.
    pub fn push_line(&mut self, line: &[u8]) {
        let before = self.text.len();
        self.text.extend_from_slice(line);
        self.added(before);
    }

    fn added(&mut self, before: usize) {
        self.lines += 1;
        self.text_bytes += (self.text.len() - before) as u64;
        if self.text.len() >= BLOCK_TEXT_BYTES {
            self.gzip.block(&self.text);
            self.text.clear();
        }
    }

    /// Lines added so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Bytes of text added so far; Logpush's limit for a batch counts these too.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// The object's bytes; its name is a [`LogKey`](crate::LogKey).
    pub fn finish(mut self) -> Vec<u8> {
        if !self.text.is_empty() {
            self.gzip.block(&self.text);
        }
        self.gzip.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        Field, KeyBits, KeyRing, Line, LineLimits, LineReader, Opener, SealingKey, generate_key_pair, parse_line,
        text_of,
    };

    fn record<'a>(metadata: &'a RawValue, usage: &'a RawValue) -> RecordLine<'a> {
        RecordLine {
            attempt: Some(1),
            cached: Some(false),
            datetime: Some(TimestampMicros::try_new(1_708_213_921_123_456).unwrap()),
            deployment: Some("d"),
            duration_ms: Some(812),
            endpoint: Some("r/d/chat/completions"),
            event_id: Some("e"),
            gateway: Some("prod"),
            log_id: Some("l"),
            metadata: Some(Payload::Json(metadata)),
            model: Some("gpt-4o"),
            provider: Some("azure-openai"),
            rate_limited: Some(false),
            region: Some("eu"),
            request_body: Some(Payload::Text("{\"a\":\"é\n\"}")),
            response_body: Some(Payload::Text("")),
            status_code: Some(200),
            step: Some(0),
            streamed: Some(true),
            truncated: Some(true),
            ttft_ms: Some(90),
            usage: Some(usage),
            ..RecordLine::default()
        }
    }

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn fields_are_alphabetical_and_absent_ones_left_out() {
        let (metadata, usage) = (raw(r#"{"tenantId":"t"}"#), raw(r#"{"prompt_tokens":3}"#));
        let mut out = b"before\n".to_vec();
        record(&metadata, &usage).append_to(&mut out, None).unwrap();
        RecordLine::default().append_to(&mut out, None).unwrap();
        let expected = concat!(
            "before\n",
            r#"{"Attempt":1,"Cached":false,"Datetime":"2024-02-17T23:52:01.123456Z","Deployment":"d","DurationMs":812,"#,
            r#""Endpoint":"r/d/chat/completions","EventId":"e","Gateway":"prod","LogId":"l","Metadata":{"tenantId":"t"},"#,
            r#""Model":"gpt-4o","Provider":"azure-openai","RateLimited":false,"Region":"eu","RequestBody":"{\"a\":\"é\n\"}","#,
            r#""ResponseBody":"","StatusCode":200,"Step":0,"Streamed":true,"Truncated":true,"TtftMs":90,"Usage":{"prompt_tokens":3}}"#,
            "\n{}\n",
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_sealed_batch_is_read_back_whole() {
        let pair = generate_key_pair(KeyBits::Rsa2048).unwrap();
        let sealing = SealingKey::from_pem("public.pem", &pair.public).unwrap();
        let ring = KeyRing::from_pem([("private.pem", pair.private.as_str())]).unwrap();
        let (metadata, usage) = (raw(r#"{"tenantId":"t"}"#), raw("{}"));
        let mut batch = Batch::new();
        batch.push(&record(&metadata, &usage), Some(&sealing.new_line().unwrap())).unwrap();
        batch.push_line(b"not a record\n");
        assert_eq!(batch.lines(), 2);
        let text_bytes = batch.text_bytes();
        let object = batch.finish();

        let mut reader = LineReader::in_memory(&object, LineLimits::default());
        let Some(Line::Text { text, .. }) = reader.next_line().unwrap() else { panic!("a line") };
        let record = parse_line(&text).unwrap();
        assert!(record.extra.is_none(), "every field we write is one we know");
        let mut opener = Opener::new(Arc::new(ring));
        let mut open = |field: &Field<'_>| {
            let Field::Sealed(envelope) = field else { panic!("{field:?} is not sealed") };
            text_of(opener.open(envelope).unwrap()).unwrap()
        };
        assert_eq!(open(&record.metadata), r#"{"tenantId":"t"}"#);
        assert_eq!(open(&record.request_body), "{\"a\":\"é\n\"}");
        assert_eq!(open(&record.response_body), "");
        assert_eq!((record.streamed, record.truncated, record.ttft_ms), (Some(true), Some(true), Some(90)));
        assert!(matches!(reader.next_line().unwrap(), Some(Line::Text { text, .. }) if text == "not a record"));
        assert_eq!(reader.next_line().unwrap(), None);
        assert_eq!(reader.text_bytes(), text_bytes);
    }
}
