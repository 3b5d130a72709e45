//! What the server knows of its calls.

use std::time::{Duration, Instant};

use gatelog_testkit::azure::{AzureOptions, AzureServer, Behaviour, CallEnd, Reply};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};

use super::client::{CHAT, HELLO, HELLO_STREAM, ended, post, server};

/// SHA-256 of [`HELLO`] as `sha256sum` says.
const HELLO_SHA256: &str = "4589d6224027b2aba3db1591dcd2506f8fdf2c4f05704a000f3dfddb8037a410";

#[tokio::test]
async fn calls_keep_what_arrived() {
    let server = server().await;
    let headers = [("x-sim-tenant", "acme"), ("cf-aig-metadata", "{}"), ("te", "trailers")];
    post(&server, CHAT, HELLO, &headers).await.unwrap();
    let call = server.calls().remove(0);
    assert_eq!((call.path.as_str(), call.query.as_str()), (CHAT.split('?').next().unwrap(), "api-version=2024-10-21"));
    assert_eq!((call.body_bytes, call.body_sha256.as_str()), (HELLO.len(), HELLO_SHA256));
    assert_eq!((call.header("cf-aig-metadata"), call.header("te")), (Some("{}"), Some("trailers")));
    assert_eq!((call.header("api-key"), call.header("cf-aig-cache-key")), (Some("k"), None));
    assert_eq!((call.tenant.as_deref(), call.model.as_deref()), (Some("acme"), Some("gpt-4o-2024-11-20")));
    assert_eq!((call.deployment.as_str(), call.stream, call.end), ("gpt-4o", false, CallEnd::Finished));
    let totals = server.totals();
    assert_eq!(totals.by_tenant["acme"], totals.by_deployment["gpt-4o"]);
    assert_eq!(
        (Some(totals.sum.input_tokens), Some(totals.sum.output_tokens)),
        (call.tokens.input, call.tokens.output)
    );
}

#[tokio::test]
async fn only_so_many_calls_are_kept() {
    for calls_max in [0, 2] {
        let server = AzureServer::start(AzureOptions { calls_max, ..AzureOptions::default() }).await.unwrap();
        for _ in 0..5 {
            post(&server, CHAT, HELLO, &[]).await.unwrap();
        }
        assert_eq!(server.calls().len(), calls_max);
        assert_eq!(server.totals().sum.finished, 5);
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_is_noticed() {
    let server = server().await;
    server.behave_all(Behaviour::default().frame_every(Duration::from_secs(5)));
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
    let request = Request::post(format!("{}{CHAT}", server.endpoint())).header("api-key", "k");
    let mut answer = client.request(request.body(Full::from(HELLO_STREAM)).unwrap()).await.unwrap();
    answer.frame().await.unwrap().unwrap();
    assert_eq!(server.calls()[0].end, CallEnd::Open);
    assert_eq!(server.totals().sum.open(), 1);
    let started = Instant::now();
    drop(answer);
    drop(client);
    assert_eq!(ended(&server).await.end, CallEnd::Cancelled);
    assert!(started.elapsed() < Duration::from_secs(3), "at once, not at the next frame");
    let sum = server.totals().sum;
    assert_eq!((sum.cancelled, sum.finished, sum.output_tokens), (1, 0, 0));
}

#[tokio::test]
async fn other_languages_have_the_journal_and_the_rules() {
    let server = server().await;
    let ask = async |method: &str, path: &str, body: &str| -> (u16, Value) {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
        let request = Request::builder().method(method).uri(format!("{}{path}", server.endpoint()));
        let answer = client.request(request.body(Full::from(body.to_owned())).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap())
    };
    let rule = r#"{"deployment":"gpt-4o","behave":"503;retry-after-ms=5","times":1}"#;
    assert_eq!(ask("POST", "/_sim/behave", rule).await, (200, json!({})));
    assert_eq!(post(&server, CHAT, HELLO, &[]).await.unwrap().status, 503);
    let answered = post(&server, CHAT, HELLO, &[]).await.unwrap();
    let (_, calls) = ask("GET", "/_sim/calls", "").await;
    assert_eq!((&calls["calls"][0]["status"], &calls["calls"][1]["status"]), (&json!(503), &json!(200)));
    assert_eq!(calls["calls"][1]["tokens"]["input"], answered.json()["usage"]["prompt_tokens"]);
    assert_eq!((&calls["calls"][1]["end"], &calls["dropped"]), (&json!("finished"), &json!(0)));
    let (_, totals) = ask("GET", "/_sim/totals", "").await;
    assert_eq!(totals["by_deployment"]["gpt-4o"]["refused"], 1);
    for wrong in ["", "{}", r#"{"behave":"no"}"#, r#"{"behave":"503","time":1}"#] {
        assert_eq!(ask("POST", "/_sim/behave", wrong).await.0, 400, "{wrong}");
    }
    assert_eq!(ask("POST", "/_sim/reset", "").await.0, 200);
    assert_eq!(ask("GET", "/_sim/calls", "").await.1, json!({"calls": [], "dropped": 0}));
    assert_eq!(ask("GET", "/_sim/reset", "").await.0, 404);
    assert_eq!(server.totals().sum.calls, 0, "the simulation's own paths are no calls");
}

#[tokio::test]
async fn a_stop_cuts_what_hangs_and_the_address_can_be_had_again() {
    let mut server = server().await;
    server.behave_all(Behaviour::reply(Reply::Hang));
    let address = server.address();
    let hanging = tokio::spawn({
        let endpoint = server.endpoint();
        async move {
            let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
            let request = Request::post(format!("{endpoint}{CHAT}")).header("api-key", "k");
            client.request(request.body(Full::from(HELLO)).unwrap()).await.is_err()
        }
    });
    while server.calls().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let started = Instant::now();
    server.stop().await;
    assert!(started.elapsed() < Duration::from_secs(3));
    assert!(hanging.await.unwrap());
    assert_eq!(server.calls()[0].end, CallEnd::Cut);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    let again = AzureServer::start(AzureOptions { listen: address, ..AzureOptions::default() }).await.unwrap();
    assert_eq!(post(&again, CHAT, HELLO, &[]).await.unwrap().status, 200);
}
