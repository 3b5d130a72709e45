//! How the table `gatelog.events` is laid out.

use std::{collections::HashMap, sync::Arc};

use gatelog_columnar::{COLUMNS, SORT_COLUMNS, field_id, schema};
use iceberg::{
    Error, ErrorKind, NamespaceIdent, Result, TableCreation, TableIdent,
    arrow::arrow_schema_to_schema,
    spec::{
        FormatVersion, NullOrder, Schema, SortDirection, SortField, SortOrder, TableMetadata, Transform,
        UnboundPartitionSpec,
    },
};

use crate::ports::TableName;

/// The table every event is in.
pub const EVENTS: TableName = TableName { catalog: "gatelog", namespace: "gatelog", table: "events" };

/// The name of the partition field, day of `event_time`.
pub const PARTITION_FIELD: &str = "event_day";

/// Metadata files that the table remembers. Readers follow the pointer only; the log is for people.
const METADATA_VERSIONS_MAX: usize = 20;

/// The Iceberg schema, derived from the Parquet columns.
pub(crate) fn table_schema() -> Result<Schema> {
    arrow_schema_to_schema(&schema())
}

/// Iceberg's name of a table.
pub(crate) fn table_ident(table: &TableName) -> TableIdent {
    TableIdent::new(NamespaceIdent::new(table.namespace.to_owned()), table.table.to_owned())
}

/// What `gatelog.events` is created as.
pub(crate) fn creation(location: &str) -> Result<TableCreation> {
    let schema = table_schema()?;
    let partition_spec = UnboundPartitionSpec::builder()
        .add_partition_field(column_id("event_time")?, PARTITION_FIELD, Transform::Day)?
        .build();
    let sort_order = sort_order(&schema)?;
    Ok(TableCreation::builder()
        .name(EVENTS.table.to_owned())
        .location(location.to_owned())
        .schema(schema)
        .partition_spec(partition_spec)
        .sort_order(sort_order)
        .properties(properties())
        .format_version(FormatVersion::V2)
        .build())
}

fn column_id(name: &str) -> Result<i32> {
    field_id(name).ok_or_else(|| Error::new(ErrorKind::DataInvalid, format!("no column `{name}`")))
}

fn sort_order(schema: &Schema) -> Result<SortOrder> {
    let mut builder = SortOrder::builder();
    for name in SORT_COLUMNS {
        builder.with_sort_field(SortField {
            source_id: column_id(name)?,
            transform: Transform::Identity,
            direction: SortDirection::Ascending,
            null_order: NullOrder::First,
        });
    }
    builder.build(schema)
}

fn properties() -> HashMap<String, String> {
    let fixed = [
        ("write.format.default", "parquet"),
        ("write.parquet.compression-codec", "zstd"),
        ("write.parquet.compression-level", "1"),
        ("write.metadata.metrics.default", "truncate(16)"),
        // Other engines must not delete: an audit trail shrinks only by our own jobs.
        ("gc.enabled", "false"),
    ];
    let mut properties: HashMap<String, String> =
        fixed.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    properties.insert("write.metadata.previous-versions-max".to_owned(), METADATA_VERSIONS_MAX.to_string());
    // Should another engine write here, it keeps prompts out of its manifests too.
    for column in COLUMNS.iter().filter(|column| !column.has_statistics()) {
        properties.insert(format!("write.metadata.metrics.column.{}", column.name), "none".to_owned());
    }
    properties
}

/// Says how a table differs from what this version writes; empty if it does not.
///
/// Columns that only the table has are fine: old files have nulls there, and so will ours.
pub(crate) fn differences(metadata: &TableMetadata) -> Result<Vec<String>> {
    let mut found = Vec::new();
    if metadata.format_version() != FormatVersion::V2 {
        found.push(format!("format version is {} instead of 2", metadata.format_version()));
    }
    let fields = metadata.default_partition_spec().fields();
    let by_day = matches!(fields, [field] if field.transform == Transform::Day && field.name == PARTITION_FIELD);
    if !by_day {
        found.push(format!("partition is not day(event_time) as `{PARTITION_FIELD}`"));
    }
    let current = metadata.current_schema();
    for field in table_schema()?.as_struct().fields() {
        match current.field_by_id(field.id) {
            None => found.push(format!("column `{}` with field id {} is missing", field.name, field.id)),
            Some(theirs) if theirs.name != field.name || theirs.field_type != field.field_type => {
                found.push(format!("column `{}` with field id {} is another column there", field.name, field.id));
            }
            Some(_) => {}
        }
    }
    Ok(found)
}

/// A schema without docs, for manifests: each repeats it, and the docs are half of it.
pub(crate) fn bare_schema(metadata: &TableMetadata) -> Result<Arc<Schema>> {
    let current = metadata.current_schema();
    let fields = current.as_struct().fields().iter().map(|field| {
        let mut field = field.as_ref().clone();
        field.doc = None;
        Arc::new(field)
    });
    Ok(Arc::new(Schema::builder().with_schema_id(current.schema_id()).with_fields(fields).build()?))
}
