//! What must happen now and then besides ingesting: heartbeats, expiry of digests, a look at the keys.

use std::{sync::Arc, time::Duration};

use tracing::{info, warn};

use crate::{error_chain, keys::load_key_ring, shared::Shared};

/// Digests deleted by one statement: about a hundred milliseconds of work.
const EXPIRE_STEP: u32 = 50_000;
/// How often digests are expired and key files read again.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(30);

/// Keeps this daemon's leases alive until everything has drained.
pub(crate) async fn heartbeat(shared: Arc<Shared>, stopped: tokio_util::sync::CancellationToken) {
    let interval = shared.options.lease / 4;
    loop {
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = stopped.cancelled() => return,
        }
        if shared.uncommitted.count() == 0 {
            continue;
        }
        if let Err(error) = shared.catalog.extend_leases(shared.owner, shared.options.lease).await {
            warn!(error = %error_chain(&error), "cannot extend leases, trying again");
        }
    }
}

/// Expires digests and follows the key files until shutdown.
pub(crate) async fn upkeep(shared: Arc<Shared>) {
    while shared.shutdown.sleep(UPKEEP_INTERVAL).await {
        reload_keys(&shared).await;
        expire_digests(&shared).await;
    }
}

async fn expire_digests(shared: &Shared) {
    loop {
        match shared.catalog.expire_line_digests(shared.options.duplicate_window, EXPIRE_STEP).await {
            Ok(expired) if expired < u64::from(EXPIRE_STEP) => return,
            Ok(_) if shared.shutdown.is_requested() => return,
            Ok(_) => {}
            Err(error) => return warn!(error = %error_chain(&error), "cannot expire line digests"),
        }
    }
}

/// Reads the key files again; a changed ring opens what the old one could not.
async fn reload_keys(shared: &Shared) {
    if shared.key_files.is_empty() {
        return;
    }
    let files = shared.key_files.clone();
    let loaded = tokio::task::spawn_blocking(move || load_key_ring(&files)).await;
    match loaded {
        Ok(Ok(ring)) if ring.id() != shared.current_keys().id() => {
            info!(keys = ring.len(), key_ring = %ring.id(), "the key ring changed");
            *shared.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(ring);
            request_key_retries(shared).await;
        }
        Ok(Ok(_)) => {}
        Ok(Err(error)) => warn!(error = %error_chain(&error), "cannot read the key files, keeping the keys in force"),
        Err(panic) => warn!(error = %panic, "reading the key files panicked"),
    }
}

/// Has rejects tried again that no key of another ring could open.
pub(crate) async fn request_key_retries(shared: &Shared) {
    match shared.catalog.request_key_retries(&shared.current_keys().id().to_string()).await {
        Ok(0) => {}
        Ok(objects) => {
            info!(objects, "retrying lines that no key opened before");
            shared.wake_feed.notify_one();
        }
        Err(error) => warn!(error = %error_chain(&error), "cannot look for lines to open with the new keys"),
    }
}
