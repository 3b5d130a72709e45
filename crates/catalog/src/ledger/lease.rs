//! Keeping objects, giving them back, and setting aside what cannot be read.

use std::time::Duration;

use gatelog_model::{ObjectId, QuarantineReason};
use uuid::Uuid;

use crate::{
    Catalog, CatalogError,
    error::{Doing as _, to_column},
};

/// Locked rows are being committed, by this very worker perhaps: waiting for them would hold up the other renewals.
const EXTEND: &str = "
    WITH held AS MATERIALIZED (
        SELECT id FROM gatelog.source_object WHERE lease_owner = $1 ORDER BY id FOR UPDATE SKIP LOCKED
    )
    UPDATE gatelog.source_object AS o SET lease_until = now() + make_interval(secs => $2)
    FROM held WHERE o.id = held.id";

const RELEASE: &str = "
    WITH held AS MATERIALIZED (
        SELECT o.id FROM gatelog.source_object AS o
        JOIN UNNEST($1::bigint[], $2::bigint[], $3::uuid[]) AS q (id, epoch, owner)
            ON o.id = q.id AND o.lease_epoch = q.epoch AND o.lease_owner = q.owner
        ORDER BY o.id FOR UPDATE OF o
    )
    UPDATE gatelog.source_object AS o
    SET lease_owner = NULL, lease_until = NULL, not_before = now() + make_interval(secs => $4)
    FROM held WHERE o.id = held.id";

/// Nothing was wrong with these: the attempt does not count.
const RELEASE_ALL: &str = "
    WITH held AS MATERIALIZED (
        SELECT id FROM gatelog.source_object WHERE lease_owner = $1 ORDER BY id FOR UPDATE
    )
    UPDATE gatelog.source_object AS o
    SET lease_owner = NULL, lease_until = NULL, attempt = greatest(o.attempt - 1, 0)
    FROM held WHERE o.id = held.id";

const QUARANTINE: &str = "
    UPDATE gatelog.source_object
    SET state = 'quarantined', quarantine_reason = $4, quarantine_offset = $5, lease_owner = NULL, lease_until = NULL
    WHERE id = $1 AND lease_epoch = $2 AND lease_owner = $3 AND state = 'discovered'";

const DROP_RETRY: &str = "
    UPDATE gatelog.source_object
    SET retry_requested = false, lease_owner = NULL, lease_until = NULL, attempt = 0
    WHERE id = $1 AND lease_epoch = $2 AND lease_owner = $3 AND state = 'committed'";

/// The right to commit an object, valid until somebody claims it again: the epoch is one more with every claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease {
    /// The object.
    pub object: ObjectId,
    /// Which claim of it.
    pub epoch: i64,
    /// The worker.
    pub owner: Uuid,
}

/// Why an object cannot be read as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarantine {
    /// What is wrong with it.
    pub reason: QuarantineReason,
    /// Where reading failed, bytes into the stored object.
    pub offset: Option<u64>,
}

impl Catalog {
    /// Renews every lease of `owner` to `lease` from now and says how many; objects that are being committed at this
    /// moment are left out. A lease that has run out but was not taken over is renewed too.
    ///
    /// # Errors
    ///
    /// [`CatalogError`]: the leases then run out at their time.
    pub async fn extend_leases(&self, owner: Uuid, lease: Duration) -> Result<u64, CatalogError> {
        let query = sqlx::query(EXTEND).bind(owner).bind(lease.as_secs_f64());
        Ok(query.execute(&self.pool).await.doing("renew leases")?.rows_affected())
    }

    /// Gives objects back after a failure that may pass; they are free again after `retry_after`, and the attempt counts.
    /// Says how many were still held.
    ///
    /// # Errors
    ///
    /// [`CatalogError`]: the leases then run out at their time.
    pub async fn release(&self, leases: &[Lease], retry_after: Duration) -> Result<u64, CatalogError> {
        let query = sqlx::query(RELEASE)
            .bind(leases.iter().map(|lease| lease.object.0).collect::<Vec<_>>())
            .bind(leases.iter().map(|lease| lease.epoch).collect::<Vec<_>>())
            .bind(leases.iter().map(|lease| lease.owner).collect::<Vec<_>>())
            .bind(retry_after.as_secs_f64());
        Ok(query.execute(&self.pool).await.doing("release objects")?.rows_affected())
    }

    /// Gives back everything `owner` holds, free at once: for a worker that shuts down. Says how many.
    ///
    /// Waits for a commit of this worker that is under way.
    ///
    /// # Errors
    ///
    /// [`CatalogError`]: the leases then run out at their time.
    pub async fn release_all(&self, owner: Uuid) -> Result<u64, CatalogError> {
        let query = sqlx::query(RELEASE_ALL).bind(owner);
        Ok(query.execute(&self.pool).await.doing("release all objects")?.rows_affected())
    }

    /// Sets aside an object that cannot be read, until a person asks for a retry; `false` if the lease was lost, and then
    /// nothing has changed. A committed object is never quarantined: see [`Catalog::drop_retry`].
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn quarantine(&self, lease: &Lease, quarantine: &Quarantine) -> Result<bool, CatalogError> {
        let offset = quarantine.offset.map(|offset| to_column("quarantine offset", offset)).transpose()?;
        let query = sqlx::query(QUARANTINE)
            .bind(lease.object.0)
            .bind(lease.epoch)
            .bind(lease.owner)
            .bind(quarantine.reason.as_str())
            .bind(offset);
        Ok(query.execute(&self.pool).await.doing("quarantine an object")?.rows_affected() == 1)
    }

    /// Gives up reading an object's rejects again, because the object is gone or no longer what it was; they stay open.
    /// `false` if the lease was lost.
    ///
    /// # Errors
    ///
    /// [`CatalogError`].
    pub async fn drop_retry(&self, lease: &Lease) -> Result<bool, CatalogError> {
        let query = sqlx::query(DROP_RETRY).bind(lease.object.0).bind(lease.epoch).bind(lease.owner);
        Ok(query.execute(&self.pool).await.doing("drop a retry")?.rows_affected() == 1)
    }
}
