//! The windows of a budget: which one an instant lies in. Pure; every window is half-open, `[start, end)`.

mod calendar;
mod parse;

use std::{fmt, time::Duration};

use chrono_tz::Tz;
use gatelog_model::TimestampMicros;

pub use parse::BadPeriod;

/// Longest fixed or sliding window: a leap year. Longer ones would outlive the records that could correct them.
pub const WINDOW_SECONDS_MAX: u64 = 366 * 86_400;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// The length of a fixed or sliding window: whole seconds, 1 to [`WINDOW_SECONDS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowLength(u32);

/// A length that no window can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the window of a budget has 1 to {WINDOW_SECONDS_MAX} whole seconds, not {length:?}")]
pub struct BadWindowLength {
    /// What was given.
    pub length: Duration,
}

impl WindowLength {
    /// Checks the range.
    ///
    /// # Errors
    ///
    /// [`BadWindowLength`].
    pub fn try_new(length: Duration) -> Result<Self, BadWindowLength> {
        let whole = length.subsec_nanos() == 0 && (1..=WINDOW_SECONDS_MAX).contains(&length.as_secs());
        let seconds = u32::try_from(length.as_secs()).map_err(|_| BadWindowLength { length })?;
        if whole { Ok(Self(seconds)) } else { Err(BadWindowLength { length }) }
    }

    /// The length in seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }

    fn micros(self) -> i64 {
        i64::from(self.0) * MICROS_PER_SECOND
    }
}

/// How time is cut into windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Windows of one length, the first of which began with 1970.
    Fixed(WindowLength),
    /// The same windows, but what was used in the one before counts for as much of it as a window that ends now overlaps:
    /// [Cloudflare's sliding window](https://blog.cloudflare.com/counting-things-a-lot-of-different-things/).
    Sliding(WindowLength),
    /// Calendar days of a time zone: 23 or 25 hours when its clocks change.
    Day(Tz),
    /// Calendar months of a time zone.
    Month(Tz),
}

/// One window, `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// Its first instant.
    pub start: TimestampMicros,
    /// The first instant after it.
    pub end: TimestampMicros,
}

impl Period {
    /// The one window that `at` lies in.
    pub fn window_at(&self, at: TimestampMicros) -> Window {
        match self {
            Self::Fixed(length) | Self::Sliding(length) => {
                let length = length.micros();
                let start = at.micros() - at.micros() % length;
                Window { start: clamped(start), end: clamped(start + length) }
            }
            Self::Day(zone) => calendar::day(*zone, at),
            Self::Month(zone) => calendar::month(*zone, at),
        }
    }

    /// The window whose use still counts in part during `window`; only sliding ones have it.
    pub fn carries_from(&self, window: Window) -> Option<Window> {
        match self {
            Self::Sliding(length) => {
                Some(Window { start: clamped(window.start.micros() - length.micros()), end: window.start })
            }
            Self::Fixed(_) | Self::Day(_) | Self::Month(_) => None,
        }
    }

    /// The label in configuration and SQL.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Fixed(_) => "fixed",
            Self::Sliding(_) => "sliding",
            Self::Day(_) => "day",
            Self::Month(_) => "month",
        }
    }
}

/// Reads like `day Africa/Johannesburg` or `sliding 60 s`.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(length) | Self::Sliding(length) => write!(f, "{} {} s", self.label(), length.seconds()),
            Self::Day(zone) | Self::Month(zone) => write!(f, "{} {}", self.label(), zone.name()),
        }
    }
}

impl Window {
    /// Whether `at` lies in it.
    pub fn contains(&self, at: TimestampMicros) -> bool {
        self.start <= at && at < self.end
    }

    /// How long it is.
    pub fn length(&self) -> Duration {
        self.end.since(self.start)
    }

    /// How much of it is left at `at`; nothing when it is over.
    pub fn left(&self, at: TimestampMicros) -> Duration {
        self.end.since(at)
    }
}

/// The time from one instant to a later one.
pub(crate) trait Since {
    /// How long after `earlier` this is; zero if it is not after it.
    fn since(self, earlier: Self) -> Duration;
}

impl Since for TimestampMicros {
    fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.micros() - earlier.micros()).unwrap_or(0))
    }
}

fn clamped(micros: i64) -> TimestampMicros {
    TimestampMicros::try_new(micros.clamp(0, TimestampMicros::MAX.micros())).unwrap_or(TimestampMicros::MAX)
}

#[cfg(test)]
mod tests;
