//! The one transaction that makes objects visible.
//!
//! # Order of writes
//!
//! [`crate::Catalog::begin_commit`] takes the table's lock. [`CommitTx::stage`] checks every lease, then writes line digests, ledger
//! rows, rejects, output files and the rollup. [`StagedCommit::swap_pointer`] moves the Iceberg pointer. [`StagedCommit::commit`]
//! writes the row of `lake_commit` and sends COMMIT. That row is the last statement on purpose: Postgres answers COMMIT
//! in a failed transaction with a silent roll-back, and the row's success shows that this one has not failed.
//!
//! # Retries
//!
//! Staging the same batch twice ends in [`StageOutcome::LeaseLost`]: the first took the leases away. Data files were written
//! before, under names of their own, so an attempt that came to nothing leaves nothing visible.
//!
//! # Cancellation
//!
//! Dropping any of the values rolls back, except that a dropped future of [`StagedCommit::commit`] leaves the outcome open,
//! as a lost connection does. None of it may stand under `select!` or `timeout`, see the crate's documentation.
//!
//! # After a crash
//!
//! The server rolls back when the connection is gone, at the latest after the session's idle cut-off. Whether a COMMIT
//! that was sent took effect is told by [`crate::Catalog::commit_outcome`].

mod batch;
mod ledger;
mod outcome;
mod rollup;
mod stage;
mod transaction;

pub use batch::{CommitBatch, CommitKind, ObjectCommit, OutputFile, Resolved, ResolvedLine, StageError};
pub use rollup::{KEY_TEXT_BYTES_MAX, storable_key};
pub use transaction::{CommitError, CommitTx, StageOutcome, StagedCommit};

/// The advisory lock of the lake's table, taken for a whole commit: the letters `gatelog`.
const TABLE_LOCK: i64 = 0x0067_6174_656c_6f67;
