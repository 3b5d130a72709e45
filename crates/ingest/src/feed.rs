//! Claims objects and fetches them.
//!
//! Backpressure: a claim waits for a fetch slot and for its share of the fetch memory, and fetched objects wait in a
//! bounded queue for a decoder. Nothing is claimed while more than a commit and a half waits to be committed.

use std::{sync::Arc, time::Duration};

use gatelog_catalog::{Backlog, CatalogError, Claim, ClaimRequest, Quarantine, Work};
use gatelog_model::QuarantineReason;
use gatelog_objects::ErrorKind;
use gatelog_runtime::Backoff;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tracing::{error, warn};

use crate::{
    error_chain,
    fetch::{FetchError, Fetched, fetch, memory_share},
    metrics,
    shared::Shared,
};

/// Most objects of one claim: one statement of the ledger.
const CLAIM_OBJECTS_MAX: u32 = 512;
/// Most compressed bytes of one claim, so that several daemons share a backlog of large objects.
const CLAIM_BYTES_MAX: u64 = 256 << 20;
/// Longest wait before a released object is claimed again.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(60);
/// How often `--once` tries an object before it ends without it.
const ONCE_ATTEMPTS: i32 = 6;
/// How often an idle feed looks at the ledger by itself: other daemons' expired leases wake nobody.
const IDLE_WAIT: Duration = Duration::from_secs(2);
/// The same while `--once` waits for its last commits.
const DRAIN_WAIT: Duration = Duration::from_millis(50);

/// When the feed ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// At shutdown.
    Daemon,
    /// When everything that is there is committed, or was tried often enough.
    Once,
}

/// Feeds the decoders until the mode or the shutdown ends it; gives the number of objects left undone.
pub(crate) async fn feed(shared: Arc<Shared>, queue: mpsc::Sender<Fetched>, mode: Mode) -> u64 {
    let slots = Arc::new(Semaphore::new(shared.options.fetch_concurrency.max(1)));
    let memory = Arc::new(Semaphore::new(shared.options.fetch_memory_bytes.max(1)));
    let mut backoff = Backoff::try_new(Duration::from_millis(200), Duration::from_secs(10)).expect("0 < base <= cap");
    while !shared.shutdown.is_requested() {
        wait_for_room(&shared).await;
        let request = ClaimRequest {
            owner: shared.owner,
            objects_max: CLAIM_OBJECTS_MAX,
            bytes_max: CLAIM_BYTES_MAX,
            lease: shared.options.lease,
        };
        match shared.catalog.claim(&request).await {
            Ok(claims) if claims.is_empty() => match idle(&shared, mode).await {
                Ok(Idle::Wait(wait)) => pause(&shared, wait).await,
                Ok(Idle::Done { unfinished }) => return unfinished,
                Err(error) => wait_out(&shared, &mut backoff, &error).await,
            },
            Ok(claims) => {
                backoff.reset();
                shared.decoding.enter(claims.len());
                shared.uncommitted.enter(claims.len());
                for claim in claims {
                    dispatch(&shared, &slots, &memory, &queue, claim).await;
                }
            }
            Err(error) => wait_out(&shared, &mut backoff, &error).await,
        }
    }
    0
}

async fn wait_out(shared: &Shared, backoff: &mut Backoff, error: &CatalogError) {
    warn!(error = %error_chain(error), "cannot claim objects, trying again");
    shared.readiness.set_unready("the ledger cannot be reached");
    shared.shutdown.sleep(backoff.next_wait()).await;
}

/// Waits while too much is sealed and not committed, for instance because Postgres is away.
async fn wait_for_room(shared: &Shared) {
    let most = shared.options.commit_bytes.saturating_add(shared.options.commit_bytes / 2);
    while shared.pending.bytes() > most && !shared.shutdown.is_requested() {
        pause(shared, IDLE_WAIT).await;
    }
}

async fn pause(shared: &Shared, wait: Duration) {
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        () = shared.wake_feed.notified() => {}
        () = shared.shutdown.requested() => {}
    }
}

enum Idle {
    Wait(Duration),
    Done { unfinished: u64 },
}

/// What to do when nothing can be claimed.
async fn idle(shared: &Shared, mode: Mode) -> Result<Idle, CatalogError> {
    if mode == Mode::Daemon {
        return Ok(Idle::Wait(IDLE_WAIT));
    }
    if shared.uncommitted.count() > 0 {
        if shared.decoding.count() > 0 {
            // The last of them wakes the feed.
            return Ok(Idle::Wait(IDLE_WAIT));
        }
        shared.flush.notify_one();
        return Ok(Idle::Wait(DRAIN_WAIT));
    }
    // What another worker holds may come back: it may have died, and nobody else may be there to do it.
    let Backlog { leased, waiting, attempts_min } = shared.catalog.backlog().await?;
    if leased == 0 && (waiting == 0 || attempts_min >= ONCE_ATTEMPTS) {
        return Ok(Idle::Done { unfinished: waiting });
    }
    Ok(Idle::Wait(DRAIN_WAIT))
}

/// Starts the fetch of one object once there is a slot and memory for it.
async fn dispatch(
    shared: &Arc<Shared>,
    slots: &Arc<Semaphore>,
    memory: &Arc<Semaphore>,
    queue: &mpsc::Sender<Fetched>,
    claim: Claim,
) {
    let slot = permit(slots, 1).await;
    let share = permit(memory, memory_share(&claim, &shared.options)).await;
    let task_shared = Arc::clone(shared);
    let queue = queue.clone();
    shared.shutdown.spawn(async move {
        let fetched = fetch(&task_shared.source, &task_shared.options, claim, share).await;
        drop(slot);
        match fetched {
            // The queue closes only after the feed has ended, so a failure to send means that every decoder died:
            // that ends the daemon, and the lease runs out by itself.
            Ok(fetched) => drop(queue.send(fetched).await),
            Err((claim, error)) => {
                task_shared.decoding.leave(1);
                fetch_failed(&task_shared, claim, &error).await;
            }
        }
    });
}

async fn permit(semaphore: &Arc<Semaphore>, count: u32) -> OwnedSemaphorePermit {
    Arc::clone(semaphore).acquire_many_owned(count).await.expect("the semaphore is never closed")
}

/// Decides what a failed fetch means for the object.
async fn fetch_failed(shared: &Shared, claim: Claim, error: &FetchError) {
    let gone = match error {
        FetchError::Store(error) => match error.kind {
            ErrorKind::NotFound => Some(QuarantineReason::Missing),
            ErrorKind::PreconditionFailed => Some(QuarantineReason::Replaced),
            _ => None,
        },
        FetchError::Length { .. } | FetchError::Spool(_) => None,
    };
    match gone {
        Some(reason) => quarantine(shared, &claim, reason, None).await,
        None => {
            let wait = retry_wait(claim.attempt);
            warn!(object.key = %claim.source.key, error = %error_chain(error), retry_in = ?wait, "cannot fetch object");
            shared.release(&[claim.lease], wait, "fetch").await;
        }
    }
}

/// Sets an object aside with its reason; nothing of it is committed.
pub(crate) async fn quarantine(shared: &Shared, claim: &Claim, reason: QuarantineReason, offset: Option<u64>) {
    let label = reason.as_str();
    if let Work::RetryRejects(_) = claim.work {
        // Its other lines are committed: the object stays, its rejects stay open.
        warn!(object.key = %claim.source.key, reason = label, "cannot retry the rejects of this object");
        if let Err(error) = shared.catalog.drop_retry(&claim.lease).await {
            warn!(object.key = %claim.source.key, error = %error_chain(&error), "cannot drop the retry, its lease will run out");
        }
        return shared.uncommitted.leave(1);
    }
    let set_aside = shared.catalog.quarantine(&claim.lease, &Quarantine { reason, offset }).await;
    shared.uncommitted.leave(1);
    match set_aside {
        Ok(true) => {
            metrics::object_quarantined(label);
            error!(object.key = %claim.source.key, reason = label, offset, "quarantined object, see `gatelog quarantine`");
        }
        Ok(false) => warn!(object.key = %claim.source.key, "lost the lease of an object that cannot be read"),
        Err(error) => {
            warn!(object.key = %claim.source.key, error = %error_chain(&error), "cannot quarantine object, its lease will run out");
        }
    }
}

/// 1 s, 2 s, 4 s ... up to a minute.
pub(crate) fn retry_wait(attempt: i32) -> Duration {
    let doublings = attempt.saturating_sub(1).clamp(0, 16);
    Duration::from_secs(1 << doublings).min(RETRY_WAIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute() {
        let waits: Vec<u64> = [1, 2, 3, 7, 60].map(|attempt| retry_wait(attempt).as_secs()).to_vec();
        assert_eq!(waits, [1, 2, 4, 60, 60]);
    }
}
