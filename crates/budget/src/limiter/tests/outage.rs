//! The store does not answer, answers late, or answers into the void.

use std::time::Duration;

use tokio::time::{Instant, advance, sleep};

use super::support::*;
use crate::{BudgetStore as _, HolderId, LeaseId, LeaseReport, LimiterOptions, OnStoreDown, Refusal, Report};

fn allowing() -> LimiterOptions {
    LimiterOptions { on_store_down: OnStoreDown::Allow, ..Default::default() }
}

#[tokio::test(start_paused = true)]
async fn deny_lives_on_the_slice_then_refuses_and_recovers() {
    let network = Network::new([tokens_per_day(64_000)]);
    let limiter = network.limiter(1);
    reserve(&limiter, 100).await.unwrap().settle(usage(100));
    network.go_down(true);
    for _ in 0..9 {
        reserve(&limiter, 100).await.unwrap().settle(usage(100));
    }
    assert!(matches!(reserve(&limiter, 100).await, Err(Refusal::StoreDown)));
    let failures = limiter.counts().store_failures;
    for _ in 0..100 {
        assert!(matches!(reserve(&limiter, 100).await, Err(Refusal::StoreDown)));
    }
    assert_eq!(limiter.counts().store_failures, failures, "a store that failed is left alone for a second");
    network.go_down(false);
    advance(Duration::from_secs(1)).await;
    reserve(&limiter, 100).await.unwrap().settle(usage(100));
    limiter.flush().await;
    assert_eq!(network.account(&acme()).await.0, 1_100);
}

#[tokio::test(start_paused = true)]
async fn allow_lets_through_and_books_it_later() {
    let network = Network::new([tokens_per_day(100)]);
    let limiter = network.limiter_with(1, allowing());
    reserve(&limiter, 10).await.unwrap().settle(usage(10));
    network.go_down(true);
    let through: Vec<_> = [reserve(&limiter, 200).await.unwrap(), reserve(&limiter, 200).await.unwrap()].into();
    through.into_iter().for_each(|one| one.settle(usage(150)));
    reserve(&limiter, 200).await.unwrap().cancel();
    assert_eq!(limiter.counts().unchecked, 3);
    network.go_down(false);
    advance(Duration::from_secs(1)).await;
    limiter.flush().await;
    assert_eq!(network.account(&acme()).await, (10, 0, 300));
    exceeded(reserve(&limiter, 1).await);
}

#[tokio::test(start_paused = true)]
async fn what_was_let_through_before_the_store_was_ever_seen_is_booked_too() {
    let network = Network::new([tokens_per_day(100)]);
    let limiter = network.limiter_with(1, allowing());
    // The budgets are known, the tenant is new.
    reserve(&limiter, 0).await.unwrap().cancel();
    network.go_down(true);
    let other = gatelog_model::TenantId::parse("other").unwrap();
    limiter.reserve(&other, estimate(30)).await.unwrap().settle(usage(30));
    drop(limiter.reserve(&other, estimate(12)).await.unwrap());
    network.go_down(false);
    advance(Duration::from_secs(1)).await;
    limiter.flush().await;
    assert_eq!(network.account(&other).await, (0, 0, 42));
    limiter.flush().await;
    assert_eq!(limiter.counts().tenants, 0, "told and forgotten");
}

#[tokio::test(start_paused = true)]
async fn without_having_seen_a_budget_the_policy_decides() {
    let network = Network::new([tokens_per_day(100)]);
    network.go_down(true);
    assert!(matches!(reserve(&network.limiter(1), 1).await, Err(Refusal::StoreDown)));
    let allowing = network.limiter_with(2, allowing());
    reserve(&allowing, 1_000).await.unwrap().settle(usage(1_000));
    assert_eq!(allowing.counts().unchecked, 1);
    network.go_down(false);
    advance(Duration::from_secs(1)).await;
    exceeded(reserve(&allowing, 1_000).await);
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_holds_a_request_up_only_so_long() {
    let network = Network::new([tokens_per_day(100)]);
    let limiter = network.limiter(1);
    reserve(&limiter, 1).await.unwrap().cancel();
    network.be_slow(Duration::from_secs(30));
    let before = Instant::now();
    assert!(matches!(reserve(&limiter, 50).await, Err(Refusal::StoreDown)));
    assert!(before.elapsed() < Duration::from_millis(2_100), "{:?}", before.elapsed());
    // Its answer still counts when it comes.
    sleep(Duration::from_secs(30)).await;
    network.go_down(true);
    reserve(&limiter, 50).await.unwrap().cancel();
}

#[tokio::test(start_paused = true)]
async fn lost_answers_lose_and_double_nothing() {
    let network = Network::new([tokens_per_day(100)]);
    let limiter = network.limiter(1);
    network.lose_answers(true);
    // The list of budgets must come through once.
    network.lose_answers(false);
    reserve(&limiter, 0).await.unwrap().cancel();
    network.lose_answers(true);
    assert!(matches!(reserve(&limiter, 60).await, Err(Refusal::StoreDown)));
    assert_eq!(network.account(&acme()).await, (0, 60, 0), "granted, and nobody knows");
    network.lose_answers(false);
    advance(Duration::from_secs(1)).await;
    let held = reserve(&limiter, 100).await.unwrap();
    held.settle(usage(70));
    network.lose_answers(true);
    limiter.flush().await;
    limiter.flush().await;
    network.lose_answers(false);
    limiter.flush().await;
    limiter.flush().await;
    assert_eq!(network.account(&acme()).await, (70, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_unheard_grant_nobody_needs_any_more_goes_back() {
    let network = Network::new([tokens_per_day(100)]);
    let limiter = network.limiter(1);
    reserve(&limiter, 0).await.unwrap().cancel();
    network.lose_answers(true);
    assert!(matches!(reserve(&limiter, 60).await, Err(Refusal::StoreDown)));
    network.lose_answers(false);
    limiter.flush().await;
    assert_eq!(network.account(&acme()).await, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_freed_is_void() {
    let network = Network::new([tokens_per_day(100)]);
    let limiter = network.limiter(1);
    let held = reserve(&limiter, 60).await.unwrap();
    // What a reconcile would do that believes holder 1 dead: it books 25 out of the log and closes the lease.
    let spent = Report { seq: 90, spent: 25, overrun: 0, held: 0 };
    let close = [LeaseReport { lease: LeaseId(1), report: spent, close: true }];
    network.store.settle(HolderId(1), &close).await.unwrap();
    held.settle(usage(60));
    limiter.flush().await;
    assert_eq!(network.account(&acme()).await, (25, 0, 0));
    reserve(&limiter, 75).await.unwrap().cancel();
}
