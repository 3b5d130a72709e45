//! What a person sees of quarantined objects and rejects, and how they are read again.

use std::collections::BTreeMap;

use gatelog_model::{ObjectId, Reject, SourceObject, TimestampMicros};
use sqlx::{Row as _, postgres::PgRow};

use crate::{
    Catalog, CatalogError,
    error::{Doing as _, from_column},
    ledger::read_source,
    views::{read_instant, read_optional_instant},
};

/// Most rejects that [`Catalog::show_object`] lists; their count is complete.
const REJECTS_SHOWN_MAX: i64 = 1_000;

const LIST: &str = "
    SELECT o.id, o.bucket, o.key, o.etag, o.size_bytes, o.window_start, o.window_end, o.state, o.attempt,
           o.quarantine_reason, o.quarantine_offset, o.retry_requested, open.reasons, open.counts
    FROM gatelog.source_object AS o
    LEFT JOIN (
        SELECT object_id, array_agg(reason ORDER BY reason) AS reasons, array_agg(lines ORDER BY reason) AS counts
        FROM (SELECT object_id, reason, count(*) AS lines FROM gatelog.reject
              WHERE resolved_commit_seq IS NULL GROUP BY object_id, reason) AS by_reason
        GROUP BY object_id
    ) AS open ON open.object_id = o.id
    WHERE (o.state = 'quarantined' OR open.object_id IS NOT NULL)
      AND ($1::text IS NULL OR o.quarantine_reason = $1 OR $1 = ANY(open.reasons))
      AND ($2::text IS NULL OR starts_with(o.key, $2))
    ORDER BY o.window_start, o.id
    LIMIT $3";

/// Quarantined objects start anew; committed ones keep what they have.
const REQUEST_RETRY: &str = "
    WITH meant AS MATERIALIZED (
        SELECT o.id FROM gatelog.source_object AS o
        WHERE ($1::bigint[] IS NULL OR o.id = ANY($1))
          AND (o.state = 'quarantined' OR (o.state = 'committed' AND EXISTS (
              SELECT 1 FROM gatelog.reject AS r WHERE r.object_id = o.id AND r.resolved_commit_seq IS NULL)))
          AND ($2::text IS NULL OR o.quarantine_reason = $2 OR EXISTS (
              SELECT 1 FROM gatelog.reject AS r
              WHERE r.object_id = o.id AND r.resolved_commit_seq IS NULL AND r.reason = $2))
        ORDER BY o.id FOR UPDATE OF o
    )
    UPDATE gatelog.source_object AS o
    SET state = CASE o.state WHEN 'quarantined' THEN 'discovered' ELSE o.state END,
        retry_requested = o.state = 'committed', quarantine_reason = NULL, quarantine_offset = NULL,
        attempt = 0, not_before = now()
    FROM meant WHERE o.id = meant.id AND o.state IN ('quarantined', 'committed')";

const REQUEST_KEY_RETRIES: &str = "
    WITH meant AS MATERIALIZED (
        SELECT o.id FROM gatelog.source_object AS o
        WHERE o.state = 'committed' AND NOT o.retry_requested AND o.id IN (
            SELECT r.object_id FROM gatelog.reject AS r
            WHERE r.resolved_commit_seq IS NULL AND r.reason = 'no_key' AND r.key_ring IS DISTINCT FROM $1)
        ORDER BY o.id FOR UPDATE OF o
    )
    UPDATE gatelog.source_object AS o SET retry_requested = true, attempt = 0, not_before = now()
    FROM meant WHERE o.id = meant.id";

/// Which objects to list; the default lists all.
#[derive(Debug, Clone, Default)]
pub struct QuarantineFilter {
    /// Only with this quarantine or reject reason.
    pub reason: Option<String>,
    /// Only with keys that start so.
    pub key_prefix: Option<String>,
}

/// An object that waits for somebody to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineEntry {
    /// Its number in the ledger.
    pub object: ObjectId,
    /// Where it lies.
    pub source: SourceObject,
    /// Why the whole object cannot be read; `None` for a committed one with rejects.
    pub reason: Option<String>,
    /// Where reading failed, bytes into the stored object.
    pub offset: Option<u64>,
    /// Open rejects by reason.
    pub open_rejects: BTreeMap<String, u64>,
    /// Whether its rejects are waiting to be read again.
    pub retry_requested: bool,
}

/// Which objects to read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetrySelection {
    /// Everything that is quarantined or has open rejects.
    All,
    /// These.
    Objects(Vec<ObjectId>),
    /// Those with this quarantine or reject reason.
    Reason(String),
}

/// Everything the ledger knows of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectReport {
    /// Its row.
    pub row: LedgerRow,
    /// Its rejects, resolved ones too, in order of lines; at most the first thousand.
    pub rejects: Vec<RejectRow>,
}

/// A row of the ledger; counts are `None` until it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// Its number.
    pub object: ObjectId,
    /// Where it lies.
    pub source: SourceObject,
    /// `discovered`, `committed` or `quarantined`.
    pub state: String,
    /// Claims since it was discovered or a retry was asked for.
    pub attempt: i32,
    /// When it was listed first.
    pub discovered_at: TimestampMicros,
    /// When it was committed.
    pub committed_at: Option<TimestampMicros>,
    /// By which commit.
    pub commit_seq: Option<i64>,
    /// Lines read.
    pub lines: Option<i64>,
    /// Lines that became events.
    pub events: Option<i64>,
    /// Lines that were duplicates.
    pub duplicates: Option<i64>,
    /// Rejects still open.
    pub rejects: Option<i64>,
    /// SHA-256 of the stored bytes, hex.
    pub sha256: Option<String>,
    /// Why it is quarantined.
    pub quarantine_reason: Option<String>,
    /// Where reading failed, bytes into the stored object.
    pub quarantine_offset: Option<i64>,
    /// Whether its rejects are waiting to be read again.
    pub retry_requested: bool,
}

/// A reject as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectRow {
    /// Line, place and reason.
    pub reject: Reject,
    /// The key ring tried last, for `no_key`.
    pub key_ring: Option<String>,
    /// When it was rejected first.
    pub first_seen: TimestampMicros,
    /// When it was read last.
    pub last_tried: TimestampMicros,
    /// The commit that resolved it; `None` while it is open.
    pub resolved_commit_seq: Option<i64>,
}

impl Catalog {
    /// Quarantined objects and committed ones with open rejects, oldest window first.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn list_quarantine(
        &self,
        filter: &QuarantineFilter,
        limit: u32,
    ) -> Result<Vec<QuarantineEntry>, CatalogError> {
        let rows = sqlx::query(LIST)
            .bind(&filter.reason)
            .bind(&filter.key_prefix)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .doing("list quarantined objects")?;
        rows.iter().map(read_entry).collect()
    }

    /// The ledger's row and the rejects of an object; `None` if there is no such object.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn show_object(&self, object: ObjectId) -> Result<Option<ObjectReport>, CatalogError> {
        let row = sqlx::query("SELECT * FROM gatelog.source_object WHERE id = $1").bind(object.0);
        let Some(row) = row.fetch_optional(&self.pool).await.doing("read an object")? else { return Ok(None) };
        let rejects = sqlx::query("SELECT * FROM gatelog.reject WHERE object_id = $1 ORDER BY line LIMIT $2")
            .bind(object.0)
            .bind(REJECTS_SHOWN_MAX)
            .fetch_all(&self.pool)
            .await
            .doing("read the rejects of an object")?;
        let rejects = rejects.iter().map(read_reject_row).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(ObjectReport { row: read_ledger_row(&row)?, rejects }))
    }

    /// Lets quarantined objects be claimed anew and open rejects be read again; says how many objects that concerns.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn request_retry(&self, selection: &RetrySelection) -> Result<u64, CatalogError> {
        let (objects, reason) = match selection {
            RetrySelection::All => (None, None),
            RetrySelection::Objects(ids) => (Some(ids.iter().map(|id| id.0).collect::<Vec<_>>()), None),
            RetrySelection::Reason(reason) => (None, Some(reason)),
        };
        let query = sqlx::query(REQUEST_RETRY).bind(objects).bind(reason);
        Ok(query.execute(&self.pool).await.doing("request retries")?.rows_affected())
    }

    /// Lets `no_key` rejects that another key ring was tried on be read again with `current_key_ring`; says how many
    /// objects that concerns.
    ///
    /// To be called when a worker starts and when its ring changes, not on a timer: two workers with different rings would
    /// otherwise have the same lines read for ever.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn request_key_retries(&self, current_key_ring: &str) -> Result<u64, CatalogError> {
        let query = sqlx::query(REQUEST_KEY_RETRIES).bind(current_key_ring);
        Ok(query.execute(&self.pool).await.doing("request retries after a key change")?.rows_affected())
    }
}

pub(crate) fn read_reject(row: &PgRow) -> Result<Reject, CatalogError> {
    let reason: String = row.get("reason");
    Ok(Reject {
        line: from_column("line number", row.get("line"))?,
        byte_offset: from_column("byte offset", row.get("byte_offset"))?,
        reason: reason.parse().map_err(|_| CatalogError::Unreadable { what: "reject reason", value: reason })?,
    })
}

fn read_reject_row(row: &PgRow) -> Result<RejectRow, CatalogError> {
    Ok(RejectRow {
        reject: read_reject(row)?,
        key_ring: row.get("key_ring"),
        first_seen: read_instant(row, "first_seen"),
        last_tried: read_instant(row, "last_tried"),
        resolved_commit_seq: row.get("resolved_commit_seq"),
    })
}

fn read_entry(row: &PgRow) -> Result<QuarantineEntry, CatalogError> {
    let offset: Option<i64> = row.get("quarantine_offset");
    let reasons: Option<Vec<String>> = row.get("reasons");
    let counts: Option<Vec<i64>> = row.get("counts");
    let counted = reasons.unwrap_or_default().into_iter().zip(counts.unwrap_or_default());
    Ok(QuarantineEntry {
        object: ObjectId(row.get("id")),
        source: read_source(row)?,
        reason: row.get("quarantine_reason"),
        offset: offset.map(|offset| from_column("quarantine offset", offset)).transpose()?,
        open_rejects: counted
            .map(|(reason, count)| Ok((reason, from_column("rejects", count)?)))
            .collect::<Result<_, CatalogError>>()?,
        retry_requested: row.get("retry_requested"),
    })
}

fn read_ledger_row(row: &PgRow) -> Result<LedgerRow, CatalogError> {
    Ok(LedgerRow {
        object: ObjectId(row.get("id")),
        source: read_source(row)?,
        state: row.get("state"),
        attempt: row.get("attempt"),
        discovered_at: read_instant(row, "discovered_at"),
        committed_at: read_optional_instant(row, "committed_at"),
        commit_seq: row.get("commit_seq"),
        lines: row.get("lines"),
        events: row.get("events"),
        duplicates: row.get("duplicates"),
        rejects: row.get("rejects"),
        sha256: row.get::<Option<Vec<u8>>, _>("sha256").map(hex::encode),
        quarantine_reason: row.get("quarantine_reason"),
        quarantine_offset: row.get("quarantine_offset"),
        retry_requested: row.get("retry_requested"),
    })
}
