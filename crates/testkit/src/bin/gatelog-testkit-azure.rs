//! Serves a simulated Azure OpenAI until it is interrupted, for tests that are other programs and for benchmarks.

use std::{io::Write, net::SocketAddr};

use anyhow::Context;
use clap::Parser;
use gatelog_testkit::azure::{AzureOptions, AzureServer, Behaviour, GRAMMAR};
use tokio::signal::unix::{SignalKind, signal};

/// Serves a simulated Azure OpenAI; the first line it prints is its endpoint.
#[derive(Debug, Parser)]
#[command(version, after_help = GRAMMAR)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How requests are met that choose nothing themselves in a header `x-sim-behave`; the words are below.
    #[arg(long, value_name = "WORDS", default_value = "ok")]
    behave: Behaviour,
    /// Threads that serve; by default one for each processor.
    #[arg(long, value_name = "COUNT")]
    workers: Option<std::num::NonZeroUsize>,
    /// Calls that `GET /_sim/calls` can show, the newest; 0 keeps totals only, which is faster.
    #[arg(long, value_name = "COUNT", default_value_t = AzureOptions::default().calls_max)]
    calls: usize,
    /// The only key that opens; by default any.
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,
    /// What `x-ms-region` says.
    #[arg(long, value_name = "NAME", default_value_t = AzureOptions::default().region)]
    region: String,
    /// A deployment and the model that answers there; may be repeated. By default any name is a deployment.
    #[arg(long = "deployment", value_name = "NAME=MODEL", value_parser = named)]
    deployments: Vec<(String, String)>,
}

fn named(text: &str) -> Result<(String, String), &'static str> {
    let (name, model) = text.split_once('=').ok_or("expected NAME=MODEL")?;
    if name.is_empty() || model.is_empty() { Err("expected NAME=MODEL") } else { Ok((name.into(), model.into())) }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = arguments.workers {
        runtime.worker_threads(workers.get());
    }
    runtime.enable_all().build().context("start the runtime")?.block_on(serve(arguments))
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { listen, behave: behaviour, workers: _, calls: calls_max, api_key, region, deployments } = arguments;
    // Before the endpoint is printed: whoever reads it may send a signal at once.
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let options = AzureOptions { listen, deployments, api_key, region, behaviour, calls_max };
    let mut server = AzureServer::start(options).await.with_context(|| format!("listen on {listen}"))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", server.endpoint())?;
    out.flush()?;
    drop(out);
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    server.stop().await;
    Ok(())
}
