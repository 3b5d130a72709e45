//! What is counted, and the figures of a run.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::answer::Answer;

/// Percentiles in microseconds, each the smallest value that so many of all do not exceed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Micros {
    /// Half of all.
    pub p50: f64,
    /// 90 %.
    pub p90: f64,
    /// 99 %.
    pub p99: f64,
    /// All.
    pub max: f64,
}

impl Micros {
    /// All zero if there is nothing.
    pub(super) fn of(times: &mut [Duration]) -> Self {
        times.sort_unstable();
        let at = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100).max(1);
            times.get(rank - 1).map_or(0.0, |time| time.as_secs_f64() * 1e6)
        };
        Self { p50: at(50), p90: at(90), p99: at(99), max: at(100) }
    }
}

/// The figures of a run. Answers of 400 and above are errors and have no part in the times.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Whole answers below 400.
    pub answers: u64,
    /// Everything else, by what went wrong.
    pub errors: BTreeMap<Cow<'static, str>, u64>,
    /// Requests of a rate for which there was no time.
    pub unsent: u64,
    /// Requests before the run, one a connection, that count nowhere else but as errors.
    pub warm_up: u64,
    /// Times a connection was made again.
    pub reconnects: u64,
    /// A number above those of all requests.
    pub next_number: u64,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// Answers a second.
    pub per_second: f64,
    /// Bytes of the answers' bodies.
    pub body_bytes: u64,
    /// From when a request was due (of a rate) or sent to the last byte of its answer.
    pub latency: Micros,
    /// The same to the end of the answer's head.
    pub first_byte: Micros,
    /// How late requests of a rate were sent: what of the latency is this program's and that of busy connections.
    pub late: Micros,
}

/// What one connection counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    latencies: Vec<Duration>,
    first_bytes: Vec<Duration>,
    late: Vec<Duration>,
    body_bytes: u64,
    errors: BTreeMap<Cow<'static, str>, u64>,
    pub(super) reconnects: u64,
}

impl Tally {
    /// Counts an answer to a request that was due at `due` and sent at `sent`.
    pub(super) fn answer(&mut self, due: Instant, sent: Instant, answer: &Answer) {
        self.latencies.push(answer.ended - due);
        self.first_bytes.push(answer.begun - due);
        self.late.push(sent - due);
        self.body_bytes += answer.body_bytes;
    }

    pub(super) fn error(&mut self, what: impl Into<Cow<'static, str>>) {
        *self.errors.entry(what.into()).or_default() += 1;
    }

    pub(super) fn merge(mut self, other: Self) -> Self {
        self.latencies.extend(other.latencies);
        self.first_bytes.extend(other.first_bytes);
        self.late.extend(other.late);
        self.body_bytes += other.body_bytes;
        self.reconnects += other.reconnects;
        for (what, count) in other.errors {
            *self.errors.entry(what).or_default() += count;
        }
        self
    }

    pub(super) fn report(mut self, took: Duration) -> Report {
        let answers = u64::try_from(self.latencies.len()).unwrap_or(u64::MAX);
        Report {
            answers,
            errors: self.errors,
            reconnects: self.reconnects,
            seconds: took.as_secs_f64(),
            per_second: if took.is_zero() { 0.0 } else { answers as f64 / took.as_secs_f64() },
            body_bytes: self.body_bytes,
            latency: Micros::of(&mut self.latencies),
            first_byte: Micros::of(&mut self.first_bytes),
            late: Micros::of(&mut self.late),
            ..Report::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut times: Vec<_> = (1..=200).rev().map(Duration::from_micros).collect();
        assert_eq!(Micros::of(&mut times), Micros { p50: 100.0, p90: 180.0, p99: 198.0, max: 200.0 });
        let mut one = [Duration::from_micros(5)];
        assert_eq!(Micros::of(&mut one), Micros { p50: 5.0, p90: 5.0, p99: 5.0, max: 5.0 });
        assert_eq!(Micros::of(&mut []), Micros::default());
    }
}
