//! A Parquet file on its way into the table.

use std::collections::HashMap;

use gatelog_columnar::{Bound, ColumnStats, DayFile};
use iceberg::{
    Result,
    spec::{
        DataContentType, DataFile, DataFileBuilder, DataFileFormat, Datum, Literal, PrimitiveType, Struct,
        TableMetadata,
    },
};

/// A file that is in the bucket already and becomes part of the table with the next append.
#[derive(Debug, Clone)]
pub struct DataFileToAdd {
    /// Its location, `s3://bucket/key`.
    pub path: String,
    /// Days since 1970: its partition.
    pub day: i32,
    /// Rows in it.
    pub rows: u64,
    /// Its size, bytes.
    pub size_bytes: u64,
    /// Where each row group starts.
    pub split_offsets: Vec<i64>,
    /// What the manifest says of its columns.
    pub columns: Vec<ColumnStats>,
}

impl DataFileToAdd {
    /// Describes a file that was put at `path`.
    pub fn new(path: String, file: &DayFile) -> Self {
        Self {
            path,
            day: file.day,
            rows: file.rows,
            size_bytes: file.bytes.len() as u64,
            split_offsets: file.split_offsets.clone(),
            columns: file.columns.clone(),
        }
    }

    /// Iceberg's form of it.
    pub(crate) fn to_iceberg(&self, metadata: &TableMetadata) -> Result<DataFile> {
        let counts = |count: fn(&ColumnStats) -> u64| -> HashMap<i32, u64> {
            self.columns.iter().map(|column| (column.field_id, count(column))).collect()
        };
        let bounds = |bound: fn(&ColumnStats) -> Option<&Bound>| -> Result<HashMap<i32, Datum>> {
            let known = self.columns.iter().filter_map(|column| Some((column.field_id, bound(column)?)));
            known.map(|(id, bound)| Ok((id, datum(bound)?))).collect()
        };
        let mut builder = DataFileBuilder::default();
        builder
            .content(DataContentType::Data)
            .file_path(self.path.clone())
            .file_format(DataFileFormat::Parquet)
            .partition(Struct::from_iter([Some(Literal::date(self.day))]))
            .partition_spec_id(metadata.default_partition_spec_id())
            .record_count(self.rows)
            .file_size_in_bytes(self.size_bytes)
            .column_sizes(counts(|column| column.size_bytes))
            .value_counts(counts(|column| column.values))
            .null_value_counts(counts(|column| column.nulls))
            .lower_bounds(bounds(|column| column.lower.as_ref())?)
            .upper_bounds(bounds(|column| column.upper.as_ref())?)
            .split_offsets(Some(self.split_offsets.clone()));
        if let Ok(order) = i32::try_from(metadata.default_sort_order_id()) {
            builder.sort_order_id(order);
        }
        builder.build().map_err(|error| iceberg::Error::new(iceberg::ErrorKind::Unexpected, error.to_string()))
    }
}

/// Precision and scale of the money columns, as Iceberg counts them.
const MONEY: PrimitiveType = PrimitiveType::Decimal { precision: 18, scale: 12 };

fn datum(bound: &Bound) -> Result<Datum> {
    Ok(match bound {
        Bound::Bool(value) => Datum::bool(*value),
        Bound::Int(value) => Datum::int(*value),
        Bound::Long(value) => Datum::long(*value),
        Bound::Timestamp(micros) => Datum::timestamptz_micros(*micros),
        // Iceberg stores decimals big endian.
        Bound::Money(pico_usd) => Datum::try_from_bytes(&pico_usd.to_be_bytes(), MONEY)?,
        Bound::Text(text) => Datum::string(text),
    })
}
