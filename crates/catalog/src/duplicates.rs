//! Lines and whole objects that were committed before.

use std::{collections::HashSet, time::Duration};

use gatelog_model::{Digest, LineDigest, ObjectId};
use sqlx::Row as _;
use uuid::Uuid;

use crate::{Catalog, CatalogError, error::Doing as _};

/// Most digests of one statement: half a megabyte of parameters.
pub(crate) const DIGESTS_MAX: usize = 32_768;

/// LATERAL with LIMIT makes it one index look-up per object and kind of digest, however large the ledger is.
const KNOWN_OBJECTS: &str = "
    SELECT q.id
    FROM UNNEST($1::bigint[], $2::bytea[], $3::bytea[]) AS q (id, sha256, lines_digest)
    LEFT JOIN LATERAL (
        SELECT true AS found FROM gatelog.source_object AS o
        WHERE o.sha256 = q.sha256 AND o.id <> q.id AND o.state = 'committed' AND o.lines > 0 LIMIT 1) AS same_bytes ON true
    LEFT JOIN LATERAL (
        SELECT true AS found FROM gatelog.source_object AS o
        WHERE o.lines_digest = q.lines_digest AND o.id <> q.id AND o.state = 'committed' AND o.lines > 0 LIMIT 1)
        AS same_lines ON true
    WHERE same_bytes.found OR same_lines.found";

/// Bounded, so that the transaction stays short and vacuum keeps up; rows locked by a commit are left for next time.
const EXPIRE: &str = "
    DELETE FROM gatelog.line_block WHERE digest IN (
        SELECT digest FROM gatelog.line_block WHERE seen_at < now() - make_interval(secs => $1)
        LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// What tells whether an object was delivered before under another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectDigests {
    /// The object.
    pub object: ObjectId,
    /// SHA-256 of its stored bytes.
    pub sha256: Digest,
    /// Digest over its lines in any order.
    pub lines_digest: Digest,
    /// How many lines it has; an object without any is never a re-delivery, since all of those look alike.
    pub lines: u64,
}

impl Catalog {
    /// Those of `digests` that are committed within the duplicate window.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn known_digests(&self, digests: &[LineDigest]) -> Result<HashSet<LineDigest>, CatalogError> {
        let mut known = HashSet::new();
        for some in digests.chunks(DIGESTS_MAX) {
            let rows = sqlx::query("SELECT digest FROM gatelog.line_block WHERE digest = ANY($1)")
                .bind(some.iter().map(|digest| Uuid::from_bytes(digest.0)).collect::<Vec<_>>())
                .fetch_all(&self.pool)
                .await
                .doing("look up line digests")?;
            known.extend(rows.iter().map(|row| LineDigest(row.get::<Uuid, _>(0).into_bytes())));
        }
        Ok(known)
    }

    /// Those of `objects` whose bytes or lines are those of another committed object of any age: a whole re-delivery.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn known_objects(&self, objects: &[ObjectDigests]) -> Result<HashSet<ObjectId>, CatalogError> {
        let filled: Vec<_> = objects.iter().filter(|object| object.lines > 0).collect();
        let rows = sqlx::query(KNOWN_OBJECTS)
            .bind(filled.iter().map(|object| object.object.0).collect::<Vec<_>>())
            .bind(filled.iter().map(|object| object.sha256.0.as_slice()).collect::<Vec<_>>())
            .bind(filled.iter().map(|object| object.lines_digest.0.as_slice()).collect::<Vec<_>>())
            .fetch_all(&self.pool)
            .await
            .doing("look up re-delivered objects")?;
        Ok(rows.iter().map(|row| ObjectId(row.get(0))).collect())
    }

    /// Forgets at most `limit` line digests older than `window` and says how many; call again while it is `limit`.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn expire_line_digests(&self, window: Duration, limit: u32) -> Result<u64, CatalogError> {
        let query = sqlx::query(EXPIRE).bind(window.as_secs_f64()).bind(i64::from(limit));
        Ok(query.execute(&self.pool).await.doing("expire line digests")?.rows_affected())
    }
}
