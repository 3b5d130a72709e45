//! Days and months of a time zone as instants.
//!
//! A day begins with the first instant whose local time is midnight or, where the clocks skip midnight, with the first
//! instant after the gap. Where clocks are set back across midnight (Newfoundland until 2011: 00:01 to 23:01) a local date
//! comes, goes and comes again; the day has begun with its first midnight, so windows tile whatever the clocks do.

use chrono::{
    DateTime, Datelike as _, Days, MappedLocalTime, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc,
};
use chrono_tz::Tz;
use gatelog_model::TimestampMicros;

use super::Window;

/// The widest gap in the tz database is the day that Samoa skipped in 2011; a second one is margin.
const GAP_SECONDS_MAX: i64 = 2 * 86_400;

pub(super) fn day(zone: Tz, at: TimestampMicros) -> Window {
    let date = local_date(zone, at);
    window(zone, at, date, |date| date.checked_add_days(Days::new(1)), |date| date.checked_sub_days(Days::new(1)))
}

pub(super) fn month(zone: Tz, at: TimestampMicros) -> Window {
    let date = local_date(zone, at);
    let first = date.with_day(1).unwrap_or(date);
    window(
        zone,
        at,
        first,
        |first| first.checked_add_months(Months::new(1)),
        |first| first.checked_sub_months(Months::new(1)),
    )
}

fn local_date(zone: Tz, at: TimestampMicros) -> NaiveDate {
    at.to_datetime().with_timezone(&zone).date_naive()
}

/// Walks from the period of the local date to the one whose bounds hold `at`; that is the same one, or its neighbour in the
/// hour in which a date comes again.
fn window(
    zone: Tz,
    at: TimestampMicros,
    guess: NaiveDate,
    next: impl Fn(NaiveDate) -> Option<NaiveDate>,
    previous: impl Fn(NaiveDate) -> Option<NaiveDate>,
) -> Window {
    let bound = |date: Option<NaiveDate>| date.map_or(TimestampMicros::MAX, |date| start_of_day(zone, date));
    let mut first = guess;
    while let Some(earlier) = previous(first).filter(|_| at < start_of_day(zone, first)) {
        first = earlier;
    }
    while let Some(later) = next(first).filter(|later| at >= start_of_day(zone, *later)) {
        first = later;
    }
    Window { start: start_of_day(zone, first), end: bound(next(first)) }
}

fn start_of_day(zone: Tz, date: NaiveDate) -> TimestampMicros {
    let midnight = date.and_time(NaiveTime::MIN);
    let start = match zone.from_local_datetime(&midnight) {
        MappedLocalTime::Single(start) | MappedLocalTime::Ambiguous(start, _) => start.to_utc(),
        MappedLocalTime::None => end_of_gap(zone, date),
    };
    TimestampMicros::clamped(start)
}

/// The first instant whose local date is `date` or later, found by halving: only asked where midnight is skipped, so there
/// is one jump forward in the range and none back.
fn end_of_gap(zone: Tz, date: NaiveDate) -> DateTime<Utc> {
    let middle = date.and_time(NaiveTime::MIN).and_utc();
    let reached = |second: i64| (middle + TimeDelta::seconds(second)).with_timezone(&zone).date_naive() >= date;
    let (mut before, mut after) = (-GAP_SECONDS_MAX, GAP_SECONDS_MAX);
    while after - before > 1 {
        let half = before + (after - before) / 2;
        if reached(half) { after = half } else { before = half }
    }
    middle + TimeDelta::seconds(after)
}
