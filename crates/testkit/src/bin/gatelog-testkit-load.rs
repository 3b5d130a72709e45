//! Loads an HTTP server of this machine and prints what came of it, for benchmarks.

use std::{
    fs,
    io::{self, Write},
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use anyhow::Context;
use clap::{Parser, Subcommand};
use gatelog_testkit::load::{self, HoldPlan, Pace, Plan, Target, Template};
use serde::Serialize;

/// How long streams may take to begin.
const OPENING_MAX: Duration = Duration::from_secs(30);

/// Loads an HTTP/1.1 server of this machine and prints one JSON object.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where requests go, such as http://127.0.0.1:8080/path.
    url: String,
    /// File with the body of the requests; `{number}` in it becomes the number of the request.
    #[arg(long, value_name = "FILE")]
    body: PathBuf,
    /// A header of the requests, `name: value`; may be repeated.
    #[arg(long = "header", value_name = "HEADER", value_parser = header)]
    headers: Vec<String>,
    /// Number of the first request; the report has the next one that is free.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    first: u64,
    #[command(subcommand)]
    mode: Mode,
}

/// What is done with the server.
#[derive(Debug, Subcommand)]
enum Mode {
    /// Sends so many requests a second; latency counts from when each was due.
    Rate {
        /// Requests a second.
        per_second: NonZeroU32,
        #[command(flatten)]
        extent: Extent,
    },
    /// Sends the next request as soon as an answer is there.
    Max {
        #[command(flatten)]
        extent: Extent,
    },
    /// Opens streams, reads them for a while, prints, and hangs up when standard input ends.
    Hold {
        /// Streams at once.
        streams: NonZeroUsize,
        /// How long they are read once all have begun.
        #[arg(long)]
        seconds: u32,
    },
}

/// How wide and how long.
#[derive(Debug, clap::Args)]
struct Extent {
    /// Connections, each with one request under way at most.
    #[arg(long, value_name = "COUNT", default_value = "32")]
    connections: NonZeroUsize,
    /// How long requests are sent.
    #[arg(long)]
    seconds: u32,
}

fn header(text: &str) -> Result<String, &'static str> {
    let is_header = text.split_once(": ").is_some_and(|(name, _)| !name.is_empty()) && !text.contains(['\r', '\n']);
    if is_header { Ok(text.to_owned()) } else { Err("expected `name: value`") }
}

fn main() -> anyhow::Result<()> {
    let Arguments { url, body, headers, first, mode } = Arguments::parse();
    let target = Target::parse(&url)?;
    let body = fs::read_to_string(&body).with_context(|| format!("read `{}`", body.display()))?;
    let (address, template) = (target.address, Template::new(&target, &headers, &body));
    let plan = |pace, Extent { connections, seconds }| Plan {
        address,
        template: template.clone(),
        connections,
        first_number: first,
        pace,
        duration: Duration::from_secs(seconds.into()),
    };
    let loading = || format!("load `{url}`");
    match mode {
        Mode::Rate { per_second, extent } => {
            print(&load::run(&plan(Pace::Open { per_second }, extent)).with_context(loading)?)?;
        }
        Mode::Max { extent } => print(&load::run(&plan(Pace::Closed, extent)).with_context(loading)?)?,
        Mode::Hold { streams, seconds } => {
            let hold = Duration::from_secs(seconds.into());
            let plan = HoldPlan { address, template, first_number: first, streams, hold, opening_max: OPENING_MAX };
            load::hold(&plan, |held| print(held).and_then(|()| wait_for_end_of_input())).with_context(loading)?;
        }
    }
    Ok(())
}

/// Whoever started this looks at the server while the streams are open.
fn wait_for_end_of_input() -> io::Result<()> {
    io::copy(&mut io::stdin().lock(), &mut io::sink()).map(drop)
}

fn print(report: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, report)?;
    writeln!(out)?;
    out.flush()
}
