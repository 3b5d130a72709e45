//! One running postmaster, and the watcher that ends it if we die first.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::{Binaries, Durability, POLL_INTERVAL, PostgresError, account::Account, folder::ClusterFolder};

/// How long a start may take, recovery after a crash included.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a fast shutdown (with its checkpoint) may take before the server is killed.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// Waits for a line on its input. The end of input without one means that our process died: then it shuts the server
/// down fast, gives it 30 s and removes the folder if that was temporary. It ignores signals, so that a Ctrl-C cannot
/// take the watcher before the watched.
const WATCHER: &str = r#"trap '' INT TERM HUP
read -r released && exit
kill -INT "$1"
tries=0
while [ $tries -lt 30 ] && kill -0 "$1"; do sleep 1; tries=$((tries + 1)); done
[ -z "$2" ] || rm -rf "$2""#;

/// A postmaster and its watcher; shut down when dropped.
#[derive(Debug)]
pub(super) struct Server {
    postmaster: Child,
    watcher: Child,
}

impl Server {
    /// Starts the postmaster and waits until it takes connections.
    pub(super) fn start(
        binaries: &Binaries,
        account: Account,
        folder: &ClusterFolder,
        port: u16,
        durability: Durability,
    ) -> Result<Self, PostgresError> {
        let log_path = folder.log();
        let log = OpenOptions::new().create(true).append(true).open(&log_path);
        let log = log.map_err(PostgresError::io("open", &log_path))?;
        let program = binaries.program("postgres");
        let mut command = account.command(&program);
        command.arg("-D").arg(folder.data());
        for (name, value) in settings(port, &folder.socket_setting(), durability) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        // `LC_ALL=C` keeps the messages that an error shows in English.
        command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let postmaster = command.spawn().map_err(PostgresError::io("run", &program))?;
        let watcher = match watch(&postmaster, folder) {
            Ok(watcher) => watcher,
            Err(error) => {
                let mut postmaster = postmaster;
                // Nobody would end it: better no server than an orphan.
                let _killed = postmaster.kill().and_then(|()| postmaster.wait());
                return Err(error);
            }
        };
        let mut server = Self { postmaster, watcher };
        server.wait_ready(folder)?;
        Ok(server)
    }

    /// The postmaster's process id.
    pub(super) fn pid(&self) -> u32 {
        self.postmaster.id()
    }

    /// Kills the postmaster and its children at once, as a power cut would.
    pub(super) fn kill9(&mut self) {
        if let Some(pid) = Pid::from_child_checked(&mut self.postmaster) {
            // The postmaster leads the process group that `Account::command` made; backends make groups of their own but
            // end by themselves as soon as they notice.
            let _gone = kill_process_group(pid, Signal::KILL);
        }
        let _reaped = self.postmaster.wait();
    }

    /// Shuts down fast: sessions are cut, what is committed is kept.
    pub(super) fn stop(&mut self) {
        if let Some(pid) = Pid::from_child_checked(&mut self.postmaster) {
            let _gone = kill_process(pid, Signal::INT);
        }
        let deadline = Instant::now() + STOP_LIMIT;
        while Instant::now() < deadline {
            if !matches!(self.postmaster.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(POLL_INTERVAL);
        }
        self.kill9();
    }

    /// Reads the last line of `postmaster.pid`, as `pg_ctl` does.
    fn wait_ready(&mut self, folder: &ClusterFolder) -> Result<(), PostgresError> {
        let pid_file = folder.data().join("postmaster.pid");
        let pid = self.pid().to_string();
        let deadline = Instant::now() + START_LIMIT;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.postmaster.try_wait() {
                let why = format!("ended at its start ({status})");
                return Err(PostgresError::NotReady { why, log_tail: folder.log_tail() });
            }
            let text = fs::read_to_string(&pid_file).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            if lines.first() == Some(&pid.as_str()) && lines.get(7).is_some_and(|status| status.trim() == "ready") {
                return Ok(());
            }
            thread::sleep(POLL_INTERVAL);
        }
        let why = format!("was not ready after {} s", START_LIMIT.as_secs());
        Err(PostgresError::NotReady { why, log_tail: folder.log_tail() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        if let Some(mut input) = self.watcher.stdin.take() {
            let _watcher_gone = input.write_all(b"released\n");
        }
        let _reaped = self.watcher.wait();
    }
}

/// Process ids of children that have not been waited for, so that a signal cannot reach a stranger.
trait CheckedPid: Sized {
    fn from_child_checked(child: &mut Child) -> Option<Self>;
}

impl CheckedPid for Pid {
    fn from_child_checked(child: &mut Child) -> Option<Self> {
        matches!(child.try_wait(), Ok(None)).then(|| Self::from_child(child))
    }
}

fn watch(postmaster: &Child, folder: &ClusterFolder) -> Result<Child, PostgresError> {
    let mut command = Command::new("sh");
    command.args(["-c", WATCHER, "gatelog-postgres-watcher", &postmaster.id().to_string()]);
    command.arg(folder.temporary_root().unwrap_or(Path::new("")));
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(PostgresError::io("run", "sh"))
}

fn settings(port: u16, socket_folder: &str, durability: Durability) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", port.to_string()),
        ("unix_socket_directories", socket_folder.to_owned()),
        // One test process per core, each with a pool.
        ("max_connections", "200".to_owned()),
        ("cluster_name", "gatelog-private".to_owned()),
        ("timezone", "UTC".to_owned()),
        ("log_timezone", "UTC".to_owned()),
        ("logging_collector", "off".to_owned()),
    ];
    if durability == Durability::Fast {
        settings.extend(["fsync", "synchronous_commit", "full_page_writes"].map(|name| (name, "off".to_owned())));
    }
    settings
}
