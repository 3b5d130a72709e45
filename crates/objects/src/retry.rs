//! When to try again, and when to stop.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use tokio::time::Instant;

use crate::ObjectError;

/// Attempts, waits between them and a limit on everything together.
///
/// The wait before attempt n + 1 is a random part of `base * 2^(n - 1)`, at most `cap` ("full jitter": many workers that
/// failed together do not come back together), and at least what the store asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    base: Duration,
    cap: Duration,
    attempts: u32,
    total: Duration,
}

/// A policy that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRetryPolicy {
    /// Zero attempts.
    #[error("a retry policy needs at least one attempt")]
    NoAttempt,
    /// More attempts than a limit on time should allow.
    #[error("a retry policy allows at most {ATTEMPTS_MAX} attempts")]
    TooManyAttempts,
    /// The first wait is zero, or longer than the longest.
    #[error("the base wait of a retry policy is above zero and at most its cap")]
    BadWait,
    /// No time at all.
    #[error("a retry policy needs a total time above zero")]
    NoTime,
}

/// Most attempts of a policy: by then the exponent has long reached any sensible cap.
const ATTEMPTS_MAX: u32 = 100;

impl Default for RetryPolicy {
    /// Five attempts within a minute: rides out a restart or a throttled second; longer outages are the caller's, who
    /// comes back with the next poll.
    fn default() -> Self {
        Self {
            base: Duration::from_millis(100),
            cap: Duration::from_secs(5),
            attempts: 5,
            total: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// Checks a policy.
    ///
    /// # Errors
    ///
    /// [`BadRetryPolicy`] says what makes no sense.
    pub fn try_new(base: Duration, cap: Duration, attempts: u32, total: Duration) -> Result<Self, BadRetryPolicy> {
        if attempts == 0 {
            return Err(BadRetryPolicy::NoAttempt);
        }
        if attempts > ATTEMPTS_MAX {
            return Err(BadRetryPolicy::TooManyAttempts);
        }
        if base.is_zero() || base > cap {
            return Err(BadRetryPolicy::BadWait);
        }
        if total.is_zero() {
            return Err(BadRetryPolicy::NoTime);
        }
        Ok(Self { base, cap, attempts, total })
    }

    /// One attempt, no second.
    pub fn once() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// Runs an operation until it succeeds, fails for good or the policy is used up.
    ///
    /// Cancellation: drop the future; at most the attempt under way has an effect.
    ///
    /// # Errors
    ///
    /// The last error of the operation. No attempt starts after `total`; each is bounded by its own timeout.
    pub async fn run<T, F>(&self, mut operation: impl FnMut() -> F) -> Result<T, ObjectError>
    where
        F: Future<Output = Result<T, ObjectError>>,
    {
        let deadline = Instant::now() + self.total;
        let mut attempt = 1;
        loop {
            let error = match operation().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let wait = self.wait_after(attempt, random_fraction()).max(error.retry_after.unwrap_or_default());
            if !error.is_transient() || attempt == self.attempts || Instant::now() + wait >= deadline {
                return Err(error);
            }
            tracing::debug!(object.key = %error.key, attempt, ?wait, kind = error.kind.as_str(), "trying again");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// The wait after a failed attempt (from 1), for a random part in `[0, 1)`.
    fn wait_after(&self, attempt: u32, part: f64) -> Duration {
        let doubled = 1_u32.checked_shl(attempt - 1).map_or(self.cap, |factor| self.base.saturating_mul(factor));
        doubled.min(self.cap).mul_f64(part)
    }
}

/// A random number in `[0, 1)`; spreads load, so the standard library's hash keys are random enough.
fn random_fraction() -> f64 {
    let bits = RandomState::new().hash_one(()) >> 32;
    f64::from(u32::try_from(bits).expect("32 bits are left")) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Operation};

    const SECOND: Duration = Duration::from_secs(1);

    fn error(kind: ErrorKind) -> ObjectError {
        ObjectError::new(Operation::Get, "k", kind)
    }

    async fn attempts_of(policy: RetryPolicy, kind: ErrorKind) -> u32 {
        let mut attempts = 0;
        let outcome: Result<(), _> = policy
            .run(|| {
                attempts += 1;
                std::future::ready(Err(error(kind)))
            })
            .await;
        assert!(outcome.is_err());
        attempts
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(RetryPolicy::try_new(SECOND, SECOND, 0, SECOND), Err(BadRetryPolicy::NoAttempt));
        assert_eq!(RetryPolicy::try_new(SECOND, SECOND, 101, SECOND), Err(BadRetryPolicy::TooManyAttempts));
        assert_eq!(RetryPolicy::try_new(SECOND * 2, SECOND, 1, SECOND), Err(BadRetryPolicy::BadWait));
        assert_eq!(RetryPolicy::try_new(Duration::ZERO, SECOND, 1, SECOND), Err(BadRetryPolicy::BadWait));
        assert_eq!(RetryPolicy::try_new(SECOND, SECOND, 1, Duration::ZERO), Err(BadRetryPolicy::NoTime));
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let policy = RetryPolicy::try_new(SECOND, SECOND * 5, 100, SECOND * 60).unwrap();
        let waits: Vec<u64> =
            [1, 2, 3, 4, 99].iter().map(|&attempt| policy.wait_after(attempt, 1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 5, 5]);
        assert_eq!(policy.wait_after(3, 0.5), SECOND * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lasting_error_is_not_tried_again_and_a_passing_one_only_so_often() {
        let policy = RetryPolicy::try_new(SECOND, SECOND, 4, SECOND * 60).unwrap();
        assert_eq!(attempts_of(policy, ErrorKind::Denied).await, 1);
        assert_eq!(attempts_of(policy, ErrorKind::Throttled).await, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn no_attempt_starts_after_the_total_time() {
        let policy = RetryPolicy::try_new(SECOND, SECOND, 100, SECOND * 10).unwrap();
        let begun = Instant::now();
        let outcome: Result<(), _> = policy
            .run(|| async {
                tokio::time::sleep(SECOND * 3).await;
                Err(error(ErrorKind::Timeout))
            })
            .await;
        assert!(outcome.is_err());
        assert!(begun.elapsed() <= SECOND * 13, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn the_store_may_ask_for_a_longer_wait() {
        let policy = RetryPolicy::try_new(SECOND, SECOND, 2, SECOND * 60).unwrap();
        let begun = Instant::now();
        let _failed: Result<(), _> = policy
            .run(|| async { Err(ObjectError { retry_after: Some(SECOND * 7), ..error(ErrorKind::Throttled) }) })
            .await;
        assert_eq!(begun.elapsed().as_secs(), 7);
    }
}
