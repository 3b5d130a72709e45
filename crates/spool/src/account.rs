//! Who may come in: bytes, tickets and what was turned away, in atomics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use crate::{OnFull, SpoolOptions};

/// Why a request was not admitted; its answer is 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// Disk, queue and reservations together are at the bound: the store has been away for long.
    #[error("the audit spool is full")]
    SpoolFull,
    /// The disk does not keep up.
    #[error("too many audit records wait for the disk")]
    QueueFull,
    /// Too many requests hold a ticket.
    #[error("too many requests are under way")]
    TooManyTickets,
    /// The last write failed, and none has succeeded since.
    #[error("the disk of the audit spool fails")]
    DiskFailing,
    /// The spool is being closed.
    #[error("the audit spool is closing")]
    Closing,
}

impl NotAdmitted {
    /// The label used in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SpoolFull => "spool_full",
            Self::QueueFull => "queue_full",
            Self::TooManyTickets => "too_many_tickets",
            Self::DiskFailing => "disk_failing",
            Self::Closing => "closing",
        }
    }
}

/// Bytes and tickets that are out, against their bounds.
#[derive(Debug)]
pub(crate) struct Account {
    spool_bytes_max: u64,
    queue_bytes_max: u64,
    tickets_max: u64,
    on_full: OnFull,
    /// On disk, queued or reserved.
    held: AtomicU64,
    queued: AtomicU64,
    tickets: AtomicU64,
    is_closing: AtomicBool,
    dropped: AtomicU64,
    lost: AtomicU64,
}

impl Account {
    pub(crate) fn new(options: &SpoolOptions) -> Self {
        Self {
            spool_bytes_max: options.spool_bytes_max,
            queue_bytes_max: options.queue_bytes_max,
            tickets_max: options.tickets_max,
            on_full: options.on_full,
            held: AtomicU64::new(0),
            queued: AtomicU64::new(0),
            tickets: AtomicU64::new(0),
            is_closing: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// Takes a ticket and says how many bytes are reserved with it. The ticket is counted before anything is looked at:
    /// whoever has closed the door and then sees no ticket knows that none will come.
    pub(crate) fn admit(&self, expected_bytes: u64, is_failing: bool) -> Result<u64, NotAdmitted> {
        let tickets = self.tickets.fetch_add(1, SeqCst);
        let admitted = self.reserve_for(expected_bytes, tickets, is_failing);
        if admitted.is_err() {
            self.tickets.fetch_sub(1, SeqCst);
        }
        admitted
    }

    fn reserve_for(&self, expected_bytes: u64, tickets: u64, is_failing: bool) -> Result<u64, NotAdmitted> {
        if self.is_closing.load(SeqCst) {
            return Err(NotAdmitted::Closing);
        }
        match self.on_full {
            OnFull::Drop => Ok(if self.charge_within(expected_bytes) { expected_bytes } else { 0 }),
            OnFull::Refuse if is_failing => Err(NotAdmitted::DiskFailing),
            OnFull::Refuse if self.queued() >= self.queue_bytes_max => Err(NotAdmitted::QueueFull),
            OnFull::Refuse if tickets >= self.tickets_max => Err(NotAdmitted::TooManyTickets),
            OnFull::Refuse if self.charge_within(expected_bytes) => Ok(expected_bytes),
            OnFull::Refuse => Err(NotAdmitted::SpoolFull),
        }
    }

    /// Gives a ticket back with what is left of its reservation.
    pub(crate) fn give_back(&self, reserved_bytes: u64) {
        self.release(reserved_bytes);
        self.tickets.fetch_sub(1, SeqCst);
    }

    /// Counts a record of `bytes`, of which `reserved_bytes` are counted already. False when it has to be dropped; its
    /// reservation is then released.
    pub(crate) fn charge_record(&self, bytes: u64, reserved_bytes: u64) -> bool {
        let more = bytes.saturating_sub(reserved_bytes);
        match self.on_full {
            // Admitted is admitted: the bound may be passed by what the admitted ones still write.
            OnFull::Refuse => {
                self.charge(more);
                true
            }
            OnFull::Drop if self.queued() < self.queue_bytes_max && self.charge_within(more) => true,
            OnFull::Drop => {
                self.release(reserved_bytes);
                self.dropped.fetch_add(1, SeqCst);
                false
            }
        }
    }

    /// Counts bytes whatever the bound says.
    pub(crate) fn charge(&self, bytes: u64) {
        self.held.fetch_add(bytes, SeqCst);
    }

    pub(crate) fn release(&self, bytes: u64) {
        self.held.fetch_sub(bytes, SeqCst);
    }

    fn charge_within(&self, bytes: u64) -> bool {
        let before = self.held.fetch_add(bytes, SeqCst);
        let is_within = before.saturating_add(bytes) <= self.spool_bytes_max;
        if !is_within {
            self.release(bytes);
        }
        is_within
    }

    pub(crate) fn enqueued(&self, bytes: u64) {
        self.queued.fetch_add(bytes, SeqCst);
    }

    pub(crate) fn dequeued(&self, bytes: u64) {
        self.queued.fetch_sub(bytes, SeqCst);
    }

    /// Admitted records that could not be kept.
    pub(crate) fn lose(&self, records: u64) {
        self.lost.fetch_add(records, SeqCst);
    }

    pub(crate) fn stop_admitting(&self) {
        self.is_closing.store(true, SeqCst);
    }

    pub(crate) fn held(&self) -> u64 {
        self.held.load(SeqCst)
    }

    pub(crate) fn queued(&self) -> u64 {
        self.queued.load(SeqCst)
    }

    pub(crate) fn tickets(&self) -> u64 {
        self.tickets.load(SeqCst)
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(SeqCst)
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(on_full: OnFull) -> Account {
        let options = SpoolOptions {
            spool_bytes_max: 100,
            queue_bytes_max: 50,
            tickets_max: 2,
            on_full,
            ..SpoolOptions::new("")
        };
        Account::new(&options)
    }

    #[test]
    fn every_bound_refuses_and_what_is_given_back_can_be_taken_again() {
        let account = account(OnFull::Refuse);
        assert_eq!(account.admit(101, false), Err(NotAdmitted::SpoolFull));
        assert_eq!(account.admit(100, false), Ok(100));
        assert_eq!(account.admit(1, false), Err(NotAdmitted::SpoolFull));
        assert_eq!(account.admit(0, false), Ok(0));
        assert_eq!(account.admit(0, false), Err(NotAdmitted::TooManyTickets));
        account.give_back(100);
        assert_eq!(account.admit(1, true), Err(NotAdmitted::DiskFailing));
        account.enqueued(50);
        assert_eq!(account.admit(1, false), Err(NotAdmitted::QueueFull));
        account.dequeued(50);
        assert_eq!(account.admit(1, false), Ok(1));
        account.give_back(1);
        account.stop_admitting();
        assert_eq!(account.admit(1, false), Err(NotAdmitted::Closing));
        assert_eq!((account.tickets(), account.held()), (1, 0));
    }

    #[test]
    fn what_was_admitted_is_written_beyond_the_bound() {
        let account = account(OnFull::Refuse);
        assert_eq!(account.admit(60, false), Ok(60));
        assert!(account.charge_record(200, 60));
        assert_eq!(account.held(), 200);
    }

    #[test]
    fn whoever_drops_admits_everybody_and_counts() {
        let account = account(OnFull::Drop);
        assert_eq!(account.admit(100, true), Ok(100));
        assert_eq!(account.admit(100, false), Ok(0));
        assert!(!account.charge_record(1, 0));
        assert!(account.charge_record(100, 100));
        account.release(100);
        account.enqueued(50);
        assert!(!account.charge_record(1, 0), "the queue is full");
        assert_eq!((account.dropped(), account.held()), (2, 0));
    }
}
