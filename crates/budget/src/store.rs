//! Where budgets are kept: the port that Postgres and memory plug into.

use std::{error::Error, fmt, time::Duration};

use async_trait::async_trait;
use gatelog_model::{TenantId, TimestampMicros};

use crate::{Budget, BudgetId, Report, Standing, Unit, Window};

/// Most reports that one call of [`BudgetStore::settle`] takes.
pub const REPORTS_MAX: usize = 256;
/// Most budgets that a process works with; all of them are held in memory.
pub const BUDGETS_MAX: usize = 20_000;

/// A process that holds leases; random, so that no two are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HolderId(pub u128);

/// A lease of one holder; the holder numbers them and never uses a number twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub u64);

/// A request for a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRequest {
    /// Who asks.
    pub holder: HolderId,
    /// On which lease.
    pub lease: LeaseId,
    /// Whether the store has that lease already; it then lies in the window it was opened in.
    pub opened: bool,
    /// Of which budget.
    pub budget: BudgetId,
    /// What the holder believes that budget counts.
    pub unit: Unit,
    /// For whom.
    pub tenant: TenantId,
    /// Where the lease stands.
    pub report: Report,
    /// Less than this is of no use; 0 only reports.
    pub need: u64,
    /// What is being waited for in all, `need` included.
    pub wanted: u64,
}

/// The answer to a [`LeaseRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// This much more is the holder's, until the window ends.
    Granted {
        /// How much.
        amount: u64,
        /// In which window.
        window: Window,
        /// The store's clock.
        now: TimestampMicros,
    },
    /// What is needed is not there. The report was taken in, and so the lease is open now, unless it was new and had nothing
    /// to report.
    Refused(Shortage),
    /// The window of the lease is over: the report was taken in, and a new lease is to be opened.
    WindowOver,
    /// There is no such budget, it counts something else now, or it is another tenant's.
    UnknownBudget,
    /// The lease was freed by somebody else, or a later report was there first: it is worth nothing any more.
    Fenced,
}

/// Why there is no slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    /// The window.
    pub window: Window,
    /// The store's clock.
    pub now: TimestampMicros,
    /// The limit.
    pub limit: u64,
    /// What stands against it: used, leased, and what still counts of the window before.
    pub used: u64,
    /// When it is worth asking again, if nobody uses anything meanwhile.
    pub retry_after: Duration,
}

/// A report on an open lease without asking for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseReport {
    /// Which lease.
    pub lease: LeaseId,
    /// Where it stands.
    pub report: Report,
    /// Whether this is the last one: nothing is held, and nothing will be spent.
    pub close: bool,
}

/// The answer to a [`LeaseReport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportAnswer {
    /// Booked, in the lease's own window, however long that is over.
    Booked,
    /// As [`LeaseAnswer::Fenced`]; nothing was booked. A lease closed before is answered so too.
    Fenced,
}

/// Where one budget of one tenant stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetStatus {
    /// The budget.
    pub budget: Budget,
    /// Whose use of it; `None` when nobody has used it in a current window.
    pub tenant: Option<TenantId>,
    /// The numbers; `None` as above.
    pub standing: Option<Standing>,
}

/// The store did not answer, or could not.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing}")]
pub struct StoreError {
    /// What was being attempted.
    pub doing: &'static str,
    /// Why it failed.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// Keeps budgets and grants slices of them.
///
/// The store's clock alone decides in which window a lease lies. A lease belongs to one window for ever; its reports are
/// booked there. What a process that died had leased counts as spent until somebody closes its leases, or their windows end.
///
/// Callers keep at most one call per lease under way and do not cancel [`BudgetStore::lease`] or [`BudgetStore::settle`]: a
/// store may hold a transaction then.
#[async_trait]
pub trait BudgetStore: Send + Sync + fmt::Debug {
    /// Every budget; an error rather than a part of them if there are more than [`BUDGETS_MAX`].
    async fn budgets(&self) -> Result<Vec<Budget>, StoreError>;

    /// Takes in the report and grants a slice, opening the lease if it is new.
    async fn lease(&self, request: &LeaseRequest) -> Result<LeaseAnswer, StoreError>;

    /// Takes in up to [`REPORTS_MAX`] reports of one holder, all or none; answers in their order.
    async fn settle(&self, holder: HolderId, reports: &[LeaseReport]) -> Result<Vec<ReportAnswer>, StoreError>;

    /// Where budgets stand now, per tenant, in the order of their names; at most `count_max`.
    async fn statuses(&self, count_max: u32) -> Result<Vec<BudgetStatus>, StoreError>;

    /// Forgets windows that ended long ago, and says how many.
    async fn prune(&self) -> Result<u64, StoreError>;
}

impl StoreError {
    /// Wraps what went wrong.
    pub fn new(doing: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { doing, source: source.into() }
    }
}
