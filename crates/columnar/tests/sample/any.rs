//! Any event there can be.

use std::sync::Arc;

use gatelog_model::{
    BodyState, CostSource, DeploymentType, Digest, Event, EventTimeSource, Operation, Outcome, PicoUsd,
    TimestampMicros, TokenSource, Tokens,
};
use proptest::{collection::btree_map, option, prelude::*, sample::select};

use crate::sample::{bare, source};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z]{1,8}", "\\PC{0,40}", "[\\x00-\\x1f\u{10ffff}\u{d7ff}]{0,20}"]
}

fn time() -> impl Strategy<Value = TimestampMicros> {
    let days = (0_i64..3, 0_i64..86_400_000_000).prop_map(|(day, micros)| (20_000 + day) * 86_400_000_000 + micros);
    let micros = prop_oneof![6 => days, 1 => Just(0), 1 => Just(TimestampMicros::MAX.micros())];
    micros.prop_map(|micros| TimestampMicros::try_new(micros).unwrap())
}

fn money() -> impl Strategy<Value = Option<PicoUsd>> {
    let limit = 999_999_999_999_999_999_i128;
    option::of(prop_oneof![Just(limit), Just(-limit), Just(0), -limit..limit].prop_map(PicoUsd::new))
}

fn count() -> impl Strategy<Value = Option<u64>> {
    option::of(prop_oneof![0_u64..1000, Just(i64::MAX.unsigned_abs())])
}

fn tokens() -> impl Strategy<Value = Tokens> {
    (count(), count(), count(), count(), count()).prop_map(|(input, cached_input, cache_write, output, reasoning)| {
        Tokens { input, cached_input, cache_write, output, reasoning }
    })
}

prop_compose! {
    fn request()(
        time_source in select(EventTimeSource::ALL),
        operation in select(Operation::ALL),
        deployment_type in option::of(select(DeploymentType::ALL)),
        outcome in select(Outcome::ALL),
        flags in any::<[bool; 4]>(),
        ints in any::<[Option<i32>; 5]>(),
        names in proptest::array::uniform4(text()),
        optional in proptest::collection::vec(option::of(text()), 8),
        metadata in btree_map(text(), text(), 0..4),
    ) -> Event {
        let [cached, rate_limited, streamed, content_filtered] = flags;
        let [status_code, attempt, step, duration_ms, ttft_ms] = ints;
        let [account_id, gateway_id, provider, endpoint] = names;
        Event {
            event_time_source: time_source, operation, deployment_type, outcome,
            cached, rate_limited, streamed, content_filtered,
            status_code, attempt, step, duration_ms, ttft_ms,
            account_id, gateway_id, provider, endpoint, metadata,
            azure_resource: optional[0].clone(),
            deployment: optional[1].clone(),
            region: optional[2].clone(),
            model_requested: optional[3].clone(),
            model: optional[4].clone(),
            tenant_id: optional[5].clone(),
            user_id: optional[6].clone(),
            prompt_version: optional[7].clone(),
            ..bare("", 0)
        }
    }
}

prop_compose! {
    /// One event, every column of which takes every kind of value.
    pub(crate) fn event()(
        request in request(),
        event_id in text(),
        event_time in time(),
        tokens in tokens(),
        token_source in select(TokenSource::ALL),
        (cost, saved) in (money(), money()),
        cost_source in select(CostSource::ALL),
        body_state in select(BodyState::ALL),
        optional in proptest::collection::vec(option::of(text()), 5),
        key in text(),
        source_line in 0..=i64::MAX.unsigned_abs(),
        digest in any::<[u8; 32]>(),
    ) -> Event {
        Event {
            event_id, event_time, tokens, token_source, cost, saved, cost_source, body_state, source_line,
            rate_id: optional[0].clone(),
            finish_reason: optional[1].clone(),
            request_body: optional[2].clone().map(Into::into),
            response_body: optional[3].clone().map(Into::into),
            extra: optional[4].clone(),
            source: Arc::clone(&source(&key)),
            line_digest: Digest(digest),
            ..request
        }
    }
}
