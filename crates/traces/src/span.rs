//! The span of a request and those of its attempts.

use http::HeaderMap;
use opentelemetry::{
    Context, KeyValue, Value,
    trace::{SpanKind, Status, TraceContextExt as _, Tracer as _},
};

use crate::{On, Traces, parent};

/// The span of one request of a caller; ends when it is dropped.
#[derive(Debug)]
pub struct RequestSpan(Option<Open>);

/// The span of one try at a provider; ends when it is dropped.
#[derive(Debug)]
pub struct AttemptSpan(Option<Open>);

#[derive(Debug)]
struct Open {
    on: On,
    context: Context,
}

impl Traces {
    /// Opens the span of a request with these headers, as part of the trace they name.
    pub fn request(&self, name: &'static str, headers: &HeaderMap) -> RequestSpan {
        RequestSpan(self.0.as_ref().map(|on| on.open(name, SpanKind::Server, &parent::extract(headers))))
    }
}

impl On {
    fn open(&self, name: &'static str, kind: SpanKind, parent: &Context) -> Open {
        let span = self.tracer.span_builder(name).with_kind(kind).start_with_context(&self.tracer, parent);
        Open { on: self.clone(), context: parent.with_span(span) }
    }
}

impl std::fmt::Debug for On {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("On")
    }
}

impl RequestSpan {
    /// Opens the span of a try.
    pub fn attempt(&self, name: &'static str) -> AttemptSpan {
        AttemptSpan(self.0.as_ref().map(|open| open.on.open(name, SpanKind::Client, &open.context)))
    }

    /// Says something of the request; the value is only made when spans are sent.
    pub fn set<V: Into<Value>>(&self, key: &'static str, value: impl FnOnce() -> V) {
        set(self.0.as_ref(), key, value);
    }
}

impl AttemptSpan {
    /// Makes the provider's spans part of this one. Without a collector the headers stay as the caller sent them.
    pub fn inject(&self, headers: &mut HeaderMap) {
        if let Some(open) = &self.0 {
            parent::inject(&open.context, headers);
        }
    }

    /// Says something of the try; the value is only made when spans are sent.
    pub fn set<V: Into<Value>>(&self, key: &'static str, value: impl FnOnce() -> V) {
        set(self.0.as_ref(), key, value);
    }

    /// The try failed; `problem` is shown to whoever reads traces and must hold nothing of the request.
    pub fn fail(&self, problem: &'static str) {
        if let Some(open) = &self.0 {
            open.context.span().set_status(Status::error(problem));
        }
    }
}

fn set<V: Into<Value>>(open: Option<&Open>, key: &'static str, value: impl FnOnce() -> V) {
    if let Some(open) = open {
        open.context.span().set_attribute(KeyValue::new(key, value()));
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.context.span().end();
    }
}
