//! Leasing and settling, one after the other.

use std::{sync::Arc, time::Duration};

use gatelog_budget::{
    BudgetStore as _, LeaseAnswer, LeaseId, MemoryBudgetStore, Period, Report, ReportAnswer, Unit, WindowLength,
};
use gatelog_model::{FixedClock, TimestampMicros};
use sqlx::Row as _;

use super::support::*;
use crate::common::Fixture;

#[tokio::test]
async fn a_lease_is_granted_used_told_and_closed() {
    let fixture = Fixture::new().await;
    let tokens = tokens(&fixture, 6_400).await;
    let mut holder = Holder::new(1, &tokens);
    assert_eq!(holder.granted(&fixture.catalog, 7).await, 100, "a slice, not the need");
    holder.spend(60, 5);
    assert_eq!(holder.granted(&fixture.catalog, 90).await, 100);
    assert_eq!(totals(&fixture).await, (60, 140, 5));
    holder.spend(40, 0);
    assert_eq!(holder.tell(&fixture.catalog, false).await, ReportAnswer::Booked);
    assert_eq!(totals(&fixture).await, (100, 100, 5));
    assert_eq!(holder.tell(&fixture.catalog, true).await, ReportAnswer::Booked);
    assert_eq!(totals(&fixture).await, (100, 0, 5));
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.budget_lease").await, 0);
    assert_eq!(holder.tell(&fixture.catalog, true).await, ReportAnswer::Fenced, "closed is closed");
}

#[tokio::test]
async fn a_refusal_says_how_it_stands_and_leaves_no_row() {
    let fixture = Fixture::new().await;
    let tokens = tokens(&fixture, 100).await;
    let mut holder = Holder::new(1, &tokens);
    holder.granted(&fixture.catalog, 80).await;
    let before = TimestampMicros::clamped(fixture_now(&fixture).await);
    let mut other = Holder::new(2, &tokens);
    let LeaseAnswer::Refused(shortage) = other.lease(&fixture.catalog, 21).await else { panic!("granted") };
    assert_eq!((shortage.limit, shortage.used), (100, 80));
    assert_eq!(shortage.window, tokens.period.window_at(before));
    assert_eq!(shortage.retry_after, shortage.window.left(shortage.now));
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.budget_lease").await, 1);
    // What was let through while this database was away is booked all the same.
    other.report.overrun = 50;
    assert!(matches!(other.lease(&fixture.catalog, 1).await, LeaseAnswer::Refused(_)));
    assert_eq!(totals(&fixture).await, (0, 80, 50));
}

async fn fixture_now(fixture: &Fixture) -> chrono::DateTime<chrono::Utc> {
    sqlx::query_scalar("SELECT now()").fetch_one(&fixture.pool).await.unwrap()
}

#[tokio::test]
async fn repeated_late_and_lost_messages_change_nothing() {
    let fixture = Fixture::new().await;
    let tokens = tokens(&fixture, 100).await;
    let mut holder = Holder::new(1, &tokens);
    // The grant arrives, its answer does not: asked again under the next number, it is given again and not twice.
    let lost = holder.request(60);
    fixture.catalog.lease_budget(&lost).await.unwrap();
    holder.report.seq += 1;
    assert_eq!(holder.granted(&fixture.catalog, 100).await, 100);
    assert_eq!(fixture.catalog.lease_budget(&lost).await.unwrap(), LeaseAnswer::Fenced);
    holder.spend(30, 0);
    let report = holder.next_report(false);
    for expected in [ReportAnswer::Booked, ReportAnswer::Fenced] {
        assert_eq!(fixture.catalog.settle_budgets(holder.id, &[report]).await.unwrap(), [expected]);
    }
    assert_eq!(totals(&fixture).await, (30, 70, 0));
    // Another holder's number is nobody's business, nor is an opened lease that is not there.
    let other = Holder::new(2, &tokens);
    assert_eq!(fixture.catalog.settle_budgets(other.id, &[report]).await.unwrap(), [ReportAnswer::Fenced]);
    let ghost = Holder { opened: true, ..other };
    assert_eq!(fixture.catalog.lease_budget(&ghost.request(1)).await.unwrap(), LeaseAnswer::Fenced);
    assert_eq!(totals(&fixture).await, (30, 70, 0));
}

#[tokio::test]
async fn late_use_is_booked_in_its_own_window() {
    let fixture = Fixture::new().await;
    let tokens = tokens(&fixture, 100).await;
    let mut holder = Holder::new(1, &tokens);
    holder.granted(&fixture.catalog, 100).await;
    let a_window_back = "UPDATE gatelog.budget_window
        SET window_start = window_start - INTERVAL '8784 hours', window_end = window_end - INTERVAL '8784 hours'";
    sqlx::query(a_window_back).execute(&fixture.pool).await.unwrap();
    holder.spend(40, 0);
    assert_eq!(holder.lease(&fixture.catalog, 10).await, LeaseAnswer::WindowOver);
    holder.report.seq += 1;
    let mut next = Holder { lease: LeaseId(2), ..Holder::new(1, &tokens) };
    assert_eq!(next.granted(&fixture.catalog, 100).await, 100);
    holder.spend(60, 7);
    assert_eq!(holder.tell(&fixture.catalog, true).await, ReportAnswer::Booked);
    let rows = sqlx::query("SELECT spent, leased, overrun FROM gatelog.budget_window ORDER BY window_start")
        .fetch_all(&fixture.pool)
        .await
        .unwrap();
    let counts: Vec<(i64, i64, i64)> = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    assert_eq!(counts, [(100, 0, 7), (0, 100, 0)]);
}

#[tokio::test]
async fn the_window_before_weighs_on_a_sliding_one() {
    let fixture = Fixture::new().await;
    let day = Period::Sliding(WindowLength::try_new(Duration::from_secs(86_400 * 300)).unwrap());
    let sliding = budget("sliding", Unit::Tokens, day, 1_000);
    fixture.catalog.put_budgets(std::slice::from_ref(&sliding)).await.unwrap();
    let mut holder = Holder::new(1, &sliding);
    holder.granted(&fixture.catalog, 1_000).await;
    holder.spend(1_000, 0);
    holder.tell(&fixture.catalog, true).await;
    let a_window_back = "UPDATE gatelog.budget_window
        SET window_start = window_start - INTERVAL '7200 hours', window_end = window_end - INTERVAL '7200 hours'";
    sqlx::query(a_window_back).execute(&fixture.pool).await.unwrap();
    let now = TimestampMicros::clamped(fixture_now(&fixture).await);
    let window = sliding.period.window_at(now);
    let carried = gatelog_budget::sliding::carried(1_000, window, now);
    let mut next = Holder::new(2, &sliding);
    let LeaseAnswer::Refused(shortage) = next.lease(&fixture.catalog, 1_000).await else { panic!("granted") };
    // A thousandth of 300 days are seven hours: the test is not that slow.
    assert!(shortage.used.abs_diff(carried) <= 1, "{} and {carried}", shortage.used);
    assert!(shortage.retry_after <= window.left(now));
    let statuses = fixture.catalog.budget_statuses(10).await.unwrap();
    assert!(statuses[0].standing.is_none(), "a refusal leaves no row");
    next.granted(&fixture.catalog, 1_000 - carried - 1).await;
    let standing = fixture.catalog.budget_statuses(10).await.unwrap()[0].standing.unwrap();
    assert!(standing.previous == 1_000 && standing.used().abs_diff(carried) <= 1, "{standing:?}");
}

/// The two stores are one to whoever uses them: the same calls, the same answers.
#[tokio::test]
async fn postgres_answers_what_memory_answers() {
    let fixture = Fixture::new().await;
    let tokens = tokens(&fixture, 500).await;
    let now = TimestampMicros::clamped(fixture_now(&fixture).await);
    let memory = MemoryBudgetStore::new(Arc::new(FixedClock(now)), [tokens.clone()]);
    let mut holders: Vec<_> = (1..=3).map(|number| Holder::new(number, &tokens)).collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |bound: u64| {
        // xorshift64: the same list of steps every time.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % bound
    };
    for step in 0..300 {
        let holder = &mut holders[usize::try_from(below(3)).unwrap()];
        match below(4) {
            0 | 1 => {
                let request = holder.request(below(60));
                let here = fixture.catalog.lease_budget(&request).await.unwrap();
                let there = memory.lease(&request).await.unwrap();
                assert_eq!(without_clock(&here), without_clock(&there), "step {step}: {request:?}");
                holder.report = request.report;
                if let LeaseAnswer::Granted { amount, .. } = here {
                    holder.report.held += amount;
                    holder.opened = true;
                }
                holder.opened |= request.report.overrun > 0;
            }
            2 => holder.spend(below(holder.report.held + 1), below(20) / 19),
            _ => {
                let close = below(4) == 0;
                let report = holder.next_report(close);
                let here = fixture.catalog.settle_budgets(holder.id, &[report]).await.unwrap();
                assert_eq!(here, memory.settle(holder.id, &[report]).await.unwrap(), "step {step}");
                if close || here == [ReportAnswer::Fenced] {
                    let lease = LeaseId(holder.lease.0 + 1);
                    *holder = Holder { lease, opened: false, report: Report::default(), ..holder.clone() };
                }
            }
        }
        let here = fixture.catalog.budget_statuses(10).await.unwrap();
        let there = memory.statuses(10).await.unwrap();
        let accounts = [here, there].map(|statuses| statuses[0].standing.map(|standing| standing.account));
        assert_eq!(accounts[0].unwrap_or_default(), accounts[1].unwrap_or_default(), "step {step}");
    }
    let (spent, ..) = totals(&fixture).await;
    assert!(spent > 100, "something has happened: {spent}");
}

/// An answer without what depends on the moment it was given.
fn without_clock(answer: &LeaseAnswer) -> String {
    match answer {
        LeaseAnswer::Granted { amount, window, .. } => format!("granted {amount} {window:?}"),
        LeaseAnswer::Refused(shortage) => format!("refused {} {} {:?}", shortage.limit, shortage.used, shortage.window),
        other => format!("{other:?}"),
    }
}
