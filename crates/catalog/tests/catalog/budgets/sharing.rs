//! Several gateways at once.

use std::sync::Arc;

use gatelog_budget::{Estimate, HolderId, LeaseAnswer, LeaseId, Limiter, LimiterOptions, Refusal, Usage};
use gatelog_catalog::Catalog;
use tokio::task::JoinSet;

use super::support::*;
use crate::common::{Fixture, connect};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_connections_that_lease_at_once_never_grant_too_much() {
    let fixture = Fixture::new().await;
    let tokens = tokens(&fixture, 1_000).await;
    let catalogs = [connect(&fixture.url).await, connect(&fixture.url).await];
    let mut tasks = JoinSet::new();
    for number in 0..8_u64 {
        let catalog = catalogs[usize::try_from(number % 2).unwrap()].clone();
        let mut holder = Holder::new(u128::from(number) + 1, &tokens);
        tasks.spawn(async move {
            let mut granted = 0;
            while let LeaseAnswer::Granted { amount, .. } = holder.lease(&catalog, 1 + number % 3).await {
                granted += amount;
            }
            granted
        });
    }
    let granted: u64 = tasks.join_all().await.into_iter().sum();
    assert!((998..=1_000).contains(&granted), "{granted}");
    let (spent, leased, _) = totals(&fixture).await;
    assert_eq!((spent, leased), (0, i64::try_from(granted).unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_request_twice_at_once_is_granted_once() {
    let fixture = Fixture::new().await;
    let tokens = tokens(&fixture, 1_000).await;
    for round in 0..20_u64 {
        let holder = Holder { lease: LeaseId(round + 1), ..Holder::new(1, &tokens) };
        let request = holder.request(10);
        let (one, two) = tokio::join!(fixture.catalog.lease_budget(&request), fixture.catalog.lease_budget(&request));
        let answers = [one.unwrap(), two.unwrap()];
        let granted = answers.iter().filter(|answer| matches!(answer, LeaseAnswer::Granted { .. })).count();
        assert_eq!(granted, 1, "{answers:?}");
        assert!(answers.contains(&LeaseAnswer::Fenced), "{answers:?}");
    }
    let leases = fixture.count("SELECT count(*) FROM gatelog.budget_lease").await;
    assert_eq!(leases, 20);
    totals(&fixture).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn settlements_of_the_same_windows_in_any_order_do_not_wait_for_each_other_for_ever() {
    let fixture = Fixture::new().await;
    let tokens = tokens(&fixture, 1_000_000).await;
    let mut tasks = JoinSet::new();
    for number in 1..=4_u128 {
        let catalog = fixture.catalog.clone();
        let tokens = tokens.clone();
        tasks.spawn(async move {
            let mut holders: Vec<_> = (0..20_u64)
                .map(|name| Holder {
                    tenant: tenant(&format!("tenant {name}")),
                    lease: LeaseId(name + 1),
                    ..Holder::new(number, &tokens)
                })
                .collect();
            if number % 2 == 0 {
                holders.reverse();
            }
            for holder in &mut holders {
                holder.granted(&catalog, 10).await;
            }
            for _ in 0..20 {
                let reports: Vec<_> = holders
                    .iter_mut()
                    .map(|holder| {
                        holder.spend(1, 0);
                        holder.next_report(false)
                    })
                    .collect();
                catalog.settle_budgets(HolderId(number), &reports).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(totals(&fixture).await.0, 4 * 20 * 20);
}

async fn use_up(limiter: Limiter, request: u64) -> u64 {
    let (mut used, mut refusals) = (0, 0);
    // A busy slice keeps its rest for a flush or two: wait that long before believing that nothing is left.
    while refusals < 6 {
        match limiter.reserve(&tenant("acme"), Estimate { tokens: request * 2, cost: None }).await {
            Ok(reservation) => {
                tokio::task::yield_now().await;
                reservation.settle(Usage { tokens: request, cost: None });
                (used, refusals) = (used + request, 0);
            }
            Err(Refusal::Exceeded { .. }) => {
                refusals += 1;
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            Err(other) => panic!("{other}"),
        }
    }
    used
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_gateways_share_a_budget_and_use_nearly_all_of_it() {
    let fixture = Fixture::new().await;
    tokens(&fixture, 20_000).await;
    let options = LimiterOptions {
        flush_interval: std::time::Duration::from_millis(100),
        refusal_cache: std::time::Duration::from_millis(50),
        ..Default::default()
    };
    let (mut users, mut background, mut stops) = (JoinSet::new(), JoinSet::new(), Vec::new());
    for number in 1..=3_u128 {
        let catalog: Catalog = connect(&fixture.url).await;
        let limiter = Limiter::new(Arc::new(catalog), HolderId(number), None, options.clone());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        stops.push(stop);
        background.spawn(limiter.clone().run(async {
            let _either_way_it_ends = stopped.await;
        }));
        for _ in 0..4 {
            users.spawn(use_up(limiter.clone(), 10));
        }
    }
    let used: u64 = users.join_all().await.into_iter().sum();
    drop(stops);
    background.join_all().await;
    assert!((19_000..=20_000).contains(&used), "{used}");
    assert_eq!(totals(&fixture).await, (i64::try_from(used).unwrap(), 0, 0));
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.budget_lease").await, 0, "everything went back");
}

#[tokio::test]
async fn a_store_that_is_gone_is_an_error_that_may_pass() {
    let fixture = Fixture::new().await;
    let tokens = tokens(&fixture, 100).await;
    let gone = connect(&fixture.url).await;
    gone.close().await;
    let error = gone.lease_budget(&Holder::new(1, &tokens).request(1)).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    let limiter = Limiter::new(Arc::new(gone), HolderId(1), None, LimiterOptions::default());
    let refused = limiter.reserve(&tenant("acme"), Estimate { tokens: 1, cost: None }).await;
    assert!(matches!(refused, Err(Refusal::StoreDown)));
}
