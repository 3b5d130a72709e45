//! The commit on a real Postgres: all or nothing, once, and only for who holds the leases.

use std::time::Duration;

use crate::common::{
    BUCKET, FIRST_METADATA, Fixture, Lines, batch, digest, events, line_digest, listed, reject, request, staged, swap,
    table,
};
use gatelog_catalog::{ClaimRequest, CommitError, CommitKind, ObjectDigests, StageError, StageOutcome};
use gatelog_model::{ObjectId, RejectReason};
use uuid::Uuid;

#[tokio::test]
async fn a_commit_shows_everything_at_once_and_balances() {
    let fixture = Fixture::new().await;
    let claims = fixture.claimed(3, Uuid::new_v4()).await;
    let commit_seq = fixture.catalog.next_commit_seq().await.unwrap();
    let mixed = Lines { duplicates: 2, rejects: vec![reject(3, RejectReason::NotJson)], ..events(10..14) };
    let commit = batch(commit_seq, &[(&claims[0], events(0..5)), (&claims[1], mixed), (&claims[2], Lines::default())]);

    let mut staged = staged(&fixture.catalog, &commit).await;
    swap(&mut staged, &commit).await;
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.line_block").await, 0, "nothing shows before COMMIT");
    assert_eq!(fixture.catalog.load_pointer(&table()).await.unwrap().unwrap().metadata_location, FIRST_METADATA);
    staged.commit().await.unwrap();

    let totals = fixture.catalog.ledger_totals().await.unwrap();
    assert!(totals.is_balanced(), "{totals:?}");
    assert_eq!((totals.committed, totals.tally.lines, totals.tally.events), (3, 12, 9));
    assert_eq!((totals.tally.duplicates, totals.open_rejects, totals.rollup_requests), (2, 1, 9));
    let pointer = fixture.catalog.load_pointer(&table()).await.unwrap().unwrap();
    assert_eq!(pointer.metadata_location, "s3://lake/metadata/00001.json");
    assert_eq!(pointer.previous.as_deref(), Some(FIRST_METADATA));
    assert!(fixture.catalog.commit_outcome(commit_seq).await.unwrap());
    let leased = "SELECT count(*) FROM gatelog.source_object WHERE lease_owner IS NOT NULL OR attempt <> 0";
    assert_eq!(fixture.count(leased).await, 0);
    let report = fixture.catalog.show_object(claims[1].lease.object).await.unwrap().unwrap();
    assert_eq!((report.row.lines, report.row.commit_seq), (Some(7), Some(commit_seq)));
    assert_eq!(report.rejects[0].reject, reject(3, RejectReason::NotJson));
}

#[tokio::test]
async fn the_same_commit_again_changes_nothing() {
    let fixture = Fixture::new().await;
    let claims = fixture.claimed(2, Uuid::new_v4()).await;
    let commit = batch(1, &[(&claims[0], events(0..5)), (&claims[1], events(5..9))]);
    fixture.commit(&commit).await;
    let before = fixture.everything().await;
    let outcome = fixture.catalog.begin_commit().await.unwrap().stage(&commit).await.unwrap();
    let StageOutcome::LeaseLost(lost) = outcome else { panic!("{outcome:?}") };
    assert_eq!(lost, [claims[0].lease.object, claims[1].lease.object]);
    assert_eq!(fixture.everything().await, before);
}

#[tokio::test]
async fn the_same_commit_twice_at_once_takes_effect_once() {
    let fixture = Fixture::new().await;
    let claims = fixture.claimed(20, Uuid::new_v4()).await;
    for (commit_seq, claim) in (1..).zip(&claims) {
        let commit = batch(commit_seq, &[(claim, events([commit_seq.unsigned_abs()]))]);
        let tasks = [0, 1].map(|_| {
            let (catalog, commit) = (fixture.catalog.clone(), commit.clone());
            tokio::spawn(async move {
                match catalog.begin_commit().await.unwrap().stage(&commit).await.unwrap() {
                    StageOutcome::Staged(staged) => {
                        crate::common::finish(staged, &commit).await;
                        true
                    }
                    StageOutcome::LeaseLost(_) => false,
                    StageOutcome::Duplicates(_) => panic!("the lease is lost before the digests count"),
                }
            })
        });
        let mut done = 0;
        for task in tasks {
            done += u64::from(task.await.unwrap());
        }
        assert_eq!(done, 1);
    }
    let totals = fixture.catalog.ledger_totals().await.unwrap();
    assert!(totals.is_balanced(), "{totals:?}");
    assert_eq!((totals.commits, totals.tally.events), (20, 20));
}

#[tokio::test]
async fn a_stolen_lease_refuses_the_whole_batch_of_the_loser() {
    let fixture = Fixture::new().await;
    fixture.catalog.record_listed(BUCKET, &[listed(0), listed(1)]).await.unwrap();
    let expired = |owner| ClaimRequest { lease: Duration::ZERO, ..request(owner) };
    let slow = fixture.catalog.claim(&expired(Uuid::new_v4())).await.unwrap();
    let thief = fixture.catalog.claim(&ClaimRequest { objects_max: 1, ..request(Uuid::new_v4()) }).await.unwrap();

    let commit = batch(1, &[(&slow[0], events([1])), (&slow[1], events([2]))]);
    let before = fixture.everything().await;
    let outcome = fixture.catalog.begin_commit().await.unwrap().stage(&commit).await.unwrap();
    let StageOutcome::LeaseLost(lost) = outcome else { panic!("{outcome:?}") };
    assert_eq!(lost, [slow[0].lease.object]);
    assert_eq!(fixture.everything().await, before);

    fixture.commit(&batch(2, &[(&thief[0], events([1]))])).await;
    // Run out but not taken over: still ours.
    fixture.commit(&batch(3, &[(&slow[1], events([2]))])).await;
    assert!(fixture.catalog.ledger_totals().await.unwrap().is_balanced());
    assert!(!fixture.catalog.commit_outcome(1).await.unwrap());
}

#[tokio::test]
async fn an_older_claim_by_the_same_worker_is_refused_too() {
    let fixture = Fixture::new().await;
    fixture.catalog.record_listed(BUCKET, &[listed(0)]).await.unwrap();
    let worker = Uuid::new_v4();
    let first = fixture.catalog.claim(&ClaimRequest { lease: Duration::ZERO, ..request(worker) }).await.unwrap();
    let second = fixture.claim(worker).await;
    let commit = batch(1, &[(&first[0], events([1]))]);
    let outcome = fixture.catalog.begin_commit().await.unwrap().stage(&commit).await.unwrap();
    assert!(matches!(outcome, StageOutcome::LeaseLost(_)), "{outcome:?}");
    fixture.commit(&batch(2, &[(&second[0], events([1]))])).await;
}

#[tokio::test]
async fn a_line_committed_meanwhile_is_found_and_named() {
    let fixture = Fixture::new().await;
    let claims = fixture.claimed(2, Uuid::new_v4()).await;
    let first = batch(1, &[(&claims[0], events([1, 2, 3]))]);
    let second = batch(2, &[(&claims[1], events([3, 4]))]);
    assert!(fixture.catalog.known_digests(&[line_digest(3)]).await.unwrap().is_empty());

    let staged = staged(&fixture.catalog, &first).await;
    let catalog = fixture.catalog.clone();
    let racing = second.clone();
    let race = tokio::spawn(async move { catalog.begin_commit().await.unwrap().stage(&racing).await.unwrap() });
    crate::common::finish(staged, &first).await;
    let outcome = race.await.unwrap();
    let StageOutcome::Duplicates(found) = outcome else { panic!("{outcome:?}") };
    assert_eq!(found, [(line_digest(3), claims[1].lease.object)]);
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.line_block").await, 3);

    fixture.commit(&batch(3, &[(&claims[1], Lines { duplicates: 1, ..events([4]) })])).await;
    let totals = fixture.catalog.ledger_totals().await.unwrap();
    assert!(totals.is_balanced() && totals.tally.duplicates == 1, "{totals:?}");
    let known = fixture.catalog.known_digests(&[3, 4, 5].map(line_digest)).await.unwrap();
    assert_eq!(known, [3, 4].map(line_digest).into());
}

#[tokio::test]
async fn a_line_that_stands_twice_in_a_batch_is_found() {
    let fixture = Fixture::new().await;
    let claims = fixture.claimed(2, Uuid::new_v4()).await;
    let commit = batch(1, &[(&claims[0], events([1, 2, 2])), (&claims[1], events([1]))]);
    let outcome = fixture.catalog.begin_commit().await.unwrap().stage(&commit).await.unwrap();
    let StageOutcome::Duplicates(mut found) = outcome else { panic!("{outcome:?}") };
    found.sort_unstable();
    assert_eq!(found, [(line_digest(1), claims[1].lease.object), (line_digest(2), claims[0].lease.object)]);
}

#[tokio::test]
async fn a_redelivered_object_is_known_at_any_age() {
    let fixture = Fixture::new().await;
    let claims = fixture.claimed(3, Uuid::new_v4()).await;
    fixture.commit(&batch(1, &[(&claims[0], events([1])), (&claims[1], Lines::default())])).await;
    assert_eq!(fixture.catalog.expire_line_digests(Duration::ZERO, 10).await.unwrap(), 1);
    let [full, empty, new] = [0, 1, 2].map(|index: usize| claims[index].lease.object);
    let label = |object: ObjectId| u64::try_from(object.0).unwrap();
    let ask = |object, sha256, lines_digest, lines| {
        let catalog = fixture.catalog.clone();
        let digests = ObjectDigests { object, sha256: digest(sha256), lines_digest: digest(lines_digest), lines };
        async move { !catalog.known_objects(&[digests]).await.unwrap().is_empty() }
    };
    assert!(ask(new, label(full), 9, 1).await, "same bytes");
    assert!(ask(new, 9, label(full) + 1_000_000, 1).await, "same lines, other bytes");
    assert!(!ask(new, 9, 9, 1).await, "another object");
    assert!(!ask(full, label(full), label(full) + 1_000_000, 1).await, "the object itself");
    assert!(!ask(new, label(empty), label(empty) + 1_000_000, 0).await, "empty ones are all alike");
    assert!(!ask(new, label(empty), label(empty) + 1_000_000, 1).await, "an empty one is no original");
}

#[tokio::test]
async fn digests_expire_in_steps() {
    let fixture = Fixture::new().await;
    let claims = fixture.claimed(1, Uuid::new_v4()).await;
    fixture.commit(&batch(1, &[(&claims[0], events(0..100))])).await;
    let day = Duration::from_secs(86_400);
    assert_eq!(fixture.catalog.expire_line_digests(day, 1_000).await.unwrap(), 0);
    assert_eq!(fixture.catalog.expire_line_digests(Duration::ZERO, 60).await.unwrap(), 60);
    assert_eq!(fixture.catalog.expire_line_digests(Duration::ZERO, 60).await.unwrap(), 40);
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.line_block").await, 0);
}

#[tokio::test]
async fn a_batch_without_events_needs_no_pointer() {
    let fixture = Fixture::new().await;
    let claims = fixture.claimed(1, Uuid::new_v4()).await;
    let rejects = vec![reject(1, RejectReason::NotObject)];
    let commit = batch(1, &[(&claims[0], Lines { duplicates: 3, rejects, ..Lines::default() })]);
    fixture.commit(&commit).await;
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.lake_commit WHERE snapshot_id IS NULL").await, 1);
    assert!(fixture.catalog.ledger_totals().await.unwrap().is_balanced());
}

#[tokio::test]
async fn files_and_pointer_go_together() {
    let fixture = Fixture::new().await;
    let claims = fixture.claimed(1, Uuid::new_v4()).await;
    let commit = batch(1, &[(&claims[0], events([1]))]);
    let before = fixture.everything().await;

    let error = staged(&fixture.catalog, &commit).await.commit().await.unwrap_err();
    assert!(matches!(error, CommitError::PointerMissing { files: 1, swapped: false, .. }), "{error}");

    let mut late = staged(&fixture.catalog, &commit).await;
    let error = late.swap_pointer(&table(), "s3://lake/metadata/elsewhere.json", "s3://new.json", 1).await.unwrap_err();
    assert!(matches!(error, CommitError::PointerMoved { .. }), "{error}");
    late.rollback().await.unwrap();
    assert_eq!(fixture.everything().await, before);
}

#[tokio::test]
async fn an_outside_writer_waits_for_a_commit_that_has_read_the_pointer() {
    let fixture = Fixture::new().await;
    let claims = fixture.claimed(1, Uuid::new_v4()).await;
    let commit = batch(1, &[(&claims[0], events([1]))]);
    let mut staged = staged(&fixture.catalog, &commit).await;
    let old = staged.pointer(&table()).await.unwrap().unwrap().metadata_location;
    let outside = fixture.catalog.clone();
    let moved = tokio::spawn(async move { outside.move_pointer(&table(), FIRST_METADATA, "s3://theirs.json").await });
    staged.swap_pointer(&table(), &old, "s3://ours.json", 1).await.unwrap();
    staged.commit().await.unwrap();
    assert!(!moved.await.unwrap().unwrap(), "it must not undo our commit");
    assert_eq!(fixture.catalog.load_pointer(&table()).await.unwrap().unwrap().metadata_location, "s3://ours.json");
}

#[tokio::test]
async fn batches_whose_numbers_differ_are_refused() {
    let fixture = Fixture::new().await;
    let claims = fixture.claimed(1, Uuid::new_v4()).await;
    let good = batch(1, &[(&claims[0], events([1, 2]))]);
    let before = fixture.everything().await;

    let mut bad = vec![good.clone(); 6];
    bad[0].digests.pop();
    bad[1].files[0].rows = 3;
    bad[2].rollup = Default::default();
    bad[3].events = 1;
    let again = bad[4].objects[0].clone();
    bad[4].objects.push(again);
    if let CommitKind::Ingest { tally, .. } = &mut bad[5].objects[0].kind {
        tally.lines = 3;
    }
    for batch in &bad {
        let error = fixture.catalog.begin_commit().await.unwrap().stage(batch).await.unwrap_err();
        assert!(!error.is_transient() && !matches!(error, StageError::Catalog(_)), "{error}");
    }
    assert_eq!(fixture.everything().await, before);
    fixture.commit(&good).await;
}

#[tokio::test]
async fn postgres_itself_refuses_a_ledger_that_does_not_balance() {
    let fixture = Fixture::new().await;
    let claims = fixture.claimed(2, Uuid::new_v4()).await;
    fixture.commit(&batch(1, &[(&claims[0], events([1, 2]))])).await;
    let bad = [
        "UPDATE gatelog.source_object SET events = 3 WHERE state = 'committed'",
        "UPDATE gatelog.source_object SET lines = NULL WHERE state = 'committed'",
        "UPDATE gatelog.source_object SET rejects = -1, duplicates = 1 WHERE state = 'committed'",
        "UPDATE gatelog.source_object SET state = 'committed' WHERE state = 'discovered'",
        "UPDATE gatelog.source_object SET state = 'quarantined' WHERE state = 'discovered'",
        "UPDATE gatelog.source_object SET state = 'gone' WHERE state = 'discovered'",
        "UPDATE gatelog.source_object SET lease_until = NULL WHERE state = 'discovered'",
        "UPDATE gatelog.source_object SET sha256 = '\\x00' WHERE state = 'committed'",
        "UPDATE gatelog.lake_commit SET files = 0",
        "UPDATE gatelog.lake_commit SET snapshot_id = NULL",
        "UPDATE gatelog.rollup_hourly SET latency = '{1,2}'",
        "UPDATE gatelog.rollup_hourly SET hour = hour + interval '1 minute'",
        "INSERT INTO gatelog.rollup_hourly SELECT * FROM gatelog.rollup_hourly",
        "INSERT INTO gatelog.line_block SELECT * FROM gatelog.line_block",
    ];
    for sql in bad {
        let error = sqlx::query(sql).execute(&fixture.pool).await.unwrap_err();
        let code = error.as_database_error().and_then(|error| error.code()).unwrap().into_owned();
        assert!(["23514", "23505"].contains(&code.as_str()), "{sql}: {error}");
    }
}
