//! The commit that is being filled: its number and time are stamped on every row before it is known when it commits.
//!
//! A batch holds the window open (a read guard) while it is sealed; the committer closes it (the write guard) before it
//! commits, so every row of a commit carries that commit's number. Numbers come from a Postgres sequence; those of
//! abandoned commits are gaps.

use gatelog_model::TimestampMicros;

/// Number and time of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CommitWindow {
    /// `commit_seq` of its rows.
    pub(crate) commit_seq: i64,
    /// `ingest_time` of its rows.
    pub(crate) ingest_time: TimestampMicros,
}
