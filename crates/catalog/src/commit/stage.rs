//! Digests, rejects and files of a commit.

use std::collections::HashMap;

use gatelog_model::{LineDigest, ObjectId, Reject, RejectReason};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::{CommitBatch, CommitKind, StageError, ledger::check_rows};
use crate::{
    CatalogError,
    duplicates::DIGESTS_MAX,
    error::{Doing as _, to_column},
};

/// Most rejects of one statement: an object can be nothing but rejects.
const REJECTS_MAX: usize = 32_768;

const INSERT_DIGESTS: &str = "
    INSERT INTO gatelog.line_block (digest, object_id)
    SELECT q.digest, q.object_id FROM UNNEST($1::uuid[], $2::bigint[]) AS q (digest, object_id)
    ON CONFLICT (digest) DO NOTHING RETURNING digest, object_id";

const INSERT_REJECTS: &str = "
    INSERT INTO gatelog.reject (object_id, line, byte_offset, reason, key_ring)
    SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[])";

const RESOLVE_REJECTS: &str = "
    UPDATE gatelog.reject AS r SET resolved_commit_seq = $1, last_tried = now()
    FROM UNNEST($2::bigint[], $3::bigint[]) AS q (object_id, line)
    WHERE r.object_id = q.object_id AND r.line = q.line AND r.resolved_commit_seq IS NULL";

const KEEP_REJECTS: &str = "
    UPDATE gatelog.reject AS r SET reason = q.reason, key_ring = q.key_ring, last_tried = now()
    FROM UNNEST($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS q (object_id, line, reason, key_ring)
    WHERE r.object_id = q.object_id AND r.line = q.line AND r.resolved_commit_seq IS NULL";

const INSERT_FILES: &str = "
    INSERT INTO gatelog.output_file (commit_seq, path, day, rows, size_bytes, sha256)
    SELECT $1, * FROM UNNEST($2::text[], $3::date[], $4::bigint[], $5::bigint[], $6::bytea[])";

/// Enters the digests and names those that were there already, or stand in the batch twice.
pub(super) async fn insert_digests(
    connection: &mut PgConnection,
    digests: &[(LineDigest, ObjectId)],
) -> Result<Vec<(LineDigest, ObjectId)>, CatalogError> {
    let mut sorted = digests.to_vec();
    sorted.sort_unstable();
    let mut duplicates = Vec::new();
    for some in sorted.chunks(DIGESTS_MAX) {
        let rows = sqlx::query(INSERT_DIGESTS)
            .bind(some.iter().map(|(digest, _)| Uuid::from_bytes(digest.0)).collect::<Vec<_>>())
            .bind(some.iter().map(|(_, object)| object.0).collect::<Vec<_>>())
            .fetch_all(&mut *connection)
            .await
            .doing("enter line digests")?;
        let mut entered: HashMap<[u8; 16], i64> =
            rows.iter().map(|row| (row.get::<Uuid, _>(0).into_bytes(), row.get(1))).collect();
        for (digest, object) in some {
            if entered.get(&digest.0) == Some(&object.0) {
                entered.remove(&digest.0);
            } else {
                duplicates.push((*digest, *object));
            }
        }
    }
    Ok(duplicates)
}

/// A reject with what the table wants to know besides.
struct RejectLine<'a> {
    object: ObjectId,
    reject: Reject,
    key_ring: Option<&'a str>,
}

/// Enters new rejects, resolves or keeps retried ones.
pub(super) async fn write_rejects(connection: &mut PgConnection, batch: &CommitBatch) -> Result<(), StageError> {
    let mut new = Vec::new();
    let mut still = Vec::new();
    let mut resolved = Vec::new();
    for object in &batch.objects {
        let id = object.lease.object;
        match &object.kind {
            CommitKind::Ingest { rejects, key_ring, .. } => {
                new.extend(rejects.iter().map(|reject| line(id, *reject, key_ring.as_deref())));
            }
            CommitKind::Retry { resolved: lines, still: kept, key_ring } => {
                still.extend(kept.iter().map(|reject| line(id, *reject, key_ring.as_deref())));
                resolved.extend(lines.iter().map(|line| (id, line.line)));
            }
        }
    }
    for some in new.chunks(REJECTS_MAX) {
        insert_rejects(connection, some).await?;
    }
    for some in still.chunks(REJECTS_MAX) {
        keep_rejects(connection, some).await?;
    }
    for some in resolved.chunks(REJECTS_MAX) {
        resolve_rejects(connection, batch.commit_seq, some).await?;
    }
    Ok(())
}

fn line(object: ObjectId, reject: Reject, key_ring: Option<&str>) -> RejectLine<'_> {
    RejectLine { object, reject, key_ring: key_ring.filter(|_| reject.reason == RejectReason::NoKey) }
}

fn line_numbers(rejects: &[RejectLine<'_>]) -> Result<Vec<i64>, CatalogError> {
    rejects.iter().map(|line| to_column("line number", line.reject.line)).collect()
}

async fn insert_rejects(connection: &mut PgConnection, rejects: &[RejectLine<'_>]) -> Result<(), CatalogError> {
    let offsets = rejects.iter().map(|line| to_column("byte offset", line.reject.byte_offset));
    sqlx::query(INSERT_REJECTS)
        .bind(rejects.iter().map(|line| line.object.0).collect::<Vec<_>>())
        .bind(line_numbers(rejects)?)
        .bind(offsets.collect::<Result<Vec<_>, _>>()?)
        .bind(rejects.iter().map(|line| line.reject.reason.as_str()).collect::<Vec<_>>())
        .bind(rejects.iter().map(|line| line.key_ring).collect::<Vec<_>>())
        .execute(connection)
        .await
        .doing("enter rejects")?;
    Ok(())
}

async fn keep_rejects(connection: &mut PgConnection, rejects: &[RejectLine<'_>]) -> Result<(), StageError> {
    let done = sqlx::query(KEEP_REJECTS)
        .bind(rejects.iter().map(|line| line.object.0).collect::<Vec<_>>())
        .bind(line_numbers(rejects)?)
        .bind(rejects.iter().map(|line| line.reject.reason.as_str()).collect::<Vec<_>>())
        .bind(rejects.iter().map(|line| line.key_ring).collect::<Vec<_>>())
        .execute(connection)
        .await
        .doing("keep retried rejects")?;
    check_rows("open rejects", rejects.len() as u64, done.rows_affected())
}

async fn resolve_rejects(
    connection: &mut PgConnection,
    commit_seq: i64,
    lines: &[(ObjectId, u64)],
) -> Result<(), StageError> {
    let numbers = lines.iter().map(|(_, line)| to_column("line number", *line)).collect::<Result<Vec<_>, _>>()?;
    let done = sqlx::query(RESOLVE_REJECTS)
        .bind(commit_seq)
        .bind(lines.iter().map(|(object, _)| object.0).collect::<Vec<_>>())
        .bind(numbers)
        .execute(connection)
        .await
        .doing("resolve rejects")?;
    check_rows("open rejects", lines.len() as u64, done.rows_affected())
}

/// Enters the files.
pub(super) async fn insert_files(connection: &mut PgConnection, batch: &CommitBatch) -> Result<(), CatalogError> {
    let files = &batch.files;
    if files.is_empty() {
        return Ok(());
    }
    let rows = files.iter().map(|file| to_column("rows", file.rows)).collect::<Result<Vec<_>, _>>()?;
    let sizes = files.iter().map(|file| to_column("file size", file.size_bytes)).collect::<Result<Vec<_>, _>>()?;
    sqlx::query(INSERT_FILES)
        .bind(batch.commit_seq)
        .bind(files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>())
        .bind(files.iter().map(|file| file.day).collect::<Vec<_>>())
        .bind(rows)
        .bind(sizes)
        .bind(files.iter().map(|file| file.sha256.0.as_slice()).collect::<Vec<_>>())
        .execute(connection)
        .await
        .doing("enter output files")?;
    Ok(())
}
