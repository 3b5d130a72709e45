//! What every gatelog process needs and none should write twice: the system's clock, logs and metrics, the way to stop,
//! the status endpoints, TLS towards others, and the points at which a test may kill it.

mod backoff;
mod boot;
mod clock;
mod crash;
mod health;
mod shutdown;
mod status;
mod telemetry;
mod tls;

pub use backoff::{Backoff, InvalidBackoff};
pub use boot::boot_id;
pub use clock::SystemClock;
pub use crash::{arm as arm_crash_point, crash_point};
pub use health::ask_readiness;
pub use metrics_exporter_prometheus::PrometheusHandle;
pub use shutdown::{Shutdown, listen_for_signals};
pub use status::{Readiness, StatusServer, serve_status};
pub use telemetry::{LogFormat, TelemetryError, init_logs, init_metrics};
pub use tls::{client_tls, client_tls_for_nobody};
