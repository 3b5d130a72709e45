//! Universal bodies as the documentation shows them, and as they should not be.

use proptest::prelude::*;

use super::*;
use crate::{
    controls::{CacheTtl, HeaderMode},
    route::Target,
};

const EXAMPLE: &str = r#" [
  {
    "provider": "azure-openai",
    "endpoint": "contoso-eu/gpt4o/chat/completions?api-version=2024-10-21",
    "headers": {"api-key": "k1", "Content-Type": "application/json", "cf-aig-cache-ttl": 0, "cf-aig-max-attempts": "2"},
    "query": {"stream":true,  "messages":[{"role":"user","content":"caf\u00e9 é"}], "temperature":0.10},
    "config": {"requestTimeout": 1000, "maxAttempts": 4, "retryDelay": "250", "backoff": "exponential"}
  },
  {"provider": "openai", "endpoint": "/chat/completions", "authorization": "Bearer k2", "query": {}, "note": 1}
] "#;

fn parse(body: &str) -> Result<Vec<UniversalEntry>, BadUniversal> {
    UniversalEntry::parse_all(body.as_bytes())
}

fn problem(entry: &str) -> String {
    let body = format!(r#"[{{"provider":"openai","endpoint":"a","query":1}},{entry}]"#);
    parse(&body).unwrap_err().to_string()
}

#[test]
fn the_example_is_read_untouched() {
    let entries = parse(EXAMPLE).unwrap();
    let (account, gateway) = (AccountId::parse("acc").unwrap(), GatewayId::parse("gw").unwrap());
    assert_eq!(entries.len(), 2);
    assert_eq!(
        entries[0].query.get(),
        r#"{"stream":true,  "messages":[{"role":"user","content":"caf\u00e9 é"}], "temperature":0.10}"#
    );
    assert_eq!(entries[0].headers["api-key"], "k1");
    let route = entries[0].route(&account, &gateway).unwrap();
    let path = "/v1/acc/gw/azure-openai/contoso-eu/gpt4o/chat/completions?api-version=2024-10-21";
    assert_eq!(Ok(route), Route::parse(path));
    assert_eq!(entries[1].headers["authorization"], "Bearer k2");
    assert_eq!(entries[1].route(&account, &gateway), Route::parse("/v1/acc/gw/openai/chat/completions"));

    let read = entries[0].controls(&Controls::default(), HeaderMode::Strict).unwrap();
    assert_eq!((read.controls.max_attempts, read.controls.cache_ttl), (Some(2), Some(CacheTtl::Off)));
    assert_eq!(read.controls.retry_delay, Some(std::time::Duration::from_millis(250)));
}

#[test]
fn keys_and_prompts_stay_out_of_debug() {
    let debug = format!("{:?}", parse(EXAMPLE).unwrap());
    assert!(!debug.contains("k1") && !debug.contains("k2") && !debug.contains("caf"), "{debug}");
    let headers = format!("{:?}", parse(EXAMPLE).unwrap()[0].headers);
    assert!(!headers.contains("k1"), "{headers}");
}

#[test]
fn headers_win_over_the_authorization_member() {
    let body =
        r#"[{"provider":"openai","endpoint":"a","query":1,"authorization":"x","headers":{"Authorization":"y"}}]"#;
    let entries = parse(body).unwrap();
    assert_eq!(entries[0].headers.get_all("authorization").iter().collect::<Vec<_>>(), ["y"]);
}

#[test]
fn the_number_of_entries_is_bounded() {
    let body =
        |count: usize| format!("[{}]", vec![r#"{"provider":"openai","endpoint":"a","query":1}"#; count].join(","));
    assert_eq!(parse(&body(1)).unwrap().len(), 1);
    assert_eq!(parse(&body(10)).unwrap().len(), 10);
    for count in [0, 11, 12, 1000] {
        assert_eq!(parse(&body(count)).unwrap_err(), BadUniversal::Count, "{count}");
    }
    let headers = |count: usize| {
        let headers: Vec<_> = (0..count).map(|index| format!(r#""h{index}":"v""#)).collect();
        parse(&format!(r#"[{{"provider":"openai","endpoint":"a","query":1,"headers":{{{}}}}}]"#, headers.join(",")))
    };
    assert!(headers(64).is_ok());
    assert!(headers(65).is_err() && headers(1000).is_err());
}

#[test]
fn what_is_no_list_of_calls_is_refused() {
    for body in ["", "{}", "null", "3", "[", "[{}", "[{}] x", r#"{"provider":"openai"}"#] {
        assert_eq!(parse(body).unwrap_err(), BadUniversal::NotAnArray, "{body}");
    }
    assert_eq!(UniversalEntry::parse_all(b"[\"\xff\"]").unwrap_err(), BadUniversal::NotAnArray);
    let of = "entry 1 of the universal request";
    for (entry, expected) in [
        ("1", "must be an object"),
        (r#"["openai","a",{},"",1,{}]"#, "must be an object"),
        ("{}", "must have a string `provider`"),
        (r#"{"provider":1,"endpoint":"a","query":1}"#, "must have a string `provider`"),
        (r#"{"provider":"openai","query":1}"#, "must have a string `endpoint`"),
        (r#"{"provider":"openai","endpoint":null,"query":1}"#, "must have a string `endpoint`"),
        (r#"{"provider":"openai","endpoint":"a"}"#, "must have a `query`"),
        (r#"{"provider":"openai","provider":"x","endpoint":"a","query":1}"#, "must not have a member twice"),
        (r#"{"provider":"openai","endpoint":"a","query":1,"headers":"sk-secret"}"#, "must have an object `headers`"),
        (r#"{"provider":"openai","endpoint":"a","query":1,"headers":{"a b":"c"}}"#, "has a bad header name"),
        (r#"{"provider":"openai","endpoint":"a","query":1,"headers":{"a":"sk\nsecret"}}"#, "has a bad header value"),
        (r#"{"provider":"openai","endpoint":"a","query":1,"headers":{"a":null}}"#, "has a bad header value"),
        (r#"{"provider":"openai","endpoint":"a","query":1,"headers":{"a":{}}}"#, "has a bad header value"),
        (
            r#"{"provider":"openai","endpoint":"a","query":1,"config":{"maxAttempts":9}}"#,
            "has a bad `config`, which has a bad member: `maxAttempts` must be a whole number from 1 to 5",
        ),
        (
            r#"{"provider":"openai","endpoint":"a","query":1,"authorization":{}}"#,
            "must have a header's value as `authorization`",
        ),
    ] {
        assert_eq!(problem(entry), format!("{of} {expected}"), "{entry}");
    }
}

#[test]
fn an_entry_leads_nowhere_else_than_a_path_would() {
    let (account, gateway) = (AccountId::parse("acc").unwrap(), GatewayId::parse("gw").unwrap());
    for (provider, endpoint, error) in [
        ("openai", "", RouteError::TooShort),
        ("openai", "/", RouteError::TooShort),
        ("openai", "?a", RouteError::TooShort),
        ("openai", "//evil.example/a", RouteError::EmptySegment),
        ("openai", "../a", RouteError::DotSegment),
        ("openai", "https://evil.example/a", RouteError::EmptySegment),
        ("azure-openai", "evil.example/d/a", RouteError::Resource),
        ("azure-openai", "", RouteError::TooShort),
        ("", "a", RouteError::UnknownProvider),
        ("openai/x", "a", RouteError::UnknownProvider),
        ("universal", "a", RouteError::UnknownProvider),
    ] {
        let body = serde_json::json!([{"provider": provider, "endpoint": endpoint, "query": 1}]).to_string();
        let entry = parse(&body).unwrap().remove(0);
        assert_eq!(entry.route(&account, &gateway), Err(error), "{provider} {endpoint}");
    }
}

proptest! {
    /// What an entry reaches, a plain request reaches by the same route.
    #[test]
    fn entries_and_paths_agree(
        provider in "(azure-openai|openai|custom-[a-z]{1,3}|[ -~]{0,4})",
        endpoint in "((contoso|openai|deployments|gpt4o|v1|\\.\\.|%2e|[ -~]{0,3})/?){0,6}(\\?[ -~]{0,3})?",
    ) {
        let body = serde_json::json!([{"provider": provider, "endpoint": endpoint, "query": 1}]).to_string();
        let entry = parse(&body).unwrap().remove(0);
        let (account, gateway) = (AccountId::parse("acc").unwrap(), GatewayId::parse("gw").unwrap());
        if let Ok(route) = entry.route(&account, &gateway) {
            let endpoint = endpoint.strip_prefix('/').unwrap_or(&endpoint);
            prop_assert_eq!(Ok(route.clone()), Route::parse(&format!("/v1/acc/gw/{provider}/{endpoint}")));
            if let Target::Provider { path, .. } = &route.target {
                let version = if provider == "openai" { "v1/" } else { "" };
                prop_assert_eq!(path.as_str(), format!("/{}", endpoint.strip_prefix(version).unwrap_or(endpoint)));
            }
        }
    }

    #[test]
    fn any_bytes_parse_or_are_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = UniversalEntry::parse_all(&body);
    }
}
