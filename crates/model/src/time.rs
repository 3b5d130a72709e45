//! Instants as the lake stores them: microseconds since 1970, UTC.

use std::fmt;

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_HOUR: i64 = 3_600 * MICROS_PER_SECOND;
const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;

/// An instant in microseconds since 1970-01-01T00:00:00Z, between the years 1970 and 9999.
///
/// The range is what every reader of the lake can print; the constructor refuses anything else, so no later stage has to
/// think about overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimestampMicros(i64);

/// An instant outside the years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("instant of {micros} us is outside the years 1970 to 9999")]
pub struct TimestampOutOfRange {
    /// The refused value, microseconds since 1970.
    pub micros: i64,
}

impl TimestampMicros {
    /// The first instant of 1970.
    pub const MIN: Self = Self(0);
    /// The last microsecond of the year 9999.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// Checks the range.
    ///
    /// # Errors
    ///
    /// [`TimestampOutOfRange`] before 1970 and after 9999.
    pub fn try_new(micros: i64) -> Result<Self, TimestampOutOfRange> {
        if (Self::MIN.0..=Self::MAX.0).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(TimestampOutOfRange { micros })
        }
    }

    /// Takes the nearest instant in range.
    pub fn clamped(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_micros().clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Whole days since 1970: the lake's partition value.
    pub fn day(self) -> i32 {
        i32::try_from(self.0 / MICROS_PER_DAY).expect("the year 9999 is day 2,932,896")
    }

    /// The first instant of a day counted from 1970, the nearest one in range.
    pub fn start_of_day(day: i32) -> Self {
        Self(i64::from(day).saturating_mul(MICROS_PER_DAY).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// The start of the hour, the rollup's grain.
    pub fn hour(self) -> Self {
        Self(self.0 - self.0 % MICROS_PER_HOUR)
    }

    /// The calendar date, UTC.
    pub fn date(self) -> NaiveDate {
        self.to_datetime().date_naive()
    }

    /// The same instant as chrono's type, for the edges that speak it.
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).expect("chrono covers the years 1970 to 9999")
    }

    /// Moved by whole seconds, kept in range.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        let micros = self.0.saturating_add(seconds.saturating_mul(MICROS_PER_SECOND));
        Self(micros.clamp(Self::MIN.0, Self::MAX.0))
    }
}

impl fmt::Display for TimestampMicros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.to_datetime();
        // By hand: chrono reads a format anew each time, and every audit record has one of these.
        let (year, month, day) = (at.year(), at.month(), at.day());
        let (hour, minute, second, micros) = (at.hour(), at.minute(), at.second(), at.timestamp_subsec_micros());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;

    use super::*;

    #[test]
    fn the_range_is_checked_and_days_and_hours_are_cut_down() {
        assert!(TimestampMicros::try_new(-1).is_err());
        assert!(TimestampMicros::try_new(TimestampMicros::MAX.micros() + 1).is_err());
        let at = TimestampMicros::try_new(MICROS_PER_DAY * 3 + MICROS_PER_HOUR * 5 + 7).unwrap();
        assert_eq!(at.day(), 3);
        assert_eq!(TimestampMicros::start_of_day(3).to_string(), "1970-01-04T00:00:00.000000Z");
        assert_eq!(at.hour().micros(), MICROS_PER_DAY * 3 + MICROS_PER_HOUR * 5);
        assert_eq!(at.to_string(), "1970-01-04T05:00:00.000007Z");
        assert_eq!(TimestampMicros::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn it_is_written_as_rfc_3339_has_it() {
        // A step that no unit of time divides: 25,000 instants.
        for micros in (0..=TimestampMicros::MAX.micros()).step_by(10_141_204_801_859) {
            let at = TimestampMicros::try_new(micros).unwrap();
            assert_eq!(at.to_string(), at.to_datetime().to_rfc3339_opts(SecondsFormat::Micros, true));
        }
    }
}
