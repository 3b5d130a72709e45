//! Numbers of commits, and what became of them.

use sqlx::Row as _;

use super::transaction::take_table_lock;
use crate::{Catalog, CatalogError, error::Doing as _};

impl Catalog {
    /// Takes the next number; one that is not used leaves a harmless gap.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`].
    pub async fn next_commit_seq(&self) -> Result<i64, CatalogError> {
        let query = sqlx::query("SELECT nextval('gatelog.commit_seq')");
        Ok(query.fetch_one(&self.pool).await.doing("take a commit number")?.get(0))
    }

    /// Whether commit `commit_seq` took effect.
    ///
    /// It takes the table's lock first: a transaction that is still deciding holds it, so the answer is final. Never
    /// under `select!` or `timeout`.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`]; then nothing is known yet, so ask again until there is an answer.
    pub async fn commit_outcome(&self, commit_seq: i64) -> Result<bool, CatalogError> {
        let mut tx = self.pool.begin().await.doing("begin to resolve a commit")?;
        take_table_lock(&mut tx).await?;
        let row = sqlx::query("SELECT EXISTS (SELECT 1 FROM gatelog.lake_commit WHERE commit_seq = $1)")
            .bind(commit_seq)
            .fetch_one(&mut *tx)
            .await
            .doing("look for a commit")?;
        // Nothing was written; if this fails, the connection is gone and the lock with it.
        tx.rollback().await.doing("end resolving a commit")?;
        Ok(row.get(0))
    }
}
