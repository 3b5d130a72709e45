//! Staging an append: a new metadata file that nothing refers to yet.
//!
//! # Order of writes
//!
//! Data files (the caller's) -> manifests -> manifest list -> metadata file -> pointer (the caller's transaction). Each
//! file refers only to files written before it.
//!
//! # Retries and crashes
//!
//! Every file has a fresh UUID in its name, so staging again from the same pointer, or dying half way, leaves files that
//! nothing refers to and that the orphan job removes. Of several appends staged from one pointer one can be swapped in.
//!
//! # Growth
//!
//! The same new metadata drops all but the newest [`SNAPSHOTS_RETAINED`] snapshots and merges manifests (see `merge`), so
//! that the cost of a commit does not grow with their number. Files that fall out of it stay until the orphan job.

use std::{str::FromStr, sync::Arc};

use futures::{StreamExt, TryStreamExt, stream};
use gatelog_model::TimestampMicros;
use iceberg::{
    Error, ErrorKind, MetadataLocation,
    io::FileIO,
    spec::{
        DataFile, FormatVersion, MAIN_BRANCH, Manifest, ManifestContentType, ManifestFile, ManifestList,
        ManifestListWriter, ManifestWriter, ManifestWriterBuilder, Schema, Snapshot, TableMetadata,
        UNASSIGNED_SEQUENCE_NUMBER,
    },
};
use uuid::Uuid;

use crate::{
    data_file::DataFileToAdd,
    error::LakeError,
    lake::{Lake, layout},
    merge::{self, Size},
    storage::Meter,
    summary,
    table::bare_schema,
};

/// Snapshots kept: time travel over the last commits, and time for readers to finish planning. With the manifests that
/// they share they make up a third of a metadata file.
pub const SNAPSHOTS_RETAINED: usize = 20;

/// Manifests read at a time when merging.
pub(crate) const PARALLEL_READS: usize = 8;

/// What an append belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitInfo {
    /// The commit's number, kept in the snapshot's summary as `gatelog.commit-seq`.
    pub commit_seq: i64,
    /// When it is made. Never before the last snapshot: then the last one's time is taken.
    pub at: TimestampMicros,
}

/// An append that becomes visible when the pointer is swapped from `old_pointer` to `new_pointer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedAppend {
    /// What it was staged on.
    pub old_pointer: String,
    /// The new metadata file.
    pub new_pointer: String,
    /// The new snapshot.
    pub snapshot_id: i64,
    /// Metadata files written: manifests, manifest list, metadata file, in this order.
    pub files: Vec<String>,
    /// Metadata bytes read.
    pub bytes_read: u64,
    /// Metadata bytes written.
    pub bytes_written: u64,
}

impl Lake {
    /// Writes the metadata of a table with `files` added to what is at `pointer`.
    ///
    /// The files must be in the bucket already. Whether one is in the table already is not checked: the ledger knows.
    ///
    /// # Errors
    ///
    /// [`LakeError`]; what was written until then is invisible, and staging again is harmless.
    pub async fn stage_append(
        &self,
        pointer: &str,
        files: &[DataFileToAdd],
        commit: CommitInfo,
    ) -> Result<StagedAppend, LakeError> {
        if files.is_empty() {
            return Err(LakeError::NothingToAdd);
        }
        let meter = Arc::new(Meter::default());
        let io = self.file_io(Arc::clone(&meter));
        let base = Base::load(&io, pointer).await?;
        let mut draft = Draft::new(&io, &base.metadata)?;
        let manifests = draft.write_manifests(base.manifests, files).await?;
        let list = draft.write_list(&manifests).await?;
        let snapshot = draft.snapshot(list, &manifests, files, commit);
        let new_pointer = draft.write_metadata(pointer, snapshot).await?;
        Ok(StagedAppend {
            old_pointer: pointer.to_owned(),
            new_pointer,
            snapshot_id: draft.snapshot_id,
            files: draft.written,
            bytes_read: meter.read(),
            bytes_written: meter.written(),
        })
    }
}

/// What an append builds on.
struct Base {
    metadata: TableMetadata,
    manifests: Vec<ManifestFile>,
}

impl Base {
    async fn load(io: &FileIO, pointer: &str) -> Result<Self, LakeError> {
        let metadata = TableMetadata::read_from(io, pointer).await?;
        if metadata.format_version() != FormatVersion::V2 {
            return Err(layout(format!("format version is {} instead of 2", metadata.format_version())));
        }
        let manifests = match metadata.current_snapshot() {
            Some(snapshot) => manifests_of(io, snapshot).await?,
            None => Vec::new(),
        };
        Ok(Self { metadata, manifests })
    }
}

/// The manifests of a snapshot.
pub(crate) async fn manifests_of(io: &FileIO, snapshot: &Snapshot) -> Result<Vec<ManifestFile>, LakeError> {
    let list = io.new_input(snapshot.manifest_list())?.read().await?;
    Ok(ManifestList::parse_with_version(&list, FormatVersion::V2)?.consume_entries().into_iter().collect())
}

/// The files of one append as they are written.
struct Draft<'a> {
    io: &'a FileIO,
    metadata: &'a TableMetadata,
    manifest_schema: Arc<Schema>,
    /// In the name of every file of this append.
    id: Uuid,
    snapshot_id: i64,
    written: Vec<String>,
}

impl<'a> Draft<'a> {
    fn new(io: &'a FileIO, metadata: &'a TableMetadata) -> Result<Self, LakeError> {
        let id = Uuid::new_v4();
        Ok(Self {
            io,
            metadata,
            manifest_schema: bare_schema(metadata)?,
            id,
            snapshot_id: snapshot_id(id),
            written: Vec::new(),
        })
    }

    /// Writes the new files into a manifest and merges full tiers; returns all manifests of the new snapshot.
    async fn write_manifests(
        &mut self,
        mut manifests: Vec<ManifestFile>,
        files: &[DataFileToAdd],
    ) -> Result<Vec<ManifestFile>, LakeError> {
        let spec = self.metadata.default_partition_spec_id();
        let (mergeable, mut kept): (Vec<_>, Vec<_>) = manifests
            .drain(..)
            .partition(|manifest| manifest.content == ManifestContentType::Data && manifest.partition_spec_id == spec);
        // The new files take part in the plan as a manifest not written yet: the last one.
        let new = Size { files: files.len() as u64, bytes: 0 };
        let sizes: Vec<Size> = mergeable.iter().map(size).chain([new]).collect();
        let groups = merge::plan(&sizes);
        let mut sources: Vec<Option<ManifestFile>> = mergeable.into_iter().map(Some).collect();
        let mut new_files = Some(files);
        for group in groups {
            let members = group.iter().filter_map(|&at| sources.get_mut(at)?.take()).collect();
            let added = if group.contains(&sources.len()) { new_files.take() } else { None };
            kept.push(self.write_manifest(members, added.unwrap_or_default()).await?);
        }
        if let Some(files) = new_files {
            kept.push(self.write_manifest(Vec::new(), files).await?);
        }
        kept.extend(sources.into_iter().flatten());
        Ok(kept)
    }

    /// Writes one manifest with the live files of `sources` and `files`.
    async fn write_manifest(
        &mut self,
        sources: Vec<ManifestFile>,
        files: &[DataFileToAdd],
    ) -> Result<ManifestFile, LakeError> {
        let mut writer = self.manifest_writer()?;
        for file in files {
            writer.add_file(file.to_iceberg(self.metadata)?, UNASSIGNED_SEQUENCE_NUMBER)?;
        }
        let io = self.io;
        let read = |source: ManifestFile| async move { source.load_manifest(io).await };
        let mut manifests = stream::iter(sources.into_iter().map(read)).buffered(PARALLEL_READS);
        while let Some(manifest) = manifests.try_next().await? {
            add_existing(&mut writer, manifest)?;
        }
        drop(manifests);
        Ok(writer.write_manifest_file().await?)
    }

    fn manifest_writer(&mut self) -> Result<ManifestWriter, LakeError> {
        let name = format!("{}-m{}.avro", self.id, self.written.len());
        let output = self.io.new_output(self.metadata_path(&name))?;
        let spec = self.metadata.default_partition_spec().as_ref().clone();
        let schema = Arc::clone(&self.manifest_schema);
        Ok(ManifestWriterBuilder::new(output, Some(self.snapshot_id), schema, spec).build_v2_data())
    }

    async fn write_list(&mut self, manifests: &[ManifestFile]) -> Result<String, LakeError> {
        let path = self.metadata_path(&format!("snap-{}-1-{}.avro", self.snapshot_id, self.id));
        let output = self.io.new_output(&path)?.writer().await?;
        let parent = self.metadata.current_snapshot_id();
        let sequence_number = self.metadata.next_sequence_number();
        let mut writer = ManifestListWriter::v2(output, self.snapshot_id, parent, sequence_number);
        writer.add_manifests(manifests.iter().cloned())?;
        writer.close().await?;
        Ok(path)
    }

    fn snapshot(
        &self,
        manifest_list: String,
        manifests: &[ManifestFile],
        files: &[DataFileToAdd],
        commit: CommitInfo,
    ) -> Snapshot {
        Snapshot::builder()
            .with_snapshot_id(self.snapshot_id)
            .with_parent_snapshot_id(self.metadata.current_snapshot_id())
            .with_sequence_number(self.metadata.next_sequence_number())
            .with_timestamp_ms((commit.at.micros() / 1000).max(self.metadata.last_updated_ms()))
            .with_manifest_list(manifest_list)
            .with_summary(summary::of_append(self.metadata, manifests, files, commit))
            .with_schema_id(self.metadata.current_schema_id())
            .build()
    }

    async fn write_metadata(&mut self, pointer: &str, snapshot: Snapshot) -> Result<String, LakeError> {
        let expired = expired(self.metadata)?;
        let builder = self.metadata.clone().into_builder(Some(pointer.to_owned()));
        let builder = builder.set_branch_snapshot(snapshot, MAIN_BRANCH)?.remove_snapshots(&expired);
        let metadata = builder.build()?.metadata;
        let location = MetadataLocation::from_str(pointer)?.with_next_version().with_new_metadata(&metadata);
        metadata.write_to(self.io, &location).await?;
        self.written.push(location.to_string());
        Ok(location.to_string())
    }

    /// Notes and returns the path of a new metadata file.
    fn metadata_path(&mut self, name: &str) -> String {
        let path = format!("{}/metadata/{name}", self.metadata.location());
        self.written.push(path.clone());
        path
    }
}

fn size(manifest: &ManifestFile) -> Size {
    let files = manifest.added_files_count.unwrap_or(0) + manifest.existing_files_count.unwrap_or(0);
    Size { files: u64::from(files), bytes: u64::try_from(manifest.manifest_length).unwrap_or(u64::MAX) }
}

/// Carries live files over with the snapshot and sequence numbers they came with.
fn add_existing(writer: &mut ManifestWriter, manifest: Manifest) -> Result<(), LakeError> {
    let (entries, _) = manifest.into_parts();
    for entry in entries.into_iter().filter(|entry| entry.is_alive()) {
        let entry = Arc::unwrap_or_clone(entry);
        let missing = || Error::new(ErrorKind::DataInvalid, format!("no snapshot of `{}`", entry.file_path()));
        let snapshot_id = entry.snapshot_id().ok_or_else(missing)?;
        let sequence_number = entry.sequence_number().ok_or_else(missing)?;
        let file: DataFile = entry.data_file;
        writer.add_existing_file(file, snapshot_id, sequence_number, entry.file_sequence_number)?;
    }
    Ok(())
}

/// A random positive number: other engines take the sign for an error.
fn snapshot_id(id: Uuid) -> i64 {
    let (high, low) = id.as_u64_pair();
    i64::try_from((high ^ low) >> 1).expect("63 bits are never negative")
}

/// Snapshots to drop when one more is added: all but the newest, and none that a tag or another branch names.
fn expired(metadata: &TableMetadata) -> Result<Vec<i64>, LakeError> {
    let named = summary::named_snapshots(metadata)?;
    let mut newest: Vec<(i64, i64)> =
        metadata.snapshots().map(|snapshot| (snapshot.sequence_number(), snapshot.snapshot_id())).collect();
    newest.sort_unstable_by(|a, b| b.cmp(a));
    let beyond = newest.into_iter().skip(SNAPSHOTS_RETAINED - 1).map(|(_, id)| id);
    Ok(beyond.filter(|id| !named.contains(id)).collect())
}
