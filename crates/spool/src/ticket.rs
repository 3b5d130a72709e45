//! The right to append, and waiting for what was appended.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use gatelog_model::TimestampMicros;
use tokio::sync::oneshot;

use crate::{
    frame::{Head, LINE_BYTES_MAX, frame_bytes},
    metrics,
    queue::{Queued, Waiter},
    shared::Shared,
    writer::write_at_once,
};

/// Why a record is not in the spool. Each was counted already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Not exactly one line with its newline.
    #[error("an audit record is not one line")]
    NotALine,
    /// Longer than ingest reads.
    #[error("an audit record of {bytes} bytes is longer than {LINE_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The spool is full and told to drop records.
    #[error("the audit spool is full: the record is dropped")]
    Dropped,
    /// The disk refused it.
    #[error("cannot write an audit record: {0}")]
    Disk(io::ErrorKind),
    /// The spool was closed before.
    #[error("the audit spool is closed")]
    Closed,
}

/// The right of one request to append its records, with bytes reserved for them.
///
/// One per request; a request with several attempts appends once for each. Appending waits for nobody: a short record
/// goes into the page cache at once if nobody else is writing, and the queue takes what was admitted. What is left of the
/// reservation is given back when the ticket is dropped.
#[derive(Debug)]
pub struct Ticket {
    shared: Arc<Shared>,
    reserved_bytes: AtomicU64,
}

/// A record on its way to the disk.
///
/// Resolves when the record is kept, in the sense of [`Audit`](crate::Audit). Dropping it does not take the record back.
#[derive(Debug)]
#[must_use = "the record is queued, but nobody learns whether it was kept"]
pub struct Appending(State);

#[derive(Debug)]
enum State {
    Refused(AppendError),
    Waiting(oneshot::Receiver<Result<(), AppendError>>),
}

impl Ticket {
    pub(crate) fn new(shared: Arc<Shared>, reserved_bytes: u64) -> Self {
        Self { shared, reserved_bytes: AtomicU64::new(reserved_bytes) }
    }

    /// Queues a record; what comes back says when it is kept.
    ///
    /// `line` is one NDJSON line with its newline, `at` its time: the name of the object covers it. The record is queued
    /// before this returns.
    pub fn append(&self, at: TimestampMicros, line: impl Into<Bytes>) -> Appending {
        let (waiter, kept) = oneshot::channel();
        match self.enqueue(at, line.into(), Some(waiter)) {
            Ok(()) => Appending(State::Waiting(kept)),
            Err(error) => Appending(State::Refused(error)),
        }
    }

    /// Queues a record for whose fate nobody can wait, such as that of a request that is being dropped.
    ///
    /// # Errors
    ///
    /// [`AppendError`] when it is not queued. If the disk refuses it later, that is counted and logged.
    pub fn append_detached(&self, at: TimestampMicros, line: impl Into<Bytes>) -> Result<(), AppendError> {
        self.enqueue(at, line.into(), None)
    }

    fn enqueue(&self, at: TimestampMicros, line: Bytes, waiter: Option<Waiter>) -> Result<(), AppendError> {
        let account = &self.shared.account;
        if let Err(error) = check_line(&line) {
            account.lose(1);
            metrics::lost("bad_line", 1);
            return Err(error);
        }
        let bytes = frame_bytes(&line);
        if !account.charge_record(bytes, self.use_reserved(bytes)) {
            metrics::dropped();
            return Err(AppendError::Dropped);
        }
        let is_queue_empty = account.queued() == 0;
        account.enqueued(bytes);
        let mut record = Queued { at, head: Head::new(at, &line), line, waiter };
        if is_queue_empty {
            // Never before those who wait already: they would wait for ever beside many who come.
            match write_at_once(&self.shared, record) {
                Ok(()) => return Ok(()),
                Err(back) => record = back,
            }
        }
        self.shared.queue.push(record).map_err(|_refused| {
            account.dequeued(bytes);
            account.release(bytes);
            account.lose(1);
            metrics::lost("closed", 1);
            AppendError::Closed
        })
    }

    /// Takes up to `bytes` out of the reservation.
    fn use_reserved(&self, bytes: u64) -> u64 {
        let take = |reserved: u64| Some(reserved.saturating_sub(bytes));
        let before = self.reserved_bytes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
        before.unwrap_or_else(|reserved| reserved).min(bytes)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.shared.account.give_back(*self.reserved_bytes.get_mut());
    }
}

impl Future for Appending {
    type Output = Result<(), AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Refused(error) => Poll::Ready(Err(*error)),
            // Without an answer, the thread that should have given it is gone.
            State::Waiting(kept) => {
                Poll::Ready(ready!(Pin::new(kept).poll(context)).unwrap_or(Err(AppendError::Closed)))
            }
        }
    }
}

/// One newline, at the end, and something before it: a blank line is none to whoever reads the object.
fn check_line(line: &[u8]) -> Result<(), AppendError> {
    if line.len() > LINE_BYTES_MAX {
        return Err(AppendError::TooLong { bytes: line.len() });
    }
    match line.split_last() {
        Some((b'\n', text)) if !text.trim_ascii().is_empty() && memchr::memchr(b'\n', text).is_none() => Ok(()),
        _ => Err(AppendError::NotALine),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_whole_line_is_taken() {
        assert_eq!(check_line(b"{}\n"), Ok(()));
        for bad in [&b""[..], b"\n", b" \t\r\n", b"{}", b"{}\n{}\n", b"{}\n\n"] {
            assert_eq!(check_line(bad), Err(AppendError::NotALine), "{bad:?}");
        }
        let mut long = vec![b'a'; LINE_BYTES_MAX + 1];
        *long.last_mut().unwrap() = b'\n';
        assert_eq!(check_line(&long), Err(AppendError::TooLong { bytes: LINE_BYTES_MAX + 1 }));
        assert_eq!(check_line(&long[1..]), Ok(()));
    }
}
