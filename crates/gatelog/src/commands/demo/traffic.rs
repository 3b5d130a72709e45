//! What the demo's applications ask, and what the provider says that it cost.

use std::collections::BTreeMap;

use anyhow::Context;
use gatelog_model::{PicoUsd, Tokens};
use gatelog_testkit::{
    azure::{AzureServer, Behaviour, Call},
    corpus::DEPLOYMENTS,
    openai::{Answer, Api, OpenAiClient},
};
use serde_json::{Value, json};

use super::gateway::{CAPPED_REQUESTS, CAPPED_TENANT, DemoGateway};

/// Tenants without a limit.
const TENANTS: [&str; 3] = ["gw-acme", "gw-globex", "gw-initech"];
/// Requests of each kind and tenant.
const CHATS: usize = 12;
const STREAMS: usize = 8;
const EMBEDDINGS: usize = 4;
const RESPONSES: usize = 4;
const CACHE_HITS: usize = 3;
/// Times that the provider is busy before it answers one request of each tenant.
const BUSY: u32 = 2;
/// Requests of the capped tenant beyond its budget.
const REFUSED: u64 = 3;

const SOUTH_AFRICA: &str = "aoai-imbila-sa";
const EUROPE: &str = "aoai-imbila-eu";

/// What one tenant used, as provider and clients know it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct TenantUse {
    /// Tries at the provider, answers out of the cache and refusals.
    pub(super) requests: u64,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) cost: PicoUsd,
    pub(super) saved: PicoUsd,
}

/// What all did.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) by_tenant: BTreeMap<String, TenantUse>,
    pub(super) forwarded: usize,
    pub(super) cache_hits: usize,
    pub(super) refused: usize,
}

/// Drives everything through the gateway, then counts by what the provider has in its books.
pub(super) async fn drive(gateway: &DemoGateway, azure: &AzureServer) -> anyhow::Result<Traffic> {
    let mut traffic = Traffic::default();
    let mut hits = Vec::new();
    for tenant in TENANTS {
        ask_everything(gateway, tenant).await?;
        ask_a_busy_provider(gateway, azure, tenant).await?;
        hits.extend(ask_again(gateway, tenant).await?.into_iter().map(|answer| (tenant, answer)));
    }
    traffic.refused = ask_beyond_the_budget(gateway).await?;
    traffic.by_tenant.entry(CAPPED_TENANT.to_owned()).or_default().requests += traffic.refused as u64;

    let calls = azure.calls();
    for call in &calls {
        let tenant = call.tenant.clone().context("the provider got a request without `x-sim-tenant`")?;
        let used = traffic.by_tenant.entry(tenant).or_default();
        used.requests += 1;
        if call.status.is_some_and(|status| status < 400) {
            used.add_tokens(&call.tokens);
            used.cost = [used.cost, price(call)?].into_iter().sum();
        }
    }
    for (tenant, answer) in &hits {
        let call = original(&calls, answer)?;
        let used = traffic.by_tenant.entry((*tenant).to_owned()).or_default();
        used.requests += 1;
        used.add_tokens(&call.tokens);
        used.saved = [used.saved, price(call)?].into_iter().sum();
    }
    (traffic.forwarded, traffic.cache_hits) = (calls.len(), hits.len());
    Ok(traffic)
}

impl TenantUse {
    fn add_tokens(&mut self, tokens: &Tokens) {
        self.input_tokens += tokens.input.unwrap_or(0);
        self.output_tokens += tokens.output.unwrap_or(0);
    }
}

/// The client of a tenant: the SDK's, with a base URL of the gateway and two headers.
fn client(gateway: &DemoGateway, tenant: &str, resource: &str) -> OpenAiClient {
    OpenAiClient::new(gateway.azure_endpoint(resource), "azure-key-of-the-application")
        .with_header("cf-aig-metadata", json!({"tenantId": tenant, "userId": "demo"}).to_string())
        .with_header("x-sim-tenant", tenant)
}

async fn ask_everything(gateway: &DemoGateway, tenant: &str) -> anyhow::Result<()> {
    let (africa, europe) = (client(gateway, tenant, SOUTH_AFRICA), client(gateway, tenant, EUROPE));
    for number in 0..CHATS {
        succeed(&africa, Api::Chat, "gpt-4o-sa", &chat(tenant, number)).await?;
    }
    for number in 0..STREAMS {
        let mut body = chat(tenant, number);
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
        let answer = succeed(&europe, Api::Chat, "gpt-4.1-dz", &body).await?;
        anyhow::ensure!(answer.body.ends_with(b"data: [DONE]\n\n"), "a stream did not come to its end");
    }
    for number in 0..EMBEDDINGS {
        let body = json!({"input": [format!("document {number} of {tenant}")]});
        succeed(&europe, Api::Embeddings, "embed-small", &body).await?;
    }
    for number in 0..RESPONSES {
        let body = json!({"model": "reasoning", "input": format!("riddle {number} of {tenant}")});
        succeed(&africa, Api::Responses, "reasoning", &body).await?;
    }
    Ok(())
}

/// Three attempts where the provider is busy for the first two.
async fn ask_a_busy_provider(gateway: &DemoGateway, azure: &AzureServer, tenant: &str) -> anyhow::Result<()> {
    azure.behave_times("mini", BUSY, Behaviour::rate_limited(std::time::Duration::from_millis(20)));
    let patient = client(gateway, tenant, SOUTH_AFRICA).with_header("cf-aig-max-attempts", "3");
    let answer = succeed(&patient, Api::Chat, "mini", &chat(tenant, CHATS)).await?;
    let attempts = answer.header("cf-aig-attempts").unwrap_or_default();
    anyhow::ensure!(attempts == (BUSY + 1).to_string(), "`cf-aig-attempts` says {attempts:?}");
    Ok(())
}

/// The same question several times; all but the first are answered out of the cache.
async fn ask_again(gateway: &DemoGateway, tenant: &str) -> anyhow::Result<Vec<Answer>> {
    let frugal = client(gateway, tenant, SOUTH_AFRICA)
        .with_header("cf-aig-cache-ttl", "3600")
        .with_header("cf-aig-cache-key", tenant);
    let mut hits = Vec::new();
    for number in 0..=CACHE_HITS {
        let answer = succeed(&frugal, Api::Chat, "mini", &chat(tenant, CHATS + 1)).await?;
        let (status, expected) =
            (answer.header("cf-aig-cache-status").unwrap_or_default(), if number == 0 { "MISS" } else { "HIT" });
        anyhow::ensure!(status == expected, "`cf-aig-cache-status` of request {number} says {status:?}");
        if number > 0 {
            hits.push(answer);
        }
    }
    Ok(hits)
}

/// How many were refused: those beyond the budget, before the provider was asked.
async fn ask_beyond_the_budget(gateway: &DemoGateway) -> anyhow::Result<usize> {
    let capped = client(gateway, CAPPED_TENANT, SOUTH_AFRICA);
    let mut refused = 0;
    for number in 0..CAPPED_REQUESTS + REFUSED {
        let body = chat(CAPPED_TENANT, usize::try_from(number)?);
        let answer = capped.ask(Api::Chat, "gpt-4o-sa", &body).await?;
        let is_limit = answer.header("cf-aig-source") == Some("rate-limit");
        anyhow::ensure!(answer.status.is_success() != is_limit, "request {number} was answered {}", answer.status);
        refused += usize::from(is_limit);
    }
    Ok(refused)
}

async fn succeed(client: &OpenAiClient, api: Api, deployment: &str, body: &Value) -> anyhow::Result<Answer> {
    let answer = client.ask(api, deployment, body).await?;
    anyhow::ensure!(answer.status.is_success(), "the gateway answered {} for `{deployment}`", answer.status);
    Ok(answer)
}

fn chat(tenant: &str, number: usize) -> Value {
    json!({"messages": [{"role": "user", "content": format!("question {number} of {tenant}")}], "max_tokens": 200})
}

/// The call whose answer a cache hit repeats.
fn original<'c>(calls: &'c [Call], answer: &Answer) -> anyhow::Result<&'c Call> {
    let body: Value = serde_json::from_slice(&answer.body).context("read an answer")?;
    let found = calls.iter().find(|call| body["id"] == call.answer_id.as_str());
    found.context("an answer out of the cache repeats none of the provider's")
}

/// What the tokens of a call cost at the list price that was typed in by hand.
fn price(call: &Call) -> anyhow::Result<PicoUsd> {
    let known = DEPLOYMENTS.iter().find(|known| known.deployment == call.deployment);
    let price = known.and_then(|known| known.price).context("the provider served an unpriced deployment")?;
    let Tokens { input, cached_input, output, .. } = call.tokens;
    let (input, cached, output) = (input.unwrap_or(0), cached_input.unwrap_or(0), output.unwrap_or(0));
    let plain = i128::from(input - cached) * price.input;
    Ok(PicoUsd::new(plain + i128::from(cached) * price.cached_input + i128::from(output) * price.output))
}
