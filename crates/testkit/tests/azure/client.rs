//! A client that keeps what came of an answer that was cut.

use std::time::{Duration, Instant};

use bytes::Bytes;
use gatelog_model::Operation;
use gatelog_testkit::azure::{AzureOptions, AzureServer, Call, CallEnd};
use gatelog_usage::{ResponseFacts, read_response};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

pub(crate) const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
pub(crate) const HELLO: &str = r#"{"messages":[{"role":"user","content":"Hello there"}]}"#;
pub(crate) const HELLO_STREAM: &str =
    r#"{"messages":[{"role":"user","content":"Hello there"}],"stream":true,"stream_options":{"include_usage":true}}"#;

/// An answer as far as it came.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// Whether the body broke off.
    pub(crate) is_cut: bool,
    /// How long the status line took, and everything.
    pub(crate) first_byte: Duration,
    pub(crate) whole: Duration,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn facts(&self, operation: Operation) -> ResponseFacts {
        read_response(&self.body, operation)
    }

    /// The data of the events of a stream.
    pub(crate) fn data(&self) -> Vec<&str> {
        self.body.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
    }
}

pub(crate) async fn server() -> AzureServer {
    AzureServer::start(AzureOptions::default()).await.unwrap()
}

pub(crate) async fn chat(server: &AzureServer, body: &str, behave: &str) -> Got {
    post(server, CHAT, body, &[("x-sim-behave", behave)]).await.unwrap()
}

pub(crate) async fn post(
    server: &AzureServer,
    path: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Result<Got, hyper_util::client::legacy::Error> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut request = Request::post(format!("{}{path}", server.endpoint())).header("api-key", "k");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let started = Instant::now();
    let mut answer = client.request(request.body(Full::from(body.to_owned())).unwrap()).await?;
    let first_byte = started.elapsed();
    let (mut bytes, mut is_cut) = (Vec::new(), false);
    while let Some(frame) = answer.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap()),
            Err(_cut) => is_cut = true,
        }
    }
    Ok(Got {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        body: String::from_utf8_lossy(&bytes).into_owned(),
        is_cut,
        first_byte,
        whole: started.elapsed(),
    })
}

/// The only call, once it has ended.
pub(crate) async fn ended(server: &AzureServer) -> Call {
    for _ in 0..1_000 {
        if let [call] = &server.calls()[..]
            && call.end != CallEnd::Open
        {
            return call.clone();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no call has ended: {:?}", server.calls());
}
