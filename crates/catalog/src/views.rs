//! The views that others depend on, read as types.

use std::fmt;

use chrono::{DateTime, Utc};
use gatelog_model::{PicoUsd, Tally, TimestampMicros};
use sqlx::{Row as _, postgres::PgRow};

use crate::{
    Catalog, CatalogError,
    error::{Doing as _, from_column},
};

/// Costs leave the view in dollars with twelve decimals; times 1e12 they are whole again.
const COST_BY_TENANT_AND_MODEL: &str = "
    SELECT tenant_id, model, sum(requests)::bigint AS requests, sum(input_tokens)::bigint AS input_tokens,
           sum(output_tokens)::bigint AS output_tokens, sum(unpriced_requests)::bigint AS unpriced_requests,
           trunc(sum(cost_usd) * 1000000000000)::text AS cost_pusd,
           trunc(sum(saved_usd) * 1000000000000)::text AS saved_pusd
    FROM gatelog.cost_monthly
    GROUP BY tenant_id, model
    ORDER BY sum(cost_usd) DESC, tenant_id NULLS LAST, model NULLS LAST
    LIMIT $1";

const LEDGER_TOTALS: &str = "
    SELECT ledger.*, lake.*, files.*, rollup.*, digests.*
    FROM (SELECT count(*) FILTER (WHERE state = 'discovered') AS discovered,
                 count(*) FILTER (WHERE state = 'committed') AS committed,
                 count(*) FILTER (WHERE state = 'quarantined') AS quarantined,
                 coalesce(sum(lines), 0)::bigint AS lines, coalesce(sum(events), 0)::bigint AS events,
                 coalesce(sum(duplicates), 0)::bigint AS duplicates, coalesce(sum(rejects), 0)::bigint AS rejects
          FROM gatelog.source_object) AS ledger,
         (SELECT count(*) AS commits, coalesce(sum(events), 0)::bigint AS lake_events FROM gatelog.lake_commit) AS lake,
         (SELECT count(*) AS files, coalesce(sum(rows), 0)::bigint AS file_rows FROM gatelog.output_file) AS files,
         (SELECT coalesce(sum(requests), 0)::bigint AS rollup_requests, coalesce(sum(cost_pusd), 0)::text AS cost_pusd,
                 coalesce(sum(unpriced), 0)::bigint AS unpriced
          FROM gatelog.rollup_hourly) AS rollup,
         (SELECT count(*) AS open_rejects FROM gatelog.reject WHERE resolved_commit_seq IS NULL) AS digests";

/// A month apart for fifteen years: no zone changes its offset for less than that.
const ZONE_OFFSETS_WHOLE: &str = "
    SELECT bool_and(extract(epoch FROM (at AT TIME ZONE $1) - (at AT TIME ZONE 'UTC'))::bigint % 3600 = 0)
    FROM generate_series(timestamptz '2020-01-01 00:00+00', timestamptz '2035-01-01 00:00+00', '1 month') AS at";

/// A row of `ingest_status`.
#[derive(Debug, Clone, PartialEq)]
pub struct IngestStatus {
    /// `discovered`, `leased`, `committed`, `quarantined` or `reject_open`.
    pub state: String,
    /// Objects in it.
    pub objects: u64,
    /// Lines of them as far as known; open rejects for `reject_open`.
    pub lines: u64,
    /// Start of the oldest window.
    pub oldest: Option<TimestampMicros>,
    /// Age of that; for `committed` of the newest window's end. Seconds, negative for windows in the future.
    pub lag_seconds: Option<f64>,
}

/// Cost of one tenant with one model, over all time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostRow {
    /// Tenant, if any was named.
    pub tenant_id: Option<String>,
    /// Model, if known.
    pub model: Option<String>,
    /// All requests.
    pub requests: u64,
    /// Input tokens.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// Requests missing from the cost.
    pub unpriced_requests: u64,
    /// What the priced ones cost.
    pub cost: PicoUsd,
    /// What cache hits avoided.
    pub saved: PicoUsd,
}

/// A row of `coverage_gap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageGap {
    /// Bucket.
    pub bucket: String,
    /// Key prefix before the day.
    pub prefix: String,
    /// End of the last window before.
    pub start: TimestampMicros,
    /// Start of the next window, or now.
    pub end: TimestampMicros,
    /// What it probably is.
    pub kind: GapKind,
}

/// What a hole between windows probably is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapKind {
    /// Lost: there was traffic in every hour around it.
    Gap,
    /// Quiet.
    Idle,
}

/// The counts that must agree, all from one snapshot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerTotals {
    /// Objects not yet committed.
    pub discovered: u64,
    /// Objects committed.
    pub committed: u64,
    /// Objects quarantined.
    pub quarantined: u64,
    /// Sums over the committed objects.
    pub tally: Tally,
    /// Rejects that are open, counted one by one.
    pub open_rejects: u64,
    /// Commits.
    pub commits: u64,
    /// Events that the commits say they made visible.
    pub lake_events: u64,
    /// Files.
    pub files: u64,
    /// Rows in them.
    pub file_rows: u64,
    /// Requests in the rollup.
    pub rollup_requests: u64,
    /// Cost in the rollup.
    pub cost: PicoUsd,
    /// Requests in the rollup that are not priced.
    pub unpriced: u64,
}

impl LedgerTotals {
    /// Whether every line and every event is where it must be, in every place that counts them.
    pub fn is_balanced(&self) -> bool {
        let events = self.tally.events;
        self.tally.checked().is_ok()
            && self.tally.rejects == self.open_rejects
            && [self.lake_events, self.file_rows, self.rollup_requests] == [events; 3]
    }
}

/// A time zone that cannot be reported in.
#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    /// Postgres does not know it.
    #[error("postgres knows no time zone `{zone}`; it takes IANA names such as `Africa/Johannesburg`")]
    Unknown {
        /// What was asked for.
        zone: String,
    },
    /// Its hours are not UTC hours, and the rollup keeps UTC hours.
    #[error(
        "time zone `{zone}` is not a whole number of hours from UTC: costs are kept by UTC hour, so its days cannot be told apart"
    )]
    NotWholeHours {
        /// What was asked for.
        zone: String,
    },
    /// Postgres refused a statement or could not be reached.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Catalog {
    /// How many objects stand where; one row per state, always the same ones.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn ingest_status(&self) -> Result<Vec<IngestStatus>, CatalogError> {
        let rows = sqlx::query("SELECT * FROM gatelog.ingest_status").fetch_all(&self.pool).await;
        let rows = rows.doing("read the ingest status")?;
        let read = |row: &PgRow| {
            Ok(IngestStatus {
                state: row.get("state"),
                objects: from_column("objects", row.get("objects"))?,
                lines: from_column("lines", row.get("lines"))?,
                oldest: read_optional_instant(row, "oldest"),
                lag_seconds: row.get("lag_seconds"),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Costs by tenant and model over all time, the dearest first.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn cost_by_tenant_and_model(&self, limit: u32) -> Result<Vec<CostRow>, CatalogError> {
        let rows = sqlx::query(COST_BY_TENANT_AND_MODEL).bind(i64::from(limit)).fetch_all(&self.pool).await;
        rows.doing("read costs")?.iter().map(read_cost).collect()
    }

    /// Times that no object covers.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn coverage_gaps(&self) -> Result<Vec<CoverageGap>, CatalogError> {
        let rows = sqlx::query("SELECT * FROM gatelog.coverage_gap").fetch_all(&self.pool).await;
        rows.doing("read coverage gaps")?.iter().map(read_gap).collect()
    }

    /// The counts that must agree; see [`LedgerTotals::is_balanced`].
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn ledger_totals(&self) -> Result<LedgerTotals, CatalogError> {
        let row = sqlx::query(LEDGER_TOTALS).fetch_one(&self.pool).await.doing("read the ledger's totals")?;
        let count = |name: &'static str| from_column(name, row.get(name));
        Ok(LedgerTotals {
            discovered: count("discovered")?,
            committed: count("committed")?,
            quarantined: count("quarantined")?,
            tally: Tally {
                lines: count("lines")?,
                events: count("events")?,
                duplicates: count("duplicates")?,
                rejects: count("rejects")?,
            },
            open_rejects: count("open_rejects")?,
            commits: count("commits")?,
            lake_events: count("lake_events")?,
            files: count("files")?,
            file_rows: count("file_rows")?,
            rollup_requests: count("rollup_requests")?,
            cost: read_money(&row, "cost_pusd")?,
            unpriced: count("unpriced")?,
        })
    }

    /// Sets the zone whose days and months the cost views use; at once and for every reader.
    ///
    /// # Errors
    ///
    /// [`ZoneError::Unknown`] and [`ZoneError::NotWholeHours`]; the old zone stays.
    pub async fn set_reporting_time_zone(&self, zone: &str) -> Result<(), ZoneError> {
        let known = sqlx::query("SELECT EXISTS (SELECT 1 FROM pg_timezone_names WHERE name = $1)").bind(zone);
        if !known.fetch_one(&self.pool).await.doing("look up a time zone")?.get::<bool, _>(0) {
            return Err(ZoneError::Unknown { zone: zone.to_owned() });
        }
        let whole = sqlx::query(ZONE_OFFSETS_WHOLE).bind(zone);
        if !whole.fetch_one(&self.pool).await.doing("check a time zone")?.get::<bool, _>(0) {
            return Err(ZoneError::NotWholeHours { zone: zone.to_owned() });
        }
        sqlx::query("UPDATE gatelog.setting SET value = $1 WHERE key = 'reporting_time_zone'")
            .bind(zone)
            .execute(&self.pool)
            .await
            .doing("set the reporting time zone")?;
        Ok(())
    }
}

impl fmt::Display for GapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gap => "gap",
            Self::Idle => "idle",
        })
    }
}

fn read_cost(row: &PgRow) -> Result<CostRow, CatalogError> {
    Ok(CostRow {
        tenant_id: row.get("tenant_id"),
        model: row.get("model"),
        requests: from_column("requests", row.get("requests"))?,
        input_tokens: from_column("input tokens", row.get("input_tokens"))?,
        output_tokens: from_column("output tokens", row.get("output_tokens"))?,
        unpriced_requests: from_column("unpriced requests", row.get("unpriced_requests"))?,
        cost: read_money(row, "cost_pusd")?,
        saved: read_money(row, "saved_pusd")?,
    })
}

fn read_gap(row: &PgRow) -> Result<CoverageGap, CatalogError> {
    let kind = match row.get("kind") {
        "gap" => GapKind::Gap,
        "idle" => GapKind::Idle,
        other => return Err(CatalogError::Unreadable { what: "kind of gap", value: other.to_owned() }),
    };
    Ok(CoverageGap {
        bucket: row.get("bucket"),
        prefix: row.get("prefix"),
        start: read_instant(row, "gap_start"),
        end: read_instant(row, "gap_end"),
        kind,
    })
}

fn read_money(row: &PgRow, column: &str) -> Result<PicoUsd, CatalogError> {
    let text: String = row.get(column);
    text.parse().map(PicoUsd::new).map_err(|_| CatalogError::Unreadable { what: "amount", value: text })
}

pub(crate) fn read_instant(row: &PgRow, column: &str) -> TimestampMicros {
    TimestampMicros::clamped(row.get::<DateTime<Utc>, _>(column))
}

pub(crate) fn read_optional_instant(row: &PgRow, column: &str) -> Option<TimestampMicros> {
    row.get::<Option<DateTime<Utc>>, _>(column).map(TimestampMicros::clamped)
}
