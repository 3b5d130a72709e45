//! The real binary, as a child process.

use std::{
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use crate::World;

/// Longest wait for a process; a test that needs it all has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// How to run the binary.
#[derive(Debug, Clone, Default)]
pub struct Run {
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    is_speaking: bool,
}

/// A running daemon, killed when it is dropped.
#[derive(Debug)]
pub struct Running(Option<Child>);

impl Run {
    /// `gatelog` with these arguments.
    pub fn new(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { arguments, ..Self::default() }
    }

    /// `gatelog ingest --once`.
    pub fn ingest_once() -> Self {
        Self::new(&["ingest", "--once"])
    }

    /// `gatelog ingest`.
    pub fn ingest() -> Self {
        Self::new(&["ingest"])
    }

    /// Sets a variable of its environment.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// What it logs goes to the test's own standard error when it is started.
    pub fn speaking(self) -> Self {
        Self { is_speaking: true, ..self }
    }

    /// Arms a crash point.
    pub fn crash_at(self, point: &str) -> Self {
        self.with("GATELOG_CRASH_AT", point)
    }

    fn command(&self, world: &World) -> Command {
        let mut command = Command::new(binary());
        command
            .args(&self.arguments)
            .env("GATELOG_CONFIG", world.config_file())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub async fn finish(&self, world: &World) -> Output {
        let mut command = self.command(world);
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = tokio::time::timeout(PATIENCE, output).await.expect("the process ends");
        output.expect("no panic").expect("the binary runs; `cargo build --workspace` makes it")
    }

    /// Runs it to its end, which must be success.
    pub async fn succeed(&self, world: &World) -> String {
        let output = self.finish(world).await;
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?} ended with {}\n{log}", self.arguments, output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs it to its end, which must be an abort.
    pub async fn abort(&self, world: &World) {
        use std::os::unix::process::ExitStatusExt;
        let output = self.finish(world).await;
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(6), "ended with {} instead of an abort\n{log}", output.status);
    }

    /// Starts it.
    pub fn start(&self, world: &World) -> Running {
        let stderr = if self.is_speaking { Stdio::inherit() } else { Stdio::null() };
        let child = self.command(world).stdout(Stdio::null()).stderr(stderr).spawn();
        Running(Some(child.expect("the binary runs; `cargo build --workspace` makes it")))
    }
}

impl Running {
    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.0.take() {
            // A child that has just ended by itself cannot be killed, which is as good.
            let _ = child.kill();
            child.wait().expect("the child was ours");
        }
    }

    /// SIGSTOP: it does nothing until it is thawed.
    pub fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = self.0.as_ref().map(Child::id).expect("it was not killed");
        let pid = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.expect("a pid"), signal).expect("our own child");
    }

    /// SIGTERM, then waits; says whether it ended with success.
    pub async fn stop(self) -> bool {
        self.signal(rustix::process::Signal::TERM);
        self.ended().await.success()
    }

    /// Waits until it ends.
    pub async fn ended(mut self) -> ExitStatus {
        let mut child = self.0.take().expect("it was not killed");
        let ended = tokio::task::spawn_blocking(move || child.wait());
        tokio::time::timeout(PATIENCE, ended).await.expect("it ends").expect("no panic").expect("waiting")
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.0.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The binary lies two folders above the test's own: `target/debug/deps/test` and `target/debug/gatelog`.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    test.ancestors().nth(2).expect("target/debug").join("gatelog")
}
