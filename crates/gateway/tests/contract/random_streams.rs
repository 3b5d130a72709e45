//! Ten thousand random streams in random pieces: the caller gets the very bytes, the record has the usage that was in them, and
//! what they said, put together where that loses nothing.
//!
//! `GATELOG_SOAK_SEED` chooses the streams; with `GATELOG_SOAK_SECONDS` further seeds follow until the time is up.

mod provider;
mod stream;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use crate::common::{Answer, Setup, World, azure_target};
use bytes::Bytes;
use futures::StreamExt as _;
use gatelog_gateway::GatewayOptions;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use provider::Provider;
use stream::{Api, RandomStream};

/// Streams of one seed.
const STREAMS: u64 = 10_000;
/// Callers at once, each on a connection that it keeps.
const CALLERS: usize = 16;
/// Longest text in a record unless configured otherwise; what is longer is cut.
const LOGGED_BYTES_MAX: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn any_stream_in_any_pieces_arrives_as_it_was_sent_and_is_billed_as_it_says() {
    let setting = |name: &str| {
        #[expect(clippy::disallowed_methods, reason = "how `make soak` says how long")]
        std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok())
    };
    let deadline = Instant::now() + setting("GATELOG_SOAK_SECONDS").map_or(Duration::ZERO, Duration::from_secs);
    let mut seed = setting("GATELOG_SOAK_SEED").unwrap_or(1);
    loop {
        differ(seed).await;
        seed += 1;
        if Instant::now() >= deadline {
            return;
        }
    }
}

/// Sends every stream of a seed through a gateway, and compares.
async fn differ(seed: u64) {
    let provider = Provider::start(seed).await;
    let target = gatelog_gateway::TargetOptions {
        base_url: provider.endpoint(),
        ..azure_target("provider", "aoai-za", "southafricanorth")
    };
    let options = GatewayOptions { targets: vec![target], ..GatewayOptions::default() };
    let world = World::start(Setup { options, ..Setup::default() }).await;
    futures::stream::iter(0..STREAMS)
        .for_each_concurrent(CALLERS, |index| {
            let world = &world;
            async move {
                let stream = RandomStream::new(seed, index);
                let answer = ask(world, stream.api, index).await;
                assert_eq!(answer.status, 200, "stream {index} of seed {seed}");
                assert!(answer.body == stream.bytes, "stream {index} of seed {seed} has changed on its way");
            }
        })
        .await;

    let records = world.records().await;
    assert_eq!(records.len() as u64, STREAMS, "one record each, seed {seed}");
    let trace = |record: &Value| record["Metadata"]["trace"].as_u64().unwrap();
    let records: HashMap<u64, Value> = records.into_iter().map(|record| (trace(&record), record)).collect();
    let mut assembled = 0;
    for index in 0..STREAMS {
        let (stream, which) = (RandomStream::new(seed, index), format!("stream {index} of seed {seed}"));
        assembled += u64::from(compare(&records[&index], &stream, &which));
    }
    assert!(assembled > STREAMS / 10, "only {assembled} streams of seed {seed} were put together");
}

async fn ask(world: &World, api: Api, index: u64) -> Answer {
    let path = match api {
        Api::Chat => crate::common::CHAT,
        Api::Responses => "/v1/account/prod/azure-openai/aoai-za/openai/responses?api-version=2025-04-01-preview",
    };
    let (number, metadata) = (index.to_string(), format!(r#"{{"tenantId":"acme","trace":{index}}}"#));
    let headers = [(provider::STREAM, number.as_str()), ("cf-aig-metadata", &metadata)];
    world.send(path, &headers, Bytes::from_static(br#"{"model":"m","stream":true}"#)).await
}

/// Says whether the stream was put together.
fn compare(record: &Value, stream: &RandomStream, which: &str) -> bool {
    let bytes = String::from_utf8_lossy(&stream.bytes);
    assert_eq!(record["StatusCode"], 200, "{which}: {bytes}");
    assert_eq!(record["Usage"], stream.usage, "{which}: {bytes}");
    assert_eq!(record["Streamed"], true, "{which}");
    let logged = record["ResponseBody"].as_str().unwrap();
    // No stream of events begins like that.
    let is_assembled = logged.starts_with('{');
    if is_assembled {
        let whole = &stream.bytes[..usize::try_from(record["ResponseBodyBytes"].as_u64().unwrap()).unwrap()];
        assert!(whole.len() >= stream.end, "{which}: {bytes}");
        assert_eq!(record["ResponseBodySha256"], hex::encode(Sha256::digest(whole)), "{which}");
        if stream.said.is_empty() {
            // Whatever the last event has.
        } else if record["Truncated"].is_null() {
            let said = format!("\"{}\"", stream.said);
            assert!(logged.contains(&said), "{which}: {logged} of {bytes}");
        } else {
            assert!(logged.len() + 4 > LOGGED_BYTES_MAX, "{which}");
        }
    } else if stream.end <= LOGGED_BYTES_MAX && std::str::from_utf8(&stream.bytes).is_ok() {
        // What a provider sends behind its end is passed on, but need not be recorded.
        assert!(stream.bytes.starts_with(logged.as_bytes()) && logged.len() >= stream.end, "{which}: {logged}");
    } else {
        assert_eq!(record["Truncated"], true, "{which}");
    }
    is_assembled
}
