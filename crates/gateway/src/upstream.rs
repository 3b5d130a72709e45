//! The HTTP client that talks to providers: pooled, HTTP/1.1 and 2, no redirects, no decompression.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;

/// Longest wait for a connection, TLS included: a provider that takes longer is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an idle connection is kept; Azure's front closes them after about two minutes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Idle connections kept per provider host and worker.
const IDLE_PER_HOST_MAX: usize = 512;

/// One request as it is sent; cheap to send again.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamRequest {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why a provider gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// No connection could be made.
    #[error("cannot connect to the provider")]
    Connect(#[source] hyper_util::client::legacy::Error),
    /// The connection broke before there was an answer.
    #[error("the provider broke the connection")]
    Broken(#[source] hyper_util::client::legacy::Error),
    /// The path cannot stand in an address of this provider.
    #[error("cannot build the request for the provider")]
    Request,
}

/// The client; cheap to clone, all clones share one pool.
#[derive(Clone)]
pub(crate) struct Upstream(Arc<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>);

impl Upstream {
    /// A pool without a connection.
    pub(crate) fn new(tls: &ClientConfig) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        http.set_keepalive(Some(Duration::from_secs(60)));
        let https = HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http().enable_all_versions();
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .http2_adaptive_window(true)
            .build(https.wrap_connector(http));
        Self(Arc::new(client))
    }

    /// Sends the request and waits for the head of the answer. Dropping the future, or the body afterwards, ends the
    /// request at the provider too.
    pub(crate) async fn send(&self, request: UpstreamRequest) -> Result<Response<Incoming>, UpstreamError> {
        let mut built = Request::new(Full::new(request.body));
        *built.method_mut() = request.method;
        *built.uri_mut() = request.uri;
        *built.headers_mut() = request.headers;
        self.0.request(built).await.map_err(|error| {
            if error.is_connect() { UpstreamError::Connect(error) } else { UpstreamError::Broken(error) }
        })
    }
}

impl UpstreamError {
    /// The innermost cause, for the log: hyper's own words seldom say it.
    pub(crate) fn cause(&self) -> String {
        let mut cause: &dyn std::error::Error = self;
        while let Some(source) = cause.source() {
            cause = source;
        }
        cause.to_string()
    }
}
