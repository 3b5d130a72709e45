//! The spool as its users see it.

use std::{
    fs::{File, TryLockError},
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use gatelog_model::{Clock, TimestampMicros};

use crate::{
    BadSpoolOptions, NotAdmitted, SpoolOptions, Ticket,
    account::Account,
    depth::Depth,
    disk::{Disk, LocalDisk, private_file, private_folder},
    health::Health,
    metrics,
    outbox::Outbox,
    queue::Queue,
    recover::{Recovered, count_damaged, recover},
    shared::Shared,
    syncer::{self, SyncQueue},
    writer::{self, Writing},
};

/// Locked by the process that has the spool.
const LOCK_FILE: &str = "lock";

/// Why a spool was not opened.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Bounds that make no sense.
    #[error(transparent)]
    Options(#[from] BadSpoolOptions),
    /// Another process has it.
    #[error("the spool `{}` is in use by another process", .folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder or one of its segments cannot be read or put in order.
    #[error("cannot open the spool `{}`", .folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A spool of audit records on the local disk; a clone is another handle to it.
///
/// Dropping the last handle writes and syncs what is queued and waits for that; [`Spool::close`] does so without
/// blocking.
#[derive(Debug, Clone)]
pub struct Spool {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Released with the last handle, after the threads have ended.
    _lock: File,
}

/// How a spool stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpoolStatus {
    /// Records on disk that are not shipped.
    pub records: u64,
    /// Size of their segments.
    pub bytes: u64,
    /// Segments that are not shipped, the open one included.
    pub segments: u64,
    /// Bytes of records that are not written yet.
    pub queued_bytes: u64,
    /// Bytes on disk, queued and reserved: what is held against `spool_bytes_max`.
    pub held_bytes: u64,
    /// Tickets that are out.
    pub tickets: u64,
    /// Time of the oldest record on disk.
    pub oldest: Option<TimestampMicros>,
    /// Age of that record.
    pub lag: Duration,
    /// Records dropped since the start because the spool was full.
    pub dropped: u64,
    /// Records since the start that were admitted and not kept: the disk failed, or the spool was closed.
    pub lost: u64,
    /// Segments whose unfinished end was cut off since the start.
    pub torn: u64,
    /// Files under `damaged/`.
    pub damaged: u64,
    /// Whether the disk refuses writes.
    pub is_failing: bool,
}

impl Spool {
    /// Opens the spool of a folder and puts in order what a crash left there.
    ///
    /// Blocks while it reads every segment that was not shipped, at most `spool_bytes_max`.
    ///
    /// # Errors
    ///
    /// [`SpoolError`]; another process may have the spool.
    pub fn open(options: SpoolOptions, clock: Arc<dyn Clock>) -> Result<Self, SpoolError> {
        Self::open_on(Arc::new(LocalDisk), options, clock)
    }

    pub(crate) fn open_on(
        disk: Arc<dyn Disk>,
        options: SpoolOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SpoolError> {
        options.check()?;
        let folder = options.folder.clone();
        let failed = |source| SpoolError::Io { folder: folder.clone(), source };
        private_folder(&folder).map_err(failed)?;
        let lock = private_file(&folder.join(LOCK_FILE)).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => SpoolError::Locked { folder: folder.clone() },
            TryLockError::Error(source) => failed(source),
        })?;
        let recovered = recover(&folder).map_err(failed)?;
        let shared = Arc::new(shared(disk, options, clock, recovered));
        let threads = start_threads(&shared).map_err(failed)?;
        Ok(Self { handle: Arc::new(Handle { shared, threads: Mutex::new(threads), _lock: lock }) })
    }

    /// Asks for the right to append the records of one request, before anything is done for it.
    ///
    /// `expected_bytes` is a guess of what they will need; it is reserved until the ticket is dropped.
    ///
    /// # Errors
    ///
    /// [`NotAdmitted`]. With [`OnFull::Drop`](crate::OnFull::Drop) only when the spool is being closed.
    pub fn admit(&self, expected_bytes: u64) -> Result<Ticket, NotAdmitted> {
        let shared = self.shared();
        match shared.account.admit(expected_bytes, shared.health.is_failing()) {
            Ok(reserved_bytes) => Ok(Ticket::new(Arc::clone(shared), reserved_bytes)),
            Err(refusal) => {
                metrics::refused(refusal.as_str());
                Err(refusal)
            }
        }
    }

    /// How it stands now.
    pub fn status(&self) -> SpoolStatus {
        let shared = self.shared();
        let (account, total) = (&shared.account, shared.depth.total());
        SpoolStatus {
            records: total.records,
            bytes: total.file_bytes,
            segments: total.segments,
            queued_bytes: account.queued(),
            held_bytes: account.held(),
            tickets: account.tickets(),
            oldest: total.oldest,
            lag: total.oldest.map_or(Duration::ZERO, |oldest| age(oldest, shared.clock.now())),
            dropped: account.dropped(),
            lost: account.lost(),
            torn: shared.torn.load(Ordering::SeqCst),
            damaged: count_damaged(&shared.options.folder).unwrap_or_default(),
            is_failing: shared.health.is_failing(),
        }
    }

    /// Why the disk refuses writes, if it does; fit for a readiness endpoint.
    pub fn problem(&self) -> Option<String> {
        self.shared().health.problem()
    }

    /// Admits nobody from now on; tickets that are out stay good.
    pub fn stop_admitting(&self) {
        self.shared().account.stop_admitting();
    }

    /// Admits nobody, takes no more records, and ends when all that were queued are durable and ready to be shipped.
    /// Asking twice is safe.
    pub async fn close(&self) {
        self.stop_admitting();
        self.shared().queue.close();
        self.shared().outbox.closed().await;
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.account.stop_admitting();
        self.shared.queue.close();
        for thread in self.threads.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // An error is a panic, which was printed and has marked the spool as failing.
            let _ended = thread.join();
        }
    }
}

fn shared(disk: Arc<dyn Disk>, options: SpoolOptions, clock: Arc<dyn Clock>, recovered: Recovered) -> Shared {
    let (account, depth) = (Account::new(&options), Depth::default());
    for segment in &recovered.segments {
        account.charge(segment.file_bytes);
        depth.set(segment.id.number, segment.tally());
    }
    metrics::torn(recovered.torn);
    Shared {
        options,
        clock,
        disk,
        account,
        depth,
        queue: Queue::default(),
        writing: Mutex::new(Writing::new(recovered.next_number)),
        syncing: SyncQueue::default(),
        outbox: Outbox::new(recovered.segments),
        health: Health::default(),
        torn: AtomicU64::new(recovered.torn),
    }
}

fn start_threads(shared: &Arc<Shared>) -> io::Result<Vec<JoinHandle<()>>> {
    let syncing = Arc::clone(shared);
    let syncer = thread::Builder::new().name("spool-sync".to_owned()).spawn(move || syncer::run(&syncing))?;
    let writing = Arc::clone(shared);
    match thread::Builder::new().name("spool-write".to_owned()).spawn(move || writer::run(&writing)) {
        Ok(writer) => Ok(vec![writer, syncer]),
        Err(error) => {
            shared.syncing.close();
            Err(error)
        }
    }
}

fn age(from: TimestampMicros, to: TimestampMicros) -> Duration {
    Duration::from_micros(u64::try_from(to.micros() - from.micros()).unwrap_or_default())
}
