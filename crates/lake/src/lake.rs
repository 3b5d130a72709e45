//! The table as a whole: where it is, creating it, naming its files.

use std::sync::Arc;

use iceberg::{
    MetadataLocation,
    io::FileIO,
    spec::{TableMetadata, TableMetadataBuilder},
};
use uuid::Uuid;

use crate::{
    error::LakeError,
    ports::{ObjectIo, PointerStore},
    storage::{Meter, S3Storage, location, split_location},
    table::{EVENTS, creation, differences},
};

/// Where the lake lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warehouse {
    /// The bucket.
    pub bucket: String,
    /// Key prefix of everything of the lake; may be empty.
    pub prefix: String,
}

impl Warehouse {
    /// A fresh table location. The UUID keeps readers that guess the newest metadata by listing from finding files of a
    /// dropped table.
    fn new_location(&self) -> String {
        let table = format!("{}-{}", EVENTS.table, Uuid::new_v4());
        let prefix = self.prefix.trim_matches('/');
        let key = if prefix.is_empty() { table } else { format!("{prefix}/{table}") };
        location(&self.bucket, &key)
    }
}

/// The table `gatelog.events`.
///
/// It reads the pointer but never moves it: an append is staged as files that nothing refers to, and becomes visible when
/// the caller's transaction swaps the pointer.
#[derive(Debug, Clone)]
pub struct Lake {
    pub(crate) objects: Arc<dyn ObjectIo>,
    pub(crate) pointers: Arc<dyn PointerStore>,
    pub(crate) bucket: String,
    location: String,
}

impl Lake {
    /// Opens the table, creating it if there is none.
    ///
    /// When several processes create it at once, one wins and the others open the winner's table; each loser leaves one
    /// small metadata file behind, outside the table.
    ///
    /// # Errors
    ///
    /// [`LakeError::Layout`] when the table is there but not as this version writes it, or in another bucket.
    pub async fn open_or_create(
        objects: Arc<dyn ObjectIo>,
        pointers: Arc<dyn PointerStore>,
        warehouse: &Warehouse,
    ) -> Result<Self, LakeError> {
        let bucket = warehouse.bucket.clone();
        let mut lake = Self { objects, pointers, bucket, location: String::new() };
        if lake.pointers.load(&EVENTS).await?.is_none() {
            lake.create(&warehouse.new_location()).await?;
        }
        let metadata = lake.metadata(&lake.pointer().await?).await?;
        let found = differences(&metadata)?;
        if !found.is_empty() {
            return Err(layout(found.join("; ")));
        }
        metadata.location().clone_into(&mut lake.location);
        Ok(lake)
    }

    async fn create(&self, location: &str) -> Result<(), LakeError> {
        let metadata = TableMetadataBuilder::from_table_creation(creation(location)?)?.build()?.metadata;
        let pointer = MetadataLocation::new_with_metadata(location, &metadata);
        metadata.write_to(&self.file_io(Arc::default()), &pointer).await?;
        self.pointers.create(&EVENTS, &pointer.to_string()).await?;
        Ok(())
    }

    /// The current pointer.
    ///
    /// # Errors
    ///
    /// [`LakeError::NoTable`] when the table has been dropped, or the database failed.
    pub async fn pointer(&self) -> Result<String, LakeError> {
        let pointer = self.pointers.load(&EVENTS).await?;
        pointer.ok_or_else(|| LakeError::NoTable { table: EVENTS.to_string() })
    }

    /// The table's location, `s3://bucket/prefix/events-{uuid}`; it never changes.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// A fresh location for a data file of a day. Put the file at [`Lake::key`] of it.
    pub fn new_data_path(&self, day: i32, commit_seq: i64) -> String {
        format!("{}/data/event_day={day}/{commit_seq:012}-{}.parquet", self.location, Uuid::new_v4())
    }

    /// The key in the lake's bucket of one of the table's locations.
    ///
    /// # Errors
    ///
    /// [`LakeError::Layout`] for a location outside the bucket.
    pub fn key<'a>(&self, path: &'a str) -> Result<&'a str, LakeError> {
        match split_location(path) {
            Some((bucket, key)) if bucket == self.bucket => Ok(key),
            _ => Err(layout(format!("`{path}` is not in bucket `{}`", self.bucket))),
        }
    }

    /// The table's metadata at a pointer.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub async fn metadata(&self, pointer: &str) -> Result<TableMetadata, LakeError> {
        Ok(TableMetadata::read_from(&self.file_io(Arc::default()), pointer).await?)
    }

    /// Iceberg's way to the bucket, counting into `meter`.
    pub(crate) fn file_io(&self, meter: Arc<Meter>) -> FileIO {
        S3Storage::file_io(&self.bucket, Arc::clone(&self.objects), meter)
    }
}

pub(crate) fn layout(reason: String) -> LakeError {
    LakeError::Layout { table: EVENTS.to_string(), reason }
}
