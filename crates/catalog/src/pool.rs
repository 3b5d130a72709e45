//! The connection pool and what is pinned on every session.

use std::{fmt, str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{CatalogError, error::Doing as _};

/// What a session is given besides its URL; a setting of the role or the database must not change what we rely on.
const SESSION: [(&str, &str); 8] = [
    // A statement after the advisory lock must see what was committed while it was waited for.
    ("default_transaction_isolation", "read committed"),
    // A worker that hangs inside its commit holds the table's lock: this is how long the others can be kept waiting.
    ("idle_in_transaction_session_timeout", "60s"),
    // Longer than that cut-off, or those who wait would give up just before the lock is free.
    ("lock_timeout", "120s"),
    // A bound, not an expectation: above any wait for a lock plus the work after it.
    ("statement_timeout", "300s"),
    // Every statement works on a batch: planning it anew is cheap, a plan made for an empty table is not.
    ("plan_cache_mode", "force_custom_plan"),
    // The roll-back on return is a warning when there was nothing to roll back, that is always.
    ("client_min_messages", "error"),
    // All names are qualified; this only keeps a role's setting out.
    ("search_path", "public"),
    ("timezone", "UTC"),
];
/// Longest wait for a free connection; ends in a transient error rather than a hang.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections are replaced after this long, so that one in a bad state does not stay.
const LIFETIME_MAX: Duration = Duration::from_secs(600);
/// Oldest server that works, as `server_version_num`: UNIQUE NULLS NOT DISTINCT came with 15.
const SERVER_VERSION_MIN: i32 = 150_000;
/// Where the migrator notes what it has applied.
const MIGRATION_TABLE: &str = "gatelog.schema_migration";

/// How to reach the database.
#[derive(Clone)]
pub struct ConnectOptions {
    /// `postgres://user:password@host:port/database`; never printed.
    pub url: String,
    /// Most connections at once; a worker needs one for its commit, one for its heartbeat and a few to read.
    pub max_connections: u32,
    /// Name shown in `pg_stat_activity`.
    pub application_name: String,
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("url", &"(redacted)")
            .field("max_connections", &self.max_connections)
            .field("application_name", &self.application_name)
            .finish()
    }
}

/// The catalog; cheap to clone, all clones share one pool.
#[derive(Debug, Clone)]
pub struct Catalog {
    pub(crate) pool: PgPool,
}

/// A setting of the server that can lose or refuse what was committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurabilityProblem {
    /// A crash can lose or corrupt acknowledged commits.
    #[error("postgres setting `{setting}` is `off`: a crash can lose or damage what was committed")]
    Off {
        /// Which setting.
        setting: String,
    },
    /// Too old for the schema.
    #[error("postgres {found} is too old: the schema needs 15 or later")]
    TooOld {
        /// What the server calls itself.
        found: String,
    },
}

impl Catalog {
    /// Connects, so that a wrong URL shows at once.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`] when the URL is bad or nobody answers.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, CatalogError> {
        let session = PgConnectOptions::from_str(&options.url)
            .doing("read the database URL")?
            .application_name(&options.application_name)
            .options(SESSION)
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(options.max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .max_lifetime(LIFETIME_MAX)
            .after_release(|connection, _| {
                Box::pin(async move {
                    sqlx::query("ROLLBACK").execute(connection).await?;
                    Ok(true)
                })
            })
            .connect_with(session)
            .await
            .doing("connect to the database")?;
        Ok(Self { pool })
    }

    /// Applies the migrations that are missing; several processes may do so at once.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Migrate`], also when the database was migrated by a newer program.
    pub async fn migrate(&self) -> Result<(), CatalogError> {
        let session = (*self.pool.connect_options()).clone();
        let patient = session.options([("statement_timeout", "0"), ("lock_timeout", "0")]);
        let mut connection = PgConnection::connect_with(&patient).await.doing("connect to migrate")?;
        let mut migrator = sqlx::migrate!("../../migrations");
        migrator.dangerous_set_table_name(MIGRATION_TABLE);
        migrator.create_schema("gatelog");
        migrator.run_direct(None, &mut connection, false).await.map_err(CatalogError::Migrate)?;
        connection.close().await.doing("disconnect after migrating")
    }

    /// Lists what about the server can lose commits, or is too old; empty is good.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`] when it cannot be asked.
    pub async fn check_durability(&self) -> Result<Vec<DurabilityProblem>, CatalogError> {
        let rows = sqlx::query(
            "SELECT name, setting FROM pg_settings
             WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'server_version', 'server_version_num')",
        )
        .fetch_all(&self.pool)
        .await
        .doing("read the server's settings")?;
        let settings: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        Ok(durability_problems(&settings))
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    ///
    /// [`CatalogError::Database`] when there is none.
    pub async fn ping(&self) -> Result<(), CatalogError> {
        sqlx::query("SELECT 1").execute(&self.pool).await.doing("reach the database")?;
        Ok(())
    }

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn durability_problems(settings: &[(String, String)]) -> Vec<DurabilityProblem> {
    let value = |name: &str| settings.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    let mut problems: Vec<_> = ["fsync", "full_page_writes", "synchronous_commit"]
        .into_iter()
        .filter(|name| value(name) == Some("off"))
        .map(|name| DurabilityProblem::Off { setting: name.to_owned() })
        .collect();
    if value("server_version_num").and_then(|number| number.parse().ok()).unwrap_or(0) < SERVER_VERSION_MIN {
        let found = value("server_version").unwrap_or("of unknown version").to_owned();
        problems.push(DurabilityProblem::TooOld { found });
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_settings_and_old_servers_are_told() {
        let settings = [("fsync", "off"), ("synchronous_commit", "local"), ("server_version_num", "140012")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let problems: Vec<_> = durability_problems(&settings).iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 2);
        assert!(problems[0].contains("`fsync`") && problems[1].contains("too old"), "{problems:?}");
    }

    #[test]
    fn the_url_is_not_printed() {
        let options = ConnectOptions {
            url: "postgres://u:hunter2@h/d".to_owned(),
            max_connections: 1,
            application_name: "test".to_owned(),
        };
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
