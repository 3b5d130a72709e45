//! A clock that runs with tokio's paused one, a store whose calls can be counted, held and failed, and short makers.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono_tz::Tz;
use gatelog_model::{Clock, PicoUsd, TenantId, TimestampMicros};
use tokio::time::{Instant, sleep};

use crate::{
    Amount, BootId, Budget, BudgetId, BudgetStatus, BudgetStore, Estimate, HolderId, LeaseAnswer, LeaseNotes,
    LeaseReport, LeaseRequest, Limiter, LimiterOptions, MemoryBudgetStore, Period, Refusal, ReportAnswer, Reservation,
    StoreError, Unit, Usage, WindowLength,
};

/// Of the machine that the tests pretend to be on.
pub(super) const BOOT: BootId = BootId(7);

/// Time of day that advances with tokio's clock, from noon of 24 November 2026.
#[derive(Debug)]
pub(super) struct PausedClock {
    began: Instant,
}

impl Clock for PausedClock {
    fn now(&self) -> TimestampMicros {
        let noon = TimestampMicros::clamped("2026-11-24T12:00:00Z".parse().unwrap());
        let passed = i64::try_from(self.began.elapsed().as_micros()).unwrap();
        TimestampMicros::try_new(noon.micros() + passed).unwrap()
    }
}

/// A store in memory that several limiters reach through a network with moods.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) store: MemoryBudgetStore,
    pub(super) lease_calls: AtomicU64,
    pub(super) settle_calls: AtomicU64,
    latency_ms: AtomicU64,
    is_down: AtomicBool,
    /// Calls arrive, answers do not.
    loses_answers: AtomicBool,
}

impl Network {
    pub(super) fn new(budgets: impl IntoIterator<Item = Budget>) -> Arc<Self> {
        let clock = Arc::new(PausedClock { began: Instant::now() });
        Arc::new(Self {
            store: MemoryBudgetStore::new(clock, budgets),
            lease_calls: AtomicU64::new(0),
            settle_calls: AtomicU64::new(0),
            latency_ms: AtomicU64::new(1),
            is_down: AtomicBool::new(false),
            loses_answers: AtomicBool::new(false),
        })
    }

    pub(super) fn limiter(self: &Arc<Self>, holder: u128) -> Limiter {
        self.limiter_with(holder, LimiterOptions::default())
    }

    pub(super) fn limiter_with(self: &Arc<Self>, holder: u128, options: LimiterOptions) -> Limiter {
        Limiter::new(self.clone(), HolderId(holder), None, options)
    }

    /// One that notes in `folder` what it uses.
    pub(super) fn noting_limiter(self: &Arc<Self>, holder: u128, folder: &Path, options: LimiterOptions) -> Limiter {
        let notes = LeaseNotes::create(folder, HolderId(holder), BOOT).unwrap();
        Limiter::new(self.clone(), HolderId(holder), Some(notes), options)
    }

    pub(super) fn go_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }

    pub(super) fn lose_answers(&self, loses: bool) {
        self.loses_answers.store(loses, Ordering::Relaxed);
    }

    pub(super) fn be_slow(&self, latency: Duration) {
        self.latency_ms.store(u64::try_from(latency.as_millis()).unwrap(), Ordering::Relaxed);
    }

    pub(super) fn leases(&self) -> u64 {
        self.lease_calls.load(Ordering::Relaxed)
    }

    /// Spent, leased and overrun of the tenant in the current window.
    pub(super) async fn account(&self, tenant: &TenantId) -> (u64, u64, u64) {
        let statuses = self.store.statuses(100).await.unwrap();
        let found = statuses.into_iter().find(|status| status.tenant.as_ref() == Some(tenant));
        let account = found.and_then(|status| status.standing).map(|standing| standing.account).unwrap_or_default();
        (account.spent, account.leased, account.overrun)
    }

    async fn reach<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        sleep(Duration::from_millis(self.latency_ms.load(Ordering::Relaxed))).await;
        let lost = || StoreError::new("reach the store", "the network is down");
        if self.is_down.load(Ordering::Relaxed) {
            return Err(lost());
        }
        let answer = answer.await;
        if self.loses_answers.load(Ordering::Relaxed) { Err(lost()) } else { answer }
    }
}

#[async_trait]
impl BudgetStore for Network {
    async fn budgets(&self) -> Result<Vec<Budget>, StoreError> {
        self.reach(self.store.budgets()).await
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<LeaseAnswer, StoreError> {
        self.lease_calls.fetch_add(1, Ordering::Relaxed);
        self.reach(self.store.lease(request)).await
    }

    async fn settle(&self, holder: HolderId, reports: &[LeaseReport]) -> Result<Vec<ReportAnswer>, StoreError> {
        self.settle_calls.fetch_add(1, Ordering::Relaxed);
        self.reach(self.store.settle(holder, reports)).await
    }

    async fn statuses(&self, count_max: u32) -> Result<Vec<BudgetStatus>, StoreError> {
        self.reach(self.store.statuses(count_max)).await
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        self.reach(self.store.prune()).await
    }
}

pub(super) fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

pub(super) fn budget(id: &str, unit: Unit, period: Period, amount: u64) -> Budget {
    Budget { id: BudgetId::parse(id).unwrap(), tenant: None, unit, period, amount: Amount::try_new(amount).unwrap() }
}

pub(super) fn tokens_per_day(amount: u64) -> Budget {
    budget("daily-tokens", Unit::Tokens, Period::Day(Tz::UTC), amount)
}

pub(super) fn seconds(seconds: u64) -> WindowLength {
    WindowLength::try_new(Duration::from_secs(seconds)).unwrap()
}

pub(super) fn estimate(tokens: u64) -> Estimate {
    Estimate { tokens, cost: Some(PicoUsd::new(i128::from(tokens) * 10)) }
}

pub(super) fn usage(tokens: u64) -> Usage {
    Usage { tokens, cost: Some(PicoUsd::new(i128::from(tokens) * 10)) }
}

pub(super) async fn reserve(limiter: &Limiter, tokens: u64) -> Result<Reservation, Refusal> {
    limiter.reserve(&acme(), estimate(tokens)).await
}

/// The refusal, which must be one of a budget: its name, what is used, and when to come again.
pub(super) fn exceeded(refused: Result<Reservation, Refusal>) -> (String, u64, Duration) {
    match refused {
        Err(Refusal::Exceeded { budget, used, retry_after, .. }) => (budget.to_string(), used, retry_after),
        other => panic!("not refused by a budget: {other:?}"),
    }
}

/// Has a process die as by `kill -9`: what it has noted stays as it is in `to`, whatever is dropped afterwards. To be called
/// before that.
pub(super) fn keep_notes(from: &Path, to: &Path, holder: u128) {
    let name = format!("{holder:032x}.leases");
    fs::copy(from.join(&name), to.join(name)).unwrap();
}

/// Has the limiter's background run until the returned handle is told to stop.
pub(super) fn run(limiter: &Limiter) -> (tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let limiter = limiter.clone();
    let running = tokio::spawn(async move {
        limiter
            .run(async {
                let _either_way_it_ends = stopped.await;
            })
            .await;
    });
    (stop, running)
}
