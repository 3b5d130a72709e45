//! Granting slices.

use gatelog_budget::{
    Account, Budget, LeaseAnswer, LeaseReport, LeaseRequest, LeaseState, ReportAnswer, Standing, Window,
};
use sqlx::{PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{
    alerts::{self, Passed},
    definition::read_budget,
};
use crate::{
    Catalog, CatalogError,
    error::{Doing as _, from_column, to_column},
    views::read_instant,
};

/// How often a grant is begun again because its window ended while it waited for the lock; longer waits are cut off by
/// `lock_timeout`.
const WINDOWS_MAX: u32 = 3;

/// What a lease is about, without a lock: only the holder opens or closes a lease, one call at a time, or who follows it when
/// it is dead.
const LOOK_UP: &str = "
    SELECT b.*, clock_timestamp() AS clock, l.window_id, w.revision AS lies_in_revision, w.window_start AS lies_in
    FROM gatelog.budget AS b
    LEFT JOIN gatelog.budget_lease AS l ON l.holder = $4 AND l.lease_id = $5
    LEFT JOIN gatelog.budget_window AS w ON w.id = l.window_id
    WHERE b.id = $1 AND b.unit = $2 AND (b.tenant_id IS NULL OR b.tenant_id = $3)";

/// Makes the row if it is not there and locks it; the clock is read after the wait for the lock.
const LOCK_WINDOW: &str = "
    INSERT INTO gatelog.budget_window AS w (budget_id, revision, tenant_id, window_start, window_end)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (budget_id, revision, tenant_id, window_start) DO UPDATE SET window_end = w.window_end
    RETURNING w.id, w.limit_amount, w.spent, w.leased, w.overrun, clock_timestamp() AS clock,
        (SELECT before.spent + before.leased + before.overrun FROM gatelog.budget_window AS before
         WHERE before.budget_id = $1 AND before.revision = $2 AND before.tenant_id = $3 AND before.window_start = $6)
        AS previous";

const LOCK_LEASE: &str = "
    SELECT seq, spent, overrun, held FROM gatelog.budget_lease
    WHERE holder = $1 AND lease_id = $2 AND window_id = $3 FOR UPDATE";

const WRITE: &str = "
    WITH account AS (
        UPDATE gatelog.budget_window SET limit_amount = $4, spent = $5, leased = $6, overrun = $7 WHERE id = $3
    )
    INSERT INTO gatelog.budget_lease (holder, lease_id, window_id, seq, spent, overrun, held)
    VALUES ($1, $2, $3, $8, $9, $10, $11)
    ON CONFLICT (holder, lease_id) DO UPDATE
    SET seq = EXCLUDED.seq, spent = EXCLUDED.spent, overrun = EXCLUDED.overrun, held = EXCLUDED.held, reported_at = now()";

/// The budget as it is now, and the window it is in.
struct Found {
    budget: Budget,
    revision: i64,
    window: Window,
    /// Whether the store has the lease, and whether in this window.
    lies: Lies,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lies {
    Nowhere,
    Here,
    Elsewhere,
}

/// What came of a try; `None` when the window ended meanwhile.
type Tried = Option<LeaseAnswer>;

impl Catalog {
    /// Takes in a report and grants a slice; see [`gatelog_budget::BudgetStore::lease`]. Not to be cancelled.
    ///
    /// # Errors
    ///
    /// [`CatalogError`]; what became of the transaction may be unknown, and the next report puts it right.
    pub async fn lease_budget(&self, request: &LeaseRequest) -> Result<LeaseAnswer, CatalogError> {
        for _ in 0..WINDOWS_MAX {
            let Some(found) = self.find_budget(request).await? else { return Ok(LeaseAnswer::UnknownBudget) };
            match found.lies {
                Lies::Nowhere if request.opened => return Ok(LeaseAnswer::Fenced),
                Lies::Elsewhere => return self.leave_window(request).await,
                Lies::Nowhere | Lies::Here => {}
            }
            match self.try_lease(request, &found).await {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => {}
                Err(error) if is_foreign_key_violation(&error) => return Ok(LeaseAnswer::UnknownBudget),
                Err(error) => return Err(error),
            }
        }
        Ok(LeaseAnswer::WindowOver)
    }

    async fn find_budget(&self, request: &LeaseRequest) -> Result<Option<Found>, CatalogError> {
        let query = sqlx::query(LOOK_UP)
            .bind(request.budget.as_str())
            .bind(request.unit.label())
            .bind(request.tenant.as_str())
            .bind(Uuid::from_u128(request.holder.0))
            .bind(to_column("lease", request.lease.0)?);
        let row = query.fetch_optional(&self.pool).await.doing("look up a budget")?;
        row.as_ref().map(read_found).transpose()
    }

    /// Books the report in the window that the lease lies in, which is not the current one.
    async fn leave_window(&self, request: &LeaseRequest) -> Result<LeaseAnswer, CatalogError> {
        let report = LeaseReport { lease: request.lease, report: request.report, close: false };
        let answers = self.settle_budgets(request.holder, &[report]).await?;
        Ok(match answers.first() {
            Some(ReportAnswer::Booked) => LeaseAnswer::WindowOver,
            Some(ReportAnswer::Fenced) | None => LeaseAnswer::Fenced,
        })
    }

    async fn try_lease(&self, request: &LeaseRequest, found: &Found) -> Result<Tried, CatalogError> {
        let mut tx = self.pool.begin().await.doing("begin a lease")?;
        let row = lock_window(&mut tx, request, found).await?;
        let window_id: i64 = row.get("id");
        let previous: Option<i64> = row.get("previous");
        let mut standing = Standing {
            window: found.window,
            now: read_instant(&row, "clock"),
            limit: found.budget.amount.get(),
            previous: previous.map_or(Ok(0), |previous| from_column("use before", previous))?,
            account: read_account(&row)?,
        };
        if !standing.window.contains(standing.now) {
            tx.rollback().await.doing("give up a lease")?;
            return Ok(None);
        }
        let known = lock_lease(&mut tx, request, window_id).await?;
        let mut lease = known.unwrap_or_default();
        let is_void = known.is_none() && request.opened;
        if is_void || standing.account.apply(&mut lease, &request.report).is_err() {
            tx.rollback().await.doing("refuse a lease")?;
            return Ok(Some(LeaseAnswer::Fenced));
        }
        let ask = standing.ask(request);
        let answer = match standing.account.grant(&mut lease, &ask) {
            Some(amount) => LeaseAnswer::Granted { amount, window: standing.window, now: standing.now },
            None => LeaseAnswer::Refused(standing.shortage(request.need, &found.budget.period)),
        };
        let is_refusing = matches!(answer, LeaseAnswer::Refused(_));
        let passed = Passed::of(window_id, &standing, is_refusing);
        let tells_nothing = is_refusing && known.is_none() && request.report.overrun == 0;
        if tells_nothing && passed.is_empty() {
            tx.rollback().await.doing("refuse a slice")?;
            return Ok(Some(answer));
        }
        if !tells_nothing {
            write(&mut tx, request, window_id, &standing.account, &lease).await?;
        }
        alerts::record(&mut tx, &passed).await?;
        tx.commit().await.doing("commit a lease")?;
        Ok(Some(answer))
    }
}

fn is_foreign_key_violation(error: &CatalogError) -> bool {
    match error {
        CatalogError::Database { source: sqlx::Error::Database(error), .. } => error.is_foreign_key_violation(),
        _ => false,
    }
}

fn read_found(row: &PgRow) -> Result<Found, CatalogError> {
    let budget = read_budget(row)?;
    let revision: i64 = row.get("revision");
    let window = budget.period.window_at(read_instant(row, "clock"));
    let lies = match row.get::<Option<i64>, _>("window_id") {
        None => Lies::Nowhere,
        Some(_) => {
            let is_here = row.get::<Option<i64>, _>("lies_in_revision") == Some(revision)
                && read_instant(row, "lies_in") == window.start;
            if is_here { Lies::Here } else { Lies::Elsewhere }
        }
    };
    Ok(Found { budget, revision, window, lies })
}

async fn lock_window(tx: &mut PgConnection, request: &LeaseRequest, found: &Found) -> Result<PgRow, CatalogError> {
    let before = found.budget.period.carries_from(found.window);
    sqlx::query(LOCK_WINDOW)
        .bind(request.budget.as_str())
        .bind(found.revision)
        .bind(request.tenant.as_str())
        .bind(found.window.start.to_datetime())
        .bind(found.window.end.to_datetime())
        .bind(before.map(|before| before.start.to_datetime()))
        .fetch_one(tx)
        .await
        .doing("lock the window of a budget")
}

async fn lock_lease(
    tx: &mut PgConnection,
    request: &LeaseRequest,
    window_id: i64,
) -> Result<Option<LeaseState>, CatalogError> {
    let row = sqlx::query(LOCK_LEASE)
        .bind(Uuid::from_u128(request.holder.0))
        .bind(to_column("lease", request.lease.0)?)
        .bind(window_id)
        .fetch_optional(tx)
        .await
        .doing("lock a lease of a budget")?;
    row.as_ref().map(read_lease).transpose()
}

async fn write(
    tx: &mut PgConnection,
    request: &LeaseRequest,
    window_id: i64,
    account: &Account,
    lease: &LeaseState,
) -> Result<(), CatalogError> {
    sqlx::query(WRITE)
        .bind(Uuid::from_u128(request.holder.0))
        .bind(to_column("lease", request.lease.0)?)
        .bind(window_id)
        .bind(to_column("limit", account.ceiling)?)
        .bind(to_column("spent", account.spent)?)
        .bind(to_column("leased", account.leased)?)
        .bind(to_column("overrun", account.overrun)?)
        .bind(to_column("report", lease.seq)?)
        .bind(to_column("spent", lease.spent)?)
        .bind(to_column("overrun", lease.overrun)?)
        .bind(to_column("held", lease.held)?)
        .execute(tx)
        .await
        .doing("write a lease of a budget")?;
    Ok(())
}

/// Reads the columns of `budget_window` that are an account.
pub(super) fn read_account(row: &PgRow) -> Result<Account, CatalogError> {
    Ok(Account {
        ceiling: from_column("limit", row.get("limit_amount"))?,
        spent: from_column("spent", row.get("spent"))?,
        leased: from_column("leased", row.get("leased"))?,
        overrun: from_column("overrun", row.get("overrun"))?,
    })
}

fn read_lease(row: &PgRow) -> Result<LeaseState, CatalogError> {
    Ok(LeaseState {
        seq: from_column("report", row.get("seq"))?,
        spent: from_column("spent", row.get("spent"))?,
        overrun: from_column("overrun", row.get("overrun"))?,
        held: from_column("held", row.get("held"))?,
    })
}
