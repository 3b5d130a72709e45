//! Where a line came from.

use crate::TimestampMicros;

/// The ledger's number of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub i64);

/// A source file at one etag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceObject {
    /// The bucket it lies in.
    pub bucket: String,
    /// Its whole key.
    pub key: String,
    /// The store's opaque version tag, quotes removed.
    pub etag: String,
    /// Size as listed, bytes.
    pub size_bytes: u64,
    /// Start of the time window in its key.
    pub window_start: TimestampMicros,
    /// End of the time window in its key; may equal the start.
    pub window_end: TimestampMicros,
}
