//! A client that sends what OpenAI's own SDKs send, so that nothing but the base URL tells a gateway from Azure.
//!
//! Paths and headers are those of `AzureOpenAI` of the Python package `openai` 1.x and 2.x. Answers are returned as they
//! came; a stream is read to its end.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, USER_AGENT},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;

/// The version of Azure's API that is asked for.
const API_VERSION: &str = "2024-10-21";

/// What can be asked, with the path that the SDKs make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `chat.completions.create`
    Chat,
    /// `embeddings.create`
    Embeddings,
    /// `responses.create`: the body names the deployment.
    Responses,
}

/// An `AzureOpenAI(azure_endpoint=..., default_headers=...)`; cheap to clone.
#[derive(Debug, Clone)]
pub struct OpenAiClient {
    http: Client<HttpConnector, Full<Bytes>>,
    azure_endpoint: String,
    api_key: String,
    default_headers: Vec<(String, String)>,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; of a stream all events.
    pub body: Bytes,
}

/// The request got no whole answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// A header or address that is none.
    #[error("cannot build the request")]
    Request(#[from] hyper::http::Error),
    /// No connection, or none that lasted until the head of the answer.
    #[error("no answer")]
    NoAnswer(#[from] hyper_util::client::legacy::Error),
    /// The answer broke off.
    #[error("the answer broke off")]
    Broken(#[from] hyper::Error),
}

impl Answer {
    /// A header, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl OpenAiClient {
    /// `azure_endpoint` is Azure's or a gateway's address of one resource, without a slash at its end.
    pub fn new(azure_endpoint: impl Into<String>, api_key: impl Into<String>) -> Self {
        Self {
            http: Client::builder(TokioExecutor::new()).build_http(),
            azure_endpoint: azure_endpoint.into(),
            api_key: api_key.into(),
            default_headers: Vec::new(),
        }
    }

    /// The same with one more header on every request.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.default_headers.push((name.to_owned(), value.into()));
        self
    }

    /// Asks a deployment.
    ///
    /// # Errors
    ///
    /// [`AskError`]; an answer of any status is none.
    pub async fn ask(&self, api: Api, deployment: &str, body: &Value) -> Result<Answer, AskError> {
        let path = match api {
            Api::Chat => format!("/openai/deployments/{deployment}/chat/completions"),
            Api::Embeddings => format!("/openai/deployments/{deployment}/embeddings"),
            Api::Responses => "/openai/responses".to_owned(),
        };
        let mut request = Request::post(format!("{}{path}?api-version={API_VERSION}", self.azure_endpoint))
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, "AzureOpenAI/Python 2.8.0")
            .header("api-key", &self.api_key)
            .header("x-stainless-lang", "python")
            .header("x-stainless-retry-count", "0");
        for (name, value) in &self.default_headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_string())))?;
        let (head, body) = self.http.request(request).await?.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, body: body.collect().await?.to_bytes() })
    }
}
