//! Work that nobody waits for, on threads that give way to those that somebody waits for.

use std::{io, thread};

use tokio::sync::oneshot;

/// Of 19. Beside a thread that answers requests, one with it gets about a quarter of a core, which seals some thousand
/// records a second; of an idle core it gets all.
const NICENESS: i32 = 5;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackgroundError {
    /// The system has no room for one more thread.
    #[error("cannot start a thread")]
    Start(#[source] io::Error),
    /// A bug: it was printed.
    #[error("a background thread panicked")]
    Panicked,
}

/// Lets every other thread go first. Linux keeps the niceness of each thread; where that cannot be set, all are equal.
pub(crate) fn give_way() {
    let _as_before = rustix::process::nice(NICENESS);
}

/// Does some work on a thread of its own.
pub(crate) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BackgroundError> {
    let (done, result) = oneshot::channel();
    let run = move || {
        give_way();
        // Whoever asked may have gone away.
        let _unheard = done.send(work());
    };
    thread::Builder::new().name("spool-ship".to_owned()).spawn(run).map_err(BackgroundError::Start)?;
    result.await.map_err(|_| BackgroundError::Panicked)
}
