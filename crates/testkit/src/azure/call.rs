//! One call as the provider saw it.

use gatelog_model::Tokens;
use hyper::{Request, body::Bytes, header::HOST};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::journal::CallEnd;

/// One call. Header values are kept as they came, keys included: nothing here is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Counts from 0 since the start, in order of arrival of the whole request.
    pub number: u64,
    /// Counts connections from 0, so that a test can see them reused.
    pub connection: u64,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub http: &'static str,
    /// The path without the query.
    pub path: String,
    /// The query; empty if there is none.
    pub query: String,
    /// All headers in order, names in lower case. On HTTP/2 the authority stands as `host`.
    pub headers: Vec<(String, String)>,
    /// Length of the request's body.
    pub body_bytes: usize,
    /// Its SHA-256 in hexadecimal.
    pub body_sha256: String,
    /// Deployment of the path, else the body's model.
    pub deployment: String,
    /// The model that answers; `None` where there is no such deployment.
    pub model: Option<String>,
    /// Header `x-sim-tenant`.
    pub tenant: Option<String>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// Status of the answer; `None` until it ends and for none at all.
    pub status: Option<u16>,
    /// What the answer used, also where it did not say so. Of an answer that was cut, what all of it would have used.
    pub tokens: Tokens,
    /// `id` of the answer; no two are the same. Empty for errors and embeddings.
    pub answer_id: String,
    /// How it ended.
    pub end: CallEnd,
}

impl Default for Call {
    fn default() -> Self {
        Self {
            number: 0,
            connection: 0,
            http: "HTTP/1.1",
            path: String::new(),
            query: String::new(),
            headers: Vec::new(),
            body_bytes: 0,
            body_sha256: String::new(),
            deployment: String::new(),
            model: None,
            tenant: None,
            stream: false,
            status: None,
            tokens: Tokens::default(),
            answer_id: String::new(),
            end: CallEnd::Open,
        }
    }
}

impl Call {
    /// What the request's bytes tell.
    pub(super) fn of_request(request: &Request<Bytes>, connection: u64) -> Self {
        let mut headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        if let Some(authority) = request.uri().authority().filter(|_| !request.headers().contains_key(HOST)) {
            headers.insert(0, ("host".to_owned(), authority.to_string()));
        }
        Self {
            connection,
            http: if request.version() == hyper::Version::HTTP_2 { "HTTP/2.0" } else { "HTTP/1.1" },
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers,
            body_bytes: request.body().len(),
            body_sha256: hex::encode(Sha256::digest(request.body())),
            ..Self::default()
        }
    }

    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn to_json(&self) -> Value {
        let Tokens { input, cached_input, cache_write: _, output, reasoning } = self.tokens;
        json!({
            "number": self.number, "connection": self.connection, "http": self.http,
            "path": self.path, "query": self.query, "headers": self.headers,
            "body_bytes": self.body_bytes, "body_sha256": self.body_sha256,
            "deployment": self.deployment, "model": self.model, "tenant": self.tenant, "stream": self.stream,
            "status": self.status, "answer_id": self.answer_id, "end": self.end.as_str(),
            "tokens": {"input": input, "cached_input": cached_input, "output": output, "reasoning": reasoning},
        })
    }
}
