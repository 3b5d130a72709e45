//! A cluster from its first start to its removal.

use std::{path::PathBuf, time::Duration};

use super::{Binaries, PostgresError, Source, account::Account, folder::ClusterFolder, server::Server};
use crate::ports;

/// Starts tried when the port was taken, or the shared memory of a killed server not yet free, at the moment of binding.
const START_TRIES: u32 = 20;
/// Pause before the next try; all of them together are the ten seconds in which killed backends notice.
const START_PAUSE: Duration = Duration::from_millis(500);

/// What a crash of the machine may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Postgres' defaults: a commit that was acknowledged stays.
    #[default]
    Safe,
    /// No fsync: for tests that never kill the server.
    Fast,
}

/// How to start a cluster.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// Where to look for the binaries, in order; empty means what the machine has.
    pub sources: Vec<Source>,
    /// The cluster's folder, kept afterwards and used again by the next start; `None` makes one and removes it.
    pub folder: Option<PathBuf>,
    /// Safe unless a test wants speed.
    pub durability: Durability,
}

/// A running cluster; shut down when dropped.
#[derive(Debug)]
pub struct PrivatePostgres {
    /// Before the folder, which may only be removed once the server is gone.
    server: Option<Server>,
    binaries: Binaries,
    account: Account,
    folder: ClusterFolder,
    durability: Durability,
    port: u16,
}

impl PrivatePostgres {
    /// Makes the cluster if it is not there yet, and starts it. Blocks for a second or two.
    ///
    /// # Errors
    ///
    /// [`PostgresError`]; when the server would not start, with the end of its log.
    pub fn start(launch: &Launch) -> Result<Self, PostgresError> {
        let system = [Source::System];
        let binaries = Binaries::find(if launch.sources.is_empty() { &system } else { &launch.sources })?;
        let account = Account::choose()?;
        let folder = ClusterFolder::open(launch.folder.as_deref(), account)?;
        folder.init(&binaries, account)?;
        let port = ports::free_port().map_err(PostgresError::io("find a port on", "127.0.0.1"))?;
        let durability = launch.durability;
        let mut cluster = Self { server: None, binaries, account, folder, durability, port };
        cluster.start_again()?;
        Ok(cluster)
    }

    /// The URL of the superuser and the database `postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The programs this cluster runs on.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// The postmaster's process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Shuts the server down: sessions are cut, what is committed stays.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Kills the server as a power cut would; what was acknowledged stays if the cluster is [`Durability::Safe`].
    pub fn kill9(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill9();
        }
    }

    /// Starts a stopped or killed server on the same port; does nothing if it runs.
    ///
    /// # Errors
    ///
    /// [`PostgresError::NotReady`] with the end of the log.
    pub fn start_again(&mut self) -> Result<(), PostgresError> {
        if self.server.is_some() {
            return Ok(());
        }
        let mut tries = 1;
        loop {
            match Server::start(&self.binaries, self.account, &self.folder, self.port, self.durability) {
                Ok(server) => {
                    self.server = Some(server);
                    return Ok(());
                }
                Err(PostgresError::NotReady { log_tail, .. }) if tries < START_TRIES && passes(&log_tail) => {
                    tries += 1;
                    std::thread::sleep(START_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Shuts down and starts on the same port.
    ///
    /// # Errors
    ///
    /// As [`PrivatePostgres::start_again`].
    pub fn restart(&mut self) -> Result<(), PostgresError> {
        self.stop();
        self.start_again()
    }
}

/// Whether the cause of a failed start goes away by itself: backends of a killed server still hold its memory, or another
/// process holds the port for a moment.
fn passes(log_tail: &str) -> bool {
    let last = log_tail.lines().rev().take(6);
    last.into_iter().any(|line| line.contains("pre-existing shared memory") || line.contains("Address already in use"))
}
