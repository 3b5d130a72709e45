//! What appenders, the two threads and the shipper have in common.

use std::sync::{Arc, Mutex};

use gatelog_model::Clock;

use crate::{
    SpoolOptions, account::Account, depth::Depth, disk::Disk, health::Health, outbox::Outbox, queue::Queue,
    syncer::SyncQueue, writer::Writing,
};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: SpoolOptions,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) account: Account,
    pub(crate) queue: Queue,
    pub(crate) writing: Mutex<Writing>,
    pub(crate) syncing: SyncQueue,
    pub(crate) outbox: Outbox,
    pub(crate) depth: Depth,
    pub(crate) health: Health,
    /// Torn ends that were cut off since the start.
    pub(crate) torn: std::sync::atomic::AtomicU64,
}
