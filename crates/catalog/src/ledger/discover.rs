//! From a listing into the ledger.

use gatelog_model::TimestampMicros;

use crate::{
    Catalog, CatalogError,
    error::{Doing as _, to_column},
};

/// Most objects recorded by one statement: what one page of an S3 listing holds.
pub const LISTED_MAX: usize = 1_000;

/// The existing ones are left out before the insert, so that listing the same day every few seconds costs no numbers
/// and no writes; ON CONFLICT is for another worker listing the same page.
const RECORD_LISTED: &str = "
    INSERT INTO gatelog.source_object (bucket, key, etag, size_bytes, window_start, window_end)
    SELECT $1, q.key, q.etag, q.size_bytes, q.window_start, q.window_end
    FROM UNNEST($2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::timestamptz[])
        AS q (key, etag, size_bytes, window_start, window_end)
    WHERE NOT EXISTS (
        SELECT 1 FROM gatelog.source_object AS o WHERE o.bucket = $1 AND o.key = q.key AND o.etag = q.etag)
    ORDER BY q.key, q.etag
    ON CONFLICT (bucket, key, etag) DO NOTHING";

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Whole key.
    pub key: String,
    /// Version tag, quotes removed.
    pub etag: String,
    /// Size, bytes.
    pub size_bytes: u64,
    /// Start of the window in the key.
    pub window_start: TimestampMicros,
    /// End of the window in the key, not before its start.
    pub window_end: TimestampMicros,
}

impl Catalog {
    /// Enters objects of `bucket` that the ledger does not know yet and says how many those were.
    ///
    /// More than [`LISTED_MAX`] are entered page by page; each page stands for itself, and the order of rows is that of
    /// the keys, so that two workers with the same listing do not deadlock.
    ///
    /// # Errors
    ///
    /// [`CatalogError`]; pages before the failed one stay.
    pub async fn record_listed(&self, bucket: &str, listed: &[Listed]) -> Result<u64, CatalogError> {
        let mut new = 0;
        for page in listed.chunks(LISTED_MAX) {
            new += self.record_page(bucket, page).await?;
        }
        Ok(new)
    }

    async fn record_page(&self, bucket: &str, page: &[Listed]) -> Result<u64, CatalogError> {
        let sizes =
            page.iter().map(|object| to_column("object size", object.size_bytes)).collect::<Result<Vec<_>, _>>()?;
        let done = sqlx::query(RECORD_LISTED)
            .bind(bucket)
            .bind(page.iter().map(|object| object.key.as_str()).collect::<Vec<_>>())
            .bind(page.iter().map(|object| object.etag.as_str()).collect::<Vec<_>>())
            .bind(sizes)
            .bind(page.iter().map(|object| object.window_start.to_datetime()).collect::<Vec<_>>())
            .bind(page.iter().map(|object| object.window_end.to_datetime()).collect::<Vec<_>>())
            .execute(&self.pool)
            .await
            .doing("record listed objects")?;
        Ok(done.rows_affected())
    }
}
