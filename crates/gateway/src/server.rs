//! Listens, hands connections to the workers, and answers until it is asked to stop.

mod caller_socket;

use std::{error::Error, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use gatelog_runtime::Shutdown;
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;

use caller_socket::{CallerSocket, Ending};

use crate::{
    gateway::Gateway,
    metrics,
    service::Answerer,
    workers::{Seat, Workers},
};

/// How long a head may take to come; longer is an attack or a dead line.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Wait after a failed accept, so that running out of file descriptors does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where and how the gateway listens.
#[derive(Clone)]
pub struct ListenOptions {
    /// Address and port; loopback unless there is authentication.
    pub listen: SocketAddr,
    /// Listens beyond loopback although anybody can call.
    pub insecure: bool,
    /// Certificate and key; without them the gateway speaks plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Connections at once; more wait in the system's queue.
    pub connections_max: usize,
    /// How long open answers may go on after the request to stop.
    pub drain: Duration,
}

/// Why the gateway does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Anybody in reach could spend the provider's quota and write into the audit trail.
    #[error(
        "`{0}` is beyond loopback and there is no authentication: configure gateway tokens, listen on loopback, or say \
         --insecure"
    )]
    Insecure(SocketAddr),
    /// The address is taken, or not ours.
    #[error("cannot listen on `{address}`")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// No threads to answer on.
    #[error("cannot start the threads that answer")]
    Workers(#[source] io::Error),
}

/// A gateway that listens.
#[derive(Debug)]
pub struct Listening {
    /// Where; the port is real even when 0 was asked for.
    pub address: SocketAddr,
}

impl Gateway {
    /// Listens and answers in tasks of `shutdown` until it is requested; then open answers go on for
    /// [`ListenOptions::drain`].
    ///
    /// # Errors
    ///
    /// [`ListenError`].
    pub async fn listen(&self, options: ListenOptions, shutdown: &Shutdown) -> Result<Listening, ListenError> {
        let address = options.listen;
        if !address.ip().is_loopback() && !self.has_authentication() && !options.insecure {
            return Err(ListenError::Insecure(address));
        }
        let bind = |source| ListenError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let workers = Workers::start(self).map_err(ListenError::Workers)?;
        let server = Server { workers, options, shutdown: shutdown.clone() };
        shutdown.spawn(server.run(listener));
        Ok(Listening { address })
    }
}

struct Server {
    workers: Workers,
    options: ListenOptions,
    shutdown: Shutdown,
}

impl Server {
    async fn run(self, listener: TcpListener) {
        let open = Arc::new(Semaphore::new(self.options.connections_max));
        let graceful = GracefulShutdown::new();
        let tls = self.options.tls.clone().map(TlsAcceptor::from);
        loop {
            let permit = tokio::select! {
                permit = Arc::clone(&open).acquire_owned() => permit,
                () = self.shutdown.requested() => break,
            };
            let Ok(permit) = permit else { break };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.shutdown.requested() => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(stream) = stream.into_std() else { continue };
            metrics::connections(self.options.connections_max - open.available_permits());
            let (seat, watcher, tls) = (self.workers.seat(), graceful.watcher(), tls.clone());
            let runtime = seat.runtime.clone();
            self.shutdown.spawn_on(&runtime, async move {
                if let Err(error) = connected(&seat, stream, watcher, tls).await {
                    tracing::debug!(%error, "a connection was not taken up");
                }
                drop(permit);
            });
        }
        drop(listener);
        if tokio::time::timeout(self.options.drain, graceful.shutdown()).await.is_err() {
            tracing::warn!(drain = ?self.options.drain, "stopping with answers still open");
        }
    }
}

/// On the worker's own runtime.
async fn connected(
    seat: &Seat,
    stream: std::net::TcpStream,
    watcher: Watcher,
    tls: Option<TlsAcceptor>,
) -> io::Result<()> {
    let stream = TcpStream::from_std(stream)?;
    stream.set_nodelay(true)?;
    let ending = Ending::default();
    let stream = CallerSocket::new(stream, ending.clone());
    match tls {
        None => serve(seat.answerer.clone(), stream, ending, watcher).await,
        Some(tls) => {
            let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await??;
            serve(seat.answerer.clone(), stream, ending, watcher).await;
        }
    }
    Ok(())
}

async fn serve<S>(answerer: Answerer, stream: S, ending: Ending, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(30));
    let noted = ending.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        noted.asked(request.version());
        // In a box: a connection has room for this future even while it only passes an answer on.
        Box::pin(answerer.clone().answer(request))
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    // It has the socket until it is dropped, after the ending is known.
    let mut serving = pin!(watcher.watch(connection));
    if let Err(error) = serving.as_mut().await {
        // A caller that hangs up is its own business; the record says so.
        tracing::debug!(error = &*error, "a connection ended early");
        if !is_of_next_head(&*error) {
            return;
        }
    }
    ending.whole();
}

/// Whether it was the head of a next request that did not come or was none, so that all answers before it were sent.
fn is_of_next_head(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<hyper::Error>();
    error.is_some_and(|error| !error.is_user() && (error.is_timeout() || error.is_parse()))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http::Response;
    use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
    use hyper::body::Frame;
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    /// How a connection ends on which this is said; the answer to `/broken` breaks off.
    async fn ended(said: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
        let answer = async |request: Request<Incoming>| {
            let broken = StreamBody::new(futures::stream::iter([Err::<Frame<Bytes>, _>(io::Error::other("broken"))]));
            let whole = Full::new(Bytes::from_static(b"whole")).map_err(|never: Infallible| match never {});
            let body = if request.uri() == "/broken" { BoxBody::new(broken) } else { BoxBody::new(whole) };
            Ok::<_, Infallible>(Response::new(body))
        };
        let (mut caller, socket) = tokio::io::duplex(4_096);
        caller.write_all(said.as_bytes()).await?;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_millis(50));
        builder.serve_connection(TokioIo::new(socket), service_fn(answer)).await
    }

    #[tokio::test]
    async fn a_next_head_that_does_not_come_leaves_answers_whole() {
        for next in ["", "GET", "no head\r\n\r\n"] {
            let ended = ended(&format!("GET /whole HTTP/1.0\r\nconnection: keep-alive\r\n\r\n{next}")).await;
            assert!(ended.as_ref().is_err_and(|error| is_of_next_head(&**error)), "{next:?}: {ended:?}");
        }
        let ended = ended("GET /broken HTTP/1.0\r\n\r\n").await;
        assert!(ended.as_ref().is_err_and(|error| !is_of_next_head(&**error)), "{ended:?}");
    }
}
