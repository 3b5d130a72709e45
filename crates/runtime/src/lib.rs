//! What every gatelog process needs and none should write twice: the system's clock, logs and metrics, the way to stop,
//! the status endpoints, and the points at which a test may kill it.

mod backoff;
mod clock;
mod crash;
mod shutdown;
mod status;
mod telemetry;

pub use backoff::{Backoff, InvalidBackoff};
pub use clock::SystemClock;
pub use crash::{arm as arm_crash_point, crash_point};
pub use shutdown::{Shutdown, listen_for_signals};
pub use status::{Readiness, StatusServer, serve_status};
pub use telemetry::{LogFormat, TelemetryError, init_logs, init_metrics};
