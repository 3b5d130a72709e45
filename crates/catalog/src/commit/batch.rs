//! What becomes visible together, and the sums that must agree before Postgres is asked.

use std::collections::HashSet;

use chrono::NaiveDate;
use gatelog_model::{Digest, LineDigest, ObjectId, Reject, Tally, TimestampMicros, Unbalanced};
use gatelog_rollup::Rollup;
use uuid::Uuid;

use crate::{CatalogError, Lease};

/// Everything one transaction makes visible.
#[derive(Debug, Clone)]
pub struct CommitBatch {
    /// From [`crate::Catalog::next_commit_seq`]; the rows in the files carry it.
    pub commit_seq: i64,
    /// The worker that commits.
    pub worker: Uuid,
    /// When, as the rows in the files say.
    pub ingest_time: TimestampMicros,
    /// Each object once.
    pub objects: Vec<ObjectCommit>,
    /// The digests of all lines that become events, with the object each is from.
    pub digests: Vec<(LineDigest, ObjectId)>,
    /// The events by hour.
    pub rollup: Rollup,
    /// The files that hold the events; empty when there is none.
    pub files: Vec<OutputFile>,
    /// How many events there are.
    pub events: u64,
}

/// One object of a batch.
#[derive(Debug, Clone)]
pub struct ObjectCommit {
    /// The right to commit it.
    pub lease: Lease,
    /// What was done with it.
    pub kind: CommitKind,
}

/// What was done with an object.
#[derive(Debug, Clone)]
pub enum CommitKind {
    /// All of it was read for the first time.
    Ingest {
        /// What became of its lines.
        tally: Tally,
        /// SHA-256 of the stored bytes.
        sha256: Digest,
        /// Digest over its lines in any order.
        lines_digest: Digest,
        /// As many as the tally says.
        rejects: Vec<Reject>,
        /// The ring that was tried, noted with the `no_key` rejects.
        key_ring: Option<String>,
    },
    /// Open rejects of it were read again. Lines named in neither list stay as they are.
    Retry {
        /// Lines that are rejects no longer.
        resolved: Vec<ResolvedLine>,
        /// Lines that still are, with the reason found now.
        still: Vec<Reject>,
        /// The ring that was tried, noted with the `no_key` rejects.
        key_ring: Option<String>,
    },
}

/// A line that is a reject no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResolvedLine {
    /// Line number in the object, from 1.
    pub line: u64,
    /// What it is now.
    pub became: Resolved,
}

/// What a reject turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    /// An event of this batch.
    Event,
    /// A line that was committed from another object meanwhile.
    Duplicate,
}

/// A Parquet file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// As in the Iceberg manifests.
    pub path: String,
    /// Partition.
    pub day: NaiveDate,
    /// Events in it.
    pub rows: u64,
    /// Size, bytes.
    pub size_bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
}

/// A batch could not be staged; nothing of it stays.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A tally does not add up: a bug in what made the batch.
    #[error(transparent)]
    Unbalanced(#[from] Unbalanced),
    /// Two counts of the same thing differ: a bug in what made the batch.
    #[error("batch of {expected} events has {found} {what}")]
    EventCount {
        /// What was counted.
        what: &'static str,
        /// What the batch says.
        expected: u64,
        /// What was found.
        found: u64,
    },
    /// An object stands in the batch twice, or its rejects are not as many as its tally or the ledger says: a bug.
    #[error("object {} in the batch: {what}", .object.0)]
    Object {
        /// Which object.
        object: ObjectId,
        /// What is wrong.
        what: &'static str,
    },
    /// Rows that must have been there were not: a bug, or somebody changed the ledger by hand.
    #[error("{found} {what} were changed instead of {expected}")]
    RowCount {
        /// Which rows.
        what: &'static str,
        /// How many there had to be.
        expected: u64,
        /// How many there were.
        found: u64,
    },
    /// Postgres refused a statement or could not be reached.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl StageError {
    /// Whether the same batch may be staged later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Catalog(error) => error.is_transient(),
            Self::Unbalanced(_) | Self::EventCount { .. } | Self::Object { .. } | Self::RowCount { .. } => false,
        }
    }
}

impl CommitBatch {
    /// Checks that ledger, digests, rollup and files count the same events.
    pub(super) fn check(&self) -> Result<(), StageError> {
        let mut seen = HashSet::new();
        let mut ledger = 0;
        for object in &self.objects {
            if !seen.insert(object.lease.object) {
                return Err(StageError::Object { object: object.lease.object, what: "stands there twice" });
            }
            ledger += object.events()?;
        }
        let digests = self.digests.len() as u64;
        let cells = self.rollup.requests();
        let rows = self.files.iter().map(|file| file.rows).sum();
        let counts = [
            ("events in the ledger", ledger),
            ("digests", digests),
            ("requests in the rollup", cells),
            ("rows in files", rows),
        ];
        match counts.into_iter().find(|(_, found)| *found != self.events) {
            Some((what, found)) => Err(StageError::EventCount { what, expected: self.events, found }),
            None => Ok(()),
        }
    }
}

impl ObjectCommit {
    /// Checks the object by itself and counts the events it adds.
    fn events(&self) -> Result<u64, StageError> {
        match &self.kind {
            CommitKind::Ingest { tally, rejects, .. } => {
                let tally = tally.checked()?;
                if tally.rejects != rejects.len() as u64 {
                    let what = "its tally counts other than its rejects";
                    return Err(StageError::Object { object: self.lease.object, what });
                }
                Ok(tally.events)
            }
            CommitKind::Retry { resolved, .. } => Ok(count(resolved, Resolved::Event)),
        }
    }
}

/// How many lines became that.
pub(super) fn count(resolved: &[ResolvedLine], became: Resolved) -> u64 {
    resolved.iter().filter(|line| line.became == became).count() as u64
}
