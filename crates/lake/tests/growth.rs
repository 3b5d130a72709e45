//! The cost of a commit does not grow with their number.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{DAY, World, event, files};
use gatelog_lake::StagedAppend;

/// Metadata bytes of a commit, averaged over 16 of them: the period of the smallest merge.
fn mean_bytes(commits: &[StagedAppend]) -> u64 {
    assert_eq!(commits.len(), 16);
    commits.iter().map(|commit| commit.bytes_read + commit.bytes_written).sum::<u64>() / 16
}

/// The goal is for commit 2,000 against commit 20: within twice the bytes. This walks a quarter of the way; `merge`'s own
/// tests walk on to 4,000 without I/O.
#[tokio::test]
async fn commit_600_moves_at_most_twice_the_metadata_of_commit_20() {
    let world = World::new().await;
    let file = files(vec![event(DAY, 1)], 1);
    let mut commits = Vec::new();
    for commit in 1..=600 {
        commits.push(world.append(&file, commit).await);
    }
    let (early, late) = (mean_bytes(&commits[12..28]), mean_bytes(&commits[584..600]));
    assert!(late <= 2 * early, "{early} bytes around commit 20, {late} around commit 590");
    let longest = commits.iter().map(|commit| commit.bytes_read + commit.bytes_written).max().unwrap();
    assert!(longest <= 2_000_000, "{longest} bytes in one commit");

    let pointer = world.lake.pointer().await.unwrap();
    let facts = world.lake.facts(&pointer).await.unwrap();
    assert!(facts.manifests <= 45, "{} manifests", facts.manifests);
    assert_eq!((facts.rows, facts.data_files, facts.snapshots), (600, 600, gatelog_lake::SNAPSHOTS_RETAINED));
    let mut listed = world.lake.data_files(&pointer).await.unwrap();
    listed.sort_unstable();
    listed.dedup();
    assert_eq!(listed.len(), 600, "every file once");
}
