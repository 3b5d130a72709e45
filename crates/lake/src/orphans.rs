//! Removing files that the table does not refer to: the only code of gatelog that deletes anything.
//!
//! # Order of reads
//!
//! References, then the listing, then the pointer again: a file that was committed while the listing ran is referred to by
//! the newer metadata and kept. A file whose commit is still under way is younger than the grace and kept. If anything
//! cannot be read, nothing is deleted.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use gatelog_model::TimestampMicros;

use crate::{error::LakeError, lake::Lake, ports::ListedObject, references::References, storage::location};

/// The smallest grace, seconds: far longer than a commit takes and than clocks differ.
pub const GRACE_SECONDS_MIN: i64 = 3_600;

/// The usual grace, seconds: readers that planned from an expired snapshot have a day to finish.
pub const GRACE_SECONDS_DEFAULT: i64 = 86_400;

/// Deletions under way at a time.
const PARALLEL_DELETES: usize = 8;

/// Whether orphans are deleted or only reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanAction {
    /// Only reported.
    Report,
    /// Deleted.
    Delete,
}

/// What was found under the table's location.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrphanReport {
    /// Objects listed.
    pub listed: u64,
    /// Unreferenced but younger than the grace, so kept.
    pub young: u64,
    /// Unreferenced and old enough.
    pub orphans: Vec<ListedObject>,
    /// How many of them were deleted: all, or none.
    pub deleted: u64,
}

impl OrphanReport {
    /// Bytes that the orphans take.
    pub fn orphan_bytes(&self) -> u64 {
        self.orphans.iter().map(|object| object.size_bytes).sum()
    }
}

impl Lake {
    /// Finds, and if asked deletes, the files under the table's location that no kept snapshot refers to and that were
    /// written more than `grace_seconds` before `now`.
    ///
    /// # Errors
    ///
    /// [`LakeError::GraceTooShort`] below [`GRACE_SECONDS_MIN`]; else when metadata, listing or a deletion failed. Running
    /// it again goes on where it stopped.
    pub async fn orphans(
        &self,
        now: TimestampMicros,
        grace_seconds: i64,
        action: OrphanAction,
    ) -> Result<OrphanReport, LakeError> {
        if grace_seconds < GRACE_SECONDS_MIN {
            return Err(LakeError::GraceTooShort { grace_seconds, min_seconds: GRACE_SECONDS_MIN });
        }
        let io = self.file_io(Arc::default());
        let mut references = References::default();
        let before = self.pointer().await?;
        references.add(&io, &before).await?;
        let mut report = self.find_unreferenced(&references, now.plus_seconds(-grace_seconds)).await?;
        let after = self.pointer().await?;
        if after != before {
            references.add(&io, &after).await?;
        }
        report.orphans.retain(|object| !references.contains(&location(&self.bucket, &object.key)));
        if action == OrphanAction::Delete {
            let keys = report.orphans.iter().map(|object| self.objects.delete(&object.key));
            stream::iter(keys).buffer_unordered(PARALLEL_DELETES).try_collect::<()>().await?;
            report.deleted = report.orphans.len() as u64;
        }
        Ok(report)
    }

    async fn find_unreferenced(
        &self,
        references: &References,
        written_before: TimestampMicros,
    ) -> Result<OrphanReport, LakeError> {
        let mut report = OrphanReport::default();
        // With the slash: a table whose name merely starts the same is another one.
        let prefix = format!("{}/", self.key(self.location())?);
        let mut from = None;
        loop {
            let page = self.objects.list(&prefix, from.as_deref()).await?;
            report.listed += page.objects.len() as u64;
            for object in page.objects {
                if references.contains(&location(&self.bucket, &object.key)) {
                    continue;
                }
                if object.modified < written_before {
                    report.orphans.push(object);
                } else {
                    report.young += 1;
                }
            }
            from = page.next;
            if from.is_none() {
                return Ok(report);
            }
        }
    }
}
