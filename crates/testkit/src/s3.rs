//! An S3 server in this process, with faults on demand.
//!
//! It is `s3s-fs` (signed requests, files in a folder) with what it lacks added: etags in listings, `If-Match` on GET,
//! race-free conditional PUT, and listings that do not walk the whole bucket for every page. Keys may have about 140
//! bytes: `s3s-fs` keeps a file beside each object whose name is the key in base64.

mod bucket;
mod cut;
mod faults;
mod front;
mod listing;

pub use faults::{FaultKind, FaultRule, Faults, RequestCounts};

use std::{
    hash::{BuildHasher, RandomState},
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Duration,
};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::{bucket::BucketFolders, front::Front};
use crate::ports;

/// The one access key of the server.
const ACCESS_KEY: &str = "GATELOGPRIVATES3";
/// How long requests under way may take to end at a graceful stop; longer ones are cut.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Pause after a failed accept, such as too many open files: the next attempt would fail as fast.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running server; stopped when dropped. Needs a Tokio runtime.
#[derive(Debug)]
pub struct S3Server {
    root: PathBuf,
    port: u16,
    secret_key: String,
    front: Front,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    /// Cancelled on stop: the listener closes and connections end after the request under way.
    stop: CancellationToken,
    /// Ends when the last connection has.
    accept_loop: JoinHandle<()>,
}

impl S3Server {
    /// Serves the folders below `root` as buckets, on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// Any error of the folder or the port.
    pub async fn start(root: impl Into<PathBuf>) -> io::Result<Self> {
        Self::start_on(root, ports::free_port()?).await
    }

    /// As [`S3Server::start`], on a given port.
    ///
    /// # Errors
    ///
    /// Any error of the folder or the port.
    pub async fn start_on(root: impl Into<PathBuf>, port: u16) -> io::Result<Self> {
        let root = root.into();
        tokio::fs::create_dir_all(&root).await?;
        let secret_key = new_secret();
        let mut builder = S3ServiceBuilder::new(BucketFolders::open(&root)?);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, secret_key.as_str()));
        let front = Front::new(builder.build());
        let mut server = Self { root, port, secret_key, front, running: None };
        server.start_again().await?;
        Ok(server)
    }

    /// `http://127.0.0.1:PORT`; buckets are the first part of the path.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The access key that requests must be signed with.
    pub fn access_key(&self) -> &str {
        ACCESS_KEY
    }

    /// Its secret; random, so that no other user of the machine can sign.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// The region that signatures name; any will do.
    pub fn region(&self) -> &str {
        "us-east-1"
    }

    /// The folder whose subfolders are the buckets.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes a bucket, unless it is there.
    ///
    /// # Errors
    ///
    /// Any error of the folder.
    pub async fn create_bucket(&self, name: &str) -> io::Result<()> {
        tokio::fs::create_dir_all(self.root.join(name)).await
    }

    /// What goes wrong from now on.
    pub fn faults(&self) -> &Faults {
        self.front.faults()
    }

    /// While on, every connection is closed without an answer.
    pub fn outage(&self, on: bool) {
        self.faults().set_outage(on);
    }

    /// Requests seen since the start, those that met a fault included.
    pub fn requests(&self) -> RequestCounts {
        self.faults().requests()
    }

    /// Stops listening (connections are then refused) and waits for the requests under way.
    pub async fn stop(&mut self) {
        if let Some(Running { stop, accept_loop }) = self.running.take() {
            stop.cancel();
            // An error is a panic in the loop, which has already been printed.
            let _ended = accept_loop.await;
        }
    }

    /// Listens again on the same port after a stop; does nothing if it runs.
    ///
    /// # Errors
    ///
    /// When the port has been taken meanwhile.
    pub async fn start_again(&mut self) -> io::Result<()> {
        if self.running.is_none() {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
            let stop = CancellationToken::new();
            let accept_loop = tokio::spawn(serve(listener, self.front.clone(), stop.clone()));
            self.running = Some(Running { stop, accept_loop });
        }
        Ok(())
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.stop.cancel();
        }
    }
}

/// Accepts until stopped, then gives the open connections [`STOP_LIMIT`] to end.
async fn serve(listener: TcpListener, front: Front, stop: CancellationToken) {
    let connections = GracefulShutdown::new();
    let protocol = auto::Builder::new(TokioExecutor::new());
    let cut = CancellationToken::new();
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
        if front.faults().is_outage() {
            continue;
        }
        // Small answers must not wait for the peer's delayed acknowledgement.
        let _as_it_is = stream.set_nodelay(true);
        let connection = protocol.serve_connection(TokioIo::new(stream), front.clone()).into_owned();
        let connection = connections.watch(connection);
        // An error is the peer going away or a fault of ours: both are what this server is for.
        tokio::spawn(cut.clone().run_until_cancelled_owned(async move {
            let _ended = connection.await;
        }));
    }
    drop(listener);
    let _in_time = tokio::time::timeout(STOP_LIMIT, connections.shutdown()).await;
    cut.cancel();
}

fn new_secret() -> String {
    let part = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", part(), part())
}
