//! A private Postgres cluster for the demo and the tests: nothing shared, nothing left behind.
//!
//! The cluster listens on 127.0.0.1 only, trusts whoever reaches it there, and belongs to this process: it is shut down
//! when the value is dropped, and a watcher shuts it down when the process dies without dropping anything. Postgres
//! refuses to run as root, so root drops to `postgres` or `nobody` first.

mod account;
mod cluster;
mod database;
mod folder;
mod server;
mod source;

pub use cluster::{Durability, Launch, PrivatePostgres};
pub use database::{TEST_DATABASE_URL, TestDatabase};
pub use source::{Binaries, Source};

use std::{io, path::PathBuf, time::Duration};

/// Oldest major version that works: the SQL of `catalog` is written for 15 and later.
pub const MAJOR_VERSION_MIN: u32 = 15;

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No way that was asked for leads to binaries.
    #[error("no Postgres {MAJOR_VERSION_MIN} or later in {}", .tried.join(", "))]
    NoBinaries {
        /// Every place looked at, with what was wrong there.
        tried: Vec<String>,
    },
    /// Root, and nobody to drop to.
    #[error("postgres refuses to run as root and there is neither a user `postgres` nor a user `nobody`")]
    NoAccount,
    /// A file or process operation failed.
    #[error("cannot {action} `{}`", .path.display())]
    Io {
        /// What was being attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A program of Postgres ended with an error.
    #[error("`{program}` failed: {output}")]
    Program {
        /// Which one.
        program: String,
        /// The end of what it printed.
        output: String,
    },
    /// The server ended or was not ready in time.
    #[error("postgres {why}; the end of its log:\n{log_tail}")]
    NotReady {
        /// Ended, or not ready after how long.
        why: String,
        /// The last lines of its log.
        log_tail: String,
    },
    /// The given superuser URL has no place for a database name.
    #[error("`{TEST_DATABASE_URL}` is no URL of the form postgres://user@host:port/database")]
    BadUrl,
}

impl PostgresError {
    fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// Pause between two looks at a server that starts or stops; short against the second that either takes.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
