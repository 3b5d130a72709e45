//! Totals do not depend on how events were split into rollups, nor on the order of anything.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, sync::Arc};

use gatelog_model::{
    BodyState, CostSource, Digest, Event, EventTimeSource, Operation, Outcome, PicoUsd, SourceObject, TimestampMicros,
    TokenSource, Tokens,
};
use gatelog_rollup::{BOUNDS_MS, LatencyHistogram, Rollup, RollupOptions};
use proptest::prelude::*;

const OPTIONS: RollupOptions = RollupOptions { keep_users: true };

fn plain_event() -> Event {
    let at = TimestampMicros::try_new(1_760_000_000_000_000).unwrap();
    let source = SourceObject {
        bucket: "logs".into(),
        key: "k".into(),
        etag: "e".into(),
        size_bytes: 1,
        window_start: at,
        window_end: at,
    };
    Event {
        event_id: "1".into(),
        event_time: at,
        event_time_source: EventTimeSource::Record,
        account_id: String::new(),
        gateway_id: "gw".into(),
        provider: "azure-openai".into(),
        endpoint: String::new(),
        operation: Operation::Chat,
        azure_resource: None,
        deployment: Some("chat".into()),
        deployment_type: None,
        region: None,
        model_requested: Some("gpt-4o".into()),
        model: None,
        status_code: Some(200),
        outcome: Outcome::Ok,
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
        token_source: TokenSource::Reported,
        cost: None,
        saved: None,
        cost_source: CostSource::None,
        rate_id: None,
        finish_reason: None,
        content_filtered: false,
        request_body: None,
        response_body: None,
        body_state: BodyState::Open,
        source: Arc::new(source),
        source_line: 1,
        line_digest: Digest([0; 32]),
        extra: None,
    }
}

prop_compose! {
    fn any_event()(
        hour in 0_i64..3,
        tenant in prop::option::of(0..3_u8),
        user in prop::option::of(0..2_u8),
        outcome in prop::sample::select(Outcome::ALL),
        cached: bool,
        input in prop::option::of(any::<u64>()),
        output in prop::option::of(0..1_000_000_u64),
        cost in prop::option::of(0..i128::from(i64::MAX)),
        saved in prop::option::of(0..i128::from(i64::MAX)),
        cost_source in prop::sample::select(CostSource::ALL),
        duration_ms in prop::option::of(any::<i32>()),
    ) -> Event {
        let mut event = plain_event();
        event.event_time = event.event_time.plus_seconds(hour * 3_600);
        event.tenant_id = tenant.map(|tenant| format!("tenant-{tenant}"));
        event.user_id = user.map(|user| format!("user-{user}"));
        event.outcome = outcome;
        event.cached = cached;
        event.tokens = Tokens { input, output, ..Tokens::default() };
        event.cost = cost.map(PicoUsd::new);
        event.saved = saved.map(PicoUsd::new);
        event.cost_source = cost_source;
        event.duration_ms = duration_ms;
        event
    }
}

fn total(events: &[Event]) -> Rollup {
    let mut rollup = Rollup::default();
    events.iter().for_each(|event| rollup.add(event, &OPTIONS));
    rollup
}

fn merged(mut left: Rollup, right: &Rollup) -> Rollup {
    left.merge(right.clone());
    left
}

proptest! {
    #[test]
    fn merging_is_associative_and_commutative(
        (first, second, third) in (0..20_usize, 0..20_usize, 0..20_usize).prop_flat_map(|(a, b, c)| (
            prop::collection::vec(any_event(), a), prop::collection::vec(any_event(), b),
            prop::collection::vec(any_event(), c),
        ))
    ) {
        let [a, b, c] = [&first, &second, &third].map(|events| total(events));
        let left = merged(merged(a.clone(), &b), &c);
        prop_assert_eq!(&left, &merged(a.clone(), &merged(b.clone(), &c)));
        prop_assert_eq!(merged(a.clone(), &b), merged(b, &a));
        prop_assert_eq!(left, total(&[first, second, third].concat()));
    }

    #[test]
    fn the_order_of_events_is_irrelevant(
        (events, shuffled) in prop::collection::vec(any_event(), 0..40)
            .prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle()))
    ) {
        prop_assert_eq!(total(&events), total(&shuffled));
    }

    #[test]
    fn requests_and_money_add_up_exactly(events in prop::collection::vec(any_event(), 0..60)) {
        let rollup = total(&events);
        let requests: u64 = rollup.iter().map(|(_, cell)| cell.requests).sum();
        prop_assert_eq!(requests, u64::try_from(events.len()).unwrap());
        let cost: i128 = rollup.iter().map(|(_, cell)| cell.cost.pico_usd()).sum();
        prop_assert_eq!(cost, events.iter().filter_map(|event| event.cost).map(PicoUsd::pico_usd).sum::<i128>());
        let saved: i128 = rollup.iter().map(|(_, cell)| cell.saved.pico_usd()).sum();
        prop_assert_eq!(saved, events.iter().filter_map(|event| event.saved).map(PicoUsd::pico_usd).sum::<i128>());
        let unpriced = events.iter().filter(|event| event.cost_source == CostSource::Unpriced).count();
        prop_assert_eq!(rollup.iter().map(|(_, cell)| cell.unpriced).sum::<u64>(), u64::try_from(unpriced).unwrap());
    }

    #[test]
    fn percentiles_stay_within_the_stated_error(
        mut durations in prop::collection::vec(
            (0_u32..22, any::<u32>()).prop_map(|(bits, random)| 1 + random % (1 << bits)), 1..200),
        percent in 1_u8..=100,
    ) {
        durations.iter_mut().for_each(|ms| *ms = (*ms).min(BOUNDS_MS[63]));
        let mut histogram = LatencyHistogram::default();
        durations.iter().for_each(|ms| histogram.record(*ms));
        durations.sort_unstable();
        let rank = (durations.len() * usize::from(percent)).div_ceil(100).max(1);
        let exact = u64::from(durations[rank - 1]);
        let given = u64::from(histogram.percentile(percent).unwrap());
        prop_assert!(given.abs_diff(exact) * 1_000 <= exact * 125, "{given} for {exact}");
    }
}

/// The stated error holds for every duration of the range, not only for those that chance picks.
#[test]
fn each_duration_is_within_the_stated_error() {
    for ms in 1..=BOUNDS_MS[63] {
        let index = BOUNDS_MS.partition_point(|bound| *bound < ms);
        let error = gatelog_rollup::VALUES_MS[index].abs_diff(ms);
        assert!(u64::from(error) * 1_000 <= u64::from(ms) * 125, "{ms} ms");
    }
}

#[test]
fn users_are_kept_only_if_asked_and_a_failed_request_has_the_model_asked_for() {
    let mut event = plain_event();
    event.user_id = Some("u".into());
    let mut rollup = Rollup::default();
    rollup.add(&event, &RollupOptions { keep_users: false });
    let (key, cell) = rollup.iter().next().unwrap();
    assert_eq!((key.user_id.as_deref(), key.model.as_deref(), cell.requests), (None, Some("gpt-4o"), 1));
    event.model = Some("gpt-4o-2024-11-20".into());
    rollup.add(&event, &OPTIONS);
    let (key, _) = rollup.iter().find(|(key, _)| key.user_id.is_some()).unwrap();
    assert_eq!((key.model.as_deref(), rollup.len()), (Some("gpt-4o-2024-11-20"), 2));
}

#[test]
fn token_sums_saturate() {
    let mut event = plain_event();
    event.tokens.input = Some(u64::MAX);
    let rollup = total(&[event.clone(), event]);
    assert_eq!(rollup.iter().next().unwrap().1.input_tokens, u64::MAX);
}
