//! Parquet files back to events, whatever schema version wrote them.

use std::{collections::BTreeMap, str::FromStr, sync::Arc};

use arrow::{
    array::{
        Array, AsArray, BooleanArray, Decimal128Array, Int32Array, Int64Array, MapArray, StringArray,
        TimestampMicrosecondArray,
    },
    datatypes::{Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType},
    error::ArrowError,
    record_batch::RecordBatch,
};
use bytes::Bytes;
use bytestring::ByteString;
use gatelog_model::{Digest, Event, PicoUsd, SourceObject, TimestampMicros, Tokens};
use parquet::{arrow::arrow_reader::ParquetRecordBatchReaderBuilder, errors::ParquetError};

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// The event. Of its source object only what the table has: size and time window are zero and 1970.
    pub event: Event,
    /// When it became visible.
    pub ingest_time: TimestampMicros,
    /// In which commit.
    pub commit_seq: i64,
}

/// A file that is not one of ours, or damaged.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not Parquet, or cut short.
    #[error("cannot read Parquet")]
    Parquet(#[from] ParquetError),
    /// A page that does not decode.
    #[error("cannot read record batch")]
    Arrow(#[from] ArrowError),
    /// A column that every version has is missing or of another type.
    #[error("column `{column}` is missing or of another type")]
    Column {
        /// Its name.
        column: &'static str,
    },
    /// A value that no writer of ours wrote.
    #[error("column `{column}` has an impossible value in row {row}")]
    Value {
        /// Its name.
        column: &'static str,
        /// Row of the batch, from 0.
        row: usize,
    },
}

/// Reads all rows of a file, in file order. Meant for tests and checks: all rows are in memory at once.
///
/// # Errors
///
/// [`ReadError`] when the file is not one that [`crate::write_day_files`] of this or an earlier version wrote.
pub fn read_events(file: Bytes) -> Result<Vec<EventRow>, ReadError> {
    let mut rows = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file)?.build()? {
        let columns = Columns { batch: &batch? };
        for row in 0..columns.batch.num_rows() {
            rows.push(columns.event_row(row)?);
        }
    }
    Ok(rows)
}

struct Columns<'a> {
    batch: &'a RecordBatch,
}

impl Columns<'_> {
    fn event_row(&self, row: usize) -> Result<EventRow, ReadError> {
        Ok(EventRow {
            event: self.event(row)?,
            ingest_time: self.timestamp("ingest_time", row)?,
            commit_seq: required("commit_seq", row, self.long("commit_seq", row)?)?,
        })
    }

    fn event(&self, row: usize) -> Result<Event, ReadError> {
        Ok(Event {
            event_id: self.required_text("event_id", row)?,
            event_time: self.timestamp("event_time", row)?,
            event_time_source: self.label("event_time_source", row)?,
            account_id: self.required_text("account_id", row)?,
            gateway_id: self.required_text("gateway_id", row)?,
            provider: self.required_text("provider", row)?,
            endpoint: self.required_text("endpoint", row)?,
            operation: self.label("operation", row)?,
            azure_resource: self.text("azure_resource", row)?,
            deployment: self.text("deployment", row)?,
            deployment_type: self.optional_label("deployment_type", row)?,
            region: self.text("region", row)?,
            model_requested: self.text("model_requested", row)?,
            model: self.text("model", row)?,
            status_code: self.int("status_code", row)?,
            outcome: self.label("outcome", row)?,
            cached: self.flag("cached", row)?,
            rate_limited: self.flag("rate_limited", row)?,
            streamed: self.flag("streamed", row)?,
            attempt: self.int("attempt", row)?,
            step: self.int("step", row)?,
            duration_ms: self.int("duration_ms", row)?,
            ttft_ms: self.int("ttft_ms", row)?,
            tenant_id: self.text("tenant_id", row)?,
            user_id: self.text("user_id", row)?,
            prompt_version: self.text("prompt_version", row)?,
            metadata: self.metadata("metadata", row)?,
            tokens: self.tokens(row)?,
            token_source: self.label("token_source", row)?,
            cost: self.money("cost_usd", row)?,
            saved: self.money("saved_usd", row)?,
            cost_source: self.label("cost_source", row)?,
            rate_id: self.text("rate_id", row)?,
            finish_reason: self.text("finish_reason", row)?,
            content_filtered: self.flag("content_filtered", row)?,
            request_body: self.text("request_body", row)?.map(ByteString::from),
            response_body: self.text("response_body", row)?.map(ByteString::from),
            body_state: self.label("body_state", row)?,
            source: Arc::new(self.source(row)?),
            source_line: required("source_line", row, self.count("source_line", row)?)?,
            line_digest: self.digest("line_digest", row)?,
            extra: self.text("extra", row)?,
        })
    }

    fn tokens(&self, row: usize) -> Result<Tokens, ReadError> {
        Ok(Tokens {
            input: self.count("input_tokens", row)?,
            cached_input: self.count("cached_input_tokens", row)?,
            cache_write: self.count("cache_write_tokens", row)?,
            output: self.count("output_tokens", row)?,
            reasoning: self.count("reasoning_tokens", row)?,
        })
    }

    fn source(&self, row: usize) -> Result<SourceObject, ReadError> {
        Ok(SourceObject {
            bucket: self.required_text("source_bucket", row)?,
            key: self.required_text("source_key", row)?,
            etag: self.required_text("source_etag", row)?,
            size_bytes: 0,
            window_start: TimestampMicros::MIN,
            window_end: TimestampMicros::MIN,
        })
    }

    fn column(&self, column: &'static str) -> Result<&dyn Array, ReadError> {
        self.batch.column_by_name(column).map(AsRef::as_ref).ok_or(ReadError::Column { column })
    }

    fn text(&self, column: &'static str, row: usize) -> Result<Option<String>, ReadError> {
        let values: &StringArray = self.column(column)?.as_string_opt().ok_or(ReadError::Column { column })?;
        Ok(values.is_valid(row).then(|| values.value(row).to_owned()))
    }

    fn required_text(&self, column: &'static str, row: usize) -> Result<String, ReadError> {
        required(column, row, self.text(column, row)?)
    }

    fn optional_label<T: FromStr>(&self, column: &'static str, row: usize) -> Result<Option<T>, ReadError> {
        let label = self.text(column, row)?;
        label.map(|label| label.parse().map_err(|_| ReadError::Value { column, row })).transpose()
    }

    fn label<T: FromStr>(&self, column: &'static str, row: usize) -> Result<T, ReadError> {
        required(column, row, self.optional_label(column, row)?)
    }

    fn int(&self, column: &'static str, row: usize) -> Result<Option<i32>, ReadError> {
        let values: &Int32Array =
            self.column(column)?.as_primitive_opt::<Int32Type>().ok_or(ReadError::Column { column })?;
        Ok(values.is_valid(row).then(|| values.value(row)))
    }

    fn long(&self, column: &'static str, row: usize) -> Result<Option<i64>, ReadError> {
        let values: &Int64Array =
            self.column(column)?.as_primitive_opt::<Int64Type>().ok_or(ReadError::Column { column })?;
        Ok(values.is_valid(row).then(|| values.value(row)))
    }

    fn count(&self, column: &'static str, row: usize) -> Result<Option<u64>, ReadError> {
        let count = self.long(column, row)?;
        count.map(|count| u64::try_from(count).map_err(|_| ReadError::Value { column, row })).transpose()
    }

    fn flag(&self, column: &'static str, row: usize) -> Result<bool, ReadError> {
        let values: &BooleanArray = self.column(column)?.as_boolean_opt().ok_or(ReadError::Column { column })?;
        Ok(values.value(row))
    }

    fn money(&self, column: &'static str, row: usize) -> Result<Option<PicoUsd>, ReadError> {
        let values: &Decimal128Array =
            self.column(column)?.as_primitive_opt::<Decimal128Type>().ok_or(ReadError::Column { column })?;
        Ok(values.is_valid(row).then(|| PicoUsd::new(values.value(row))))
    }

    fn timestamp(&self, column: &'static str, row: usize) -> Result<TimestampMicros, ReadError> {
        let values: &TimestampMicrosecondArray =
            self.column(column)?.as_primitive_opt::<TimestampMicrosecondType>().ok_or(ReadError::Column { column })?;
        TimestampMicros::try_new(values.value(row)).map_err(|_| ReadError::Value { column, row })
    }

    fn digest(&self, column: &'static str, row: usize) -> Result<Digest, ReadError> {
        let mut digest = [0; 32];
        hex::decode_to_slice(self.required_text(column, row)?, &mut digest)
            .map_err(|_| ReadError::Value { column, row })?;
        Ok(Digest(digest))
    }

    fn metadata(&self, column: &'static str, row: usize) -> Result<BTreeMap<String, String>, ReadError> {
        let values: &MapArray = self.column(column)?.as_map_opt().ok_or(ReadError::Column { column })?;
        let entries = values.value(row);
        let texts = |index: usize| entries.column(index).as_string_opt::<i32>().ok_or(ReadError::Column { column });
        let pairs = texts(0)?.iter().zip(texts(1)?);
        Ok(pairs.filter_map(|(key, value)| Some((key?.to_owned(), value?.to_owned()))).collect())
    }
}

fn required<T>(column: &'static str, row: usize, value: Option<T>) -> Result<T, ReadError> {
    value.ok_or(ReadError::Value { column, row })
}
