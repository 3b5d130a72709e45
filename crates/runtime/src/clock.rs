//! The system's clock: the one place that reads it.

use std::time::{SystemTime, UNIX_EPOCH};

use gatelog_model::{Clock, TimestampMicros};

/// Reads the clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> TimestampMicros {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else takes as an argument")]
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
        TimestampMicros::try_new(micros).unwrap_or(TimestampMicros::MAX)
    }
}
