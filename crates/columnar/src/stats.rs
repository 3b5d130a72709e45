//! What a finished file says about its columns, for the table's manifests.

use parquet::file::{
    metadata::{ColumnChunkMetaData, ParquetMetaData},
    statistics::Statistics,
};

use crate::{
    bounds::{Bound, text_above, text_below},
    schema::{COLUMNS, Column, ColumnKind},
};

/// What is known of one column of a file. There is none for columns without statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnStats {
    /// Iceberg field id.
    pub field_id: i32,
    /// Compressed size, bytes.
    pub size_bytes: u64,
    /// Values, nulls included.
    pub values: u64,
    /// Nulls.
    pub nulls: u64,
    /// No value is below this; `None` if all are null or none could be kept.
    pub lower: Option<Bound>,
    /// No value is above this.
    pub upper: Option<Bound>,
}

/// Collects the statistics of every column that may have them, in column order.
pub(crate) fn column_stats(footer: &ParquetMetaData) -> Vec<ColumnStats> {
    let leaves = footer.file_metadata().schema_descr();
    (0..leaves.num_columns())
        .filter_map(|leaf| {
            let path = leaves.column(leaf).path().parts().to_vec();
            let [name] = path.as_slice() else { return None };
            let (index, column) = COLUMNS.iter().enumerate().find(|(_, column)| column.name == name)?;
            let field_id = i32::try_from(index + 1).ok()?;
            column.has_statistics().then(|| fold_row_groups(footer, leaf, field_id, column))
        })
        .collect()
}

fn fold_row_groups(footer: &ParquetMetaData, leaf: usize, field_id: i32, column: &Column) -> ColumnStats {
    let mut whole = ColumnStats { field_id, size_bytes: 0, values: 0, nulls: 0, lower: None, upper: None };
    let (mut lower_known, mut upper_known) = (true, true);
    for group in footer.row_groups() {
        let part = chunk_stats(group.column(leaf), field_id, column);
        whole.size_bytes += part.size_bytes;
        whole.values += part.values;
        whole.nulls += part.nulls;
        if part.nulls < part.values {
            lower_known &= part.lower.is_some();
            upper_known &= part.upper.is_some();
        }
        whole.lower = pick(whole.lower, part.lower, |a, b| a.compare(b).is_le());
        whole.upper = pick(whole.upper, part.upper, |a, b| a.compare(b).is_ge());
    }
    whole.lower = whole.lower.filter(|_| lower_known);
    whole.upper = whole.upper.filter(|_| upper_known);
    whole
}

fn pick(a: Option<Bound>, b: Option<Bound>, first: impl Fn(&Bound, &Bound) -> bool) -> Option<Bound> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if first(&a, &b) { a } else { b }),
        (a, b) => a.or(b),
    }
}

fn chunk_stats(chunk: &ColumnChunkMetaData, field_id: i32, column: &Column) -> ColumnStats {
    let (lower, upper) = chunk.statistics().map_or((None, None), |statistics| bounds(statistics, column.kind));
    ColumnStats {
        field_id,
        size_bytes: u64::try_from(chunk.compressed_size()).unwrap_or(0),
        values: u64::try_from(chunk.num_values()).unwrap_or(0),
        nulls: chunk.statistics().and_then(Statistics::null_count_opt).unwrap_or(0),
        lower,
        upper,
    }
}

fn bounds(statistics: &Statistics, kind: ColumnKind) -> (Option<Bound>, Option<Bound>) {
    match statistics {
        Statistics::Boolean(v) => (v.min_opt().copied().map(Bound::Bool), v.max_opt().copied().map(Bound::Bool)),
        Statistics::Int32(v) => (v.min_opt().copied().map(Bound::Int), v.max_opt().copied().map(Bound::Int)),
        Statistics::Int64(v) => {
            let bound = |value: i64| match kind {
                ColumnKind::Timestamp => Some(Bound::Timestamp(value)),
                ColumnKind::Money => Some(Bound::Money(value)),
                ColumnKind::Long => Some(Bound::Long(value)),
                ColumnKind::Text | ColumnKind::Int | ColumnKind::Bool | ColumnKind::TextMap => None,
            };
            (v.min_opt().copied().and_then(bound), v.max_opt().copied().and_then(bound))
        }
        Statistics::ByteArray(_) => {
            let text = |bytes: Option<&[u8]>| bytes.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
            let lower = text(statistics.min_bytes_opt()).map(|min| Bound::Text(text_below(&min)));
            let upper = text(statistics.max_bytes_opt()).and_then(|max| text_above(&max)).map(Bound::Text);
            (lower, upper)
        }
        // No column of ours has any other physical type.
        Statistics::Int96(_) | Statistics::Float(_) | Statistics::Double(_) | Statistics::FixedLenByteArray(_) => {
            (None, None)
        }
    }
}
