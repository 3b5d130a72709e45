//! Which trace a request belongs to: W3C Trace Context, else Cloudflare's pair of headers.

use http::HeaderMap;
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator as _},
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// Cloudflare's names (developers.cloudflare.com, AI Gateway, OpenTelemetry integration): 32 and 16 hexadecimal digits.
const TRACE_ID: &str = "cf-aig-otel-trace-id";
const PARENT_SPAN_ID: &str = "cf-aig-otel-parent-span-id";

/// The context that the headers name; without one that of a new trace.
pub(crate) fn extract(headers: &HeaderMap) -> Context {
    let named = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
    if named.span().span_context().is_valid() {
        return named;
    }
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let ids = text(TRACE_ID)
        .and_then(|id| TraceId::from_hex(id).ok())
        .zip(text(PARENT_SPAN_ID).and_then(|id| SpanId::from_hex(id).ok()));
    match ids {
        Some((trace, span)) => {
            let parent = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::default());
            Context::new().with_remote_span_context(parent)
        }
        None => Context::new(),
    }
}

/// Names the span of `context` in the headers, in place of what they named.
pub(crate) fn inject(context: &Context, headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(context, &mut HeadersMut(headers));
}

struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

struct HeadersMut<'h>(&'h mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        let (Ok(name), Ok(value)) = (key.parse::<http::HeaderName>(), value.parse()) else { return };
        self.0.insert(name, value);
    }
}
