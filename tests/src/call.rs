//! One call of a caller, and its answer as far as it came.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};

/// Azure resource and deployment that every world has a price for, behind the path of a gateway.
const CHAT: &str = "/v1/account/prod/azure-openai/aoai-test/chat/chat/completions?api-version=2024-10-21";
/// What a stream of chat ends in.
const DONE: &[u8] = b"data: [DONE]\n\n";

/// What is asked, for whom.
#[derive(Debug, Clone)]
pub struct Call {
    path: String,
    tenant: String,
    sim_tenant: String,
    label: Option<u32>,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

impl Call {
    /// A chat request with a limit of its output.
    pub fn chat(tenant: &str, prompt: &str, tokens_max: u64) -> Self {
        let body = json!({"messages": [{"role": "user", "content": prompt}], "max_tokens": tokens_max});
        Self::to(CHAT, tenant, body)
    }

    /// Any request.
    pub fn to(path: &str, tenant: &str, body: Value) -> Self {
        let tenant = tenant.to_owned();
        let (path, sim_tenant) = (path.to_owned(), tenant.clone());
        Self { path, tenant, sim_tenant, label: None, headers: Vec::new(), body }
    }

    /// The same as a stream that reports its usage.
    #[must_use]
    pub fn streamed(mut self) -> Self {
        self.body["stream"] = json!(true);
        self.body["stream_options"] = json!({"include_usage": true});
        self
    }

    /// The same with a label in its metadata, by which [`crate::Audit`] knows it.
    #[must_use]
    pub fn labelled(self, label: u32) -> Self {
        Self { label: Some(label), ..self }
    }

    /// The same under another name in Azure's totals than that of its tenant.
    #[must_use]
    pub fn counted_as(self, sim_tenant: &str) -> Self {
        Self { sim_tenant: sim_tenant.to_owned(), ..self }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Whether a stream is asked for.
    pub fn is_streamed(&self) -> bool {
        self.body["stream"] == true
    }

    pub(crate) fn request(&self, gateway: SocketAddr) -> Request<Full<Bytes>> {
        let mut metadata = json!({"tenantId": self.tenant});
        if let Some(label) = self.label {
            metadata["trace"] = json!(label.to_string());
        }
        let mut request = Request::post(format!("http://{gateway}{}", self.path))
            .header("content-type", "application/json")
            .header("api-key", "key-of-the-caller")
            .header("x-sim-tenant", &self.sim_tenant)
            .header("cf-aig-metadata", metadata.to_string());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.body(Full::new(self.body.to_string().into())).expect("a request of plain texts")
    }
}

/// An answer as its caller has it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as far as it came.
    pub body: Bytes,
    has_ended: bool,
}

impl Answer {
    pub(crate) async fn read(response: Response<Incoming>) -> Self {
        let (head, mut rest) = response.into_parts();
        let mut body = BytesMut::new();
        let has_ended = loop {
            match rest.frame().await {
                None => break true,
                Some(Err(_)) => break false,
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        body.extend_from_slice(&piece);
                    }
                }
            }
        };
        Self { status: head.status, headers: head.headers, body: body.freeze(), has_ended }
    }

    /// Whether the caller lacks nothing: the body ended as HTTP has it, or the stream said that it is over, whatever became
    /// of the connection after that.
    pub fn is_whole(&self) -> bool {
        self.has_ended || self.body.ends_with(DONE)
    }

    /// A header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The `usage` object of a plain answer, or that of the frame of a stream that has one.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn usage(&self) -> Value {
        let text = std::str::from_utf8(&self.body).expect("UTF-8");
        let frames = text.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
        let objects = frames.filter_map(|frame| serde_json::from_str::<Value>(frame).ok());
        let usage = objects.map(|object| object["usage"].clone()).find(Value::is_object);
        usage.expect("an answer that says what it used")
    }
}
