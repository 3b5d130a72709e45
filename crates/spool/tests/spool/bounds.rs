//! Who may open a spool, what it takes, and when a segment ends.

use std::{os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use gatelog_runtime::SystemClock;
use gatelog_spool::{AppendError, NotAdmitted, OnFull, Spool, SpoolError, SpoolOptions};

use crate::setup::{append, at, bucket, labels, line, objects, open, segments, ship, until};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn only_the_owner_may_look() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/spool");
    std::fs::create_dir_all(&path).unwrap();
    let spool = open(&path, |_| {});
    append(&spool, 0, "a").await;
    for entry in std::fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap().path();
        assert_eq!(mode(&entry), if entry.is_dir() { 0o700 } else { 0o600 }, "{}", entry.display());
    }
    assert_eq!(mode(&path), 0o700);
}

#[tokio::test]
async fn a_spool_is_opened_once() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), |_| {});
    let refused = Spool::open(SpoolOptions::new(folder.path()), Arc::new(SystemClock));
    assert!(matches!(refused, Err(SpoolError::Locked { .. })));
    append(&first, 0, "a").await;
    drop(first);
    assert_eq!(open(folder.path(), |_| {}).status().records, 1);
}

#[test]
fn bounds_of_zero_are_refused() {
    let options = SpoolOptions { segment_records_max: 0, ..SpoolOptions::new("/nowhere") };
    assert!(matches!(Spool::open(options, Arc::new(SystemClock)), Err(SpoolError::Options(_))));
}

#[tokio::test]
async fn a_full_spool_refuses_until_something_was_shipped() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket().await);
    let spool = open(folder.path(), |options| {
        options.spool_bytes_max = 2_000;
        options.segment_records_max = 1;
    });
    let mut kept = Vec::new();
    let refusal = loop {
        match spool.admit(500) {
            Ok(ticket) => {
                let label = format!("{:03}", kept.len());
                ticket.append(at(0), line(&label)).await.unwrap();
                kept.push(label);
            }
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal, NotAdmitted::SpoolFull);
    assert!(kept.len() > 5 && spool.status().held_bytes <= 2_000);
    let shipping = ship(&spool, &bucket.store);
    until("there is room", || spool.admit(500).is_ok()).await;
    shipping.stop().await;
    let mut shipped = labels(&bucket.store).await;
    shipped.sort();
    assert_eq!(shipped, kept);
    assert_eq!(spool.status().held_bytes, 0, "everything is given back");
}

#[tokio::test]
async fn an_admitted_request_is_written_even_when_others_filled_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path(), |options| options.spool_bytes_max = 1_000);
    let early = spool.admit(10).unwrap();
    let late = spool.admit(900).unwrap();
    late.append(at(0), line(&"x".repeat(800))).await.unwrap();
    early.append(at(0), line(&"y".repeat(800))).await.unwrap();
    early.append_detached(at(0), line("z")).unwrap();
    drop((early, late));
    spool.close().await;
    assert_eq!((spool.status().records, spool.status().lost), (3, 0));
}

#[tokio::test]
async fn a_spool_that_drops_admits_and_counts() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path(), |options| {
        options.spool_bytes_max = 1_000;
        options.on_full = OnFull::Drop;
    });
    let mut kept = 0;
    for label in 0..50 {
        match spool.admit(500).unwrap().append(at(0), line(&label.to_string())).await {
            Ok(()) => kept += 1,
            Err(error) => assert_eq!(error, AppendError::Dropped),
        }
    }
    let status = spool.status();
    assert_eq!((status.records, status.dropped), (kept, 50 - kept));
    assert!(kept > 5 && status.dropped > 5 && status.held_bytes <= 1_000, "{status:?}");
}

#[tokio::test]
async fn a_segment_ends_with_its_records_or_bytes() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket().await);
    let spool = open(folder.path(), |options| options.segment_records_max = 3);
    for label in 0..7 {
        append(&spool, i64::from(label), &label.to_string()).await;
    }
    spool.close().await;
    assert_eq!(segments(folder.path()), 3);
    drop(spool);
    let bytes = line("0").len() as u64;
    let spool = open(folder.path(), |options| options.segment_bytes_max = 2 * bytes);
    for label in 0..5 {
        append(&spool, 10_000_000 + label, &format!("{}", label + 3)).await;
    }
    append(&spool, 20_000_000, &"long".repeat(100)).await;
    ship(&spool, &bucket.store).stop().await;
    let mut sizes: Vec<usize> = objects(&bucket.store).await.iter().map(|(_, labels)| labels.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 1, 1, 2, 2, 3, 3], "3+3+1 by records; 2+2+1 by bytes; the long one alone");
}

#[tokio::test]
async fn a_segment_ends_with_its_age_though_nothing_comes() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket().await);
    let spool = open(folder.path(), |options| options.segment_age_max = Duration::from_millis(300));
    let shipping = ship(&spool, &bucket.store);
    let begun = std::time::Instant::now();
    append(&spool, 0, "a").await;
    append(&spool, 1, "b").await;
    until("it is shipped", || spool.status().records == 0).await;
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
    assert_eq!(labels(&bucket.store).await, ["a", "b"]);
    assert_eq!(segments(folder.path()), 0);
    shipping.stop().await;
}

#[tokio::test]
async fn the_status_says_how_far_behind_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path(), |_| {});
    assert_eq!(spool.status().oldest, None);
    append(&spool, 5_000_000, "late").await;
    append(&spool, 1_000_000, "early").await;
    let status = spool.status();
    assert_eq!((status.records, status.segments, status.oldest), (2, 1, Some(at(1_000_000))));
    assert_eq!(status.bytes, segments_bytes(folder.path()));
    drop(spool);
    let again = open(folder.path(), |_| {}).status();
    assert_eq!((again.records, again.bytes, again.oldest), (2, status.bytes, status.oldest));
}

fn segments_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.filter(|entry| entry.path().is_file()).map(|entry| entry.metadata().unwrap().len()).sum()
}
