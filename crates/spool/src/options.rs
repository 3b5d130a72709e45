//! What a spool is told: where it is, how much it holds, when it lets go.

use std::{path::PathBuf, time::Duration};

use uuid::Uuid;

/// Text of one object, bytes. Logpush's own limit for a batch (`max_upload_bytes`) starts at 5 MB; this is what ingest
/// inflates in one piece.
const SEGMENT_BYTES_MAX: u64 = 64 << 20;
/// Records of one object; Logpush's default for `max_upload_records`.
const SEGMENT_RECORDS_MAX: u64 = 100_000;
/// How long a record waits for company; Logpush's default for `max_upload_interval_seconds`.
const SEGMENT_AGE_MAX: Duration = Duration::from_secs(30);
/// Disk that an outage of the store may fill: at 6 KB a record and 100 records a second, half an hour.
const SPOOL_BYTES_MAX: u64 = 1 << 30;
/// Memory of records that wait for the disk. A disk that is well empties it a thousand times a second.
const QUEUE_BYTES_MAX: u64 = 64 << 20;
/// Requests under way at once; a guard against callers that never give their tickets back.
const TICKETS_MAX: u64 = 65_536;
/// What a power failure may take from acknowledged records when nobody waits for the disk.
const SYNC_INTERVAL: Duration = Duration::from_millis(50);

/// When a record counts as kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Audit {
    /// When the kernel has it: it survives the death of the process, not that of the machine.
    #[default]
    Relaxed,
    /// When the disk has it.
    Strict,
}

/// What gives way when the spool is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFull {
    /// New requests: they are not admitted, so that no record is lost.
    #[default]
    Refuse,
    /// New records: they are dropped and counted, so that no request is refused.
    Drop,
}

/// Where a spool is and its bounds.
#[derive(Debug, Clone)]
pub struct SpoolOptions {
    /// Its folder; made if it is not there, and closed to other users.
    pub folder: PathBuf,
    /// What stands before the day folder in the keys of objects; empty at the root of the bucket.
    pub prefix: String,
    /// Goes into the names of objects, so that gateways that share a prefix do not meet. A fresh one per start will do:
    /// segments remember theirs.
    pub instance: Uuid,
    /// Most text of a segment, bytes; a single longer record has a segment of its own.
    pub segment_bytes_max: u64,
    /// Most records of a segment.
    pub segment_records_max: u64,
    /// A segment is closed this long after its first record, however small it is.
    pub segment_age_max: Duration,
    /// Most bytes on disk, in the queue and reserved by tickets together.
    pub spool_bytes_max: u64,
    /// Most bytes in memory that wait to be written, above which nothing is admitted.
    pub queue_bytes_max: u64,
    /// Most tickets out at once.
    pub tickets_max: u64,
    /// How often written records are made durable with [`Audit::Relaxed`]; [`Audit::Strict`] does not wait for it.
    pub sync_interval: Duration,
    /// When a record counts as kept.
    pub audit: Audit,
    /// What gives way when the spool is full.
    pub on_full: OnFull,
}

/// Bounds that make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` of the spool must be above zero")]
pub struct BadSpoolOptions {
    /// The field.
    pub name: &'static str,
}

impl SpoolOptions {
    /// The usual bounds.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            prefix: String::new(),
            instance: Uuid::new_v4(),
            segment_bytes_max: SEGMENT_BYTES_MAX,
            segment_records_max: SEGMENT_RECORDS_MAX,
            segment_age_max: SEGMENT_AGE_MAX,
            spool_bytes_max: SPOOL_BYTES_MAX,
            queue_bytes_max: QUEUE_BYTES_MAX,
            tickets_max: TICKETS_MAX,
            sync_interval: SYNC_INTERVAL,
            audit: Audit::default(),
            on_full: OnFull::default(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), BadSpoolOptions> {
        let fields = [
            ("segment_bytes_max", self.segment_bytes_max == 0),
            ("segment_records_max", self.segment_records_max == 0),
            ("segment_age_max", self.segment_age_max.is_zero()),
            ("spool_bytes_max", self.spool_bytes_max == 0),
            ("queue_bytes_max", self.queue_bytes_max == 0),
            ("tickets_max", self.tickets_max == 0),
            ("sync_interval", self.sync_interval.is_zero()),
        ];
        match fields.into_iter().find(|(_, is_zero)| *is_zero) {
            Some((name, _)) => Err(BadSpoolOptions { name }),
            None => Ok(()),
        }
    }
}
