//! A slice of one budget for one tenant in one window: what was leased and what became of it. Counting, with a note of it
//! for whoever comes after a kill.

use std::sync::Arc;

use tokio::{sync::watch, time::Instant};

use crate::{
    LeaseId, Report,
    notes::{CannotNote, LeaseNotes, Note},
};

/// This share of what is free is noted as used ahead, so that a note is written a few dozen times in the life of a slice and not
/// with every request; a kill wastes that much.
const NOTED_AHEAD: u64 = 8;

/// Whether the store has the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opened {
    /// It was never asked.
    No,
    /// It was asked and did not answer.
    Maybe,
    /// It has said so.
    Yes,
}

/// One lease and its counters; they only say what the next report says.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) lease: LeaseId,
    pub(super) opened: Opened,
    /// When the window ends, by this machine's monotonic clock and not later than by the store's; `None` until opened.
    pub(super) valid_until: Option<Instant>,
    /// Granted and in nobody's hand.
    pub(super) free: u64,
    /// Granted and in the hands of reservations.
    pub(super) reserved: u64,
    spent: u64,
    overrun: u64,
    /// Reservations that are not settled, also those that hold nothing of it.
    pub(super) unsettled: u32,
    /// Handed out since the last flush: how much is worth keeping.
    pub(super) taken: u64,
    seq: u64,
    told: Report,
    /// Set while a call about this lease is under way; closes when it ends.
    pub(super) sync: Option<watch::Receiver<()>>,
    /// `None` before the store is asked, and where nothing is noted.
    note: Option<Note>,
}

/// How a reservation ended, for one budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Booking {
    /// This much was used.
    Used(u64),
    /// Nothing was: everything goes back.
    Nothing,
}

impl Slice {
    pub(super) fn new(lease: LeaseId) -> Self {
        Self {
            lease,
            opened: Opened::No,
            valid_until: None,
            free: 0,
            reserved: 0,
            spent: 0,
            overrun: 0,
            unsettled: 0,
            taken: 0,
            seq: 0,
            told: Report::default(),
            sync: None,
            note: None,
        }
    }

    /// Notes this lease from now on, before the store is asked for it.
    pub(super) fn note_in(&mut self, notes: Option<&Arc<LeaseNotes>>) {
        if self.note.is_none() {
            self.note = notes.and_then(|notes| notes.open(self.lease, self.used_soon(), self.overrun));
        }
    }

    /// Notes enough that `amount` more can be handed out.
    pub(super) fn note_ahead(&mut self, amount: u64) -> Result<(), CannotNote> {
        let used = self.spent.saturating_add(self.reserved).saturating_add(amount);
        let ahead = self.free.saturating_sub(amount) / NOTED_AHEAD;
        match &mut self.note {
            Some(note) if note.used_at_most() < used => note.write(used.saturating_add(ahead), self.overrun),
            Some(_) | None => Ok(()),
        }
    }

    /// Notes no more than is used and in hand, and little more than is used.
    fn renote(&mut self) {
        let used = self.used_soon();
        if let Some(note) = &mut self.note {
            // On a disk that fails it stays too high, which never lets the tenant pass his limit.
            let _too_high_then = note.write(used, self.overrun);
        }
    }

    fn used_soon(&self) -> u64 {
        self.spent.saturating_add(self.reserved).saturating_add(self.free / NOTED_AHEAD)
    }

    /// Hands out `amount`, which must be free.
    pub(super) fn take(&mut self, amount: u64) {
        debug_assert!(amount <= self.free, "the caller has looked");
        debug_assert!(
            self.note.as_ref().is_none_or(|note| note.used_at_most() >= self.spent + self.reserved + amount),
            "the caller has noted it"
        );
        let amount = amount.min(self.free);
        self.free -= amount;
        self.reserved += amount;
        self.taken = self.taken.saturating_add(amount);
        self.unsettled += 1;
    }

    /// Notes a request that is let through without cover.
    pub(super) fn let_through(&mut self) {
        self.unsettled += 1;
    }

    /// Ends a reservation that holds `covered` of this slice.
    pub(super) fn settle(&mut self, covered: u64, booking: Booking) {
        let used = match booking {
            Booking::Used(used) => used,
            Booking::Nothing => 0,
        };
        let within = used.min(covered);
        self.reserved -= covered.min(self.reserved);
        self.free += covered - within;
        self.spent = self.spent.saturating_add(within);
        self.overrun = self.overrun.saturating_add(used - within);
        self.unsettled = self.unsettled.saturating_sub(1);
        if used > within {
            self.renote();
        }
    }

    /// The next report. What is not held any more is given back by it.
    pub(super) fn report(&mut self) -> Report {
        self.renote();
        self.seq += 1;
        Report { seq: self.seq, ..self.counts() }
    }

    /// Notes that the store has taken `report` in and added `granted`.
    pub(super) fn acknowledge(&mut self, report: &Report, granted: u64) {
        self.opened = Opened::Yes;
        self.free += granted;
        self.told = Report { held: report.held + granted, ..*report };
    }

    /// Whether the store knows less than this.
    pub(super) fn is_dirty(&self) -> bool {
        let counts = self.counts();
        Report { seq: 0, ..self.told } != counts
    }

    /// Whether the only way to book what was used is to open the lease.
    pub(super) fn must_open(&self) -> bool {
        self.opened != Opened::Yes && self.overrun > 0
    }

    /// Whether forgetting it loses nothing.
    pub(super) fn is_blank(&self) -> bool {
        self.opened == Opened::No && self.unsettled == 0 && self.overrun == 0 && self.sync.is_none()
    }

    fn counts(&self) -> Report {
        Report { seq: 0, spent: self.spent, overrun: self.overrun, held: self.free + self.reserved }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(amount: u64) -> Slice {
        let mut slice = Slice::new(LeaseId(1));
        let report = slice.report();
        slice.acknowledge(&report, amount);
        slice
    }

    #[test]
    fn every_end_of_a_reservation_is_counted() {
        let table = [
            (Booking::Used(30), (70, 30, 0)),
            (Booking::Used(50), (50, 50, 0)),
            (Booking::Used(80), (50, 50, 30)),
            (Booking::Used(0), (100, 0, 0)),
            (Booking::Nothing, (100, 0, 0)),
        ];
        for (booking, expected) in table {
            let mut slice = granted(100);
            slice.take(50);
            assert_eq!((slice.free, slice.reserved, slice.unsettled), (50, 50, 1));
            slice.settle(50, booking);
            assert_eq!((slice.free, slice.spent, slice.overrun), expected, "{booking:?}");
            assert_eq!((slice.reserved, slice.unsettled), (0, 0));
        }
    }

    #[test]
    fn it_is_dirty_until_what_it_counts_was_told() {
        let mut slice = granted(100);
        assert!(!slice.is_dirty());
        slice.take(10);
        assert!(!slice.is_dirty(), "reserved or free, it is held");
        slice.settle(10, Booking::Used(10));
        assert!(slice.is_dirty());
        let report = slice.report();
        assert_eq!(report, Report { seq: 2, spent: 10, overrun: 0, held: 90 });
        slice.acknowledge(&report, 0);
        assert!(!slice.is_dirty());
    }

    #[test]
    fn what_was_let_through_must_be_told() {
        let mut slice = Slice::new(LeaseId(1));
        assert!(slice.is_blank());
        slice.let_through();
        assert!(!slice.is_blank() && !slice.must_open());
        slice.settle(0, Booking::Used(7));
        assert!(!slice.is_blank() && slice.must_open());
    }
}
