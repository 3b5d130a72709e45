//! Taking objects to work on.

use std::{collections::HashMap, time::Duration};

use gatelog_model::{ObjectId, Reject, SourceObject};
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use super::Lease;
use crate::{
    Catalog, CatalogError,
    error::{Doing as _, from_column},
    rejects::read_reject,
    views::read_instant,
};

/// Most objects of one claim: enough that claims cost little beside commits of a thousand one-line objects, and few
/// enough that other workers find something too.
pub const CLAIM_OBJECTS_MAX: u32 = 512;
/// At most every fourth object of a claim is a retry, so that a new key with its many retries does not hold up new objects.
const RETRY_SHARE: u32 = 4;

/// Locks the oldest free rows, keeps as many as the byte budget allows (always the first), and leases those. Rows locked
/// by another claim or commit are skipped, and a row that changed since the snapshot is looked at again before it is taken.
macro_rules! claim_sql {
    ($claimable:literal) => {
        concat!(
            "WITH candidate AS MATERIALIZED (
                SELECT id, size_bytes, window_start FROM gatelog.source_object
                WHERE ",
            $claimable,
            " AND not_before <= now() AND (lease_until IS NULL OR lease_until <= now())
                ORDER BY window_start, id LIMIT $3 FOR UPDATE SKIP LOCKED
            ), budgeted AS (
                SELECT id, sum(size_bytes) OVER oldest_first AS bytes, row_number() OVER oldest_first AS place
                FROM candidate
                WINDOW oldest_first AS (ORDER BY window_start, id ROWS UNBOUNDED PRECEDING)
            )
            UPDATE gatelog.source_object AS o
            SET lease_owner = $1, lease_epoch = o.lease_epoch + 1, attempt = o.attempt + 1,
                lease_until = now() + make_interval(secs => $2)
            FROM budgeted AS b
            WHERE o.id = b.id AND (b.bytes <= $4 OR b.place = 1)
            RETURNING o.id, o.lease_epoch, o.attempt, o.bucket, o.key, o.etag, o.size_bytes, o.window_start, o.window_end"
        )
    };
}

/// Means `discovered`, in the words of the index it is to walk: see the migration.
const CLAIM_NEW: &str = claim_sql!("state NOT IN ('committed', 'quarantined')");
const CLAIM_RETRIES: &str = claim_sql!("retry_requested");

/// What a worker asks for.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// The worker; the same in all its claims.
    pub owner: Uuid,
    /// Most objects; more than [`CLAIM_OBJECTS_MAX`] counts as that.
    pub objects_max: u32,
    /// Most bytes of source objects in all; one object is given even if it alone is larger.
    pub bytes_max: u64,
    /// How long the objects stay taken without a renewal.
    pub lease: Duration,
}

/// An object that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The right to commit it.
    pub lease: Lease,
    /// Where it lies.
    pub source: SourceObject,
    /// How often it was claimed since it was discovered or its retry was asked for, this time included.
    pub attempt: i32,
    /// What to do.
    pub work: Work,
}

/// What is to be done with a claimed object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Read all of it.
    Ingest,
    /// Read these lines of it again; it is committed already. In order of lines; may be empty if somebody else was faster.
    RetryRejects(Vec<Reject>),
}

impl Catalog {
    /// Takes objects, oldest window first: some whose rejects shall be read again, then new ones.
    ///
    /// An object whose lease has run out counts as free. No two claims get the same object at one epoch. A claim that was
    /// cancelled before its answer arrived leaves its objects leased until the lease runs out.
    ///
    /// # Errors
    ///
    /// [`CatalogError`]; what was claimed before the failure stays leased until the lease runs out.
    pub async fn claim(&self, request: &ClaimRequest) -> Result<Vec<Claim>, CatalogError> {
        let objects_max = request.objects_max.min(CLAIM_OBJECTS_MAX);
        let retries_max = objects_max.div_ceil(RETRY_SHARE);
        let mut claims = self.claim_some(CLAIM_RETRIES, request, retries_max, request.bytes_max).await?;
        self.add_open_rejects(&mut claims).await?;

        let bytes: u64 = claims.iter().map(|claim| claim.source.size_bytes).sum();
        let objects = u32::try_from(claims.len()).unwrap_or(objects_max);
        let bytes_left = request.bytes_max.saturating_sub(bytes);
        let objects_left = objects_max.saturating_sub(objects);
        if objects_left > 0 && (claims.is_empty() || bytes_left > 0) {
            claims.extend(self.claim_some(CLAIM_NEW, request, objects_left, bytes_left).await?);
        }
        Ok(claims)
    }

    async fn claim_some(
        &self,
        sql: &'static str,
        request: &ClaimRequest,
        objects_max: u32,
        bytes_max: u64,
    ) -> Result<Vec<Claim>, CatalogError> {
        let rows = sqlx::query(sql)
            .bind(request.owner)
            .bind(request.lease.as_secs_f64())
            .bind(i64::from(objects_max))
            .bind(i64::try_from(bytes_max).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await
            .doing("claim objects")?;
        let mut claims =
            rows.iter().map(|row| read_claim(row, request.owner)).collect::<Result<Vec<_>, CatalogError>>()?;
        claims.sort_by_key(|claim| (claim.source.window_start, claim.lease.object));
        Ok(claims)
    }

    async fn add_open_rejects(&self, claims: &mut [Claim]) -> Result<(), CatalogError> {
        if claims.is_empty() {
            return Ok(());
        }
        let rows = sqlx::query(
            "SELECT object_id, line, byte_offset, reason FROM gatelog.reject
             WHERE object_id = ANY($1) AND resolved_commit_seq IS NULL ORDER BY object_id, line",
        )
        .bind(claims.iter().map(|claim| claim.lease.object.0).collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await
        .doing("read the rejects of claimed objects")?;
        let mut rejects: HashMap<i64, Vec<Reject>> = HashMap::new();
        for row in &rows {
            rejects.entry(row.get("object_id")).or_default().push(read_reject(row)?);
        }
        for claim in claims {
            claim.work = Work::RetryRejects(rejects.remove(&claim.lease.object.0).unwrap_or_default());
        }
        Ok(())
    }
}

fn read_claim(row: &PgRow, owner: Uuid) -> Result<Claim, CatalogError> {
    Ok(Claim {
        lease: Lease { object: ObjectId(row.get("id")), epoch: row.get("lease_epoch"), owner },
        source: read_source(row)?,
        attempt: row.get("attempt"),
        work: Work::Ingest,
    })
}

pub(crate) fn read_source(row: &PgRow) -> Result<SourceObject, CatalogError> {
    Ok(SourceObject {
        bucket: row.get("bucket"),
        key: row.get("key"),
        etag: row.get("etag"),
        size_bytes: from_column("object size", row.get("size_bytes"))?,
        window_start: read_instant(row, "window_start"),
        window_end: read_instant(row, "window_end"),
    })
}
