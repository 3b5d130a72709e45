//! The ingest daemon: from objects in a bucket to rows of the lake and cells of the rollup, each line exactly once.
//!
//! ```text
//! discover ─▶ ledger ─▶ feed (claim, fetch) ─▶ decode ─▶ assembly ─▶ seal ─▶ pending ─▶ commit
//! ```
//!
//! `daemon` builds the stages and ends them in order; `decode` and `normalise` are pure; everything that makes
//! something durable is in `seal` (invisible files) and `commit` (one transaction).

mod batch;
mod commit;
mod daemon;
mod decode;
mod decode_stage;
mod discover;
mod feed;
mod fetch;
mod keys;
mod lake_ports;
mod maintain;
mod metrics;
mod normalise;
mod options;
mod report;
mod seal;
mod shared;
mod wake;
mod window;

pub use daemon::{IngestError, RunReport, run};
pub use decode::{Chunk, DecodeContext, DecodeError, LinesDigest, ObjectEnd, UnwrapPool, Wanted, decode_object};
pub use feed::Mode;
pub use keys::{KeyFileError, load_key_ring};
pub use lake_ports::open_lake;
pub use metrics::describe as describe_metrics;
pub use normalise::{MetadataKeys, NormaliseContext};
pub use options::IngestOptions;
pub use report::{CommitReport, NoProgress, Progress};
pub use shared::Parts;

/// An error and its causes in one line.
fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
