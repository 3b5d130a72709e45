//! Makes sealed parts visible.
//!
//! # Order of writes
//!
//! Data files are stored already (`seal`). One transaction, under the table's advisory lock: check every lease, insert
//! digests, settle ledger rows and rejects, fold the rollup, record files; read the pointer; store manifests and
//! `metadata.json` (invisible); swap the pointer; COMMIT.
//!
//! # Retries
//!
//! A failure before COMMIT rolls back and the same parts are tried again. A COMMIT without an answer is looked up in the
//! ledger under the same lock, which waits for the old backend; it is never tried again blindly.
//!
//! # After a crash
//!
//! Before COMMIT: files that nobody references, objects whose leases run out. After it: nothing is left to do.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use gatelog_catalog::{CatalogError, CommitBatch, CommitError, StageError, StageOutcome};
use gatelog_lake::{CommitInfo, DataFileToAdd, EVENTS, LakeError};
use gatelog_rollup::Rollup;
use gatelog_runtime::{Backoff, crash_point};
use tokio::task::JoinError;
use tracing::{error, info, warn};

use crate::{
    batch::SealedPart, decode_stage::seal_and_queue, error_chain, lake_ports::catalog_name, metrics,
    report::CommitReport, shared::Shared, window::CommitWindow,
};

/// How long a stopping daemon tries to commit what it has; its leases outlive it and another daemon does the work again.
const DRAIN_PATIENCE: Duration = Duration::from_secs(30);
/// Longest time a commit is tried. Its data files are unreferenced until it succeeds, and `job orphans` removes those older
/// than an hour at the earliest: half of that, with a commit interval of at most a quarter, leaves a margin.
const COMMIT_PATIENCE: Duration = Duration::from_secs(1_800);
/// Wait before the objects of a commit that the ledger refuses for good are read again, with others and in other batches.
const IMPOSSIBLE_WAIT: Duration = Duration::from_secs(5);
/// How often the committer looks whether enough bytes wait.
const BYTES_CHECK: Duration = Duration::from_millis(500);

/// Commits on the interval, when enough waits, and on request; once more after `inputs_done`.
pub(crate) async fn commit_stage(shared: Arc<Shared>, inputs_done: tokio_util::sync::CancellationToken) {
    let mut last = Instant::now();
    loop {
        let last_round = inputs_done.is_cancelled();
        let due = last.elapsed() >= shared.options.commit_interval;
        if last_round || due || shared.pending.bytes() >= shared.options.commit_bytes {
            last = Instant::now();
            commit_pending(&shared).await;
        }
        if last_round {
            return;
        }
        let wait = shared.options.commit_interval.saturating_sub(last.elapsed()).min(BYTES_CHECK);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = inputs_done.cancelled() => {}
            () = shared.flush.notified() => last = last.checked_sub(shared.options.commit_interval).unwrap_or(last),
        }
    }
}

/// Closes the window and commits everything that was sealed in it.
async fn commit_pending(shared: &Arc<Shared>) {
    let sealing = Arc::clone(shared);
    let sealed = tokio::task::spawn_blocking(move || seal_and_queue(&sealing, sealing.assembly.take())).await;
    if let Err(panic) = sealed.map_err(JoinError::into_panic) {
        std::panic::resume_unwind(panic);
    }
    if shared.pending.is_empty() {
        return;
    }
    let Some(next) = next_window(shared).await else { return };
    let parts = {
        // Waits for every part that is being sealed in this window: they come along, or their failure is known.
        let mut window = shared.window.write().await;
        *window = next;
        shared.pending.take()
    };
    let mut groups: BTreeMap<i64, Vec<SealedPart>> = BTreeMap::new();
    for part in parts {
        groups.entry(part.window.commit_seq).or_default().push(part);
    }
    for (_, group) in groups {
        commit_group(shared, group).await;
    }
}

/// A fresh window; `None` when Postgres stays away until the shutdown.
pub(crate) async fn next_window(shared: &Shared) -> Option<CommitWindow> {
    let mut backoff = backoff();
    loop {
        match shared.catalog.next_commit_seq().await {
            Ok(commit_seq) => return Some(CommitWindow { commit_seq, ingest_time: shared.clock.now() }),
            Err(error) => warn!(error = %error_chain(&error), "cannot number the next commit, trying again"),
        }
        if !shared.shutdown.sleep(backoff.next_wait()).await {
            return None;
        }
    }
}

fn backoff() -> Backoff {
    Backoff::try_new(Duration::from_millis(100), Duration::from_secs(5)).expect("0 < base <= cap")
}

/// Everything of one commit.
struct Group {
    batch: CommitBatch,
    files: Vec<DataFileToAdd>,
    report: CommitReport,
    parts: Vec<SealedPart>,
}

impl Group {
    fn of(shared: &Shared, mut parts: Vec<SealedPart>, window: CommitWindow) -> Self {
        let mut report = CommitReport { commits: 1, ..CommitReport::default() };
        let mut rollup = Rollup::default();
        let mut files = Vec::new();
        let mut output_files = Vec::new();
        for part in &mut parts {
            report.add(&part.report);
            rollup.merge(std::mem::take(&mut part.rollup));
            files.append(&mut part.lake_files);
            output_files.append(&mut part.output_files);
        }
        let batch = CommitBatch {
            commit_seq: window.commit_seq,
            worker: shared.owner,
            ingest_time: window.ingest_time,
            objects: parts.iter().flat_map(|part| part.objects.iter().cloned()).collect(),
            digests: parts.iter().flat_map(|part| part.digests.iter().copied()).collect(),
            rollup,
            files: output_files,
            events: report.events,
        };
        Self { batch, files, report, parts }
    }
}

/// What became of one attempt.
enum Attempt {
    Committed,
    /// Nothing was changed, and these parts cannot be committed as they are: somebody else has some of their objects or
    /// lines, or they are wrong. Their objects are read again after the wait.
    Refused(&'static str, Duration),
}

/// One attempt failed; whether it committed may be unknown.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error("cannot reach the ledger")]
    Ledger(#[from] CatalogError),
    #[error("cannot stage the commit")]
    Stage(#[from] StageError),
    #[error("the lake has lost its table")]
    NoTable,
    #[error("cannot write table metadata")]
    Lake(#[from] LakeError),
    #[error("cannot finish the commit")]
    Commit(#[from] CommitError),
}

async fn commit_group(shared: &Shared, parts: Vec<SealedPart>) {
    let Some(window) = parts.first().map(|part| part.window) else { return };
    let generation = shared.pending.generation();
    if parts.iter().any(|part| part.generation != generation) {
        return give_back(shared, &parts, "neighbour_refused", Duration::ZERO).await;
    }
    let group = Group::of(shared, parts, window);
    let started = Instant::now();
    match commit_with_retries(shared, &group).await {
        Some(Attempt::Committed) => acknowledge(shared, &group, started.elapsed()),
        Some(Attempt::Refused(reason, wait)) => {
            metrics::commit_refused(reason);
            warn!(commit_seq = window.commit_seq, reason, "commit refused, its objects are done again");
            give_back(shared, &group.parts, reason, wait).await;
        }
        None => {
            error!(commit_seq = window.commit_seq, "stopped before this commit could be made, its leases will run out")
        }
    }
}

/// Tries until it is known whether the group is committed; `None` when the shutdown ran out of patience.
async fn commit_with_retries(shared: &Shared, group: &Group) -> Option<Attempt> {
    let mut backoff = backoff();
    let mut outcome_unknown = false;
    let started = Instant::now();
    loop {
        if started.elapsed() > COMMIT_PATIENCE && !outcome_unknown {
            return Some(Attempt::Refused("too_old", Duration::ZERO));
        }
        match attempt(shared, group, &mut outcome_unknown).await {
            Ok(attempt) => return Some(attempt),
            Err(AttemptError::Stage(error)) if !error.is_transient() => {
                // Trying the same batch again cannot help, and everything else waits behind it.
                error!(commit_seq = group.batch.commit_seq, error = %error_chain(&error), "the ledger refuses this commit for good: a bug, please report it");
                return Some(Attempt::Refused("impossible", IMPOSSIBLE_WAIT));
            }
            Err(error) => {
                outcome_unknown |= matches!(error, AttemptError::Commit(CommitError::OutcomeUnknown { .. }));
                metrics::commit_refused("failed");
                shared.readiness.set_unready("the last commit failed");
                warn!(commit_seq = group.batch.commit_seq, outcome_unknown, error = %error_chain(&error), "commit failed, trying again");
            }
        }
        if shared.shutdown.is_requested() && started.elapsed() > DRAIN_PATIENCE {
            return None;
        }
        tokio::time::sleep(backoff.next_wait()).await;
    }
}

/// One attempt, after finding out what became of the one before if that is unknown.
async fn attempt(shared: &Shared, group: &Group, outcome_unknown: &mut bool) -> Result<Attempt, AttemptError> {
    if *outcome_unknown {
        if shared.catalog.commit_outcome(group.batch.commit_seq).await? {
            return Ok(Attempt::Committed);
        }
        *outcome_unknown = false;
    }
    crash_point("commit.before_begin");
    let mut transaction = match shared.catalog.begin_commit().await?.stage(&group.batch).await? {
        StageOutcome::Staged(transaction) => transaction,
        StageOutcome::LeaseLost(_) => return Ok(Attempt::Refused("lease_lost", Duration::ZERO)),
        StageOutcome::Duplicates(_) => return Ok(Attempt::Refused("duplicates", Duration::ZERO)),
    };
    crash_point("commit.after_stage");
    if !group.files.is_empty() {
        let table = catalog_name(&EVENTS);
        let old = transaction.pointer(&table).await?.ok_or(AttemptError::NoTable)?.metadata_location;
        let info = CommitInfo { commit_seq: group.batch.commit_seq, at: group.batch.ingest_time };
        let staged = shared.lake.stage_append(&old, &group.files, info).await?;
        crash_point("commit.after_metadata");
        transaction.swap_pointer(&table, &old, &staged.new_pointer, staged.snapshot_id).await?;
    }
    crash_point("commit.before_commit");
    transaction.commit().await?;
    crash_point("commit.after_commit");
    Ok(Attempt::Committed)
}

fn acknowledge(shared: &Shared, group: &Group, took: Duration) {
    shared.pending.committed(&group.batch.digests);
    shared.uncommitted.leave(group.batch.objects.len());
    shared.readiness.set_ready();
    shared.wake_feed.notify_one();
    let report = &group.report;
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit a double exactly")]
    let at_seconds = (shared.clock.now().micros() / 1_000_000) as f64;
    metrics::committed(report, took, at_seconds);
    shared.progress.committed(report);
    info!(
        commit_seq = group.batch.commit_seq,
        objects = report.objects,
        lines = report.lines,
        events = report.events,
        duplicates = report.duplicates,
        rejects = report.rejects,
        unpriced = report.unpriced,
        files = report.files,
        lake_bytes = report.lake_bytes,
        took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "committed"
    );
}

/// Gives the objects of these parts, and of every part that may rely on them, back to the ledger.
async fn give_back(shared: &Shared, parts: &[SealedPart], reason: &'static str, wait: Duration) {
    let mut leases: Vec<_> = parts.iter().flat_map(SealedPart::leases).collect();
    leases.extend(shared.pending.refuse().iter().flat_map(SealedPart::leases));
    shared.release(&leases, wait, reason).await;
}
