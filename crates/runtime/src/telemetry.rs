//! Logs and metrics.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, filter::ParseError, fmt, util::TryInitError};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("cannot parse log filter `{filter}`")]
    Filter {
        /// As given.
        filter: String,
        /// Why.
        #[source]
        source: ParseError,
    },
    /// A subscriber or recorder is already there.
    #[error("logs or metrics are already set up")]
    AlreadySet,
    /// The recorder refuses its settings.
    #[error("cannot build the metrics recorder")]
    Metrics(#[source] BuildError),
}

/// Sends logs to standard error.
///
/// # Errors
///
/// [`TelemetryError::Filter`] when `filter` does not parse, [`TelemetryError::AlreadySet`] on a second call.
pub fn init_logs(filter: &str, format: LogFormat) -> Result<(), TelemetryError> {
    let parsed =
        EnvFilter::try_new(filter).map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })?;
    let builder = fmt().with_env_filter(parsed).with_writer(std::io::stderr).with_target(false);
    let result: Result<(), TryInitError> = match format {
        LogFormat::Text => {
            use tracing_subscriber::util::SubscriberInitExt;
            builder.with_ansi(std::io::stderr().is_terminal()).finish().try_init()
        }
        LogFormat::Json => {
            use tracing_subscriber::util::SubscriberInitExt;
            builder.json().flatten_event(true).finish().try_init()
        }
    };
    result.map_err(|_| TelemetryError::AlreadySet)
}

/// Installs the process-wide metrics recorder.
///
/// # Errors
///
/// [`TelemetryError::AlreadySet`] on a second call.
pub fn init_metrics() -> Result<PrometheusHandle, TelemetryError> {
    // Powers of two from 16 us to 65 s: the gateway's overhead and a commit both fit.
    let seconds: Vec<f64> = (0..23).map(|power| 0.001 / 64.0 * f64::from(1_u32 << power)).collect();
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)
        .map_err(TelemetryError::Metrics)?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::AlreadySet)?;
    Ok(handle)
}
