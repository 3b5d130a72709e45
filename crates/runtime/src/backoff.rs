//! How long to wait before trying again.

use std::time::Duration;

/// A doubling wait between `base` and `cap`.
///
/// It has no limit of attempts: its users are loops that must outlive an outage of Postgres or the store and end on the
/// shutdown token. Waits carry no jitter because one daemon has one such loop; requests to the store have their own
/// policy with jitter.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    next: Duration,
}

/// A backoff that would spin or shrink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a backoff needs 0 < base <= cap, not {base:?} and {cap:?}")]
pub struct InvalidBackoff {
    /// First wait.
    pub base: Duration,
    /// Longest wait.
    pub cap: Duration,
}

impl Backoff {
    /// Checks the bounds.
    ///
    /// # Errors
    ///
    /// [`InvalidBackoff`] when `base` is zero or above `cap`.
    pub fn try_new(base: Duration, cap: Duration) -> Result<Self, InvalidBackoff> {
        if base.is_zero() || base > cap {
            return Err(InvalidBackoff { base, cap });
        }
        Ok(Self { base, cap, next: base })
    }

    /// The next wait; each is twice the one before, up to the cap.
    pub fn next_wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = self.next.saturating_mul(2).min(self.cap);
        wait
    }

    /// Starts from `base` again, after a success.
    pub fn reset(&mut self) {
        self.next = self.base;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_cap_and_starts_again() {
        let second = Duration::from_secs(1);
        let mut backoff = Backoff::try_new(second, second * 5).unwrap();
        let waits: Vec<_> = (0..5).map(|_| backoff.next_wait().as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5, 5]);
        backoff.reset();
        assert_eq!(backoff.next_wait(), second);
        assert!(Backoff::try_new(Duration::ZERO, second).is_err());
        assert!(Backoff::try_new(second * 2, second).is_err());
    }
}
