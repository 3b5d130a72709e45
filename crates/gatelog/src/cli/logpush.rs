//! `gatelog logpush`.

use clap::{Args, Subcommand};

/// The Logpush job that fills the source bucket.
#[derive(Debug, Subcommand)]
pub(crate) enum LogpushCommand {
    /// Show the job as it is and what would be changed; changes nothing.
    Plan(LogpushPlanArgs),
    /// Create the job, or change it to what it has to be. Does nothing if it is that already.
    Apply(LogpushApplyArgs),
    /// Delete the job. What the gateway logs from then on is not delivered, not even later.
    Delete(LogpushDeleteArgs),
}

/// `gatelog logpush apply`.
#[derive(Debug, Args)]
pub(crate) struct LogpushApplyArgs {
    /// Send the job even if nothing differs: for a new access key, where the API does not show the one it has.
    #[arg(long)]
    pub(crate) send_keys: bool,
}

/// `gatelog logpush plan`.
#[derive(Debug, Args)]
pub(crate) struct LogpushPlanArgs {
    /// Exit code 1 if anything would be changed or there is a warning, for a schedule that watches over the job.
    #[arg(long)]
    pub(crate) check: bool,
}

/// `gatelog logpush delete`.
#[derive(Debug, Args)]
pub(crate) struct LogpushDeleteArgs {
    /// Really delete; without it the job is only named.
    #[arg(long)]
    pub(crate) yes: bool,
}
