//! How a process is asked to stop, and how it learns that everything has.

use std::future::Future;

use tokio::{
    runtime::Handle,
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

/// The stop signal and the tasks that must end after it.
///
/// Asking twice is safe. Tasks started through [`Shutdown::spawn`] are waited for by [`Shutdown::drained`].
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// Asks every task to drain and end.
    pub fn request(&self) {
        self.token.cancel();
    }

    /// Whether the process was asked to stop.
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Ends when the process is asked to stop.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// Starts a tracked task.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn(task)
    }

    /// Starts a tracked task on another runtime.
    pub fn spawn_on<F>(&self, runtime: &Handle, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn_on(task, runtime)
    }

    /// Sleeps, or ends early with `false` when the process is asked to stop.
    pub async fn sleep(&self, duration: std::time::Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(duration) => true,
            () = self.requested() => false,
        }
    }

    /// Waits for every tracked task; ends at once if none was started yet.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Turns the first SIGTERM or SIGINT into a request to stop; the second ends the process at once with code 1.
///
/// # Errors
///
/// When the handlers cannot be installed.
pub fn listen_for_signals(shutdown: &Shutdown) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = shutdown.clone();
    // Not tracked: it must not keep the process alive.
    tokio::spawn(async move {
        for attempt in 0_u8.. {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            if attempt > 0 {
                warn!("second signal: stopping at once");
                std::process::exit(1);
            }
            info!("stopping: finishing what is in flight, a second signal stops at once");
            shutdown.request();
        }
    });
    Ok(())
}
