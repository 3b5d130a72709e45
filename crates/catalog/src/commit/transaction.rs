//! The states of a commit: locked, staged, gone.

use gatelog_model::{LineDigest, ObjectId};
use sqlx::{Postgres, Transaction};

use super::{CommitBatch, StageError, TABLE_LOCK, ledger, rollup, stage};
use crate::{
    Catalog, CatalogError, Pointer, TableName,
    error::{Doing as _, to_column},
    pointer,
};

const RECORD_COMMIT: &str = "
    INSERT INTO gatelog.lake_commit
        (commit_seq, worker, ingest_time, events, objects, files, snapshot_id, metadata_location)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// A transaction that holds the table's lock; nobody else commits meanwhile.
#[derive(Debug)]
pub struct CommitTx {
    tx: Transaction<'static, Postgres>,
}

/// What became of staging; anything but `Staged` has been rolled back.
#[derive(Debug)]
pub enum StageOutcome {
    /// Everything but pointer and commit row is written.
    Staged(StagedCommit),
    /// Somebody else claimed or committed these objects: drop them from the batch, with their rows.
    LeaseLost(Vec<ObjectId>),
    /// These lines were committed from other objects after the look-up: encode the batch again without them.
    Duplicates(Vec<(LineDigest, ObjectId)>),
}

/// A transaction with a whole batch in it, waiting for the pointer.
#[derive(Debug)]
pub struct StagedCommit {
    tx: Transaction<'static, Postgres>,
    row: CommitRow,
}

#[derive(Debug)]
struct CommitRow {
    commit_seq: i64,
    worker: uuid::Uuid,
    ingest_time: gatelog_model::TimestampMicros,
    events: u64,
    objects: usize,
    files: usize,
    swapped: Option<(i64, String)>,
}

/// A staged batch did not become visible, or it is not known whether it did.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody who does not take our lock moved the pointer: load the table again and repeat the whole commit.
    #[error("the pointer of `{table}` is no longer `{expected}`")]
    PointerMoved {
        /// The table.
        table: TableName,
        /// Where it was expected.
        expected: String,
    },
    /// A batch with files needs a swapped pointer, one without must not have it: a bug in the caller.
    #[error("commit {commit_seq} has {files} files and {} pointer", if *.swapped { "a new" } else { "no new" })]
    PointerMissing {
        /// Which commit.
        commit_seq: i64,
        /// How many files it has.
        files: usize,
        /// Whether the pointer was moved.
        swapped: bool,
    },
    /// For certain nothing has happened.
    #[error("commit was rolled back")]
    RolledBack(#[source] CatalogError),
    /// COMMIT was sent and no answer came: ask [`Catalog::commit_outcome`], never repeat blindly.
    #[error("outcome of commit {commit_seq} is unknown")]
    OutcomeUnknown {
        /// Which commit.
        commit_seq: i64,
        /// Why there is no answer.
        #[source]
        source: sqlx::Error,
    },
}

impl Catalog {
    /// Begins a transaction and waits for the table's lock. Never under `select!` or `timeout`.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`], transient when the lock was not free in time.
    pub async fn begin_commit(&self) -> Result<CommitTx, CatalogError> {
        let mut tx = self.pool.begin().await.doing("begin a commit")?;
        take_table_lock(&mut tx).await?;
        Ok(CommitTx { tx })
    }
}

pub(super) async fn take_table_lock(tx: &mut Transaction<'static, Postgres>) -> Result<(), CatalogError> {
    let lock = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(TABLE_LOCK);
    lock.execute(&mut **tx).await.doing("take the lock of the lake's table")?;
    Ok(())
}

impl CommitTx {
    /// Writes the batch into the transaction, after checking its sums, every lease and every digest.
    ///
    /// # Errors
    ///
    /// [`StageError`]; the transaction is rolled back then.
    pub async fn stage(mut self, batch: &CommitBatch) -> Result<StageOutcome, StageError> {
        batch.check()?;
        let lost = ledger::lock_objects(&mut self.tx, batch).await?;
        if !lost.is_empty() {
            self.rollback().await?;
            return Ok(StageOutcome::LeaseLost(lost));
        }
        let duplicates = stage::insert_digests(&mut self.tx, &batch.digests).await?;
        if !duplicates.is_empty() {
            self.rollback().await?;
            return Ok(StageOutcome::Duplicates(duplicates));
        }
        ledger::commit_ingested(&mut self.tx, batch).await?;
        ledger::commit_retried(&mut self.tx, batch).await?;
        stage::write_rejects(&mut self.tx, batch).await?;
        stage::insert_files(&mut self.tx, batch).await?;
        rollup::add(&mut self.tx, &batch.rollup).await?;
        let row = CommitRow {
            commit_seq: batch.commit_seq,
            worker: batch.worker,
            ingest_time: batch.ingest_time,
            events: batch.events,
            objects: batch.objects.len(),
            files: batch.files.len(),
            swapped: None,
        };
        Ok(StageOutcome::Staged(StagedCommit { tx: self.tx, row }))
    }

    /// Gives up.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`] when the connection broke: the server rolls back by itself then.
    pub async fn rollback(self) -> Result<(), CatalogError> {
        self.tx.rollback().await.doing("roll back a commit")
    }
}

impl StagedCommit {
    /// Reads the pointer of `table` and holds it: other writers wait until this transaction ends. `None` if there is no
    /// such table.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`].
    pub async fn pointer(&mut self, table: &TableName) -> Result<Option<Pointer>, CatalogError> {
        pointer::load_for_update(&mut self.tx, table).await
    }

    /// Moves the pointer of `table` from `old` to `new`, whose current snapshot is `snapshot_id`.
    ///
    /// # Errors
    ///
    /// [`CommitError::PointerMoved`] when it is elsewhere, [`CommitError::RolledBack`] when Postgres fails.
    pub async fn swap_pointer(
        &mut self,
        table: &TableName,
        old: &str,
        new: &str,
        snapshot_id: i64,
    ) -> Result<(), CommitError> {
        if !pointer::swap(&mut *self.tx, table, old, new).await.map_err(CommitError::RolledBack)? {
            return Err(CommitError::PointerMoved { table: table.clone(), expected: old.to_owned() });
        }
        self.row.swapped = Some((snapshot_id, new.to_owned()));
        Ok(())
    }

    /// Makes everything visible at once.
    ///
    /// # Errors
    ///
    /// [`CommitError::OutcomeUnknown`] when COMMIT was sent and not answered. Any other: nothing has happened.
    pub async fn commit(mut self) -> Result<(), CommitError> {
        let CommitRow { commit_seq, files, ref swapped, .. } = self.row;
        if (files > 0) != swapped.is_some() {
            return Err(CommitError::PointerMissing { commit_seq, files, swapped: swapped.is_some() });
        }
        self.record().await.map_err(CommitError::RolledBack)?;
        // Whatever goes wrong from here on, also an error the server sends, may have come after the commit took effect.
        self.tx.commit().await.map_err(|source| CommitError::OutcomeUnknown { commit_seq, source })
    }

    async fn record(&mut self) -> Result<(), CatalogError> {
        let row = &self.row;
        sqlx::query(RECORD_COMMIT)
            .bind(row.commit_seq)
            .bind(row.worker)
            .bind(row.ingest_time.to_datetime())
            .bind(to_column("events", row.events)?)
            .bind(to_column("objects", row.objects as u64)?)
            .bind(to_column("files", row.files as u64)?)
            .bind(row.swapped.as_ref().map(|(snapshot_id, _)| *snapshot_id))
            .bind(row.swapped.as_ref().map(|(_, location)| location.as_str()))
            .execute(&mut *self.tx)
            .await
            .doing("record the commit")?;
        Ok(())
    }

    /// Gives up.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`] when the connection broke: the server rolls back by itself then.
    pub async fn rollback(self) -> Result<(), CatalogError> {
        self.tx.rollback().await.doing("roll back a commit")
    }
}
