//! The alerts of the store in memory.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use gatelog_model::{TenantId, TimestampMicros};

use super::MemoryBudgetStore;
use crate::{
    Alert, AlertClaim, AlertId, AlertQueue, Budget, BudgetId, ClaimedAlert, HolderId, Standing, StoreError, Threshold,
    Window,
};

#[derive(Debug, Default)]
pub(super) struct Alerts {
    recorded: HashSet<(BudgetId, TenantId, Window, Threshold)>,
    /// Not yet posted, the oldest first.
    waiting: Vec<Waiting>,
    last_id: i64,
}

#[derive(Debug)]
struct Waiting {
    id: AlertId,
    alert: Alert,
    /// Who claimed it last.
    holder: Option<HolderId>,
    attempt: u32,
    due_micros: i64,
}

impl Alerts {
    /// Records each threshold that is reached and was not in this window; `is_refusing` if a request was just refused.
    pub(super) fn record(&mut self, budget: &Budget, tenant: &TenantId, standing: &Standing, is_refusing: bool) {
        for threshold in standing.reached(is_refusing) {
            if !self.recorded.insert((budget.id.clone(), tenant.clone(), standing.window, threshold)) {
                continue;
            }
            self.last_id += 1;
            let alert = Alert {
                budget: budget.id.clone(),
                tenant: tenant.clone(),
                unit: budget.unit,
                period: budget.period,
                window: standing.window,
                threshold,
                used: standing.used(),
                limit: standing.limit,
                crossed_at: standing.now,
            };
            let id = AlertId(self.last_id);
            self.waiting.push(Waiting { id, alert, holder: None, attempt: 0, due_micros: 0 });
        }
    }

    pub(super) fn forget_budget(&mut self, id: &BudgetId) {
        self.recorded.retain(|(budget, ..)| budget != id);
        self.waiting.retain(|waiting| waiting.alert.budget != *id);
    }

    pub(super) fn forget_windows(&mut self, kept: impl Fn(Window) -> bool) {
        self.recorded.retain(|(_, _, window, _)| kept(*window));
        self.waiting.retain(|waiting| kept(waiting.alert.window));
    }

    fn claim(
        &mut self,
        holder: HolderId,
        count_max: u32,
        now: TimestampMicros,
        until_micros: i64,
    ) -> Vec<ClaimedAlert> {
        let due = self.waiting.iter_mut().filter(|waiting| waiting.due_micros <= now.micros());
        due.take(count_max as usize)
            .map(|waiting| {
                waiting.holder = Some(holder);
                waiting.attempt += 1;
                waiting.due_micros = until_micros;
                let claim = AlertClaim { id: waiting.id, holder, attempt: waiting.attempt };
                ClaimedAlert { claim, alert: waiting.alert.clone() }
            })
            .collect()
    }

    /// Where the alert of `claim` waits, if the claim still holds.
    fn position(&self, claim: &AlertClaim) -> Option<usize> {
        self.waiting.iter().position(|waiting| {
            waiting.id == claim.id && waiting.attempt == claim.attempt && waiting.holder == Some(claim.holder)
        })
    }
}

#[async_trait]
impl AlertQueue for MemoryBudgetStore {
    async fn claim_alerts(
        &self,
        holder: HolderId,
        count_max: u32,
        lease: Duration,
    ) -> Result<Vec<ClaimedAlert>, StoreError> {
        let now = self.clock.now();
        Ok(self.state().alerts.claim(holder, count_max, now, micros_after(now, lease)))
    }

    async fn mark_posted(&self, claim: &AlertClaim) -> Result<bool, StoreError> {
        let mut state = self.state();
        let position = state.alerts.position(claim);
        Ok(position.map(|index| state.alerts.waiting.remove(index)).is_some())
    }

    async fn mark_failed(&self, claim: &AlertClaim, retry_after: Duration) -> Result<bool, StoreError> {
        let due_micros = micros_after(self.clock.now(), retry_after);
        let mut state = self.state();
        let Some(index) = state.alerts.position(claim) else { return Ok(false) };
        let waiting = &mut state.alerts.waiting[index];
        waiting.holder = None;
        waiting.due_micros = due_micros;
        Ok(true)
    }
}

fn micros_after(now: TimestampMicros, pause: Duration) -> i64 {
    now.micros().saturating_add(i64::try_from(pause.as_micros()).unwrap_or(i64::MAX))
}
