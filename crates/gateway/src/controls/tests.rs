//! The table of `testdata/control-headers.csv`, and what a table cannot say.
//!
//! Notation of the table: `a || b` is a header sent twice, or the values of the headers in `x+y`; `hex:` is followed by
//! bytes; `<<x*3>>` is `xxx`. `left out` is a header that lenient reading reports, whatever it kept of it.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{
    Backoff, BadHeader, CONTROL_HEADERS, CacheTtl, Controls, EntryConfig, HeaderMode, IGNORED_HEADERS, ReadControls,
    is_control,
};
use gatelog_pricing::CustomCost;

const TABLE: &str = include_str!("../../testdata/control-headers.csv");

fn expanded(text: &str) -> String {
    let Some((before, rest)) = text.split_once("<<") else { return text.to_owned() };
    let (repeat, after) = rest.split_once(">>").unwrap();
    let (what, count) = repeat.rsplit_once('*').unwrap();
    format!("{before}{}{}", what.repeat(count.parse().unwrap()), expanded(after))
}

fn headers(names: &str, values: &str) -> HeaderMap {
    let mut names = names.split('+');
    let mut name = names.next().unwrap();
    let mut headers = HeaderMap::new();
    for value in values.split(" || ") {
        let bytes = match value.strip_prefix("hex:") {
            Some(digits) => hex::decode(digits).unwrap(),
            None => expanded(value).into_bytes(),
        };
        let header: HeaderName = name.parse().unwrap();
        headers.append(header, HeaderValue::from_bytes(&bytes).unwrap());
        name = names.next().unwrap_or(name);
    }
    headers
}

fn cost_text(cost: &CustomCost) -> String {
    match cost {
        CustomCost::Total(total) => format!("total {}", total.pico_usd()),
        CustomCost::PerToken { input, cache_read, cache_write, output } => format!(
            "in {} read {} write {} out {}",
            input.pico_usd(),
            cache_read.pico_usd(),
            cache_write.pico_usd(),
            output.pico_usd()
        ),
    }
}

/// All that was said, as the table writes it.
fn said(controls: &Controls) -> Vec<String> {
    let ttl = |ttl: &CacheTtl| match ttl {
        CacheTtl::Off => "off".to_owned(),
        CacheTtl::For(time) => time.as_secs().to_string(),
    };
    let backoff = |backoff: &Backoff| match backoff {
        Backoff::Constant => "constant",
        Backoff::Linear => "linear",
        Backoff::Exponential => "exponential",
    };
    let millis = |time: &Duration| time.as_millis().to_string();
    let fields = [
        ("authorization", controls.authorization.as_ref().map(|token| token.expose().to_owned())),
        ("backoff", controls.backoff.as_ref().map(backoff).map(str::to_owned)),
        ("cache_key", controls.cache_key.clone()),
        ("cache_ttl", controls.cache_ttl.as_ref().map(ttl)),
        ("collect_log", controls.collect_log.map(|flag| flag.to_string())),
        ("collect_log_payload", controls.collect_log_payload.map(|flag| flag.to_string())),
        ("custom_cost", controls.custom_cost.as_ref().map(cost_text)),
        ("event_id", controls.event_id.clone()),
        ("max_attempts", controls.max_attempts.map(|count| count.to_string())),
        ("metadata", controls.metadata.as_ref().map(super::Metadata::to_json)),
        ("otel_parent_span_id", controls.otel_parent_span_id.map(hex::encode)),
        ("otel_trace_id", controls.otel_trace_id.map(hex::encode)),
        ("request_timeout", controls.request_timeout.as_ref().map(millis)),
        ("retry_delay", controls.retry_delay.as_ref().map(millis)),
        ("skip_cache", controls.skip_cache.map(|flag| flag.to_string())),
    ];
    fields.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?))).collect()
}

fn outcome(read: &Result<ReadControls, BadHeader>) -> String {
    let Ok(ReadControls { controls, left_out }) = read else { return "400".to_owned() };
    match (said(controls).join(", "), left_out.is_empty()) {
        (said, true) if said.is_empty() => "ok: nothing".to_owned(),
        (said, true) => format!("ok: {said}"),
        (said, false) if said.is_empty() => "left out".to_owned(),
        (said, false) => format!("ok: {said}; left out"),
    }
}

#[test]
fn the_table_holds_in_both_modes() {
    let mut mismatches = Vec::new();
    let mut rows = 0;
    for row in csv::Reader::from_reader(TABLE.as_bytes()).records() {
        let row = row.unwrap();
        let [case, header, value, strict, lenient] = std::array::from_fn(|column| &row[column]);
        rows += 1;
        let headers = headers(header, value);
        for (mode, expected) in [(HeaderMode::Strict, strict), (HeaderMode::Lenient, lenient)] {
            let read = Controls::read(&headers, mode);
            let (expected, outcome) = (expanded(expected), outcome(&read));
            if outcome != expected {
                mismatches.push(format!("{header} ({case}), {mode:?}: expected `{expected:.80}`, got `{outcome:.80}`"));
            }
            let named = match &read {
                Ok(read) => read.left_out.clone(),
                Err(bad) => vec![bad.header],
            };
            if !named.iter().all(|name| header.split('+').any(|sent| sent == *name)) || named.len() > 1 {
                mismatches.push(format!("{header} ({case}), {mode:?}: names {named:?}"));
            }
        }
    }
    assert!(mismatches.is_empty(), "{} of {rows} rows:\n{}", mismatches.len(), mismatches.join("\n"));
    assert!(rows >= 170, "{rows} rows");
    for known in CONTROL_HEADERS.iter().chain(IGNORED_HEADERS) {
        assert!(TABLE.contains(&format!(",{known},")), "no case of {known}");
    }
}

#[test]
fn an_error_names_the_header_and_what_is_allowed() {
    for (header, value, text) in [
        ("cf-aig-max-attempts", "6", "`cf-aig-max-attempts` must be a whole number from 1 to 5"),
        ("cf-cache-ttl", "59", "`cf-cache-ttl` must be 0 or whole seconds from 60 to 2592000"),
        ("cf-aig-authorization", "Basic secret", "`cf-aig-authorization` must be `Bearer` and one token"),
        (
            "cf-aig-custom-cost",
            r#"{"secret":1}"#,
            "`cf-aig-custom-cost` cannot be billed: custom cost is no JSON object of known fields",
        ),
    ] {
        let bad = Controls::read(&headers(header, value), HeaderMode::Strict).unwrap_err();
        assert_eq!(bad.to_string(), text);
    }
}

#[test]
fn several_bad_headers_are_each_reported() {
    let mut sent = headers("cf-aig-max-attempts+cf-aig-backoff+cf-skip-cache+cf-aig-retry-delay", "6 || x || 1 || 100");
    sent.append("cf-aig-zdr", HeaderValue::from_static("x"));
    let read = Controls::read(&sent, HeaderMode::Lenient).unwrap();
    assert_eq!(read.left_out, ["cf-aig-backoff", "cf-aig-max-attempts", "cf-skip-cache"]);
    assert_eq!(said(&read.controls), ["retry_delay=100"]);
    assert_eq!(Controls::read(&sent, HeaderMode::Strict).unwrap_err().header, "cf-aig-backoff");
}

#[test]
fn secrets_stay_out_of_debug() {
    let sent = headers("cf-aig-authorization+cf-aig-metadata", r#"Bearer hunter2 || {"userId":"alice"}"#);
    let debug = format!("{:?}", Controls::read(&sent, HeaderMode::Strict).unwrap());
    assert!(!debug.contains("hunter2") && !debug.contains("alice"), "{debug}");
    assert!(debug.contains("BearerToken(..)") && debug.contains("userId"), "{debug}");
}

#[test]
fn control_headers_are_known_by_name() {
    let is = |name: &str| is_control(&name.parse().unwrap());
    for name in CONTROL_HEADERS.iter().chain(IGNORED_HEADERS) {
        assert!(is(name), "{name}");
    }
    assert!(is("CF-AIG-New") && is("cf-aig-") && is("cf-cache-ttl") && is("cf-skip-cache"));
    assert!(
        !is("cf-ray") && !is("authorization") && !is("x-cf-aig-metadata") && !is("cf-cache-status") && !is("cf-aig")
    );
}

#[test]
fn the_upper_layer_counts_where_it_says_something() {
    let read = |names, values| Controls::read(&headers(names, values), HeaderMode::Strict).unwrap().controls;
    let defaults = read("cf-aig-max-attempts+cf-aig-backoff+cf-aig-cache-ttl", "1 || constant || 0");
    let request = read("cf-aig-max-attempts+cf-aig-retry-delay+cf-aig-skip-cache", "2 || 100 || true");
    let config = EntryConfig::parse(r#"{"maxAttempts":3,"retryDelay":200,"requestTimeout":900}"#).unwrap();
    assert_eq!(
        said(&request.overridden_by(&config)),
        ["max_attempts=3", "request_timeout=900", "retry_delay=200", "skip_cache=true"]
    );
    let entry_headers = headers("cf-aig-max-attempts+cf-aig-cache-key", "4 || scope");
    let entry = request.of_entry(&entry_headers, &config, HeaderMode::Strict).unwrap();
    assert!(entry.left_out.is_empty());
    assert_eq!(
        said(&entry.controls.over(&defaults)),
        [
            "backoff=constant",
            "cache_key=scope",
            "cache_ttl=off",
            "max_attempts=4",
            "request_timeout=900",
            "retry_delay=200",
            "skip_cache=true"
        ]
    );
}

/// Fails when a field is forgotten in `over`: with nothing below it changes nothing, with nothing above neither.
#[test]
fn layering_loses_no_field() {
    let all = [
        ("cf-aig-authorization", "Bearer t"),
        ("cf-aig-backoff", "linear"),
        ("cf-aig-cache-key", "k"),
        ("cf-aig-cache-ttl", "60"),
        ("cf-aig-collect-log", "false"),
        ("cf-aig-collect-log-payload", "false"),
        ("cf-aig-custom-cost", r#"{"total_cost":1}"#),
        ("cf-aig-event-id", "e"),
        ("cf-aig-max-attempts", "2"),
        ("cf-aig-metadata", r#"{"a":1}"#),
        ("cf-aig-otel-parent-span-id", "00f067aa0ba902b7"),
        ("cf-aig-otel-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("cf-aig-request-timeout", "1"),
        ("cf-aig-retry-delay", "1"),
        ("cf-aig-skip-cache", "true"),
    ];
    let mut sent = HeaderMap::new();
    for (name, value) in all {
        sent.insert(name, HeaderValue::from_static(value));
    }
    let full = Controls::read(&sent, HeaderMode::Strict).unwrap().controls;
    assert_eq!(said(&full).len(), CONTROL_HEADERS.len());
    assert_eq!(Controls::default().over(&full), full);
    assert_eq!(full.clone().over(&Controls::default()), full);
    assert_eq!(full.overridden_by(&EntryConfig::default()), full);
}

#[test]
fn an_entry_cannot_say_who_asks() {
    let request = Controls::read(
        &headers("cf-aig-authorization+cf-aig-metadata", r#"Bearer t || {"tenantId":"ours"}"#),
        HeaderMode::Strict,
    );
    let request = request.unwrap().controls;
    for (name, value) in [
        ("cf-aig-authorization", "Bearer other"),
        ("cf-aig-metadata", r#"{"tenantId":"theirs"}"#),
        ("cf-aig-metadata", "no JSON"),
        ("cf-aig-event-id", "e"),
        ("cf-aig-otel-trace-id", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("cf-aig-otel-parent-span-id", "00f067aa0ba902b7"),
    ] {
        let sent = headers(name, value);
        let none = EntryConfig::default();
        assert_eq!(request.of_entry(&sent, &none, HeaderMode::Strict).unwrap_err().header, name);
        let read = request.of_entry(&sent, &none, HeaderMode::Lenient).unwrap();
        assert_eq!((read.controls, read.left_out), (request.clone(), vec![name]));
    }
}

proptest! {
    /// Lenient reading never refuses, strict reading leaves nothing out, and they agree where strict accepts.
    #[test]
    fn the_modes_agree(name in 0..CONTROL_HEADERS.len(), values in prop::collection::vec(header_bytes(), 1..3)) {
        let mut sent = HeaderMap::new();
        for value in values {
            sent.append(CONTROL_HEADERS[name], HeaderValue::from_bytes(&value).unwrap());
        }
        let lenient = Controls::read(&sent, HeaderMode::Lenient).unwrap();
        match Controls::read(&sent, HeaderMode::Strict) {
            Ok(strict) => prop_assert_eq!(strict, lenient),
            Err(bad) => prop_assert_eq!(lenient.left_out, [bad.header]),
        }
    }

    /// What was kept of metadata is strictly readable again, and the same.
    #[test]
    fn kept_metadata_is_sound(json in r#"\{("[a-c.é\\]{0,4}":(1|-2.50|true|"x\\n"|null|\[\]),?){0,7}\}"#) {
        let read = super::Metadata::parse(json.as_bytes(), HeaderMode::Lenient);
        if let Ok(read) = read {
            let again = super::Metadata::parse(read.metadata.to_json().as_bytes(), HeaderMode::Strict).unwrap();
            prop_assert_eq!(again.metadata, read.metadata);
        }
    }
}

fn header_bytes() -> impl Strategy<Value = Vec<u8>> {
    let any = prop::collection::vec(any::<u8>(), 0..40).prop_map(|mut bytes| {
        bytes.retain(|byte| *byte == b'\t' || (*byte >= 0x20 && *byte != 0x7f));
        bytes
    });
    let likely = r"(true|false|linear|[0-9]{1,5}|Bearer [a-z]{1,3}|[0-9a-f]{16}|[0-9a-f]{32})";
    let json = r#"\{"[a-c]":([0-9]|null|true)(,"[a-c]":1)?\}"#;
    prop_oneof![any, likely.prop_map(String::into_bytes), json.prop_map(String::into_bytes)]
}
