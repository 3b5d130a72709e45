//! One file per command.

mod budget;
mod check;
mod demo;
mod gateway;
mod health;
mod ingest;
mod job;
mod keygen;
mod logpush;
mod one_process;
mod process;
mod quarantine;
mod teach;
mod token;

use std::process::ExitCode;

use crate::{
    cli::{Command, ConfigCommand},
    config::Config,
    wiring,
};

/// Looks up a variable of the environment, which only `main` reads.
pub(crate) type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Runs a command that needs no configuration; `None` if it needs one.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn run_without_config(command: &Command) -> anyhow::Result<Option<ExitCode>> {
    match command {
        Command::Keygen(args) => keygen::run(args)?,
        Command::Version => println!("gatelog {}", env!("CARGO_PKG_VERSION")),
        Command::Config(ConfigCommand::Schema) => teach::schema()?,
        Command::Completions { shell } => teach::completions(*shell),
        Command::Man { folder } => teach::manual(folder.as_deref())?,
        _ => return Ok(None),
    }
    Ok(Some(ExitCode::SUCCESS))
}

/// Runs a command to its exit code.
///
/// # Errors
///
/// Whatever stops it, with the chain of causes.
pub(crate) async fn run(command: Command, config: Config, environment: Environment<'_>) -> anyhow::Result<ExitCode> {
    match command {
        // The demo is everything at once, and so is its future.
        Command::Demo(args) => Box::pin(demo::run(args, environment)).await,
        Command::Ingest(args) => ingest::run(&args, &config).await,
        Command::Gateway(args) => gateway::run(&args, &config).await,
        Command::Run(args) => Box::pin(one_process::run(&args, &config)).await,
        Command::Job(job) => job::run(job, &config).await,
        Command::Budget(command) => budget::run(command, &config).await,
        Command::Quarantine(command) => quarantine::run(command, &config).await,
        Command::Token(command) => token::run(command, &config).await,
        Command::Logpush(command) => logpush::run(command, &config).await,
        Command::Check => check::run(&config).await,
        Command::Health => health::run(&config).await,
        Command::Migrate => {
            wiring::catalog(&config).await?;
            println!("the database schema is up to date");
            Ok(ExitCode::SUCCESS)
        }
        Command::Keygen(_)
        | Command::Version
        | Command::Config(ConfigCommand::Schema)
        | Command::Completions { .. }
        | Command::Man { .. } => unreachable!("run before the configuration is read"),
    }
}
