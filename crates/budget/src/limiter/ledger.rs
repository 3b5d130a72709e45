//! One budget of one tenant as this process sees it: the slice in use, older ones that are being settled, and the last
//! refusal.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Refusal,
    slice::{Opened, Slice},
};
use crate::{BudgetId, LeaseId, LeaseReport, Shortage, Unit};

/// A slice keeps what was handed out within the last interval this many times over, and gives back the rest.
const KEEP_INTERVALS: u64 = 4;

/// A refusal is remembered at least this long, or those who wait for it would find nothing and ask again.
const REFUSAL_MIN: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) budget: BudgetId,
    pub(super) unit: Unit,
    pub(super) current: Slice,
    /// Slices of windows that are over, and idle ones on their way back. Few: a slice is retired once per window or idle
    /// interval, and goes when its last reservation is settled.
    pub(super) retired: Vec<Slice>,
    refused: Option<CachedRefusal>,
    /// What is waited for, to be asked for in one call.
    pub(super) wanted: u64,
}

/// The store has said no; it is not asked for as much again for a moment.
#[derive(Debug)]
struct CachedRefusal {
    until: Instant,
    at: Instant,
    missing: u64,
    shortage: Shortage,
}

/// What a flush has to do for one slice.
#[derive(Debug)]
pub(super) enum Errand {
    /// Report on an open lease.
    Report(LeaseReport),
    /// Open a lease only to report on it.
    Open(LeaseId),
}

impl Ledger {
    pub(super) fn new(budget: BudgetId, unit: Unit, lease: LeaseId) -> Self {
        Self { budget, unit, current: Slice::new(lease), retired: Vec::new(), refused: None, wanted: 0 }
    }

    pub(super) fn slice(&mut self, lease: LeaseId) -> Option<&mut Slice> {
        if self.current.lease == lease {
            return Some(&mut self.current);
        }
        self.retired.iter_mut().find(|slice| slice.lease == lease)
    }

    /// Puts a fresh slice in place of one whose window is over.
    pub(super) fn roll(&mut self, now: Instant, fresh: impl FnOnce() -> LeaseId) {
        if self.current.valid_until.is_some_and(|end| end <= now) {
            self.retire(fresh());
        }
    }

    /// Puts a fresh slice in place of the current one; reservations of the old one are settled on it.
    pub(super) fn retire(&mut self, fresh: LeaseId) {
        let old = std::mem::replace(&mut self.current, Slice::new(fresh));
        if !old.is_blank() {
            self.retired.push(old);
        }
    }

    /// Drops a slice that the store knows nothing of any more; its reservations end in nothing.
    pub(super) fn forget(&mut self, lease: LeaseId, fresh: LeaseId) {
        self.retired.retain(|slice| slice.lease != lease);
        if self.current.lease == lease {
            self.current = Slice::new(fresh);
        }
    }

    pub(super) fn refuse(&mut self, shortage: Shortage, missing: u64, now: Instant, cache: Duration) {
        let until = now + cache.min(shortage.retry_after.max(REFUSAL_MIN));
        self.refused = Some(CachedRefusal { until, at: now, missing, shortage });
    }

    pub(super) fn forget_refusal(&mut self) {
        self.refused = None;
    }

    /// The store's answer, if it has refused as much as is `missing` a moment ago.
    pub(super) fn refusal(&self, missing: u64, now: Instant) -> Option<Refusal> {
        let refused = self.refused.as_ref().filter(|refused| now < refused.until && missing >= refused.missing)?;
        let Shortage { window, limit, used, retry_after, .. } = refused.shortage;
        Some(Refusal::Exceeded {
            budget: self.budget.clone(),
            unit: self.unit,
            window,
            limit,
            used,
            retry_after: retry_after.saturating_sub(now.saturating_duration_since(refused.at)),
        })
    }

    /// Gives up what is not needed: all of an old or idle slice, most of a busy one. `keep` is false at shutdown.
    pub(super) fn sweep(&mut self, now: Instant, keep: bool, fresh: impl Fn() -> LeaseId) {
        self.roll(now, &fresh);
        let current = &mut self.current;
        let recent = std::mem::take(&mut current.taken).saturating_mul(KEEP_INTERVALS);
        if current.sync.is_none() && current.opened != Opened::No {
            current.free = if keep { current.free.min(recent) } else { 0 };
            if current.free == 0 && current.unsettled == 0 {
                self.retire(fresh());
            }
        }
        self.retired.retain(|slice| !slice.is_blank());
        for slice in self.retired.iter_mut().filter(|slice| slice.sync.is_none()) {
            slice.free = 0;
        }
    }

    /// What is to be told to the store, marking nothing yet.
    pub(super) fn errands(&mut self) -> Vec<Errand> {
        let current = self.current.lease;
        let slices = self.retired.iter_mut().chain([&mut self.current]).filter(|slice| slice.sync.is_none());
        slices.filter_map(|slice| errand(slice, slice.lease != current)).collect()
    }

    /// Whether forgetting it loses nothing but the memory of a refusal.
    pub(super) fn is_blank(&self) -> bool {
        self.retired.is_empty() && self.current.is_blank()
    }

    pub(super) fn remembers_refusal(&self, now: Instant) -> bool {
        self.refused.as_ref().is_some_and(|refused| now < refused.until)
    }
}

fn errand(slice: &mut Slice, is_retired: bool) -> Option<Errand> {
    if slice.must_open() {
        return Some(Errand::Open(slice.lease));
    }
    // A lease that the store may have opened unheard is closed too, or what it granted would be lost until the window ends.
    let close = is_retired && slice.unsettled == 0 && slice.opened != Opened::No;
    let report = close || (slice.opened == Opened::Yes && slice.is_dirty());
    report.then(|| Errand::Report(LeaseReport { lease: slice.lease, report: slice.report(), close }))
}
