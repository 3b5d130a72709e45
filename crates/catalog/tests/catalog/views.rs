//! The views that others depend on.

use std::collections::BTreeMap;

use crate::common::{BUCKET, Fixture, Lines, at, batch, cell, events, key, listed, reject};
use gatelog_catalog::{CommitBatch, GapKind, Listed, Quarantine, ZoneError};
use gatelog_model::{Outcome, PicoUsd, QuarantineReason, RejectReason, TimestampMicros};
use gatelog_rollup::{Rollup, RollupCell, RollupKey};
use sqlx::Row as _;
use uuid::Uuid;

async fn commit(fixture: &Fixture, cells: Vec<(RollupKey, RollupCell)>) {
    let rollup: Rollup = cells.into_iter().collect();
    let requests = rollup.iter().map(|(_, cell)| cell.requests).sum();
    let claims = fixture.claimed(1, Uuid::new_v4()).await;
    fixture.commit(&CommitBatch { rollup, ..batch(1, &[(&claims[0], events(0..requests))]) }).await;
}

#[tokio::test]
async fn costs_are_exact_and_percentiles_are_of_the_sum() {
    let fixture = Fixture::new().await;
    let mut fast = cell(3);
    // 23 digits: what a division would round.
    fast.cost = PicoUsd::new(12_345_678_901_234_567_890_123);
    (0..3).for_each(|_| fast.latency.record(100));
    let mut slow = cell(1);
    slow.cost = PicoUsd::new(1);
    slow.saved = PicoUsd::new(5);
    slow.latency.record(10_000);
    let mut unpriced = cell(2);
    unpriced.unpriced = 2;
    unpriced.cost = PicoUsd::ZERO;
    commit(
        &fixture,
        vec![
            (key("2026-04-18T00:00:00Z"), fast),
            (RollupKey { cached: true, ..key("2026-04-18T05:00:00Z") }, slow),
            (RollupKey { outcome: Outcome::Error, ..key("2026-04-18T05:00:00Z") }, unpriced),
        ],
    )
    .await;

    let sql = "SELECT *, cost_usd::text AS cost, saved_usd::text AS saved FROM gatelog.cost_daily";
    let row = sqlx::query(sql).fetch_one(&fixture.pool).await.unwrap();
    assert_eq!(row.get::<String, _>("cost"), "12345678901.234567890124");
    assert_eq!(row.get::<String, _>("saved"), "0.000000000010");
    let counts = ["requests", "cached_requests", "errors", "unpriced_requests"].map(|name| row.get::<i64, _>(name));
    assert_eq!(counts, [6, 1, 2, 2]);
    let tokens = ["input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens"];
    assert_eq!(tokens.map(|name| row.get::<i64, _>(name)), [60, 24, 18, 12]);
    let percentiles = ["p50_ms", "p95_ms", "p99_ms"].map(|name| row.get::<Option<f64>, _>(name));
    assert_eq!(percentiles, [Some(90.0), Some(8_890.0), Some(8_890.0)]);
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.cost_hourly").await, 2);
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.cost_monthly").await, 1);

    let costs = fixture.catalog.cost_by_tenant_and_model(10).await.unwrap();
    assert_eq!(costs.len(), 1);
    assert_eq!(costs[0].cost, PicoUsd::new(12_345_678_901_234_567_890_124));
    assert_eq!((costs[0].saved, costs[0].requests, costs[0].unpriced_requests), (PicoUsd::new(10), 6, 2));
}

#[tokio::test]
async fn requests_that_tell_no_duration_have_no_percentile() {
    let fixture = Fixture::new().await;
    commit(&fixture, vec![(key("2026-04-18T00:00:00Z"), cell(1))]).await;
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.cost_hourly WHERE p50_ms IS NULL").await, 1);
}

#[tokio::test]
async fn days_and_months_begin_at_midnight_in_johannesburg() {
    let fixture = Fixture::new().await;
    let hours = ["2026-01-31T21:00:00Z", "2026-01-31T22:00:00Z", "2026-02-28T21:00:00Z", "2026-02-28T22:00:00Z"];
    commit(&fixture, hours.map(|hour| (key(hour), cell(1))).into()).await;
    assert_eq!(months(&fixture).await, [("2026-01-01T00:00:00Z", 2), ("2026-02-01T00:00:00Z", 2)].map(starts).into());

    fixture.catalog.set_reporting_time_zone("Africa/Johannesburg").await.unwrap();
    let expected = [("2025-12-31T22:00:00Z", 1), ("2026-01-31T22:00:00Z", 2), ("2026-02-28T22:00:00Z", 1)];
    assert_eq!(months(&fixture).await, expected.map(starts).into());
    let days = "SELECT count(*) FROM gatelog.cost_daily WHERE period_start = '2026-01-31T22:00:00Z' AND requests = 1";
    assert_eq!(fixture.count(days).await, 1);
    let hours = "SELECT count(*) FROM gatelog.cost_hourly WHERE period_start = '2026-01-31T22:00:00Z'";
    assert_eq!(fixture.count(hours).await, 1);
}

fn starts((start, requests): (&str, i64)) -> (TimestampMicros, i64) {
    (at(start), requests)
}

async fn months(fixture: &Fixture) -> BTreeMap<TimestampMicros, i64> {
    let rows = sqlx::query("SELECT period_start, requests FROM gatelog.cost_monthly").fetch_all(&fixture.pool).await;
    rows.unwrap().iter().map(|row| (TimestampMicros::clamped(row.get(0)), row.get(1))).collect()
}

#[tokio::test]
async fn zones_whose_hours_are_not_ours_are_refused() {
    let fixture = Fixture::new().await;
    for zone in ["Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu"] {
        let error = fixture.catalog.set_reporting_time_zone(zone).await.unwrap_err();
        assert!(matches!(error, ZoneError::NotWholeHours { .. }), "{zone}: {error}");
    }
    for zone in ["", "Mars/Olympus", "UTC; DROP TABLE x", "+02:30"] {
        let error = fixture.catalog.set_reporting_time_zone(zone).await.unwrap_err();
        assert!(matches!(error, ZoneError::Unknown { .. }), "{zone}: {error}");
    }
    for zone in ["America/New_York", "Europe/Berlin", "UTC"] {
        fixture.catalog.set_reporting_time_zone(zone).await.unwrap();
    }
}

#[tokio::test]
async fn the_status_has_a_row_per_state() {
    let fixture = Fixture::new().await;
    let empty = fixture.catalog.ingest_status().await.unwrap();
    let states: Vec<_> = empty.iter().map(|row| (row.state.as_str(), row.objects, row.oldest)).collect();
    let names = ["discovered", "leased", "committed", "quarantined", "reject_open"];
    assert_eq!(states, names.map(|name| (name, 0, None)));

    let claims = fixture.claimed(4, Uuid::new_v4()).await;
    let rejects = vec![reject(1, RejectReason::NotJson), reject(2, RejectReason::NotJson)];
    fixture.commit(&batch(1, &[(&claims[1], Lines { rejects, ..events(0..3) })])).await;
    let quarantine = Quarantine { reason: QuarantineReason::CorruptGzip, offset: None };
    fixture.catalog.quarantine(&claims[2].lease, &quarantine).await.unwrap();
    fixture.catalog.release(&[claims[3].lease], crate::common::LEASE).await.unwrap();
    let status = fixture.catalog.ingest_status().await.unwrap();
    let counts: Vec<_> = status.iter().map(|row| (row.objects, row.lines)).collect();
    assert_eq!(counts, [(1, 0), (1, 0), (1, 5), (1, 0), (1, 2)]);
    assert_eq!(status[0].oldest, Some(listed(3).window_start));
    assert!(status.iter().all(|row| row.lag_seconds.unwrap() > 0.0), "{status:?}");
}

fn window(prefix: &str, start: &str, minutes: i64) -> Listed {
    let window_start = at(start);
    let key = format!("{prefix}20260418/{start}.log.gz");
    let window_end = window_start.plus_seconds(minutes * 60);
    Listed { key, etag: "e".to_owned(), size_bytes: 1, window_start, window_end }
}

/// Holes that have an end, as (prefix, start, end, kind).
async fn holes(fixture: &Fixture) -> Vec<(String, String, String, GapKind)> {
    let gaps = fixture.catalog.coverage_gaps().await.unwrap();
    let closed = gaps.into_iter().filter(|gap| gap.end < at("2026-05-01T00:00:00Z"));
    closed
        .map(|gap| {
            (gap.prefix, gap.start.to_string()[5..16].to_owned(), gap.end.to_string()[5..16].to_owned(), gap.kind)
        })
        .collect()
}

#[tokio::test]
async fn holes_in_steady_traffic_are_gaps_and_others_are_idle() {
    let fixture = Fixture::new().await;
    let steady = |hours: std::ops::Range<u32>| {
        hours.map(|hour| window("steady/", &format!("2026-04-18T{hour:02}:10:00Z"), 50)).collect::<Vec<_>>()
    };
    let mut objects = steady(0..6);
    objects.extend(steady(9..14));
    // A long window covers the hours after it, whatever starts inside.
    objects.push(window("steady/", "2026-04-18T13:30:00Z", 300));
    objects.extend(steady(18..24));
    for start in ["2026-04-18T01:00:00Z", "2026-04-18T05:00:00Z", "2026-04-18T05:40:00Z"] {
        objects.push(window("thin/", start, 1));
    }
    fixture.catalog.record_listed(BUCKET, &objects).await.unwrap();
    let found = holes(&fixture).await;
    let expected = [
        ("steady/", "04-18T06:00", "04-18T09:10", GapKind::Gap),
        ("thin/", "04-18T01:01", "04-18T05:00", GapKind::Idle),
    ];
    let expected: Vec<_> =
        expected.map(|(prefix, start, end, kind)| (prefix.to_owned(), start.to_owned(), end.to_owned(), kind)).into();
    assert_eq!(found, expected);

    // Silence until now is reported too, judged by the hours before it.
    let gaps = fixture.catalog.coverage_gaps().await.unwrap();
    let open: Vec<_> = gaps.iter().filter(|gap| gap.end > at("2026-05-01T00:00:00Z")).collect();
    assert_eq!(
        open.iter().map(|gap| (gap.prefix.as_str(), gap.kind)).collect::<Vec<_>>(),
        [("steady/", GapKind::Gap), ("thin/", GapKind::Idle)]
    );
    assert_eq!(open[0].start, at("2026-04-19T00:00:00Z"));
}

#[tokio::test]
async fn a_longer_threshold_hides_shorter_holes() {
    let fixture = Fixture::new().await;
    let objects = ["2026-04-18T01:00:00Z", "2026-04-18T05:00:00Z"].map(|start| window("", start, 1));
    fixture.catalog.record_listed(BUCKET, &objects).await.unwrap();
    assert_eq!(holes(&fixture).await.len(), 1);
    let longer = "UPDATE gatelog.setting SET value = '18000' WHERE key = 'coverage_hole_seconds'";
    sqlx::query(longer).execute(&fixture.pool).await.unwrap();
    assert_eq!(holes(&fixture).await.len(), 0);
}
