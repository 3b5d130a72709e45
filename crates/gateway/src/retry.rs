//! When a provider is asked again, and after how long.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use gatelog_model::TimestampMicros;
use http::{HeaderMap, StatusCode, header};

use crate::controls::Backoff;

/// Retries per request that the budget grants in the long run. Together with the balance below, a storm of failures puts at
/// most 1.1 times the offered load on the provider.
const RETRIES_PER_REQUEST: f64 = 0.08;
/// Retries that can be had at once after a quiet time, so that a lone caller gets all the attempts it asked for.
const BALANCE_MAX: f64 = 10.0;

/// How one target is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPlan {
    /// Tries in all, at least 1.
    pub max_attempts: u32,
    /// Base of the wait between two tries.
    pub delay: Duration,
    /// How the wait grows.
    pub backoff: Backoff,
}

impl Default for RetryPlan {
    /// One try: who wants more says so.
    fn default() -> Self {
        Self { max_attempts: 1, delay: Duration::from_millis(500), backoff: Backoff::Exponential }
    }
}

impl RetryPlan {
    /// The wait after the failed try number `attempt`, from 1.
    pub(crate) fn wait_after(&self, attempt: u32) -> Duration {
        let factor = match self.backoff {
            Backoff::Constant => 1,
            Backoff::Linear => attempt,
            Backoff::Exponential => 1 << attempt.saturating_sub(1).min(16),
        };
        self.delay.saturating_mul(factor)
    }
}

/// Whether an answer of this status can be another one next time.
pub(crate) fn is_retryable(status: StatusCode) -> bool {
    status == StatusCode::REQUEST_TIMEOUT || status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

/// Whether another target may be asked after this status. A provider that is busy (429) is not broken: whoever calls it
/// has a quota there, and moving on would only move the storm.
pub(crate) fn is_fallback(status: StatusCode) -> bool {
    status == StatusCode::REQUEST_TIMEOUT || status.is_server_error()
}

/// How long the provider asks to wait: `retry-after-ms`, else `retry-after` in seconds or as a date.
///
/// The order is that of OpenAI's clients (openai-python, `_base_client.py`). What cannot be read is as good as absent.
pub(crate) fn asked_wait(headers: &HeaderMap, now: TimestampMicros) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|text| seconds(text, 1_000.0)) {
        return Some(millis);
    }
    let after = text(header::RETRY_AFTER.as_str())?;
    seconds(after, 1.0).or_else(|| until(after, now))
}

fn seconds(text: &str, per_second: f64) -> Option<Duration> {
    let number: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(number / per_second).ok()
}

fn until(date: &str, now: TimestampMicros) -> Option<Duration> {
    let at: DateTime<Utc> = DateTime::parse_from_rfc2822(date).ok()?.into();
    (at - now.to_datetime()).to_std().ok()
}

/// Bounds the retries of the whole process: every request pays in a fraction of one, every retry takes out a whole one.
///
/// Without it, a provider that fails under load would be asked up to five times as often as before, exactly then.
#[derive(Debug)]
pub(crate) struct RetryBudget(Mutex<f64>);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(Mutex::new(BALANCE_MAX))
    }
}

impl RetryBudget {
    /// A request came in.
    pub(crate) fn deposit(&self) {
        let mut balance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *balance = (*balance + RETRIES_PER_REQUEST).min(BALANCE_MAX);
    }

    /// Asks for one retry.
    pub(crate) fn withdraw(&self) -> bool {
        let mut balance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_granted = *balance >= 1.0;
        if is_granted {
            *balance -= 1.0;
        }
        is_granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(backoff: Backoff) -> RetryPlan {
        RetryPlan { max_attempts: 5, delay: Duration::from_millis(500), backoff }
    }

    #[test]
    fn waits_grow_as_asked() {
        let waits = |backoff| (1..=4).map(|attempt| plan(backoff).wait_after(attempt).as_millis()).collect::<Vec<_>>();
        assert_eq!(waits(Backoff::Constant), [500, 500, 500, 500]);
        assert_eq!(waits(Backoff::Linear), [500, 1_000, 1_500, 2_000]);
        assert_eq!(waits(Backoff::Exponential), [500, 1_000, 2_000, 4_000]);
    }

    #[test]
    fn the_provider_says_how_long() {
        let now = TimestampMicros::clamped("2026-11-24T10:00:00Z".parse().unwrap());
        let asked = |entries: &[(&'static str, &'static str)]| {
            let pairs = entries.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            asked_wait(&pairs.collect(), now).map(|wait| wait.as_millis())
        };
        assert_eq!(asked(&[("retry-after-ms", "120"), ("retry-after", "6")]), Some(120));
        assert_eq!(asked(&[("retry-after", "1.5")]), Some(1_500));
        assert_eq!(asked(&[("retry-after-ms", "soon"), ("retry-after", "2")]), Some(2_000));
        assert_eq!(asked(&[("retry-after", "Tue, 24 Nov 2026 10:00:07 GMT")]), Some(7_000));
        assert_eq!(asked(&[("retry-after", "Tue, 24 Nov 2026 09:00:00 GMT")]), None);
        assert_eq!(asked(&[("retry-after", "-1")]), None);
        assert_eq!(asked(&[("retry-after-ms", "1e400")]), None);
        assert_eq!(asked(&[]), None);
    }

    #[test]
    fn a_storm_is_held_to_a_tenth() {
        let budget = RetryBudget::default();
        let requests = 1_000;
        let mut retries = 0;
        for _ in 0..requests {
            budget.deposit();
            retries += (0..4).filter(|_| budget.withdraw()).count();
        }
        assert!((80..=100).contains(&retries), "{retries} retries for {requests} requests");
    }
}
