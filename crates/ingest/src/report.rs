//! What a commit made visible, for logs, metrics, the progress bar and the caller.

use std::collections::BTreeMap;

use gatelog_model::{CostSource, Event, Reject, RejectReason};

/// Counts of one commit, or of many added up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitReport {
    /// Commits added up.
    pub commits: u64,
    /// Objects that reached their end.
    pub objects: u64,
    /// Their lines.
    pub lines: u64,
    /// Lines that became events.
    pub events: u64,
    /// Lines that were there already.
    pub duplicates: u64,
    /// Lines kept as rejects.
    pub rejects: u64,
    /// Rejects by reason.
    pub rejects_by_reason: BTreeMap<RejectReason, u64>,
    /// Events with tokens that no rate covers.
    pub unpriced: u64,
    /// Events without a tenant.
    pub tenantless: u64,
    /// Parquet files.
    pub files: u64,
    /// Their bytes.
    pub lake_bytes: u64,
}

impl CommitReport {
    /// Adds another report.
    pub fn add(&mut self, other: &Self) {
        self.commits += other.commits;
        self.objects += other.objects;
        self.lines += other.lines;
        self.events += other.events;
        self.duplicates += other.duplicates;
        self.rejects += other.rejects;
        for (reason, count) in &other.rejects_by_reason {
            *self.rejects_by_reason.entry(*reason).or_default() += count;
        }
        self.unpriced += other.unpriced;
        self.tenantless += other.tenantless;
        self.files += other.files;
        self.lake_bytes += other.lake_bytes;
    }

    pub(crate) fn count_event(&mut self, event: &Event) {
        self.events += 1;
        self.unpriced += u64::from(event.cost_source == CostSource::Unpriced);
        self.tenantless += u64::from(event.tenant_id.is_none());
    }

    pub(crate) fn count_rejects(&mut self, rejects: &[Reject]) {
        for reject in rejects {
            self.rejects += 1;
            *self.rejects_by_reason.entry(reject.reason).or_default() += 1;
        }
    }
}

/// Watches the work, for a progress bar.
pub trait Progress: Send + Sync {
    /// Objects found by listing so far.
    fn found(&self, objects: u64);
    /// A commit became visible.
    fn committed(&self, report: &CommitReport);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn found(&self, _objects: u64) {}
    fn committed(&self, _report: &CommitReport) {}
}
