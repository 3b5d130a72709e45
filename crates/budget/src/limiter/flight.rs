//! Asking the store for a slice: one call per tenant and budget at a time, in a task of its own.

use std::sync::{Arc, atomic::Ordering};

use gatelog_model::TenantId;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use tracing::{debug, warn};

use super::{
    Inner, Look, Need, Refusal,
    applying::Applying,
    ledger::Ledger,
    slice::{Opened, Slice},
    tenants::Shard,
};
use crate::{BudgetId, LeaseAnswer, LeaseId, LeaseRequest, StoreError};

/// A call for a slice, and its mark.
pub(super) type Flight = (LeaseRequest, Syncing);

/// A call about one lease is under way: no other may start until this is dropped, however the call ends.
#[derive(Debug)]
pub(super) struct Syncing {
    inner: Arc<Inner>,
    tenant: TenantId,
    budget: BudgetId,
    lease: LeaseId,
    /// Closing it wakes those who wait; it goes after the mark, so that they find the lease free.
    _done: watch::Sender<()>,
}

impl Syncing {
    /// Marks `slice`.
    pub(super) fn mark(inner: &Arc<Inner>, tenant: &TenantId, budget: &BudgetId, slice: &mut Slice) -> Self {
        let (done, waiting) = watch::channel(());
        slice.sync = Some(waiting);
        Self { inner: inner.clone(), tenant: tenant.clone(), budget: budget.clone(), lease: slice.lease, _done: done }
    }

    pub(super) fn lease(&self) -> LeaseId {
        self.lease
    }

    /// Does something to the ledger, if it is still there.
    pub(super) fn with_ledger(&self, change: impl FnOnce(&mut Ledger)) {
        if let Some(ledger) = self.inner.tenants.shard(&self.tenant).find(&self.tenant, &self.budget) {
            change(ledger);
        }
    }
}

impl Drop for Syncing {
    fn drop(&mut self) {
        let lease = self.lease;
        self.with_ledger(|ledger| {
            if let Some(slice) = ledger.slice(lease) {
                slice.sync = None;
            }
        });
    }
}

impl Inner {
    /// Makes a call for every budget that lacks something and has none under way, for the caller to start.
    pub(super) fn ask_for_missing(self: &Arc<Self>, shard: &mut Shard, tenant: &TenantId, needs: &[Need]) -> Look {
        let (mut wait, mut flights) = (None, Vec::new());
        for need in needs {
            let Some(ledger) = shard.ledger(tenant, &need.budget, || self.tenants.fresh_lease()) else { continue };
            let missing = need.amount.saturating_sub(ledger.current.free);
            if missing == 0 {
                continue;
            }
            ledger.wanted = ledger.wanted.saturating_add(missing);
            if ledger.current.sync.is_none() {
                flights.push(self.lease_request(tenant, ledger, ledger.current.lease, missing));
            }
            wait = wait.or_else(|| ledger.current.sync.clone());
        }
        wait.map_or(Look::Refused(Refusal::StoreDown), |asked| Look::Ask { flights, asked })
    }

    /// Starts calls. Not under the lock of a shard: a runtime that is shutting down drops a task at once, and its end takes
    /// that lock.
    pub(super) fn start(self: &Arc<Self>, flights: Vec<Flight>) {
        for (request, syncing) in flights {
            let inner = self.clone();
            // Not cancelled with the request that asked first: others wait for it, and a store may hold a transaction.
            self.runtime.spawn(async move { inner.fly(request, syncing).await });
        }
    }

    /// Makes the request for one slice of `ledger` and marks it.
    ///
    /// `missing` is what the one who asks lacks; what the others lack is asked for with it.
    pub(super) fn lease_request(
        self: &Arc<Self>,
        tenant: &TenantId,
        ledger: &mut Ledger,
        lease: LeaseId,
        missing: u64,
    ) -> Flight {
        let wanted = if missing == 0 { 0 } else { std::mem::take(&mut ledger.wanted).max(missing) };
        let (budget, unit) = (ledger.budget.clone(), ledger.unit);
        let slice = if ledger.current.lease == lease { Some(&mut ledger.current) } else { None };
        let slice = slice.or_else(|| ledger.retired.iter_mut().find(|slice| slice.lease == lease));
        let mut absent = Slice::new(lease);
        let slice = slice.unwrap_or(&mut absent);
        slice.note_in(self.notes.as_ref());
        let request = LeaseRequest {
            holder: self.holder,
            lease,
            opened: slice.opened == Opened::Yes,
            budget,
            unit,
            tenant: tenant.clone(),
            report: slice.report(),
            need: missing,
            wanted,
        };
        let syncing = Syncing::mark(self, tenant, &request.budget, slice);
        (request, syncing)
    }

    /// Makes the call and takes its answer in.
    pub(super) async fn fly(self: &Arc<Self>, request: LeaseRequest, syncing: Syncing) {
        self.counters.leases.fetch_add(1, Ordering::Relaxed);
        let sent = Instant::now();
        let answer = self.store.lease(&request).await;
        match answer {
            Ok(answer) => {
                self.store_is_up();
                if answer == LeaseAnswer::UnknownBudget {
                    self.tenants.shard(&request.tenant).forget(&request.tenant, &request.budget);
                    self.reload().await;
                } else {
                    syncing.with_ledger(|ledger| self.land(ledger, &request, sent, &answer));
                }
            }
            Err(error) => {
                syncing.with_ledger(|ledger| {
                    if let Some(slice) = ledger.slice(request.lease).filter(|slice| slice.opened == Opened::No) {
                        slice.opened = Opened::Maybe;
                    }
                });
                self.failed(&error);
            }
        }
    }

    fn land(&self, ledger: &mut Ledger, request: &LeaseRequest, sent: Instant, answer: &LeaseAnswer) {
        let report = &request.report;
        match answer {
            LeaseAnswer::Granted { amount, window, now } => {
                ledger.forget_refusal();
                if let Some(slice) = ledger.slice(request.lease) {
                    slice.acknowledge(report, *amount);
                    // From when the call was sent, so that the window ends here before it ends there, never after.
                    slice.valid_until = Some(sent + window.left(*now));
                }
            }
            LeaseAnswer::Refused(shortage) => {
                let is_open = request.opened || report.overrun > 0;
                if let Some(slice) = ledger.slice(request.lease).filter(|_| is_open) {
                    slice.acknowledge(report, 0);
                    slice.valid_until = Some(sent + shortage.window.left(shortage.now));
                }
                ledger.refuse(*shortage, request.need, Instant::now(), self.options.refusal_cache);
            }
            LeaseAnswer::WindowOver => {
                if let Some(slice) = ledger.slice(request.lease) {
                    slice.acknowledge(report, 0);
                }
                if ledger.current.lease == request.lease {
                    ledger.retire(self.tenants.fresh_lease());
                }
            }
            LeaseAnswer::Fenced => {
                warn!(budget = %request.budget, "a lease was taken away; what is in hand of it is void");
                ledger.forget(request.lease, self.tenants.fresh_lease());
            }
            LeaseAnswer::UnknownBudget => debug!("answered before"),
        }
    }

    /// Reads the budgets again.
    pub(super) async fn reload(self: &Arc<Self>) {
        match self.store.budgets().await {
            Ok(budgets) => {
                let applying = Arc::new(Applying::new(budgets));
                *self.budgets.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(applying);
                self.store_is_up();
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Reads the budgets in a task of its own, waiting no longer than a request may.
    pub(super) async fn reload_within_timeout(self: &Arc<Self>) {
        let inner = self.clone();
        let reading = self.runtime.spawn(async move { inner.reload().await });
        if timeout(self.options.store_timeout, reading).await.is_err() {
            self.store_is_down();
        }
    }

    pub(super) fn failed(&self, error: &StoreError) {
        self.counters.store_failures.fetch_add(1, Ordering::Relaxed);
        // The first failure after it was up; the others say nothing new.
        if !self.is_store_down(Instant::now()) {
            warn!(error = error as &dyn std::error::Error, "the budget store does not answer");
        }
        self.store_is_down();
    }
}
