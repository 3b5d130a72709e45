//! What can go wrong with the table.

use crate::ports::{ObjectIoError, PointerError};

/// A lake operation that did not work. Nothing it wrote is visible.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// Metadata could not be read, written or understood.
    #[error("iceberg metadata")]
    Iceberg(#[from] Box<iceberg::Error>),
    /// The bucket failed outside Iceberg's own reads and writes.
    #[error(transparent)]
    Objects(#[from] ObjectIoError),
    /// The database with the pointer failed.
    #[error(transparent)]
    Pointer(#[from] PointerError),
    /// There is no such table.
    #[error("there is no table `{table}`")]
    NoTable {
        /// Its name.
        table: String,
    },
    /// The table is not laid out as this version writes it.
    #[error("table `{table}` cannot be written: {reason}")]
    Layout {
        /// Its name.
        table: String,
        /// What is different.
        reason: String,
    },
    /// An append without files: there is nothing to make visible.
    #[error("append has no files")]
    NothingToAdd,
    /// Orphans younger than the smallest grace may belong to a commit that is under way.
    #[error("grace of {grace_seconds} s is below the smallest of {min_seconds} s")]
    GraceTooShort {
        /// The refused grace.
        grace_seconds: i64,
        /// The smallest one.
        min_seconds: i64,
    },
}

impl From<iceberg::Error> for LakeError {
    fn from(error: iceberg::Error) -> Self {
        Self::Iceberg(Box::new(error))
    }
}

impl LakeError {
    /// Whether trying again later can help.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Iceberg(error) => error.retryable(),
            Self::Objects(error) => error.retryable(),
            Self::Pointer(_) => true,
            Self::NoTable { .. } | Self::Layout { .. } | Self::NothingToAdd | Self::GraceTooShort { .. } => false,
        }
    }
}
