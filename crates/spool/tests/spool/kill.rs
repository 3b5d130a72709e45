//! A process that appends and ships is killed at any moment, again and again.
//!
//! The child is this test binary: [`child`] does nothing unless the parent names a folder in its environment. It prints the
//! label of every record that was acknowledged. In the end the bucket has each of those exactly once, and nothing twice.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use gatelog_spool::Audit;
use gatelog_testkit::s3::{FaultKind, FaultRule, S3Server};

use crate::setup::{Bucket, LIMIT, at, bucket, labels, line, open, ship, store};

const FOLDER: &str = "GATELOG_SPOOL_TEST_FOLDER";
const CHILD_TEST: &str = "kill::child";
/// SIGABRT: what an armed point ends the process with.
const ABORTED: i32 = 6;
/// Requests under way at once in the child.
const APPENDERS: usize = 8;

/// The process that is killed.
#[test]
fn child() {
    #[expect(clippy::disallowed_methods, reason = "the parent has no other way to tell a test binary what to do")]
    let read = |name: &str| std::env::var(name).ok();
    let Some(folder) = read(FOLDER) else { return };
    if let Some(point) = read("GATELOG_SPOOL_TEST_POINT") {
        gatelog_runtime::arm_crash_point(&point);
    }
    let server = (read("ENDPOINT").unwrap(), read("ACCESS").unwrap(), read("SECRET").unwrap());
    let (round, audit) = (read("ROUND").unwrap(), read("AUDIT").unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        let store = store(&server.0, &server.1, &server.2).await;
        let spool = open(Path::new(&folder), |options| {
            options.segment_records_max = 40;
            options.segment_age_max = Duration::from_millis(50);
            options.audit = if audit == "strict" { Audit::Strict } else { Audit::Relaxed };
        });
        let _shipping = ship(&spool, &store);
        let appenders = (0..APPENDERS).map(|appender| {
            let (spool, round) = (spool.clone(), round.clone());
            tokio::spawn(async move {
                for number in 0_i64.. {
                    let label = format!("{round}-{appender}-{number}");
                    spool.admit(1_000).unwrap().append(at(number * 1_000), line(&label)).await.unwrap();
                    // One call, so that a kill does not cut it: a pipe takes short writes whole.
                    std::io::stdout().lock().write_all(format!("\nkept {label}\n").as_bytes()).unwrap();
                }
            })
        });
        for appender in appenders.collect::<Vec<_>>() {
            appender.await.unwrap();
        }
    });
}

fn start_child(folder: &Path, server: &S3Server, round: usize, audit: &str, point: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([CHILD_TEST, "--exact", "--nocapture", "--test-threads=1"]).env(FOLDER, folder);
    command.env("ENDPOINT", server.endpoint()).env("ACCESS", server.access_key()).env("SECRET", server.secret_key());
    command.env("ROUND", round.to_string()).env("AUDIT", audit);
    if let Some(point) = point {
        command.env("GATELOG_SPOOL_TEST_POINT", point);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Reads what the child acknowledged, from its first word to its end.
fn acknowledged(output: impl Read) -> Vec<String> {
    let lines = BufReader::new(output).lines().map(|line| line.unwrap());
    lines.filter_map(|line| line.strip_prefix("kept ").map(str::to_owned)).collect()
}

/// Ships the rest and compares.
async fn check(folder: &Path, bucket: &Bucket, acknowledged: &[String]) {
    bucket.server.faults().clear();
    let spool = open(folder, |_| {});
    let left = ship(&spool, &bucket.store).stop().await;
    assert_eq!((left.records, left.damaged), (0, 0), "{left:?}");
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    for label in labels(&bucket.store).await {
        *found.entry(label).or_default() += 1;
    }
    let twice: Vec<_> = found.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{} labels are there twice: {:?}", twice.len(), &twice[..twice.len().min(5)]);
    let missing: Vec<_> = acknowledged.iter().filter(|label| !found.contains_key(*label)).collect();
    assert!(missing.is_empty(), "{} labels are missing: {:?}", missing.len(), &missing[..missing.len().min(5)]);
}

/// Small steps of a seeded generator (Knuth's MMIX).
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

async fn rounds(audit: &'static str, count: usize, mut seed: u64) {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket().await);
    bucket.server.faults().push(FaultRule::new(FaultKind::ResetAfter).on_put().times(5).after(3));
    bucket.server.faults().push(FaultRule::new(FaultKind::SlowMs(40)).on_put());
    let mut all = Vec::new();
    for round in 0..count {
        let mut child = start_child(folder.path(), &bucket.server, round, audit, None);
        let output = child.stdout.take().unwrap();
        let reading = tokio::task::spawn_blocking(move || acknowledged(output));
        tokio::time::sleep(Duration::from_millis(100 + next(&mut seed) % 500)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        all.extend(reading.await.unwrap());
    }
    assert!(all.len() > 100, "only {} records were acknowledged", all.len());
    check(folder.path(), &bucket, &all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_nothing_acknowledged_is_lost_or_doubled() {
    rounds("relaxed", 12, 20_261_124).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_strict_too() {
    rounds("strict", 6, 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_named_point() {
    let (folder, bucket) = (tempfile::tempdir().unwrap(), bucket().await);
    let points = ["spool.written", "spool.synced", "spool.before_put", "spool.stored", "spool.removed"];
    let mut all = Vec::new();
    for (round, point) in points.iter().flat_map(|point| [1, 3].map(|nth| format!("{point}:{nth}"))).enumerate() {
        let mut child = start_child(folder.path(), &bucket.server, round, "relaxed", Some(&point));
        let output = child.stdout.take().unwrap();
        let reading = tokio::task::spawn_blocking(move || acknowledged(output));
        // The output ends with the process.
        let Ok(kept) = tokio::time::timeout(LIMIT, reading).await else {
            child.kill().unwrap();
            panic!("{point} was not passed");
        };
        assert_eq!(child.wait().unwrap().signal(), Some(ABORTED), "{point}");
        all.extend(kept.unwrap());
    }
    check(folder.path(), &bucket, &all).await;
}
