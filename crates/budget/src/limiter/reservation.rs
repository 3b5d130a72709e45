//! What a request holds of its tenant's budgets.

use std::sync::{Arc, atomic::Ordering};

use gatelog_model::TenantId;

use super::{Inner, slice::Booking};
use crate::{BudgetId, LeaseId, Unit, Usage};

/// What one request holds of every budget of its tenant.
///
/// Ends in exactly one of [`Reservation::settle`], [`Reservation::cancel`] and being dropped, which books all of it as used:
/// whoever lost track of a request does not know that it cost nothing. None of them waits.
#[must_use = "a reservation that is dropped counts as used in full; settle or cancel it"]
#[derive(Debug)]
pub struct Reservation {
    inner: Arc<Inner>,
    tenant: TenantId,
    parts: Vec<Part>,
}

/// Its share of one budget.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) budget: BudgetId,
    pub(super) unit: Unit,
    pub(super) lease: LeaseId,
    /// What was estimated.
    pub(super) amount: u64,
    /// How much of that is taken out of the slice: all, or nothing when it was let through.
    pub(super) covered: u64,
}

impl Reservation {
    pub(super) fn new(inner: Arc<Inner>, tenant: &TenantId, parts: Vec<Part>) -> Self {
        Self { inner, tenant: tenant.clone(), parts }
    }

    /// The request has used this. What it did not use goes back; what it used beyond its reservation is booked too.
    pub fn settle(mut self, actual: Usage) {
        self.end(|part| Booking::Used(actual.amount(part.unit).unwrap_or(part.amount)));
    }

    /// The provider was never called: everything goes back, the count of the request too.
    pub fn cancel(mut self) {
        self.end(|_| Booking::Nothing);
    }

    fn end(&mut self, booking: impl Fn(&Part) -> Booking) {
        if self.parts.is_empty() {
            return;
        }
        let mut shard = self.inner.tenants.shard(&self.tenant);
        for part in self.parts.drain(..) {
            let booking = booking(&part);
            if matches!(booking, Booking::Used(used) if used > part.amount) {
                self.inner.counters.overruns.fetch_add(1, Ordering::Relaxed);
            }
            // No slice: the store has fenced the lease off, or the budget is gone; then its number is nobody's business.
            if let Some(slice) = shard.slice(&self.tenant, &part.budget, part.lease) {
                slice.settle(part.covered, booking);
            }
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.parts.is_empty() {
            self.inner.counters.abandoned.fetch_add(1, Ordering::Relaxed);
        }
        self.end(|part| Booking::Used(part.amount));
    }
}
