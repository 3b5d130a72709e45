//! Thresholds that were passed, and who posts them.

use std::time::Duration;

use gatelog_budget::{Alert, AlertClaim, AlertId, COUNT_MAX, ClaimedAlert, HolderId, Standing, Threshold, Window};
use sqlx::{PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::definition::{read_budget, read_tenant};
use crate::{
    Catalog, CatalogError,
    error::{Doing as _, from_column, to_column},
    views::read_instant,
};

/// Most alerts of one claim.
const CLAIM_MAX: u32 = 100;

/// The constraint decides who records a threshold; everybody who sees it passed tries.
const RECORD: &str = "
    INSERT INTO gatelog.budget_alert (window_id, threshold_percent, used_amount, limit_amount)
    SELECT $1::bigint, percent, $3::bigint, $4::bigint FROM UNNEST($2::smallint[]) AS percent
    ON CONFLICT ON CONSTRAINT budget_alert_once DO NOTHING";

/// Alerts of a budget that counts otherwise by now are left where they are: their message would be wrong.
const CLAIM: &str = "
    WITH due AS MATERIALIZED (
        SELECT a.id AS due_id FROM gatelog.budget_alert AS a
        JOIN gatelog.budget_window AS w ON w.id = a.window_id
        JOIN gatelog.budget AS b ON b.id = w.budget_id AND b.revision = w.revision
        WHERE a.posted_at IS NULL AND a.due_at <= now()
        ORDER BY a.id LIMIT $2 FOR UPDATE OF a SKIP LOCKED
    ), claimed AS (
        UPDATE gatelog.budget_alert AS a
        SET claimed_by = $1, attempt = a.attempt + 1, due_at = now() + make_interval(secs => $3)
        FROM due WHERE a.id = due.due_id
        RETURNING a.id AS alert_id, a.window_id, a.attempt, a.threshold_percent, a.used_amount, a.limit_amount, a.crossed_at
    )
    SELECT b.*, c.*, w.tenant_id AS user_id, w.window_start, w.window_end
    FROM claimed AS c
    JOIN gatelog.budget_window AS w ON w.id = c.window_id
    JOIN gatelog.budget AS b ON b.id = w.budget_id
    ORDER BY c.alert_id";

const MARK_POSTED: &str = "
    UPDATE gatelog.budget_alert SET posted_at = now()
    WHERE id = $1 AND claimed_by = $2 AND attempt = $3 AND posted_at IS NULL";

const MARK_FAILED: &str = "
    UPDATE gatelog.budget_alert SET claimed_by = NULL, due_at = now() + make_interval(secs => $4)
    WHERE id = $1 AND claimed_by = $2 AND attempt = $3 AND posted_at IS NULL";

/// The thresholds that the use of a window has passed; most often none.
pub(super) struct Passed {
    window_id: i64,
    percents: Vec<i16>,
    used: u64,
    limit: u64,
}

impl Passed {
    /// `is_refusing` if a request was just refused.
    pub(super) fn of(window_id: i64, standing: &Standing, is_refusing: bool) -> Self {
        let percents = standing.reached(is_refusing).map(|threshold| i16::from(threshold.percent())).collect();
        Self { window_id, percents, used: standing.used().min(COUNT_MAX), limit: standing.limit }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.percents.is_empty()
    }
}

/// Records each threshold that was not recorded for this window.
pub(super) async fn record(tx: &mut PgConnection, passed: &Passed) -> Result<(), CatalogError> {
    if passed.is_empty() {
        return Ok(());
    }
    sqlx::query(RECORD)
        .bind(passed.window_id)
        .bind(&passed.percents)
        .bind(to_column("use", passed.used)?)
        .bind(to_column("limit", passed.limit)?)
        .execute(tx)
        .await
        .doing("record an alert")?;
    Ok(())
}

impl Catalog {
    /// Takes alerts that are due; see [`gatelog_budget::AlertQueue::claim_alerts`].
    ///
    /// # Errors
    ///
    /// [`CatalogError`]; what was claimed before the failure is due again when the lease has run out.
    pub async fn claim_budget_alerts(
        &self,
        holder: HolderId,
        count_max: u32,
        lease: Duration,
    ) -> Result<Vec<ClaimedAlert>, CatalogError> {
        let rows = sqlx::query(CLAIM)
            .bind(Uuid::from_u128(holder.0))
            .bind(i64::from(count_max.min(CLAIM_MAX)))
            .bind(lease.as_secs_f64())
            .fetch_all(&self.pool)
            .await
            .doing("claim alerts")?;
        rows.iter().map(|row| read_claimed(row, holder)).collect()
    }

    /// Says that an alert was posted; `false` if somebody else has claimed it meanwhile.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn mark_alert_posted(&self, claim: &AlertClaim) -> Result<bool, CatalogError> {
        let query = sqlx::query(MARK_POSTED)
            .bind(claim.id.0)
            .bind(Uuid::from_u128(claim.holder.0))
            .bind(i64::from(claim.attempt));
        Ok(query.execute(&self.pool).await.doing("mark an alert as posted")?.rows_affected() == 1)
    }

    /// Says that an alert could not be posted, so that it is due again after `retry_after`; `false` as above.
    ///
    /// # Errors
    ///
    /// [`CatalogError`]: it is then due when the claim has run out.
    pub async fn mark_alert_failed(&self, claim: &AlertClaim, retry_after: Duration) -> Result<bool, CatalogError> {
        let query = sqlx::query(MARK_FAILED)
            .bind(claim.id.0)
            .bind(Uuid::from_u128(claim.holder.0))
            .bind(i64::from(claim.attempt))
            .bind(retry_after.as_secs_f64());
        Ok(query.execute(&self.pool).await.doing("mark an alert as failed")?.rows_affected() == 1)
    }
}

fn read_claimed(row: &PgRow, holder: HolderId) -> Result<ClaimedAlert, CatalogError> {
    let budget = read_budget(row)?;
    let percent: i16 = row.get("threshold_percent");
    let attempt: i32 = row.get("attempt");
    let threshold = u8::try_from(percent).ok().and_then(Threshold::from_percent);
    let unreadable = |what: &'static str, value: String| CatalogError::Unreadable { what, value };
    Ok(ClaimedAlert {
        claim: AlertClaim {
            id: AlertId(row.get("alert_id")),
            holder,
            attempt: u32::try_from(attempt).map_err(|_| unreadable("attempt", attempt.to_string()))?,
        },
        alert: Alert {
            tenant: read_tenant(row.get("user_id"))?,
            unit: budget.unit,
            period: budget.period,
            window: Window { start: read_instant(row, "window_start"), end: read_instant(row, "window_end") },
            threshold: threshold.ok_or_else(|| unreadable("threshold", percent.to_string()))?,
            used: from_column("use", row.get("used_amount"))?,
            limit: from_column("limit", row.get("limit_amount"))?,
            crossed_at: read_instant(row, "crossed_at"),
            budget: budget.id,
        },
    })
}
