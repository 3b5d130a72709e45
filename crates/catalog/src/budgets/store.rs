//! The catalog as the store and the alert queue of the limiter.

use std::time::Duration;

use async_trait::async_trait;
use gatelog_budget::{
    AlertClaim, AlertQueue, Budget, BudgetStatus, BudgetStore, ClaimedAlert, HolderId, LeaseAnswer, LeaseReport,
    LeaseRequest, ReportAnswer, StoreError,
};

use crate::Catalog;

#[async_trait]
impl BudgetStore for Catalog {
    async fn budgets(&self) -> Result<Vec<Budget>, StoreError> {
        self.list_budgets().await.map_err(|error| StoreError::new("read the budgets", error))
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<LeaseAnswer, StoreError> {
        self.lease_budget(request).await.map_err(|error| StoreError::new("lease a slice of a budget", error))
    }

    async fn settle(&self, holder: HolderId, reports: &[LeaseReport]) -> Result<Vec<ReportAnswer>, StoreError> {
        let answers = self.settle_budgets(holder, reports).await;
        answers.map_err(|error| StoreError::new("settle what was used of budgets", error))
    }

    async fn statuses(&self, count_max: u32) -> Result<Vec<BudgetStatus>, StoreError> {
        let statuses = self.budget_statuses(count_max).await;
        statuses.map_err(|error| StoreError::new("read where budgets stand", error))
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        self.prune_budget_windows().await.map_err(|error| StoreError::new("forget old windows of budgets", error))
    }
}

#[async_trait]
impl AlertQueue for Catalog {
    async fn claim_alerts(
        &self,
        holder: HolderId,
        count_max: u32,
        lease: Duration,
    ) -> Result<Vec<ClaimedAlert>, StoreError> {
        let claimed = self.claim_budget_alerts(holder, count_max, lease).await;
        claimed.map_err(|error| StoreError::new("claim alerts of budgets", error))
    }

    async fn mark_posted(&self, claim: &AlertClaim) -> Result<bool, StoreError> {
        self.mark_alert_posted(claim).await.map_err(|error| StoreError::new("mark an alert as posted", error))
    }

    async fn mark_failed(&self, claim: &AlertClaim, retry_after: Duration) -> Result<bool, StoreError> {
        let marked = self.mark_alert_failed(claim, retry_after).await;
        marked.map_err(|error| StoreError::new("mark an alert as failed", error))
    }
}
