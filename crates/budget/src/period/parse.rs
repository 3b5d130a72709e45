//! Periods as people write them.

use std::time::Duration;

use chrono_tz::Tz;

use super::{Period, WindowLength};

/// A text that is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPeriod {
    /// Nothing of what is understood.
    #[error(
        "`{text}` is no window: it takes `minute`, `hour`, `day`, `month`, or a length such as `90s`, `15m`, `6h`, `7d`"
    )]
    Unknown {
        /// What was given.
        text: String,
    },
    /// Calendar windows do not slide.
    #[error("a calendar {text} does not slide: a length such as `24h` does")]
    CalendarSlides {
        /// What was given.
        text: String,
    },
}

impl Period {
    /// Reads `day` and `month` as those of `zone`'s calendar, `minute`, `hour` and lengths such as `90s`, `15m`, `6h` and
    /// `7d` as fixed windows, or as sliding ones.
    ///
    /// # Errors
    ///
    /// [`BadPeriod`].
    pub fn parse(text: &str, slides: bool, zone: Tz) -> Result<Self, BadPeriod> {
        let unknown = || BadPeriod::Unknown { text: text.to_owned() };
        let length = match text {
            "day" | "month" if slides => return Err(BadPeriod::CalendarSlides { text: text.to_owned() }),
            "day" => return Ok(Self::Day(zone)),
            "month" => return Ok(Self::Month(zone)),
            "minute" => 60,
            "hour" => 3_600,
            _ => seconds(text).ok_or_else(unknown)?,
        };
        let length = WindowLength::try_new(Duration::from_secs(length)).map_err(|_| unknown())?;
        Ok(if slides { Self::Sliding(length) } else { Self::Fixed(length) })
    }
}

fn seconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<u64>().ok().filter(|_| is_number)?.checked_mul(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_as_people_write_them() {
        let zone = Tz::Africa__Johannesburg;
        let read = |text: &str, slides| Period::parse(text, slides, zone).map(|period| period.to_string());
        let table = [
            ("day", false, "day Africa/Johannesburg"),
            ("month", false, "month Africa/Johannesburg"),
            ("minute", true, "sliding 60 s"),
            ("hour", false, "fixed 3600 s"),
            ("90s", false, "fixed 90 s"),
            ("15m", true, "sliding 900 s"),
            ("7d", false, "fixed 604800 s"),
        ];
        for (text, slides, expected) in table {
            assert_eq!(read(text, slides), Ok(expected.to_owned()));
        }
        assert!(matches!(Period::parse("day", true, zone), Err(BadPeriod::CalendarSlides { .. })));
        for text in ["", "s", "0s", "+1s", "1", "1w", "367d", "18446744073709551615d", "é"] {
            assert!(matches!(Period::parse(text, false, zone), Err(BadPeriod::Unknown { .. })), "{text}");
        }
    }
}
