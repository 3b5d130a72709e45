//! Putting, listing and removing budgets.

use std::time::Duration;

use chrono_tz::Tz;
use gatelog_budget::{Amount, LeaseAnswer, Period, Unit, WindowLength};

use super::support::*;
use crate::common::Fixture;

#[tokio::test]
async fn every_kind_of_budget_comes_back_as_it_was_put() {
    let fixture = Fixture::new().await;
    let minute = WindowLength::try_new(Duration::from_secs(60)).unwrap();
    let mut own = budget("a-own", Unit::PicoUsd, Period::Month(Tz::Africa__Johannesburg), 25_500_000_000_000);
    own.tenant = Some(tenant("acme é"));
    let budgets = [
        own,
        budget("b", Unit::Tokens, Period::Day(Tz::UTC), gatelog_budget::AMOUNT_MAX),
        budget("c", Unit::Requests, Period::Fixed(minute), 60),
        budget("d", Unit::Requests, Period::Sliding(minute), 1),
    ];
    assert_eq!(fixture.catalog.put_budgets(&budgets).await.unwrap(), 4);
    assert_eq!(fixture.catalog.list_budgets().await.unwrap(), budgets);
    assert_eq!(fixture.catalog.put_budgets(&budgets).await.unwrap(), 0, "nothing is different");
    assert_eq!(fixture.catalog.put_budgets(&[]).await.unwrap(), 0);
    assert!(fixture.catalog.remove_budget(&budgets[0].id).await.unwrap());
    assert!(!fixture.catalog.remove_budget(&budgets[0].id).await.unwrap());
    assert_eq!(fixture.catalog.list_budgets().await.unwrap(), budgets[1..]);
}

#[tokio::test]
async fn of_two_with_one_name_the_last_counts() {
    let fixture = Fixture::new().await;
    let twice = [budget("a", Unit::Tokens, long(), 1), budget("a", Unit::Tokens, long(), 2)];
    fixture.catalog.put_budgets(&twice).await.unwrap();
    assert_eq!(fixture.catalog.list_budgets().await.unwrap(), twice[1..]);
}

#[tokio::test]
async fn a_new_amount_holds_at_the_next_lease_and_anything_else_counts_anew() {
    let fixture = Fixture::new().await;
    let mut tokens = tokens(&fixture, 100).await;
    let mut holder = Holder::new(1, &tokens);
    assert_eq!(holder.granted(&fixture.catalog, 100).await, 100);
    assert!(matches!(holder.lease(&fixture.catalog, 1).await, LeaseAnswer::Refused(_)));
    tokens.amount = Amount::try_new(130).unwrap();
    assert_eq!(fixture.catalog.put_budgets(std::slice::from_ref(&tokens)).await.unwrap(), 1);
    // A refusal that tells something is a report like any other.
    holder.report.seq += 1;
    assert_eq!(holder.granted(&fixture.catalog, 30).await, 30);

    // Lowered below what is granted: nothing more, and nothing breaks.
    tokens.amount = Amount::try_new(50).unwrap();
    fixture.catalog.put_budgets(std::slice::from_ref(&tokens)).await.unwrap();
    assert!(matches!(holder.lease(&fixture.catalog, 1).await, LeaseAnswer::Refused(_)));
    holder.report.seq += 1;

    // Another period is another count; the old lease lies in the old one.
    tokens.period = Period::Day(Tz::UTC);
    fixture.catalog.put_budgets(std::slice::from_ref(&tokens)).await.unwrap();
    holder.spend(130, 0);
    assert_eq!(holder.lease(&fixture.catalog, 50).await, LeaseAnswer::WindowOver);
    let mut anew = Holder::new(2, &tokens);
    assert_eq!(anew.granted(&fixture.catalog, 50).await, 50);
    assert_eq!(totals(&fixture).await, (130, 50, 0));

    // Another unit: who believes the old one is told so, and so is who asks for another's.
    tokens.unit = Unit::Requests;
    tokens.tenant = Some(tenant("other"));
    fixture.catalog.put_budgets(std::slice::from_ref(&tokens)).await.unwrap();
    assert_eq!(anew.lease(&fixture.catalog, 1).await, LeaseAnswer::UnknownBudget);
    let stranger = Holder::new(3, &tokens);
    assert_eq!(fixture.catalog.lease_budget(&stranger.request(1)).await.unwrap(), LeaseAnswer::UnknownBudget);
}

#[tokio::test]
async fn a_removed_budget_takes_its_counts_along() {
    let fixture = Fixture::new().await;
    let tokens = tokens(&fixture, 100).await;
    let mut holder = Holder::new(1, &tokens);
    holder.granted(&fixture.catalog, 90).await;
    holder.spend(90, 0);
    holder.tell(&fixture.catalog, false).await;
    assert!(fixture.catalog.remove_budget(&tokens.id).await.unwrap());
    for table in ["budget_window", "budget_lease", "budget_alert"] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM gatelog.{table}"));
        let rows: i64 = sqlx::query_scalar(sql).fetch_one(&fixture.pool).await.unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    assert_eq!(holder.lease(&fixture.catalog, 1).await, LeaseAnswer::UnknownBudget);
    assert_eq!(holder.tell(&fixture.catalog, true).await, gatelog_budget::ReportAnswer::Fenced);
}
