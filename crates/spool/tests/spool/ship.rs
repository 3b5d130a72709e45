//! Segments become objects: once, in order, whatever the store answers.

use std::time::Duration;

use bytes::Bytes;
use gatelog_logpush::Batch;
use gatelog_testkit::s3::{FaultKind, FaultRule};

use crate::setup::{append, bucket, labels, line, objects, open, quick_options, segments, ship, ship_with, until};

#[tokio::test]
async fn records_arrive_in_their_order_under_keys_that_cover_them() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket().await);
    let spool = open(folder.path(), |options| {
        options.segment_records_max = 4;
        options.prefix = "gateway".to_owned();
    });
    let shipping = ship(&spool, &bucket.store);
    for label in 0..10 {
        // Ten seconds apart, so that keys sort as segments do; from the second object on it is another day.
        append(&spool, 86_350_000_000 + 10_000_000 * label, &format!("{label:02}")).await;
    }
    let left = shipping.stop().await;
    assert_eq!((left.records, left.segments, left.held_bytes), (0, 0, 0));
    let expected: Vec<String> = (0..10).map(|label| format!("{label:02}")).collect();
    assert_eq!(labels(&bucket.store).await, expected);
    let keys: Vec<String> = objects(&bucket.store).await.into_iter().map(|(key, _)| key).collect();
    assert!(keys[0].starts_with("gateway/20261124/20261124T235910Z_20261124T235940Z_"), "{keys:?}");
    assert!(keys[1].starts_with("gateway/20261124/20261124T235950Z_20261125T000020Z_"), "{keys:?}");
    assert!(keys[2].starts_with("gateway/20261125/20261125T000030Z_20261125T000040Z_"), "{keys:?}");
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_object() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket().await);
    bucket.server.faults().push(FaultRule::new(FaultKind::ResetAfter).on_put().times(3));
    bucket.server.faults().push(FaultRule::new(FaultKind::ResetMidBody).on_get().times(1));
    let spool = open(folder.path(), |options| options.segment_records_max = 2);
    for label in 0..6 {
        append(&spool, 10_000_000 * label, &label.to_string()).await;
    }
    ship(&spool, &bucket.store).stop().await;
    bucket.server.faults().clear();
    assert_eq!(labels(&bucket.store).await, ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(objects(&bucket.store).await.len(), 3);
}

#[tokio::test]
async fn an_object_of_the_same_lines_is_ours_however_it_is_compressed() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket().await);
    let spool = open(folder.path(), |_| {});
    append(&spool, 0, "a").await;
    append(&spool, 1, "b").await;
    spool.close().await;
    drop(spool);
    let copy = tempfile::tempdir().unwrap();
    copy_spool(folder.path(), copy.path());
    let spool = open(folder.path(), |_| {});
    ship(&spool, &bucket.store).stop().await;
    // Two members: other bytes, the same lines.
    let [(key, _)] = &objects(&bucket.store).await[..] else { panic!("one object") };
    let member = |label: &str| {
        let mut batch = Batch::new();
        batch.push_line(&line(label));
        batch.finish()
    };
    let rewritten = Bytes::from([member("a"), member("b")].concat());
    bucket.store.put(key, rewritten, "application/gzip").await.unwrap();

    let again = open(copy.path(), |_| {});
    ship(&again, &bucket.store).stop().await;
    assert_eq!(objects(&bucket.store).await.len(), 1);
    assert_eq!(segments(copy.path()), 0);
}

#[tokio::test]
async fn an_object_of_other_lines_is_left_alone_and_another_name_is_used() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket().await);
    let spool = open(folder.path(), |_| {});
    append(&spool, 0, "a").await;
    spool.close().await;
    drop(spool);
    let copies = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for copy in &copies {
        copy_spool(folder.path(), copy.path());
    }
    ship(&open(folder.path(), |_| {}), &bucket.store).stop().await;
    let [(key, _)] = &objects(&bucket.store).await[..] else { panic!("one object") };
    let foreign = Bytes::from_static(b"{\"LogId\":\"foreign\"}\n{\"LogId\":\"more\"}\n");
    bucket.store.put(key, foreign, "application/gzip").await.unwrap();

    // The second copy finds the object of the first behind the foreign one.
    for copy in &copies {
        ship(&open(copy.path(), |_| {}), &bucket.store).stop().await;
        let mut found = labels(&bucket.store).await;
        found.sort();
        assert_eq!(found, ["a", "foreign", "more"]);
        assert_eq!(segments(copy.path()), 0);
    }
}

#[tokio::test]
async fn an_outage_delays_and_loses_nothing() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket().await);
    let spool = open(folder.path(), |options| options.segment_records_max = 5);
    bucket.server.outage(true);
    let shipping = ship(&spool, &bucket.store);
    for label in 0..50 {
        append(&spool, 1_000_000 * label, &format!("{label:03}")).await;
    }
    until("it was tried", || bucket.server.requests().put > 3 || spool.status().segments == 10).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(spool.status().records, 50);
    bucket.server.outage(false);
    bucket.server.faults().push(FaultRule::new(FaultKind::Status(503)).on_put().times(2));
    until("all is shipped", || spool.status().records == 0).await;
    shipping.stop().await;
    let expected: Vec<String> = (0..50).map(|label| format!("{label:03}")).collect();
    assert_eq!(labels(&bucket.store).await, expected);
}

#[tokio::test]
async fn what_the_grace_period_does_not_ship_the_next_start_does() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket().await);
    bucket.server.outage(true);
    let spool = open(folder.path(), |_| {});
    append(&spool, 0, "a").await;
    let options = gatelog_spool::ShipperOptions { grace: Duration::from_millis(50), ..quick_options() };
    let left = ship_with(&spool, &bucket.store, options).stop().await;
    assert_eq!(left.records, 1);
    drop(spool);
    bucket.server.outage(false);
    ship(&open(folder.path(), |_| {}), &bucket.store).stop().await;
    assert_eq!(labels(&bucket.store).await, ["a"]);
}

#[tokio::test]
async fn a_request_that_is_under_way_at_shutdown_is_still_recorded() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket().await);
    let spool = open(folder.path(), |_| {});
    let ticket = spool.admit(100).unwrap();
    let shipping = ship(&spool, &bucket.store);
    shipping.shutdown.request();
    until("nobody is admitted", || spool.admit(0).is_err()).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    ticket.append_detached(crate::setup::at(0), line("last")).unwrap();
    drop(ticket);
    assert_eq!(shipping.stop().await.records, 0);
    assert_eq!(labels(&bucket.store).await, ["last"]);
}

#[tokio::test]
async fn a_shipper_that_is_cut_off_forgets_nothing() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket().await);
    bucket.server.faults().push(FaultRule::new(FaultKind::SlowMs(200)).on_put().times(1));
    let spool = open(folder.path(), |options| options.segment_records_max = 1);
    let shipping = ship(&spool, &bucket.store);
    append(&spool, 0, "a").await;
    append(&spool, 10_000_000, "b").await;
    until("a PUT is under way", || bucket.server.requests().put > 0).await;
    shipping.abort().await;
    drop(spool);
    ship(&open(folder.path(), |_| {}), &bucket.store).stop().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(labels(&bucket.store).await, ["a", "b"]);
}

/// A segment that changes on disk after it was closed.
#[tokio::test]
async fn a_segment_that_goes_bad_later_is_shipped_as_far_as_it_is_good() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket().await);
    let spool = open(folder.path(), |_| {});
    for label in ["a", "b", "c"] {
        append(&spool, 0, label).await;
    }
    spool.close().await;
    let path = folder.path().join("00000000000000000001.segment");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() - (20 + line("c").len()) - 5;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    ship(&spool, &bucket.store).stop().await;
    assert_eq!(labels(&bucket.store).await, ["a"]);
    let status = spool.status();
    assert_eq!((status.damaged, status.records, status.held_bytes), (1, 0, 0));
}

fn copy_spool(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
