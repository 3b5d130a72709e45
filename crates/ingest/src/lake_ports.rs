//! Plugs the store and the catalog into the lake, which knows neither.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use gatelog_catalog::Catalog;
use gatelog_lake::{
    BoxError, Lake, LakeError, ListPage, ListedObject, ObjectIo, ObjectIoError, PointerError, PointerStore, TableName,
    Warehouse,
};
use gatelog_model::TimestampMicros;
use gatelog_objects::{ErrorKind, ObjectError, Store};
use gatelog_runtime::crash_point;

/// Largest metadata file the lake reads: a hundred times what a table of ten years has.
const METADATA_BYTES_MAX: u64 = 256 << 20;

/// Opens the table under `prefix` of the store's bucket, creating it if there is none.
///
/// # Errors
///
/// [`LakeError`] when the bucket or the catalog fails, or the table is not one of ours.
pub async fn open_lake(store: Store, catalog: Catalog, prefix: &str) -> Result<Lake, LakeError> {
    let warehouse = Warehouse { bucket: store.bucket().to_owned(), prefix: prefix.to_owned() };
    Lake::open_or_create(Arc::new(StorePort(store)), Arc::new(CatalogPort(catalog)), &warehouse).await
}

/// The lake's table as the catalog names it.
pub(crate) fn catalog_name(table: &TableName) -> gatelog_catalog::TableName {
    gatelog_catalog::TableName {
        catalog: table.catalog.to_owned(),
        namespace: table.namespace.to_owned(),
        name: table.table.to_owned(),
    }
}

#[derive(Debug)]
struct StorePort(Store);

fn io_error(key: &str, error: ObjectError) -> ObjectIoError {
    match error.kind {
        ErrorKind::NotFound => ObjectIoError::NotFound { key: key.to_owned() },
        _ => ObjectIoError::Failed { key: key.to_owned(), retryable: error.is_transient(), source: Box::new(error) },
    }
}

#[async_trait]
impl ObjectIo for StorePort {
    async fn get(&self, key: &str) -> Result<Bytes, ObjectIoError> {
        self.0.get_bytes(key, METADATA_BYTES_MAX).await.map_err(|error| io_error(key, error))
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<(), ObjectIoError> {
        crash_point("metadata.before_put");
        self.0.put(key, bytes, "application/octet-stream").await.map_err(|error| io_error(key, error))?;
        crash_point("metadata.after_put");
        Ok(())
    }

    async fn head(&self, key: &str) -> Result<Option<u64>, ObjectIoError> {
        match self.0.head(key).await {
            Ok(object) => Ok(Some(object.size_bytes)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(key, error)),
        }
    }

    async fn list(&self, prefix: &str, from: Option<&str>) -> Result<ListPage, ObjectIoError> {
        let page = self.0.list_page(prefix, None, from).await.map_err(|error| io_error(prefix, error))?;
        let objects = page.objects.into_iter().map(|object| ListedObject {
            key: object.key,
            size_bytes: object.size_bytes,
            // An object without a time is taken for a new one: new ones are never deleted.
            modified: object.last_modified.map_or(TimestampMicros::MAX, TimestampMicros::clamped),
        });
        Ok(ListPage { objects: objects.collect(), next: page.next })
    }

    async fn delete(&self, key: &str) -> Result<(), ObjectIoError> {
        self.0.delete(key).await.map_err(|error| io_error(key, error))
    }
}

#[derive(Debug)]
struct CatalogPort(Catalog);

fn pointer_error(action: &'static str, table: &TableName, source: impl Into<BoxError>) -> PointerError {
    PointerError { action, table: *table, source: source.into() }
}

#[async_trait]
impl PointerStore for CatalogPort {
    async fn load(&self, table: &TableName) -> Result<Option<String>, PointerError> {
        let pointer = self.0.load_pointer(&catalog_name(table)).await;
        Ok(pointer.map_err(|error| pointer_error("load", table, error))?.map(|pointer| pointer.metadata_location))
    }

    async fn create(&self, table: &TableName, pointer: &str) -> Result<bool, PointerError> {
        let failed = |error| pointer_error("create", table, error);
        self.0.create_namespace(table.catalog, table.namespace, &BTreeMap::new()).await.map_err(failed)?;
        let winner = self.0.create_pointer_if_absent(&catalog_name(table), pointer).await.map_err(failed)?;
        Ok(winner == pointer)
    }
}
