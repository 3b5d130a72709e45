//! The limiter: asked before each request, told after it.
//!
//! # The way of a reservation
//!
//! Under the lock of the tenant's shard every budget that applies is looked at; if each has enough in its slice, all are
//! taken from, and that is all: no await, no store. Otherwise nothing is taken; one task per budget asks the store
//! for more, whoever needs it waits for that task, and all look again. A refusal is remembered for a moment, so that a
//! tenant that keeps asking costs the store a few calls a second.
//!
//! # Cancellation
//!
//! [`Limiter::reserve`] may be dropped at any point: it holds nothing before it returns, and calls to the store run in tasks
//! of their own, to their end.

mod applying;
mod counters;
mod flight;
mod flush;
mod ledger;
mod reservation;
mod slice;
mod tenants;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock, atomic::Ordering},
    time::Duration,
};

use gatelog_model::TenantId;
use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, timeout},
};

pub use counters::LimiterCounts;
pub use reservation::Reservation;

use crate::{Budget, BudgetId, BudgetStore, Estimate, HolderId, LeaseNotes, Unit, Window};
use applying::Applying;
use counters::Counters;
use flight::Flight;
use reservation::Part;
use tenants::Tenants;

/// How often a reservation looks again before it gives up. A look fails anew only when somebody else took what was granted
/// for it, or when a window has just ended; a bound, not an expectation.
const LOOKS_MAX: u32 = 32;

/// What happens to requests that no slice covers while the store does not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnStoreDown {
    /// They are refused.
    #[default]
    Deny,
    /// They are let through and counted; what they use is booked when the store is back, in the window current then.
    Allow,
}

/// How a limiter behaves.
#[derive(Debug, Clone)]
pub struct LimiterOptions {
    /// What to do without a store.
    pub on_store_down: OnStoreDown,
    /// How often what was used is told to the store and idle remainders go back.
    pub flush_interval: Duration,
    /// How often the list of budgets is read again. A changed amount holds at the next lease already.
    pub refresh_interval: Duration,
    /// How often old windows are forgotten.
    pub prune_interval: Duration,
    /// Longest wait of a request for the store.
    pub store_timeout: Duration,
    /// How long a refusal of the store is repeated without asking it again.
    pub refusal_cache: Duration,
    /// How long a store that failed is left alone.
    pub store_pause: Duration,
    /// Most tenants with something in hand at once.
    pub tenants_max: usize,
    /// How long a shutdown waits for reservations that are not settled, and for the store; what is left over then counts as
    /// used.
    pub drain_timeout: Duration,
}

impl Default for LimiterOptions {
    fn default() -> Self {
        Self {
            on_store_down: OnStoreDown::default(),
            flush_interval: Duration::from_secs(1),
            refresh_interval: Duration::from_secs(5),
            prune_interval: Duration::from_secs(3_600),
            store_timeout: Duration::from_secs(2),
            refusal_cache: Duration::from_millis(500),
            store_pause: Duration::from_secs(1),
            tenants_max: 65_536,
            drain_timeout: Duration::from_secs(5),
        }
    }
}

/// Why a request may not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A budget has not enough left.
    #[error("budget `{budget}` has no room: {} of {} {unit} are used or reserved", unit.display(*used), unit.display(*limit))]
    Exceeded {
        /// Which budget.
        budget: BudgetId,
        /// What it counts.
        unit: Unit,
        /// Its window.
        window: Window,
        /// What it allows per window.
        limit: u64,
        /// What is used or reserved of it, with what still counts of the window before.
        used: u64,
        /// How long until the window ends; for a sliding one until enough has slid out if nobody uses more meanwhile.
        retry_after: Duration,
    },
    /// The store does not answer and the slice is used up.
    #[error("the budget store does not answer")]
    StoreDown,
    /// More tenants have requests under way than this process keeps account of.
    #[error("too many tenants have requests under way")]
    TooManyTenants,
    /// What would be handed out cannot be noted on disk, so it could be handed out twice after a crash.
    #[error("the use of budgets cannot be noted on disk")]
    CannotNote,
}

/// Checks requests against budgets; cheap to clone, all clones are one.
#[derive(Clone)]
pub struct Limiter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn BudgetStore>,
    runtime: Handle,
    holder: HolderId,
    options: LimiterOptions,
    tenants: Tenants,
    /// `None` until the store was first asked.
    budgets: RwLock<Option<Arc<Applying>>>,
    /// Held by the one who reads the budgets for the first time.
    loading: tokio::sync::Mutex<()>,
    down_until: Mutex<Option<Instant>>,
    counters: Counters,
    /// Where it is noted what leases are used for, if anywhere.
    notes: Option<Arc<LeaseNotes>>,
}

/// What a request needs of one budget.
struct Need {
    budget: Arc<Budget>,
    amount: u64,
}

/// What a look at the slices gave.
enum Look {
    Taken(Vec<Part>),
    Refused(Refusal),
    /// These calls are to be started; look again when the one that is waited for is over.
    Ask {
        flights: Vec<Flight>,
        asked: watch::Receiver<()>,
    },
}

impl Limiter {
    /// Makes a limiter that leases from `store` under the name `holder`, which must be new: a random one per process. The
    /// store is asked on the runtime that this is called on, whichever one reserves: its connections belong there.
    ///
    /// What it may have used is kept in `notes`, which are of the same holder; without, all it has leased counts as spent if
    /// this process dies.
    ///
    /// Let [`Limiter::run`] run beside it, or nothing is ever told to the store but with the next lease.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    pub fn new(
        store: Arc<dyn BudgetStore>,
        holder: HolderId,
        notes: Option<Arc<LeaseNotes>>,
        options: LimiterOptions,
    ) -> Self {
        let tenants = Tenants::new(options.tenants_max);
        Self {
            inner: Arc::new(Inner {
                store,
                runtime: Handle::current(),
                holder,
                options,
                tenants,
                budgets: RwLock::default(),
                loading: tokio::sync::Mutex::default(),
                down_until: Mutex::default(),
                counters: Counters::default(),
                notes,
            }),
        }
    }

    /// Takes what `tenant`'s request may use from every budget that applies, or from none.
    ///
    /// # Errors
    ///
    /// [`Refusal`], and nothing is taken.
    pub async fn reserve(&self, tenant: &TenantId, estimate: Estimate) -> Result<Reservation, Refusal> {
        let reserved = self.try_reserve(tenant, estimate).await;
        if reserved.is_err() {
            self.inner.counters.refusals.fetch_add(1, Ordering::Relaxed);
        }
        reserved
    }

    async fn try_reserve(&self, tenant: &TenantId, estimate: Estimate) -> Result<Reservation, Refusal> {
        let inner = &self.inner;
        for _ in 0..LOOKS_MAX {
            let Some(budgets) = inner.budgets().await else { return inner.without_budgets(tenant) };
            let needs: Vec<_> = budgets
                .to(tenant)
                .map(|budget| Need { budget: budget.clone(), amount: estimate.amount(budget.unit) })
                .collect();
            match inner.look(tenant, &needs) {
                Look::Taken(parts) => return Ok(Reservation::new(inner.clone(), tenant, parts)),
                Look::Refused(refusal) => return Err(refusal),
                Look::Ask { flights, mut asked } => {
                    inner.start(flights);
                    // The sender only ever closes; an elapsed timeout leaves the task to its end.
                    if timeout(inner.options.store_timeout, asked.changed()).await.is_err() {
                        inner.store_is_down();
                    }
                }
            }
        }
        Err(Refusal::StoreDown)
    }

    /// What has happened so far, for metrics.
    pub fn counts(&self) -> LimiterCounts {
        let tenants = self.inner.tenants.shards().map(|shard| shard.len()).sum();
        self.inner.counters.read(tenants)
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("holder", &self.inner.holder).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    /// Whatever ends the process: leases that it could not give back are still open, and its notes say for what.
    fn drop(&mut self) {
        if let Some(notes) = &self.notes {
            notes.leave();
        }
    }
}

impl Inner {
    /// Looks at every slice, then takes from all or from none.
    fn look(self: &Arc<Self>, tenant: &TenantId, needs: &[Need]) -> Look {
        if needs.is_empty() {
            return Look::Taken(Vec::new());
        }
        let now = Instant::now();
        let fresh = || self.tenants.fresh_lease();
        let mut shard = self.tenants.shard(tenant);
        if !shard.admit(tenant, self.tenants.shard_tenants_max()) {
            return Look::Refused(Refusal::TooManyTenants);
        }
        let mut is_short = false;
        for need in needs {
            let Some(ledger) = shard.ledger(tenant, &need.budget, fresh) else { continue };
            ledger.roll(now, fresh);
            let missing = need.amount.saturating_sub(ledger.current.free);
            is_short |= missing > 0;
            if let Some(refusal) = ledger.refusal(missing, now).filter(|_| missing > 0) {
                return Look::Refused(refusal);
            }
        }
        if is_short && self.is_store_down(now) {
            match self.options.on_store_down {
                OnStoreDown::Deny => return Look::Refused(Refusal::StoreDown),
                OnStoreDown::Allow => {
                    self.counters.unchecked.fetch_add(1, Ordering::Relaxed);
                }
            }
        } else if is_short {
            return self.ask_for_missing(&mut shard, tenant, needs);
        }
        if !note_ahead(&mut shard, tenant, needs) {
            return Look::Refused(Refusal::CannotNote);
        }
        Look::Taken(needs.iter().filter_map(|need| take(&mut shard, tenant, need, fresh)).collect())
    }

    /// The budgets, read from the store if they never were; `None` when it does not answer.
    async fn budgets(self: &Arc<Self>) -> Option<Arc<Applying>> {
        if let Some(budgets) = self.known_budgets() {
            return Some(budgets);
        }
        let _one_at_a_time = self.loading.lock().await;
        if self.known_budgets().is_none() && !self.is_store_down(Instant::now()) {
            self.reload_within_timeout().await;
        }
        self.known_budgets()
    }

    fn known_budgets(&self) -> Option<Arc<Applying>> {
        self.budgets.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn without_budgets(self: &Arc<Self>, tenant: &TenantId) -> Result<Reservation, Refusal> {
        match self.options.on_store_down {
            OnStoreDown::Deny => Err(Refusal::StoreDown),
            OnStoreDown::Allow => {
                self.counters.unchecked.fetch_add(1, Ordering::Relaxed);
                Ok(Reservation::new(self.clone(), tenant, Vec::new()))
            }
        }
    }

    fn is_store_down(&self, now: Instant) -> bool {
        self.down_until.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| now < until)
    }

    fn store_is_down(&self) {
        let until = Instant::now() + self.options.store_pause;
        *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    fn store_is_up(&self) {
        *self.down_until.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Notes what is about to be taken from slices, of all before any.
fn note_ahead(shard: &mut tenants::Shard, tenant: &TenantId, needs: &[Need]) -> bool {
    needs.iter().all(|need| {
        let slice = shard.find(tenant, &need.budget.id).map(|ledger| &mut ledger.current);
        slice.is_none_or(|slice| slice.free < need.amount || slice.note_ahead(need.amount).is_ok())
    })
}

/// Takes from one slice; a slice that has too little, with nobody to ask, lets through.
fn take(
    shard: &mut tenants::Shard,
    tenant: &TenantId,
    need: &Need,
    fresh: impl FnOnce() -> crate::LeaseId,
) -> Option<Part> {
    let ledger = shard.ledger(tenant, &need.budget, fresh)?;
    let covered = if ledger.current.free >= need.amount { need.amount } else { 0 };
    if covered == need.amount {
        ledger.current.take(covered);
    } else {
        ledger.current.let_through();
    }
    Some(Part {
        budget: need.budget.id.clone(),
        unit: need.budget.unit,
        lease: ledger.current.lease,
        amount: need.amount,
        covered,
    })
}

#[cfg(test)]
mod tests;
