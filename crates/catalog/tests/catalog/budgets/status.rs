//! The view that others depend on, and forgetting.

use std::time::Duration;

use chrono_tz::Tz;
use gatelog_budget::{Period, Unit, WindowLength};
use sqlx::Row as _;

use super::support::*;
use crate::common::Fixture;

#[tokio::test]
async fn the_view_says_where_budgets_stand() {
    let fixture = Fixture::new().await;
    let mut own = budget("c-unused", Unit::Tokens, Period::Day(Tz::UTC), 10);
    own.tenant = Some(tenant("acme"));
    let budgets = [
        budget("a-tokens", Unit::Tokens, long(), 1_000),
        budget("b-usd", Unit::PicoUsd, Period::Month(Tz::UTC), 10_000_000_000_000),
        own,
        budget("d-requests", Unit::Requests, long(), 5),
        budget("e-nobody", Unit::Requests, Period::Day(Tz::UTC), 5),
    ];
    fixture.catalog.put_budgets(&budgets).await.unwrap();
    for (budget, spent, overrun) in [(0, 800, 10), (1, 2_500_000_000_000, 0), (3, 5, 2)] {
        let mut holder = Holder::new(budget + 1, &budgets[usize::try_from(budget).unwrap()]);
        holder.granted(&fixture.catalog, spent).await;
        holder.spend(spent, overrun);
        holder.tell(&fixture.catalog, false).await;
    }
    let rows = sqlx::query(
        "SELECT concat_ws(' ', budget_id, coalesce(tenant_id, '-'), period, limit_tokens, limit_usd::text, used_tokens,
                    used_usd::text, round(used_ratio::numeric, 3), state, unit, limit_amount, used_amount) AS line,
                window_start <= now() AND now() < window_end AS is_current,
                projected_exhaustion IS NULL OR projected_exhaustion BETWEEN window_start AND window_end AS is_within
         FROM gatelog.budget_status ORDER BY budget_id",
    )
    .fetch_all(&fixture.pool)
    .await
    .unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get("line")).collect();
    assert_eq!(
        lines,
        [
            "a-tokens acme fixed 31622400 s 1000 810 0.810 warning tokens 1000 810",
            "b-usd acme month 10.000000000000 2.500000000000 0.250 ok usd 10000000000000 2500000000000",
            "c-unused acme day 10 0 0.000 ok tokens 10 0",
            "d-requests acme fixed 31622400 s 1.400 exceeded requests 5 7",
            "e-nobody - day 0.000 ok requests 5 0",
        ]
    );
    let current: Vec<Option<bool>> = rows.iter().map(|row| row.get("is_current")).collect();
    assert_eq!(current, [Some(true), Some(true), None, Some(true), None]);
    assert!(rows.iter().all(|row| row.get::<Option<bool>, _>("is_within") != Some(false)));
    let statuses = fixture.catalog.budget_statuses(100).await.unwrap();
    let used: Vec<_> = statuses.iter().map(|status| status.standing.map_or(0, |standing| standing.used())).collect();
    assert_eq!(used, [810, 2_500_000_000_000, 0, 7, 0], "the same from the integers");
    assert_eq!(fixture.catalog.budget_statuses(2).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_view_projects_when_a_budget_runs_out() {
    let fixture = Fixture::new().await;
    let tokens = tokens(&fixture, 1_000).await;
    let mut holder = Holder::new(1, &tokens);
    holder.granted(&fixture.catalog, 500).await;
    holder.spend(500, 0);
    holder.tell(&fixture.catalog, false).await;
    // A quarter of the window has passed and half is used: it ends at half of the window.
    let at_a_quarter = "UPDATE gatelog.budget_window
        SET window_start = now() - INTERVAL '100 hours', window_end = now() + INTERVAL '300 hours'";
    sqlx::query(at_a_quarter).execute(&fixture.pool).await.unwrap();
    let projected =
        "SELECT (extract(epoch FROM projected_exhaustion - now()) / 360)::bigint FROM gatelog.budget_status";
    assert_eq!(fixture.count(projected).await, 1_000);
    // At a pace that lasts beyond the window, however far, there is no such instant.
    for spent in ["200", "1", "0"] {
        let sql = sqlx::AssertSqlSafe(format!("UPDATE gatelog.budget_window SET spent = {spent}"));
        sqlx::query(sql).execute(&fixture.pool).await.unwrap();
        let unknown = "SELECT count(*) FROM gatelog.budget_status WHERE projected_exhaustion IS NULL";
        assert_eq!(fixture.count(unknown).await, 1, "{spent}");
    }
}

#[tokio::test]
async fn the_view_weighs_the_window_before_a_sliding_one() {
    let fixture = Fixture::new().await;
    let day = Period::Sliding(WindowLength::try_new(Duration::from_secs(86_400 * 300)).unwrap());
    let sliding = budget("sliding", Unit::Tokens, day, 1_000);
    fixture.catalog.put_budgets(std::slice::from_ref(&sliding)).await.unwrap();
    let mut before = Holder::new(1, &sliding);
    before.granted(&fixture.catalog, 400).await;
    let a_window_back = "UPDATE gatelog.budget_window
        SET window_start = window_start - INTERVAL '7200 hours', window_end = window_end - INTERVAL '7200 hours'";
    sqlx::query(a_window_back).execute(&fixture.pool).await.unwrap();
    let mut now = Holder::new(2, &sliding);
    now.granted(&fixture.catalog, 100).await;
    now.spend(100, 0);
    now.tell(&fixture.catalog, true).await;
    let used = fixture.count("SELECT used_amount FROM gatelog.budget_status").await;
    let standing = fixture.catalog.budget_statuses(1).await.unwrap()[0].standing.unwrap();
    let expected = i64::try_from(standing.used()).unwrap();
    assert!(used.abs_diff(expected) <= 1 && (100..=500).contains(&used), "{used} and {expected}");
}

#[tokio::test]
async fn old_windows_are_forgotten_with_all_that_hangs_on_them() {
    let fixture = Fixture::new().await;
    let hour = Period::Fixed(WindowLength::try_new(Duration::from_secs(3_600)).unwrap());
    let hourly = budget("hourly", Unit::Tokens, hour, 100);
    fixture.catalog.put_budgets(std::slice::from_ref(&hourly)).await.unwrap();
    tokens(&fixture, 100).await;
    for (number, name) in [(1, "old"), (2, "young")] {
        let mut holder = Holder { tenant: tenant(name), ..Holder::new(number, &hourly) };
        holder.granted(&fixture.catalog, 100).await;
        holder.spend(100, 0);
        holder.tell(&fixture.catalog, false).await;
    }
    assert_eq!(fixture.catalog.prune_budget_windows().await.unwrap(), 0);
    let age = "UPDATE gatelog.budget_window SET window_start = window_start - age, window_end = window_end - age
               FROM (VALUES ('old', INTERVAL '26 hours'), ('young', INTERVAL '22 hours')) AS v (name, age)
               WHERE tenant_id = name";
    sqlx::query(age).execute(&fixture.pool).await.unwrap();
    assert_eq!(fixture.catalog.prune_budget_windows().await.unwrap(), 1);
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.budget_window WHERE tenant_id = 'young'").await, 1);
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.budget_alert").await, 2);
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.budget_lease").await, 1);
}
