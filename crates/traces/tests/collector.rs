//! Against a collector that keeps what it gets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;

use axum::{Json, Router, routing::post};
use gatelog_traces::{TraceOptions, Traces};
use http::HeaderMap;
use serde_json::Value;
use tokio::sync::mpsc;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A collector, and what it is sent.
async fn collector() -> (String, mpsc::Receiver<Value>) {
    let (sender, received) = mpsc::channel(16);
    let keep = move |Json(body): Json<Value>| async move {
        sender.send(body).await.unwrap();
        Json(serde_json::json!({}))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/traces", post(keep))).await });
    (format!("http://{address}/v1/traces"), received)
}

fn options(endpoint: String) -> TraceOptions {
    TraceOptions { endpoint, headers: HashMap::new(), sample_ratio: 1.0, service_name: "test".to_owned() }
}

fn headers(entries: &[(&'static str, &str)]) -> HeaderMap {
    entries.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn spans(body: &Value) -> Vec<Value> {
    body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_and_its_attempts_join_the_callers_trace() {
    let (endpoint, mut received) = collector().await;
    let traces = Traces::start(&options(endpoint)).unwrap();
    let mut upstream = headers(&[("traceparent", PARENT)]);
    let request = traces.request("chat", &upstream);
    request.set("gatelog.tenant.id", || "acme");
    let attempt = request.attempt("chat gpt-4o");
    attempt.inject(&mut upstream);
    attempt.set("gen_ai.usage.input_tokens", || 7_i64);
    attempt.fail("429");
    drop((attempt, request));
    traces.close().await;

    let body = received.recv().await.unwrap();
    let spans = spans(&body);
    let [attempt, request] = &spans[..] else { panic!("two spans: {body}") };
    assert_eq!(request["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(request["parentSpanId"], "b7ad6b7169203331");
    assert_eq!(attempt["parentSpanId"], request["spanId"]);
    let passed_on = upstream["traceparent"].to_str().unwrap();
    assert_eq!(passed_on, format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", attempt["spanId"].as_str().unwrap()));
    assert!(body.to_string().contains("gen_ai.usage.input_tokens"));
    assert!(body.to_string().contains("acme"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cloudflares_pair_of_headers_names_a_trace_too() {
    let (endpoint, mut received) = collector().await;
    let traces = Traces::start(&options(endpoint)).unwrap();
    let pair = [
        ("cf-aig-otel-trace-id", "0af7651916cd43dd8448eb211c80319c"),
        ("cf-aig-otel-parent-span-id", "b7ad6b7169203331"),
    ];
    drop(traces.request("chat", &headers(&pair)));
    traces.close().await;
    let body = received.recv().await.unwrap();
    assert_eq!(spans(&body)[0]["parentSpanId"], "b7ad6b7169203331");
}

#[tokio::test(flavor = "multi_thread")]
async fn off_changes_nothing_and_a_dead_collector_holds_up_nobody() {
    let mut upstream = headers(&[("traceparent", PARENT)]);
    Traces::off().request("chat", &upstream).attempt("chat").inject(&mut upstream);
    assert_eq!(upstream, headers(&[("traceparent", PARENT)]));

    let traces = Traces::start(&options("http://127.0.0.1:9/v1/traces".to_owned())).unwrap();
    drop(traces.request("chat", &upstream));
    tokio::time::timeout(std::time::Duration::from_secs(20), traces.close()).await.unwrap();
}
