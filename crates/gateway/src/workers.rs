//! Threads that answer: one per core, each with a runtime and a pool of connections to providers of its own.
//!
//! A connection of a caller stays on its thread, and so does everything that is done for it. On a runtime of several
//! threads a request changes threads up to six times (caller's connection, provider's connection, and back), and waking
//! another core costs more than all the rest that is done for a request.
//!
//! Nothing that outlives the threads may be made on them: a database connection belongs to the runtime that opened it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use crate::{gateway::Gateway, service::Answerer, upstream::Upstream};

/// The threads; they end when this is dropped, and what is still open on them is dropped there.
pub(crate) struct Workers(Vec<Worker>);

struct Worker {
    runtime: Handle,
    answerer: Answerer,
    /// Connections of callers.
    open: Arc<AtomicUsize>,
    /// Dropped to end the thread.
    _end: oneshot::Sender<()>,
}

/// The place of one connection at a worker.
pub(crate) struct Seat {
    pub(crate) runtime: Handle,
    pub(crate) answerer: Answerer,
    open: Arc<AtomicUsize>,
}

impl Workers {
    /// Starts one per core that this process may use.
    ///
    /// # Errors
    ///
    /// When the system has no room for the threads.
    pub(crate) fn start(gateway: &Gateway) -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        (0..count).map(|number| Worker::start(number, gateway)).collect::<io::Result<_>>().map(Self)
    }

    /// A place where the fewest connections are open.
    pub(crate) fn seat(&self) -> Seat {
        let worker = self.0.iter().min_by_key(|worker| worker.open.load(Ordering::Relaxed));
        let worker = worker.expect("there is at least one core");
        worker.open.fetch_add(1, Ordering::Relaxed);
        Seat { runtime: worker.runtime.clone(), answerer: worker.answerer.clone(), open: Arc::clone(&worker.open) }
    }
}

impl Worker {
    fn start(number: usize, gateway: &Gateway) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        let run = move || {
            // Nothing is ever sent: it ends when the sender is dropped.
            let _dropped = runtime.block_on(ended);
            runtime.shutdown_background();
        };
        thread::Builder::new().name(format!("gateway-{number}")).spawn(run)?;
        let upstream = Upstream::new(&gateway.0.upstream_tls);
        handle.spawn(upstream.sweeping());
        let answerer = Answerer { shared: Arc::clone(&gateway.0), upstream };
        Ok(Self { runtime: handle, answerer, open: Arc::default(), _end: end })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}
