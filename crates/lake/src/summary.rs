//! What a snapshot says about itself.

use std::collections::{HashMap, HashSet};

use iceberg::{
    Result,
    spec::{MAIN_BRANCH, ManifestContentType, ManifestFile, Operation, SnapshotReference, Summary, TableMetadata},
};
use serde::Deserialize;

use crate::{append::CommitInfo, data_file::DataFileToAdd};

/// The summary entry that names the commit.
pub const COMMIT_SEQ_PROPERTY: &str = "gatelog.commit-seq";

const TOTAL_BYTES: &str = "total-files-size";

/// The summary of an append. Row and file totals are counted from the manifests, so that a wrong one never lives on; the
/// total size, which manifests do not have, goes on from the snapshot before.
pub(crate) fn of_append(
    metadata: &TableMetadata,
    manifests: &[ManifestFile],
    files: &[DataFileToAdd],
    commit: CommitInfo,
) -> Summary {
    let mut totals = HashMap::new();
    let mut set = |key: &str, value: u64| totals.insert(key.to_owned(), value.to_string());
    let added_bytes: u64 = files.iter().map(|file| file.size_bytes).sum();
    let days: HashSet<i32> = files.iter().map(|file| file.day).collect();
    set("added-data-files", files.len() as u64);
    set("added-records", files.iter().map(|file| file.rows).sum());
    set("added-files-size", added_bytes);
    set("changed-partition-count", days.len() as u64);
    set("total-data-files", total_files(manifests, ManifestContentType::Data));
    set("total-delete-files", total_files(manifests, ManifestContentType::Deletes));
    set("total-records", total_rows(manifests));
    if let Some(before) = total_bytes(metadata) {
        set(TOTAL_BYTES, before + added_bytes);
    }
    totals.insert(COMMIT_SEQ_PROPERTY.to_owned(), commit.commit_seq.to_string());
    Summary { operation: Operation::Append, additional_properties: totals }
}

/// Live data files, or delete files.
pub(crate) fn total_files(manifests: &[ManifestFile], content: ManifestContentType) -> u64 {
    let files = |manifest: &ManifestFile| {
        u64::from(manifest.added_files_count.unwrap_or(0)) + u64::from(manifest.existing_files_count.unwrap_or(0))
    };
    manifests.iter().filter(|manifest| manifest.content == content).map(files).sum()
}

/// Rows of live data files.
pub(crate) fn total_rows(manifests: &[ManifestFile]) -> u64 {
    let data = manifests.iter().filter(|manifest| manifest.content == ManifestContentType::Data);
    data.map(|manifest| manifest.added_rows_count.unwrap_or(0) + manifest.existing_rows_count.unwrap_or(0)).sum()
}

fn total_bytes(metadata: &TableMetadata) -> Option<u64> {
    match metadata.current_snapshot() {
        Some(snapshot) => snapshot.summary().additional_properties.get(TOTAL_BYTES)?.parse().ok(),
        None => Some(0),
    }
}

/// Snapshots that a tag or a branch other than `main` names. The library keeps the names to itself but writes them out.
pub(crate) fn named_snapshots(metadata: &TableMetadata) -> Result<HashSet<i64>> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        refs: HashMap<String, SnapshotReference>,
    }
    let named: Named = serde_json::from_value(serde_json::to_value(metadata)?)?;
    Ok(named.refs.into_iter().filter(|(name, _)| name != MAIN_BRANCH).map(|(_, named)| named.snapshot_id).collect())
}
