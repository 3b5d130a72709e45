//! Writing: whoever appends a short record to a segment that is open writes it there and then, if nobody else is writing.
//! Everything else is queued for a thread, which appends all that is queued with one call, opens segments and closes them.
//!
//! Writing at once costs a system call into the page cache. Waking the thread and being woken by it costs two switches
//! of threads, which is several times that.
//!
//! # Order of writes
//!
//! Header, frames, then the answer (`Relaxed`) or the sync and then the answer (`Strict`). A segment gets its first byte
//! with its first record and is closed when it is full, old, or the spool ends.
//!
//! # Retries
//!
//! None: a write that fails is answered with its error, what part of it reached the file is cut off again, and the next
//! records go to a new segment. While the disk fails, a segment is made every second to see whether it still does.
//!
//! # Cancellation
//!
//! Whoever waits may go away; the record is written.
//!
//! # After a crash
//!
//! The last frame may be cut. It was not answered; `recover` cuts it off.

use std::{
    io::{self, IoSlice},
    sync::{Arc, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use gatelog_runtime::crash_point;

use crate::{
    AppendError, Audit,
    depth::Tally,
    disk::write_all,
    frame::frame_bytes,
    metrics,
    queue::{Queued, Taken},
    segment::{ClosedSegment, HEADER_BYTES, SegmentId, Window},
    shared::Shared,
    syncer::{SegmentFile, SyncJob},
};

/// Records of one write call: the kernel takes 1,024 parts (`IOV_MAX`), and a record is two.
const WRITE_RECORDS_MAX: usize = 512;
/// Longest record that is written by whoever appends it: copying more takes longer than a switch of threads.
const AT_ONCE_BYTES_MAX: usize = 64 << 10;
/// How often a failing disk is tried.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// What is being written.
#[derive(Debug)]
pub(crate) struct Writing {
    /// Made by the thread alone, which closes it when it is due.
    open: Option<OpenSegment>,
    next_number: u64,
    probed_at: Option<Instant>,
}

/// The right to write, held by one at a time.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    shared: &'a Shared,
    state: MutexGuard<'a, Writing>,
}

/// The segment that is written to.
#[derive(Debug)]
struct OpenSegment {
    id: SegmentId,
    file: Arc<SegmentFile>,
    /// Size of the file as far as it is good.
    file_bytes: u64,
    text_bytes: u64,
    records: u64,
    /// Of its records; when the first of them was written.
    window: Option<(Window, Instant)>,
}

impl Writing {
    pub(crate) fn new(next_number: u64) -> Self {
        Self { open: None, next_number, probed_at: None }
    }
}

/// Writes what is queued until the queue is closed and empty.
pub(crate) fn run(shared: &Shared) {
    let _ended = Ended(shared);
    let mut batch = Vec::new();
    loop {
        let deadline = Writer::lock(shared).deadline();
        let taken = shared.queue.take(&mut batch, deadline);
        let mut writer = Writer::lock(shared);
        match taken {
            Taken::Records => writer.write_batch(&mut batch),
            Taken::Nothing => {}
            Taken::Closed => break writer.close_open(),
        }
        writer.close_if_due();
        writer.probe_if_failing();
    }
}

/// Writes a record at once, or gives it back because that would take waiting.
pub(crate) fn write_at_once(shared: &Shared, record: Queued) -> Result<(), Queued> {
    // A writer that panicked is poisoned: the thread finds out and tells.
    let Ok(state) = shared.writing.try_lock() else { return Err(record) };
    let mut writer = Writer { shared, state };
    if !writer.takes_at_once(&record) {
        return Err(record);
    }
    writer.write_chunk(&mut [record]);
    drop(writer);
    if shared.health.is_failing() {
        shared.queue.nudge();
    }
    Ok(())
}

impl<'a> Writer<'a> {
    fn lock(shared: &'a Shared) -> Self {
        let state = shared.writing.lock().expect("whoever panicked while writing may have left half a frame");
        Self { shared, state }
    }

    /// Whether the record fits into the open segment, which has one already, so that the thread knows when it is due.
    fn takes_at_once(&self, record: &Queued) -> bool {
        let is_open = |open: &OpenSegment| open.window.is_some() && !open.file.is_poisoned();
        record.line.len() <= AT_ONCE_BYTES_MAX
            && self.state.open.as_ref().is_some_and(is_open)
            && self.fitting(std::slice::from_ref(record)) == 1
    }

    /// When to look around even if no record comes.
    fn deadline(&self) -> Option<Instant> {
        let age = self.shared.options.segment_age_max;
        let due = self.state.open.as_ref().and_then(|open| open.window).map(|(_, since)| since + age);
        let probe = self.shared.health.is_failing().then(|| match self.state.probed_at {
            Some(at) => at + PROBE_INTERVAL,
            None => Instant::now(),
        });
        due.into_iter().chain(probe).min()
    }

    fn write_batch(&mut self, batch: &mut Vec<Queued>) {
        let mut from = 0;
        while from < batch.len() {
            if self.state.open.as_ref().is_some_and(|open| open.file.is_poisoned()) {
                self.close_open();
            }
            let count = self.fitting(&batch[from..]);
            if count == 0 {
                self.close_open();
                continue;
            }
            self.write_chunk(&mut batch[from..from + count]);
            from += count;
        }
        batch.clear();
    }

    /// How many of the records still fit into the open segment; a new one takes at least one.
    fn fitting(&self, records: &[Queued]) -> usize {
        let options = &self.shared.options;
        let open = self.state.open.as_ref();
        let (held_records, mut text_bytes) = open.map_or((0, 0), |open| (open.records, open.text_bytes));
        let room = options.segment_records_max.saturating_sub(held_records);
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(WRITE_RECORDS_MAX);
        let fits = |record: &&Queued| {
            let is_alone = text_bytes == 0;
            text_bytes += record.line.len() as u64;
            is_alone || text_bytes <= options.segment_bytes_max
        };
        records.iter().take(room).take_while(fits).count()
    }

    /// Writes records that fit and answers for each.
    fn write_chunk(&mut self, chunk: &mut [Queued]) {
        let bytes: u64 = chunk.iter().map(|record| frame_bytes(&record.line)).sum();
        let written = self.open_segment().and_then(|open| open.append(chunk, bytes));
        self.shared.account.dequeued(bytes);
        match written {
            Ok(tally) => {
                crash_point("spool.written");
                self.answer(chunk, tally);
            }
            Err(error) => self.refuse(chunk, bytes, &error),
        }
    }

    fn answer(&mut self, chunk: &mut [Queued], tally: Tally) {
        let Some(open) = &self.state.open else { return };
        self.shared.depth.set(open.id.number, tally);
        let mut waiters: Vec<_> = chunk.iter_mut().filter_map(|record| record.waiter.take()).collect();
        let is_urgent = self.shared.options.audit == Audit::Strict;
        if !is_urgent {
            for waiter in waiters.drain(..) {
                let _gone = waiter.send(Ok(()));
            }
        }
        self.shared.syncing.push(SyncJob { file: Arc::clone(&open.file), waiters, closing: None }, is_urgent);
    }

    fn refuse(&mut self, chunk: &mut [Queued], bytes: u64, error: &io::Error) {
        let records = chunk.len() as u64;
        self.shared.health.fail("cannot write a segment", error);
        self.shared.account.release(bytes);
        self.shared.account.lose(records);
        metrics::lost("write", records);
        for waiter in chunk.iter_mut().filter_map(|record| record.waiter.take()) {
            let _gone = waiter.send(Err(AppendError::Disk(error.kind())));
        }
        self.close_open();
    }

    /// The open segment, or a new one.
    fn open_segment(&mut self) -> io::Result<&mut OpenSegment> {
        if self.state.open.is_none() {
            let id = SegmentId { instance: self.shared.options.instance, number: self.state.next_number };
            // Even if it fails: the file may be there.
            self.state.next_number += 1;
            let open = OpenSegment::create(self.shared, id)?;
            self.shared.account.charge(HEADER_BYTES as u64);
            self.state.open = Some(open);
        }
        Ok(self.state.open.as_mut().expect("it was opened just now"))
    }

    fn close_if_due(&mut self) {
        let options = &self.shared.options;
        let is_due = self.state.open.as_ref().is_some_and(|open| {
            open.window.is_some_and(|(_, since)| since.elapsed() >= options.segment_age_max)
                || open.records >= options.segment_records_max
                || open.text_bytes >= options.segment_bytes_max
        });
        if is_due {
            self.close_open();
        }
    }

    /// Hands the open segment over to be synced and shipped; one without a record is removed.
    fn close_open(&mut self) {
        let Some(open) = self.state.open.take() else { return };
        let path = open.file.path.clone();
        match open.window {
            Some((window, _)) => {
                let OpenSegment { id, records, file_bytes, .. } = open;
                let closing = Some(ClosedSegment { id, path, records, file_bytes, window });
                self.shared.syncing.push(SyncJob { file: open.file, waiters: Vec::new(), closing }, true);
            }
            None => {
                self.shared.account.release(HEADER_BYTES as u64);
                remove_empty(&path);
            }
        }
    }

    /// Makes a segment and syncs it, to see whether the disk takes writes again.
    fn probe_if_failing(&mut self) {
        let is_recent = self.state.probed_at.is_some_and(|at| at.elapsed() < PROBE_INTERVAL);
        if !self.shared.health.is_failing() || is_recent {
            return;
        }
        self.state.probed_at = Some(Instant::now());
        self.close_open();
        let shared = self.shared;
        match self.open_segment().and_then(|open| open.file.sync(shared)) {
            Ok(()) => {
                self.state.probed_at = None;
                shared.health.recover();
            }
            Err(error) => {
                shared.health.fail("cannot make a segment", &error);
                self.close_open();
            }
        }
    }
}

impl OpenSegment {
    fn create(shared: &Shared, id: SegmentId) -> io::Result<Self> {
        let path = id.path(&shared.options.folder);
        let file = shared.disk.create(&path)?;
        write_all(&*file, &mut [IoSlice::new(&id.header())]).inspect_err(|_| remove_empty(&path))?;
        let file = Arc::new(SegmentFile::new(file, path));
        Ok(Self { id, file, file_bytes: HEADER_BYTES as u64, text_bytes: 0, records: 0, window: None })
    }

    /// Appends the records, whose frames have `bytes`. After an error the file is as it was before, unless the disk
    /// refuses that too: the frames behind `file_bytes` were then never answered, and one that is whole is shipped.
    fn append(&mut self, records: &[Queued], bytes: u64) -> io::Result<Tally> {
        let mut parts = Vec::with_capacity(2 * records.len());
        for record in records {
            parts.push(IoSlice::new(&record.head.0));
            parts.push(IoSlice::new(&record.line));
        }
        write_all(&*self.file.file, &mut parts).inspect_err(|_| {
            let _as_it_is = self.file.file.cut(self.file_bytes);
        })?;
        self.file_bytes += bytes;
        self.records += records.len() as u64;
        for record in records {
            self.text_bytes += record.line.len() as u64;
            self.window = match self.window {
                Some((window, since)) => Some((window.with(record.at), since)),
                None => Some((Window::of(record.at), Instant::now())),
            };
        }
        let earliest = self.window.map_or(records[0].at, |(window, _)| window.earliest);
        Ok(Tally { records: self.records, file_bytes: self.file_bytes, earliest })
    }
}

/// If this fails, the next start removes it.
fn remove_empty(path: &std::path::Path) {
    let _left = std::fs::remove_file(path);
}

/// Lets the syncing thread end, and those who still wait know, however this thread ended.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.health.fail("the writing thread panicked", &"see the log");
            self.0.account.stop_admitting();
        }
        // Nobody closes a segment any more, so nobody may add to one.
        self.0.writing.lock().unwrap_or_else(PoisonError::into_inner).open = None;
        let unwritten = self.0.queue.abandon();
        let records = unwritten.len() as u64;
        if records > 0 {
            self.0.account.lose(records);
            metrics::lost("closed", records);
        }
        drop(unwritten);
        self.0.syncing.close();
    }
}

#[cfg(test)]
mod tests;
