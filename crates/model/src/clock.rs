//! Where the time of day comes from, as an argument.

use crate::TimestampMicros;

/// Tells the time; the binary passes the system's clock, tests pass a fixed one.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The current instant, UTC.
    fn now(&self) -> TimestampMicros;
}

/// A clock that always tells the same time, for tests and replays.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub TimestampMicros);

impl Clock for FixedClock {
    fn now(&self) -> TimestampMicros {
        self.0
    }
}
