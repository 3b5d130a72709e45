//! One opened record to one event: what the columns of the lake mean, in one pure place.

mod cost;
mod facts;
mod metadata;

use std::{borrow::Cow, sync::Arc};

use gatelog_logpush::Record;
use gatelog_model::{BodyState, Digest, Event, EventTimeSource, SourceObject, TimestampMicros};
use gatelog_pricing::{DeploymentMap, RateBook};
use gatelog_usage::{azure_endpoint, operation_of, read_request, read_response};

pub use metadata::MetadataKeys;

/// How long before its object's window an event may claim to have happened. Logpush retries for a day; our own gateway's
/// spool may be shipped weeks late. A line that claims more is dated by its object, which also bounds how many day
/// partitions one hostile object can touch.
const EVENT_AGE_MAX_SECONDS: i64 = 31 * 24 * 3_600;
/// How long after its object's window an event may claim to have happened: clocks differ by less.
const EVENT_LEAD_MAX_SECONDS: i64 = 24 * 3_600;
/// Cloudflare's slug of Azure OpenAI.
const PROVIDER_AZURE: &str = "azure-openai";
/// Longest `LogId` taken as an identity; ULIDs have 26 characters, UUIDs 36. A longer one is kept in `extra` only.
const LOG_ID_BYTES_MAX: usize = 128;

/// What turns records into events besides the records: configuration, prices.
#[derive(Debug)]
pub struct NormaliseContext {
    /// Account of the gateways, as no record names it.
    pub account_id: String,
    /// Which metadata entries have a meaning.
    pub metadata_keys: MetadataKeys,
    /// What is deployed under which name.
    pub deployments: DeploymentMap,
    /// Dated prices.
    pub rates: RateBook,
}

/// The three fields that may have been sealed, as text.
#[derive(Debug, Default)]
pub(crate) struct OpenedFields<'l> {
    /// JSON text of the metadata.
    pub(crate) metadata: Option<Cow<'l, str>>,
    /// The request as sent.
    pub(crate) request_body: Option<Cow<'l, str>>,
    /// The answer as the record has it.
    pub(crate) response_body: Option<Cow<'l, str>>,
}

/// Where a line lies.
#[derive(Debug, Clone)]
pub(crate) struct LinePlace {
    /// Its object.
    pub(crate) source: Arc<SourceObject>,
    /// Its number, from 1.
    pub(crate) number: u64,
    /// SHA-256 of its raw bytes.
    pub(crate) digest: Digest,
}

/// The `LogId` of a record if it can serve as an identity.
pub(crate) fn usable_log_id<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    record.log_id.as_deref().filter(|id| !id.is_empty() && id.len() <= LOG_ID_BYTES_MAX)
}

/// Builds the event of one line, but for its bodies, which only the caller can take. Nothing in it can fail: what a field
/// does not say is null.
///
/// `event_id` is the `LogId`, else 32 hex digits of the line digest; the caller appends the ordinal of repeated lines.
pub(crate) fn normalise(
    context: &NormaliseContext,
    record: &Record<'_>,
    opened: &OpenedFields<'_>,
    place: LinePlace,
) -> Event {
    let endpoint = record.endpoint.as_deref().unwrap_or_default();
    let operation = operation_of(endpoint);
    let request = opened.request_body.as_deref().map(read_request).unwrap_or_default();
    let response = opened.response_body.as_deref().map(|body| read_response(body, operation)).unwrap_or_default();
    let entries = metadata::entries(opened.metadata.as_deref());
    let (event_time, event_time_source) = event_time(record.time, response.created, &place.source);

    let provider = record.provider.as_deref().unwrap_or_default();
    // Only Azure's paths begin with resource and deployment; `v1/chat/completions` of others merely looks so.
    let azure = if provider == PROVIDER_AZURE { azure_endpoint(endpoint) } else { None };
    let model_requested = request.model.clone().or_else(|| record.model.as_deref().map(str::to_owned));
    let named = azure.as_ref().and_then(|path| path.deployment).or(record.deployment.as_deref());
    // Where the path leaves it to the body, Azure takes the model for the deployment.
    let deployment_name = named.or(if azure.is_some() { model_requested.as_deref() } else { None }).map(str::to_owned);
    let deployment = context.deployments.lookup(
        azure.as_ref().map_or(provider, |path| path.resource),
        deployment_name.as_deref().or(model_requested.as_deref()).unwrap_or_default(),
    );

    let tokens = facts::tokens(record, &response);
    let outcome = facts::outcome(record, &response);
    let priced = cost::price(context, deployment, record, &response, &tokens, event_time);
    let body_state = if record.truncated == Some(true) {
        BodyState::Truncated
    } else if opened.request_body.is_none() && opened.response_body.is_none() {
        BodyState::Omitted
    } else {
        BodyState::Open
    };

    Event {
        event_id: usable_log_id(record).map_or_else(|| event_id_of(&place.digest), str::to_owned),
        event_time,
        event_time_source,
        account_id: context.account_id.clone(),
        gateway_id: record.gateway.as_deref().unwrap_or_default().to_owned(),
        provider: provider.to_owned(),
        endpoint: endpoint.to_owned(),
        operation,
        azure_resource: azure.as_ref().map(|path| path.resource.to_owned()),
        deployment_type: deployment.map(|entry| entry.deployment_type),
        region: deployment
            .and_then(|entry| entry.region.clone())
            .or_else(|| record.region.as_deref().map(str::to_owned)),
        deployment: deployment_name,
        model_requested,
        model: response.model.clone(),
        status_code: record.status_code,
        outcome,
        cached: record.cached == Some(true),
        rate_limited: record.rate_limited.unwrap_or(false),
        streamed: record.streamed == Some(true) || response.streamed || request.stream,
        attempt: record.attempt,
        step: record.step,
        duration_ms: record.duration_ms,
        ttft_ms: record.ttft_ms,
        tenant_id: entries.get(&context.metadata_keys.tenant).cloned(),
        user_id: entries.get(&context.metadata_keys.user).cloned(),
        prompt_version: entries.get(&context.metadata_keys.prompt_version).cloned(),
        metadata: entries,
        token_source: facts::token_source(&tokens),
        tokens,
        cost: priced.cost,
        saved: priced.saved,
        cost_source: priced.source,
        rate_id: priced.rate_id,
        finish_reason: response.finish_reason.clone(),
        content_filtered: response.content_filtered,
        request_body: None,
        response_body: None,
        body_state,
        source: place.source,
        source_line: place.number,
        line_digest: place.digest,
        extra: record.extra.clone(),
    }
}

/// The first 32 hex digits of a line's digest.
fn event_id_of(digest: &Digest) -> String {
    let mut digits = digest.hex();
    digits.truncate(32);
    digits
}

/// Takes the first time that is plausible for an object of this window: the record's, the answer's, the window's start.
fn event_time(
    recorded: Option<TimestampMicros>,
    created_seconds: Option<i64>,
    source: &SourceObject,
) -> (TimestampMicros, EventTimeSource) {
    let earliest = source.window_start.plus_seconds(-EVENT_AGE_MAX_SECONDS);
    let latest = source.window_end.plus_seconds(EVENT_LEAD_MAX_SECONDS);
    let plausible = |at: &TimestampMicros| (earliest..=latest).contains(at);
    if let Some(at) = recorded.filter(plausible) {
        return (at, EventTimeSource::Record);
    }
    let created = created_seconds
        .and_then(|seconds| seconds.checked_mul(1_000_000))
        .and_then(|micros| TimestampMicros::try_new(micros).ok());
    match created.filter(plausible) {
        Some(at) => (at, EventTimeSource::Response),
        None => (source.window_start, EventTimeSource::ObjectWindow),
    }
}

#[cfg(test)]
mod tests;
