//! One limiter: what is reserved, settled, given back and refused.

use std::time::Duration;

use chrono_tz::Tz;
use tokio::time::{advance, sleep};

use super::support::*;
use crate::{AlertQueue as _, Estimate, HolderId, Period, Refusal, Unit};

#[tokio::test(start_paused = true)]
async fn a_request_takes_from_every_budget_or_from_none() {
    let day = Period::Day(Tz::UTC);
    let budgets = [
        budget("requests", Unit::Requests, day, 10),
        budget("tokens", Unit::Tokens, day, 1_000),
        budget("usd", Unit::PicoUsd, day, 5_000),
    ];
    let network = Network::new(budgets);
    let limiter = network.limiter(1);
    let held = reserve(&limiter, 400).await.unwrap();
    // 4,000 pico-dollars are taken: 200 tokens would fit in tokens, not in money.
    let (id, used, _) = exceeded(reserve(&limiter, 200).await);
    assert_eq!((id.as_str(), used), ("usd", 4_000));
    held.cancel();
    // Nothing of the refused one is left behind: all ten requests are there.
    let mut all = Vec::new();
    for _ in 0..10 {
        all.push(reserve(&limiter, 50).await.unwrap());
    }
    assert_eq!(exceeded(reserve(&limiter, 0).await).0, "requests");
    all.into_iter().for_each(|one| one.settle(usage(50)));
}

#[tokio::test(start_paused = true)]
async fn requests_within_the_slice_ask_nobody() {
    let network = Network::new([tokens_per_day(64_000)]);
    let limiter = network.limiter(1);
    for _ in 0..100 {
        reserve(&limiter, 10).await.unwrap().settle(usage(10));
    }
    assert_eq!(network.leases(), 1, "a slice of 1,000 tokens");
}

#[tokio::test(start_paused = true)]
async fn settled_cancelled_dropped_and_overrun_are_booked_as_such() {
    let network = Network::new([tokens_per_day(1_000)]);
    let limiter = network.limiter(1);
    reserve(&limiter, 100).await.unwrap().settle(usage(40));
    reserve(&limiter, 100).await.unwrap().cancel();
    drop(reserve(&limiter, 100).await.unwrap());
    reserve(&limiter, 100).await.unwrap().settle(usage(130));
    limiter.flush().await;
    assert_eq!(network.account(&acme()).await, (240, 0, 30), "spent, leased, overrun");
    let counts = limiter.counts();
    assert_eq!((counts.abandoned, counts.overruns, counts.refusals), (1, 1, 0));
    // Exactly 730 are left, for whoever needs all of them.
    assert_eq!(exceeded(reserve(&limiter, 731).await).1, 270);
    reserve(&limiter, 730).await.unwrap().cancel();
}

#[tokio::test(start_paused = true)]
async fn idle_remainders_go_back_by_themselves_and_everything_at_shutdown() {
    let network = Network::new([tokens_per_day(64_000)]);
    let limiter = network.limiter(1);
    let (stop, running) = run(&limiter);
    let held = reserve(&limiter, 10).await.unwrap();
    assert_eq!(network.account(&acme()).await, (0, 1_000, 0));
    sleep(Duration::from_millis(3_500)).await;
    assert_eq!(network.account(&acme()).await, (0, 10, 0), "only what is reserved stays");
    let later = tokio::spawn(async move {
        sleep(Duration::from_secs(2)).await;
        held.settle(usage(7));
    });
    stop.send(()).unwrap();
    running.await.unwrap();
    later.await.unwrap();
    assert_eq!(network.account(&acme()).await, (7, 0, 0));
    assert_eq!(limiter.counts().tenants, 0, "nobody is kept account of");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_ever() {
    let network = Network::new([tokens_per_day(64_000)]);
    let limiter = network.limiter(1);
    let (stop, running) = run(&limiter);
    let held = reserve(&limiter, 10).await.unwrap();
    stop.send(()).unwrap();
    running.await.unwrap();
    assert_eq!(network.account(&acme()).await, (0, 10, 0), "what is under way counts as used");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn windows_end_and_late_settlements_go_to_their_own() {
    let network = Network::new([budget("minute", Unit::Tokens, Period::Fixed(seconds(60)), 100)]);
    let limiter = network.limiter(1);
    let early = reserve(&limiter, 100).await.unwrap();
    let (_, used, retry_after) = exceeded(reserve(&limiter, 1).await);
    assert_eq!(used, 100);
    assert!(retry_after > Duration::from_secs(59) && retry_after < Duration::from_secs(60), "{retry_after:?}");
    advance(retry_after + Duration::from_millis(1)).await;
    reserve(&limiter, 100).await.unwrap().settle(usage(90));
    early.settle(usage(55));
    limiter.flush().await;
    assert_eq!(network.account(&acme()).await, (90, 10, 0), "a busy slice keeps its rest for a moment");
    limiter.flush().await;
    assert_eq!(network.account(&acme()).await, (90, 0, 0), "55 are of the minute before");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_slice_is_worth_nothing_in_the_next_window() {
    let network = Network::new([budget("minute", Unit::Tokens, Period::Fixed(seconds(60)), 6_400)]);
    let limiter = network.limiter(1);
    reserve(&limiter, 10).await.unwrap().settle(usage(10));
    assert_eq!(network.account(&acme()).await.1, 100, "90 of them are left");
    advance(Duration::from_secs(60)).await;
    reserve(&limiter, 10).await.unwrap().settle(usage(10));
    assert_eq!(network.leases(), 2);
    limiter.flush().await;
    assert_eq!(network.account(&acme()).await.0, 10, "booked in the window it was reserved in");
}

#[tokio::test(start_paused = true)]
async fn a_sliding_window_remembers_the_one_before() {
    let network = Network::new([budget("sliding", Unit::Requests, Period::Sliding(seconds(60)), 60)]);
    let limiter = network.limiter(1);
    for _ in 0..60 {
        reserve(&limiter, 0).await.unwrap().settle(usage(0));
    }
    limiter.flush().await;
    let (_, used, retry_after) = exceeded(reserve(&limiter, 0).await);
    assert_eq!(used, 60);
    // The minute ends, and one sixtieth of the next one passes.
    assert!(retry_after > Duration::from_secs(60) && retry_after <= Duration::from_secs(61), "{retry_after:?}");
    advance(retry_after - Duration::from_millis(20)).await;
    exceeded(reserve(&limiter, 0).await);
    advance(Duration::from_millis(600)).await;
    reserve(&limiter, 0).await.unwrap().settle(usage(0));
    advance(Duration::from_secs(29)).await;
    let mut let_through = 0;
    while let Ok(one) = reserve(&limiter, 0).await {
        one.settle(usage(0));
        let_through += 1;
    }
    assert!((28..=30).contains(&let_through), "half of the minute before has slid out: {let_through}");
}

#[tokio::test(start_paused = true)]
async fn a_changed_limit_holds_at_the_next_lease_and_a_removed_one_no_more() {
    let network = Network::new([tokens_per_day(100)]);
    let limiter = network.limiter(1);
    let (_stop, _running) = run(&limiter);
    reserve(&limiter, 100).await.unwrap().settle(usage(100));
    exceeded(reserve(&limiter, 1).await);
    network.store.put(tokens_per_day(150));
    sleep(Duration::from_millis(600)).await;
    reserve(&limiter, 50).await.unwrap().settle(usage(50));
    exceeded(reserve(&limiter, 1).await);
    assert!(network.store.remove(&tokens_per_day(1).id));
    sleep(Duration::from_secs(6)).await;
    reserve(&limiter, 1_000_000).await.unwrap().cancel();
    // Another unit under the same name counts anew.
    network.store.put(budget("daily-tokens", Unit::Requests, Period::Day(Tz::UTC), 1));
    sleep(Duration::from_secs(6)).await;
    reserve(&limiter, 1_000_000).await.unwrap().settle(usage(1));
    exceeded(reserve(&limiter, 1).await);
}

#[tokio::test(start_paused = true)]
async fn a_budget_of_one_tenant_is_nothing_to_others() {
    let mut own = tokens_per_day(100);
    own.tenant = Some(acme());
    let network = Network::new([own]);
    let limiter = network.limiter(1);
    reserve(&limiter, 100).await.unwrap().settle(usage(100));
    exceeded(reserve(&limiter, 1).await);
    let other = gatelog_model::TenantId::parse("other").unwrap();
    limiter.reserve(&other, estimate(1_000)).await.unwrap().settle(usage(1_000));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_price_is_refused_by_an_exhausted_budget_of_money() {
    let network = Network::new([budget("usd", Unit::PicoUsd, Period::Day(Tz::UTC), 100)]);
    let limiter = network.limiter(1);
    let unpriced = Estimate { tokens: 5, cost: None };
    limiter.reserve(&acme(), unpriced).await.unwrap().cancel();
    reserve(&limiter, 10).await.unwrap().settle(usage(10));
    assert!(matches!(limiter.reserve(&acme(), unpriced).await, Err(Refusal::Exceeded { .. })));
}

#[tokio::test(start_paused = true)]
async fn tenants_with_something_in_hand_are_never_forgotten() {
    let network = Network::new([tokens_per_day(1_000)]);
    let options = crate::LimiterOptions { tenants_max: 1, ..Default::default() };
    // One tenant per shard: with 200 tenants some meet.
    let limiter = network.limiter_with(1, options);
    let mut held = Vec::new();
    let mut refused = 0;
    for number in 0..200 {
        let tenant = gatelog_model::TenantId::parse(&format!("tenant {number}")).unwrap();
        match limiter.reserve(&tenant, estimate(100)).await {
            Ok(reservation) => held.push(reservation),
            Err(Refusal::TooManyTenants) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0 && held.len() + refused == 200);
    let kept = held.len() as u64;
    held.into_iter().for_each(|one| one.settle(usage(60)));
    // The second finds them idle.
    limiter.flush().await;
    limiter.flush().await;
    let statuses = crate::BudgetStore::statuses(&network.store, 1_000).await.unwrap();
    let spent: u64 = statuses.iter().filter_map(|status| status.standing).map(|standing| standing.account.spent).sum();
    assert_eq!(spent, kept * 60);
    assert_eq!(limiter.counts().tenants, 0);
}

#[tokio::test(start_paused = true)]
async fn thresholds_are_alerted_once_and_posted_by_one() {
    let network = Network::new([tokens_per_day(1_000)]);
    let limiters = [network.limiter(1), network.limiter(2)];
    for round in 0..20 {
        for limiter in &limiters {
            reserve(limiter, 25).await.unwrap().settle(usage(25));
            limiter.flush().await;
        }
        let due = network.store.claim_alerts(HolderId(9), 10, Duration::from_secs(60)).await.unwrap();
        let percents: Vec<_> = due.iter().map(|claimed| claimed.alert.threshold.percent()).collect();
        let expected: &[u8] = match round {
            15 => &[80],
            19 => &[100],
            _ => &[],
        };
        assert_eq!(percents, expected, "round {round}");
        for claimed in due {
            // It fails once, is due after the pause, and a claim from before is worth nothing then.
            assert!(network.store.mark_failed(&claimed.claim, Duration::from_secs(5)).await.unwrap());
            assert!(!network.store.mark_posted(&claimed.claim).await.unwrap());
            assert!(network.store.claim_alerts(HolderId(8), 10, Duration::from_secs(60)).await.unwrap().is_empty());
            advance(Duration::from_secs(5)).await;
            let again = network.store.claim_alerts(HolderId(8), 10, Duration::from_secs(60)).await.unwrap();
            assert_eq!((again.len(), again[0].claim.attempt), (1, 2));
            assert!(network.store.mark_posted(&again[0].claim).await.unwrap());
        }
    }
}
