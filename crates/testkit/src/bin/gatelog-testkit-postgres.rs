//! Runs a command beside a private Postgres and ends with the command's exit code.
//!
//! `gatelog-testkit-postgres [--durable] [--bin DIR | --wheel DIR] [--] COMMAND [ARGUMENT...]`
//!
//! Without `--durable` it never syncs to disk, which is faster.
//!
//! nextest runs every test in a process of its own, so the cluster that all of them share has to be started around it.

use std::{
    ffi::OsString,
    os::unix::process::ExitStatusExt,
    process::{Command, ExitCode},
};

use anyhow::{Context, bail};
use gatelog_testkit::postgres::{Durability, Launch, PrivatePostgres, Source, TEST_DATABASE_URL};

const USAGE: &str = "usage: gatelog-testkit-postgres [--durable] [--bin DIR | --wheel DIR] [--] COMMAND [ARGUMENT...]";

/// What the command line asks for.
struct Arguments {
    durability: Durability,
    sources: Vec<Source>,
    command: Vec<OsString>,
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { durability, sources, command } = parse_arguments(std::env::args_os().skip(1).collect())?;
    let launch = Launch { sources, durability, ..Launch::default() };
    let cluster = PrivatePostgres::start(&launch).context("start the private Postgres")?;
    let status = Command::new(&command[0])
        .args(&command[1..])
        .env(TEST_DATABASE_URL, cluster.url())
        .status()
        .with_context(|| format!("run `{}`", command[0].display()))?;
    drop(cluster);
    // A command that a signal ended has no code: report it as a shell would.
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

fn parse_arguments(mut arguments: Vec<OsString>) -> anyhow::Result<Arguments> {
    #[expect(clippy::disallowed_methods, reason = "a program of its own: the usual way to name the binaries")]
    let pgbin = std::env::var("PGBIN").ok().filter(|folder| !folder.is_empty()).map(Into::into);
    let mut sources = Source::usual_order(pgbin, None);
    let mut durability = Durability::Fast;
    if arguments.first().is_some_and(|first| first == "--durable") {
        durability = Durability::Safe;
        arguments.remove(0);
    }
    match arguments.first().and_then(|first| first.to_str()) {
        Some(flag @ ("--bin" | "--wheel")) if arguments.len() > 1 => {
            let folder = (&arguments[1]).into();
            sources = vec![if flag == "--bin" { Source::Path(folder) } else { Source::Wheel(folder) }];
            arguments.drain(..2);
        }
        _ => {}
    }
    if arguments.first().is_some_and(|first| first == "--") {
        arguments.remove(0);
    }
    if arguments.is_empty() {
        bail!("{USAGE}");
    }
    Ok(Arguments { durability, sources, command: arguments })
}
