//! What the lake needs from outside: a bucket, and the row that says which metadata file is current.

use std::{error::Error, fmt};

use async_trait::async_trait;
use bytes::Bytes;
use gatelog_model::TimestampMicros;

/// An error of whoever implements a port.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// One object as a listing tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its whole key.
    pub key: String,
    /// Its size, bytes.
    pub size_bytes: u64,
    /// When it was last written, by the store's clock.
    pub modified: TimestampMicros,
}

/// Part of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// Its objects, in key order.
    pub objects: Vec<ListedObject>,
    /// Where the next page goes on; `None` on the last one. Opaque to the lake.
    pub next: Option<String>,
}

/// A bucket operation that did not work.
#[derive(Debug, thiserror::Error)]
pub enum ObjectIoError {
    /// There is no such object.
    #[error("no object `{key}`")]
    NotFound {
        /// The key asked for.
        key: String,
    },
    /// Anything else.
    #[error("object store failed at `{key}`")]
    Failed {
        /// The key or prefix worked on.
        key: String,
        /// Whether trying again later can help.
        retryable: bool,
        /// The store's own error.
        #[source]
        source: BoxError,
    },
}

impl ObjectIoError {
    /// Whether trying again later can help.
    pub fn retryable(&self) -> bool {
        match self {
            Self::NotFound { .. } => false,
            Self::Failed { retryable, .. } => *retryable,
        }
    }
}

/// The bucket of the lake. Retries and time limits are the implementation's: the lake calls each operation once.
#[async_trait]
pub trait ObjectIo: Send + Sync + fmt::Debug {
    /// Reads a whole object.
    async fn get(&self, key: &str) -> Result<Bytes, ObjectIoError>;

    /// Writes a whole object; when this returns it is durable and visible to every reader.
    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ObjectIoError>;

    /// The size of an object in bytes; `None` if there is none.
    async fn head(&self, key: &str) -> Result<Option<u64>, ObjectIoError>;

    /// One page of the objects whose keys start with `prefix`; `from` is the `next` of the page before.
    async fn list(&self, prefix: &str, from: Option<&str>) -> Result<ListPage, ObjectIoError>;

    /// Deletes an object; one that is not there is no error.
    async fn delete(&self, key: &str) -> Result<(), ObjectIoError>;
}

/// A table as the catalog's tables name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TableName {
    /// `catalog_name`.
    pub catalog: &'static str,
    /// `table_namespace`.
    pub namespace: &'static str,
    /// `table_name`.
    pub table: &'static str,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.namespace, self.table)
    }
}

/// A pointer operation that did not work.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} pointer of table `{table}`")]
pub struct PointerError {
    /// What was attempted: `load` or `create`.
    pub action: &'static str,
    /// Of which table.
    pub table: TableName,
    /// The database's own error.
    #[source]
    pub source: BoxError,
}

/// The rows of `iceberg_tables`, in the layout of Java's JdbcCatalog.
///
/// There is no way to move a pointer here: that happens in the transaction of the commit and nowhere else.
#[async_trait]
pub trait PointerStore: Send + Sync + fmt::Debug {
    /// The current metadata location; `None` if there is no such table.
    async fn load(&self, table: &TableName) -> Result<Option<String>, PointerError>;

    /// Enters a new table and its namespace. `false` if the table was there already; its pointer is then unchanged.
    async fn create(&self, table: &TableName, pointer: &str) -> Result<bool, PointerError>;
}
