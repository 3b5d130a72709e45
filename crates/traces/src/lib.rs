//! Spans of requests, sent to an OTLP collector; the only user of OpenTelemetry.
//!
//! [`Traces::off`] makes spans that cost nothing and leaves `traceparent` as it came. [`Traces::start`] sends them in batches,
//! as JSON over HTTP; a collector that is away costs spans, never requests. Spans say what a request was, never what was said.

mod client;
mod parent;
mod span;

use std::{collections::HashMap, fmt, io, time::Duration};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};

pub use span::{AttemptSpan, RequestSpan};

/// How long one batch may take; the next waits behind it.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last batch may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where spans go.
#[derive(Debug, Clone)]
pub struct TraceOptions {
    /// Address of the collector with its path: `http://127.0.0.1:4318/v1/traces`.
    pub endpoint: String,
    /// Headers for the collector, such as an access token; secret.
    pub headers: HashMap<String, String>,
    /// Share of requests that are sent, 0 to 1, where the caller has not decided.
    pub sample_ratio: f64,
    /// `service.name` of every span.
    pub service_name: String,
}

/// Spans cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// No HTTP client.
    #[error("cannot set up the HTTPS client of the trace collector: are there CA certificates on this machine?")]
    Client(#[source] io::Error),
    /// The collector's address or headers make no sense.
    #[error("cannot set up the export of spans")]
    Exporter(#[source] ExporterBuildError),
}

/// Makes spans; cheap to clone.
#[derive(Clone, Default)]
pub struct Traces(Option<On>);

#[derive(Clone)]
struct On {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Makes no spans.
    pub fn off() -> Self {
        Self(None)
    }

    /// Sends spans from now on; needs a Tokio runtime, which must outlive [`Traces::close`].
    ///
    /// # Errors
    ///
    /// [`TraceError`]; a collector that does not answer is none.
    pub fn start(options: &TraceOptions) -> Result<Self, TraceError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client::OnRuntime::new().map_err(TraceError::Client)?)
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(options.endpoint.as_str())
            .with_headers(options.headers.clone())
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(TraceError::Exporter)?;
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(options.sample_ratio)));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler)
            .with_resource(Resource::builder_empty().with_service_name(options.service_name.clone()).build())
            .build();
        let tracer = provider.tracer("gatelog");
        Ok(Self(Some(On { provider, tracer })))
    }

    /// Sends what is left. Ends after a few seconds whatever the collector does.
    pub async fn close(&self) {
        let Some(on) = self.0.clone() else { return };
        // An error is a collector that is away, which has been logged by then.
        let _lost = tokio::task::spawn_blocking(move || on.provider.shutdown_with_timeout(CLOSE_TIMEOUT)).await;
    }
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Traces").field(&self.0.is_some()).finish()
    }
}
