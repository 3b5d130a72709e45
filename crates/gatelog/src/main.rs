//! The `gatelog` binary: parses arguments, loads the configuration, wires the crates, maps failures to exit codes.

#[macro_use]
mod output;

mod cli;
mod commands;
mod config;
mod wiring;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};
use config::{Config, ConfigError};
use gatelog_runtime::LogFormat;

/// Requests and batches of lines are made and dropped on different threads all the time, which glibc's arenas answer with
/// locks, and with memory that is given back to the system and asked for again.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Freed memory is kept for four seconds and not for ten: as long as it takes to decode and write an object, so that the next
/// one finds it, and no longer. That goes for large pieces too (an object's text has up to 64 MiB), which are otherwise
/// given back at once: the page faults of taking them anew were a sixth of an ingest's CPU time.
/// A thread of jemalloc's gives it back, so that an idle process does too.
/// Threads keep pieces of up to 128 KiB at hand, and not only of 32: the text of a streamed answer and its record have as much.
#[expect(
    unsafe_code,
    reason = "jemalloc reads its settings from this symbol, a pointer to text that ends in a zero byte"
)]
// SAFETY: no other item has this name, and it has the type that jemalloc declares it with.
#[unsafe(export_name = "_rjem_malloc_conf")]
static MALLOC_CONF: Option<&'static u8> =
    Some(&b"background_thread:true,dirty_decay_ms:4000,oversize_threshold:0,tcache_max:131072\0"[0]);

const EXIT_FAILED: u8 = 1;
const EXIT_BAD_CONFIG: u8 = 64;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            // The one place that reports a failure; `{:#}` prints the chain of causes.
            tracing_or_stderr(&format!("gatelog: {error:#}"));
            let bad_config = error.chain().any(|cause| cause.is::<ConfigError>());
            ExitCode::from(if bad_config { EXIT_BAD_CONFIG } else { EXIT_FAILED })
        }
    }
}

#[expect(clippy::print_stderr, reason = "a failure must be seen even when no log is set up")]
fn tracing_or_stderr(message: &str) {
    eprintln!("{message}");
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let environment: Vec<(String, String)> = std::env::vars().collect();
    let variable = |name: &str| environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    if let Some(point) = variable("GATELOG_CRASH_AT") {
        gatelog_runtime::arm_crash_point(&point);
    }
    if let Some(code) = commands::run_without_config(&cli.command)? {
        return Ok(code);
    }
    let config = Config::load(cli.config.as_deref(), &environment)?;
    let format = match config.log.format {
        config::LogFormatName::Text => LogFormat::Text,
        config::LogFormatName::Json => LogFormat::Json,
    };
    gatelog_runtime::init_logs(&log_filter(&cli.command, &config), format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(commands::run(cli.command, config, &variable))
}

/// Commands that print a result keep quiet about the way there unless the file says otherwise.
fn log_filter(command: &Command, config: &Config) -> String {
    let quiet = !matches!(command, Command::Ingest(_) | Command::Gateway(_)) && config.log.filter == "info";
    if quiet { "warn".to_owned() } else { config.log.filter.clone() }
}
