//! Streamed answers: byte for byte, whatever they are cut like, and what becomes of those that break.

use std::time::Duration;

use crate::common::{ACME, CHAT, Setup, World, azure_target, chat_body, stream_body};
use gatelog_gateway::{GatewayOptions, StreamForm, TargetOptions};
use gatelog_testkit::azure::{Behaviour, CallEnd, Ending};
use http_body_util::BodyExt as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn a_stream_passes_untouched_and_its_usage_is_recorded() {
    let world = World::start(Setup::default()).await;
    let answer = world.send(CHAT, &[("api-key", "k"), ACME], stream_body("hello")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert!(answer.body.ends_with(b"data: [DONE]\n\n"));
    let direct = world.client.get(format!("{}/_sim/calls", world.azure.endpoint()).parse().unwrap()).await.unwrap();
    assert_eq!(direct.status(), 200);
    let tokens = world.azure.calls()[0].tokens;
    let records = world.records().await;
    assert_assembled(&records[0], &answer.body);
    assert_eq!(records[0]["Usage"]["completion_tokens"], tokens.output.unwrap());
    assert!(records[0]["TtftMs"].is_u64());
}

/// That the record has what these frames say, put together, and tells of them.
fn assert_assembled(record: &Value, frames: &[u8]) {
    let frames = std::str::from_utf8(frames).unwrap();
    let data = frames.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let choices: Vec<Value> = data.map(|frame| frame["choices"][0].clone()).collect();
    let said: String = choices.iter().filter_map(|choice| choice["delta"]["content"].as_str()).collect();
    let finish = choices.iter().find_map(|choice| choice["finish_reason"].as_str()).unwrap();
    let body: Value = serde_json::from_str(record["ResponseBody"].as_str().unwrap()).unwrap();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["choices"][0]["message"]["content"], said);
    assert_eq!(body["choices"][0]["finish_reason"], finish);
    assert_eq!(record["ResponseBodyBytes"], frames.len());
    assert_eq!(record["ResponseBodySha256"], hex::encode(Sha256::digest(frames)));
    assert_eq!(record["Streamed"], true);
    assert!(record["Truncated"].is_null());
}

#[tokio::test]
async fn a_stream_is_recorded_as_it_was_sent_where_that_is_asked_for() {
    let options = GatewayOptions { log_stream_form: StreamForm::AsSent, ..GatewayOptions::default() };
    let world = World::start(Setup { options, ..Setup::default() }).await;
    let headers = [("api-key", "k"), ACME, ("cf-aig-cache-ttl", "60")];
    let answer = world.send(CHAT, &headers, stream_body("hello")).await;
    assert_eq!(world.send(CHAT, &headers, stream_body("hello")).await.header("cf-aig-cache-status"), Some("HIT"));
    for record in world.records().await {
        assert_eq!(record["ResponseBody"].as_str().unwrap().as_bytes(), &answer.body[..]);
        assert!(record["ResponseBodySha256"].is_null());
    }
}

#[tokio::test]
async fn the_first_frames_arrive_before_the_last_are_made() {
    let world = World::start(Setup::default()).await;
    world.azure.behave_all(Behaviour::default().frames(6).frame_every(Duration::from_millis(60)));
    let started = std::time::Instant::now();
    let mut body = world.open(CHAT, &[("api-key", "k")], stream_body("slow")).await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b"data: "));
    assert!(started.elapsed() < Duration::from_millis(250), "the first frame did not wait for the others");
    body.collect().await.unwrap();
    assert!(started.elapsed() > Duration::from_millis(300));
}

/// Past two seconds, what is kept of an answer is packed.
#[tokio::test]
async fn a_slow_stream_is_recorded_and_replayed_whole() {
    let world = World::start(Setup::default()).await;
    let slow = Behaviour { text_bytes: Some(24_000), ..Behaviour::default().frames(60) };
    world.azure.behave_all(slow.frame_every(Duration::from_millis(50)));
    let headers = [("api-key", "k"), ACME, ("cf-aig-cache-ttl", "60")];
    let question = stream_body("slow and long").replace("\"max_tokens\":50", "\"max_tokens\":9000");
    let first = world.send(CHAT, &headers, question.clone()).await;
    assert!(first.body.len() > 24_000, "{}", first.body.len());
    let replayed = world.send(CHAT, &headers, question).await;
    assert_eq!(replayed.header("cf-aig-cache-status"), Some("HIT"));
    assert_eq!(replayed.body, first.body);
    let records = world.records().await;
    assert!(records[0]["DurationMs"].as_u64().unwrap() > 2_500, "{}", records[0]["DurationMs"]);
    assert_eq!(records.len(), 2);
    records.iter().for_each(|record| assert_assembled(record, &first.body));
}

#[tokio::test]
async fn a_caller_that_hangs_up_ends_the_call_and_leaves_a_record() {
    let world = World::start(Setup::default()).await;
    world.azure.behave_all(Behaviour::default().frames(50).frame_every(Duration::from_millis(20)));
    let mut body = world.open(CHAT, &[("api-key", "k"), ACME], stream_body("long")).await.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    wait_for("the provider to see it", || world.azure.calls()[0].end == CallEnd::Cancelled).await;
    let records = world.records().await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["StatusCode"], 499);
    assert!(records[0]["ResponseBody"].as_str().unwrap().starts_with("data: "));
}

#[tokio::test]
async fn an_answer_that_outlasts_the_drain_is_ended_and_leaves_a_record() {
    let world = World::start(Setup { drain: Duration::from_millis(200), ..Setup::default() }).await;
    world.azure.behave_all("stall-after-frames=2".parse().unwrap());
    let mut body = world.open(CHAT, &[("api-key", "k"), ACME], stream_body("endless")).await.into_body();
    body.frame().await.unwrap().unwrap();
    let records = tokio::time::timeout(Duration::from_secs(20), world.records()).await.expect("it stops");
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["StatusCode"], 499);
    assert!(records[0]["ResponseBody"].as_str().unwrap().starts_with("data: "));
    assert!(body.collect().await.is_err(), "the caller must not take the part for the whole");
}

#[tokio::test]
async fn a_caller_that_hangs_up_before_any_answer_leaves_a_record() {
    let world = World::start(Setup::default()).await;
    world.azure.behave_all("hang".parse().unwrap());
    let asking = world.open(CHAT, &[("api-key", "k"), ACME], chat_body("never"));
    assert!(tokio::time::timeout(Duration::from_millis(200), asking).await.is_err());
    wait_for("the provider to see it", || world.azure.calls()[0].end == CallEnd::Cancelled).await;
    let records = world.records().await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["StatusCode"], 499);
    assert_eq!(records[0]["RequestBody"], chat_body("never"));
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_for_the_caller_too() {
    let world = World::start(Setup::default()).await;
    world.azure.behave_all_times(1, Behaviour::ending(Ending::CutAfterFrames(3)));
    let stream = world.open(CHAT, &[("api-key", "k"), ACME], stream_body("cut")).await;
    assert_eq!(stream.status(), 200);
    assert!(stream.into_body().collect().await.is_err(), "a part must not look like the whole");
    world.azure.behave_all_times(1, Behaviour::ending(Ending::CutBody));
    let plain = world.open(CHAT, &[("api-key", "k"), ACME], chat_body("cut")).await;
    assert!(plain.into_body().collect().await.is_err());
    let records = world.records().await;
    let statuses: Vec<_> = records.iter().map(|record| record["StatusCode"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 502], "the stream shows its cut by itself");
    assert!(records[0]["Usage"].is_null());
}

#[tokio::test]
async fn broken_streams_and_errors_are_never_cached() {
    let world = World::start(Setup::default()).await;
    let headers = [("api-key", "k"), ACME, ("cf-aig-cache-ttl", "3600")];
    world.azure.behave_all_times(1, Behaviour::ending(Ending::CutAfterFrames(3)));
    let broken = world.open(CHAT, &headers, stream_body("x")).await;
    assert!(broken.into_body().collect().await.is_err());
    world.azure.behave_all_times(1, Behaviour::status(500));
    assert_eq!(world.send(CHAT, &headers, stream_body("x")).await.status, 500);
    let whole = world.send(CHAT, &headers, stream_body("x")).await;
    assert_eq!(whole.header("cf-aig-cache-status"), Some("MISS"));
    let replayed = world.send(CHAT, &headers, stream_body("x")).await;
    assert_eq!(replayed.header("cf-aig-cache-status"), Some("HIT"));
    assert_eq!(replayed.body, whole.body, "a stream is replayed as it was");
    assert_eq!(replayed.header("content-type"), whole.header("content-type"));
}

#[tokio::test]
async fn those_who_ask_the_same_at_once_share_one_call() {
    let world = World::start(Setup::default()).await;
    world.azure.behave_all(Behaviour::default().first_byte_after(Duration::from_millis(150)));
    let headers = [("api-key", "k"), ACME, ("cf-aig-cache-ttl", "3600")];
    let answers = futures::future::join_all((0..20).map(|_| world.send(CHAT, &headers, chat_body("same")))).await;
    assert_eq!(world.azure.totals().sum.calls, 1);
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    let hits = answers.iter().filter(|answer| answer.header("cf-aig-cache-status") == Some("HIT")).count();
    assert_eq!(hits, 19);
    let other_key = [("api-key", "other"), headers[1], headers[2]];
    let other = world.send(CHAT, &other_key, chat_body("same")).await;
    assert_eq!(other.header("cf-aig-cache-status"), Some("MISS"), "another credential shares nothing");
    assert_eq!(world.records().await.len(), 21);
}

#[tokio::test]
async fn a_provider_that_falls_silent_is_broken() {
    let options = GatewayOptions { idle_timeout: Duration::from_millis(150), ..GatewayOptions::default() };
    let world = World::start(Setup { options, ..Setup::default() }).await;
    world.azure.behave_all(Behaviour::ending(Ending::StallAfterFrames(2)));
    let response = world.open(CHAT, &[("api-key", "k"), ACME], stream_body("x")).await;
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(world.records().await[0]["StatusCode"], 200);
}

#[tokio::test]
async fn bodies_over_the_cap_are_cut_and_measured() {
    let options = GatewayOptions { log_body_bytes_max: 64, ..GatewayOptions::default() };
    let world = World::start(Setup { options, ..Setup::default() }).await;
    let answer = world.chat(&[ACME], &"é".repeat(100)).await;
    let records = world.records().await;
    let record = &records[0];
    assert_eq!(record["Truncated"], true);
    assert!(record["RequestBody"].as_str().unwrap().len() <= 64);
    assert_eq!(record["RequestBodyBytes"], chat_body(&"é".repeat(100)).len());
    assert_eq!(record["ResponseBodyBytes"], answer.body.len());
    assert_eq!(record["ResponseBodySha256"].as_str().unwrap().len(), 64);
    assert!(record["Usage"]["prompt_tokens"].is_u64(), "usage is read from the whole");
}

#[tokio::test]
async fn an_answer_without_end_is_broken_off_and_recorded() {
    let options = GatewayOptions { response_bytes_max: 100_000, ..GatewayOptions::default() };
    let world = World::start(Setup { options, ..Setup::default() }).await;
    let headers = [ACME, ("api-key", "k")];
    assert_eq!(world.send(CHAT, &headers, stream_body("short")).await.status, 200);
    world.azure.behave_all(Behaviour { text_bytes: Some(1_000_000), ..Behaviour::default() });
    let unlimited = r#"{"messages":[{"role":"user","content":"long"}],"stream":true}"#;
    let response = world.open(CHAT, &headers, unlimited).await;
    assert!(response.into_body().collect().await.is_err());
    let records = world.records().await;
    assert_eq!(records.len(), 2);
    assert!(records[1]["ResponseBody"].as_str().unwrap().len() <= 100_000);
}

/// Waits until `is_so`, at most two seconds.
async fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..200 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain for {what}");
}

/// However much of it came in one piece with its head, and whatever was said last.
#[tokio::test]
async fn what_came_before_a_provider_broke_off_reaches_the_caller() {
    const SAID: [&str; 2] = ["data: {\"a\":1}\n\n", "data: {\"a\":1}\n\ndata: [DONE]\n\n"];
    for said in SAID {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 64 << 10]).await.unwrap() > 0);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked";
            let answer = format!("{head}\r\n\r\n{:x}\r\n{said}\r\n", said.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let target = TargetOptions { base_url, ..azure_target("cut", "aoai-cut", "westeurope") };
        let options = GatewayOptions { targets: vec![target], ..GatewayOptions::default() };
        let world = World::start(Setup { options, ..Setup::default() }).await;
        let path = CHAT.replace("aoai-za", "aoai-cut");
        let mut body = world.open(&path, &[("api-key", "k"), ACME], stream_body("hello")).await.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), said);
        assert!(body.frame().await.unwrap().is_err(), "{said:?} is not all");
        assert_eq!(world.records().await[0]["ResponseBody"], said);
    }
}

/// It has said everything, but neither ends its body nor hangs up.
#[tokio::test]
async fn a_provider_that_does_not_end_after_its_last_word_is_left_in_time() {
    const SAID: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n\
                        e\r\ndata: [DONE]\n\n\r\n";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let left = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = vec![0; 64 << 10];
        assert!(stream.read(&mut read).await.unwrap() > 0);
        stream.write_all(SAID.as_bytes()).await.unwrap();
        while stream.read(&mut read).await.is_ok_and(|bytes| bytes > 0) {}
    });
    let target = TargetOptions { base_url, ..azure_target("endless", "aoai-endless", "westeurope") };
    let idle_timeout = Duration::from_millis(150);
    let options = GatewayOptions { targets: vec![target], idle_timeout, ..GatewayOptions::default() };
    let world = World::start(Setup { options, ..Setup::default() }).await;
    let path = CHAT.replace("aoai-za", "aoai-endless");
    let mut body = world.open(&path, &[("api-key", "k"), ACME], stream_body("hello")).await.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "data: [DONE]\n\n");
    let end = tokio::time::timeout(Duration::from_secs(10), body.frame()).await.expect("it does not wait for ever");
    assert!(end.unwrap().is_err(), "the body has no end");
    tokio::time::timeout(Duration::from_secs(10), left).await.expect("the provider is hung up on").unwrap();
    assert_eq!(world.records().await[0]["StatusCode"], 200);
}
