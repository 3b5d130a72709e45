//! The folder of a cluster: given and kept, or made and removed.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;

use super::{Binaries, PostgresError, account::Account};

/// Longest folder for which there is a Unix socket: the socket's address has room for 107 bytes in all.
const SOCKET_FOLDER_BYTES_MAX: usize = 80;

/// What lies in the folder: `data`, `socket` and `postgres.log`.
#[derive(Debug)]
pub(super) struct ClusterFolder {
    root: PathBuf,
    /// Removes the folder when dropped; absent when the folder was given.
    temporary: Option<TempDir>,
}

impl ClusterFolder {
    pub(super) fn open(given: Option<&Path>, account: Account) -> Result<Self, PostgresError> {
        let folder = match given {
            Some(root) => {
                fs::create_dir_all(root).map_err(PostgresError::io("make", root))?;
                let root = fs::canonicalize(root).map_err(PostgresError::io("find", root))?;
                Self { root, temporary: None }
            }
            None => {
                let temporary = tempfile::Builder::new().prefix("gatelog-postgres-").tempdir();
                let temporary = temporary.map_err(PostgresError::io("make a folder in", std::env::temp_dir()))?;
                Self { root: temporary.path().to_path_buf(), temporary: Some(temporary) }
            }
        };
        // The server's user has to get through to its data, whoever owns the folder.
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&folder.root, open).map_err(PostgresError::io("open up", &folder.root))?;
        for private in [folder.data(), folder.socket()] {
            if !private.exists() {
                let made = DirBuilder::new().mode(0o700).create(&private);
                made.map_err(PostgresError::io("make", &private))?;
                account.give(&private)?;
            }
        }
        Ok(folder)
    }

    /// The folder, if it is to be removed with the cluster.
    pub(super) fn temporary_root(&self) -> Option<&Path> {
        self.temporary.as_ref().map(TempDir::path)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    fn socket(&self) -> PathBuf {
        self.root.join("socket")
    }

    /// Where the Unix socket goes; empty (TCP only) when its address would be too long.
    pub(super) fn socket_setting(&self) -> String {
        let socket = self.socket();
        if socket.as_os_str().len() > SOCKET_FOLDER_BYTES_MAX { String::new() } else { socket.display().to_string() }
    }

    /// Makes the cluster's files, unless they are there from an earlier start.
    pub(super) fn init(&self, binaries: &Binaries, account: Account) -> Result<(), PostgresError> {
        if self.data().join("PG_VERSION").exists() {
            return Ok(());
        }
        let program = binaries.program("initdb");
        // Not synced: a cluster that is lost while it is being made is made again.
        let arguments = ["-A", "trust", "-U", "postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"];
        let output = account
            .command(&program)
            .args(arguments)
            .arg(self.data())
            .stdin(Stdio::null())
            .output()
            .map_err(PostgresError::io("run", &program))?;
        if output.status.success() {
            return Ok(());
        }
        let text = [output.stdout, output.stderr].concat();
        Err(PostgresError::Program { program: "initdb".to_owned(), output: tail(&String::from_utf8_lossy(&text)) })
    }

    pub(super) fn log_tail(&self) -> String {
        tail(&String::from_utf8_lossy(&fs::read(self.log()).unwrap_or_default()))
    }
}

/// Lines of a log that an error shows: a failed start says why in its last few.
const TAIL_LINES: usize = 20;

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
