//! Builds the stages, runs them, and ends them in order: listing, feed, decoders, committer, heartbeat.

use std::sync::{
    Arc, RwLock,
    atomic::{AtomicU64, Ordering},
};

use gatelog_catalog::CatalogError;
use gatelog_runtime::Shutdown;
use tokio::{
    runtime::Handle,
    sync::{Mutex, Notify, mpsc},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    batch::{Assembly, PendingCommit},
    commit::commit_stage,
    decode::UnwrapPool,
    decode_stage::decode_thread,
    discover::{DiscoverError, Scope, discover, list_once},
    feed::{Mode, feed},
    maintain::{heartbeat, request_key_retries, upkeep},
    report::{CommitReport, Progress},
    shared::{InFlight, Parts, Shared},
    wake::follow,
    window::CommitWindow,
};

/// Fetched objects that wait for a decoder; their bytes are bounded by the fetch memory.
const DECODE_QUEUE: usize = 256;

/// The daemon could not start or finish.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The first listing failed, and `--once` has nothing to go by.
    #[error(transparent)]
    Discover(#[from] Box<dyn std::error::Error + Send + Sync>),
    /// The ledger could not be reached at the start.
    #[error("cannot reach the ledger")]
    Ledger(#[from] CatalogError),
    /// The threads for unwrapping keys could not be started.
    #[error("cannot start the unwrap threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A stage ended by a panic.
    #[error("a stage of the pipeline panicked")]
    Panicked(#[from] JoinError),
}

impl From<DiscoverError> for IngestError {
    fn from(error: DiscoverError) -> Self {
        Self::Discover(Box::new(error))
    }
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunReport {
    /// All commits added up.
    pub committed: CommitReport,
    /// Objects that could not be done; only [`Mode::Once`] ends with any.
    pub unfinished: u64,
}

/// Ingests until the mode or the shutdown ends it, then drains.
///
/// # Errors
///
/// [`IngestError`] when it cannot start; later troubles are logged, counted and tried again.
pub async fn run(mut parts: Parts, mode: Mode, shutdown: Shutdown) -> Result<RunReport, IngestError> {
    let totals = Arc::new(Totals::new(Arc::clone(&parts.progress)));
    let queues = std::mem::take(&mut parts.queues);
    let shared = Arc::new(build(parts, totals.clone(), shutdown).await?);
    request_key_retries(&shared).await;
    if mode == Mode::Once {
        let found = list_once(&shared, Scope::Everything).await?;
        shared.progress.found(found);
    } else {
        shared.shutdown.spawn(discover(Arc::clone(&shared)));
        shared.shutdown.spawn(upkeep(Arc::clone(&shared)));
        for queue in queues {
            shared.shutdown.spawn(follow(Arc::clone(&shared), queue));
        }
    }
    let stopped = CancellationToken::new();
    let heart = tokio::spawn(heartbeat(Arc::clone(&shared), stopped.clone()));
    let unfinished = run_stages(&shared, mode).await;
    stopped.cancel();
    heart.await?;
    if let Err(error) = shared.catalog.release_all(shared.owner).await {
        tracing::warn!(error = %crate::error_chain(&error), "cannot give back what is left, its leases will run out");
    }
    Ok(RunReport { committed: totals.take(), unfinished: unfinished? })
}

/// Feed, decoders and committer; each ends when the one before it has, and all when one of them panics.
async fn run_stages(shared: &Arc<Shared>, mode: Mode) -> Result<u64, IngestError> {
    let (sender, receiver) = mpsc::channel(DECODE_QUEUE);
    let queue = Arc::new(Mutex::new(receiver));
    let inputs_done = CancellationToken::new();
    let mut committer = JoinSet::new();
    committer.spawn(commit_stage(Arc::clone(shared), inputs_done.clone()));
    let mut decoders = JoinSet::new();
    for _ in 0..shared.options.cpu_threads.max(1) {
        let (shared, queue) = (Arc::clone(shared), Arc::clone(&queue));
        decoders.spawn_blocking(move || decode_thread(&shared, &queue));
    }
    drop(queue);
    let fed = unless_panicked(feed(Arc::clone(shared), sender, mode), &mut decoders, &mut committer).await;
    // The feed is gone, so the queue closes and the decoders end with what is in it.
    let decoded = finish(decoders).await;
    inputs_done.cancel();
    let committed = finish(committer).await;
    let unfinished = fed?;
    decoded.and(committed)?;
    Ok(unfinished)
}

/// Gives the work's result, or the panic of a stage: with one of them dead, objects would wait for ever under a lease that
/// is still renewed.
async fn unless_panicked<T>(
    work: impl Future<Output = T>,
    decoders: &mut JoinSet<()>,
    committer: &mut JoinSet<()>,
) -> Result<T, JoinError> {
    tokio::select! {
        done = work => Ok(done),
        Some(Err(panic)) = decoders.join_next() => Err(panic),
        Some(Err(panic)) = committer.join_next() => Err(panic),
    }
}

async fn finish(mut stages: JoinSet<()>) -> Result<(), JoinError> {
    let mut outcome = Ok(());
    while let Some(ended) = stages.join_next().await {
        outcome = outcome.and(ended);
    }
    outcome
}

async fn build(parts: Parts, progress: Arc<dyn Progress>, shutdown: Shutdown) -> Result<Shared, IngestError> {
    let unwrap = Arc::new(UnwrapPool::try_new(parts.options.cpu_threads)?);
    let wake_feed = Arc::new(Notify::new());
    let window = CommitWindow { commit_seq: parts.catalog.next_commit_seq().await?, ingest_time: parts.clock.now() };
    Ok(Shared {
        source: parts.source,
        lake: parts.lake,
        lake_store: parts.lake_store,
        catalog: parts.catalog,
        clock: parts.clock,
        keys: RwLock::new(Arc::new(parts.keys)),
        key_files: parts.key_files,
        normalise: Arc::new(parts.normalise),
        limits: parts.limits,
        unwrap,
        options: parts.options,
        progress,
        readiness: parts.readiness,
        shutdown,
        runtime: Handle::current(),
        owner: Uuid::now_v7(),
        assembly: Assembly::default(),
        pending: PendingCommit::default(),
        window: Arc::new(tokio::sync::RwLock::new(window)),
        flush: Notify::new(),
        decoding: InFlight::new(Arc::clone(&wake_feed)),
        uncommitted: InFlight::new(Arc::clone(&wake_feed)),
        wake_feed,
    })
}

/// Adds up every commit and passes it on.
struct Totals {
    inner: Arc<dyn Progress>,
    sum: std::sync::Mutex<CommitReport>,
    found: AtomicU64,
}

impl Totals {
    fn new(inner: Arc<dyn Progress>) -> Self {
        Self { inner, sum: std::sync::Mutex::default(), found: AtomicU64::new(0) }
    }

    fn take(&self) -> CommitReport {
        std::mem::take(&mut *self.sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Progress for Totals {
    fn found(&self, objects: u64) {
        let all = self.found.fetch_add(objects, Ordering::Relaxed) + objects;
        self.inner.found(all);
    }

    fn committed(&self, report: &CommitReport) {
        self.sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(report);
        self.inner.committed(report);
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use super::*;

    #[tokio::test]
    async fn a_stage_that_panics_ends_the_work() {
        let idle = || {
            let mut stage = JoinSet::new();
            stage.spawn(pending());
            stage
        };
        let dead = || {
            let mut stage = idle();
            stage.spawn_blocking(|| panic!("a bug"));
            stage
        };
        let ended = async |mut decoders: JoinSet<()>, mut committer: JoinSet<()>| {
            let run = unless_panicked(pending::<()>(), &mut decoders, &mut committer);
            tokio::time::timeout(Duration::from_secs(60), run).await.unwrap()
        };
        assert!(ended(dead(), idle()).await.unwrap_err().is_panic());
        assert!(ended(idle(), dead()).await.unwrap_err().is_panic());
        assert_eq!(unless_panicked(async { 7 }, &mut idle(), &mut idle()).await.unwrap(), 7);
    }
}
