//! What is refused before a provider is called, and how that is said.

use std::time::Duration;

use crate::common::{ACME, CHAT, Setup, World, azure_target, chat_body};
use gatelog_budget::{Amount, Budget, BudgetId, Period, Unit, WindowLength};
use gatelog_gateway::{
    FallbackOptions, GatewayOptions, HeaderMode, ListedTokens, ResidencyRule, TokenDigest, TokenGrant,
};
use gatelog_model::TenantId;
use gatelog_testkit::azure::Behaviour;
use serde_json::json;

fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

fn budget(id: &str, unit: Unit, period: Period, amount: u64) -> Budget {
    let amount = Amount::try_new(amount).unwrap();
    Budget { id: BudgetId::parse(id).unwrap(), tenant: Some(tenant("acme")), unit, period, amount }
}

const DAY: Period = Period::Day(chrono_tz::Tz::UTC);

#[tokio::test]
async fn over_budget_is_a_429_that_says_which_before_any_call() {
    let budgets = vec![budget("daily-tokens", Unit::Tokens, DAY, 1_000)];
    let world = World::start(Setup { budgets, ..Setup::default() }).await;
    let first = world.chat(&[ACME], "hello").await;
    assert_eq!(first.status, 200);
    let large = world.chat(&[ACME], &"x".repeat(2_000)).await;
    assert_eq!(large.status, 429);
    assert_eq!(large.header("cf-aig-source"), Some("rate-limit"));
    let wait: u64 = large.header("retry-after").unwrap().parse().unwrap();
    assert!(wait > 0);
    let is_told_not_to = large.header("x-should-retry") == Some("false");
    assert_eq!(is_told_not_to, wait > 60, "no SDK sleeps until the end of the day");
    let error = large.json();
    assert_eq!(error["name"], "AiGatewayError");
    assert_eq!(error["success"], false);
    assert_eq!(error["httpCode"], 429);
    assert!(error["message"].as_str().unwrap().contains("daily-tokens"), "{error}");
    let other = world.chat(&[("cf-aig-metadata", r#"{"tenantId":"shop"}"#)], &"x".repeat(2_000)).await;
    assert_eq!(other.status, 200, "it is the budget of one tenant");
    assert_eq!(world.azure.totals().sum.calls, 2);

    let records = world.records().await;
    let refused: Vec<_> = records.iter().filter(|record| record["RateLimited"] == true).collect();
    assert_eq!((records.len(), refused.len()), (3, 1));
    assert_eq!(refused[0]["StatusCode"], 429);
    assert_eq!(refused[0]["Metadata"]["tenantId"], "acme");
}

#[tokio::test]
async fn requests_per_window_are_counted() {
    let window = Period::Fixed(WindowLength::try_new(Duration::from_secs(3_600)).unwrap());
    let budgets = vec![budget("hourly", Unit::Requests, window, 3)];
    let world = World::start(Setup { budgets, ..Setup::default() }).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(world.chat(&[ACME], "hello").await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
}

#[tokio::test]
async fn a_refused_call_costs_nothing() {
    let budgets = vec![budget("daily-tokens", Unit::Tokens, DAY, 400)];
    let world = World::start(Setup { budgets, ..Setup::default() }).await;
    for _ in 0..20 {
        world.azure.behave_all_times(1, Behaviour::status(400));
        assert_eq!(world.chat(&[ACME], "hello").await.status, 400);
    }
    assert_eq!(world.chat(&[ACME], "hello").await.status, 200);
}

#[tokio::test]
async fn strict_headers_are_a_400_that_names_them_and_lenient_ones_are_left_out() {
    let world = World::start(Setup::default()).await;
    let refused = world.chat(&[ACME, ("cf-aig-max-attempts", "9")], "x").await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["message"].as_str().unwrap().contains("cf-aig-max-attempts"));
    assert_eq!(world.azure.totals().sum.calls, 0);
    let options = GatewayOptions { header_mode: HeaderMode::Lenient, ..GatewayOptions::default() };
    let lenient = World::start(Setup { options, ..Setup::default() }).await;
    assert_eq!(lenient.chat(&[ACME, ("cf-aig-max-attempts", "9")], "x").await.status, 200);
}

#[tokio::test]
async fn a_token_decides_the_tenant() {
    let grant = TokenGrant { id: "t1".into(), tenant: Some(tenant("acme")), gateways: vec!["prod".into()] };
    let tokens: ListedTokens = [(TokenDigest::of("secret"), grant)].into_iter().collect();
    let world = World::start(Setup { tokens: Some(Box::new(tokens)), ..Setup::default() }).await;
    let token = ("cf-aig-authorization", "Bearer secret");
    let missing = world.chat(&[ACME], "x").await;
    assert_eq!(missing.status, 401);
    assert_eq!(missing.json()["internalCode"], 2009);
    assert_eq!(world.chat(&[("cf-aig-authorization", "Bearer other")], "x").await.status, 401);
    let contradicting = ("cf-aig-metadata", r#"{"tenantId":"shop"}"#);
    assert_eq!(world.chat(&[token, contradicting], "x").await.status, 403);
    let elsewhere = CHAT.replace("/prod/", "/test/");
    assert_eq!(world.send(&elsewhere, &[token], chat_body("x")).await.status, 403);
    assert_eq!(world.chat(&[token, ("cf-aig-metadata", r#"{"userId":"u"}"#)], "x").await.status, 200);
    let [call] = &world.azure.calls()[..] else { panic!("one call") };
    assert!(call.header("cf-aig-authorization").is_none());
    let records = world.records().await;
    assert_eq!(records[0]["Metadata"], json!({"userId": "u", "tenantId": "acme"}));
}

#[tokio::test]
async fn residency_is_kept_and_said() {
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
        residency: vec![ResidencyRule { tenant: tenant("acme"), regions: ["southafricanorth".to_owned()].into() }],
        ..GatewayOptions::default()
    };
    let world = World::start(Setup { options, ..Setup::default() }).await;
    world.azure.behave_all(Behaviour::status(503));
    let pinned = world.chat(&[ACME], "x").await;
    assert_eq!(pinned.status, 503);
    assert_eq!(pinned.header("cf-aig-fallback-withheld"), Some("residency: azure-openai-eu"));
    assert_eq!(world.azure.totals().sum.calls, 1);
    let outside = CHAT.replace("aoai-za", "aoai-eu");
    let refused = world.send(&outside, &[("api-key", "k"), ACME], chat_body("x")).await;
    assert_eq!(refused.status, 403);
    assert!(refused.json()["message"].as_str().unwrap().contains("residency"));
    let free = world.chat(&[("cf-aig-metadata", r#"{"tenantId":"shop"}"#)], "x").await;
    assert_eq!(free.header("cf-aig-step"), Some("1"));
    assert_eq!(world.azure.totals().sum.calls, 3);
    let records = world.records().await;
    assert!(records.iter().any(|record| record["StatusCode"] == 403));
}

#[tokio::test]
async fn a_full_spool_refuses_new_requests() {
    let spool = |options: &mut gatelog_spool::SpoolOptions| options.spool_bytes_max = 1;
    let world = World::start(Setup { spool: Box::new(spool), ..Setup::default() }).await;
    let answer = world.chat(&[ACME], "x").await;
    assert_eq!(answer.status, 503);
    assert_eq!(world.azure.totals().sum.calls, 0);
}

#[tokio::test]
async fn opting_out_is_for_those_who_may() {
    let options = GatewayOptions { opt_out_tenants: vec![tenant("shop")], ..GatewayOptions::default() };
    let world = World::start(Setup { options, ..Setup::default() }).await;
    let shop = ("cf-aig-metadata", r#"{"tenantId":"shop"}"#);
    for who in [ACME, shop] {
        world.chat(&[who, ("cf-aig-collect-log", "false")], "nothing").await;
        world.chat(&[who, ("cf-aig-collect-log-payload", "false")], "no bodies").await;
    }
    let records = world.records().await;
    let of = |name: &str| records.iter().filter(|record| record["Metadata"]["tenantId"] == name).collect::<Vec<_>>();
    assert_eq!(of("acme").len(), 2);
    assert!(of("acme").iter().all(|record| record["RequestBody"].is_string()));
    let [kept] = of("shop")[..] else { panic!("one record without bodies") };
    assert!(kept["RequestBody"].is_null() && kept["ResponseBody"].is_null());
    assert!(kept["Usage"].is_object(), "what it cost is known all the same");
}

#[tokio::test]
async fn unknown_paths_and_large_bodies() {
    let options = GatewayOptions { request_bytes_max: 1_000, ..GatewayOptions::default() };
    let world = World::start(Setup { options, ..Setup::default() }).await;
    assert_eq!(world.send("/v1/account/prod/custom-none/x", &[], "{}").await.status, 400);
    assert_eq!(world.send("/nothing", &[], "{}").await.status, 400);
    let large = world.chat(&[ACME], &"x".repeat(1_000)).await;
    assert_eq!(large.status, 413);
    assert_eq!(world.azure.totals().sum.calls, 0);
}

#[tokio::test]
async fn timeouts_and_dead_providers() {
    let world = World::start(Setup::default()).await;
    world.azure.behave_all("hang".parse().unwrap());
    let slow = world.chat(&[ACME, ("cf-aig-request-timeout", "100")], "x").await;
    assert_eq!(slow.status, 504);
    assert_eq!(slow.header("cf-aig-attempts"), Some("1"));
    let again = world.chat(&[ACME, ("cf-aig-request-timeout", "50"), ("cf-aig-max-attempts", "2")], "x").await;
    assert_eq!((again.status.as_u16(), again.header("cf-aig-attempts")), (504, Some("2")));
    world.azure.behave_all("reset".parse().unwrap());
    let dead = world.chat(&[ACME], "x").await;
    assert_eq!(dead.status, 502);
    assert_eq!(dead.json()["name"], "AiGatewayError");
    let records = world.records().await;
    let statuses: Vec<_> = records.iter().map(|record| record["StatusCode"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [504, 504, 504, 502]);
}

#[tokio::test]
async fn a_storm_of_429_puts_a_tenth_on_top() {
    let world = World::start(Setup::default()).await;
    world.azure.behave_all(Behaviour::rate_limited(Duration::from_millis(1)));
    let headers = [ACME, ("cf-aig-max-attempts", "5"), ("cf-aig-retry-delay", "1")];
    for _ in 0..20 {
        let answers = futures::future::join_all((0..50).map(|_| world.chat(&headers, "x"))).await;
        assert!(answers.iter().all(|answer| answer.status == 429));
        assert!(answers.iter().all(|answer| answer.header("retry-after-ms").is_some()), "the provider's own words");
    }
    let calls = world.azure.totals().sum.calls;
    assert!((1_000..=1_100).contains(&calls), "{calls} calls for 1,000 requests");
}

#[tokio::test]
async fn the_universal_endpoint_takes_the_next_entry() {
    let world = World::start(Setup::default()).await;
    world.azure.behave("broken", Behaviour::status(500));
    let entry = |deployment: &str| {
        json!({
            "provider": "azure-openai",
            "endpoint": format!("aoai-za/{deployment}/chat/completions?api-version=2024-10-21"),
            "headers": {"api-key": format!("key-{deployment}"), "content-type": "application/json"},
            "query": {"messages": [{"role": "user", "content": "hi"}]},
        })
    };
    let body = json!([entry("broken"), entry("gpt-4o")]).to_string();
    let answer = world.send("/v1/account/prod", &[ACME], body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cf-aig-step"), Some("1"));
    let keys: Vec<_> = world.azure.calls().iter().map(|call| call.header("api-key").unwrap().to_owned()).collect();
    assert_eq!(keys, ["key-broken", "key-gpt-4o"]);
    let records = world.records().await;
    assert_eq!(records.len(), 2);
    assert_eq!(records[1]["RequestBody"], json!({"messages": [{"role": "user", "content": "hi"}]}).to_string());
}

#[tokio::test]
async fn an_entry_keeps_its_number_whoever_stands_in_for_its_target() {
    let options = GatewayOptions {
        targets: vec![
            azure_target("sa", "aoai-za", "southafricanorth"),
            azure_target("eu", "aoai-eu", "swedencentral"),
        ],
        fallbacks: vec![FallbackOptions { from: "aoai-za".into(), deployment: String::new(), to: vec!["eu".into()] }],
        ..GatewayOptions::default()
    };
    let world = World::start(Setup { options, ..Setup::default() }).await;
    world.azure.behave_all_times(1, Behaviour::status(500));
    let entry = json!({
        "provider": "azure-openai",
        "endpoint": "aoai-za/gpt-4o/chat/completions?api-version=2024-10-21",
        "headers": {"api-key": "k"},
        "query": {"messages": [{"role": "user", "content": "hi"}]},
    });
    let answer = world.send("/v1/account/prod", &[ACME], json!([entry]).to_string()).await;
    assert_eq!((answer.status.as_u16(), answer.header("cf-aig-provider")), (200, Some("eu")));
    assert_eq!(answer.header("cf-aig-step"), Some("0"), "clients look up what they asked by it");
}

#[tokio::test]
async fn an_entry_says_what_it_asks_of_the_cache() {
    let world = World::start(Setup::default()).await;
    let body = |ttl: &str, prompt: &str| {
        json!([{
            "provider": "azure-openai",
            "endpoint": "aoai-za/gpt-4o/chat/completions?api-version=2024-10-21",
            "headers": {"api-key": "k", "cf-aig-cache-ttl": ttl},
            "query": {"messages": [{"role": "user", "content": prompt}]},
        }])
        .to_string()
    };
    let ask = async |headers: &[(&str, &str)], body: String| {
        let answer = world.send("/v1/account/prod", headers, body).await;
        answer.header("cf-aig-cache-status").map(str::to_owned)
    };
    assert_eq!(ask(&[ACME], body("60", "a")).await.as_deref(), Some("MISS"));
    assert_eq!(ask(&[ACME], body("60", "a")).await.as_deref(), Some("HIT"));
    let request = [ACME, ("cf-aig-cache-ttl", "60")];
    assert_eq!(ask(&request, body("0", "b")).await.as_deref(), Some("BYPASS"));
    assert_eq!(ask(&request, body("0", "b")).await.as_deref(), Some("BYPASS"));
}
