//! What our first users' Worker code does, unchanged but for the host name.

use std::time::Duration;

use crate::common::{ACME, Setup, World, azure_target, chat_body};
use gatelog_gateway::{FallbackOptions, GatewayOptions};
use gatelog_testkit::azure::Behaviour;
use serde_json::json;

#[tokio::test]
async fn the_url_swap_is_all_it_takes() {
    let world = World::start(Setup::default()).await;
    let answer = world.chat(&[ACME], "hello").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["object"], "chat.completion");
    assert_eq!(answer.header("cf-aig-attempts"), Some("1"));
    assert_eq!(answer.header("cf-aig-provider"), Some("azure-openai"));
    assert_eq!(answer.header("cf-aig-step"), Some("0"));
    assert_eq!(answer.header("cf-aig-cache-status"), Some("BYPASS"));
    let log_id = answer.header("cf-aig-log-id").unwrap().to_owned();
    assert_eq!(answer.header("cf-aig-request-id"), Some(&*log_id));
    assert_eq!(answer.header("cf-aig-event-id"), Some(&*log_id));

    let [call] = &world.azure.calls()[..] else { panic!("one call") };
    assert_eq!(call.path, "/openai/deployments/gpt-4o/chat/completions");
    assert_eq!(call.query, "api-version=2024-10-21");
    assert_eq!(call.header("api-key"), Some("caller-key"));
    assert!(call.headers.iter().all(|(name, _)| !name.starts_with("cf-aig-")), "{:?}", call.headers);
    assert_eq!(call.body_bytes, chat_body("hello").len());
    let tokens = call.tokens;

    let records = world.records().await;
    let [record] = &records[..] else { panic!("one record: {records:?}") };
    assert_eq!(record["LogId"], log_id.as_str());
    assert_eq!(record["Endpoint"], "aoai-za/gpt-4o/chat/completions?api-version=2024-10-21");
    assert_eq!(record["Provider"], "azure-openai");
    assert_eq!(record["Gateway"], "prod");
    assert_eq!(record["StatusCode"], 200);
    assert_eq!(record["Cached"], false);
    assert_eq!(record["Attempt"], 1);
    assert_eq!(record["Metadata"], json!({"tenantId": "acme", "userId": "u1"}));
    assert_eq!(record["RequestBody"], chat_body("hello"));
    assert_eq!(record["ResponseBody"].as_str().unwrap().as_bytes(), &answer.body[..]);
    assert_eq!(record["Usage"]["prompt_tokens"], tokens.input.unwrap());
    assert_eq!(record["Usage"]["completion_tokens"], tokens.output.unwrap());
    assert_eq!(record["Model"], "gpt-4o-2024-11-20");
}

#[tokio::test]
async fn one_cache_key_of_a_tenant_is_a_scope_not_the_answer() {
    let world = World::start(Setup::default()).await;
    let headers = [ACME, ("cf-aig-cache-ttl", "3600"), ("cf-aig-cache-key", "acme")];
    let first = world.chat(&headers, "one").await;
    assert_eq!(first.header("cf-aig-cache-status"), Some("MISS"));
    let again = world.chat(&headers, "one").await;
    assert_eq!(again.header("cf-aig-cache-status"), Some("HIT"));
    assert_eq!(again.body, first.body);
    let other = world.chat(&headers, "two").await;
    assert_eq!(other.header("cf-aig-cache-status"), Some("MISS"));
    assert_ne!(other.body, first.body, "another prompt has another answer");
    let skipped = world.chat(&[headers[0], headers[1], headers[2], ("cf-aig-skip-cache", "true")], "one").await;
    assert_eq!(skipped.header("cf-aig-cache-status"), Some("BYPASS"));
    let tenant = ("cf-aig-metadata", r#"{"tenantId":"shop"}"#);
    let foreign = world.chat(&[tenant, headers[1], headers[2]], "one").await;
    assert_eq!(foreign.header("cf-aig-cache-status"), Some("MISS"), "another tenant has its own answers");
    assert_eq!(world.azure.totals().sum.calls, 4);

    let records = world.records().await;
    let hits: Vec<_> = records.iter().filter(|record| record["Cached"] == true).collect();
    assert_eq!((records.len(), hits.len()), (5, 1));
    assert_eq!(hits[0]["ResponseBody"], String::from_utf8(first.body.to_vec()).unwrap());
    assert_eq!(hits[0]["Attempt"], serde_json::Value::Null);
}

#[tokio::test]
async fn three_attempts_with_the_providers_own_wait() {
    let world = World::start(Setup::default()).await;
    world.azure.behave_all_times(2, Behaviour::rate_limited(Duration::from_millis(30)));
    let retries =
        [ACME, ("cf-aig-max-attempts", "3"), ("cf-aig-retry-delay", "500"), ("cf-aig-backoff", "exponential")];
    let started = std::time::Instant::now();
    let answer = world.chat(&retries, "hello").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cf-aig-attempts"), Some("3"));
    assert!(started.elapsed() >= Duration::from_millis(60), "waited as the provider asked");
    assert!(started.elapsed() < Duration::from_millis(500), "and not for the computed delay");

    let records = world.records().await;
    let statuses: Vec<_> = records.iter().map(|record| record["StatusCode"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [429, 429, 200]);
    assert_eq!(records[1]["Attempt"], 2);
    assert!(records[0]["ResponseBody"].as_str().unwrap().contains("429"));
    let ids: std::collections::BTreeSet<_> = records.iter().map(|record| record["LogId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3, "every attempt has an id of its own");
    assert_eq!(answer.header("cf-aig-log-id"), records[2]["LogId"].as_str());
}

#[tokio::test]
async fn fallback_names_the_target_that_answered() {
    let options = GatewayOptions {
        targets: vec![
            azure_target("azure-openai-sa", "aoai-za", "southafricanorth"),
            azure_target("azure-openai-eu", "aoai-eu", "swedencentral"),
        ],
        fallbacks: vec![FallbackOptions {
            from: "aoai-za".into(),
            deployment: String::new(),
            to: vec!["azure-openai-eu".into()],
        }],
        ..GatewayOptions::default()
    };
    let world = World::start(Setup { options, ..Setup::default() }).await;
    world.azure.behave_all_times(1, Behaviour::status(503));
    let answer = world.chat(&[ACME], "hello").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cf-aig-provider"), Some("azure-openai-eu"));
    assert_eq!(answer.header("cf-aig-step"), Some("1"));
    assert_eq!(answer.header("cf-aig-attempts"), Some("2"));
    let keys: Vec<_> = world.azure.calls().iter().map(|call| call.header("api-key").unwrap().to_owned()).collect();
    assert_eq!(keys, ["key-of-aoai-za", "key-of-aoai-eu"], "no target sees another's key, nor the caller's");

    let records = world.records().await;
    assert_eq!(records.len(), 2);
    assert_eq!((&records[0]["StatusCode"], &records[0]["Step"]), (&json!(503), &json!(0)));
    assert_eq!((&records[1]["StatusCode"], &records[1]["Step"]), (&json!(200), &json!(1)));
    assert_eq!(records[1]["Endpoint"], "aoai-eu/gpt-4o/chat/completions?api-version=2024-10-21");
    assert_eq!(records[1]["Region"], "swedencentral");
}
