//! The arithmetic of one budget of one tenant in one window: what is spent, what is leased, what may still be granted.
//!
//! Pure, and shared by every store, so that what the property tests show holds for Postgres too.
//!
//! # Reports
//!
//! The holder of a lease tells *states*, not changes: all that was ever spent on the lease, and what it still holds. A
//! report that is repeated because its answer was lost changes nothing, and a grant whose answer was lost is given back by
//! the next report, which does not mention it. Reports are numbered; one that arrives after a later one is refused.

use gatelog_model::TimestampMicros;

use crate::{LeaseRequest, Period, Shortage, Threshold, Window, sliding};

/// A slice is at most this share of the limit, so that a process that dies with one wastes little: 1.6 %.
const LIMIT_SHARE: u64 = 64;
/// A slice is at most this share of what remains, so that the last of a budget is not stranded in one process.
const REMAINING_SHARE: u64 = 16;
/// Where counters stop rather than overflow a `bigint`: four limits of the largest size.
pub const COUNT_MAX: u64 = 4 * crate::AMOUNT_MAX;

/// What stands against one budget of one tenant in one window.
///
/// Always `spent + leased <= ceiling`: only a grant enlarges the left side, and it looks at the limit first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// The highest limit that a grant was made under.
    pub ceiling: u64,
    /// Used and covered by grants.
    pub spent: u64,
    /// Granted and not yet told to be used: in somebody's hand, or lost with a process that died.
    pub leased: u64,
    /// Used beyond what was reserved; apart, because no grant covers it.
    pub overrun: u64,
}

/// What the store knows of one lease.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeaseState {
    /// Number of the last report.
    pub seq: u64,
    /// Spent on it, all in all.
    pub spent: u64,
    /// Used beyond reservations, all in all.
    pub overrun: u64,
    /// In the holder's hand.
    pub held: u64,
}

/// What the holder of a lease says about it: totals since the lease began, not changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// One more with every report on this lease.
    pub seq: u64,
    /// Spent out of what was granted.
    pub spent: u64,
    /// Used beyond what was reserved.
    pub overrun: u64,
    /// Still in hand, reserved or free; the rest is given back.
    pub held: u64,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// The limit as it is now.
    pub limit: u64,
    /// What still counts of the window before.
    pub carried: u64,
    /// Less than this is of no use.
    pub need: u64,
    /// What is being waited for in all, `need` included.
    pub wanted: u64,
}

/// A report that came after a later one; nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

impl Account {
    /// What has been used, as far as it was told.
    pub fn used(&self) -> u64 {
        self.spent.saturating_add(self.overrun)
    }

    /// What stands against the limit: used, or promised to somebody.
    pub fn committed(&self) -> u64 {
        self.used().saturating_add(self.leased)
    }

    /// Takes a report in.
    ///
    /// A holder cannot spend or hold more than it was granted: the excess of a wrong report is booked as overrun.
    ///
    /// # Errors
    ///
    /// [`Stale`].
    pub fn apply(&mut self, lease: &mut LeaseState, report: &Report) -> Result<(), Stale> {
        if report.seq <= lease.seq {
            return Err(Stale);
        }
        let told = report.spent.saturating_sub(lease.spent);
        let spent = told.min(lease.held);
        let held = report.held.min(lease.held - spent);
        let overrun = report.overrun.saturating_sub(lease.overrun).saturating_add(told - spent);
        self.spent = self.spent.saturating_add(spent).min(COUNT_MAX);
        self.overrun = self.overrun.saturating_add(overrun).min(COUNT_MAX);
        self.leased = self.leased.saturating_sub(lease.held - held);
        *lease = LeaseState {
            seq: report.seq,
            spent: report.spent.max(lease.spent),
            overrun: report.overrun.max(lease.overrun),
            held,
        };
        Ok(())
    }

    /// Gives a slice to `lease`: nothing when nothing is needed, `None` when `need` does not fit.
    pub fn grant(&mut self, lease: &mut LeaseState, ask: &Ask) -> Option<u64> {
        if ask.need == 0 {
            return Some(0);
        }
        let remaining = ask.limit.saturating_sub(ask.carried.saturating_add(self.committed()));
        if ask.need > remaining {
            return None;
        }
        let slice = (ask.limit / LIMIT_SHARE).min(remaining / REMAINING_SHARE);
        let amount = slice.max(ask.wanted).clamp(ask.need, remaining);
        self.ceiling = self.ceiling.max(ask.limit);
        self.leased += amount;
        lease.held += amount;
        Some(amount)
    }
}

/// Everything about an account that a refusal, a status or an alert is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The window.
    pub window: Window,
    /// The store's clock.
    pub now: TimestampMicros,
    /// The limit as it is now.
    pub limit: u64,
    /// All that was committed in the window before, for a sliding budget; else 0.
    pub previous: u64,
    /// The account of the window.
    pub account: Account,
}

impl Standing {
    /// What still counts of the window before.
    pub fn carried(&self) -> u64 {
        sliding::carried(self.previous, self.window, self.now)
    }

    /// What has been used, with what still counts of the window before.
    pub fn used(&self) -> u64 {
        self.account.used().saturating_add(self.carried())
    }

    /// What `request` asks for, in the terms of the account.
    pub fn ask(&self, request: &LeaseRequest) -> Ask {
        Ask { limit: self.limit, carried: self.carried(), need: request.need, wanted: request.wanted }
    }

    /// Why `need` does not fit.
    pub fn shortage(&self, need: u64, period: &Period) -> Shortage {
        let retry_after = match period {
            Period::Sliding(_) => {
                sliding::wait(self.limit, self.previous, self.account.committed(), need, self.window, self.now)
            }
            Period::Fixed(_) | Period::Day(_) | Period::Month(_) => self.window.left(self.now),
        };
        let used = self.account.committed().saturating_add(self.carried());
        Shortage { window: self.window, now: self.now, limit: self.limit, used, retry_after }
    }

    /// The thresholds that what was used has reached.
    ///
    /// Requests reserve the most they may use, so a budget refuses them before it is used to the last token. With
    /// `is_refusing`, when a request was just refused, it counts as used up once it was warned of.
    pub fn reached(&self, is_refusing: bool) -> impl Iterator<Item = Threshold> + use<> {
        let (used, limit) = (self.used(), self.limit);
        let is_warned = Threshold::Warning.is_reached(used, limit);
        let is_reached = move |threshold: &Threshold| match threshold {
            Threshold::Warning => is_warned,
            Threshold::Exceeded => Threshold::Exceeded.is_reached(used, limit) || (is_refusing && is_warned),
        };
        Threshold::ALL.into_iter().filter(is_reached)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(limit: u64, need: u64) -> Ask {
        Ask { limit, carried: 0, need, wanted: need }
    }

    #[test]
    fn slices_are_small_and_shrink_but_cover_the_need() {
        let (mut account, mut lease) = (Account::default(), LeaseState::default());
        assert_eq!(account.grant(&mut lease, &ask(6_400, 1)), Some(100));
        assert_eq!(account.grant(&mut lease, &ask(6_400, 5_500)), Some(5_500));
        assert_eq!(account.grant(&mut lease, &ask(6_400, 1)), Some(50), "a sixteenth of 800");
        assert_eq!(account.grant(&mut lease, &ask(6_400, 751)), None);
        assert_eq!(account.grant(&mut lease, &ask(6_400, 750)), Some(750));
        assert_eq!(account.grant(&mut lease, &ask(6_400, 0)), Some(0));
        assert_eq!((account.leased, account.ceiling), (6_400, 6_400));
    }

    #[test]
    fn what_others_wait_for_is_granted_with_it() {
        let (mut account, mut lease) = (Account::default(), LeaseState::default());
        let crowd = Ask { limit: 10, carried: 0, need: 1, wanted: 8 };
        assert_eq!(account.grant(&mut lease, &crowd), Some(8));
        assert_eq!(account.grant(&mut lease, &crowd), Some(2));
        assert_eq!(account.grant(&mut lease, &crowd), None);
    }

    #[test]
    fn a_lowered_limit_grants_nothing_and_breaks_nothing() {
        let (mut account, mut lease) = (Account::default(), LeaseState::default());
        account.grant(&mut lease, &ask(100, 60)).unwrap();
        assert_eq!(account.grant(&mut lease, &ask(50, 1)), None);
        assert_eq!(account.ceiling, 100);
    }

    #[test]
    fn a_report_is_taken_once_and_never_after_a_later_one() {
        let (mut account, mut lease) = (Account::default(), LeaseState::default());
        account.grant(&mut lease, &ask(100, 40)).unwrap();
        let report = Report { seq: 1, spent: 10, overrun: 3, held: 20 };
        account.apply(&mut lease, &report).unwrap();
        let after = Account { ceiling: 100, spent: 10, leased: 20, overrun: 3 };
        assert_eq!(account, after);
        assert_eq!(account.apply(&mut lease, &report), Err(Stale));
        // A repetition under a new number changes nothing either.
        account.apply(&mut lease, &Report { seq: 2, ..report }).unwrap();
        assert_eq!(account, after);
    }

    #[test]
    fn a_grant_whose_answer_was_lost_comes_back_with_the_next_report() {
        let (mut account, mut lease) = (Account::default(), LeaseState::default());
        account.grant(&mut lease, &ask(100, 40)).unwrap();
        account.apply(&mut lease, &Report { seq: 1, spent: 0, overrun: 0, held: 0 }).unwrap();
        assert_eq!(account.leased, 0);
    }

    proptest! {
        #[test]
        fn no_report_however_wrong_breaks_the_invariant(
            steps in prop::collection::vec((0_u64..200, 0_u64..200, 0_u64..50, 0_u64..200, 0_u64..80), 1..40),
        ) {
            let (mut account, mut lease) = (Account::default(), LeaseState::default());
            let mut told = Report::default();
            for (limit, spent, overrun, held, need) in steps {
                told = Report { seq: told.seq + 1, spent: told.spent + spent, overrun: told.overrun + overrun, held };
                let (before, booked) = (account.used(), lease.held);
                account.apply(&mut lease, &told).unwrap();
                prop_assert_eq!(account.used() - before, spent + overrun, "all that is told is booked");
                prop_assert!(lease.held <= booked);
                let granted = account.grant(&mut lease, &ask(limit, need));
                prop_assert!(granted.is_none_or(|granted| granted == 0 || account.committed() <= limit));
                prop_assert!(account.spent + account.leased <= account.ceiling);
                prop_assert_eq!(account.leased, lease.held);
            }
        }
    }
}
