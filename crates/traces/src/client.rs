//! The HTTP client of the exporter, whose own thread has no runtime.

use std::io;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

/// Longest answer of a collector that is read: it says how many spans it refused.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Sends on the runtime it was made in.
#[derive(Debug, Clone)]
pub(crate) struct OnRuntime {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: Handle,
}

impl OnRuntime {
    pub(crate) fn new() -> io::Result<Self> {
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(gatelog_runtime::client_tls()?)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(https), runtime: Handle::current() })
    }
}

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let (head, body) = client.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
            Ok(Response::from_parts(head, body))
        });
        sent.await?
    }
}
