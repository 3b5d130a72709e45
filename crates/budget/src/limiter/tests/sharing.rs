//! Several limiters on one store.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::sleep;

use super::support::*;
use crate::Limiter;

/// Reserves and uses `tokens` again and again until refused for good; says how much was used.
async fn use_up(limiter: &Limiter, tokens: u64) -> u64 {
    let (mut used, mut refusals) = (0, 0);
    // An idle remainder of another process comes back within two flushes.
    while refusals < 8 {
        match reserve(limiter, tokens).await {
            Ok(reservation) => {
                reservation.settle(usage(tokens));
                (used, refusals) = (used + tokens, 0);
            }
            Err(_) => {
                refusals += 1;
                sleep(Duration::from_millis(500)).await;
            }
        }
    }
    used
}

#[tokio::test(start_paused = true)]
async fn nearly_all_is_usable_though_one_of_three_vanishes_with_its_lease() {
    for limit in [1_000, 64_000, 10_000_000] {
        let network = Network::new([tokens_per_day(limit)]);
        let limiters = [network.limiter(1), network.limiter(2), network.limiter(3)];
        let running: Vec<_> = limiters[..2].iter().map(run).collect();
        // The third has used little when it dies; nobody hears of it again.
        let lost = reserve(&limiters[2], 5).await.unwrap();
        std::mem::forget(lost);
        let (one, two) = tokio::join!(use_up(&limiters[0], 5), use_up(&limiters[1], 5));
        assert!(one + two <= limit);
        assert!((one + two) * 100 >= limit * 95, "{one} + {two} of {limit}");
        assert!(one > 0 && two > 0);
        let (spent, leased, _) = network.account(&acme()).await;
        assert_eq!(spent, one + two);
        assert!(leased > 0 && leased <= (limit / 64).max(5), "the slice of the dead counts as spent: {leased}");
        drop(running);
    }
}

#[tokio::test(start_paused = true)]
async fn all_of_it_is_usable_when_nobody_dies() {
    let network = Network::new([tokens_per_day(10_000)]);
    let limiters = [network.limiter(1), network.limiter(2), network.limiter(3)];
    let running: Vec<_> = limiters.iter().map(run).collect();
    let (one, two, three) = tokio::join!(use_up(&limiters[0], 7), use_up(&limiters[1], 11), use_up(&limiters[2], 13));
    let used = one + two + three;
    assert!(used <= 10_000 && used > 10_000 - 7 - 11 - 13, "{used}");
    for (stop, running) in running {
        stop.send(()).unwrap();
        running.await.unwrap();
    }
    assert_eq!(network.account(&acme()).await, (used, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_crowd_asks_once_for_all() {
    let network = Network::new([tokens_per_day(1_000)]);
    let limiter = network.limiter(1);
    network.be_slow(Duration::from_millis(20));
    let crowd: Vec<_> = (0..100)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { reserve(&limiter, 10).await })
        })
        .collect();
    for one in crowd {
        one.await.unwrap().unwrap().settle(usage(10));
    }
    // The first asks for itself; the others gather while it does, and the second call brings what they all need.
    assert_eq!(network.leases(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_refusals_stays_here() {
    let network = Network::new([tokens_per_day(100)]);
    let limiter = network.limiter(1);
    reserve(&limiter, 100).await.unwrap().settle(usage(100));
    let before = network.leases();
    for _ in 0..1_000 {
        exceeded(reserve(&limiter, 10).await);
        sleep(Duration::from_millis(2)).await;
    }
    let asked = network.leases() - before;
    assert!((4..=6).contains(&asked), "once in half a second, {asked} times in two seconds");
    assert_eq!(limiter.counts().refusals, 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_need_than_the_refused_one_is_asked_for() {
    let network = Network::new([tokens_per_day(100)]);
    let limiter = network.limiter(1);
    reserve(&limiter, 90).await.unwrap().settle(usage(90));
    exceeded(reserve(&limiter, 50).await);
    reserve(&limiter, 10).await.unwrap().settle(usage(10));
}

#[tokio::test(start_paused = true)]
async fn a_reserve_that_is_dropped_leaves_nothing_taken() {
    let network = Network::new([tokens_per_day(100)]);
    let limiter = network.limiter(1);
    reserve(&limiter, 1).await.unwrap().cancel();
    network.be_slow(Duration::from_millis(50));
    let hasty = tokio::time::timeout(Duration::from_millis(10), reserve(&limiter, 60)).await;
    assert!(hasty.is_err());
    sleep(Duration::from_millis(100)).await;
    assert_eq!(network.account(&acme()).await.1, 60, "the call went to its end");
    reserve(&limiter, 100).await.unwrap().cancel();
}

#[tokio::test(start_paused = true)]
async fn flushing_says_nothing_when_there_is_nothing_to_say() {
    let network = Network::new([tokens_per_day(64_000)]);
    let limiter = network.limiter(1);
    let held = reserve(&limiter, 1_000).await.unwrap();
    limiter.flush().await;
    limiter.flush().await;
    assert_eq!(network.settle_calls.load(Ordering::Relaxed), 0);
    held.settle(usage(1_000));
    limiter.flush().await;
    assert_eq!(network.settle_calls.load(Ordering::Relaxed), 1);
}
