//! What the table refers to, and what its manifests say.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use futures::{StreamExt, TryStreamExt, stream};
use iceberg::{
    io::FileIO,
    spec::{ManifestContentType, ManifestFile, TableMetadata},
};

use crate::{
    append::{PARALLEL_READS, manifests_of},
    error::LakeError,
    lake::Lake,
    summary::{COMMIT_SEQ_PROPERTY, total_files, total_rows},
    table::differences,
};

/// Locations of files that must not be deleted. About 200 bytes per data file of the table.
#[derive(Debug, Default)]
pub(crate) struct References {
    files: HashSet<String>,
}

impl References {
    /// Adds what a metadata file refers to. A file is immutable, so one that is known is not read again.
    pub(crate) async fn add(&mut self, io: &FileIO, pointer: &str) -> Result<(), LakeError> {
        let metadata = TableMetadata::read_from(io, pointer).await?;
        self.files.insert(pointer.to_owned());
        self.files.extend(metadata.metadata_log().iter().map(|log| log.metadata_file.clone()));
        self.files.extend(metadata.statistics_iter().map(|file| file.statistics_path.clone()));
        self.files.extend(metadata.partition_statistics_iter().map(|file| file.statistics_path.clone()));
        for snapshot in metadata.snapshots() {
            if self.files.insert(snapshot.manifest_list().to_owned()) {
                self.add_manifests(io, manifests_of(io, snapshot).await?).await?;
            }
        }
        Ok(())
    }

    async fn add_manifests(&mut self, io: &FileIO, manifests: Vec<ManifestFile>) -> Result<(), LakeError> {
        let unknown: Vec<_> =
            manifests.into_iter().filter(|manifest| self.files.insert(manifest.manifest_path.clone())).collect();
        let read = |manifest: ManifestFile| async move { manifest.load_manifest(io).await };
        let mut manifests = stream::iter(unknown.into_iter().map(read)).buffer_unordered(PARALLEL_READS);
        while let Some(manifest) = manifests.try_next().await? {
            // Entries of deleted files too: an older snapshot that is still kept may list the file as live.
            self.files.extend(manifest.entries().iter().map(|entry| entry.file_path().to_owned()));
        }
        Ok(())
    }

    pub(crate) fn contains(&self, location: &str) -> bool {
        self.files.contains(location)
    }
}

/// The table in a few numbers, for `gatelog check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFacts {
    /// Where it is.
    pub location: String,
    /// Its UUID.
    pub uuid: String,
    /// The current snapshot; `None` before the first append.
    pub snapshot_id: Option<i64>,
    /// The commit that made it, if it was one of ours.
    pub commit_seq: Option<i64>,
    /// Snapshots kept.
    pub snapshots: usize,
    /// Manifests of the current snapshot.
    pub manifests: usize,
    /// Data files of the current snapshot.
    pub data_files: u64,
    /// Rows of the current snapshot.
    pub rows: u64,
    /// How the table differs from what this version writes; empty if it does not.
    pub differences: Vec<String>,
}

impl Lake {
    /// Every file that the table at `pointer` refers to: metadata files, manifest lists, manifests and data files of all
    /// kept snapshots.
    ///
    /// # Errors
    ///
    /// When any of the metadata cannot be read: half an answer would be a licence to delete.
    pub async fn referenced_files(&self, pointer: &str) -> Result<HashSet<String>, LakeError> {
        let mut references = References::default();
        references.add(&self.file_io(Arc::default()), pointer).await?;
        Ok(references.files)
    }

    /// Locations of the data files of the current snapshot, each as often as it is listed: once.
    ///
    /// # Errors
    ///
    /// When a manifest cannot be read.
    pub async fn data_files(&self, pointer: &str) -> Result<Vec<String>, LakeError> {
        let io = self.file_io(Arc::default());
        let mut files = Vec::new();
        for manifest in self.manifests(pointer).await? {
            if manifest.content == ManifestContentType::Data {
                let manifest = manifest.load_manifest(&io).await?;
                let live = manifest.entries().iter().filter(|entry| entry.is_alive());
                files.extend(live.map(|entry| entry.file_path().to_owned()));
            }
        }
        Ok(files)
    }

    /// Field ids of the columns of which any manifest of the current snapshot says something: sizes, counts or bounds.
    /// No content column may be among them.
    ///
    /// # Errors
    ///
    /// When a manifest cannot be read.
    pub async fn bounds_column_ids(&self, pointer: &str) -> Result<BTreeSet<i32>, LakeError> {
        let io = self.file_io(Arc::default());
        let mut ids = BTreeSet::new();
        for manifest in self.manifests(pointer).await? {
            let manifest = manifest.load_manifest(&io).await?;
            for file in manifest.entries().iter().map(|entry| entry.data_file()) {
                ids.extend(file.lower_bounds().keys().chain(file.upper_bounds().keys()));
                ids.extend(file.value_counts().keys().chain(file.null_value_counts().keys()));
                ids.extend(file.column_sizes().keys().chain(file.nan_value_counts().keys()));
            }
        }
        Ok(ids)
    }

    /// The table in a few numbers.
    ///
    /// # Errors
    ///
    /// When the metadata or the manifest list cannot be read.
    pub async fn facts(&self, pointer: &str) -> Result<TableFacts, LakeError> {
        let metadata = self.metadata(pointer).await?;
        let manifests = self.manifests(pointer).await?;
        let commit_seq = metadata
            .current_snapshot()
            .and_then(|snapshot| snapshot.summary().additional_properties.get(COMMIT_SEQ_PROPERTY)?.parse().ok());
        Ok(TableFacts {
            location: metadata.location().to_owned(),
            uuid: metadata.uuid().to_string(),
            snapshot_id: metadata.current_snapshot_id(),
            commit_seq,
            snapshots: metadata.snapshots().len(),
            manifests: manifests.len(),
            data_files: total_files(&manifests, ManifestContentType::Data),
            rows: total_rows(&manifests),
            differences: differences(&metadata)?,
        })
    }

    async fn manifests(&self, pointer: &str) -> Result<Vec<ManifestFile>, LakeError> {
        let metadata = self.metadata(pointer).await?;
        match metadata.current_snapshot() {
            Some(snapshot) => manifests_of(&self.file_io(Arc::default()), snapshot).await,
            None => Ok(Vec::new()),
        }
    }
}
