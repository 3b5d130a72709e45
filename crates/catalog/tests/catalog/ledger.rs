//! Discovery, claims and leases on a real Postgres.

use std::{collections::HashSet, time::Duration};

use crate::common::{BUCKET, Fixture, LEASE, batch, events, listed, request};
use gatelog_catalog::{ClaimRequest, Quarantine, RetrySelection, Work};
use gatelog_model::QuarantineReason;
use uuid::Uuid;

#[tokio::test]
async fn a_listing_is_recorded_once_and_a_new_etag_is_a_new_object() {
    let fixture = Fixture::new().await;
    let mut page: Vec<_> = (0..2_500).map(listed).collect();
    assert_eq!(fixture.catalog.record_listed(BUCKET, &page).await.unwrap(), 2_500);
    assert_eq!(fixture.catalog.record_listed(BUCKET, &page).await.unwrap(), 0);
    page[7].etag = "rewritten".to_owned();
    assert_eq!(fixture.catalog.record_listed(BUCKET, &page).await.unwrap(), 1);
    assert_eq!(fixture.catalog.record_listed("other", &page[..1]).await.unwrap(), 1);
    // What is known already takes no number from the sequence.
    assert_eq!(fixture.count("SELECT max(id) FROM gatelog.source_object").await, 2_502);
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.source_object WHERE prefix = 'tenant/'").await, 2_502);
}

#[tokio::test]
async fn two_workers_with_the_same_listing_record_it_once() {
    let fixture = Fixture::new().await;
    let page: Vec<_> = (0..3_000).map(listed).collect();
    let reversed: Vec<_> = page.iter().rev().cloned().collect();
    let other = fixture.catalog.clone();
    let task = tokio::spawn(async move { other.record_listed(BUCKET, &reversed).await });
    let here = fixture.catalog.record_listed(BUCKET, &page).await.unwrap();
    assert_eq!(here + task.await.unwrap().unwrap(), 3_000);
}

#[tokio::test]
async fn claims_take_the_oldest_within_their_budget_and_at_least_one() {
    let fixture = Fixture::new().await;
    let objects: Vec<_> = (0..10).rev().map(listed).collect();
    fixture.catalog.record_listed(BUCKET, &objects).await.unwrap();
    let owner = Uuid::new_v4();
    let ask = |objects_max, bytes_max| ClaimRequest { objects_max, bytes_max, ..request(owner) };

    let three = fixture.catalog.claim(&ask(8, 3_500)).await.unwrap();
    assert_eq!(three.iter().map(|claim| claim.source.key.as_str()).collect::<Vec<_>>(), keys(0..3));
    assert_eq!(three[0].attempt, 1);
    assert_eq!((three[0].lease.epoch, three[0].lease.owner), (1, owner));
    assert_eq!(three[0].work, Work::Ingest);
    assert_eq!(three[0].source.window_start, listed(0).window_start);
    let one = fixture.catalog.claim(&ask(8, 10)).await.unwrap();
    assert_eq!(one.iter().map(|claim| claim.source.key.as_str()).collect::<Vec<_>>(), keys(3..4));
    let two = fixture.catalog.claim(&ask(2, u64::MAX)).await.unwrap();
    assert_eq!(two.iter().map(|claim| claim.source.key.as_str()).collect::<Vec<_>>(), keys(4..6));
    assert_eq!(fixture.catalog.claim(&ask(100, u64::MAX)).await.unwrap().len(), 4);
    assert_eq!(fixture.catalog.claim(&ask(100, u64::MAX)).await.unwrap(), []);
}

fn keys(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(|number| listed(number).key).collect()
}

#[tokio::test]
async fn eight_claimers_share_ten_thousand_objects_without_sharing_one() {
    let fixture = Fixture::new().await;
    let objects: Vec<_> = (0..10_000).map(listed).collect();
    fixture.catalog.record_listed(BUCKET, &objects).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let catalog = fixture.catalog.clone();
            tokio::spawn(async move {
                let owner = Uuid::new_v4();
                let mut mine = Vec::new();
                let mut empty = 0;
                // A claim may come back empty while others have the last rows locked.
                while empty < 20 {
                    let claims = catalog.claim(&request(owner)).await.unwrap();
                    empty = if claims.is_empty() { empty + 1 } else { 0 };
                    mine.extend(claims.into_iter().map(|claim| claim.lease.object));
                    assert!(mine.len() <= 10_000, "objects come again and again");
                }
                mine
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "an object was claimed twice");
    assert_eq!(all.len(), 10_000);
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.source_object WHERE lease_epoch = 1").await, 10_000);
}

#[tokio::test]
async fn a_lease_that_ran_out_is_taken_over_with_the_next_epoch() {
    let fixture = Fixture::new().await;
    fixture.catalog.record_listed(BUCKET, &[listed(0)]).await.unwrap();
    let (slow, quick) = (Uuid::new_v4(), Uuid::new_v4());
    let first = fixture.catalog.claim(&ClaimRequest { lease: Duration::ZERO, ..request(slow) }).await.unwrap();
    let second = fixture.claim(quick).await;
    assert_eq!(second[0].lease.object, first[0].lease.object);
    assert_eq!((first[0].lease.epoch, second[0].lease.epoch, second[0].attempt), (1, 2, 2));
    // The loser can do nothing to it any more.
    assert_eq!(fixture.catalog.extend_leases(slow, LEASE).await.unwrap(), 0);
    assert_eq!(fixture.catalog.release(&[first[0].lease], Duration::ZERO).await.unwrap(), 0);
    let reason = Quarantine { reason: QuarantineReason::CorruptGzip, offset: Some(1) };
    assert!(!fixture.catalog.quarantine(&first[0].lease, &reason).await.unwrap());
    assert_eq!(fixture.catalog.release_all(slow).await.unwrap(), 0);
    assert!(fixture.claim(slow).await.is_empty());
}

#[tokio::test]
async fn renewing_keeps_a_lease_and_skips_what_is_being_committed() {
    let fixture = Fixture::new().await;
    let owner = Uuid::new_v4();
    fixture.catalog.record_listed(BUCKET, &[listed(0), listed(1)]).await.unwrap();
    let claims = fixture.catalog.claim(&ClaimRequest { lease: Duration::ZERO, ..request(owner) }).await.unwrap();
    assert_eq!(fixture.catalog.extend_leases(owner, LEASE).await.unwrap(), 2);
    assert!(fixture.claim(Uuid::new_v4()).await.is_empty());

    let commit = batch(1, &[(&claims[0], events([1]))]);
    let staged = crate::common::staged(&fixture.catalog, &commit).await;
    assert_eq!(fixture.catalog.extend_leases(owner, LEASE).await.unwrap(), 1);
    crate::common::finish(staged, &commit).await;
}

#[tokio::test]
async fn released_objects_come_back_after_their_pause() {
    let fixture = Fixture::new().await;
    let owner = Uuid::new_v4();
    let claims = fixture.claimed(2, owner).await;
    let hour = Duration::from_secs(3_600);
    assert_eq!(fixture.catalog.release(&[claims[0].lease], hour).await.unwrap(), 1);
    assert_eq!(fixture.catalog.release(&[claims[1].lease], Duration::ZERO).await.unwrap(), 1);
    let again = fixture.claim(owner).await;
    assert_eq!(
        again.iter().map(|claim| (claim.lease.object, claim.attempt)).collect::<Vec<_>>(),
        [(claims[1].lease.object, 2)]
    );
    // A shutdown is nobody's fault: the attempt does not count.
    assert_eq!(fixture.catalog.release_all(owner).await.unwrap(), 1);
    assert_eq!(fixture.claim(owner).await[0].attempt, 2);
}

#[tokio::test]
async fn quarantined_objects_stay_away_until_somebody_asks() {
    let fixture = Fixture::new().await;
    let owner = Uuid::new_v4();
    let claims = fixture.claimed(3, owner).await;
    let corrupt = QuarantineReason::CorruptGzip;
    for (claim, reason) in claims.iter().zip([corrupt, corrupt, QuarantineReason::Missing]) {
        let quarantine = Quarantine { reason, offset: Some(77) };
        assert!(fixture.catalog.quarantine(&claim.lease, &quarantine).await.unwrap());
    }
    assert!(fixture.claim(owner).await.is_empty());
    let list = fixture.catalog.list_quarantine(&Default::default(), 10).await.unwrap();
    assert_eq!(list.len(), 3);
    assert_eq!((list[0].reason.as_deref(), list[0].offset), (Some("corrupt_gzip"), Some(77)));

    let missing = RetrySelection::Reason("missing".to_owned());
    assert_eq!(fixture.catalog.request_retry(&missing).await.unwrap(), 1);
    assert_eq!(fixture.claim(owner).await[0].lease.object, claims[2].lease.object);
    let first = RetrySelection::Objects(vec![claims[0].lease.object]);
    assert_eq!(fixture.catalog.request_retry(&first).await.unwrap(), 1);
    assert_eq!(fixture.catalog.request_retry(&RetrySelection::All).await.unwrap(), 1);
    let back = fixture.claim(owner).await;
    assert_eq!(back.iter().map(|claim| claim.attempt).collect::<Vec<_>>(), [1, 1]);
    let report = fixture.catalog.show_object(claims[0].lease.object).await.unwrap().unwrap();
    assert_eq!((report.row.state.as_str(), report.row.quarantine_reason), ("discovered", None));
}
