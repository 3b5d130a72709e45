//! What spans say: which tenant asked which model, how it went and how much it used; nothing of what was said.
//!
//! Names are those of OpenTelemetry's semantic conventions for generative AI and HTTP where there are some.

use gatelog_traces::{AttemptSpan, RequestSpan, Traces};
use http::HeaderMap;
use uuid::Uuid;

use crate::{
    conversation::{Closing, Conversation},
    plan::Step,
};

const STATUS: &str = "http.response.status_code";

/// Opens the span of a request.
pub(crate) fn request(traces: &Traces, headers: &HeaderMap) -> RequestSpan {
    traces.request("gateway request", headers)
}

/// Says whose request it is, once that is known.
pub(crate) fn describe(conversation: &Conversation) {
    conversation.span.set("gatelog.gateway.id", || conversation.gateway.clone());
    conversation.span.set("gatelog.tenant.id", || conversation.tenant.as_str().to_owned());
    conversation.span.set("gatelog.event.id", || conversation.event_id.clone());
}

/// Opens the span of what leaves one record; without a number nobody was asked.
pub(crate) fn open(conversation: &Conversation, step: &Step, attempt: Option<u32>, log_id: Uuid) -> AttemptSpan {
    let span = conversation.span.attempt(if attempt.is_some() { "provider attempt" } else { "gateway answer" });
    span.set("gatelog.log.id", || log_id.to_string());
    span.set("gatelog.target", || step.target.name.to_str().unwrap_or_default().to_owned());
    span.set("gatelog.step", || i64::from(step.number));
    span.set("gatelog.attempt", || i64::from(attempt.unwrap_or(0)));
    span.set("gen_ai.provider.name", || step.target.provider.clone());
    if let Some(model) = step.deployment.as_deref().or(step.facts.model.as_deref()) {
        span.set("gen_ai.request.model", || model.to_owned());
    }
    span
}

/// Says how it went.
pub(crate) fn close(span: &AttemptSpan, closing: &Closing<'_>) {
    span.set(STATUS, || i64::from(closing.status));
    span.set("gatelog.cached", || closing.cached);
    if let Some(model) = closing.model {
        span.set("gen_ai.response.model", || model.to_owned());
    }
    let counts =
        [("gen_ai.usage.input_tokens", closing.tokens.input), ("gen_ai.usage.output_tokens", closing.tokens.output)];
    for (name, count) in counts {
        if let Some(count) = count {
            span.set(name, || i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
    if closing.status >= 400 {
        span.fail("the answer is an error");
    }
}
