//! The rollup upsert and the histogram functions on a real Postgres.

use crate::common::{Fixture, batch, cell, events, key};
use gatelog_catalog::{CommitBatch, storable_key};
use gatelog_model::{Outcome, PicoUsd};
use gatelog_rollup::{BUCKET_COUNT, LatencyHistogram, Rollup, RollupCell, RollupKey};
use sqlx::Row as _;
use uuid::Uuid;

const HOUR: &str = "2026-04-18T00:00:00Z";

/// Commits each rollup, one object each; the number of events is that of its requests.
async fn commit(fixture: &Fixture, rollups: &[Rollup]) {
    let claims = fixture.claimed(rollups.len() as u64, Uuid::new_v4()).await;
    let mut label = 0;
    for (commit_seq, (claim, rollup)) in (1..).zip(claims.iter().zip(rollups)) {
        let requests: u64 = rollup.iter().map(|(_, cell)| cell.requests).sum();
        let lines = events(label..label + requests);
        label += requests;
        fixture.commit(&CommitBatch { rollup: rollup.clone(), ..batch(commit_seq, &[(claim, lines)]) }).await;
    }
}

async fn stored(fixture: &Fixture) -> Rollup {
    let sql = "SELECT *, cost_pusd::text AS cost, saved_pusd::text AS saved FROM gatelog.rollup_hourly";
    let rows = sqlx::query(sql).fetch_all(&fixture.pool).await.unwrap();
    let count = |value: i64| u64::try_from(value).unwrap();
    let cells = rows.iter().map(|row| {
        let key = RollupKey {
            hour: gatelog_model::TimestampMicros::clamped(row.get("hour")),
            gateway_id: row.get("gateway_id"),
            tenant_id: row.get("tenant_id"),
            user_id: row.get("user_id"),
            provider: row.get("provider"),
            deployment: row.get("deployment"),
            model: row.get("model"),
            prompt_version: row.get("prompt_version"),
            outcome: row.get::<String, _>("outcome").parse().unwrap(),
            cached: row.get("cached"),
        };
        let buckets = row.get::<Vec<i64>, _>("latency").into_iter().map(count).collect();
        let cell = RollupCell {
            requests: count(row.get("requests")),
            input_tokens: count(row.get("input_tokens")),
            cached_input_tokens: count(row.get("cached_input_tokens")),
            cache_write_tokens: count(row.get("cache_write_tokens")),
            output_tokens: count(row.get("output_tokens")),
            reasoning_tokens: count(row.get("reasoning_tokens")),
            cost: PicoUsd::new(row.get::<String, _>("cost").parse().unwrap()),
            saved: PicoUsd::new(row.get::<String, _>("saved").parse().unwrap()),
            unpriced: count(row.get("unpriced")),
            latency: LatencyHistogram::try_new(buckets).unwrap(),
        };
        (key, cell)
    });
    let cells: Vec<_> = cells.collect();
    let rows = cells.len();
    let rollup: Rollup = cells.into_iter().collect();
    assert_eq!(rollup.len(), rows, "two rows have one key");
    rollup
}

/// Cells with every field of its own size, with and without nulls and durations.
fn varied(seed: u64) -> Rollup {
    let keys = [
        key(HOUR),
        RollupKey { tenant_id: None, ..key(HOUR) },
        RollupKey { tenant_id: Some(String::new()), ..key(HOUR) },
        RollupKey { deployment: None, model: None, user_id: Some("u".to_owned()), ..key(HOUR) },
        RollupKey { outcome: Outcome::Error, prompt_version: Some("v{1,\"2\"}".to_owned()), ..key(HOUR) },
        RollupKey { cached: true, ..key("2026-04-18T01:00:00Z") },
    ];
    let cells = keys.into_iter().enumerate().map(|(index, key)| {
        let number = index as u64 + seed;
        let mut cell = cell(1 + number % 3);
        cell.unpriced = number % 2;
        cell.cost = PicoUsd::new(i128::from(number) * 1_000_000_000_000_000_000_000 + 1);
        for step in 0..number {
            cell.latency.record(u32::try_from(step * 997 % 5_000).unwrap());
        }
        (key, cell)
    });
    cells.collect()
}

#[tokio::test]
async fn batches_add_up_to_their_merge() {
    let fixture = Fixture::new().await;
    let rollups: Vec<_> = (0..6).map(varied).collect();
    commit(&fixture, &rollups).await;
    let mut merged = Rollup::default();
    rollups.into_iter().for_each(|rollup| merged.merge(rollup));
    assert_eq!(stored(&fixture).await, merged);
}

#[tokio::test]
async fn keys_that_postgres_would_refuse_are_kept_apart_all_the_same() {
    let fixture = Fixture::new().await;
    let tenant = |text: String| RollupKey { tenant_id: Some(text), ..key(HOUR) };
    let long = "long ".repeat(2_000);
    let keys = [
        tenant("a\0b".to_owned()),
        tenant("a\u{fffd}b".to_owned()),
        tenant(format!("{long}1")),
        tenant(format!("{long}2")),
        RollupKey { gateway_id: long.clone(), model: Some(long.clone()), provider: long.clone(), ..tenant(long) },
    ];
    let rollup: Rollup = keys.into_iter().map(|key| (key, cell(1))).collect();
    commit(&fixture, &[rollup.clone(), rollup.clone()]).await;
    let mut expected: Rollup = rollup.iter().map(|(key, cell)| (storable_key(key), cell.clone())).collect();
    assert_eq!(expected.len(), 4, "only the NUL is lost");
    expected.merge(expected.clone());
    assert_eq!(stored(&fixture).await, expected);
}

#[tokio::test]
async fn percentiles_in_sql_are_those_of_the_crate() {
    let fixture = Fixture::new().await;
    let mut state = 12_345_u64;
    for round in 0..200 {
        let mut histogram = LatencyHistogram::default();
        for _ in 0..round % 40 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let magnitude = (state >> 20) % 23;
            histogram.record(u32::try_from((state >> 32) % (1 << magnitude)).unwrap());
        }
        let buckets: Vec<i64> = histogram.buckets().iter().map(|count| i64::try_from(*count).unwrap()).collect();
        for percent in [0, 1, 7, 50, 95, 99, 100] {
            let found: Option<f64> = sqlx::query_scalar("SELECT gatelog.histogram_percentile($1, $2)")
                .bind(&buckets)
                .bind(f64::from(percent))
                .fetch_one(&fixture.pool)
                .await
                .unwrap();
            assert_eq!(found, histogram.percentile(percent).map(f64::from), "{percent} of {buckets:?}");
        }
    }
}

#[tokio::test]
async fn every_bucket_stands_for_the_value_of_the_crate() {
    let fixture = Fixture::new().await;
    for index in 0..BUCKET_COUNT {
        let mut buckets = vec![0_i64; BUCKET_COUNT];
        buckets[index] = 3;
        let query = sqlx::query_scalar("SELECT gatelog.histogram_percentile($1, 50)").bind(&buckets);
        let found: f64 = query.fetch_one(&fixture.pool).await.unwrap();
        assert_eq!(found, f64::from(gatelog_rollup::VALUES_MS[index]));
    }
}

#[tokio::test]
async fn histograms_of_different_lengths_do_not_add() {
    let fixture = Fixture::new().await;
    let add = |sql: &'static str| sqlx::query_scalar::<_, Vec<i64>>(sql).fetch_one(&fixture.pool);
    assert_eq!(add("SELECT gatelog.histogram_add('{1,2}', '{3,4}')").await.unwrap(), [4, 6]);
    assert_eq!(add("SELECT gatelog.histogram_add('{}', '{3,4}')").await.unwrap(), [3, 4]);
    assert_eq!(add("SELECT gatelog.histogram_add('{3,4}', NULL)").await.unwrap(), [3, 4]);
    assert_eq!(
        add("SELECT gatelog.histogram_sum(h) FROM (VALUES ('{1,2}'::bigint[]), (NULL), ('{3,4}')) t (h)")
            .await
            .unwrap(),
        [4, 6]
    );
    assert_eq!(add("SELECT gatelog.histogram_sum(NULL::bigint[])").await.unwrap(), [0_i64; 0]);
    assert!(add("SELECT gatelog.histogram_add('{1,2}', '{3}')").await.is_err());
}
