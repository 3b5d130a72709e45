//! What a store has done, for whoever exports metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Operation;

/// Counts since the store was connected; shared by its clones.
#[derive(Debug, Default)]
pub struct Counters {
    lists: AtomicU64,
    gets: AtomicU64,
    heads: AtomicU64,
    puts: AtomicU64,
    deletes: AtomicU64,
    failures: AtomicU64,
    read_bytes: AtomicU64,
    written_bytes: AtomicU64,
}

/// [`Counters`] at one moment; every attempt counts as a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CounterValues {
    /// Pages asked for.
    pub lists: u64,
    /// Objects and ranges asked for.
    pub gets: u64,
    /// Headers asked for.
    pub heads: u64,
    /// Writes.
    pub puts: u64,
    /// Removals.
    pub deletes: u64,
    /// Attempts of these that failed, expected outcomes such as a failed precondition included.
    pub failures: u64,
    /// Bytes of bodies received.
    pub read_bytes: u64,
    /// Bytes of bodies sent and accepted.
    pub written_bytes: u64,
}

impl Counters {
    /// Reads all of them; not one instant, but each exact.
    pub fn values(&self) -> CounterValues {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CounterValues {
            lists: read(&self.lists),
            gets: read(&self.gets),
            heads: read(&self.heads),
            puts: read(&self.puts),
            deletes: read(&self.deletes),
            failures: read(&self.failures),
            read_bytes: read(&self.read_bytes),
            written_bytes: read(&self.written_bytes),
        }
    }

    pub(crate) fn request(&self, operation: Operation) {
        let counter = match operation {
            Operation::List => &self.lists,
            Operation::Get => &self.gets,
            Operation::Head => &self.heads,
            Operation::Put => &self.puts,
            Operation::Delete => &self.deletes,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, size_bytes: u64) {
        self.read_bytes.fetch_add(size_bytes, Ordering::Relaxed);
    }

    pub(crate) fn written(&self, size_bytes: usize) {
        self.written_bytes.fetch_add(u64::try_from(size_bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
