//! Single values, read with the tolerance that other writers of the format need.

use std::borrow::Cow;

use chrono::DateTime;
use gatelog_model::{RejectReason, TimestampMicros};

use super::object::Value;

const BAD_FIELD: RejectReason = RejectReason::BadField;

/// Integers below this are seconds (until the year 5138), below the next milliseconds, then microseconds, then
/// nanoseconds. Read as milliseconds the same bound is March 1973, before any log.
const SECONDS_MAX: u128 = 100_000_000_000;
const MILLIS_MAX: u128 = SECONDS_MAX * 1_000;
const MICROS_MAX: u128 = MILLIS_MAX * 1_000;

/// A string; null is as good as absent.
pub(super) fn text(value: Value<'_>) -> Result<Option<Cow<'_, str>>, RejectReason> {
    match value {
        Value::Text(text) => Ok(Some(text)),
        Value::Other(other) if other.get() == "null" => Ok(None),
        Value::Other(_) => Err(BAD_FIELD),
    }
}

/// A bool, also as the string or number that some writers make of it.
pub(super) fn boolean(value: &Value<'_>) -> Result<Option<bool>, RejectReason> {
    let text = bare(value);
    let is_any_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_any_of(&["true", "1", "hit"]) {
        Ok(Some(true))
    } else if is_any_of(&["false", "0", "miss"]) {
        Ok(Some(false))
    } else if is_any_of(&["null", ""]) {
        Ok(None)
    } else {
        Err(BAD_FIELD)
    }
}

/// An integer that is not negative, also as a string of digits.
pub(super) fn count(value: &Value<'_>) -> Result<Option<i32>, RejectReason> {
    match bare(value) {
        "null" | "" => Ok(None),
        digits => digits.parse().ok().filter(|count| *count >= 0).map(Some).ok_or(BAD_FIELD),
    }
}

/// An instant in any of Logpush's five formats, or in milli- or microseconds. Instants outside the years 1970 to 9999
/// come back as the nearest one inside.
pub(super) fn instant(value: &Value<'_>) -> Result<Option<TimestampMicros>, RejectReason> {
    let text = bare(value);
    if matches!(text, "null" | "") {
        return Ok(None);
    }
    if let Ok(number) = text.parse::<i128>() {
        return Ok(Some(from_number(number)));
    }
    DateTime::parse_from_rfc3339(text).map(|at| Some(TimestampMicros::clamped(at.to_utc()))).map_err(|_| BAD_FIELD)
}

fn from_number(number: i128) -> TimestampMicros {
    let micros = match number.unsigned_abs() {
        ..SECONDS_MAX => number * 1_000_000,
        SECONDS_MAX..MILLIS_MAX => number * 1_000,
        MILLIS_MAX..MICROS_MAX => number,
        _ => number.div_euclid(1_000),
    };
    let nearest = micros.clamp(TimestampMicros::MIN.micros().into(), TimestampMicros::MAX.micros().into());
    i64::try_from(nearest).ok().and_then(|micros| TimestampMicros::try_new(micros).ok()).expect("clamped to the range")
}

/// A string's text, or the value itself when it is none.
fn bare<'v>(value: &'v Value<'_>) -> &'v str {
    match value {
        Value::Text(text) => text,
        Value::Other(other) => other.get(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(raw: &str) -> Value<'_> {
        match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(text) => Value::Text(text.into()),
            None => Value::Other(serde_json::from_str(raw).unwrap()),
        }
    }

    #[test]
    fn instants_of_every_format_are_the_same_one() {
        let table = [
            ("1708213921", "2024-02-17T23:52:01.000000Z"),
            ("1708213921123", "2024-02-17T23:52:01.123000Z"),
            ("1708213921123456", "2024-02-17T23:52:01.123456Z"),
            ("1708213921123456789", "2024-02-17T23:52:01.123456Z"),
            (r#""1708213921""#, "2024-02-17T23:52:01.000000Z"),
            (r#""2024-02-17T23:52:01Z""#, "2024-02-17T23:52:01.000000Z"),
            (r#""2024-02-17T23:52:01.123Z""#, "2024-02-17T23:52:01.123000Z"),
            (r#""2024-02-17T23:52:01.123456789Z""#, "2024-02-17T23:52:01.123456Z"),
            (r#""2024-02-18T01:52:01+02:00""#, "2024-02-17T23:52:01.000000Z"),
            (r#""9999-12-31T23:59:59.999999999Z""#, "9999-12-31T23:59:59.999999Z"),
            (r#""0001-01-01T00:00:00Z""#, "1970-01-01T00:00:00.000000Z"),
            ("-5", "1970-01-01T00:00:00.000000Z"),
            ("0", "1970-01-01T00:00:00.000000Z"),
            ("99999999999", "5138-11-16T09:46:39.000000Z"),
            ("18446744073709551615", "2554-07-21T23:34:33.709551Z"),
            ("99999999999999999999999999999999999999", "9999-12-31T23:59:59.999999Z"),
        ];
        for (raw, printed) in table {
            assert_eq!(instant(&value_of(raw)).unwrap().unwrap().to_string(), printed, "{raw}");
        }
        for raw in ["null", r#""""#] {
            assert_eq!(instant(&value_of(raw)), Ok(None), "{raw}");
        }
        for raw in ["true", r#""yesterday""#, "1.5", "{}", r#""2024-02-30T00:00:00Z""#] {
            assert_eq!(instant(&value_of(raw)), Err(BAD_FIELD), "{raw}");
        }
    }

    #[test]
    fn counts_and_bools_are_read_from_strings_too() {
        for (raw, value) in
            [("200", Some(200)), (r#""429""#, Some(429)), ("0", Some(0)), ("null", None), (r#""""#, None)]
        {
            assert_eq!(count(&value_of(raw)), Ok(value), "{raw}");
        }
        for raw in ["-1", "2147483648", "2e2", "200.0", "true", "[]", r#""ok""#] {
            assert_eq!(count(&value_of(raw)), Err(BAD_FIELD), "{raw}");
        }
        for raw in ["true", r#""true""#, r#""True""#, "1", r#""HIT""#] {
            assert_eq!(boolean(&value_of(raw)), Ok(Some(true)), "{raw}");
        }
        for raw in ["false", r#""false""#, "0", r#""miss""#] {
            assert_eq!(boolean(&value_of(raw)), Ok(Some(false)), "{raw}");
        }
        for raw in ["2", r#""maybe""#, "[]", "{}"] {
            assert_eq!(boolean(&value_of(raw)), Err(BAD_FIELD), "{raw}");
        }
    }
}
