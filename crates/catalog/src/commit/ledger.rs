//! The ledger's part of a commit.

use std::collections::HashMap;

use gatelog_model::{ObjectId, Tally};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::{CommitBatch, CommitKind, Resolved, StageError, batch::count};
use crate::{
    CatalogError, Lease,
    error::{Doing as _, to_column},
};

const COMMIT_INGESTED: &str = "
    UPDATE gatelog.source_object AS o
    SET state = 'committed', lines = q.lines, events = q.events, duplicates = q.duplicates, rejects = q.rejects,
        sha256 = q.sha256, lines_digest = q.lines_digest, commit_seq = $1, committed_at = now(),
        lease_owner = NULL, lease_until = NULL, attempt = 0
    FROM UNNEST($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[], $8::bytea[])
        AS q (id, lines, events, duplicates, rejects, sha256, lines_digest)
    WHERE o.id = q.id";

/// Moves lines from `rejects` to the other columns; the table's CHECKs hold the sum and keep it from going below zero.
const COMMIT_RETRIED: &str = "
    UPDATE gatelog.source_object AS o
    SET rejects = o.rejects - q.events - q.duplicates, events = o.events + q.events,
        duplicates = o.duplicates + q.duplicates, retry_requested = false,
        lease_owner = NULL, lease_until = NULL, attempt = 0
    FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[]) AS q (id, events, duplicates)
    WHERE o.id = q.id";

/// Locks the batch's rows in the order of ids and names the objects that are not ours any more.
pub(super) async fn lock_objects(
    connection: &mut PgConnection,
    batch: &CommitBatch,
) -> Result<Vec<ObjectId>, CatalogError> {
    let rows = sqlx::query(
        "SELECT id, state, lease_owner, lease_epoch FROM gatelog.source_object WHERE id = ANY($1) ORDER BY id FOR UPDATE",
    )
    .bind(batch.objects.iter().map(|object| object.lease.object.0).collect::<Vec<_>>())
    .fetch_all(connection)
    .await
    .doing("lock the objects of a commit")?;
    let mut held: HashMap<ObjectId, (String, Lease)> = HashMap::with_capacity(rows.len());
    for row in &rows {
        let object = ObjectId(row.get("id"));
        if let Some(owner) = row.get::<Option<Uuid>, _>("lease_owner") {
            held.insert(object, (row.get("state"), Lease { object, epoch: row.get("lease_epoch"), owner }));
        }
    }
    let lost = batch.objects.iter().filter(|object| {
        let expected = match object.kind {
            CommitKind::Ingest { .. } => "discovered",
            CommitKind::Retry { .. } => "committed",
        };
        !held.get(&object.lease.object).is_some_and(|(state, lease)| state == expected && *lease == object.lease)
    });
    Ok(lost.map(|object| object.lease.object).collect())
}

/// Enters what became of objects read for the first time.
pub(super) async fn commit_ingested(connection: &mut PgConnection, batch: &CommitBatch) -> Result<(), StageError> {
    let mut ids = Vec::new();
    let mut counts: [Vec<i64>; 4] = Default::default();
    let mut digests: [Vec<&[u8]>; 2] = Default::default();
    for object in &batch.objects {
        let CommitKind::Ingest { tally, sha256, lines_digest, .. } = &object.kind else { continue };
        let Tally { lines, events, duplicates, rejects } = *tally;
        ids.push(object.lease.object.0);
        for (column, value) in counts.iter_mut().zip([lines, events, duplicates, rejects]) {
            column.push(to_column("line count", value)?);
        }
        digests[0].push(&sha256.0);
        digests[1].push(&lines_digest.0);
    }
    if ids.is_empty() {
        return Ok(());
    }
    let expected = ids.len() as u64;
    let [lines, events, duplicates, rejects] = counts;
    let [sha256, lines_digest] = digests;
    let done = sqlx::query(COMMIT_INGESTED)
        .bind(batch.commit_seq)
        .bind(ids)
        .bind(lines)
        .bind(events)
        .bind(duplicates)
        .bind(rejects)
        .bind(sha256)
        .bind(lines_digest)
        .execute(connection)
        .await
        .doing("enter objects as committed")?;
    check_rows("ledger rows", expected, done.rows_affected())
}

/// Moves retried lines out of the rejects of their objects.
pub(super) async fn commit_retried(connection: &mut PgConnection, batch: &CommitBatch) -> Result<(), StageError> {
    let mut ids = Vec::new();
    let mut events = Vec::new();
    let mut duplicates = Vec::new();
    for object in &batch.objects {
        let CommitKind::Retry { resolved, .. } = &object.kind else { continue };
        ids.push(object.lease.object.0);
        events.push(to_column("line count", count(resolved, Resolved::Event))?);
        duplicates.push(to_column("line count", count(resolved, Resolved::Duplicate))?);
    }
    if ids.is_empty() {
        return Ok(());
    }
    let expected = ids.len() as u64;
    let query = sqlx::query(COMMIT_RETRIED).bind(ids).bind(events).bind(duplicates);
    let done = query.execute(connection).await.doing("enter retried lines")?;
    check_rows("ledger rows", expected, done.rows_affected())
}

/// Every row meant must have been there.
pub(super) fn check_rows(what: &'static str, expected: u64, found: u64) -> Result<(), StageError> {
    if expected == found { Ok(()) } else { Err(StageError::RowCount { what, expected, found }) }
}
