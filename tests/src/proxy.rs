//! A TCP proxy in front of Postgres that can lose a COMMIT or its answer.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What marks a connection as that of a commit of the lake, and the statement that ends it.
const MARK: &[u8] = b"INSERT INTO gatelog.lake_commit";
const COMMIT: &[u8] = b"COMMIT\0";

const PASS: u8 = 0;
const LOSE_ANSWER: u8 = 1;
const LOSE_COMMIT: u8 = 2;

/// The running proxy; ends when it is dropped.
pub struct PostgresProxy {
    url: String,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    armed: AtomicU8,
    lost: AtomicUsize,
}

impl PostgresProxy {
    /// Listens on a free port and passes everything on to the server of `url`.
    pub async fn start(url: &str) -> Self {
        let (before, rest) = url.split_once('@').expect("a URL with a user");
        let (server, after) = rest.split_once('/').expect("a URL with a database");
        let server = server.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let state = Arc::new(State::default());
        let task_state = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(upstream) = TcpStream::connect(&server).await else { continue };
                tokio::spawn(relay(client, upstream, Arc::clone(&task_state)));
            }
        });
        Self { url: format!("{before}@{address}/{after}"), state, task }
    }

    /// The URL that leads through the proxy.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The next commit of the lake takes effect, but its connection breaks before the answer.
    pub fn lose_next_commit_answer(&self) {
        self.state.armed.store(LOSE_ANSWER, Ordering::SeqCst);
    }

    /// The connection of the next commit of the lake breaks before COMMIT arrives.
    pub fn lose_next_commit(&self) {
        self.state.armed.store(LOSE_COMMIT, Ordering::SeqCst);
    }

    /// How many were lost.
    pub fn answers_lost(&self) -> usize {
        self.state.lost.load(Ordering::SeqCst)
    }
}

impl Drop for PostgresProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes bytes both ways until one side closes or a COMMIT is to be lost.
async fn relay(mut client: TcpStream, mut server: TcpStream, state: Arc<State>) {
    let (mut from_client, mut from_server) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    let mut marked = false;
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let Ok(length @ 1..) = read else { return };
                let bytes = &from_client[..length];
                marked |= contains(bytes, MARK);
                if marked && contains(bytes, COMMIT) && state.armed.load(Ordering::SeqCst) != PASS {
                    return lose(bytes, &mut server, &state).await;
                }
                if server.write_all(bytes).await.is_err() { return }
            }
            read = server.read(&mut from_server) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&from_server[..length]).await.is_err() { return }
            }
        }
    }
}

/// Loses the COMMIT, or passes it on and loses the answer once there is one. Dropping the client's side breaks it.
async fn lose(commit: &[u8], server: &mut TcpStream, state: &State) {
    let armed = state.armed.swap(PASS, Ordering::SeqCst);
    state.lost.fetch_add(1, Ordering::SeqCst);
    if armed == LOSE_ANSWER && server.write_all(commit).await.is_ok() {
        let mut answer = [0; 1];
        // One byte of it proves that the commit took effect; whether there is one does not matter to the test.
        let _ = server.read(&mut answer).await;
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
