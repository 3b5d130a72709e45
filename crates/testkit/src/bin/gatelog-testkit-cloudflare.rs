//! Serves a simulated Cloudflare API until it is interrupted, for tests that are other programs.

use std::{io::Write, net::SocketAddr, path::PathBuf};

use clap::Parser;
use gatelog_testkit::cloudflare::{CloudflareOptions, CloudflareServer};
use tokio::signal::unix::{SignalKind, signal};

/// Serves a simulated Cloudflare API; the first line it prints is its base URL.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Id of the account.
    #[arg(long, value_name = "ID", default_value_t = CloudflareOptions::default().account)]
    account: String,
    /// The only token that opens.
    #[arg(long, value_name = "TOKEN", default_value_t = CloudflareOptions::default().token)]
    token: String,
    /// A folder whose subfolders are buckets, for ownership challenges.
    #[arg(long, value_name = "FOLDER")]
    buckets: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { listen, account, token, buckets } = Arguments::parse();
    // Before the address is printed: whoever reads it may send a signal at once.
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let options = CloudflareOptions { listen, account, token, buckets, ..CloudflareOptions::default() };
    let server = CloudflareServer::start(options).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", server.endpoint())?;
    out.flush()?;
    drop(out);
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    Ok(())
}
