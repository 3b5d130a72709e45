//! The thread that makes written records durable, so that the one that writes never waits for the disk.
//!
//! With `Relaxed` it syncs every `sync_interval` in which something was written; with `Strict` as soon as somebody waits,
//! once for all who wait by then. A segment is handed to the shipper only after its last sync: what the store has must
//! still be in the spool after a power failure, or the segment's name would change and its records be stored twice.

use std::{
    collections::VecDeque,
    mem,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use gatelog_runtime::crash_point;

use crate::{AppendError, disk::DiskFile, metrics, queue::Waiter, segment::ClosedSegment, shared::Shared};

/// A segment's file, shared by the thread that writes and the one that syncs.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    pub(crate) file: Box<dyn DiskFile>,
    pub(crate) path: PathBuf,
    /// Whether its name in the folder is durable.
    is_named: AtomicBool,
    /// A sync failed: the kernel may have forgotten what it could not write, so nothing more may go to this file.
    is_poisoned: AtomicBool,
}

impl SegmentFile {
    pub(crate) fn new(file: Box<dyn DiskFile>, path: PathBuf) -> Self {
        Self { file, path, is_named: AtomicBool::new(false), is_poisoned: AtomicBool::new(false) }
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.is_poisoned.load(Ordering::SeqCst)
    }

    /// Makes what was written durable, and with the first sync the name.
    ///
    /// # Errors
    ///
    /// Of the disk, and for ever after the first: behind a record that the kernel has forgotten, the ones that came later
    /// would be found and not believed.
    pub(crate) fn sync(&self, shared: &Shared) -> std::io::Result<()> {
        if self.is_poisoned() {
            return Err(std::io::Error::other("an earlier sync of the segment failed"));
        }
        let begun = Instant::now();
        self.file.sync().inspect_err(|_| self.is_poisoned.store(true, Ordering::SeqCst))?;
        if !self.is_named.load(Ordering::SeqCst) {
            shared.disk.sync_folder(&shared.options.folder)?;
            self.is_named.store(true, Ordering::SeqCst);
        }
        metrics::synced(begun.elapsed());
        Ok(())
    }
}

/// What is to be synced.
#[derive(Debug)]
pub(crate) struct SyncJob {
    pub(crate) file: Arc<SegmentFile>,
    pub(crate) waiters: Vec<Waiter>,
    /// The segment, when this is its last sync.
    pub(crate) closing: Option<ClosedSegment>,
}

/// Written segments on their way to the disk; at most one job per segment.
#[derive(Debug, Default)]
pub(crate) struct SyncQueue {
    jobs: Mutex<Jobs>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Jobs {
    queue: VecDeque<SyncJob>,
    /// When the oldest of them came.
    since: Option<Instant>,
    is_urgent: bool,
    is_closed: bool,
}

impl SyncQueue {
    /// Adds to the job of a file. It is urgent when somebody waits or the segment is to be shipped.
    pub(crate) fn push(&self, job: SyncJob, is_urgent: bool) {
        let mut jobs = self.lock();
        let is_first = jobs.queue.is_empty();
        jobs.since.get_or_insert_with(Instant::now);
        match jobs.queue.back_mut().filter(|last| Arc::ptr_eq(&last.file, &job.file)) {
            Some(last) => {
                last.waiters.extend(job.waiters);
                last.closing = job.closing;
            }
            None => jobs.queue.push_back(job),
        }
        let wakes = is_first || (is_urgent && !jobs.is_urgent);
        jobs.is_urgent |= is_urgent;
        drop(jobs);
        if wakes {
            self.wake.notify_one();
        }
    }

    /// Nothing more will come.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.wake.notify_one();
    }

    /// All jobs, once they are due; `None` when nothing more will come.
    fn take(&self, interval: Duration) -> Option<VecDeque<SyncJob>> {
        let mut jobs = self.lock();
        loop {
            let due = jobs.since.map(|since| since + interval);
            let left = due.map(|due| due.saturating_duration_since(Instant::now()));
            jobs = match left {
                Some(left) if left.is_zero() || jobs.is_urgent || jobs.is_closed => {
                    jobs.since = None;
                    jobs.is_urgent = false;
                    return Some(mem::take(&mut jobs.queue));
                }
                Some(left) => self.wake.wait_timeout(jobs, left).unwrap_or_else(PoisonError::into_inner).0,
                None if jobs.is_closed => return None,
                None => self.wake.wait(jobs).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Drops what nobody will sync; whoever waits for it learns that.
    fn abandon(&self) {
        let mut jobs = self.lock();
        jobs.is_closed = true;
        jobs.since = None;
        let dropped = mem::take(&mut jobs.queue);
        drop(jobs);
        drop(dropped);
    }

    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until the queue is closed and empty.
pub(crate) fn run(shared: &Shared) {
    let _ended = Ended(shared);
    while let Some(jobs) = shared.syncing.take(shared.options.sync_interval) {
        for job in jobs {
            finish(shared, job);
        }
    }
}

/// Syncs one file, answers those who wait, and lets the segment go if it was the last time.
pub(crate) fn finish(shared: &Shared, job: SyncJob) {
    let was_poisoned = job.file.is_poisoned();
    let answer = match job.file.sync(shared) {
        Ok(()) => {
            crash_point("spool.synced");
            Ok(())
        }
        Err(error) => {
            let records = job.waiters.len() as u64;
            if !was_poisoned {
                // Told once: the last sync of a poisoned file says nothing about the disk as it is now, and must not
                // take back that another file could be synced since.
                shared.health.fail("cannot sync a segment", &error);
            }
            shared.account.lose(records);
            metrics::lost("sync", records);
            shared.queue.nudge();
            Err(AppendError::Disk(error.kind()))
        }
    };
    for waiter in job.waiters {
        // Nobody waits for an answer any more: that changes nothing about the record.
        let _gone = waiter.send(answer);
    }
    if let Some(segment) = job.closing {
        shared.outbox.push(segment);
    }
}

/// Tells everybody that the thread has ended, however it did.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.health.fail("the syncing thread panicked", &"see the log");
            self.0.account.stop_admitting();
        }
        self.0.syncing.abandon();
        self.0.outbox.close();
    }
}
