//! Object keys: `{prefix/}{YYYYMMDD}/{start}_{end}_{8 hex}.log.gz`.
//!
//! Source: the names Logpush gives its objects (`20260418/20260418T000210Z_20260418T000243Z_a3cfe972.log.gz`); the
//! vendor does not document them, readers of real buckets do. Whatever else lies in a bucket is no log: the caller
//! ignores and counts it by [`NotALog`].

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Timelike, Utc};
use gatelog_model::TimestampMicros;

/// Length of `YYYYMMDD`.
const DATE_LEN: usize = 8;
/// Length of `YYYYMMDDTHHMMSSZ`.
const TIME_LEN: usize = 16;
/// Length of `{start}_{end}_{8 hex}.log.gz`.
const NAME_LEN: usize = TIME_LEN + 1 + TIME_LEN + 1 + 8 + EXTENSION.len();
const EXTENSION: &str = ".log.gz";

/// The key of a log object.
///
/// Two sentences always hold: the prefix is empty or ends in `/`, and both times are whole seconds. So printing and
/// parsing are inverse to each other, whatever bytes the prefix has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogKey {
    prefix: String,
    date: NaiveDate,
    start: TimestampMicros,
    end: TimestampMicros,
    suffix: u32,
}

/// Why a key of the bucket is not that of a log object; a small fixed set, so that it can label a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotALog {
    /// The token file by which a destination proves its owner (`ownership-challenge-ab12.txt`).
    OwnershipChallenge,
    /// What a destination is tried with when it is set up (`test.txt.gz`).
    TestObject,
    /// Anything else.
    Other,
}

impl NotALog {
    /// The label used in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OwnershipChallenge => "ownership_challenge",
            Self::TestObject => "test_object",
            Self::Other => "other",
        }
    }

    fn classify(key: &str) -> Self {
        let name = key.rsplit('/').next().unwrap_or(key);
        match name {
            "test.txt" | "test.txt.gz" => Self::TestObject,
            _ if name.starts_with("ownership-challenge") && name.ends_with(".txt") => Self::OwnershipChallenge,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for NotALog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for NotALog {}

impl LogKey {
    /// Names the object of the lines between two instants; the day folder is the start's.
    ///
    /// `start` is cut down and `end` rounded up to the second, so that the window in the key covers the lines. A prefix
    /// without its final `/` gets one.
    pub fn new(prefix: &str, start: TimestampMicros, end: TimestampMicros, suffix: u32) -> Self {
        let floor = |at: TimestampMicros| TimestampMicros::clamped(whole_second(at.to_datetime()));
        let rounded = floor(end);
        // The last second of the year 9999 has no next one: it stays.
        let end = if rounded == end { end } else { floor(rounded.plus_seconds(1)) };
        Self { prefix: folder_prefix(prefix), date: start.date(), start: floor(start), end, suffix }
    }

    /// Reads a key, or says what kind of other thing it names.
    ///
    /// # Errors
    ///
    /// [`NotALog`] for every key that Logpush would not have written: no day folder, impossible dates, upper-case hex,
    /// another extension. An end before the start is not judged.
    pub fn parse(key: &str) -> Result<Self, NotALog> {
        parse_parts(key).ok_or_else(|| NotALog::classify(key))
    }

    /// What stands before the day folder, with its final `/`; empty at the root of the bucket.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The day folder.
    pub fn date(&self) -> NaiveDate {
        self.date
    }

    /// Start of the time window, a whole second.
    pub fn start(&self) -> TimestampMicros {
        self.start
    }

    /// End of the time window, a whole second; may equal the start.
    pub fn end(&self) -> TimestampMicros {
        self.end
    }

    /// The number that tells objects of one window apart.
    pub fn suffix(&self) -> u32 {
        self.suffix
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/", self.prefix, Day(self.date))?;
        write!(f, "{}_{}_{:08x}{EXTENSION}", Second(self.start), Second(self.end), self.suffix)
    }
}

/// The prefix under which a day's objects are listed, `{prefix/}{YYYYMMDD}/`; a prefix without its final `/` gets one.
pub fn day_prefix(prefix: &str, date: NaiveDate) -> String {
    format!("{}{}/", folder_prefix(prefix), Day(date))
}

/// A prefix as keys have it: empty, or with its final `/`.
pub fn folder_prefix(prefix: &str) -> String {
    let separator = if prefix.is_empty() || prefix.ends_with('/') { "" } else { "/" };
    format!("{prefix}{separator}")
}

fn whole_second(at: DateTime<Utc>) -> DateTime<Utc> {
    at.with_nanosecond(0).expect("every second has a first nanosecond")
}

fn parse_parts(key: &str) -> Option<LogKey> {
    let (folders, name) = key.rsplit_once('/')?;
    let day_at = folders.rfind('/').map_or(0, |slash| slash + 1);
    let (prefix, day) = folders.split_at(day_at);
    if !name.is_ascii() || name.len() != NAME_LEN {
        return None;
    }
    let mut parts = name.strip_suffix(EXTENSION)?.split('_');
    let start = parse_second(parts.next()?)?;
    let end = parse_second(parts.next()?)?;
    let suffix = parse_hex(parts.next()?)?;
    if parts.next().is_some() {
        return None;
    }
    Some(LogKey { prefix: prefix.to_owned(), date: parse_day(day)?, start, end, suffix })
}

fn digits(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

fn parse_hex(text: &str) -> Option<u32> {
    let lower = text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if lower { u32::from_str_radix(text, 16).ok() } else { None }
}

fn parse_day(text: &str) -> Option<NaiveDate> {
    if text.len() != DATE_LEN || !text.is_ascii() {
        return None;
    }
    let year = i32::try_from(digits(&text[..4])?).ok()?;
    NaiveDate::from_ymd_opt(year, digits(&text[4..6])?, digits(&text[6..])?)
}

fn parse_second(text: &str) -> Option<TimestampMicros> {
    if text.len() != TIME_LEN || !text.is_ascii() {
        return None;
    }
    let date = parse_day(&text[..8])?;
    let clock = text[8..].strip_prefix('T')?.strip_suffix('Z')?;
    let time = NaiveTime::from_hms_opt(digits(&clock[..2])?, digits(&clock[2..4])?, digits(&clock[4..])?)?;
    TimestampMicros::try_new(date.and_time(time).and_utc().timestamp_micros()).ok()
}

/// Prints `YYYYMMDD`.
struct Day(NaiveDate);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}{:02}{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

/// Prints `YYYYMMDDTHHMMSSZ`.
struct Second(TimestampMicros);

impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.to_datetime();
        write!(f, "{}T{:02}{:02}{:02}Z", Day(at.date_naive()), at.hour(), at.minute(), at.second())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: &str = "20260418T000210Z_20260418T000243Z_a3cfe972.log.gz";

    fn at(micros: i64) -> TimestampMicros {
        TimestampMicros::try_new(micros).unwrap()
    }

    #[test]
    fn keys_parse_whatever_the_prefix_has() {
        for prefix in ["", "/", "logs/", "a/b/", "100%/", "my logs/", "журнал/日志/", "//", "20260418/", "a\\b\0c/"]
        {
            let text = format!("{prefix}20260418/{NAME}");
            let key = LogKey::parse(&text).unwrap();
            assert_eq!(key.prefix(), prefix);
            assert_eq!(key.suffix(), 0xa3cf_e972);
            assert_eq!(key.start().to_string(), "2026-04-18T00:02:10.000000Z");
            assert_eq!(key.end().to_string(), "2026-04-18T00:02:43.000000Z");
            assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn everything_else_has_a_label() {
        let table = [
            ("logs/ownership-challenge-ab12.txt", NotALog::OwnershipChallenge),
            ("ownership-challenge.txt", NotALog::OwnershipChallenge),
            ("logs/20260418/test.txt.gz", NotALog::TestObject),
            ("test.txt", NotALog::TestObject),
            ("", NotALog::Other),
            (NAME, NotALog::Other),
            ("logs/20260418T000210Z_20260418T000243Z_a3cfe972.log.gz", NotALog::Other),
            ("20260431/20260418T000210Z_20260418T000243Z_a3cfe972.log.gz", NotALog::Other),
            ("20260418/20260418T000210Z_20260418T000243Z_A3CFE972.log.gz", NotALog::Other),
            ("20260418/20260418T000260Z_20260418T000243Z_a3cfe972.log.gz", NotALog::Other),
            ("20260418/20260418T000210Z_20260418T000243Z_a3cfe972.log", NotALog::Other),
            ("20260418/20260418T000210Z_20260418T000243Z_+3cfe972.log.gz", NotALog::Other),
            ("20260418/+0260418T000210Z_20260418T000243Z_a3cfe972.log.gz", NotALog::Other),
            ("20260418/19690418T000210Z_20260418T000243Z_a3cfe972.log.gz", NotALog::Other),
            ("2026041é/20260418T000210Z_20260418T000243Z_a3cfe972.log.gz", NotALog::Other),
            ("20260418/2026041éT00021Z_20260418T000243Z_a3cfe972.log.gz", NotALog::Other),
        ];
        for (key, label) in table {
            assert_eq!(LogKey::parse(key), Err(label), "{key}");
        }
    }

    #[test]
    fn new_keys_cover_their_lines() {
        let key = LogKey::new("logs", at(1_500_000), at(2_000_001), 7);
        assert_eq!(key.to_string(), "logs/19700101/19700101T000001Z_19700101T000003Z_00000007.log.gz");
        let whole = LogKey::new("", at(1_000_000), at(1_000_000), 7);
        assert_eq!(whole.start(), whole.end());
        let last = LogKey::new("", TimestampMicros::MAX, TimestampMicros::MAX, 7);
        assert_eq!(LogKey::parse(&last.to_string()), Ok(last));
    }

    #[test]
    fn a_day_is_listed_by_the_prefix_of_its_keys() {
        let date = NaiveDate::from_ymd_opt(2026, 4, 18).unwrap();
        assert_eq!(day_prefix("", date), "20260418/");
        assert_eq!(day_prefix("logs", date), "logs/20260418/");
        assert_eq!(day_prefix("logs/", date), "logs/20260418/");
    }

    proptest! {
        #[test]
        fn parse_inverts_print(prefix in "\\PC{0,20}", start in 0..=TimestampMicros::MAX.micros(), length in 0..400_000_000_i64, suffix: u32) {
            let end = at(start.saturating_add(length).min(TimestampMicros::MAX.micros()));
            let key = LogKey::new(&prefix, at(start), end, suffix);
            prop_assert!(key.to_string().starts_with(&day_prefix(&prefix, key.date())));
            prop_assert_eq!(LogKey::parse(&key.to_string()), Ok(key));
        }

        #[test]
        fn no_key_panics_and_what_parses_prints_the_same(key in "\\PC{0,80}", tail in "[0-9TZ_a-f./]{0,60}") {
            let key = key + &tail;
            if let Ok(parsed) = LogKey::parse(&key) {
                prop_assert_eq!(parsed.to_string(), key);
            }
        }
    }
}
