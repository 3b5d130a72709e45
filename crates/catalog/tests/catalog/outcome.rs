//! COMMITs whose answer never arrives.

use std::sync::Arc;

use crate::common::{Fixture, batch, connect, events, swap};
use gatelog_catalog::{CommitBatch, CommitError, StagedCommit};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use uuid::Uuid;

/// What the line between us and Postgres does with COMMIT; the client's side is cut in each case.
#[derive(Clone)]
enum Fault {
    /// It never arrives, and the server's side is cut too.
    Lose,
    /// It arrives, the answer does not.
    LoseAnswer,
    /// It arrives once told to, long after the client has given up.
    Delay(Arc<Notify>),
}

/// A line to Postgres with a fault; returns the URL that goes through it.
async fn faulty_line(url: &str, fault: Fault) -> String {
    let authority = url.split_once("://").unwrap().1.split('/').next().unwrap();
    let server = authority.rsplit('@').next().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = url.replacen(&server, &listener.local_addr().unwrap().to_string(), 1);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(client, server.clone(), fault.clone()));
        }
    });
    through
}

async fn carry(client: TcpStream, server: String, fault: Fault) {
    let (mut from_server, mut to_server) = TcpStream::connect(server).await.unwrap().into_split();
    let (mut from_client, mut to_client) = client.into_split();
    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut buffer = vec![0; 65_536];
    loop {
        let read = from_client.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        let message = &buffer[..read];
        if message.windows(7).any(|text| text == b"COMMIT\0") {
            answers.abort();
            drop(from_client);
            match fault {
                Fault::Lose => return,
                Fault::LoseAnswer => {}
                Fault::Delay(told) => told.notified().await,
            }
            to_server.write_all(message).await.unwrap();
            return;
        }
        to_server.write_all(message).await.unwrap();
    }
}

/// Commits over a faulty line up to the unknown outcome.
async fn lost(fixture: &Fixture, fault: Fault) -> (CommitBatch, CommitError) {
    let claims = fixture.claimed(1, Uuid::new_v4()).await;
    let catalog = connect(&faulty_line(&fixture.url, fault).await).await;
    let commit = batch(7, &[(&claims[0], events([1, 2]))]);
    let mut staged = crate::common::staged(&catalog, &commit).await;
    swap(&mut staged, &commit).await;
    let error = staged.commit().await.unwrap_err();
    (commit, error)
}

#[tokio::test]
async fn a_commit_that_never_arrived_is_found_to_be_rolled_back() {
    let fixture = Fixture::new().await;
    let before = fixture.everything().await;
    let (commit, error) = lost(&fixture, Fault::Lose).await;
    assert!(matches!(error, CommitError::OutcomeUnknown { commit_seq: 7, .. }), "{error:?}");
    assert!(!fixture.catalog.commit_outcome(7).await.unwrap());
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.line_block").await, 0);
    assert_ne!(fixture.everything().await, before, "only the object is there");
    // The lease is still held, so the same batch goes through under another number.
    fixture.commit(&CommitBatch { commit_seq: 8, ..commit }).await;
    assert!(fixture.catalog.ledger_totals().await.unwrap().is_balanced());
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found_to_have_happened() {
    let fixture = Fixture::new().await;
    let (_, error) = lost(&fixture, Fault::LoseAnswer).await;
    assert!(matches!(error, CommitError::OutcomeUnknown { commit_seq: 7, .. }), "{error:?}");
    assert!(fixture.catalog.commit_outcome(7).await.unwrap());
    let totals = fixture.catalog.ledger_totals().await.unwrap();
    assert!(totals.is_balanced() && totals.tally.events == 2, "{totals:?}");
}

#[tokio::test]
async fn the_question_waits_for_a_commit_that_is_still_on_its_way() {
    let fixture = Fixture::new().await;
    let told = Arc::new(Notify::new());
    let (_, error) = lost(&fixture, Fault::Delay(told.clone())).await;
    assert!(matches!(error, CommitError::OutcomeUnknown { commit_seq: 7, .. }), "{error:?}");
    let asking = {
        let catalog = fixture.catalog.clone();
        tokio::spawn(async move { catalog.commit_outcome(7).await.unwrap() })
    };
    // Only once the question hangs on the lock does the COMMIT arrive.
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while fixture.count(waiting).await == 0 {
        assert!(!asking.is_finished(), "the answer came before the commit was decided");
        tokio::task::yield_now().await;
    }
    told.notify_one();
    assert!(asking.await.unwrap(), "the commit took effect after the client had given up");
}

async fn kill_commit(fixture: &Fixture) -> StagedCommit {
    let claims = fixture.claimed(1, Uuid::new_v4()).await;
    let commit = batch(7, &[(&claims[0], events([1, 2]))]);
    let mut staged = crate::common::staged(&fixture.catalog, &commit).await;
    swap(&mut staged, &commit).await;
    let kill = "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_locks
                WHERE locktype = 'advisory' AND granted
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(fixture.count(kill).await, 1);
    staged
}

#[tokio::test]
async fn a_backend_killed_before_the_commit_leaves_nothing() {
    let fixture = Fixture::new().await;
    let error = kill_commit(&fixture).await.commit().await.unwrap_err();
    assert!(matches!(&error, CommitError::RolledBack(cause) if cause.is_transient()), "{error:?}");
    assert!(!fixture.catalog.commit_outcome(7).await.unwrap());
    assert_eq!(fixture.count("SELECT count(*) FROM gatelog.line_block").await, 0);
}

#[tokio::test]
async fn a_failed_transaction_is_never_reported_as_committed() {
    let fixture = Fixture::new().await;
    let claims = fixture.claimed(2, Uuid::new_v4()).await;
    fixture.commit(&batch(7, &[(&claims[0], events([1]))])).await;
    // The same number again fails on the last statement, and COMMIT must not be sent after it.
    let again = batch(7, &[(&claims[1], events([2]))]);
    let again = CommitBatch { files: batch(8, &[(&claims[1], events([2]))]).files, ..again };
    let mut staged = crate::common::staged(&fixture.catalog, &again).await;
    swap(&mut staged, &again).await;
    let error = staged.commit().await.unwrap_err();
    assert!(matches!(&error, CommitError::RolledBack(cause) if !cause.is_transient()), "{error:?}");
    let totals = fixture.catalog.ledger_totals().await.unwrap();
    assert!(totals.is_balanced() && totals.tally.events == 1, "{totals:?}");
}
