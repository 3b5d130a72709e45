//! A database of its own for every test.

use std::{
    hash::{BuildHasher, RandomState},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::{Binaries, Durability, Launch, PostgresError, PrivatePostgres, Source};

/// Superuser URL of the cluster that all tests share; `gatelog-testkit-postgres` sets it for the command it runs.
pub const TEST_DATABASE_URL: &str = "GATELOG_TEST_DATABASE_URL";

/// An empty database, dropped (best effort) with the value.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
    admin_url: String,
    psql: PathBuf,
    /// Keeps this process' own cluster alive while any database of it is in use.
    _cluster: Option<Arc<PrivatePostgres>>,
}

impl TestDatabase {
    /// Makes a database on the cluster of `GATELOG_TEST_DATABASE_URL`, else on one that this process starts.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] when there is no cluster or it refuses.
    pub async fn create() -> Result<Self, PostgresError> {
        let made = tokio::task::spawn_blocking(Self::create_blocking).await;
        made.expect("making a database does not panic")
    }

    /// As [`TestDatabase::create`], for tests without a runtime.
    ///
    /// # Errors
    ///
    /// As [`TestDatabase::create`].
    pub fn create_blocking() -> Result<Self, PostgresError> {
        #[expect(clippy::disallowed_methods, reason = "the harness that starts the tests has no other way to say so")]
        let shared = std::env::var(TEST_DATABASE_URL).ok().filter(|url| !url.is_empty());
        let (admin_url, psql, cluster) = match shared {
            Some(url) => {
                // Any client will do for a cluster that is already there.
                let psql = Binaries::find(&[Source::System]).map_or("psql".into(), |found| found.program("psql"));
                (url, psql, None)
            }
            None => {
                let cluster = own_cluster()?;
                (cluster.url(), cluster.binaries().program("psql"), Some(cluster))
            }
        };
        let unique = RandomState::new().hash_one(std::process::id());
        let name = format!("gatelog_test_{unique:016x}");
        let url = with_database(&admin_url, &name).ok_or(PostgresError::BadUrl)?;
        // template0: nobody is ever connected to it, so databases can be made from it at the same time.
        run_sql(&psql, &admin_url, &format!("CREATE DATABASE {name} TEMPLATE template0"))?;
        Ok(Self { name, url, admin_url, psql, _cluster: cluster })
    }

    /// The superuser's URL of this database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs a statement as a person with `psql` does; rows of columns as text, null as the empty one.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] when the server refuses.
    pub async fn rows(&self, statement: &str) -> Result<Vec<Vec<String>>, PostgresError> {
        let (psql, url, statement) = (self.psql.clone(), self.url.clone(), statement.to_owned());
        let ran = tokio::task::spawn_blocking(move || run_sql(&psql, &url, &statement)).await;
        let text = ran.expect("running a program does not panic")?;
        Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let _left_behind = run_sql(&self.psql, &self.admin_url, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// The cluster of this process; started by the first test that needs it, gone with the last database on it.
fn own_cluster() -> Result<Arc<PrivatePostgres>, PostgresError> {
    static OWN: Mutex<Weak<PrivatePostgres>> = Mutex::new(Weak::new());
    let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(cluster) = own.upgrade() {
        return Ok(cluster);
    }
    let launch = Launch { durability: Durability::Fast, ..Launch::default() };
    let cluster = Arc::new(PrivatePostgres::start(&launch)?);
    *own = Arc::downgrade(&cluster);
    Ok(cluster)
}

/// Returns what the statement printed: a line per row, columns apart by tabs.
fn run_sql(psql: &PathBuf, url: &str, statement: &str) -> Result<String, PostgresError> {
    let output = Command::new(psql)
        .args(["--no-psqlrc", "--quiet", "--no-password", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement])
        .args(["--tuples-only", "--no-align", "--field-separator", "\t"])
        .stdin(Stdio::null())
        .output()
        .map_err(PostgresError::io("run", psql))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(PostgresError::Program { program: "psql".to_owned(), output })
}

/// Replaces the database in `scheme://authority/database?options`.
fn with_database(url: &str, name: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (before_options, options) = match rest.split_once('?') {
        Some((before, options)) => (before, format!("?{options}")),
        None => (rest, String::new()),
    };
    let authority = before_options.split('/').next().filter(|authority| !authority.is_empty())?;
    Some(format!("{scheme}://{authority}/{name}{options}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_of_a_url_is_replaced() {
        let url = "postgres://u:p@h:5432/postgres?sslmode=disable";
        assert_eq!(with_database(url, "x").unwrap(), "postgres://u:p@h:5432/x?sslmode=disable");
        assert_eq!(with_database("postgres://h", "x").unwrap(), "postgres://h/x");
        assert_eq!(with_database("/var/run", "x"), None);
    }
}
