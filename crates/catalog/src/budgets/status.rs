//! Where budgets stand, and forgetting where they once stood.

use gatelog_budget::{BudgetStatus, Standing, Window};
use sqlx::{Row as _, postgres::PgRow};

use super::{
    definition::{read_budget, read_tenant},
    lease::read_account,
};
use crate::{
    Catalog, CatalogError,
    error::{Doing as _, from_column},
    views::read_instant,
};

/// The view `budget_status` says the same in dollars and ratios; this keeps the integers.
const STATUSES: &str = "
    SELECT b.*, w.id AS window_id, w.tenant_id AS user_id, w.window_start, w.window_end, w.limit_amount, w.spent, w.leased,
           w.overrun, now() AS clock, before.spent + before.leased + before.overrun AS previous
    FROM gatelog.budget AS b
    LEFT JOIN gatelog.budget_window AS w
        ON w.budget_id = b.id AND w.revision = b.revision AND w.window_start <= now() AND now() < w.window_end
    LEFT JOIN gatelog.budget_window AS before
        ON b.period = 'sliding' AND before.budget_id = b.id AND before.revision = b.revision
           AND before.tenant_id = w.tenant_id
           AND before.window_start = w.window_start - make_interval(secs => b.window_seconds)
    ORDER BY b.id COLLATE \"C\", coalesce(w.tenant_id, b.tenant_id) COLLATE \"C\"
    LIMIT $1";

/// As long as a sliding window, a reconcile with the log or a late message may want them; rows that somebody uses are
/// skipped, the next round takes them.
const PRUNE: &str = "
    DELETE FROM gatelog.budget_window WHERE id IN (
        SELECT id FROM gatelog.budget_window
        WHERE window_end < now() - INTERVAL '1 day' AND window_end < now() - 10 * (window_end - window_start)
        ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)";
/// Most windows forgotten in one statement, so that none takes long.
const PRUNE_MAX: i64 = 10_000;

impl Catalog {
    /// Where budgets stand now, per tenant, in the order of their names; at most `count_max`.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn budget_statuses(&self, count_max: u32) -> Result<Vec<BudgetStatus>, CatalogError> {
        let rows = sqlx::query(STATUSES).bind(i64::from(count_max)).fetch_all(&self.pool).await;
        rows.doing("read where budgets stand")?.iter().map(read_status).collect()
    }

    /// Forgets windows that ended more than a day and more than ten times their length ago, with their leases and alerts;
    /// says how many.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn prune_budget_windows(&self) -> Result<u64, CatalogError> {
        let query = sqlx::query(PRUNE).bind(PRUNE_MAX);
        Ok(query.execute(&self.pool).await.doing("forget old windows of budgets")?.rows_affected())
    }
}

fn read_status(row: &PgRow) -> Result<BudgetStatus, CatalogError> {
    let budget = read_budget(row)?;
    if row.get::<Option<i64>, _>("window_id").is_none() {
        return Ok(BudgetStatus { tenant: budget.tenant.clone(), budget, standing: None });
    }
    let previous: Option<i64> = row.get("previous");
    let standing = Standing {
        window: Window { start: read_instant(row, "window_start"), end: read_instant(row, "window_end") },
        now: read_instant(row, "clock"),
        limit: budget.amount.get(),
        previous: previous.map_or(Ok(0), |previous| from_column("use before", previous))?,
        account: read_account(row)?,
    };
    Ok(BudgetStatus { tenant: Some(read_tenant(row.get("user_id"))?), budget, standing: Some(standing) })
}
