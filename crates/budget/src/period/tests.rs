use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::*;

/// Zones whose clocks do something unusual: change at midnight, or across it, by half an hour, or skip a day.
const ZONES: [Tz; 10] = [
    Tz::UTC,
    Tz::Africa__Johannesburg,
    Tz::Europe__Berlin,
    Tz::America__Sao_Paulo,
    Tz::America__Havana,
    Tz::America__St_Johns,
    Tz::Australia__Lord_Howe,
    Tz::Pacific__Apia,
    Tz::Africa__Cairo,
    Tz::Asia__Kathmandu,
];

/// From 1971 to 2100, in microseconds.
const RANGE: std::ops::Range<i64> = 31_536_000_000_000..4_102_444_800_000_000;

fn at(text: &str) -> TimestampMicros {
    TimestampMicros::clamped(text.parse::<DateTime<Utc>>().unwrap())
}

fn fixed(seconds: u64) -> Period {
    Period::Fixed(WindowLength::try_new(Duration::from_secs(seconds)).unwrap())
}

fn window(start: &str, end: &str) -> Window {
    Window { start: at(start), end: at(end) }
}

fn periods() -> impl Strategy<Value = Period> {
    let length =
        (1..=WINDOW_SECONDS_MAX).prop_map(|seconds| WindowLength::try_new(Duration::from_secs(seconds)).unwrap());
    let zone = prop::sample::select(ZONES.as_slice());
    prop_oneof![
        length.clone().prop_map(Period::Fixed),
        length.prop_map(Period::Sliding),
        zone.clone().prop_map(Period::Day),
        zone.prop_map(Period::Month),
    ]
}

proptest! {
    #[test]
    fn every_instant_lies_in_exactly_one_window_and_windows_tile(period in periods(), micros in RANGE) {
        let instant = TimestampMicros::try_new(micros).unwrap();
        let found = period.window_at(instant);
        prop_assert!(found.contains(instant), "{found:?}");
        let just = |micros: i64| TimestampMicros::try_new(micros).unwrap();
        // The same from its first instant to its last, and its neighbours touch it.
        prop_assert_eq!(period.window_at(found.start), found);
        prop_assert_eq!(period.window_at(just(found.end.micros() - 1)), found);
        prop_assert_eq!(period.window_at(found.end).start, found.end);
        if found.start > TimestampMicros::MIN {
            prop_assert_eq!(period.window_at(just(found.start.micros() - 1)).end, found.start);
        }
    }

    #[test]
    fn a_calendar_window_begins_where_its_date_does(zone in prop::sample::select(ZONES.as_slice()), micros in RANGE) {
        let local = |micros: i64| {
            TimestampMicros::try_new(micros).unwrap().to_datetime().with_timezone(&zone).date_naive()
        };
        let found = Period::Day(zone).window_at(TimestampMicros::try_new(micros).unwrap());
        let date = local(found.start.micros());
        prop_assert!(local(found.start.micros() - 1) < date, "not yet that day a microsecond before");
        let hours = found.length().as_secs() / 1_800;
        prop_assert!((44..=52).contains(&hours), "{} half hours", hours);
        let month = Period::Month(zone).window_at(found.start);
        prop_assert!(month.start <= found.start && found.end <= month.end, "days do not straddle months");
    }
}

#[test]
fn days_are_longer_or_shorter_when_clocks_change() {
    let berlin = Period::Day(Tz::Europe__Berlin);
    assert_eq!(berlin.window_at(at("2026-03-29T12:00:00Z")), window("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"));
    assert_eq!(berlin.window_at(at("2026-10-25T12:00:00Z")), window("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"));
    // Midnight was skipped: 4 November 2018 began at 01:00.
    let sao_paulo = Period::Day(Tz::America__Sao_Paulo);
    assert_eq!(sao_paulo.window_at(at("2018-11-04T12:00:00Z")), window("2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"));
    // Midnight came twice: 1 November 2026 begins with the first.
    let havana = Period::Day(Tz::America__Havana);
    assert_eq!(havana.window_at(at("2026-11-01T05:30:00Z")), window("2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"));
    // 00:01 back to 23:01: what comes again of 31 October 2009 belongs to 1 November.
    let st_johns = Period::Day(Tz::America__St_Johns);
    assert_eq!(st_johns.window_at(at("2009-11-01T02:45:00Z")).start, at("2009-11-01T02:30:00Z"));
    // Samoa had no 30 December 2011.
    let apia = Period::Day(Tz::Pacific__Apia);
    assert_eq!(apia.window_at(at("2011-12-30T09:59:59Z")), window("2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"));
    assert_eq!(apia.window_at(at("2011-12-30T10:00:00Z")), window("2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"));
}

#[test]
fn months_follow_the_zone_and_the_calendar() {
    let johannesburg = Period::Month(Tz::Africa__Johannesburg);
    assert_eq!(
        johannesburg.window_at(at("2028-02-29T21:59:59Z")),
        window("2028-01-31T22:00:00Z", "2028-02-29T22:00:00Z")
    );
    assert_eq!(
        johannesburg.window_at(at("2026-12-31T22:00:00Z")),
        window("2026-12-31T22:00:00Z", "2027-01-31T22:00:00Z")
    );
}

#[test]
fn fixed_windows_are_aligned_to_the_epoch_and_sliding_ones_know_the_one_before() {
    assert_eq!(fixed(7).window_at(TimestampMicros::MIN.plus_seconds(20)).start, TimestampMicros::MIN.plus_seconds(14));
    let minute = WindowLength::try_new(Duration::from_secs(60)).unwrap();
    let current = Period::Sliding(minute).window_at(at("2026-11-24T10:00:30Z"));
    assert_eq!(
        Period::Sliding(minute).carries_from(current),
        Some(window("2026-11-24T09:59:00Z", "2026-11-24T10:00:00Z"))
    );
    assert_eq!(Period::Fixed(minute).carries_from(current), None);
}

#[test]
fn lengths_are_whole_seconds_up_to_a_leap_year() {
    assert!(WindowLength::try_new(Duration::ZERO).is_err());
    assert!(WindowLength::try_new(Duration::from_millis(1_500)).is_err());
    assert!(WindowLength::try_new(Duration::from_secs(WINDOW_SECONDS_MAX + 1)).is_err());
    assert!(WindowLength::try_new(Duration::from_secs(u64::MAX)).is_err());
    assert_eq!(WindowLength::try_new(Duration::from_secs(60)).unwrap().seconds(), 60);
}
