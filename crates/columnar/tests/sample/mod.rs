//! Fixed events for the tests.

use std::{collections::BTreeMap, sync::Arc};

use bytestring::ByteString;
use gatelog_columnar::Stamp;
use gatelog_model::{
    BodyState, CostSource, DeploymentType, Digest, Event, EventTimeSource, Operation, Outcome, PicoUsd, SourceObject,
    TimestampMicros, TokenSource, Tokens,
};

pub(crate) const HOUR: i64 = 3_600_000_000;
/// 2026-11-20T00:00:00Z.
pub(crate) const START: i64 = 1_795_132_800_000_000;

pub(crate) fn at(micros: i64) -> TimestampMicros {
    TimestampMicros::try_new(micros).unwrap()
}

pub(crate) fn stamp() -> Stamp {
    Stamp { commit_seq: 42, ingest_time: at(START + 72 * HOUR) }
}

/// What a reader sees of an object: not its size and time window.
pub(crate) fn source(key: &str) -> Arc<SourceObject> {
    Arc::new(SourceObject {
        bucket: "logs".to_owned(),
        key: key.to_owned(),
        etag: "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        size_bytes: 0,
        window_start: TimestampMicros::MIN,
        window_end: TimestampMicros::MIN,
    })
}

/// An event with nothing optional in it.
pub(crate) fn bare(event_id: &str, event_time: i64) -> Event {
    Event {
        event_id: event_id.to_owned(),
        event_time: at(event_time),
        event_time_source: EventTimeSource::ObjectWindow,
        account_id: String::new(),
        gateway_id: "gw".to_owned(),
        provider: "azure-openai".to_owned(),
        endpoint: "res/dep/chat/completions".to_owned(),
        operation: Operation::Other,
        azure_resource: None,
        deployment: None,
        deployment_type: None,
        region: None,
        model_requested: None,
        model: None,
        status_code: None,
        outcome: Outcome::Error,
        cached: false,
        rate_limited: false,
        streamed: false,
        attempt: None,
        step: None,
        duration_ms: None,
        ttft_ms: None,
        tenant_id: None,
        user_id: None,
        prompt_version: None,
        metadata: BTreeMap::new(),
        tokens: Tokens::default(),
        token_source: TokenSource::None,
        cost: None,
        saved: None,
        cost_source: CostSource::None,
        rate_id: None,
        finish_reason: None,
        content_filtered: false,
        request_body: None,
        response_body: None,
        body_state: BodyState::Omitted,
        source: source("20261120/a.log.gz"),
        source_line: 1,
        line_digest: Digest([7; 32]),
        extra: None,
    }
}

/// An event with everything in it.
pub(crate) fn full(event_id: &str, event_time: i64) -> Event {
    let metadata = [("tenantId", "tenant-é"), ("userId", "user-1"), ("promptVersion", "v3"), ("", "")];
    Event {
        event_time_source: EventTimeSource::Record,
        account_id: "acct".to_owned(),
        operation: Operation::Chat,
        azure_resource: Some("res".to_owned()),
        deployment: Some("dep".to_owned()),
        deployment_type: Some(DeploymentType::Regional),
        region: Some("southafricanorth".to_owned()),
        model_requested: Some("gpt-4o".to_owned()),
        model: Some("gpt-4o-2024-11-20".to_owned()),
        status_code: Some(200),
        outcome: Outcome::Ok,
        cached: true,
        rate_limited: true,
        streamed: true,
        attempt: Some(1),
        step: Some(0),
        duration_ms: Some(i32::MAX),
        ttft_ms: Some(12),
        tenant_id: Some("tenant-é".to_owned()),
        user_id: Some("user-1".to_owned()),
        prompt_version: Some("v3".to_owned()),
        metadata: metadata.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        tokens: Tokens {
            input: Some(100_000_000),
            cached_input: Some(40),
            cache_write: Some(0),
            output: Some(17),
            reasoning: Some(3),
        },
        token_source: TokenSource::Reported,
        cost: Some(PicoUsd::new(999_999_999_999_999_999)),
        saved: Some(PicoUsd::new(-1)),
        cost_source: CostSource::Rated,
        rate_id: Some("r1+r2".to_owned()),
        finish_reason: Some("stop".to_owned()),
        content_filtered: true,
        request_body: Some("{\"messages\":[{\"role\":\"user\",\"content\":\"golden prompt \u{1f512}\"}]}".into()),
        response_body: Some(ByteString::new()),
        body_state: BodyState::Open,
        source_line: 9_000_000_000,
        line_digest: Digest([0xab; 32]),
        extra: Some("{\"New\":1e400}".to_owned()),
        ..bare(event_id, event_time)
    }
}
