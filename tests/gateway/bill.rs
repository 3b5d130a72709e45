//! The bill of the log is what Azure has served, at list prices; and what the budget has counted.

use std::collections::BTreeMap;

use gatelog_system_tests::{Audit, Call, GatewayWorld, Labels, Run};
use gatelog_testkit::azure::{Behaviour, Counts};
use http::StatusCode;
use serde_json::json;

/// `embed` beside the chat deployment of every world; few requests for `lab`, and money enough for all.
const SETTINGS: &str = r#"
[[deployments]]
resource = "aoai-test"
deployment = "embed"
model = "text-embedding-3-small"
type = "global"
region = "swedencentral"

[[budgets.list]]
id = "lab-requests"
tenant = "lab"
unit = "requests"
per = "day"
amount = "7"

[[budgets.list]]
id = "daily-money"
unit = "usd"
per = "day"
amount = "100"
"#;
/// Azure's list, 2026-08-11: `gpt-4o-2024-11-20`, regional, southafricanorth; USD per million as pico-USD per token.
const INPUT_PICO_USD: u64 = 3_025_000;
const CACHED_INPUT_PICO_USD: u64 = 1_513_000;
const OUTPUT_PICO_USD: u64 = 12_100_000;
/// The same for `text-embedding-3-small`, global.
const EMBEDDING_PICO_USD: u64 = 20_000;
/// Tenants, and how many rounds of requests each makes.
const TENANTS: [(&str, u32); 3] = [("acme", 6), ("shop", 3), ("lab", 3)];
/// What comes before a tenant's name in Azure's totals of embeddings.
const EMBEDDINGS_OF: &str = "embeddings of ";

const EMBED: &str = "/v1/account/prod/azure-openai/aoai-test/embed/embeddings?api-version=2024-10-21";
const RESPONSES: &str = "/v1/account/prod/azure-openai/aoai-test/openai/responses?api-version=2025-04-01-preview";

/// What a tenant has of `cost_daily`, or should have; money in pico-USD.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Line {
    requests: u64,
    cached_requests: u64,
    input_tokens: u64,
    cached_input_tokens: u64,
    output_tokens: u64,
    cost: u64,
    saved: u64,
    unpriced: u64,
}

/// What came out of the cache or was refused: Azure knows nothing of it.
#[derive(Debug, Default)]
struct Unserved {
    hits: u64,
    hit_tokens: Counts,
    refused: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bill_is_what_azure_served_at_list_prices() {
    let world = GatewayWorld::start(Behaviour::default(), SETTINGS).await;
    let mut gateway = world.gateway("spool");
    gateway.start(&world, &[]).await;
    let mut unserved = BTreeMap::<&str, Unserved>::new();
    let mut label = 0;
    for (tenant, rounds) in TENANTS {
        for call in (0..rounds).flat_map(|round| calls(tenant, round)) {
            let answer = world.call(gateway.address(), &call.labelled(label)).await.unwrap();
            label += 1;
            assert!(answer.is_whole());
            let unserved = unserved.entry(tenant).or_default();
            match answer.status {
                StatusCode::OK if answer.header("cf-aig-cache-status") == "HIT" => unserved.hit(&answer.usage()),
                StatusCode::OK => {}
                StatusCode::TOO_MANY_REQUESTS => unserved.refused += 1,
                status => panic!("{status}: {:?}", answer.body),
            }
        }
    }
    gateway.stop().await;
    Run::ingest_once().succeed(&world.world).await;

    let mut expected = BTreeMap::new();
    for (tenant, _) in TENANTS {
        let (chat, embeddings) = (world.served(tenant).await, world.served(&format!("{EMBEDDINGS_OF}{tenant}")).await);
        expected.insert(tenant.to_owned(), expected_line(&chat, &embeddings, &unserved[tenant]));
    }
    assert!(expected.values().all(|line| line.cached_requests > 0 && line.saved > 0), "{expected:?}");
    assert!(expected["acme"].cached_input_tokens > 0, "some of Azure's own cache: {expected:?}");
    assert_eq!(unserved["lab"].refused, 7, "of the 18 that the lab asked, 7 were served and 4 came out of the cache");
    assert_eq!(billed(&world).await, expected);
    // Nobody is charged twice for one request, or in the view alone.
    let all: Labels = (0..label).collect();
    Audit::of(&world.world).await.assert_answered(&all, &all);

    let counted = world
        .world
        .rows(
            "SELECT tenant_id, used_amount, leased_amount FROM gatelog.budget_status
             WHERE budget_id = 'daily-money' ORDER BY 1",
        )
        .await;
    let counts = |(tenant, line): (&String, &Line)| vec![tenant.clone(), line.cost.to_string(), "0".to_owned()];
    assert_eq!(counted, expected.iter().map(counts).collect::<Vec<_>>(), "the budget has counted what the log bills");
}

/// A round of a tenant: every kind of request.
fn calls(tenant: &str, round: u32) -> Vec<Call> {
    let cached = |call: Call| call.with("cf-aig-cache-ttl", "3600");
    // From 1,024 tokens on Azure may have read a part of the prompt from its own cache.
    let long = format!("{round} {}", "a long story ".repeat(500));
    let embedding = json!({"input": [format!("text {round}"), "another"], "model": "text-embedding-3-small"});
    let response = json!({"model": "chat", "input": format!("question {round}"), "max_output_tokens": 60});
    vec![
        Call::chat(tenant, &format!("plain {round}"), 40),
        cached(Call::chat(tenant, "again and again", 50)),
        cached(Call::chat(tenant, "again and again, as a stream", 50).streamed()),
        Call::chat(tenant, &long, 60).streamed(),
        Call::to(EMBED, tenant, embedding).counted_as(&format!("{EMBEDDINGS_OF}{tenant}")),
        Call::to(RESPONSES, tenant, response),
    ]
}

impl Unserved {
    fn hit(&mut self, usage: &serde_json::Value) {
        let count = |pointer: &str| usage.pointer(pointer).unwrap().as_u64().unwrap();
        self.hits += 1;
        self.hit_tokens.input_tokens += count("/prompt_tokens");
        self.hit_tokens.cached_input_tokens += count("/prompt_tokens_details/cached_tokens");
        self.hit_tokens.output_tokens += count("/completion_tokens");
    }
}

/// Tokens of cache hits stand in the bill like others; their price stands in what was saved.
fn expected_line(chat: &Counts, embeddings: &Counts, unserved: &Unserved) -> Line {
    let Unserved { hits, hit_tokens, refused } = unserved;
    assert_eq!((chat.calls, embeddings.calls), (chat.finished, embeddings.finished), "Azure has finished everything");
    Line {
        requests: chat.calls + embeddings.calls + hits + refused,
        cached_requests: *hits,
        input_tokens: chat.input_tokens + embeddings.input_tokens + hit_tokens.input_tokens,
        cached_input_tokens: chat.cached_input_tokens + hit_tokens.cached_input_tokens,
        output_tokens: chat.output_tokens + hit_tokens.output_tokens,
        cost: price(chat) + embeddings.input_tokens * EMBEDDING_PICO_USD,
        saved: price(hit_tokens),
        unpriced: 0,
    }
}

fn price(counts: &Counts) -> u64 {
    (counts.input_tokens - counts.cached_input_tokens) * INPUT_PICO_USD
        + counts.cached_input_tokens * CACHED_INPUT_PICO_USD
        + counts.output_tokens * OUTPUT_PICO_USD
}

/// What the view says, by tenant.
async fn billed(world: &GatewayWorld) -> BTreeMap<String, Line> {
    let rows = world
        .world
        .rows(
            "SELECT tenant_id, sum(requests), sum(cached_requests), sum(input_tokens), sum(cached_input_tokens),
                    sum(output_tokens), trunc(sum(cost_usd) * 1000000000000), trunc(sum(saved_usd) * 1000000000000),
                    sum(unpriced_requests)
             FROM gatelog.cost_daily GROUP BY 1",
        )
        .await;
    let line = |row: &Vec<String>| {
        let numbers: Vec<u64> = row[1..].iter().map(|text| text.parse().unwrap()).collect();
        let &[requests, cached_requests, input_tokens, cached_input_tokens, output_tokens, cost, saved, unpriced] =
            &numbers[..]
        else {
            panic!("nine columns: {row:?}")
        };
        let line =
            Line { requests, cached_requests, input_tokens, cached_input_tokens, output_tokens, cost, saved, unpriced };
        (row[0].clone(), line)
    };
    rows.iter().map(line).collect()
}
