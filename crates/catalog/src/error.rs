//! Errors that all operations share, and conversions between Rust's numbers and SQL's.

/// An operation on the catalog failed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Postgres refused a statement or could not be reached.
    #[error("cannot {doing}")]
    Database {
        /// What was being attempted.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: sqlx::Error,
    },
    /// A migration failed, or the database has others than this program.
    #[error("cannot apply migrations")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A number that its column cannot hold.
    #[error("{what} of {value} does not fit a bigint")]
    TooLarge {
        /// Which number.
        what: &'static str,
        /// Its value.
        value: u64,
    },
    /// A stored value that this program would never have written.
    #[error("{what} `{value}` in the catalog cannot be read")]
    Unreadable {
        /// Which value.
        what: &'static str,
        /// What was found.
        value: String,
    },
}

impl CatalogError {
    /// Whether trying again later can help: the connection broke, the server is restarting or busy, or another
    /// transaction was in the way.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database { source, .. } => is_transient(source),
            Self::Migrate(_) | Self::TooLarge { .. } | Self::Unreadable { .. } => false,
        }
    }
}

pub(crate) fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_transient_state(&code)),
        _ => false,
    }
}

/// PostgreSQL 15, appendix A: connection exceptions (08), transaction rollback (40), insufficient resources (53), lock
/// not available (55P03), operator intervention (57: shutdown, start-up, cancelled) and an idle transaction cut off (25P03).
fn is_transient_state(code: &str) -> bool {
    matches!(code, "55P03" | "25P03") || ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class))
}

/// Says what was being attempted when sqlx failed.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, CatalogError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, CatalogError> {
        self.map_err(|source| CatalogError::Database { doing, source })
    }
}

/// A count as its bigint column holds it.
pub(crate) fn to_column(what: &'static str, value: u64) -> Result<i64, CatalogError> {
    i64::try_from(value).map_err(|_| CatalogError::TooLarge { what, value })
}

/// A count out of a bigint column that a CHECK keeps from being negative.
pub(crate) fn from_column(what: &'static str, value: i64) -> Result<u64, CatalogError> {
    u64::try_from(value).map_err(|_| CatalogError::Unreadable { what, value: value.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_states_that_pass_are_transient() {
        for code in ["08006", "40001", "40P01", "53300", "55P03", "57P01", "25P03"] {
            assert!(is_transient_state(code), "{code}");
        }
        for code in ["23505", "23514", "42P01", "22021", "25P02"] {
            assert!(!is_transient_state(code), "{code}");
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_errors() {
        assert!(to_column("lines", u64::MAX).is_err());
        assert!(from_column("lines", -1).is_err());
        assert_eq!(from_column("lines", to_column("lines", 7).unwrap()).unwrap(), 7);
    }
}
