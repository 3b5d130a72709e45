//! Taking in what was used and what is given back.

use std::collections::{BTreeMap, HashMap};

use gatelog_budget::{Account, HolderId, LeaseId, LeaseReport, LeaseState, ReportAnswer, Standing, Window};
use sqlx::{PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{
    alerts::{self, Passed},
    lease::read_account,
};
use crate::{
    Catalog, CatalogError,
    error::{Doing as _, from_column, to_column},
    views::read_instant,
};

/// Locks windows in the order of their ids, then their leases. A window of an older revision raises no alerts.
const LOCK: &str = "
    SELECT w.id, w.window_start, w.window_end, w.limit_amount, w.spent, w.leased, w.overrun, b.amount,
           w.revision = b.revision AS is_current, clock_timestamp() AS clock,
           l.lease_id, l.seq AS lease_seq, l.spent AS lease_spent, l.overrun AS lease_overrun, l.held AS lease_held,
           CASE WHEN b.period = 'sliding' THEN (
               SELECT before.spent + before.leased + before.overrun FROM gatelog.budget_window AS before
               WHERE before.budget_id = w.budget_id AND before.revision = w.revision AND before.tenant_id = w.tenant_id
                 AND before.window_start = w.window_start - make_interval(secs => b.window_seconds)) END AS previous
    FROM gatelog.budget_lease AS l
    JOIN gatelog.budget_window AS w ON w.id = l.window_id
    JOIN gatelog.budget AS b ON b.id = w.budget_id
    WHERE l.holder = $1 AND l.lease_id = ANY($2)
    ORDER BY w.id, l.lease_id
    FOR UPDATE OF w, l";

const WRITE_WINDOWS: &str = "
    UPDATE gatelog.budget_window AS w SET spent = q.spent, leased = q.leased, overrun = q.overrun
    FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS q (id, spent, leased, overrun)
    WHERE w.id = q.id";

const WRITE_LEASES: &str = "
    UPDATE gatelog.budget_lease AS l
    SET seq = q.seq, spent = q.spent, overrun = q.overrun, held = q.held, reported_at = now()
    FROM UNNEST($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
        AS q (lease_id, seq, spent, overrun, held)
    WHERE l.holder = $1 AND l.lease_id = q.lease_id";

const CLOSE_LEASES: &str = "DELETE FROM gatelog.budget_lease WHERE holder = $1 AND lease_id = ANY($2)";

/// What a batch works on: every row is locked.
#[derive(Default)]
struct Locked {
    windows: BTreeMap<i64, Standing>,
    /// Windows that alerts are raised for.
    current: Vec<i64>,
    leases: HashMap<u64, (i64, LeaseState)>,
}

impl Catalog {
    /// Takes in reports of one holder, all or none; see [`gatelog_budget::BudgetStore::settle`]. Not to be cancelled.
    ///
    /// # Errors
    ///
    /// [`CatalogError`]; the same reports may be sent again.
    pub async fn settle_budgets(
        &self,
        holder: HolderId,
        reports: &[LeaseReport],
    ) -> Result<Vec<ReportAnswer>, CatalogError> {
        let mut tx = self.pool.begin().await.doing("begin a settlement")?;
        let mut locked = lock(&mut tx, holder, reports).await?;
        let answers: Vec<_> = reports.iter().map(|report| locked.apply(report)).collect();
        let booked = reports.iter().zip(&answers).filter(|(_, answer)| **answer == ReportAnswer::Booked);
        let (closed, open): (Vec<_>, Vec<_>) = booked.map(|(report, _)| report).partition(|report| report.close);
        write_windows(&mut tx, &locked.windows).await?;
        write_leases(&mut tx, holder, &locked, &open).await?;
        close_leases(&mut tx, holder, &closed).await?;
        for window_id in &locked.current {
            alerts::record(&mut tx, &Passed::of(*window_id, &locked.windows[window_id], false)).await?;
        }
        tx.commit().await.doing("commit a settlement")?;
        Ok(answers)
    }
}

impl Locked {
    fn apply(&mut self, report: &LeaseReport) -> ReportAnswer {
        let Some((window_id, lease)) = self.leases.get_mut(&report.lease.0) else { return ReportAnswer::Fenced };
        let Some(standing) = self.windows.get_mut(window_id) else { return ReportAnswer::Fenced };
        match standing.account.apply(lease, &report.report) {
            Ok(()) => ReportAnswer::Booked,
            Err(gatelog_budget::Stale) => ReportAnswer::Fenced,
        }
    }
}

async fn lock(tx: &mut PgConnection, holder: HolderId, reports: &[LeaseReport]) -> Result<Locked, CatalogError> {
    let rows = sqlx::query(LOCK)
        .bind(Uuid::from_u128(holder.0))
        .bind(lease_ids(reports.iter())?)
        .fetch_all(tx)
        .await
        .doing("lock leases of budgets")?;
    let mut locked = Locked::default();
    for row in &rows {
        let window_id: i64 = row.get("id");
        let lease_id = from_column("lease", row.get("lease_id"))?;
        locked.leases.insert(lease_id, (window_id, read_lease(row)?));
        if locked.windows.insert(window_id, read_standing(row)?).is_none() && row.get("is_current") {
            locked.current.push(window_id);
        }
    }
    Ok(locked)
}

async fn write_windows(tx: &mut PgConnection, windows: &BTreeMap<i64, Standing>) -> Result<(), CatalogError> {
    let column = |what: &'static str, number: fn(&Account) -> u64| {
        windows.values().map(|standing| to_column(what, number(&standing.account))).collect::<Result<Vec<_>, _>>()
    };
    sqlx::query(WRITE_WINDOWS)
        .bind(windows.keys().copied().collect::<Vec<_>>())
        .bind(column("spent", |account| account.spent)?)
        .bind(column("leased", |account| account.leased)?)
        .bind(column("overrun", |account| account.overrun)?)
        .execute(tx)
        .await
        .doing("write windows of budgets")?;
    Ok(())
}

async fn write_leases(
    tx: &mut PgConnection,
    holder: HolderId,
    locked: &Locked,
    open: &[&LeaseReport],
) -> Result<(), CatalogError> {
    if open.is_empty() {
        return Ok(());
    }
    let states: Vec<LeaseState> =
        open.iter().filter_map(|report| locked.leases.get(&report.lease.0)).map(|(_, state)| *state).collect();
    let column = |what: &'static str, number: fn(&LeaseState) -> u64| {
        states.iter().map(|state| to_column(what, number(state))).collect::<Result<Vec<_>, _>>()
    };
    sqlx::query(WRITE_LEASES)
        .bind(Uuid::from_u128(holder.0))
        .bind(lease_ids(open.iter().copied())?)
        .bind(column("report", |state| state.seq)?)
        .bind(column("spent", |state| state.spent)?)
        .bind(column("overrun", |state| state.overrun)?)
        .bind(column("held", |state| state.held)?)
        .execute(tx)
        .await
        .doing("write leases of budgets")?;
    Ok(())
}

async fn close_leases(tx: &mut PgConnection, holder: HolderId, closed: &[&LeaseReport]) -> Result<(), CatalogError> {
    if closed.is_empty() {
        return Ok(());
    }
    sqlx::query(CLOSE_LEASES)
        .bind(Uuid::from_u128(holder.0))
        .bind(lease_ids(closed.iter().copied())?)
        .execute(tx)
        .await
        .doing("close leases of budgets")?;
    Ok(())
}

fn lease_ids<'r>(reports: impl Iterator<Item = &'r LeaseReport>) -> Result<Vec<i64>, CatalogError> {
    reports.map(|LeaseReport { lease: LeaseId(lease), .. }| to_column("lease", *lease)).collect()
}

fn read_standing(row: &PgRow) -> Result<Standing, CatalogError> {
    let previous: Option<i64> = row.get("previous");
    Ok(Standing {
        window: Window { start: read_instant(row, "window_start"), end: read_instant(row, "window_end") },
        now: read_instant(row, "clock"),
        limit: from_column("amount", row.get("amount"))?,
        previous: previous.map_or(Ok(0), |previous| from_column("use before", previous))?,
        account: read_account(row)?,
    })
}

fn read_lease(row: &PgRow) -> Result<LeaseState, CatalogError> {
    Ok(LeaseState {
        seq: from_column("report", row.get("lease_seq"))?,
        spent: from_column("spent", row.get("lease_spent"))?,
        overrun: from_column("overrun", row.get("lease_overrun"))?,
        held: from_column("held", row.get("lease_held"))?,
    })
}
