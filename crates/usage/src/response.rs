//! What an answer says about itself.

use gatelog_model::Tokens;

use crate::{
    OperationHint, StreamTap,
    lenient::{Broken, Fields, Reader},
    repeat::{LastRead, STRINGS_MAX},
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
    /// A stream that saw its end, or a body that is one JSON text whose brackets are closed.
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
    let mut reader = Reader::new(body.as_bytes());
    let read = reader.object(&mut Body::new(&mut facts, hint));
    facts.complete = read.is_ok() && reader.is_at_end();
    facts
}

/// Reads one frame of a stream into `facts`, unless it says what the last one said; says whether it is the stream's end.
pub(crate) fn read_frame(frame: &[u8], facts: &mut ResponseFacts, hint: OperationHint, last: &mut LastRead) -> bool {
    if last.is_repeated_by(frame) {
        return false;
    }
    let mut body = Body::new(facts, hint);
    let mut reader = Reader::noting_skipped(frame, STRINGS_MAX);
    match reader.object(&mut body) {
        Ok(()) => last.remember(frame, reader),
        // A cut or foreign frame counts as far as it goes.
        Err(Broken) => last.forget(),
    }
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

    fn error(&mut self, value: &mut Reader<'_>) -> Result<(), Broken> {
        let mut error = ErrorFields::default();
        value.objects(&mut error)?;
        if error.is_object {
            self.facts.content_filtered |= error.is_content_filter();
            self.facts.error = Some(ErrorFacts { code: error.code, inner_code: error.inner_code });
        }
        Ok(())
    }

    fn usage(&mut self, value: &mut Reader<'_>) -> Result<(), Broken> {
        let mut usage = Usage::default();
        value.object(&mut usage)?;
        if let Some(tokens) = usage.reported() {
            self.facts.tokens = tokens;
            self.facts.usage_reported = true;
        }
        Ok(())
    }

    /// Fields of the Responses API, plain or inside an event.
    fn responses_field(&mut self, key: &[u8], value: &mut Reader<'_>) -> Result<(), Broken> {
        match key {
            b"type" => self.event = label(value)?,
            b"code" => self.code = value.text_or_whole(LABEL_BYTES_MAX)?,
            b"status" => self.status = label(value)?,
            b"incomplete_details" => {
                let mut details = IncompleteDetails::default();
                value.object(&mut details)?;
                if let Some(reason) = details.reason {
                    self.facts.content_filtered |= reason == CONTENT_FILTER;
                    self.facts.finish_reason = Some(reason);
                }
            }
            b"response" if !self.is_nested => {
                let mut nested = Body { is_nested: true, ..Body::new(self.facts, self.hint) };
                value.object(&mut nested)?;
            }
            _ => value.skip()?,
        }
        Ok(())
    }
}

impl Fields for Body<'_> {
    fn field(&mut self, key: &[u8], value: &mut Reader<'_>) -> Result<(), Broken> {
        match key {
            b"model" if self.facts.model.is_none() => self.facts.model = label(value)?,
            b"created" | b"created_at" => self.created = value.whole()?,
            b"usage" => self.usage(value)?,
            b"error" => self.error(value)?,
            b"service_tier" => {
                if let Some(tier) = label(value)? {
                    self.facts.service_tier = Some(tier);
                }
            }
            b"prompt_filter_results" => value.objects(&mut Choice(self.facts))?,
            b"choices" if self.reads_choices() => value.objects(&mut Choice(self.facts))?,
            _ if self.reads_responses() => self.responses_field(key, value)?,
            _ => value.skip()?,
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

impl Fields for Choice<'_> {
    fn field(&mut self, key: &[u8], value: &mut Reader<'_>) -> Result<(), Broken> {
        match key {
            b"finish_reason" => {
                let reason = label(value)?;
                self.0.content_filtered |= reason.as_deref() == Some(CONTENT_FILTER);
                keep_first(&mut self.0.finish_reason, reason);
            }
            b"content_filter_results" | b"content_filter_result" => {
                // Every choice and every frame has these, and hardly ever did a filter act.
                value.object_if_true(&mut FilterResults(&mut self.0.content_filtered))?;
            }
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// Filter results: a verdict for each category.
struct FilterResults<'a>(&'a mut bool);

impl Fields for FilterResults<'_> {
    fn field(&mut self, _category: &[u8], value: &mut Reader<'_>) -> Result<(), Broken> {
        value.object(&mut Verdict(self.0))
    }
}

struct Verdict<'a>(&'a mut bool);

impl Fields for Verdict<'_> {
    fn field(&mut self, key: &[u8], value: &mut Reader<'_>) -> Result<(), Broken> {
        match key {
            b"filtered" => *self.0 |= value.is_true()?,
            _ => value.skip()?,
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

impl Fields for ErrorFields {
    fn field(&mut self, key: &[u8], value: &mut Reader<'_>) -> Result<(), Broken> {
        self.is_object = true;
        match key {
            b"code" => {
                let code = value.text_or_whole(LABEL_BYTES_MAX)?;
                keep_first(&mut self.code, code);
            }
            b"innererror" | b"inner_error" => {
                let mut inner = InnerError::default();
                value.object(&mut inner)?;
                keep_first(&mut self.inner_code, inner.code);
            }
            _ => value.skip()?,
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

impl Fields for InnerError {
    fn field(&mut self, key: &[u8], value: &mut Reader<'_>) -> Result<(), Broken> {
        match key {
            b"code" => self.code = label(value)?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct IncompleteDetails {
    reason: Option<String>,
}

impl Fields for IncompleteDetails {
    fn field(&mut self, key: &[u8], value: &mut Reader<'_>) -> Result<(), Broken> {
        match key {
            b"reason" => self.reason = label(value)?,
            _ => value.skip()?,
        }
        Ok(())
    }
}

/// A short text.
fn label(value: &mut Reader<'_>) -> Result<Option<String>, Broken> {
    value.text(LABEL_BYTES_MAX)
}

fn keep_first(kept: &mut Option<String>, found: Option<String>) {
    if kept.is_none() {
        *kept = found;
    }
}
