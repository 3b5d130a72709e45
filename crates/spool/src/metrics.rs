//! Every metric of the spool, in one place.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::SpoolStatus;

/// Names and units, for the exposition's HELP lines.
pub fn describe() {
    describe_gauge!("gatelog_spool_records", "audit records on disk that are not shipped");
    describe_gauge!("gatelog_spool_bytes", "bytes of segments that are not shipped");
    describe_gauge!("gatelog_spool_queued_bytes", "bytes of audit records in memory that are not written");
    describe_gauge!("gatelog_spool_tickets", "requests under way that may still append");
    describe_gauge!("gatelog_spool_lag_seconds", "age of the oldest audit record that is not shipped");
    describe_gauge!("gatelog_spool_failing", "1 while the disk refuses writes");
    describe_gauge!("gatelog_spool_damaged_segments", "segments kept under damaged/ for a person to look at");
    describe_histogram!("gatelog_spool_fsync_seconds", "time of an fsync of the spool");
    describe_counter!("gatelog_spool_refused_total", "requests that were not admitted, by reason");
    describe_counter!("gatelog_spool_dropped_records_total", "audit records dropped because the spool was full");
    describe_counter!("gatelog_spool_lost_records_total", "audit records of admitted requests that were not kept");
    describe_counter!("gatelog_spool_torn_segments_total", "segments whose unfinished end was cut off");
    describe_counter!("gatelog_spool_shipped_objects_total", "objects stored, by whether they were there already");
    describe_counter!("gatelog_spool_shipped_records_total", "audit records of objects stored");
    describe_counter!("gatelog_spool_shipped_bytes_total", "compressed bytes of objects stored");
    describe_counter!("gatelog_spool_ship_failures_total", "attempts to store an object that failed, by reason");
    describe_counter!("gatelog_sealer_pool_misses_total", "sealers that had to be made while a request waited");
}

pub(crate) fn refused(reason: &'static str) {
    counter!("gatelog_spool_refused_total", "reason" => reason).increment(1);
}

pub(crate) fn dropped() {
    counter!("gatelog_spool_dropped_records_total").increment(1);
}

pub(crate) fn lost(reason: &'static str, records: u64) {
    counter!("gatelog_spool_lost_records_total", "reason" => reason).increment(records);
}

pub(crate) fn torn(segments: u64) {
    counter!("gatelog_spool_torn_segments_total").increment(segments);
}

pub(crate) fn synced(took: Duration) {
    histogram!("gatelog_spool_fsync_seconds").record(took.as_secs_f64());
}

pub(crate) fn shipped(was_there: bool, records: u64, object_bytes: u64) {
    let found = if was_there { "exists" } else { "created" };
    counter!("gatelog_spool_shipped_objects_total", "outcome" => found).increment(1);
    counter!("gatelog_spool_shipped_records_total").increment(records);
    counter!("gatelog_spool_shipped_bytes_total").increment(object_bytes);
}

pub(crate) fn ship_failed(reason: &'static str) {
    counter!("gatelog_spool_ship_failures_total", "reason" => reason).increment(1);
}

pub(crate) fn sealer_missed() {
    counter!("gatelog_sealer_pool_misses_total").increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floats; what is lost is below a part in 10^15")]
pub(crate) fn publish(status: &SpoolStatus) {
    gauge!("gatelog_spool_records").set(status.records as f64);
    gauge!("gatelog_spool_bytes").set(status.bytes as f64);
    gauge!("gatelog_spool_queued_bytes").set(status.queued_bytes as f64);
    gauge!("gatelog_spool_tickets").set(status.tickets as f64);
    gauge!("gatelog_spool_lag_seconds").set(status.lag.as_secs_f64());
    gauge!("gatelog_spool_failing").set(if status.is_failing { 1.0 } else { 0.0 });
    gauge!("gatelog_spool_damaged_segments").set(status.damaged as f64);
}
