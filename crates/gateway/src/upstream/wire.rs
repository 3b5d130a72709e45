//! Connections: those of HTTP/1.1 are driven by whoever uses them, those of HTTP/2 by a task and shared.

use std::{
    future::poll_fn,
    mem,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header, uri::Scheme};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{
    body::UpstreamBody,
    pool::{Origin, Pool},
};

pub(super) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
pub(super) type Shared = http2::SendRequest<Full<Bytes>>;
pub(super) type Outgoing = Request<Full<Bytes>>;

/// What a request can be sent on.
pub(super) enum Connection {
    /// Ours alone until the answer is read.
    Http1(Box<Wire>),
    /// One of many senders.
    Http2(Shared),
}

/// A connection of HTTP/1.1. It does nothing unless it is driven.
pub(super) struct Wire {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once it is over.
    connection: Option<http1::Connection<Stream, Full<Bytes>>>,
}

/// A connection of HTTP/1.1 on which an answer is coming, and where it goes afterwards.
pub(super) struct Lease {
    wire: Box<Wire>,
    pool: Arc<Pool>,
    origin: Origin,
}

/// Why there is no answer, and the request if nothing of it was sent.
pub(super) struct Failure {
    pub(super) error: hyper::Error,
    pub(super) unsent: Option<Box<Outgoing>>,
}

impl From<TrySendError<Outgoing>> for Failure {
    fn from(mut failure: TrySendError<Outgoing>) -> Self {
        let unsent = failure.take_message().map(Box::new);
        Self { error: failure.into_error(), unsent }
    }
}

impl Connection {
    /// Sends a request to `origin` and waits for the head of the answer.
    pub(super) async fn send(
        self,
        request: Outgoing,
        pool: &Arc<Pool>,
        origin: &Origin,
    ) -> Result<Response<UpstreamBody>, Failure> {
        match self {
            Self::Http1(mut wire) => {
                let answer = wire.send(request).await?;
                let lease = Lease { wire, pool: Arc::clone(pool), origin: origin.clone() };
                let mut answer = answer.map(|incoming| UpstreamBody::new(incoming, Some(lease)));
                // Of a body without bytes nobody reads the end.
                poll_fn(|context| {
                    answer.body_mut().give_back_if_over(context);
                    Poll::Ready(())
                })
                .await;
                Ok(answer)
            }
            Self::Http2(mut shared) => {
                let answer = shared.try_send_request(request).await?;
                Ok(answer.map(|incoming| UpstreamBody::new(incoming, None)))
            }
        }
    }
}

impl Wire {
    pub(super) async fn new(stream: Stream) -> hyper::Result<Self> {
        let (sender, connection) = http1::handshake(stream).await?;
        Ok(Self { sender, connection: Some(connection) })
    }

    /// Lets the connection read and write what it can.
    fn drive(&mut self, context: &mut Context<'_>) {
        let Some(connection) = &mut self.connection else { return };
        if let Poll::Ready(ended) = Pin::new(connection).poll(context) {
            // Whoever waits for an answer, or for more of its body, is told too. A request that was not begun comes back when
            // the connection is dropped.
            if let Err(error) = ended {
                tracing::debug!(%error, "a kept connection to a provider broke");
            }
            self.connection = None;
        }
    }

    /// Whether it can take a request; it cannot if the provider has closed it meanwhile.
    pub(super) fn is_usable(&mut self, context: &mut Context<'_>) -> bool {
        self.drive(context);
        self.connection.is_some() && self.sender.is_ready()
    }

    async fn send(&mut self, mut request: Outgoing) -> Result<Response<Incoming>, Failure> {
        let uri = to_origin_form(&mut request);
        // Whatever else has come is looked at first, so that several requests are written one after another and wake their
        // providers once.
        tokio::task::yield_now().await;
        let mut answer = pin!(self.sender.try_send_request(request));
        let answered = poll_fn(|context| {
            self.drive(context);
            answer.as_mut().poll(context)
        });
        answered.await.map_err(|failure| {
            let mut failure = Failure::from(failure);
            if let Some(unsent) = &mut failure.unsent {
                *unsent.uri_mut() = uri;
            }
            failure
        })
    }
}

/// HTTP/1.1 names the host in a header. Returns the URI as it was.
fn to_origin_form(request: &mut Outgoing) -> Uri {
    let path = request.uri().path_and_query().cloned().map_or_else(Uri::default, Uri::from);
    let uri = mem::replace(request.uri_mut(), path);
    if let Some(host) = host(&uri) {
        request.headers_mut().entry(header::HOST).or_insert(host);
    }
    uri
}

/// With the port, unless it is that of the scheme.
fn host(uri: &Uri) -> Option<HeaderValue> {
    let authority = uri.authority()?;
    let default = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    let host = match authority.port_u16() {
        Some(port) if port != default => HeaderValue::try_from(format!("{}:{port}", authority.host())),
        _ => HeaderValue::from_str(authority.host()),
    };
    host.ok()
}

impl Lease {
    /// Lets the connection read and write what it can.
    pub(super) fn drive(&mut self, context: &mut Context<'_>) {
        self.wire.drive(context);
    }

    /// Gives the connection back once the answer is read, if it can take another request.
    pub(super) fn give_back(mut self, context: &mut Context<'_>) {
        if self.wire.is_usable(context) {
            self.pool.put(self.origin, self.wire);
        }
    }
}
