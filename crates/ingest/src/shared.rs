//! What the stages of one daemon share.

use std::{
    path::PathBuf,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use gatelog_catalog::{Catalog, Lease};
use gatelog_lake::Lake;
use gatelog_logpush::{KeyRing, LineLimits};
use gatelog_model::Clock;
use gatelog_objects::Store;
use gatelog_runtime::{Readiness, Shutdown};
use gatelog_triggers::NoticeQueue;
use tokio::{
    runtime::Handle,
    sync::{Notify, OwnedRwLockReadGuard},
};
use uuid::Uuid;

use crate::{
    batch::{Assembly, PendingCommit},
    decode::UnwrapPool,
    normalise::NormaliseContext,
    options::IngestOptions,
    report::Progress,
    window::CommitWindow,
};

/// The parts a daemon is made of; the binary connects them.
pub struct Parts {
    /// The bucket that is read.
    pub source: Store,
    /// The table that is appended to.
    pub lake: Lake,
    /// The bucket that the table lies in.
    pub lake_store: Store,
    /// Ledger, rollup and pointer.
    pub catalog: Catalog,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The keys now in force.
    pub keys: KeyRing,
    /// Where they come from, read again now and then; empty when they cannot change.
    pub key_files: Vec<PathBuf>,
    /// How records become events.
    pub normalise: NormaliseContext,
    /// Bounds of lines and objects.
    pub limits: LineLimits,
    /// Pace.
    pub options: IngestOptions,
    /// Queues that say what the bucket got; listing goes on without them.
    pub queues: Vec<Arc<dyn NoticeQueue>>,
    /// Told about the work.
    pub progress: Arc<dyn Progress>,
    /// Told whether the work can be done.
    pub readiness: Readiness,
}

/// Shared state; every stage holds an `Arc` of it.
pub(crate) struct Shared {
    pub(crate) source: Store,
    pub(crate) lake: Lake,
    pub(crate) lake_store: Store,
    pub(crate) catalog: Catalog,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keys: RwLock<Arc<KeyRing>>,
    pub(crate) key_files: Vec<PathBuf>,
    pub(crate) normalise: Arc<NormaliseContext>,
    pub(crate) limits: LineLimits,
    pub(crate) unwrap: Arc<UnwrapPool>,
    pub(crate) options: IngestOptions,
    pub(crate) progress: Arc<dyn Progress>,
    pub(crate) readiness: Readiness,
    pub(crate) shutdown: Shutdown,
    /// Where threads of their own wait for the database and the store.
    pub(crate) runtime: Handle,
    /// This daemon's name in the ledger.
    pub(crate) owner: Uuid,
    pub(crate) assembly: Assembly,
    pub(crate) pending: PendingCommit,
    pub(crate) window: Arc<tokio::sync::RwLock<CommitWindow>>,
    /// There may be something to claim, nothing is left to decode, or all is committed.
    pub(crate) wake_feed: Arc<Notify>,
    /// Nothing more is coming in: what is pending may be committed before the interval ends.
    pub(crate) flush: Notify,
    /// Objects claimed and not yet handed to a batch.
    pub(crate) decoding: InFlight,
    /// Objects claimed and neither committed nor given back.
    pub(crate) uncommitted: InFlight,
}

impl Shared {
    /// The keys in force.
    pub(crate) fn current_keys(&self) -> Arc<KeyRing> {
        Arc::clone(&self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Holds the commit window open: no commit of it starts before the guard is dropped.
    pub(crate) async fn hold_window(&self) -> OwnedRwLockReadGuard<CommitWindow> {
        Arc::clone(&self.window).read_owned().await
    }

    /// Gives objects back to the ledger, to be claimed again after `wait`. If the ledger cannot be reached their leases
    /// run out by themselves.
    pub(crate) async fn release(&self, leases: &[Lease], wait: std::time::Duration, reason: &'static str) {
        for _ in leases {
            crate::metrics::object_released(reason);
        }
        if let Err(error) = self.catalog.release(leases, wait).await {
            tracing::warn!(error = %crate::error_chain(&error), objects = leases.len(), "cannot give objects back, their leases will run out");
        }
        self.uncommitted.leave(leases.len());
        self.wake_feed.notify_one();
    }
}

/// A count of what is under way, which wakes somebody whenever nothing is any more.
#[derive(Debug)]
pub(crate) struct InFlight {
    count: AtomicU64,
    at_zero: Arc<Notify>,
}

impl InFlight {
    pub(crate) fn new(at_zero: Arc<Notify>) -> Self {
        Self { count: AtomicU64::new(0), at_zero }
    }

    pub(crate) fn enter(&self, count: usize) {
        self.count.fetch_add(count as u64, Ordering::SeqCst);
    }

    pub(crate) fn leave(&self, count: usize) {
        let left = count as u64;
        if self.count.fetch_sub(left, Ordering::SeqCst) == left {
            self.at_zero.notify_one();
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn the_last_to_leave_wakes_once() {
        let woken = Arc::new(Notify::new());
        let in_flight = InFlight::new(Arc::clone(&woken));
        in_flight.enter(3);
        in_flight.leave(2);
        assert_eq!(woken.notified().now_or_never(), None);
        in_flight.leave(1);
        assert_eq!(woken.notified().now_or_never(), Some(()));
        assert_eq!(woken.notified().now_or_never(), None);
    }
}
