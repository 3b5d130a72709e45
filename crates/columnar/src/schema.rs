//! The columns of `gatelog.events`, once: the Parquet files and the Iceberg table are both derived from here.

use std::{collections::HashMap, sync::Arc};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;

/// Version of the column list, written into every file; goes up whenever a column is added.
pub const SCHEMA_VERSION: u32 = 1;

/// What the rows of a file are sorted by, ascending, nulls first.
///
/// With `user_id` between the two, files were 1 % smaller (200 MB of the synthetic corpus in batches of 128 MB, zstd 1,
/// 2026-11): not worth leaving the contract.
pub const SORT_COLUMNS: [&str; 2] = ["tenant_id", "event_time"];

/// Digits of the money columns, and how many of them are decimals.
pub(crate) const MONEY_PRECISION: u8 = 18;
pub(crate) const MONEY_SCALE: i8 = 12;
/// The zone as Iceberg spells it; with "UTC" its schemas would not compare equal.
pub(crate) const UTC: &str = "+00:00";

/// Field id of a metadata entry's key; Iceberg numbers nested fields after all top-level ones.
const METADATA_KEY_ID: usize = COLUMNS.len() + 1;
/// Field id of a metadata entry's value.
const METADATA_VALUE_ID: usize = COLUMNS.len() + 2;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// UTF-8 text.
    Text,
    /// Microseconds since 1970, UTC.
    Timestamp,
    /// 32-bit integer.
    Int,
    /// 64-bit integer.
    Long,
    /// True or false.
    Bool,
    /// decimal(18,12): dollars, stored as pico-dollars.
    Money,
    /// Text to text.
    TextMap,
}

/// What may be repeated outside the data pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// Statistics and dictionaries are fine.
    Key,
    /// Written by callers, of any size: no statistics.
    Opaque,
    /// Prompt or completion: no statistics and no dictionary.
    Content,
}

/// One column of the table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Whether it can be null.
    pub nullable: bool,
    /// What may be repeated outside the data pages.
    pub privacy: Privacy,
    /// What it means, for readers of the table.
    pub doc: &'static str,
}

impl Column {
    const fn required(name: &'static str, kind: ColumnKind, doc: &'static str) -> Self {
        Self { name, kind, nullable: false, privacy: Privacy::Key, doc }
    }

    const fn optional(name: &'static str, kind: ColumnKind, doc: &'static str) -> Self {
        Self { name, kind, nullable: true, privacy: Privacy::Key, doc }
    }

    const fn private(self, privacy: Privacy) -> Self {
        Self { privacy, ..self }
    }

    /// Whether statistics of it may be kept.
    pub fn has_statistics(&self) -> bool {
        self.privacy == Privacy::Key
    }
}

use ColumnKind::{Bool, Int, Long, Money, Text, TextMap, Timestamp};

/// Every column, in the order of the contract. A column's field id is its position, counted from one; new columns go to
/// the end and never take the id of another.
pub const COLUMNS: &[Column] = &[
    Column::required("event_id", Text, "log id of the record, else 32 hex of SHA-256(raw line)"),
    Column::required("event_time", Timestamp, "when it happened"),
    Column::required("event_time_source", Text, "record, response or object_window"),
    Column::required("ingest_time", Timestamp, "when it became visible"),
    Column::required("commit_seq", Long, "commit in which it became visible"),
    Column::required("account_id", Text, "account of the gateway; empty if not configured"),
    Column::required("gateway_id", Text, "gateway as sent"),
    Column::required("provider", Text, "provider slug as sent"),
    Column::required("endpoint", Text, "provider path as sent"),
    Column::required("operation", Text, "chat, embeddings, responses, completions or other"),
    Column::optional("azure_resource", Text, "Azure resource, from the endpoint"),
    Column::optional("deployment", Text, "Azure deployment, from the endpoint"),
    Column::optional("deployment_type", Text, "regional, data_zone, global or ptu"),
    Column::optional("region", Text, "where it ran"),
    Column::optional("model_requested", Text, "model asked for"),
    Column::optional("model", Text, "model that answered: the priced one"),
    Column::optional("status_code", Int, "HTTP status"),
    Column::required("outcome", Text, "ok, error, rate_limited, blocked, truncated or cancelled"),
    Column::required("cached", Bool, "served from the gateway's cache"),
    Column::required("rate_limited", Bool, "refused by a limit of the gateway"),
    Column::required("streamed", Bool, "streamed answer"),
    Column::optional("attempt", Int, "which try, from 1"),
    Column::optional("step", Int, "which fallback target, from 0"),
    Column::optional("duration_ms", Int, "whole duration, ms"),
    Column::optional("ttft_ms", Int, "time to first token, ms"),
    Column::optional("tenant_id", Text, "tenant, from the metadata"),
    Column::optional("user_id", Text, "user, from the metadata"),
    Column::optional("prompt_version", Text, "prompt version, from the metadata"),
    Column::required("metadata", TextMap, "all metadata entries as sent").private(Privacy::Opaque),
    Column::optional("input_tokens", Long, "all input tokens"),
    Column::optional("cached_input_tokens", Long, "part of input_tokens read from the provider's prompt cache"),
    Column::optional("cache_write_tokens", Long, "part of input_tokens written to the provider's prompt cache"),
    Column::optional("output_tokens", Long, "all output tokens"),
    Column::optional("reasoning_tokens", Long, "part of output_tokens spent on reasoning"),
    Column::required("token_source", Text, "reported, estimated or none"),
    Column::optional("cost_usd", Money, "exact cost; null when unpriced"),
    Column::optional("saved_usd", Money, "what a cache hit avoided"),
    Column::required("cost_source", Text, "rated, custom, cached, unpriced or none"),
    Column::optional("rate_id", Text, "dated rate rows used"),
    Column::optional("finish_reason", Text, "why the model stopped"),
    Column::required("content_filtered", Bool, "whether a content filter cut in"),
    Column::optional("request_body", Text, "content: the request as sent").private(Privacy::Content),
    Column::optional("response_body", Text, "content: the answer as the record has it").private(Privacy::Content),
    Column::required("body_state", Text, "open, omitted or truncated"),
    Column::required("source_bucket", Text, "bucket of the source object"),
    Column::required("source_key", Text, "key of the source object"),
    Column::required("source_etag", Text, "etag of the source object"),
    Column::required("source_line", Long, "line in the source object, from 1"),
    Column::required("line_digest", Text, "SHA-256 of the raw line, hex"),
    Column::optional("extra", Text, "unknown fields of the line, a JSON object").private(Privacy::Opaque),
];

/// The field id of a column; `None` for a name that is not of the table.
pub fn field_id(name: &str) -> Option<i32> {
    let index = COLUMNS.iter().position(|column| column.name == name)?;
    i32::try_from(index + 1).ok()
}

/// The table as an Arrow schema, with Iceberg field ids and a `doc` in each field's metadata.
///
/// Iceberg's own conversion turns it into the table's schema, so that files and table cannot drift apart.
pub fn schema() -> SchemaRef {
    schema_of(|column| data_type(column.kind))
}

/// The same columns as arrays are made of them for writing: content is lent instead of copied. In Parquet both are text.
pub(crate) fn written_schema() -> SchemaRef {
    schema_of(|column| match column.privacy {
        Privacy::Content => DataType::Utf8View,
        Privacy::Key | Privacy::Opaque => data_type(column.kind),
    })
}

fn schema_of(data_type: impl Fn(&Column) -> DataType) -> SchemaRef {
    let fields = COLUMNS.iter().enumerate().map(|(index, column)| {
        let field = with_id(Field::new(column.name, data_type(column), column.nullable), index + 1);
        let mut notes = field.metadata().clone();
        notes.insert("doc".to_owned(), column.doc.to_owned());
        field.with_metadata(notes)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The fields of one metadata entry.
pub(crate) fn entry_fields() -> Fields {
    Fields::from(vec![
        with_id(Field::new("key", DataType::Utf8, false), METADATA_KEY_ID),
        with_id(Field::new("value", DataType::Utf8, false), METADATA_VALUE_ID),
    ])
}

/// The repeated group of a map column, named as the Parquet format has it.
pub(crate) fn entries_field() -> Field {
    Field::new("key_value", DataType::Struct(entry_fields()), false)
}

fn data_type(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Text => DataType::Utf8,
        ColumnKind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        ColumnKind::Int => DataType::Int32,
        ColumnKind::Long => DataType::Int64,
        ColumnKind::Bool => DataType::Boolean,
        ColumnKind::Money => DataType::Decimal128(MONEY_PRECISION, MONEY_SCALE),
        ColumnKind::TextMap => DataType::Map(Arc::new(entries_field()), false),
    }
}

fn with_id(field: Field, id: usize) -> Field {
    field.with_metadata(HashMap::from([(PARQUET_FIELD_ID_META_KEY.to_owned(), id.to_string())]))
}
