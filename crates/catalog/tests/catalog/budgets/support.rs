//! Short makers, and what must hold whatever happened.

use std::time::Duration;

use gatelog_budget::{
    Amount, Budget, BudgetId, HolderId, LeaseAnswer, LeaseId, LeaseReport, LeaseRequest, Period, Report, ReportAnswer,
    Unit, WindowLength,
};
use gatelog_catalog::Catalog;
use gatelog_model::TenantId;

use crate::common::Fixture;

/// Windows of a leap year: none ends while a test runs, unless it runs on the day that one does (every 366 days from 1970).
pub(crate) fn long() -> Period {
    Period::Fixed(WindowLength::try_new(Duration::from_secs(366 * 86_400)).unwrap())
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

pub(crate) fn budget(id: &str, unit: Unit, period: Period, amount: u64) -> Budget {
    Budget { id: BudgetId::parse(id).unwrap(), tenant: None, unit, period, amount: Amount::try_new(amount).unwrap() }
}

pub(crate) async fn tokens(fixture: &Fixture, amount: u64) -> Budget {
    let budget = budget("tokens", Unit::Tokens, long(), amount);
    fixture.catalog.put_budgets(std::slice::from_ref(&budget)).await.unwrap();
    budget
}

/// One lease as its holder keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    pub(crate) id: HolderId,
    pub(crate) lease: LeaseId,
    pub(crate) opened: bool,
    pub(crate) budget: Budget,
    pub(crate) tenant: TenantId,
    pub(crate) report: Report,
}

impl Holder {
    pub(crate) fn new(number: u128, budget: &Budget) -> Self {
        Self {
            id: HolderId(number),
            lease: LeaseId(1),
            opened: false,
            budget: budget.clone(),
            tenant: tenant("acme"),
            report: Report::default(),
        }
    }

    pub(crate) fn request(&self, need: u64) -> LeaseRequest {
        LeaseRequest {
            holder: self.id,
            lease: self.lease,
            opened: self.opened,
            budget: self.budget.id.clone(),
            unit: self.budget.unit,
            tenant: self.tenant.clone(),
            report: Report { seq: self.report.seq + 1, ..self.report },
            need,
            wanted: need,
        }
    }

    /// Asks, and takes a grant in.
    pub(crate) async fn lease(&mut self, catalog: &Catalog, need: u64) -> LeaseAnswer {
        let request = self.request(need);
        let answer = catalog.lease_budget(&request).await.unwrap();
        if let LeaseAnswer::Granted { amount, .. } = answer {
            self.report = request.report;
            self.report.held += amount;
            self.opened = true;
        }
        answer
    }

    /// As [`Holder::lease`], for how much was granted.
    pub(crate) async fn granted(&mut self, catalog: &Catalog, need: u64) -> u64 {
        match self.lease(catalog, need).await {
            LeaseAnswer::Granted { amount, .. } => amount,
            other => panic!("not granted: {other:?}"),
        }
    }

    /// Uses `spent` of what is held and `overrun` beyond, without telling.
    pub(crate) fn spend(&mut self, spent: u64, overrun: u64) {
        self.report.held -= spent;
        self.report.spent += spent;
        self.report.overrun += overrun;
    }

    pub(crate) fn next_report(&mut self, close: bool) -> LeaseReport {
        self.report.seq += 1;
        if close {
            self.report.held = 0;
        }
        LeaseReport { lease: self.lease, report: self.report, close }
    }

    pub(crate) async fn tell(&mut self, catalog: &Catalog, close: bool) -> ReportAnswer {
        let report = self.next_report(close);
        catalog.settle_budgets(self.id, &[report]).await.unwrap()[0]
    }
}

/// Spent, leased, overrun over all windows; leases must account for what is leased.
pub(crate) async fn totals(fixture: &Fixture) -> (i64, i64, i64) {
    let apart = fixture
        .count(
            "SELECT count(*) FROM gatelog.budget_window AS w WHERE w.leased <>
             (SELECT coalesce(sum(held), 0) FROM gatelog.budget_lease AS l WHERE l.window_id = w.id)",
        )
        .await;
    assert_eq!(apart, 0, "the leases of each window add up to what is leased of it");
    sqlx::query_as(
        "SELECT coalesce(sum(spent), 0)::bigint, coalesce(sum(leased), 0)::bigint, coalesce(sum(overrun), 0)::bigint
         FROM gatelog.budget_window",
    )
    .fetch_one(&fixture.pool)
    .await
    .unwrap()
}
