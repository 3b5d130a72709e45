//! Every metric of the ingest daemon, in one place.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::report::CommitReport;

/// Names and units, for the exposition's HELP lines.
pub fn describe() {
    describe_counter!("gatelog_ingest_objects_total", "objects by what became of them");
    describe_counter!("gatelog_ingest_lines_total", "lines of committed objects by what became of them");
    describe_counter!("gatelog_ingest_rejects_total", "rejected lines of committed objects by reason");
    describe_counter!(
        "gatelog_ingest_keys_ignored_total",
        "keys of the source bucket that are no log objects, by kind"
    );
    describe_counter!("gatelog_ingest_list_failures_total", "listings of the source bucket that failed");
    describe_counter!("gatelog_ingest_notices_total", "notices of event queues by what became of them");
    describe_counter!("gatelog_ingest_notice_failures_total", "looks into an event queue that failed");
    describe_counter!("gatelog_ingest_commits_total", "commits by outcome");
    describe_counter!("gatelog_ingest_unpriced_events_total", "events with tokens that no rate covers");
    describe_counter!("gatelog_ingest_tenantless_events_total", "events without a tenant");
    describe_counter!("gatelog_ingest_lake_bytes_total", "Parquet bytes committed");
    describe_histogram!("gatelog_ingest_commit_seconds", "time from taking the commit lock to the answer of COMMIT");
    describe_gauge!("gatelog_ingest_last_commit_seconds", "time of the last commit, seconds since 1970");
}

pub(crate) fn key_ignored(kind: &'static str) {
    counter!("gatelog_ingest_keys_ignored_total", "kind" => kind).increment(1);
}

pub(crate) fn list_failed() {
    counter!("gatelog_ingest_list_failures_total").increment(1);
}

pub(crate) fn notice(kind: &'static str) {
    counter!("gatelog_ingest_notices_total", "kind" => kind).increment(1);
}

pub(crate) fn notices_failed() {
    counter!("gatelog_ingest_notice_failures_total").increment(1);
}

pub(crate) fn object_released(reason: &'static str) {
    counter!("gatelog_ingest_objects_total", "state" => "released", "reason" => reason).increment(1);
}

pub(crate) fn object_quarantined(reason: &'static str) {
    counter!("gatelog_ingest_objects_total", "state" => "quarantined", "reason" => reason).increment(1);
}

pub(crate) fn commit_refused(outcome: &'static str) {
    counter!("gatelog_ingest_commits_total", "outcome" => outcome).increment(1);
}

pub(crate) fn committed(report: &CommitReport, took: Duration, at_seconds: f64) {
    counter!("gatelog_ingest_commits_total", "outcome" => "committed").increment(1);
    counter!("gatelog_ingest_objects_total", "state" => "committed", "reason" => "").increment(report.objects);
    let lines = [("event", report.events), ("duplicate", report.duplicates), ("reject", report.rejects)];
    for (state, count) in lines {
        counter!("gatelog_ingest_lines_total", "state" => state).increment(count);
    }
    for (reason, count) in &report.rejects_by_reason {
        counter!("gatelog_ingest_rejects_total", "reason" => reason.as_str()).increment(*count);
    }
    counter!("gatelog_ingest_unpriced_events_total").increment(report.unpriced);
    counter!("gatelog_ingest_tenantless_events_total").increment(report.tenantless);
    counter!("gatelog_ingest_lake_bytes_total").increment(report.lake_bytes);
    histogram!("gatelog_ingest_commit_seconds").record(took.as_secs_f64());
    gauge!("gatelog_ingest_last_commit_seconds").set(at_seconds);
}
