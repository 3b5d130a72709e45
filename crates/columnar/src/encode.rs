//! Events to Arrow arrays, column by column in the order of the schema.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, Decimal128Array, Int32Array, Int64Array, MapArray, StringArray, StringBuilder,
        StringViewBuilder, StructArray, TimestampMicrosecondArray,
    },
    buffer::{Buffer, OffsetBuffer},
    datatypes::SchemaRef,
    record_batch::RecordBatch,
};
use bytestring::ByteString;
use gatelog_model::{Event, PicoUsd};

use crate::{
    schema::{MONEY_PRECISION, MONEY_SCALE, UTC, entries_field, entry_fields},
    write::{Stamp, WriteError},
};

/// Most bytes of one text column in one slice: far under the 2 GiB that Arrow's 32-bit offsets can address.
const COLUMN_BYTES_MAX: usize = 1 << 30;

/// Builds one record batch of [`written_schema`](crate::schema::written_schema).
pub(crate) fn record_batch(schema: &SchemaRef, rows: Vec<Event>, stamp: Stamp) -> Result<RecordBatch, WriteError> {
    let mut rows = rows;
    let mut columns = Vec::with_capacity(schema.fields().len());
    identity(&rows, stamp, &mut columns)?;
    request(&rows, &mut columns)?;
    usage(&rows, &mut columns)?;
    content(&mut rows, &mut columns)?;
    provenance(&rows, &mut columns)?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn identity(rows: &[Event], stamp: Stamp, columns: &mut Vec<ArrayRef>) -> Result<(), WriteError> {
    columns.extend([
        text(rows, |event| Some(&event.event_id))?,
        timestamps(rows.iter().map(|event| event.event_time.micros())),
        text(rows, |event| Some(event.event_time_source.as_str()))?,
        timestamps(rows.iter().map(|_| stamp.ingest_time.micros())),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|_| stamp.commit_seq))),
        text(rows, |event| Some(&event.account_id))?,
        text(rows, |event| Some(&event.gateway_id))?,
        text(rows, |event| Some(&event.provider))?,
        text(rows, |event| Some(&event.endpoint))?,
        text(rows, |event| Some(event.operation.as_str()))?,
    ]);
    Ok(())
}

fn request(rows: &[Event], columns: &mut Vec<ArrayRef>) -> Result<(), WriteError> {
    columns.extend([
        text(rows, |event| event.azure_resource.as_deref())?,
        text(rows, |event| event.deployment.as_deref())?,
        text(rows, |event| event.deployment_type.map(|kind| kind.as_str()))?,
        text(rows, |event| event.region.as_deref())?,
        text(rows, |event| event.model_requested.as_deref())?,
        text(rows, |event| event.model.as_deref())?,
        ints(rows, |event| event.status_code),
        text(rows, |event| Some(event.outcome.as_str()))?,
        flags(rows, |event| event.cached),
        flags(rows, |event| event.rate_limited),
        flags(rows, |event| event.streamed),
        ints(rows, |event| event.attempt),
        ints(rows, |event| event.step),
        ints(rows, |event| event.duration_ms),
        ints(rows, |event| event.ttft_ms),
        text(rows, |event| event.tenant_id.as_deref())?,
        text(rows, |event| event.user_id.as_deref())?,
        text(rows, |event| event.prompt_version.as_deref())?,
        metadata(rows)?,
    ]);
    Ok(())
}

fn usage(rows: &[Event], columns: &mut Vec<ArrayRef>) -> Result<(), WriteError> {
    columns.extend([
        counts(rows, |event| event.tokens.input)?,
        counts(rows, |event| event.tokens.cached_input)?,
        counts(rows, |event| event.tokens.cache_write)?,
        counts(rows, |event| event.tokens.output)?,
        counts(rows, |event| event.tokens.reasoning)?,
        text(rows, |event| Some(event.token_source.as_str()))?,
        money(rows, |event| event.cost)?,
        money(rows, |event| event.saved)?,
        text(rows, |event| Some(event.cost_source.as_str()))?,
        text(rows, |event| event.rate_id.as_deref())?,
        text(rows, |event| event.finish_reason.as_deref())?,
        flags(rows, |event| event.content_filtered),
    ]);
    Ok(())
}

fn content(rows: &mut [Event], columns: &mut Vec<ArrayRef>) -> Result<(), WriteError> {
    columns.extend([
        bodies(rows.iter_mut().map(|event| event.request_body.take()))?,
        bodies(rows.iter_mut().map(|event| event.response_body.take()))?,
        text(rows, |event| Some(event.body_state.as_str()))?,
    ]);
    Ok(())
}

fn provenance(rows: &[Event], columns: &mut Vec<ArrayRef>) -> Result<(), WriteError> {
    let digests = StringArray::from_iter_values(rows.iter().map(|event| event.line_digest.hex()));
    columns.extend([
        text(rows, |event| Some(&event.source.bucket))?,
        text(rows, |event| Some(&event.source.key))?,
        text(rows, |event| Some(&event.source.etag))?,
        counts(rows, |event| Some(event.source_line))?,
        Arc::new(digests),
        text(rows, |event| event.extra.as_deref())?,
    ]);
    Ok(())
}

/// Sizes the buffer first: bodies are most of all bytes, and a growing buffer would copy them twice.
fn text<'a>(rows: &'a [Event], field: impl Fn(&'a Event) -> Option<&'a str>) -> Result<ArrayRef, WriteError> {
    let bytes = rows.iter().filter_map(&field).map(str::len).sum();
    if bytes > COLUMN_BYTES_MAX {
        return Err(WriteError::TooLarge { bytes });
    }
    let mut values = StringBuilder::with_capacity(rows.len(), bytes);
    for row in rows {
        values.append_option(field(row));
    }
    Ok(Arc::new(values.finish()))
}

/// Bodies are most of all bytes: the array keeps each one where it is instead of copying it.
#[expect(unsafe_code, reason = "a checked view reads each body once more to see that it is UTF-8")]
fn bodies(bodies: impl ExactSizeIterator<Item = Option<ByteString>>) -> Result<ArrayRef, WriteError> {
    let mut views = StringViewBuilder::with_capacity(bodies.len());
    for body in bodies {
        match body {
            None => views.append_null(),
            Some(body) => {
                let bytes = u32::try_from(body.len()).map_err(|_| WriteError::TooLarge { bytes: body.len() })?;
                let block = views.append_block(Buffer::from(body.into_bytes()));
                // SAFETY: the block was added just now, it has this many bytes, and they were a `ByteString`.
                unsafe { views.append_view_unchecked(block, 0, bytes) };
            }
        }
    }
    Ok(Arc::new(views.finish()))
}

fn ints(rows: &[Event], field: impl Fn(&Event) -> Option<i32>) -> ArrayRef {
    Arc::new(rows.iter().map(field).collect::<Int32Array>())
}

fn flags(rows: &[Event], field: impl Fn(&Event) -> bool) -> ArrayRef {
    Arc::new(rows.iter().map(|event| Some(field(event))).collect::<BooleanArray>())
}

fn counts(rows: &[Event], field: impl Fn(&Event) -> Option<u64>) -> Result<ArrayRef, WriteError> {
    let count = |event| field(event).map(|count| i64::try_from(count).map_err(|_| WriteError::Count { count }));
    let values = rows.iter().map(|event| count(event).transpose()).collect::<Result<Int64Array, _>>()?;
    Ok(Arc::new(values))
}

fn money(rows: &[Event], field: impl Fn(&Event) -> Option<PicoUsd>) -> Result<ArrayRef, WriteError> {
    let amount = |event| field(event).map(|amount| amount.column_value().map(i128::from)).transpose();
    let values = rows.iter().map(amount).collect::<Result<Decimal128Array, _>>()?;
    Ok(Arc::new(values.with_precision_and_scale(MONEY_PRECISION, MONEY_SCALE)?))
}

fn timestamps(micros: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone(UTC))
}

fn metadata(rows: &[Event]) -> Result<ArrayRef, WriteError> {
    let entries = || rows.iter().flat_map(|event| &event.metadata);
    let bytes = entries().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > COLUMN_BYTES_MAX {
        return Err(WriteError::TooLarge { bytes });
    }
    let (mut keys, mut values) = (StringBuilder::new(), StringBuilder::new());
    for (key, value) in entries() {
        keys.append_value(key);
        values.append_value(value);
    }
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|event| event.metadata.len()));
    let entries = StructArray::try_new(entry_fields(), vec![Arc::new(keys.finish()), Arc::new(values.finish())], None)?;
    Ok(Arc::new(MapArray::try_new(Arc::new(entries_field()), offsets, entries, None, false)?))
}
