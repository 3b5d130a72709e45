//! Brings closed segments to the store, oldest first.
//!
//! # Order of writes
//!
//! The segment is durable before it comes here. PUT of the object, then removal of the file, then sync of the folder.
//!
//! # Retries
//!
//! For ever, with a growing wait up to a cap: the spool fills meanwhile, and admission ends at its bound. The object's
//! key is decided by the segment alone. When the key is taken, the object there is read: with the same lines it is ours,
//! from a PUT whose answer was lost; with others it is somebody else's, and the next name is tried. A name is given up
//! only after its object was read, so a PUT that is still under way cannot win it later.
//!
//! # Cancellation
//!
//! Dropping the future loses nothing: a segment is forgotten only after its file is gone.
//!
//! # After a crash
//!
//! Before the PUT has its answer, or before the file is removed: the next start ships the same lines under the same name
//! and finds the object there, if it is.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use gatelog_objects::{ErrorKind, ObjectError, PutOutcome, Store};
use gatelog_runtime::{Backoff, InvalidBackoff, Shutdown, crash_point};
use tokio::time::timeout;
use tracing::{debug, error, info, warn};

use crate::{
    Spool, SpoolStatus,
    background::{BackgroundError, in_background},
    metrics,
    object::{BuildError, build, has_lines_of},
    recover::{Finding, report, settle},
    segment::ClosedSegment,
    shared::Shared,
};

const CONTENT_TYPE: &str = "application/gzip";
/// Names tried for one segment. Two of a million gateways that share a window collide once; sixteen times in a row means
/// that the store says `exists` to everything.
const NAMES_MAX: u32 = 16;
/// How often the gauges are set.
const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is looked whether the last ticket is gone.
const TICKETS_POLL: Duration = Duration::from_millis(20);
/// What another compressor may have made of the same lines, bytes above twice ours.
const OTHER_OBJECT_SLACK_BYTES: u64 = 64 << 10;

/// How shipping ends and tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShipperOptions {
    /// How long tickets are waited for after the process was asked to stop.
    pub drain_limit: Duration,
    /// How long shipping goes on after that.
    pub grace: Duration,
    /// First wait after a failure.
    pub retry_base: Duration,
    /// Longest wait after a failure.
    pub retry_cap: Duration,
}

impl Default for ShipperOptions {
    /// A streamed answer may take minutes; an object is stored in seconds.
    fn default() -> Self {
        Self {
            drain_limit: Duration::from_secs(300),
            grace: Duration::from_secs(20),
            retry_base: Duration::from_millis(500),
            retry_cap: Duration::from_secs(15),
        }
    }
}

/// Ships the segments of one spool to one bucket. A spool has one shipper.
#[derive(Debug)]
pub struct Shipper {
    spool: Spool,
    store: Store,
    options: ShipperOptions,
    backoff: Backoff,
}

/// Why a segment is still here.
#[derive(Debug, thiserror::Error)]
enum ShipError {
    #[error(transparent)]
    Store(#[from] ObjectError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("{NAMES_MAX} names are taken by other objects")]
    NamesTaken,
    #[error("cannot remove a shipped segment")]
    Remove(#[source] io::Error),
    #[error(transparent)]
    Background(#[from] BackgroundError),
}

impl ShipError {
    fn label(&self) -> &'static str {
        match self {
            Self::Store(error) => error.kind.as_str(),
            Self::Build(_) => "segment",
            Self::NamesTaken => "names_taken",
            Self::Remove(_) => "remove",
            Self::Background(_) => "background",
        }
    }
}

impl Shipper {
    /// Ships what the spool has and gets.
    ///
    /// # Errors
    ///
    /// When the waits of `options` make no sense.
    pub fn new(spool: Spool, store: Store, options: ShipperOptions) -> Result<Self, InvalidBackoff> {
        let backoff = Backoff::try_new(options.retry_base, options.retry_cap)?;
        Ok(Self { spool, store, options, backoff })
    }

    /// Ships until the process is asked to stop; then ends admission, waits for the tickets that are out, closes the
    /// spool and ships the rest for the grace period. Ends earlier if the spool was closed and is empty.
    ///
    /// Returns how the spool stands; what is left is shipped by the next start.
    pub async fn run(self, shutdown: Shutdown) -> SpoolStatus {
        tokio::select! {
            () = Box::pin(self.ship_all()) => {}
            () = self.end_of_grace(&shutdown) => {}
            () = self.publish() => {}
        }
        let status = self.spool.status();
        metrics::publish(&status);
        if status.records == 0 {
            info!("every audit record is shipped");
        } else {
            warn!(records = status.records, "audit records are left for the next start");
        }
        status
    }

    /// Never ends.
    async fn publish(&self) {
        let mut ticks = tokio::time::interval(PUBLISH_INTERVAL);
        loop {
            ticks.tick().await;
            metrics::publish(&self.spool.status());
        }
    }

    async fn end_of_grace(&self, shutdown: &Shutdown) {
        shutdown.requested().await;
        self.spool.stop_admitting();
        let no_tickets = async {
            while self.spool.shared().account.tickets() > 0 {
                tokio::time::sleep(TICKETS_POLL).await;
            }
        };
        if timeout(self.options.drain_limit, no_tickets).await.is_err() {
            warn!(tickets = self.spool.status().tickets, "closing the audit spool before every request has ended");
        }
        self.spool.close().await;
        tokio::time::sleep(self.options.grace).await;
    }

    /// Ends when the spool is closed and empty.
    async fn ship_all(&self) {
        while let Some(segment) = self.shared().outbox.oldest().await {
            self.ship_until_gone(segment).await;
        }
    }

    /// Ends when the segment is stored, or nothing is left of it.
    async fn ship_until_gone(&self, mut segment: ClosedSegment) {
        let mut backoff = self.backoff.clone();
        // Compressed once, however often it is sent.
        let mut object = None;
        loop {
            let error = match self.ship(&segment, &mut object).await {
                Ok(()) => return,
                Err(ShipError::Build(BuildError::Damaged { .. })) => match self.settle(&segment).await {
                    Ok(Some(rest)) => {
                        segment = rest;
                        continue;
                    }
                    Ok(None) => return,
                    Err(error) => error,
                },
                Err(ShipError::Build(BuildError::Read(error))) if error.kind() == io::ErrorKind::NotFound => {
                    return self.forget_missing(&segment);
                }
                Err(error) => error,
            };
            metrics::ship_failed(error.label());
            let wait = backoff.next_wait();
            warn!(error = %chain(&error), segment = segment.id.number, ?wait, "cannot ship a spool segment, trying again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn ship(&self, segment: &ClosedSegment, kept: &mut Option<Bytes>) -> Result<(), ShipError> {
        let object = match kept {
            Some(object) => object.clone(),
            None => {
                let segment = segment.clone();
                kept.insert(in_background(move || build(&segment)).await??).clone()
            }
        };
        let was_there = self.store(segment, &object).await?;
        crash_point("spool.stored");
        let (shared, path) = (Arc::clone(self.shared()), segment.path.clone());
        in_background(move || remove(&shared, &path)).await?.map_err(ShipError::Remove)?;
        self.forget(segment);
        crash_point("spool.removed");
        metrics::shipped(was_there, segment.records, object.len() as u64);
        Ok(())
    }

    /// Stores the object under the first name that is free or has it already, and says whether it was there.
    async fn store(&self, segment: &ClosedSegment, object: &Bytes) -> Result<bool, ShipError> {
        for attempt in 0..NAMES_MAX {
            let key = segment.key(&self.shared().options.prefix, attempt).to_string();
            crash_point("spool.before_put");
            match self.store.put_if_absent(&key, object.clone(), CONTENT_TYPE).await? {
                PutOutcome::Created { .. } => {
                    debug!(object.key = %key, records = segment.records, "shipped a spool segment");
                    return Ok(false);
                }
                PutOutcome::Exists if self.is_ours(&key, object, segment).await? => {
                    info!(object.key = %key, records = segment.records, "a spool segment was shipped before");
                    return Ok(true);
                }
                PutOutcome::Exists => warn!(object.key = %key, "the name of an object is taken: trying another"),
            }
        }
        error!(segment = segment.id.number, "every name of a spool segment is taken");
        Err(ShipError::NamesTaken)
    }

    /// Whether the object there has the lines of the segment.
    async fn is_ours(&self, key: &str, object: &Bytes, segment: &ClosedSegment) -> Result<bool, ShipError> {
        let limit_bytes = 2 * object.len() as u64 + OTHER_OBJECT_SLACK_BYTES;
        let there = match self.store.get_bytes(key, limit_bytes).await {
            Ok(there) => there,
            Err(error) if error.kind == ErrorKind::TooLarge => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if there == *object {
            return Ok(true);
        }
        let segment = segment.clone();
        in_background(move || has_lines_of(&there, &segment)).await?.map_err(|error| BuildError::Read(error).into())
    }

    /// Puts a segment in order that changed after it was closed, and says what is left to ship.
    async fn settle(&self, segment: &ClosedSegment) -> Result<Option<ClosedSegment>, ShipError> {
        let path = segment.path.clone();
        let settled = in_background(move || settle(&path)).await?.map_err(BuildError::Read)?;
        report(&segment.path, settled.finding);
        let shared = self.shared();
        if let Finding::Torn { .. } = settled.finding {
            shared.torn.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            metrics::torn(1);
        }
        match &settled.segment {
            Some(rest) => {
                shared.account.release(segment.file_bytes);
                shared.account.charge(rest.file_bytes);
                shared.depth.set(rest.id.number, rest.tally());
                shared.outbox.replace(rest.clone());
            }
            None => self.forget(segment),
        }
        Ok(settled.segment)
    }

    /// Somebody else removed the file.
    fn forget_missing(&self, segment: &ClosedSegment) {
        error!(segment = segment.id.number, records = segment.records, "a spool segment is gone before it was shipped");
        self.shared().account.lose(segment.records);
        metrics::lost("segment_gone", segment.records);
        self.forget(segment);
    }

    fn forget(&self, segment: &ClosedSegment) {
        let shared = self.shared();
        shared.depth.remove(segment.id.number);
        shared.account.release(segment.file_bytes);
        shared.outbox.remove(segment.id.number);
    }

    fn shared(&self) -> &Arc<Shared> {
        self.spool.shared()
    }
}

/// Removes a file that may be gone already.
fn remove(shared: &Shared, path: &std::path::Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => shared.disk.sync_folder(&shared.options.folder),
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
