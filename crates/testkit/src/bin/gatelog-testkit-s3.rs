//! Serves a folder as S3 until it is interrupted, for readers that are other programs.
//!
//! `gatelog-testkit-s3 DIR PORT [BUCKET...]` makes the buckets and prints, once it listens, one line each of
//! `endpoint`, `access_key`, `secret_key` and `region` with its value. Port 0 takes a free one.

use std::io::Write;

use anyhow::{Context, bail};
use gatelog_testkit::{ports, s3::S3Server};

const USAGE: &str = "usage: gatelog-testkit-s3 DIR PORT [BUCKET...]";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, port, buckets @ ..] = &arguments[..] else { bail!("{USAGE}") };
    let port = match port.parse().with_context(|| format!("`{port}` is no port"))? {
        0 => ports::free_port()?,
        port => port,
    };
    let mut server = S3Server::start_on(folder, port).await.with_context(|| format!("serve `{folder}`"))?;
    for bucket in buckets {
        server.create_bucket(bucket).await.with_context(|| format!("make bucket `{bucket}`"))?;
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "endpoint {}", server.endpoint())?;
    writeln!(out, "access_key {}\nsecret_key {}", server.access_key(), server.secret_key())?;
    writeln!(out, "region {}", server.region())?;
    out.flush()?;
    drop(out);
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    server.stop().await;
    Ok(())
}
