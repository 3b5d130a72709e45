//! Cloudflare's REST API in this process, as far as gatelog asks: Logpush jobs of an account, and queues that are pulled.
//!
//! It is stricter than the real one where a mistake of ours would show: unknown members of a body, options out of bounds and a
//! wrong token are refused, in the API's words where those are known. `POST /_sim/queues/{queue}` sends a message,
//! `GET /_sim/jobs` shows the jobs with their secrets, for other languages.

mod api;
mod jobs;
mod queues;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use self::{jobs::Jobs, queues::Queues};

/// What an account is like.
#[derive(Debug, Clone)]
pub struct CloudflareOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The account's id.
    pub account: String,
    /// The only token that opens.
    pub token: String,
    /// Fields of the dataset.
    pub fields: Vec<String>,
    /// What answers have where a destination's keys stand, if not the keys. The real API's way is not documented.
    pub mask: Option<fn(&str) -> String>,
    /// A folder whose subfolders are buckets: where ownership challenges are written. None are without it.
    pub buckets: Option<PathBuf>,
}

impl Default for CloudflareOptions {
    /// Account `acct` and token `token`, with the ten fields that readers of real files know.
    fn default() -> Self {
        let fields = "Cached Endpoint Gateway Metadata Model Provider RateLimited RequestBody ResponseBody StatusCode";
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            account: "acct".to_owned(),
            token: "token".to_owned(),
            fields: fields.split(' ').map(str::to_owned).collect(),
            mask: None,
            buckets: None,
        }
    }
}

/// A running server; stopped when dropped. Needs a Tokio runtime.
#[derive(Debug)]
pub struct CloudflareServer {
    address: SocketAddr,
    account: Arc<Account>,
    serving: JoinHandle<()>,
}

/// What the server knows.
#[derive(Debug)]
struct Account {
    options: CloudflareOptions,
    jobs: Mutex<Jobs>,
    queues: Mutex<Queues>,
    requests: AtomicU64,
}

impl Account {
    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CloudflareServer {
    /// Starts to listen.
    ///
    /// # Errors
    ///
    /// When the port cannot be had.
    pub async fn start(options: CloudflareOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let account = Arc::new(Account {
            options,
            jobs: Mutex::default(),
            queues: Mutex::default(),
            requests: AtomicU64::new(0),
        });
        let routes = api::routes(Arc::clone(&account));
        let serving = tokio::spawn(async move {
            // An accept loop that ends would show as refused connections.
            let _ended = axum::serve(listener, routes).await;
        });
        Ok(Self { address, account, serving })
    }

    /// `http://127.0.0.1:PORT/client/v4`.
    pub fn endpoint(&self) -> String {
        format!("http://{}/client/v4", self.address)
    }

    /// The jobs, with their secrets, as the API would tell of them.
    pub fn jobs(&self) -> Vec<Value> {
        self.account.jobs().all().to_vec()
    }

    /// Changes job `id` as somebody in the dashboard could.
    ///
    /// # Panics
    ///
    /// When there is no such job.
    pub fn edit_job(&self, id: u64, edit: impl FnOnce(&mut Value)) {
        edit(self.account.jobs().get_mut(id).expect("a job of that number"));
    }

    /// Puts a job there that nobody checked.
    pub fn add_job(&self, job: Value) -> u64 {
        self.account.jobs().add(job)
    }

    /// Requests with the right token so far, of any kind.
    pub fn requests(&self) -> u64 {
        self.account.requests.load(Ordering::Relaxed)
    }

    /// Makes every message visible again, as if its time were up.
    pub fn expire_leases(&self, queue: &str) {
        self.account.queues().expire(queue);
    }

    /// Requests so far that changed a job or wrote a challenge.
    pub fn writes(&self) -> u64 {
        self.account.jobs().writes()
    }

    /// Sends a message of content type `json`.
    pub fn send(&self, queue: &str, body: &Value) {
        self.account.queues().send(queue, body.to_string().into_bytes(), "json");
    }

    /// Sends a message of content type `text`.
    pub fn send_text(&self, queue: &str, body: &str) {
        self.account.queues().send(queue, body.as_bytes().to_vec(), "text");
    }

    /// Messages that are neither acknowledged nor given up.
    pub fn backlog(&self, queue: &str) -> usize {
        self.account.queues().backlog(queue)
    }

    /// The next `times` requests to any queue fail with this status.
    pub fn fail_queues(&self, times: u32, status: u16) {
        self.account.queues().fail(times, status);
    }
}

impl Drop for CloudflareServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
