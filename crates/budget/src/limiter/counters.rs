//! What a limiter has done, as numbers that only grow.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) leases: AtomicU64,
    pub(super) refusals: AtomicU64,
    pub(super) store_failures: AtomicU64,
    pub(super) unchecked: AtomicU64,
    pub(super) overruns: AtomicU64,
    pub(super) abandoned: AtomicU64,
}

/// A reading of the counters, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimiterCounts {
    /// Calls for a slice.
    pub leases: u64,
    /// Requests refused.
    pub refusals: u64,
    /// Calls of the store that failed.
    pub store_failures: u64,
    /// Requests let through without cover because the store was down.
    pub unchecked: u64,
    /// Times that a request used more of a budget than it had reserved.
    pub overruns: u64,
    /// Reservations dropped without being settled, booked in full.
    pub abandoned: u64,
    /// Tenants being kept account of, now.
    pub tenants: usize,
}

impl Counters {
    pub(super) fn read(&self, tenants: usize) -> LimiterCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LimiterCounts {
            leases: read(&self.leases),
            refusals: read(&self.refusals),
            store_failures: read(&self.store_failures),
            unchecked: read(&self.unchecked),
            overruns: read(&self.overruns),
            abandoned: read(&self.abandoned),
            tenants,
        }
    }
}
