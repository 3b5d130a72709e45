//! Writing and syncing against a disk that fails.

use std::{path::Path, sync::Arc, time::Duration};

use futures::FutureExt as _;
use gatelog_model::{FixedClock, TimestampMicros};
use tokio::time::{sleep, timeout};

use crate::{
    AppendError, Audit, NotAdmitted, OnFull, Spool, SpoolOptions,
    disk::Disk as _,
    faulty_disk::FaultyDisk,
    frame::{Head, Next, frame_bytes},
    queue::Queued,
    recover::frames_of,
    syncer::{SegmentFile, SyncJob, finish},
    writer::{AT_ONCE_BYTES_MAX, write_at_once},
};

const AT: TimestampMicros = TimestampMicros::MIN;
/// Long enough for a thread to do what it must not.
const MOMENT: Duration = Duration::from_millis(100);
const LIMIT: Duration = Duration::from_secs(20);

fn open(folder: &Path, disk: &FaultyDisk, change: impl FnOnce(&mut SpoolOptions)) -> Spool {
    let mut options = SpoolOptions::new(folder);
    change(&mut options);
    Spool::open_on(Arc::new(disk.clone()), options, Arc::new(FixedClock(AT))).unwrap()
}

fn line(label: usize) -> Vec<u8> {
    format!("{{\"LogId\":\"{label}\"}}\n").into_bytes()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(timeout(LIMIT, waiting).await.is_ok(), "never: {what}");
}

/// The records of every segment in the folder, by file.
fn records_in(folder: &Path) -> Vec<Vec<String>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "segment"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let mut frames = frames_of(path).unwrap();
        let mut lines = Vec::new();
        loop {
            match frames.next().unwrap() {
                Next::Record(record) => lines.push(String::from_utf8(record.line.to_vec()).unwrap()),
                Next::End => return lines,
                Next::Bad => panic!("{} has a bad frame", path.display()),
            }
        }
    };
    paths.iter().map(read).collect()
}

#[tokio::test]
async fn strict_answers_only_after_the_sync_and_one_serves_all_who_wait() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let spool = open(folder.path(), &disk, |options| options.audit = Audit::Strict);
    let ticket = spool.admit(0).unwrap();
    let held = disk.hold_sync();
    let mut first = ticket.append(AT, line(0));
    until("the first sync begins", || disk.syncs() == 1).await;
    let others: Vec<_> = (1..=100).map(|label| ticket.append(AT, line(label))).collect();
    until("all are written", || spool.status().records == 101).await;
    assert!(timeout(MOMENT, &mut first).await.is_err(), "acknowledged before the disk had it");
    drop(held);
    timeout(LIMIT, first).await.unwrap().unwrap();
    for other in others {
        timeout(LIMIT, other).await.unwrap().unwrap();
    }
    assert_eq!(disk.syncs(), 2, "one for the first, one for the hundred that came meanwhile");
}

#[tokio::test]
async fn relaxed_does_not_wait_for_the_disk_but_syncs_soon() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let spool = open(folder.path(), &disk, |_| {});
    let held = disk.hold_sync();
    let ticket = spool.admit(0).unwrap();
    timeout(LIMIT, ticket.append(AT, line(0))).await.unwrap().unwrap();
    assert_eq!(records_in(folder.path()), [[String::from_utf8(line(0)).unwrap()]]);
    until("a sync begins", || disk.syncs() == 1).await;
    drop(held);
}

/// Whether a record is written without the thread; one that is not is not written at all.
fn is_written_at_once(spool: &Spool, line: Vec<u8>) -> bool {
    let (shared, bytes) = (spool.shared(), frame_bytes(&line));
    shared.account.charge(bytes);
    shared.account.enqueued(bytes);
    let record = Queued { at: AT, head: Head::new(AT, &line), line: line.into(), waiter: None };
    let is_written = write_at_once(shared, record).is_ok();
    if !is_written {
        shared.account.dequeued(bytes);
        shared.account.release(bytes);
    }
    is_written
}

#[tokio::test]
async fn a_short_record_is_written_by_whoever_appends_it_and_no_other() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let spool = open(folder.path(), &disk, |options| options.segment_records_max = 3);
    let thread_sleeps = || spool.shared().queue.is_writer_parked();
    let long = [&b"\""[..], &[b'a'; AT_ONCE_BYTES_MAX], b"\"\n"].concat();
    assert!(!is_written_at_once(&spool, line(0)), "no segment is open");
    let ticket = spool.admit(0).unwrap();
    ticket.append(AT, line(0)).await.unwrap();
    until("the thread sleeps", thread_sleeps).await;
    {
        let _writing = spool.shared().writing.lock().unwrap();
        assert!(!is_written_at_once(&spool, line(1)), "somebody else is writing");
    }
    assert!(!is_written_at_once(&spool, long.clone()), "too long");
    assert!(is_written_at_once(&spool, line(1)));
    assert!(is_written_at_once(&spool, line(2)));
    assert!(!is_written_at_once(&spool, line(3)), "the segment is full");
    assert_eq!(spool.status().records, 3);
    // The thread takes what the others do not.
    for record in [line(3), long] {
        timeout(LIMIT, ticket.append(AT, record)).await.unwrap().unwrap();
    }
    drop(ticket);
    spool.close().await;
    let files = records_in(folder.path());
    assert_eq!(files.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
}

#[tokio::test]
async fn a_disk_that_fails_whoever_appends_is_tried_again() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let spool = open(folder.path(), &disk, |_| {});
    let ticket = spool.admit(0).unwrap();
    ticket.append(AT, line(0)).await.unwrap();
    until("the thread sleeps", || spool.shared().queue.is_writer_parked()).await;
    disk.fill(true);
    let at_once = ticket.append(AT, line(1)).now_or_never();
    assert_eq!(at_once, Some(Err(AppendError::Disk(std::io::ErrorKind::StorageFull))));
    disk.fill(false);
    until("the disk is tried again", || !spool.status().is_failing).await;
    ticket.append(AT, line(2)).await.unwrap();
    drop(ticket);
    spool.close().await;
    assert_eq!(records_in(folder.path()).concat(), [0, 2].map(|label| String::from_utf8(line(label)).unwrap()));
}

#[tokio::test]
async fn a_failed_sync_is_told_and_nothing_more_goes_to_that_file() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let spool = open(folder.path(), &disk, |options| options.audit = Audit::Strict);
    let ticket = spool.admit(0).unwrap();
    ticket.append(AT, line(0)).await.unwrap();
    disk.fail_syncs(2);
    assert!(matches!(ticket.append(AT, line(1)).await, Err(AppendError::Disk(_))));
    assert_eq!(spool.admit(0).unwrap_err(), NotAdmitted::DiskFailing);
    assert!(spool.problem().unwrap().contains("lost its mind"));
    until("the disk is tried again", || !spool.status().is_failing).await;
    assert_eq!(spool.problem(), None);
    spool.admit(0).unwrap().append(AT, line(2)).await.unwrap();
    spool.close().await;
    let files = records_in(folder.path());
    assert_eq!(files.len(), 2, "{files:?}");
    assert_eq!(files[1], [String::from_utf8(line(2)).unwrap()]);
    assert_eq!(spool.status().lost, 1);
}

#[tokio::test]
async fn a_file_that_is_given_up_says_nothing_of_the_disk_as_it_is_now() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let spool = open(folder.path(), &disk, |_| {});
    let path = folder.path().join("given-up");
    let file = Arc::new(SegmentFile::new(disk.create(&path).unwrap(), path));
    let sync = || finish(spool.shared(), SyncJob { file: Arc::clone(&file), waiters: Vec::new(), closing: None });
    disk.fail_syncs(1);
    sync();
    assert!(spool.problem().unwrap().contains("lost its mind"));
    until("the disk is tried again", || !spool.status().is_failing).await;
    sync();
    assert_eq!(spool.problem(), None);
}

#[tokio::test]
async fn what_was_written_behind_a_failed_sync_is_not_acknowledged() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let spool = open(folder.path(), &disk, |options| options.audit = Audit::Strict);
    let ticket = spool.admit(0).unwrap();
    let held = disk.hold_sync();
    let first = ticket.append(AT, line(0));
    until("the first sync begins", || disk.syncs() == 1).await;
    let second = ticket.append(AT, line(1));
    until("both are written", || spool.status().records == 2).await;
    disk.fail_syncs(1);
    drop(held);
    assert!(matches!(timeout(LIMIT, first).await.unwrap(), Err(AppendError::Disk(_))));
    assert!(
        matches!(timeout(LIMIT, second).await.unwrap(), Err(AppendError::Disk(_))),
        "there may be a hole before it"
    );
    ticket.append(AT, line(2)).await.unwrap();
    drop(ticket);
    spool.close().await;
    assert_eq!(records_in(folder.path()).last().unwrap(), &[String::from_utf8(line(2)).unwrap()]);
}

#[tokio::test]
async fn a_full_disk_is_told_and_leaves_no_half_frames() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let spool = open(folder.path(), &disk, |_| {});
    let ticket = spool.admit(0).unwrap();
    ticket.append(AT, line(0)).await.unwrap();
    let held = spool.status().held_bytes;
    disk.fill(true);
    assert_eq!(ticket.append(AT, line(1)).await, Err(AppendError::Disk(std::io::ErrorKind::StorageFull)));
    assert_eq!(ticket.append(AT, line(2)).await, Err(AppendError::Disk(std::io::ErrorKind::StorageFull)));
    assert_eq!(spool.status().lost, 2);
    assert_eq!(spool.status().held_bytes, held, "what was not written is not held");
    disk.fill(false);
    until("the disk is tried again", || !spool.status().is_failing).await;
    ticket.append(AT, line(3)).await.unwrap();
    drop(ticket);
    spool.close().await;
    let kept: Vec<String> = [0, 3].iter().map(|label| String::from_utf8(line(*label)).unwrap()).collect();
    assert_eq!(records_in(folder.path()).concat(), kept);
}

#[tokio::test]
async fn whoever_drops_records_admits_even_while_the_disk_fails() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let spool = open(folder.path(), &disk, |options| options.on_full = OnFull::Drop);
    disk.fill(true);
    let ticket = spool.admit(0).unwrap();
    assert!(ticket.append(AT, line(0)).await.is_err());
    assert!(spool.admit(0).is_ok());
}

#[tokio::test]
async fn a_waiter_that_goes_away_takes_nothing_with_it() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let spool = open(folder.path(), &disk, |_| {});
    let ticket = spool.admit(0).unwrap();
    drop(ticket.append(AT, line(0)));
    ticket.append_detached(AT, line(1)).unwrap();
    spool.close().await;
    assert_eq!(spool.status().records, 2);
    assert_eq!(ticket.append(AT, line(2)).await, Err(AppendError::Closed));
    assert_eq!(ticket.append_detached(AT, line(3)), Err(AppendError::Closed));
    assert_eq!(spool.status().lost, 2);
    assert_eq!(spool.admit(0).unwrap_err(), NotAdmitted::Closing);
}

#[tokio::test]
async fn a_segment_is_shipped_only_after_its_last_sync() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let spool = open(folder.path(), &disk, |options| options.segment_records_max = 1);
    let held = disk.hold_sync();
    spool.admit(0).unwrap().append(AT, line(0)).await.unwrap();
    until("the sync begins", || disk.syncs() == 1).await;
    assert!(timeout(MOMENT, spool.shared().outbox.oldest()).await.is_err(), "handed over before the disk had it");
    drop(held);
    assert!(timeout(LIMIT, spool.shared().outbox.oldest()).await.unwrap().is_some());
}
