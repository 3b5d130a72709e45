//! Which budgets there are.

use std::{collections::BTreeMap, time::Duration};

use chrono_tz::Tz;
use gatelog_budget::{Amount, BUDGETS_MAX, Budget, BudgetId, Period, WindowLength};
use gatelog_model::TenantId;
use sqlx::{Row as _, postgres::PgRow};

use crate::{
    Catalog, CatalogError,
    error::{Doing as _, from_column, to_column},
};

/// Counting starts anew when anything but the amount changes, and goes on when nothing does.
const PUT: &str = "
    INSERT INTO gatelog.budget AS b (id, tenant_id, unit, period, window_seconds, time_zone, amount)
    SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::bigint[])
    ON CONFLICT (id) DO UPDATE
    SET tenant_id = EXCLUDED.tenant_id, unit = EXCLUDED.unit, period = EXCLUDED.period,
        window_seconds = EXCLUDED.window_seconds, time_zone = EXCLUDED.time_zone, amount = EXCLUDED.amount,
        changed_at = now(),
        revision = b.revision + CASE
            WHEN (b.tenant_id, b.unit, b.period, b.window_seconds, b.time_zone)
                 IS DISTINCT FROM
                 (EXCLUDED.tenant_id, EXCLUDED.unit, EXCLUDED.period, EXCLUDED.window_seconds, EXCLUDED.time_zone)
            THEN 1 ELSE 0 END
    WHERE (b.tenant_id, b.unit, b.period, b.window_seconds, b.time_zone, b.amount)
          IS DISTINCT FROM (EXCLUDED.tenant_id, EXCLUDED.unit, EXCLUDED.period, EXCLUDED.window_seconds,
                            EXCLUDED.time_zone, EXCLUDED.amount)";

impl Catalog {
    /// Adds budgets, or replaces those of the same name; of two with one name the last counts. Says how many are new or
    /// different.
    ///
    /// A changed amount holds from the next lease on. If anything else changes, counting starts anew.
    ///
    /// # Errors
    ///
    /// [`CatalogError`], and nothing has changed.
    pub async fn put_budgets(&self, budgets: &[Budget]) -> Result<u64, CatalogError> {
        // In the order of their names, so that two who put the same ones lock them in the same order.
        let by_id: BTreeMap<_, _> = budgets.iter().map(|budget| (&budget.id, budget)).collect();
        let budgets: Vec<_> = by_id.into_values().collect();
        let amounts = budgets.iter().map(|budget| to_column("amount", budget.amount.get()));
        let query = sqlx::query(PUT)
            .bind(budgets.iter().map(|budget| budget.id.as_str()).collect::<Vec<_>>())
            .bind(budgets.iter().map(|budget| budget.tenant.as_ref().map(TenantId::as_str)).collect::<Vec<_>>())
            .bind(budgets.iter().map(|budget| budget.unit.label()).collect::<Vec<_>>())
            .bind(budgets.iter().map(|budget| budget.period.label()).collect::<Vec<_>>())
            .bind(budgets.iter().map(|budget| window_seconds(&budget.period)).collect::<Vec<_>>())
            .bind(budgets.iter().map(|budget| time_zone(&budget.period)).collect::<Vec<_>>())
            .bind(amounts.collect::<Result<Vec<_>, _>>()?);
        Ok(query.execute(&self.pool).await.doing("put budgets")?.rows_affected())
    }

    /// Every budget, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`CatalogError`], also when there are more than [`BUDGETS_MAX`]: a gateway that knew only some of them would let
    /// through what it must not.
    pub async fn list_budgets(&self) -> Result<Vec<Budget>, CatalogError> {
        let rows = sqlx::query("SELECT * FROM gatelog.budget ORDER BY id COLLATE \"C\" LIMIT $1")
            .bind(to_column("budgets", BUDGETS_MAX as u64 + 1)?)
            .fetch_all(&self.pool)
            .await
            .doing("list budgets")?;
        if rows.len() > BUDGETS_MAX {
            let value = format!("more than {BUDGETS_MAX}");
            return Err(CatalogError::Unreadable { what: "number of budgets", value });
        }
        rows.iter().map(read_budget).collect()
    }

    /// Removes a budget and all that was counted for it; `false` if there is none.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn remove_budget(&self, id: &BudgetId) -> Result<bool, CatalogError> {
        let query = sqlx::query("DELETE FROM gatelog.budget WHERE id = $1").bind(id.as_str());
        Ok(query.execute(&self.pool).await.doing("remove a budget")?.rows_affected() == 1)
    }
}

fn window_seconds(period: &Period) -> Option<i32> {
    match period {
        Period::Fixed(length) | Period::Sliding(length) => i32::try_from(length.seconds()).ok(),
        Period::Day(_) | Period::Month(_) => None,
    }
}

fn time_zone(period: &Period) -> Option<&'static str> {
    match period {
        Period::Day(zone) | Period::Month(zone) => Some(zone.name()),
        Period::Fixed(_) | Period::Sliding(_) => None,
    }
}

/// Reads a row with the columns of `budget`.
pub(super) fn read_budget(row: &PgRow) -> Result<Budget, CatalogError> {
    let id: String = row.get("id");
    let unit: String = row.get("unit");
    let amount = from_column("amount", row.get("amount"))?;
    Ok(Budget {
        id: BudgetId::parse(&id).map_err(|_| unreadable("name of a budget", &id))?,
        tenant: row.get::<Option<String>, _>("tenant_id").map(read_tenant).transpose()?,
        unit: unit.parse().map_err(|_| unreadable("unit", &unit))?,
        period: read_period(row)?,
        amount: Amount::try_new(amount).map_err(|_| unreadable("amount", &amount.to_string()))?,
    })
}

pub(super) fn read_tenant(name: String) -> Result<TenantId, CatalogError> {
    TenantId::parse(&name).map_err(|_| CatalogError::Unreadable { what: "tenant", value: name })
}

fn read_period(row: &PgRow) -> Result<Period, CatalogError> {
    let period: String = row.get("period");
    let length = || {
        let seconds: Option<i32> = row.get("window_seconds");
        let length = u64::try_from(seconds.unwrap_or(0)).map(Duration::from_secs);
        length.ok().and_then(|length| WindowLength::try_new(length).ok()).ok_or_else(|| unreadable("window", &period))
    };
    let zone = || {
        let name: String = row.get::<Option<String>, _>("time_zone").unwrap_or_default();
        name.parse::<Tz>().map_err(|_| unreadable("time zone", &name))
    };
    match period.as_str() {
        "fixed" => length().map(Period::Fixed),
        "sliding" => length().map(Period::Sliding),
        "day" => zone().map(Period::Day),
        "month" => zone().map(Period::Month),
        _ => Err(unreadable("period", &period)),
    }
}

fn unreadable(what: &'static str, value: &str) -> CatalogError {
    CatalogError::Unreadable { what, value: value.to_owned() }
}
