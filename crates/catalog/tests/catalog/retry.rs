//! Rejects that are read again: the ledger balances at every step.

use crate::common::{BUCKET, Fixture, Lines, add_events, batch, empty_batch, events, listed, reject};
use gatelog_catalog::{
    Claim, CommitBatch, CommitKind, ObjectCommit, QuarantineFilter, Resolved, ResolvedLine, RetrySelection, StageError,
    StageOutcome, Work,
};
use gatelog_model::{Reject, RejectReason};
use uuid::Uuid;

/// One object of ten lines: five events, one duplicate, three `no_key` and one `not_json`.
async fn committed(fixture: &Fixture) -> Claim {
    let claim = fixture.claimed(1, Uuid::new_v4()).await.remove(0);
    let mut rejects: Vec<_> = [2, 4, 6].map(|line| reject(line, RejectReason::NoKey)).into();
    rejects.push(reject(9, RejectReason::NotJson));
    let lines = Lines { duplicates: 1, rejects, key_ring: Some("ring-a".to_owned()), ..events(0..5) };
    fixture.commit(&batch(1, &[(&claim, lines)])).await;
    claim
}

fn resolved(line: u64, became: Resolved) -> ResolvedLine {
    ResolvedLine { line, became }
}

fn retry(
    commit_seq: i64,
    claim: &Claim,
    resolved: Vec<ResolvedLine>,
    still: Vec<Reject>,
    labels: &[u64],
) -> CommitBatch {
    let mut batch = empty_batch(commit_seq, claim.lease.owner);
    let kind = CommitKind::Retry { resolved, still, key_ring: Some("ring-b".to_owned()) };
    batch.objects.push(ObjectCommit { lease: claim.lease, kind });
    add_events(&mut batch, claim, labels);
    batch
}

#[tokio::test]
async fn a_new_key_moves_rejects_to_events_and_duplicates() {
    let fixture = Fixture::new().await;
    let first = committed(&fixture).await;
    assert_eq!(fixture.catalog.request_key_retries("ring-a").await.unwrap(), 0, "the same ring opens nothing new");
    assert_eq!(fixture.catalog.request_key_retries("ring-b").await.unwrap(), 1);
    assert_eq!(fixture.catalog.request_key_retries("ring-b").await.unwrap(), 0, "asked for already");

    let claim = fixture.claim(Uuid::new_v4()).await.remove(0);
    assert_eq!((claim.lease.object, claim.lease.epoch, claim.attempt), (first.lease.object, 2, 1));
    let Work::RetryRejects(open) = &claim.work else { panic!("{claim:?}") };
    assert_eq!(open.iter().map(|reject| reject.line).collect::<Vec<_>>(), [2, 4, 6, 9]);
    assert_eq!(open[0], reject(2, RejectReason::NoKey));

    let lines = vec![resolved(2, Resolved::Event), resolved(4, Resolved::Duplicate)];
    let still = vec![reject(6, RejectReason::NoKey)];
    fixture.commit(&retry(2, &claim, lines, still, &[50])).await;

    let totals = fixture.catalog.ledger_totals().await.unwrap();
    assert!(totals.is_balanced(), "{totals:?}");
    assert_eq!((totals.tally.lines, totals.tally.events, totals.tally.duplicates, totals.open_rejects), (10, 6, 2, 2));
    let report = fixture.catalog.show_object(claim.lease.object).await.unwrap().unwrap();
    let commits: Vec<_> = report.rejects.iter().map(|row| (row.reject.line, row.resolved_commit_seq)).collect();
    assert_eq!(commits, [(2, Some(2)), (4, Some(2)), (6, None), (9, None)]);
    assert_eq!(report.rejects[2].key_ring.as_deref(), Some("ring-b"));
    assert_eq!(report.rejects[3].key_ring, None, "no key was tried on it");
    assert_eq!(report.row.commit_seq, Some(1), "the object was committed before");
    assert_eq!(fixture.catalog.request_key_retries("ring-b").await.unwrap(), 0);
    assert!(fixture.claim(Uuid::new_v4()).await.is_empty());
}

#[tokio::test]
async fn a_retry_is_fenced_like_any_commit() {
    let fixture = Fixture::new().await;
    let first = committed(&fixture).await;
    fixture.catalog.request_retry(&RetrySelection::All).await.unwrap();
    let claim = fixture.claim(Uuid::new_v4()).await.remove(0);
    let commit = retry(2, &claim, vec![resolved(2, Resolved::Event)], vec![], &[50]);
    let stale = retry(3, &first, vec![resolved(2, Resolved::Event)], vec![], &[51]);
    let outcome = fixture.catalog.begin_commit().await.unwrap().stage(&stale).await.unwrap();
    assert!(matches!(outcome, StageOutcome::LeaseLost(_)), "{outcome:?}");
    fixture.commit(&commit).await;
    let before = fixture.everything().await;
    let outcome = fixture.catalog.begin_commit().await.unwrap().stage(&commit).await.unwrap();
    assert!(matches!(outcome, StageOutcome::LeaseLost(_)), "{outcome:?}");
    assert_eq!(fixture.everything().await, before);
}

#[tokio::test]
async fn only_open_rejects_can_be_resolved() {
    let fixture = Fixture::new().await;
    committed(&fixture).await;
    fixture.catalog.request_retry(&RetrySelection::All).await.unwrap();
    let claim = fixture.claim(Uuid::new_v4()).await.remove(0);
    let before = fixture.everything().await;
    for line in [1, 99] {
        let commit = retry(2, &claim, vec![resolved(line, Resolved::Event)], vec![], &[50]);
        let error = fixture.catalog.begin_commit().await.unwrap().stage(&commit).await.unwrap_err();
        assert!(matches!(error, StageError::RowCount { expected: 1, found: 0, .. }), "{error}");
    }
    assert_eq!(fixture.everything().await, before);
    fixture.commit(&retry(3, &claim, vec![resolved(2, Resolved::Event)], vec![], &[50])).await;
    fixture.catalog.request_retry(&RetrySelection::All).await.unwrap();
    let claim = fixture.claim(Uuid::new_v4()).await.remove(0);
    let before = fixture.everything().await;
    let again = retry(4, &claim, vec![resolved(2, Resolved::Event)], vec![], &[51]);
    let error = fixture.catalog.begin_commit().await.unwrap().stage(&again).await.unwrap_err();
    assert!(matches!(error, StageError::RowCount { expected: 1, found: 0, .. }), "{error}");
    // The same line twice: the ledger would go below what the rejects say.
    let twice = vec![resolved(4, Resolved::Duplicate); 5];
    assert!(fixture.catalog.begin_commit().await.unwrap().stage(&retry(5, &claim, twice, vec![], &[])).await.is_err());
    assert_eq!(fixture.everything().await, before);
}

#[tokio::test]
async fn a_retry_can_be_dropped_and_its_rejects_stay_open() {
    let fixture = Fixture::new().await;
    committed(&fixture).await;
    assert_eq!(fixture.catalog.request_retry(&RetrySelection::Reason("not_json".to_owned())).await.unwrap(), 1);
    let claim = fixture.claim(Uuid::new_v4()).await.remove(0);
    assert!(fixture.catalog.drop_retry(&claim.lease).await.unwrap());
    assert!(!fixture.catalog.drop_retry(&claim.lease).await.unwrap());
    assert!(fixture.claim(Uuid::new_v4()).await.is_empty());

    let all = fixture.catalog.list_quarantine(&QuarantineFilter::default(), 10).await.unwrap();
    assert_eq!(all[0].open_rejects, [("no_key".to_owned(), 3), ("not_json".to_owned(), 1)].into());
    assert_eq!((all[0].reason.as_deref(), all[0].retry_requested), (None, false));
    for (reason, key_prefix, found) in
        [(Some("no_key"), None, 1), (Some("tampered"), None, 0), (None, Some("tenant/"), 1), (None, Some("x"), 0)]
    {
        let filter = QuarantineFilter { reason: reason.map(str::to_owned), key_prefix: key_prefix.map(str::to_owned) };
        assert_eq!(fixture.catalog.list_quarantine(&filter, 10).await.unwrap().len(), found, "{filter:?}");
    }
}

#[tokio::test]
async fn retries_leave_room_for_new_objects() {
    let fixture = Fixture::new().await;
    let claims = fixture.claimed(8, Uuid::new_v4()).await;
    let bad = Lines { rejects: vec![reject(1, RejectReason::NotJson)], ..Lines::default() };
    let objects: Vec<_> = claims.iter().map(|claim| (claim, bad.clone())).collect();
    fixture.commit(&batch(1, &objects)).await;
    assert_eq!(fixture.catalog.request_retry(&RetrySelection::All).await.unwrap(), 8);
    fixture.catalog.record_listed(BUCKET, &(100..120).map(listed).collect::<Vec<_>>()).await.unwrap();
    let mixed = fixture
        .catalog
        .claim(&gatelog_catalog::ClaimRequest { objects_max: 8, ..crate::common::request(Uuid::new_v4()) })
        .await
        .unwrap();
    let retries = mixed.iter().filter(|claim| claim.work != Work::Ingest).count();
    assert_eq!((mixed.len(), retries), (8, 2));
}
