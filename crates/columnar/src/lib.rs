//! The lake's columns: the Arrow schema of `gatelog.events`, events to Parquet files and back.
//!
//! This crate and `lake` are the only users of arrow and parquet. It does no I/O: files are bytes in memory, one per
//! UTC day of the events, ready to be put under a name that the lake chooses.
//!
//! Prompts and answers appear in the data pages of a file and nowhere else: content columns have no statistics, no
//! dictionary and no bloom filter, so that neither a Parquet footer nor an Iceberg manifest repeats them in clear.

mod bounds;
mod encode;
mod read;
mod schema;
mod stats;
mod write;

pub use bounds::{BOUND_CHARS_MAX, Bound};
pub use read::{EventRow, ReadError, read_events};
pub use schema::{COLUMNS, Column, ColumnKind, Privacy, SCHEMA_VERSION, SORT_COLUMNS, field_id, schema};
pub use stats::ColumnStats;
pub use write::{DayFile, Stamp, WriteError, WriteOptions, write_day_files};
