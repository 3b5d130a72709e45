//! The tenants with something in hand, in shards so that they do not wait for each other.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use gatelog_model::TenantId;
use tokio::time::Instant;

use super::{ledger::Ledger, slice::Slice};
use crate::{Budget, BudgetId, LeaseId};

/// Tenants in different shards never wait for each other's lock; it is held for counting only.
const SHARDS: usize = 64;

#[derive(Debug)]
pub(super) struct Tenants {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    shard_tenants_max: usize,
    last_lease: AtomicU64,
}

#[derive(Debug, Default)]
pub(super) struct Shard {
    tenants: HashMap<TenantId, Vec<Ledger>>,
}

impl Tenants {
    pub(super) fn new(tenants_max: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            shard_tenants_max: tenants_max.div_ceil(SHARDS).max(1),
            last_lease: AtomicU64::new(0),
        }
    }

    pub(super) fn shard(&self, tenant: &TenantId) -> MutexGuard<'_, Shard> {
        // The remainder is below the number of shards, which a usize holds.
        let index = usize::try_from(self.hasher.hash_one(tenant) % SHARDS as u64).unwrap_or(0);
        lock(&self.shards[index])
    }

    pub(super) fn shards(&self) -> impl Iterator<Item = MutexGuard<'_, Shard>> {
        self.shards.iter().map(lock)
    }

    pub(super) fn fresh_lease(&self) -> LeaseId {
        LeaseId(self.last_lease.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// How many tenants one shard holds at most.
    pub(super) fn shard_tenants_max(&self) -> usize {
        self.shard_tenants_max
    }
}

/// A panic while counting is a bug that a test shows; what is counted stays usable, and refusing everybody for ever would
/// be worse than a count that is off by one request.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    /// Makes room for `tenant`; `false` when every tenant here has something in hand.
    pub(super) fn admit(&mut self, tenant: &TenantId, tenants_max: usize) -> bool {
        if self.tenants.contains_key(tenant) {
            return true;
        }
        if self.tenants.len() >= tenants_max {
            // A memory of refusals may go, amounts may not.
            self.tenants.retain(|_, ledgers| !ledgers.iter().all(Ledger::is_blank));
        }
        let fits = self.tenants.len() < tenants_max;
        if fits {
            self.tenants.insert(tenant.clone(), Vec::new());
        }
        fits
    }

    /// The ledger of a budget; a new one if there is none, or if the budget counts something else now.
    pub(super) fn ledger(
        &mut self,
        tenant: &TenantId,
        budget: &Budget,
        fresh: impl FnOnce() -> LeaseId,
    ) -> Option<&mut Ledger> {
        let ledgers = self.tenants.get_mut(tenant)?;
        let found = ledgers.iter().position(|ledger| ledger.budget == budget.id && ledger.unit == budget.unit);
        let index = found.unwrap_or_else(|| {
            ledgers.retain(|ledger| ledger.budget != budget.id);
            ledgers.push(Ledger::new(budget.id.clone(), budget.unit, fresh()));
            ledgers.len() - 1
        });
        ledgers.get_mut(index)
    }

    pub(super) fn find(&mut self, tenant: &TenantId, budget: &BudgetId) -> Option<&mut Ledger> {
        self.tenants.get_mut(tenant)?.iter_mut().find(|ledger| ledger.budget == *budget)
    }

    pub(super) fn slice(&mut self, tenant: &TenantId, budget: &BudgetId, lease: LeaseId) -> Option<&mut Slice> {
        self.find(tenant, budget)?.slice(lease)
    }

    /// Drops the ledger of a budget that is no more.
    pub(super) fn forget(&mut self, tenant: &TenantId, budget: &BudgetId) {
        if let Some(ledgers) = self.tenants.get_mut(tenant) {
            ledgers.retain(|ledger| ledger.budget != *budget);
        }
    }

    pub(super) fn ledgers(&mut self) -> impl Iterator<Item = (&TenantId, &mut Ledger)> {
        self.tenants.iter_mut().flat_map(|(tenant, ledgers)| ledgers.iter_mut().map(move |ledger| (tenant, ledger)))
    }

    /// Drops what holds and remembers nothing.
    pub(super) fn tidy(&mut self, now: Instant) {
        for ledgers in self.tenants.values_mut() {
            ledgers.retain(|ledger| !ledger.is_blank() || ledger.remembers_refusal(now));
        }
        self.tenants.retain(|_, ledgers| !ledgers.is_empty());
    }

    pub(super) fn len(&self) -> usize {
        self.tenants.len()
    }

    pub(super) fn is_settled(&self) -> bool {
        self.tenants.values().flatten().all(Ledger::is_blank)
    }
}
