//! What the gateway counts; every name is declared here.

use std::time::Duration;

use gatelog_usage::ResponseFacts;
use http::StatusCode;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::{cache::CacheStatus, conversation::OpenRecord, error_body::GatewayError, settle::Ending, targets::Target};

const OVERHEAD: &str = "gatelog_gateway_overhead_seconds";
const DURATION: &str = "gatelog_gateway_upstream_seconds";
const ANSWERS: &str = "gatelog_gateway_answers_total";
const ATTEMPTS: &str = "gatelog_gateway_attempts_total";
const RETRIES_DENIED: &str = "gatelog_gateway_retries_denied_total";
const PASSED_OVER: &str = "gatelog_gateway_targets_passed_over_total";
const REFUSED: &str = "gatelog_gateway_refused_total";
const CACHE: &str = "gatelog_gateway_cache_total";
const TOKENS: &str = "gatelog_gateway_tokens_total";
const HEADERS_LEFT_OUT: &str = "gatelog_gateway_headers_left_out_total";
const RECORDS_LOST: &str = "gatelog_gateway_records_lost_total";
const ALERTS: &str = "gatelog_gateway_alerts_total";
const CONNECTIONS: &str = "gatelog_gateway_connections";

/// Describes the metrics of the gateway to the recorder.
pub fn describe_metrics() {
    describe_histogram!(
        OVERHEAD,
        Unit::Seconds,
        "From a whole request to the head of its answer, less the provider's time"
    );
    describe_histogram!(DURATION, Unit::Seconds, "From sending a request to the end of its answer, by provider");
    describe_counter!(ANSWERS, "Answers of providers that were passed on, by how they ended");
    describe_counter!(ATTEMPTS, "Tries at a target, by status class");
    describe_counter!(RETRIES_DENIED, "Retries that the retry budget of the process denied");
    describe_counter!(PASSED_OVER, "Times a target was passed over because it kept failing");
    describe_counter!(REFUSED, "Requests that the gateway itself refused, by code of the error");
    describe_counter!(CACHE, "Requests by what the cache had for them");
    describe_counter!(TOKENS, "Tokens that answers report, by kind");
    describe_counter!(HEADERS_LEFT_OUT, "Control headers that could not be understood and were left out");
    describe_counter!(RECORDS_LOST, "Audit records that could not be written; anything above 0 needs somebody to look");
    describe_counter!(ALERTS, "Budget alerts sent to the webhook, by whether it took them");
    describe_gauge!(CONNECTIONS, "Open connections of callers");
}

pub(crate) fn overhead(time: Duration) {
    histogram!(OVERHEAD).record(time);
}

pub(crate) fn answered(record: &OpenRecord, ending: Ending, status: StatusCode, facts: &ResponseFacts) {
    let provider = record.step().target.provider.clone();
    histogram!(DURATION, "provider" => provider.clone()).record(record.started().elapsed());
    let ended = match ending {
        Ending::Complete => "complete",
        Ending::Broken => "broken",
        Ending::Cancelled => "cancelled",
    };
    counter!(ANSWERS, "provider" => provider, "status" => class(status), "ended" => ended).increment(1);
    for (kind, count) in [("input", facts.tokens.input), ("output", facts.tokens.output)] {
        counter!(TOKENS, "kind" => kind).increment(count.unwrap_or(0));
    }
}

pub(crate) fn attempt(target: &Target, status: StatusCode) {
    let name = target.name.to_str().unwrap_or_default().to_owned();
    counter!(ATTEMPTS, "target" => name, "status" => class(status)).increment(1);
}

pub(crate) fn retry_denied() {
    counter!(RETRIES_DENIED).increment(1);
}

pub(crate) fn passed_over(target: &Target) {
    counter!(PASSED_OVER, "target" => target.name.to_str().unwrap_or_default().to_owned()).increment(1);
}

pub(crate) fn refused(error: &GatewayError) {
    counter!(REFUSED, "status" => error.http.to_string(), "code" => error.code.to_string()).increment(1);
}

pub(crate) fn cached(status: CacheStatus) {
    counter!(CACHE, "status" => status.as_str()).increment(1);
}

pub(crate) fn header_left_out(header: &'static str) {
    counter!(HEADERS_LEFT_OUT, "header" => header).increment(1);
}

pub(crate) fn record_lost() {
    counter!(RECORDS_LOST).increment(1);
}

pub(crate) fn alert_posted(is_taken: bool) {
    counter!(ALERTS, "outcome" => if is_taken { "posted" } else { "failed" }).increment(1);
}

pub(crate) fn connections(count: usize) {
    gauge!(CONNECTIONS).set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
}

/// `2xx` to `5xx`: a small fixed set.
fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        429 => "429",
        400..500 => "4xx",
        500.. => "5xx",
    }
}
