//! A store in memory: for one process without a database, where every budget holds "per process", and for tests.

mod alerts;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use gatelog_model::{Clock, TenantId, TimestampMicros};

use crate::{
    Account, Budget, BudgetId, BudgetStatus, BudgetStore, HolderId, LeaseAnswer, LeaseId, LeaseReport, LeaseRequest,
    LeaseState, ReportAnswer, Standing, StoreError, Window, period::Since as _,
};
use alerts::Alerts;

/// Windows are forgotten a day after their end, or after ten times their length: a reconcile may still look at them, and a
/// sliding window needs the one before.
const KEEP_MIN: Duration = Duration::from_secs(86_400);
const KEEP_LENGTHS: u32 = 10;

/// Budgets of one process; nothing outlives it.
#[derive(Debug)]
pub struct MemoryBudgetStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    budgets: BTreeMap<BudgetId, Revised>,
    accounts: HashMap<AccountKey, Account>,
    leases: HashMap<(HolderId, LeaseId), Lease>,
    alerts: Alerts,
}

/// A budget and how often it was replaced by one that counts otherwise.
#[derive(Debug, Clone)]
struct Revised {
    budget: Budget,
    revision: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct AccountKey {
    budget: BudgetId,
    revision: u64,
    tenant: TenantId,
    window: Window,
}

#[derive(Debug, Clone)]
struct Lease {
    key: AccountKey,
    state: LeaseState,
}

impl MemoryBudgetStore {
    /// Makes a store that tells windows apart by `clock`.
    pub fn new(clock: Arc<dyn Clock>, budgets: impl IntoIterator<Item = Budget>) -> Self {
        let store = Self { clock, state: Mutex::default() };
        budgets.into_iter().for_each(|budget| store.put(budget));
        store
    }

    /// Adds a budget or replaces the one of its name. If only the amount changes, what was used stays; else counting starts
    /// anew.
    pub fn put(&self, budget: Budget) {
        let mut state = self.state();
        let revision = match state.budgets.get(&budget.id) {
            Some(old) if old.budget.counts_like(&budget) => old.revision,
            Some(old) => old.revision + 1,
            None => 1,
        };
        state.budgets.insert(budget.id.clone(), Revised { budget, revision });
    }

    /// Removes a budget and all that was used of it; `false` if there is none.
    pub fn remove(&self, id: &BudgetId) -> bool {
        self.state().remove(id)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave an account half changed: `Account` checks before it writes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, id: &BudgetId) -> bool {
        self.accounts.retain(|key, _| key.budget != *id);
        self.leases.retain(|_, lease| lease.key.budget != *id);
        self.alerts.forget_budget(id);
        self.budgets.remove(id).is_some()
    }

    fn standing(&self, budget: &Budget, key: &AccountKey, now: TimestampMicros) -> Standing {
        let before = budget.period.carries_from(key.window).map(|window| AccountKey { window, ..key.clone() });
        let previous = before.and_then(|key| self.accounts.get(&key)).map_or(0, Account::committed);
        let account = self.accounts.get(key).copied().unwrap_or_default();
        Standing { window: key.window, now, limit: budget.amount.get(), previous, account }
    }

    /// Books a report on an open lease, alerting where a threshold is passed.
    fn book(&mut self, id: (HolderId, LeaseId), report: &LeaseReport, now: TimestampMicros) -> ReportAnswer {
        let Some(lease) = self.leases.get_mut(&id) else { return ReportAnswer::Fenced };
        let account = self.accounts.entry(lease.key.clone()).or_default();
        if account.apply(&mut lease.state, &report.report).is_err() {
            return ReportAnswer::Fenced;
        }
        let key = lease.key.clone();
        if report.close {
            self.leases.remove(&id);
        }
        self.alert(&key, now, false);
        ReportAnswer::Booked
    }

    fn alert(&mut self, key: &AccountKey, now: TimestampMicros, is_refusing: bool) {
        let Some(Revised { budget, revision }) = self.budgets.get(&key.budget).cloned() else { return };
        if revision != key.revision {
            return;
        }
        let standing = self.standing(&budget, key, now);
        self.alerts.record(&budget, &key.tenant, &standing, is_refusing);
    }

    fn lease(&mut self, request: &LeaseRequest, now: TimestampMicros) -> LeaseAnswer {
        let is_meant = |known: &&Revised| known.budget.unit == request.unit && known.budget.applies_to(&request.tenant);
        let known = self.budgets.get(&request.budget).filter(is_meant).cloned();
        let Some(Revised { budget, revision }) = known else { return LeaseAnswer::UnknownBudget };
        let window = budget.period.window_at(now);
        let key = AccountKey { budget: budget.id.clone(), revision, tenant: request.tenant.clone(), window };
        let id = (request.holder, request.lease);
        if request.opened && !self.leases.contains_key(&id) {
            return LeaseAnswer::Fenced;
        }
        let is_new = !self.leases.contains_key(&id);
        let lease = self.leases.entry(id).or_insert_with(|| Lease { key: key.clone(), state: LeaseState::default() });
        let is_current = lease.key == key;
        let report = LeaseReport { lease: request.lease, report: request.report, close: false };
        if self.book(id, &report, now) == ReportAnswer::Fenced {
            return LeaseAnswer::Fenced;
        }
        if !is_current {
            return LeaseAnswer::WindowOver;
        }
        let answer = self.grant(id, request, &budget, &key, now);
        if matches!(answer, LeaseAnswer::Refused(_)) {
            self.alert(&key, now, true);
            if is_new && request.report.overrun == 0 {
                self.leases.remove(&id);
            }
        }
        answer
    }

    fn grant(
        &mut self,
        id: (HolderId, LeaseId),
        request: &LeaseRequest,
        budget: &Budget,
        key: &AccountKey,
        now: TimestampMicros,
    ) -> LeaseAnswer {
        let standing = self.standing(budget, key, now);
        let ask = standing.ask(request);
        let account = self.accounts.entry(key.clone()).or_default();
        let Some(lease) = self.leases.get_mut(&id) else { return LeaseAnswer::Fenced };
        match account.grant(&mut lease.state, &ask) {
            Some(amount) => LeaseAnswer::Granted { amount, window: key.window, now },
            None => LeaseAnswer::Refused(standing.shortage(request.need, &budget.period)),
        }
    }
}

#[async_trait]
impl BudgetStore for MemoryBudgetStore {
    async fn budgets(&self) -> Result<Vec<Budget>, StoreError> {
        Ok(self.state().budgets.values().map(|known| known.budget.clone()).collect())
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<LeaseAnswer, StoreError> {
        let now = self.clock.now();
        Ok(self.state().lease(request, now))
    }

    async fn settle(&self, holder: HolderId, reports: &[LeaseReport]) -> Result<Vec<ReportAnswer>, StoreError> {
        let now = self.clock.now();
        let mut state = self.state();
        Ok(reports.iter().map(|report| state.book((holder, report.lease), report, now)).collect())
    }

    async fn statuses(&self, count_max: u32) -> Result<Vec<BudgetStatus>, StoreError> {
        let now = self.clock.now();
        let state = self.state();
        let mut statuses = Vec::new();
        for Revised { budget, revision } in state.budgets.values() {
            let is_current =
                |key: &&AccountKey| key.budget == budget.id && key.revision == *revision && key.window.contains(now);
            let keys: Vec<_> = state.accounts.keys().filter(is_current).collect();
            if keys.is_empty() {
                statuses.push(BudgetStatus { budget: budget.clone(), tenant: budget.tenant.clone(), standing: None });
            }
            statuses.extend(keys.into_iter().map(|key| BudgetStatus {
                budget: budget.clone(),
                tenant: Some(key.tenant.clone()),
                standing: Some(state.standing(budget, key, now)),
            }));
        }
        statuses.sort_by(|one, other| (&one.budget.id, &one.tenant).cmp(&(&other.budget.id, &other.tenant)));
        statuses.truncate(count_max as usize);
        Ok(statuses)
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let mut state = self.state();
        let kept = |window: Window| now.since(window.end) < KEEP_MIN.max(window.length() * KEEP_LENGTHS);
        let before = state.accounts.len();
        state.accounts.retain(|key, _| kept(key.window));
        state.leases.retain(|_, lease| kept(lease.key.window));
        state.alerts.forget_windows(kept);
        Ok((before - state.accounts.len()) as u64)
    }
}
