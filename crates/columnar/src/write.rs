//! Events to Parquet files, one per UTC day.

use std::cmp::Ordering;

use arrow::{datatypes::SchemaRef, error::ArrowError};
use bytes::Bytes;
use gatelog_model::{Digest, Event, MoneyOutOfRange, TimestampMicros};
use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::{KeyValue, ParquetMetaData, SortingColumn},
        properties::{EnabledStatistics, WriterProperties},
    },
    schema::types::ColumnPath,
};
use sha2::{Digest as _, Sha256};

use crate::{
    encode::record_batch,
    schema::{COLUMNS, Privacy, SCHEMA_VERSION, SORT_COLUMNS, written_schema},
    stats::{ColumnStats, column_stats},
};

/// Most rows turned into Arrow arrays at a time: with [`SLICE_BYTES_MAX`] all that is held twice.
const SLICE_ROWS_MAX: usize = 1024;
/// Heap bytes of events after which a slice ends early, so that long conversations do not multiply memory.
const SLICE_BYTES_MAX: usize = 8 << 20;
/// Compressed bytes after which a row group ends before it has all its rows: a reader holds one at a time.
const ROW_GROUP_BYTES_MAX: usize = 128 << 20;
/// Values written between two looks at the page size: with 1024, the default, long bodies make pages of several MB. Files are
/// 0.6 % smaller than with 128; no difference in speed was seen between 128, 256 and 1024 (2026-11, busy machine).
const WRITE_BATCH_ROWS: usize = 256;
/// Longest statistics value in a footer, bytes; the default of the format's Rust writer.
const STATISTICS_BYTES_MAX: usize = 64;

/// What every row of a commit carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The commit's number.
    pub commit_seq: i64,
    /// When the commit was made.
    pub ingest_time: TimestampMicros,
}

/// How files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteOptions {
    /// zstd level, 1 to 22. Of the synthetic corpus (2026-11, busy machine), level 1 makes 1/7.2 of the raw size; level 2
    /// makes 8 % less for about 15 % more CPU, level 3 13 % less for about 35 % more.
    pub zstd_level: i32,
    /// Most rows of a row group: what a reader can skip at a time.
    pub row_group_rows: usize,
    /// Uncompressed size at which a data page ends, bytes. 4 MiB make files 2 % smaller at level 1 and 3 % at level 2.
    pub page_bytes: usize,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { zstd_level: 2, row_group_rows: 32 * 1024, page_bytes: 4 << 20 }
    }
}

/// One finished file: all events of a batch on one UTC day.
#[derive(Debug, Clone)]
pub struct DayFile {
    /// Days since 1970: the partition value.
    pub day: i32,
    /// The Parquet file.
    pub bytes: Bytes,
    /// Rows in it.
    pub rows: u64,
    /// SHA-256 of `bytes`.
    pub sha256: Digest,
    /// Where each row group starts.
    pub split_offsets: Vec<i64>,
    /// What the table's manifest may say of its columns.
    pub columns: Vec<ColumnStats>,
}

/// Events that cannot be written. All are refused, since a file with a row less would break the ledger's balance.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// An amount beyond the money columns.
    #[error("cannot write an amount of money")]
    Money(#[from] MoneyOutOfRange),
    /// A count beyond the 64-bit columns.
    #[error("count {count} is above the column's range")]
    Count {
        /// The refused count.
        count: u64,
    },
    /// More text in one slice than an Arrow array holds.
    #[error("{bytes} bytes of text are too many for one slice of a column")]
    TooLarge {
        /// How many.
        bytes: usize,
    },
    /// The arrays do not fit the schema: a bug.
    #[error("cannot build record batch")]
    Arrow(#[from] ArrowError),
    /// The Parquet writer failed: a bad option, or a bug.
    #[error("cannot write Parquet")]
    Parquet(#[from] ParquetError),
}

/// Writes events as one file per UTC day, in day order, rows sorted by [`SORT_COLUMNS`].
///
/// Shape: `files.iter().map(|file| file.rows).sum() == events.len()`; no file for no events. Events of equal sort keys
/// keep their order, so the same events in the same order give the same bytes. Memory: beside the events and the files,
/// one slice of about 8 MiB; events are dropped as they are written, a text that bodies share with the last of them.
///
/// # Errors
///
/// [`WriteError`], and then nothing of the batch may be committed.
pub fn write_day_files(events: Vec<Event>, stamp: Stamp, options: WriteOptions) -> Result<Vec<DayFile>, WriteError> {
    let schema = written_schema();
    let mut order: Vec<usize> = (0..events.len()).collect();
    order.sort_by(|&a, &b| compare(&events[a], &events[b]));
    // Sorting positions and taking events out one by one moves each of these large structs once.
    let mut events: Vec<Option<Event>> = events.into_iter().map(Some).collect();
    let mut sorted = order.into_iter().filter_map(|index| events[index].take()).peekable();

    let mut files = Vec::new();
    while let Some(day) = sorted.peek().map(|event| event.event_time.day()) {
        let mut of_day = std::iter::from_fn(|| sorted.next_if(|event| event.event_time.day() == day));
        files.push(write_file(&schema, day, &mut of_day, stamp, options)?);
    }
    Ok(files)
}

fn compare(a: &Event, b: &Event) -> Ordering {
    let day = a.event_time.day().cmp(&b.event_time.day());
    day.then_with(|| a.tenant_id.cmp(&b.tenant_id)).then_with(|| a.event_time.cmp(&b.event_time))
}

fn write_file(
    schema: &SchemaRef,
    day: i32,
    events: &mut impl Iterator<Item = Event>,
    stamp: Stamp,
    options: WriteOptions,
) -> Result<DayFile, WriteError> {
    // Arrow's schema is left out of the footer: it repeats what Parquet's own says and is larger than a small file's data.
    let writer_options =
        ArrowWriterOptions::new().with_properties(properties(stamp, options)?).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), SchemaRef::clone(schema), writer_options)?;
    let mut rows = 0;
    loop {
        let slice = next_slice(events);
        if slice.is_empty() {
            break;
        }
        rows += slice.len() as u64;
        let batch = record_batch(schema, slice, stamp)?;
        writer.write(&batch)?;
        if writer.in_progress_size() > ROW_GROUP_BYTES_MAX {
            writer.flush()?;
        }
    }
    let footer = writer.finish()?;
    let bytes = Bytes::from(std::mem::take(writer.inner_mut()));
    Ok(DayFile {
        day,
        rows,
        sha256: Digest(Sha256::digest(&bytes).into()),
        split_offsets: split_offsets(&footer),
        columns: column_stats(&footer),
        bytes,
    })
}

fn next_slice(events: &mut impl Iterator<Item = Event>) -> Vec<Event> {
    let mut slice = Vec::with_capacity(SLICE_ROWS_MAX);
    let mut bytes = 0;
    while slice.len() < SLICE_ROWS_MAX && bytes < SLICE_BYTES_MAX {
        let Some(event) = events.next() else { break };
        bytes += event.heap_bytes() + event.body_bytes();
        slice.push(event);
    }
    slice
}

fn split_offsets(footer: &ParquetMetaData) -> Vec<i64> {
    let starts = footer.row_groups().iter().map(|group| group.column(0).byte_range().0);
    starts.filter_map(|start| i64::try_from(start).ok()).collect()
}

fn properties(stamp: Stamp, options: WriteOptions) -> Result<WriterProperties, ParquetError> {
    let note = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(options.zstd_level)?))
        .set_data_page_size_limit(options.page_bytes)
        .set_write_batch_size(WRITE_BATCH_ROWS)
        .set_max_row_group_row_count(Some(options.row_group_rows))
        .set_statistics_truncate_length(Some(STATISTICS_BYTES_MAX))
        .set_column_index_truncate_length(Some(STATISTICS_BYTES_MAX))
        .set_bloom_filter_enabled(false)
        .set_sorting_columns(Some(sorting_columns()))
        .set_created_by(concat!("gatelog ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(vec![
            note("gatelog.schema-version", SCHEMA_VERSION.to_string()),
            note("gatelog.commit-seq", stamp.commit_seq.to_string()),
        ]));
    for column in COLUMNS {
        let paths = leaf_paths(column.name);
        if !column.has_statistics() {
            for path in paths.iter().cloned() {
                builder = builder.set_column_statistics_enabled(path, EnabledStatistics::None);
            }
        }
        if column.privacy == Privacy::Content || UNIQUE_COLUMNS.contains(&column.name) {
            builder = builder.set_column_dictionary_enabled(ColumnPath::from(column.name), false);
        }
    }
    Ok(builder.build())
}

/// Columns whose values hardly ever repeat: a dictionary would be built and thrown away.
const UNIQUE_COLUMNS: [&str; 2] = ["event_id", "line_digest"];

/// The leaves under which Parquet keeps a column.
fn leaf_paths(name: &str) -> Vec<ColumnPath> {
    let leaf = |path: &[&str]| ColumnPath::new(path.iter().map(|part| (*part).to_owned()).collect());
    if name == "metadata" {
        vec![leaf(&[name, "key_value", "key"]), leaf(&[name, "key_value", "value"])]
    } else {
        vec![leaf(&[name])]
    }
}

/// Leaves are numbered depth first, so a column after the map is one further along than its position.
fn sorting_columns() -> Vec<SortingColumn> {
    let leaves_before = |name: &str| -> usize {
        COLUMNS.iter().take_while(|column| column.name != name).map(|column| leaf_paths(column.name).len()).sum()
    };
    SORT_COLUMNS
        .iter()
        .filter_map(|name| i32::try_from(leaves_before(name)).ok())
        .map(|column_idx| SortingColumn { column_idx, descending: false, nulls_first: true })
        .collect()
}
