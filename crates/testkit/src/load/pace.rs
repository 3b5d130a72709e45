//! When requests are sent.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// A sleeping thread is woken up to 50 µs late (Linux's timer slack), so the last bit is waited for awake.
const AWAKE: Duration = Duration::from_micros(80);
/// How much longer than planned a rate may take that the server does not keep up with.
const OVERTIME: u32 = 2;

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// On every connection as soon as its last answer is there.
    Closed,
    /// So many a second over all connections, whatever the server does; who has no free connection waits for one.
    Open {
        /// Requests a second.
        per_second: NonZeroU32,
    },
}

/// Whose turn it is, shared by all connections.
#[derive(Debug)]
pub(super) struct Schedule {
    pace: Pace,
    duration: Duration,
    first_number: u64,
    taken: AtomicU64,
    sent: AtomicU64,
}

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) number: u64,
    /// When it is to be sent; at once without.
    pub(super) due: Option<Instant>,
}

impl Schedule {
    pub(super) fn new(pace: Pace, duration: Duration, first_number: u64) -> Self {
        Self { pace, duration, first_number, taken: AtomicU64::new(0), sent: AtomicU64::new(0) }
    }

    /// The next request of a run that began at `start`; `None` when there is none left, or it takes too long.
    pub(super) fn next(&self, start: Instant) -> Option<Turn> {
        let index = self.taken.fetch_add(1, Ordering::Relaxed);
        let since_start = start.elapsed();
        let due = match self.pace {
            Pace::Closed if since_start < self.duration => None,
            Pace::Open { per_second } if index < self.total(per_second) && since_start < self.duration * OVERTIME => {
                Some(start + due_after(index, per_second))
            }
            Pace::Closed | Pace::Open { .. } => return None,
        };
        self.sent.fetch_add(1, Ordering::Relaxed);
        Some(Turn { number: self.first_number + index, due })
    }

    /// Requests that should have been sent and were not.
    pub(super) fn unsent(&self) -> u64 {
        match self.pace {
            Pace::Closed => 0,
            Pace::Open { per_second } => self.total(per_second) - self.sent.load(Ordering::Relaxed),
        }
    }

    /// A number above all that were used.
    pub(super) fn next_number(&self) -> u64 {
        self.first_number + self.taken.load(Ordering::Relaxed)
    }

    fn total(&self, per_second: NonZeroU32) -> u64 {
        let millis = u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX);
        millis.saturating_mul(u64::from(per_second.get())) / 1_000
    }
}

/// When request `index` is due.
fn due_after(index: u64, per_second: NonZeroU32) -> Duration {
    let rate = u64::from(per_second.get());
    Duration::from_secs(index / rate) + Duration::from_secs(1).mul_f64(fraction(index % rate, per_second))
}

fn fraction(part: u64, whole: NonZeroU32) -> f64 {
    u32::try_from(part).map_or(0.0, |part| f64::from(part) / f64::from(whole.get()))
}

/// Returns at that moment, or at once if it has passed.
pub(super) fn wait_until(due: Instant) {
    let left = due.saturating_duration_since(Instant::now());
    if left > AWAKE {
        thread::sleep(left - AWAKE);
    }
    while Instant::now() < due {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(per_second: u32, duration: Duration) -> Schedule {
        Schedule::new(Pace::Open { per_second: NonZeroU32::new(per_second).unwrap() }, duration, 7)
    }

    #[test]
    fn a_rate_has_its_requests_at_equal_distances() {
        let schedule = open(4, Duration::from_secs(2));
        let start = Instant::now();
        let turns: Vec<_> = std::iter::from_fn(|| schedule.next(start)).collect();
        let due: Vec<_> = turns.iter().map(|turn| (turn.due.unwrap() - start).as_millis()).collect();
        assert_eq!(due, [0, 250, 500, 750, 1_000, 1_250, 1_500, 1_750]);
        assert_eq!(turns.iter().map(|turn| turn.number).collect::<Vec<_>>(), (7..15).collect::<Vec<_>>());
        assert_eq!(schedule.unsent(), 0);
        assert!(schedule.next_number() >= 15);
    }

    #[test]
    fn a_server_that_does_not_keep_up_leaves_requests_unsent() {
        let schedule = open(10, Duration::from_secs(1));
        let long_ago = Instant::now().checked_sub(Duration::from_secs(3)).unwrap();
        assert_eq!(schedule.next(long_ago), None);
        assert_eq!(schedule.unsent(), 10);
    }

    #[test]
    fn without_a_rate_it_ends_with_the_time() {
        let schedule = Schedule::new(Pace::Closed, Duration::from_secs(1), 0);
        assert_eq!(schedule.next(Instant::now()), Some(Turn { number: 0, due: None }));
        assert_eq!(schedule.next(Instant::now().checked_sub(Duration::from_secs(1)).unwrap()), None);
    }
}
