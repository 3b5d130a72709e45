//! Keeps away from a target that keeps failing, as long as there is another one.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Failures in a row after which a target counts as broken.
const FAILURES_MAX: u32 = 5;
/// How long it is left alone before one request may try it again.
const OPEN_FOR: Duration = Duration::from_secs(10);

/// What is known of one target's health.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<Health>);

#[derive(Debug, Default)]
struct Health {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    /// Whether the target should be passed over. When its time is up, the first to ask goes through and the others wait
    /// another round for what it finds.
    pub(crate) fn is_open(&self) -> bool {
        let mut health = self.health();
        let Some(until) = health.open_until else { return false };
        let now = Instant::now();
        if now < until {
            return true;
        }
        health.open_until = Some(now + OPEN_FOR);
        false
    }

    /// The target answered, whatever it said, short of a failure of its own.
    pub(crate) fn succeeded(&self) {
        *self.health() = Health::default();
    }

    /// The target failed: a 5xx, a timeout, no connection.
    pub(crate) fn failed(&self) {
        let mut health = self.health();
        health.failures = health.failures.saturating_add(1);
        if health.failures >= FAILURES_MAX {
            health.open_until = Some(Instant::now() + OPEN_FOR);
        }
    }

    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn opens_after_failures_in_a_row_and_probes_once() {
        let breaker = Breaker::default();
        for _ in 0..FAILURES_MAX - 1 {
            breaker.failed();
        }
        breaker.succeeded();
        breaker.failed();
        assert!(!breaker.is_open(), "a success starts the count anew");
        for _ in 0..FAILURES_MAX {
            breaker.failed();
        }
        assert!(breaker.is_open());
        tokio::time::advance(OPEN_FOR).await;
        assert!(!breaker.is_open(), "one probe");
        assert!(breaker.is_open(), "and only one");
        breaker.succeeded();
        assert!(!breaker.is_open());
    }
}
