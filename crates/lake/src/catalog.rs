//! Iceberg's `Catalog` over the pointer table, with updates that are only staged.

use std::{
    collections::HashMap,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use iceberg::{
    Catalog, Error, ErrorKind, MetadataLocation, Namespace, NamespaceIdent, Result, Runtime, TableCommit,
    TableCreation, TableIdent, io::FileIO, spec::TableMetadata, table::Table,
};

use crate::{
    lake::Lake,
    ports::{PointerError, PointerStore, TableName},
    table::{EVENTS, table_ident},
};

/// An update that waits for its pointer to be swapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedPointer {
    /// Swap from this,
    pub old: String,
    /// to this.
    pub new: String,
}

/// The catalog `gatelog` with its one table.
///
/// `update_table` writes the new metadata file and leaves the pointer to the caller's transaction: whoever drives Iceberg's
/// own transactions through this must [`IcebergCatalog::take_staged`] and swap, or nothing becomes visible.
#[derive(Debug)]
pub struct IcebergCatalog {
    pointers: Arc<dyn PointerStore>,
    io: FileIO,
    staged: Mutex<Option<StagedPointer>>,
}

impl IcebergCatalog {
    /// The catalog that a lake's table is in.
    pub fn new(lake: &Lake) -> Self {
        Self { pointers: Arc::clone(&lake.pointers), io: lake.file_io(Arc::default()), staged: Mutex::default() }
    }

    /// The last staged update, once.
    pub fn take_staged(&self) -> Option<StagedPointer> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn load_pointer(&self, table: &TableName) -> Result<Option<String>> {
        self.pointers.load(table).await.map_err(|error: PointerError| {
            Error::new(ErrorKind::Unexpected, "pointer table").with_retryable(true).with_source(error)
        })
    }
}

fn namespace() -> NamespaceIdent {
    NamespaceIdent::new(EVENTS.namespace.to_owned())
}

fn known_namespace(asked: &NamespaceIdent) -> Result<()> {
    if *asked == namespace() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::NamespaceNotFound, format!("no namespace `{asked}`")))
}

fn known_table(asked: &TableIdent) -> Result<TableName> {
    if *asked == table_ident(&EVENTS) {
        return Ok(EVENTS);
    }
    Err(Error::new(ErrorKind::TableNotFound, format!("no table `{asked}`")))
}

fn unsupported<T>(what: &str) -> Result<T> {
    Err(Error::new(ErrorKind::FeatureUnsupported, format!("{what}: this catalog has one table, made by gatelog")))
}

#[async_trait]
impl Catalog for IcebergCatalog {
    async fn list_namespaces(&self, parent: Option<&NamespaceIdent>) -> Result<Vec<NamespaceIdent>> {
        match parent {
            Some(parent) => known_namespace(parent).map(|()| Vec::new()),
            None => Ok(vec![namespace()]),
        }
    }

    async fn create_namespace(&self, _: &NamespaceIdent, _: HashMap<String, String>) -> Result<Namespace> {
        unsupported("cannot create namespaces")
    }

    async fn get_namespace(&self, namespace: &NamespaceIdent) -> Result<Namespace> {
        known_namespace(namespace)?;
        Ok(Namespace::new(namespace.clone()))
    }

    async fn namespace_exists(&self, asked: &NamespaceIdent) -> Result<bool> {
        Ok(*asked == namespace())
    }

    async fn update_namespace(&self, _: &NamespaceIdent, _: HashMap<String, String>) -> Result<()> {
        unsupported("cannot update namespaces")
    }

    async fn drop_namespace(&self, _: &NamespaceIdent) -> Result<()> {
        unsupported("cannot drop namespaces")
    }

    async fn list_tables(&self, namespace: &NamespaceIdent) -> Result<Vec<TableIdent>> {
        known_namespace(namespace)?;
        let found = self.load_pointer(&EVENTS).await?.is_some();
        Ok(if found { vec![table_ident(&EVENTS)] } else { Vec::new() })
    }

    async fn create_table(&self, _: &NamespaceIdent, _: TableCreation) -> Result<Table> {
        unsupported("cannot create tables")
    }

    async fn load_table(&self, table: &TableIdent) -> Result<Table> {
        let missing = || Error::new(ErrorKind::TableNotFound, format!("no table `{table}`"));
        let pointer = self.load_pointer(&known_table(table)?).await?.ok_or_else(missing)?;
        let metadata = TableMetadata::read_from(&self.io, &pointer).await?;
        Table::builder()
            .file_io(self.io.clone())
            .metadata_location(pointer)
            .identifier(table.clone())
            .metadata(metadata)
            .runtime(Runtime::try_current()?)
            .build()
    }

    async fn drop_table(&self, _: &TableIdent) -> Result<()> {
        unsupported("cannot drop tables")
    }

    async fn purge_table(&self, _: &TableIdent) -> Result<()> {
        unsupported("cannot purge tables")
    }

    async fn table_exists(&self, table: &TableIdent) -> Result<bool> {
        match known_table(table) {
            Ok(name) => Ok(self.load_pointer(&name).await?.is_some()),
            Err(_) => Ok(false),
        }
    }

    async fn rename_table(&self, _: &TableIdent, _: &TableIdent) -> Result<()> {
        unsupported("cannot rename tables")
    }

    async fn register_table(&self, _: &TableIdent, _: String) -> Result<Table> {
        unsupported("cannot register tables")
    }

    async fn update_table(&self, commit: TableCommit) -> Result<Table> {
        let current = self.load_table(commit.identifier()).await?;
        let old = current.metadata_location_result()?.to_owned();
        let updated = commit.apply(current)?;
        let new = updated.metadata_location_result()?.to_owned();
        updated.metadata().write_to(&self.io, &MetadataLocation::from_str(&new)?).await?;
        *self.staged.lock().unwrap_or_else(PoisonError::into_inner) = Some(StagedPointer { old, new });
        Ok(updated)
    }
}
