//! The HTTP client that talks to providers: HTTP/1.1 and 2, kept connections, no redirects, no decompression.
//!
//! hyper speaks the protocols. A connection of HTTP/1.1 has no task of its own: whoever waits for an answer, or passes its body
//! on, drives it. With a task for each, every piece of a streamed answer costs two switches between tasks and a system call of
//! its own, which made a plain proxy seven times slower than nginx.
//!
//! # Retries
//!
//! A kept connection that turns out to be closed before the request was begun is replaced by another. What was begun is never
//! sent again here.
//!
//! # Cancellation
//!
//! Dropping the request, or the body of its answer before its end, closes its connection, or its stream of HTTP/2.

mod body;
mod pool;
#[cfg(test)]
mod tests;
mod wire;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::connect::{Connection as _, HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;
use tokio::time::timeout;
use tower_service::Service as _;

pub(crate) use self::body::UpstreamBody;
use self::{
    pool::{Origin, Pool},
    wire::{Connection, Failure, Wire},
};

/// Longest wait for a connection, shared by all addresses of a provider: one that takes longer is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for name, connection and TLS together.
const ESTABLISH_TIMEOUT: Duration = Duration::from_secs(20);
/// When the system first asks a silent peer whether it is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

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
    Connect(#[source] BoxError),
    /// The connection broke before there was an answer.
    #[error("the provider broke the connection")]
    Broken(#[source] hyper::Error),
    /// The path cannot stand in an address of this provider.
    #[error("cannot build the request for the provider")]
    Request,
}

/// The client; cheap to clone, all clones share their connections.
#[derive(Clone)]
pub(crate) struct Upstream {
    connector: Arc<HttpsConnector<HttpConnector>>,
    pool: Arc<Pool>,
}

impl Upstream {
    /// Without a connection.
    pub(crate) fn new(tls: &ClientConfig) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        http.set_keepalive(Some(TCP_KEEPALIVE));
        let https = HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http().enable_all_versions();
        Self { connector: Arc::new(https.wrap_connector(http)), pool: Arc::default() }
    }

    /// Closes connections that nobody uses any more, until the last clone of the client is gone. To be run on the runtime
    /// that the client is used on.
    pub(crate) fn sweeping(&self) -> impl Future<Output = ()> + Send + use<> {
        pool::sweeping(Arc::downgrade(&self.pool))
    }

    /// Sends the request and waits for the head of the answer. Dropping the future, or the body afterwards, ends the
    /// request at the provider too.
    pub(crate) async fn send(&self, request: UpstreamRequest) -> Result<Response<UpstreamBody>, UpstreamError> {
        let origin = Origin::of(&request.uri).ok_or(UpstreamError::Request)?;
        let mut built = Request::new(Full::new(request.body));
        *built.method_mut() = request.method;
        *built.uri_mut() = request.uri;
        *built.headers_mut() = request.headers;
        // Each that has been closed meanwhile leaves the pool, so this ends.
        while let Some(kept) = self.pool.take(&origin).await {
            match kept.send(built, &self.pool, &origin).await {
                Ok(answer) => return Ok(answer),
                Err(Failure { unsent: Some(unsent), .. }) => built = *unsent,
                Err(Failure { error, .. }) => return Err(UpstreamError::Broken(error)),
            }
        }
        let new = self.connect(&origin, built.uri().clone()).await?;
        new.send(built, &self.pool, &origin).await.map_err(|failure| match failure {
            Failure { unsent: Some(_), error } => UpstreamError::Connect(error.into()),
            Failure { unsent: None, error } => UpstreamError::Broken(error),
        })
    }

    async fn connect(&self, origin: &Origin, uri: Uri) -> Result<Connection, UpstreamError> {
        let stream = timeout(ESTABLISH_TIMEOUT, HttpsConnector::clone(&self.connector).call(uri)).await;
        let stream = stream.map_err(Into::into).flatten().map_err(UpstreamError::Connect)?;
        let unready = |error: hyper::Error| UpstreamError::Connect(error.into());
        if !stream.connected().is_negotiated_h2() {
            let wire = Wire::new(stream).await.map_err(unready)?;
            return Ok(Connection::Http1(Box::new(wire)));
        }
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).adaptive_window(true);
        let (sender, connection) = builder.handshake(stream).await.map_err(unready)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a provider ended early");
            }
        });
        Ok(Connection::Http2(self.pool.share(origin, sender)))
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
