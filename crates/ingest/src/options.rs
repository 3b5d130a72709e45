//! How the daemon paces itself; every field has a sane default.

use std::{path::PathBuf, time::Duration};

/// Settings of one ingest daemon.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// Prefixes of the source bucket that hold day folders; the empty prefix is the bucket's root.
    pub prefixes: Vec<String>,
    /// How often the look-back days are listed.
    pub poll_interval: Duration,
    /// How many days before today are listed each time. Logpush retries for a day, so two catch what is late.
    pub lookback_days: u32,
    /// How often everything is listed, for what came later than any look-back.
    pub full_relist_interval: Duration,
    /// Longest time a decoded event waits to become visible.
    pub commit_interval: Duration,
    /// Parquet bytes that are committed without waiting for the interval.
    pub commit_bytes: u64,
    /// How long a claim holds without a heartbeat.
    pub lease: Duration,
    /// How far back a repeated line is recognised.
    pub duplicate_window: Duration,
    /// Objects fetched at once.
    pub fetch_concurrency: usize,
    /// Compressed bytes held between fetch and decode.
    pub fetch_memory_bytes: usize,
    /// Objects above this size wait on disk instead of in memory, bytes.
    pub spool_bytes: u64,
    /// Where they wait; files there have no name and end with the process.
    pub spool_dir: PathBuf,
    /// Bytes of events, and of the text that their bodies keep, that are sorted and written together.
    pub seal_bytes: usize,
    /// The same of one object, above which it is written in pieces and committed by itself.
    pub chunk_bytes: usize,
    /// Threads for decoding and for unwrapping keys.
    pub cpu_threads: usize,
    /// Whether the rollup tells users apart.
    pub keep_users: bool,
}

impl Default for IngestOptions {
    fn default() -> Self {
        Self {
            prefixes: vec![String::new()],
            poll_interval: Duration::from_secs(10),
            lookback_days: 2,
            full_relist_interval: Duration::from_secs(6 * 3_600),
            commit_interval: Duration::from_secs(30),
            commit_bytes: 128 << 20,
            lease: Duration::from_secs(120),
            duplicate_window: Duration::from_secs(72 * 3_600),
            fetch_concurrency: 32,
            fetch_memory_bytes: 32 << 20,
            spool_bytes: 16 << 20,
            spool_dir: std::env::temp_dir(),
            seal_bytes: 48 << 20,
            chunk_bytes: 64 << 20,
            cpu_threads: std::thread::available_parallelism().map_or(2, usize::from),
            keep_users: true,
        }
    }
}
