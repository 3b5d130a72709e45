//! What is left to do, for a worker that ends when there is nothing.

use gatelog_model::TimestampMicros;
use sqlx::Row as _;

use crate::{
    Catalog, CatalogError,
    error::{Doing as _, from_column},
};

const BACKLOG: &str = "
    SELECT count(*) FILTER (WHERE lease_until > now()) AS leased,
           count(*) FILTER (WHERE lease_until IS NULL OR lease_until <= now()) AS waiting,
           coalesce(min(attempt) FILTER (WHERE lease_until IS NULL OR lease_until <= now()), 0) AS attempts_min
    FROM gatelog.source_object
    WHERE state = 'discovered' OR retry_requested";

/// Objects that are neither committed nor quarantined, and those whose rejects shall be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Held by a worker at this moment.
    pub leased: u64,
    /// Held by nobody: free, or waiting after a failure.
    pub waiting: u64,
    /// Fewest claims that any of the waiting ones has had.
    pub attempts_min: i32,
}

impl Catalog {
    /// What is left to do.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn backlog(&self) -> Result<Backlog, CatalogError> {
        let row = sqlx::query(BACKLOG).fetch_one(&self.pool).await.doing("count what is left to do")?;
        Ok(Backlog {
            leased: from_column("leased objects", row.get("leased"))?,
            waiting: from_column("waiting objects", row.get("waiting"))?,
            attempts_min: row.get("attempts_min"),
        })
    }

    /// The clock of the database, which measures leases.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn now(&self) -> Result<TimestampMicros, CatalogError> {
        let row = sqlx::query("SELECT clock_timestamp()").fetch_one(&self.pool).await.doing("read the clock")?;
        Ok(TimestampMicros::clamped(row.get(0)))
    }
}
