//! What a store does when the server misbehaves.

use std::time::{Duration, Instant};

use bytes::Bytes;
use gatelog_objects::{ErrorKind, ObjectError, PutOutcome, RetryPolicy, Store, StoreOptions, Timeouts};
use gatelog_testkit::s3::{FaultKind, FaultRule};

use crate::{Setup, setup};

const KEY: &str = "20260418/20260418T000210Z_20260418T000243Z_a3cfe972.log.gz";

async fn with_object(attempts: u32) -> (Setup, String) {
    let setup = setup(attempts).await;
    let etag = setup.store.put(KEY, Bytes::from(vec![7; 100_000]), "application/gzip").await.unwrap();
    (setup, etag)
}

/// Reads a body to its end or its error.
async fn drain(store: &Store, etag: &str) -> Result<u64, ObjectError> {
    let mut body = store.get(KEY, Some(etag)).await?;
    let mut bytes = 0;
    while let Some(chunk) = body.next_chunk().await? {
        bytes += u64::try_from(chunk.len()).unwrap();
    }
    Ok(bytes)
}

#[tokio::test]
async fn an_answer_under_another_etag_is_refused() {
    let (setup, etag) = with_object(3).await;
    setup.server.faults().push(FaultRule::new(FaultKind::WrongEtag).on_get());
    let error = setup.store.get(KEY, Some(&etag)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PreconditionFailed);
    assert_eq!(setup.server.requests().get, 1, "asking again cannot help");
}

#[tokio::test]
async fn passing_errors_are_tried_again() {
    for kind in [FaultKind::Status(503), FaultKind::Status(500), FaultKind::ResetBefore, FaultKind::ResetAfter] {
        let (setup, etag) = with_object(3).await;
        setup.server.faults().push(FaultRule::new(kind).times(2));
        assert_eq!(drain(&setup.store, &etag).await.unwrap(), 100_000, "{kind:?}");
        assert_eq!(setup.server.requests().get, 3, "{kind:?}");
        assert_eq!(setup.store.counters().values().failures, 2);
    }
}

#[tokio::test]
async fn attempts_are_bounded_and_only_ours() {
    let (setup, etag) = with_object(4).await;
    setup.server.faults().push(FaultRule::new(FaultKind::Status(503)));
    let error = drain(&setup.store, &etag).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Throttled, Some("SlowDown")));
    assert_eq!(setup.server.requests().get, 4, "the retries of the SDK are off");
}

#[tokio::test]
async fn lasting_errors_are_not_tried_again() {
    let (setup, etag) = with_object(4).await;
    setup.server.faults().push(FaultRule::new(FaultKind::Status(403)));
    assert_eq!(drain(&setup.store, &etag).await.unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(setup.server.requests().get, 1);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_that_passes() {
    for kind in [FaultKind::ResetMidBody, FaultKind::TruncateBody] {
        let (setup, etag) = with_object(1).await;
        setup.server.faults().push(FaultRule::new(kind).on_get().times(2));
        let error = drain(&setup.store, &etag).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Broken, "{kind:?}");
        assert!(error.is_transient());
        let error = setup.store.get_bytes(KEY, 1_000_000).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Broken, "{kind:?}");
        assert_eq!(drain(&setup.store, &etag).await.unwrap(), 100_000);
    }
}

#[tokio::test]
async fn a_whole_read_asks_again_when_its_body_breaks_off() {
    let (setup, _etag) = with_object(3).await;
    setup.server.faults().push(FaultRule::new(FaultKind::ResetMidBody).on_get().times(2));
    assert_eq!(setup.store.get_bytes(KEY, 1_000_000).await.unwrap().len(), 100_000);
    assert_eq!(setup.store.get_range(KEY, 5..50).await.unwrap().len(), 45);
}

#[tokio::test]
async fn a_lost_answer_makes_a_conditional_write_find_itself() {
    let setup = setup(3).await;
    setup.server.faults().push(FaultRule::new(FaultKind::ResetAfter).on_put().times(1));
    let outcome = setup.store.put_if_absent(KEY, Bytes::from_static(b"x"), "text/plain").await.unwrap();
    assert_eq!(outcome, PutOutcome::Exists, "as documented: the caller has to look");
}

#[tokio::test]
async fn a_slow_answer_is_a_timeout() {
    let (setup, _etag) = with_object(1).await;
    let server = &setup.server;
    let options = StoreOptions::new("logs", server.region())
        .endpoint(server.endpoint())
        .static_credentials(server.access_key(), server.secret_key())
        .retry(RetryPolicy::once());
    let timeouts = Timeouts { attempt: Duration::from_millis(100), ..Timeouts::default() };
    let store = Store::connect(StoreOptions { timeouts, ..options }).await;
    server.faults().push(FaultRule::new(FaultKind::SlowMs(60_000)));
    assert_eq!(store.head(KEY).await.unwrap_err().kind, ErrorKind::Timeout);
    let put = store.put("other", Bytes::from_static(b"x"), "text/plain").await.unwrap_err();
    assert_eq!(put.kind, ErrorKind::Timeout, "an upload has a limit too");
}

#[tokio::test]
async fn an_outage_ends_in_an_error_soon_and_in_success_afterwards() {
    let (mut setup, etag) = with_object(5).await;
    let begun = Instant::now();
    setup.server.outage(true);
    assert_eq!(drain(&setup.store, &etag).await.unwrap_err().kind, ErrorKind::Unavailable);
    setup.server.outage(false);
    assert_eq!(drain(&setup.store, &etag).await.unwrap(), 100_000);

    setup.server.stop().await;
    assert_eq!(drain(&setup.store, &etag).await.unwrap_err().kind, ErrorKind::Unavailable);
    setup.server.start_again().await.unwrap();
    assert_eq!(drain(&setup.store, &etag).await.unwrap(), 100_000);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_wrong_secret_is_denied() {
    let (setup, _etag) = with_object(3).await;
    let options = StoreOptions::new("logs", setup.server.region())
        .endpoint(setup.server.endpoint())
        .static_credentials(setup.server.access_key(), "not the secret");
    let error = Store::connect(options).await.list_page("", None, None).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Denied, Some("SignatureDoesNotMatch")));
    assert!(!format!("{error:?}").contains("not the secret"));
}

#[tokio::test]
async fn only_one_of_many_writers_creates_an_object() {
    let setup = setup(1).await;
    let writers: Vec<_> = (0..16)
        .map(|writer: u8| {
            let store = setup.store.clone();
            tokio::spawn(
                async move { store.put_if_absent(KEY, Bytes::from(vec![writer]), "text/plain").await.unwrap() },
            )
        })
        .collect();
    let mut created = 0;
    for writer in writers {
        created += u32::from(matches!(writer.await.unwrap(), PutOutcome::Created { .. }));
    }
    assert_eq!(created, 1);
}

#[tokio::test]
async fn bytes_that_changed_on_their_way_up_are_refused() {
    let setup = setup(1).await;
    setup.server.faults().push(FaultRule::new(FaultKind::AlterUpload).on_put().times(1));
    let put = || setup.store.put(KEY, Bytes::from_static(b"as written"), "application/gzip");
    put().await.unwrap_err();
    assert_eq!(setup.store.get(KEY, None).await.unwrap_err().kind, ErrorKind::NotFound);
    put().await.unwrap();
}
