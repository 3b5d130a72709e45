//! What an answer says about itself.

use gatelog_model::Tokens;
use serde::de::{DeserializeSeed, MapAccess};

use crate::{
    OperationHint, StreamTap,
    lenient::{Fields, Object, Objects, is_true, skip, text, text_or_whole, whole},
    stream::is_stream,
    tokens::Usage,
};

/// Longest model name, finish reason or error code that is kept; a longer one is no such thing.
pub const LABEL_BYTES_MAX: usize = 200;

/// The facts of an answer; defaults where it does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseFacts {
    /// The model that answered, as the answer spells it: `gpt-4o-2024-11-20`.
    pub model: Option<String>,
    /// When the answer was made, seconds since 1970; Azure's first stream frame says 0, which is ignored.
    pub created: Option<i64>,
    /// What was used; every part is at most its whole.
    pub tokens: Tokens,
    /// Whether the answer has a usage object with at least one count in it.
    pub usage_reported: bool,
    /// Why the model stopped: the first choice's `finish_reason`; in the Responses API why the answer is incomplete, else
    /// its status.
    pub finish_reason: Option<String>,
    /// Whether a filter acted on prompt or answer.
    pub content_filtered: bool,
    /// The processing tier that was used, which decides the price.
    pub service_tier: Option<String>,
    /// The error, if the answer is one.
    pub error: Option<ErrorFacts>,
    /// Whether the answer is a stream of events.
    pub streamed: bool,
    /// A stream that saw its end, or a body that is one whole JSON text.
    pub complete: bool,
}

/// What can be told of an error without its message, which may quote the prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorFacts {
    /// `error.code`, a number as text.
    pub code: Option<String>,
    /// `error.innererror.code`: why exactly a filter refused.
    pub inner_code: Option<String>,
}

/// Reads an answer, JSON or a stream of events. `hint` keeps fields of one API from being read in another's body.
pub fn read_response(body: &str, hint: OperationHint) -> ResponseFacts {
    if is_stream(body.as_bytes()) {
        let mut tap = StreamTap::new(hint);
        tap.push(body.as_bytes());
        return tap.finish();
    }
    let mut facts = ResponseFacts::default();
    let mut reader = serde_json::Deserializer::from_str(body);
    let parsed = Object(&mut Body::new(&mut facts, hint)).deserialize(&mut reader);
    facts.complete = parsed.is_ok() && reader.end().is_ok();
    facts
}

/// Reads one frame of a stream into `facts`; says whether it is the last one.
pub(crate) fn read_frame(frame: &[u8], facts: &mut ResponseFacts, hint: OperationHint) -> bool {
    let mut body = Body::new(facts, hint);
    // A cut or foreign frame counts as far as it goes.
    let _ = Object(&mut body).deserialize(&mut serde_json::Deserializer::from_slice(frame));
    body.is_last
}

/// A body, a frame, or the `response` inside a frame of the Responses API.
struct Body<'a> {
    facts: &'a mut ResponseFacts,
    hint: OperationHint,
    is_nested: bool,
    /// Held back until the object is closed: a cut number is another number.
    created: Option<u64>,
    event: Option<String>,
    code: Option<String>,
    status: Option<String>,
    is_last: bool,
}

impl<'a> Body<'a> {
    fn new(facts: &'a mut ResponseFacts, hint: OperationHint) -> Self {
        Self { facts, hint, is_nested: false, created: None, event: None, code: None, status: None, is_last: false }
    }

    fn reads_choices(&self) -> bool {
        matches!(self.hint, OperationHint::Chat | OperationHint::Completions | OperationHint::Other)
    }

    fn reads_responses(&self) -> bool {
        matches!(self.hint, OperationHint::Responses | OperationHint::Other)
    }

    fn error<'de, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        let mut error = ErrorFields::default();
        map.next_value_seed(Objects(&mut error))?;
        if error.is_object {
            self.facts.content_filtered |= error.is_content_filter();
            self.facts.error = Some(ErrorFacts { code: error.code, inner_code: error.inner_code });
        }
        Ok(())
    }

    fn usage<'de, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        let mut usage = Usage::default();
        map.next_value_seed(Object(&mut usage))?;
        if let Some(tokens) = usage.reported() {
            self.facts.tokens = tokens;
            self.facts.usage_reported = true;
        }
        Ok(())
    }

    /// Fields of the Responses API, plain or inside an event.
    fn responses_field<'de, A: MapAccess<'de>>(&mut self, key: &[u8], map: &mut A) -> Result<(), A::Error> {
        match key {
            b"type" => self.event = label(map)?,
            b"code" => self.code = text_or_whole(map, LABEL_BYTES_MAX)?,
            b"status" => self.status = label(map)?,
            b"incomplete_details" => {
                let mut details = IncompleteDetails::default();
                map.next_value_seed(Object(&mut details))?;
                if let Some(reason) = details.reason {
                    self.facts.content_filtered |= reason == CONTENT_FILTER;
                    self.facts.finish_reason = Some(reason);
                }
            }
            b"response" if !self.is_nested => {
                let mut nested = Body { is_nested: true, ..Body::new(self.facts, self.hint) };
                map.next_value_seed(Object(&mut nested))?;
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for Body<'_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &[u8], map: &mut A) -> Result<(), A::Error> {
        match key {
            b"model" => {
                let model = label(map)?;
                keep_first(&mut self.facts.model, model);
            }
            b"created" | b"created_at" => self.created = whole(map)?,
            b"usage" => self.usage(map)?,
            b"error" => self.error(map)?,
            b"service_tier" => {
                if let Some(tier) = label(map)? {
                    self.facts.service_tier = Some(tier);
                }
            }
            b"prompt_filter_results" => map.next_value_seed(Objects(&mut Choice(self.facts)))?,
            b"choices" if self.reads_choices() => map.next_value_seed(Objects(&mut Choice(self.facts)))?,
            _ if self.reads_responses() => self.responses_field(key, map)?,
            _ => skip(map)?,
        }
        Ok(())
    }

    fn closed(&mut self) {
        let created = self.created.and_then(|seconds| i64::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
        self.facts.created = self.facts.created.or(created);
        if let Some(status @ ("completed" | "incomplete" | "failed" | "cancelled")) = self.status.as_deref() {
            keep_first(&mut self.facts.finish_reason, Some(status.to_owned()));
        }
        match self.event.as_deref() {
            Some("response.completed" | "response.incomplete" | "response.failed") => self.is_last = true,
            Some("error") if self.facts.error.is_none() => {
                self.facts.error = Some(ErrorFacts { code: self.code.take(), inner_code: None });
            }
            _ => {}
        }
    }
}

/// What a filter writes as a finish reason, a code and a reason.
const CONTENT_FILTER: &str = "content_filter";

/// One choice of an answer, or one entry of `prompt_filter_results`, which has the same filter results.
struct Choice<'a>(&'a mut ResponseFacts);

impl<'de> Fields<'de> for Choice<'_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &[u8], map: &mut A) -> Result<(), A::Error> {
        match key {
            b"finish_reason" => {
                let reason = label(map)?;
                self.0.content_filtered |= reason.as_deref() == Some(CONTENT_FILTER);
                keep_first(&mut self.0.finish_reason, reason);
            }
            b"content_filter_results" | b"content_filter_result" => {
                map.next_value_seed(Object(&mut FilterResults(&mut self.0.content_filtered)))?;
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// Filter results: a verdict for each category.
struct FilterResults<'a>(&'a mut bool);

impl<'de> Fields<'de> for FilterResults<'_> {
    fn field<A: MapAccess<'de>>(&mut self, _category: &[u8], map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(Object(&mut Verdict(self.0)))
    }
}

struct Verdict<'a>(&'a mut bool);

impl<'de> Fields<'de> for Verdict<'_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &[u8], map: &mut A) -> Result<(), A::Error> {
        match key {
            b"filtered" => *self.0 |= is_true(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// An `error` object; Cloudflare sends an array of them, of which the first counts.
#[derive(Default)]
struct ErrorFields {
    is_object: bool,
    code: Option<String>,
    inner_code: Option<String>,
}

impl ErrorFields {
    fn is_content_filter(&self) -> bool {
        self.code.as_deref() == Some(CONTENT_FILTER)
            || self.inner_code.as_deref() == Some("ResponsibleAIPolicyViolation")
    }
}

impl<'de> Fields<'de> for ErrorFields {
    fn field<A: MapAccess<'de>>(&mut self, key: &[u8], map: &mut A) -> Result<(), A::Error> {
        self.is_object = true;
        match key {
            b"code" => {
                let code = text_or_whole(map, LABEL_BYTES_MAX)?;
                keep_first(&mut self.code, code);
            }
            b"innererror" | b"inner_error" => {
                let mut inner = InnerError::default();
                map.next_value_seed(Object(&mut inner))?;
                keep_first(&mut self.inner_code, inner.code);
            }
            _ => skip(map)?,
        }
        Ok(())
    }

    fn closed(&mut self) {
        self.is_object = true;
    }
}

#[derive(Default)]
struct InnerError {
    code: Option<String>,
}

impl<'de> Fields<'de> for InnerError {
    fn field<A: MapAccess<'de>>(&mut self, key: &[u8], map: &mut A) -> Result<(), A::Error> {
        match key {
            b"code" => self.code = label(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct IncompleteDetails {
    reason: Option<String>,
}

impl<'de> Fields<'de> for IncompleteDetails {
    fn field<A: MapAccess<'de>>(&mut self, key: &[u8], map: &mut A) -> Result<(), A::Error> {
        match key {
            b"reason" => self.reason = label(map)?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// A short text that says something.
fn label<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<String>, A::Error> {
    Ok(text(map, LABEL_BYTES_MAX)?.filter(|text| !text.is_empty()))
}

fn keep_first(kept: &mut Option<String>, found: Option<String>) {
    if kept.is_none() {
        *kept = found;
    }
}
