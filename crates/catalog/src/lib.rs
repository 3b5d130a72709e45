//! The ledger, the rollups and the Iceberg pointer in Postgres; every SQL statement of gatelog is in here.
//!
//! Two rules hold everywhere. Leases and ages are measured by the clock of the database, never of a worker. Statements that
//! lock several rows of the ledger lock them in the order of their ids, or skip what is locked, so that no two wait for
//! each other.
//!
//! # Cancellation
//!
//! Futures that begin a transaction ([`Catalog::begin_commit`], [`Catalog::commit_outcome`]) must not stand under
//! `select!` or `timeout`: in sqlx 0.9 a cancelled `begin` can hand a connection with an open transaction to its next
//! borrower (transact-rs/sqlx#4393). The pool rolls back whatever comes home, as a second guard. Everything else is one
//! statement that happens or does not.

mod budgets;
mod commit;
mod duplicates;
mod error;
mod ledger;
mod pointer;
mod pool;
mod rejects;
mod tokens;
mod views;

pub use commit::{
    CommitBatch, CommitError, CommitKind, CommitTx, KEY_TEXT_BYTES_MAX, ObjectCommit, OutputFile, Resolved,
    ResolvedLine, StageError, StageOutcome, StagedCommit, storable_key,
};
pub use duplicates::ObjectDigests;
pub use error::CatalogError;
pub use ledger::{Backlog, CLAIM_OBJECTS_MAX, Claim, ClaimRequest, LISTED_MAX, Lease, Listed, Quarantine, Work};
pub use pointer::{Pointer, TableName};
pub use pool::{Catalog, ConnectOptions, DurabilityProblem};
pub use rejects::{LedgerRow, ObjectReport, QuarantineEntry, QuarantineFilter, RejectRow, RetrySelection};
pub use tokens::ApiToken;
pub use views::{CostRow, CoverageGap, GapKind, IngestStatus, LedgerTotals, ZoneError};
