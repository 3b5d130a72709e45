//! The lake: the Iceberg table `gatelog.events` in a bucket.
//!
//! An append is *staged* here, as metadata files that nothing refers to, and becomes visible when the commit's Postgres
//! transaction swaps the table's pointer together with ledger and rollup. This crate never moves the pointer.
//!
//! The bucket and the pointer table are traits ([`ObjectIo`], [`PointerStore`]) that the caller plugs in.

mod append;
mod catalog;
mod data_file;
mod error;
mod lake;
pub mod memory;
mod merge;
mod orphans;
mod ports;
mod references;
mod storage;
mod summary;
mod table;

pub use append::{CommitInfo, SNAPSHOTS_RETAINED, StagedAppend};
pub use catalog::{IcebergCatalog, StagedPointer};
pub use data_file::DataFileToAdd;
pub use error::LakeError;
pub use lake::{Lake, Warehouse};
pub use orphans::{GRACE_SECONDS_DEFAULT, GRACE_SECONDS_MIN, OrphanAction, OrphanReport};
pub use ports::{BoxError, ListPage, ListedObject, ObjectIo, ObjectIoError, PointerError, PointerStore, TableName};
pub use references::TableFacts;
pub use storage::{Meter, S3Storage, S3StorageFactory};
pub use summary::COMMIT_SEQ_PROPERTY;
pub use table::{EVENTS, PARTITION_FIELD};
