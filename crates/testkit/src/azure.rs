//! An Azure OpenAI in this process, with misbehaviour on demand and a journal of what it was asked.
//!
//! It speaks HTTP/1.1 and HTTP/2 with prior knowledge, and answers chat completions, legacy completions, embeddings and
//! the Responses API, plain and streamed, under the paths of Azure (`/openai/deployments/{deployment}/...`,
//! `/openai/responses`, `/openai/v1/...`) and of OpenAI (`/v1/...`). Any key will do unless one is set.
//!
//! Text and token counts are a function of the request's bytes, so the same request gets the same text; the `id` of every
//! answer is its own, so a replay can be told from a second call. Every text has the needle of the corpus in it.
//!
//! A [`Behaviour`] is chosen by [`AzureServer::behave`] and its siblings, by the request header `x-sim-behave` (see
//! [`GRAMMAR`]), by `POST /_sim/behave`, or as the server's default. `GET /_sim/calls` and `GET /_sim/totals` are the
//! journal for other languages, `POST /_sim/reset` empties it and forgets all rules. The request header `x-sim-tenant`
//! sorts the totals.

mod asked;
mod behaviour;
mod body;
mod call;
mod chat;
mod control;
mod embeddings;
mod errors;
mod frames;
mod front;
mod headers;
mod journal;
mod models;
mod question;
mod responses;
mod route;
mod rules;
mod said;
mod spoken;
mod stamp;
mod totals;
mod wire;

pub use behaviour::{Behaviour, Ending, FRAMES_MAX, Reply, TEXT_BYTES_MAX, UsageReport};
pub use call::Call;
pub use front::REQUEST_BYTES_MAX;
pub use journal::CallEnd;
pub use spoken::{GRAMMAR, NoBehaviour};
pub use totals::{Counts, Totals};

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::{front::Front, wire::Wire};
use crate::ports;

/// How long answers under way may take to end at a graceful stop; longer ones are cut.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Pause after a failed accept, such as too many open files: the next attempt would fail as fast.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Calls that the journal keeps unless told otherwise: about 10 MB.
const CALLS_MAX: usize = 10_000;

/// What a server is like.
#[derive(Debug, Clone)]
pub struct AzureOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Deployments and the models that answer there, `gpt-4o-2024-11-20`. If empty, every name is a deployment, and the
    /// model is the corpus's, or guessed from the name. Where the path names no deployment, the body's model does.
    pub deployments: Vec<(String, String)>,
    /// The only key that opens; `None` for any.
    pub api_key: Option<String>,
    /// Header `x-ms-region`.
    pub region: String,
    /// How requests are met that no rule is for.
    pub behaviour: Behaviour,
    /// Calls that the journal keeps, the newest; 0 keeps totals only, which is faster.
    pub calls_max: usize,
}

impl Default for AzureOptions {
    /// Healthy, on a free port of 127.0.0.1, with any deployment and any key.
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            deployments: Vec::new(),
            api_key: None,
            region: "South Africa North".to_owned(),
            behaviour: Behaviour::default(),
            calls_max: CALLS_MAX,
        }
    }
}

/// A running server; stopped when dropped. Needs a Tokio runtime with time and I/O.
#[derive(Debug)]
pub struct AzureServer {
    address: SocketAddr,
    front: Front,
    /// Cancelled on stop: the listener closes, connections end after the answer under way, what hangs is cut.
    stop: CancellationToken,
    /// Ends when the last connection has.
    accept_loop: Option<JoinHandle<()>>,
}

impl AzureServer {
    /// Starts to listen.
    ///
    /// # Errors
    ///
    /// When the port cannot be had.
    pub async fn start(options: AzureOptions) -> io::Result<Self> {
        let mut address = options.listen;
        if address.port() == 0 {
            address.set_port(ports::free_port()?);
        }
        let listener = TcpListener::bind(address).await?;
        let stop = CancellationToken::new();
        let front = Front::new(options, stop.clone());
        let accept_loop = Some(tokio::spawn(serve(listener, front.clone(), stop.clone())));
        Ok(Self { address, front, stop, accept_loop })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens. A server that was stopped can be started again there.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests for `deployment` meet this from now on. Where the path names no deployment, the body's model counts.
    pub fn behave(&self, deployment: &str, behaviour: Behaviour) {
        self.front.rules().add(Some(deployment), behaviour, None);
    }

    /// The next `times` requests for `deployment` meet this; rules for a number of requests go before lasting ones, in
    /// the order they were made.
    pub fn behave_times(&self, deployment: &str, times: u32, behaviour: Behaviour) {
        self.front.rules().add(Some(deployment), behaviour, Some(times));
    }

    /// All requests meet this that nothing more special is for.
    pub fn behave_all(&self, behaviour: Behaviour) {
        self.front.rules().add(None, behaviour, None);
    }

    /// The next `times` requests meet this, whatever they are for.
    pub fn behave_all_times(&self, times: u32, behaviour: Behaviour) {
        self.front.rules().add(None, behaviour, Some(times));
    }

    /// The newest calls, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.front.journal().calls()
    }

    /// Sums over all calls since the start or the last reset.
    pub fn totals(&self) -> Totals {
        self.front.journal().totals()
    }

    /// Forgets all calls and all rules; calls under way end uncounted.
    pub fn reset(&self) {
        self.front.reset();
    }

    /// Stops listening (connections are then refused) and waits for the answers under way; what hangs is cut.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(accept_loop) = self.accept_loop.take() {
            // An error is a panic in the loop, which has already been printed.
            let _ended = accept_loop.await;
        }
    }
}

impl Drop for AzureServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Accepts until stopped, then gives the open connections [`STOP_LIMIT`] to end.
async fn serve(listener: TcpListener, front: Front, stop: CancellationToken) {
    let connections = GracefulShutdown::new();
    let protocol = auto::Builder::new(TokioExecutor::new());
    let cut = CancellationToken::new();
    let mut number = 0;
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _peer)) => stream,
                Err(_too_many_files_or_a_peer_already_gone) => {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        // Frames must not wait for the peer's delayed acknowledgement.
        let _as_it_is = stream.set_nodelay(true);
        let (wire, reset) = Wire::new(stream);
        let connection =
            protocol.serve_connection(TokioIo::new(wire), front.for_connection(number, Arc::clone(&reset)));
        let connection = connections.watch(connection.into_owned());
        number += 1;
        // An error is the peer going away or a behaviour of ours: both are what this server is for.
        tokio::spawn(cut.clone().run_until_cancelled_owned(async move {
            let _ended = connection.await;
        }));
    }
    drop(listener);
    let _in_time = tokio::time::timeout(STOP_LIMIT, connections.shutdown()).await;
    cut.cancel();
}
