//! Records on their way from those who append to the thread that writes. Bounded by admission: see `account`.

use std::{
    mem,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use gatelog_model::TimestampMicros;
use tokio::sync::oneshot;

use crate::{AppendError, frame::Head};

/// Who waits for a record, if anybody does.
pub(crate) type Waiter = oneshot::Sender<Result<(), AppendError>>;

/// A record that is not written yet.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) at: TimestampMicros,
    pub(crate) head: Head,
    pub(crate) line: Bytes,
    pub(crate) waiter: Option<Waiter>,
}

/// What the writer was woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Records,
    /// The deadline has passed, or somebody wants the writer to look around.
    Nothing,
    /// Closed, and everything was taken.
    Closed,
}

/// Many appenders, one writer.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    inbox: Mutex<Inbox>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Inbox {
    records: Vec<Queued>,
    is_closed: bool,
    is_nudged: bool,
    /// Whether the writer sleeps: waking it costs a system call.
    is_parked: bool,
}

impl Queue {
    /// Adds a record, or gives it back when the queue is closed.
    pub(crate) fn push(&self, record: Queued) -> Result<(), Queued> {
        let mut inbox = self.lock();
        if inbox.is_closed {
            return Err(record);
        }
        inbox.records.push(record);
        self.wake_writer(inbox);
        Ok(())
    }

    /// Lets the writer look at its clock and its disk.
    pub(crate) fn nudge(&self) {
        let mut inbox = self.lock();
        inbox.is_nudged = true;
        self.wake_writer(inbox);
    }

    /// Takes no more; what is there is still written.
    pub(crate) fn close(&self) {
        let mut inbox = self.lock();
        inbox.is_closed = true;
        self.wake_writer(inbox);
    }

    /// Closes and gives back what nobody will write.
    pub(crate) fn abandon(&self) -> Vec<Queued> {
        let mut inbox = self.lock();
        inbox.is_closed = true;
        mem::take(&mut inbox.records)
    }

    /// Waits for records and moves all that are there into `records`, which must be empty.
    pub(crate) fn take(&self, records: &mut Vec<Queued>, deadline: Option<Instant>) -> Taken {
        let mut inbox = self.lock();
        loop {
            if !inbox.records.is_empty() {
                mem::swap(&mut inbox.records, records);
                return Taken::Records;
            }
            if inbox.is_closed {
                return Taken::Closed;
            }
            if mem::take(&mut inbox.is_nudged) {
                return Taken::Nothing;
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            inbox.is_parked = true;
            inbox = match left {
                Some(left) if left.is_zero() => {
                    inbox.is_parked = false;
                    return Taken::Nothing;
                }
                Some(left) => self.wake.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.wake.wait(inbox).unwrap_or_else(PoisonError::into_inner),
            };
            inbox.is_parked = false;
        }
    }

    /// Whether the writer sleeps, and so holds nothing.
    #[cfg(test)]
    pub(crate) fn is_writer_parked(&self) -> bool {
        self.lock().is_parked
    }

    fn wake_writer(&self, mut inbox: MutexGuard<'_, Inbox>) {
        let is_parked = mem::take(&mut inbox.is_parked);
        drop(inbox);
        if is_parked {
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
