//! `gatelog run`: gateway and ingest in one process.
//!
//! The order of the end: the gateway answers what is open and ships its records; then ingest commits what it has. The status
//! endpoints answer until both are done. If ingest cannot go on, the gateway drains too: a supervisor starts both anew.

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, ensure};
use gatelog_ingest::{IngestError, Mode, NoProgress, RunReport};
use gatelog_runtime::{Readiness, Shutdown};
use tokio::task::JoinHandle;
use tracing::{error, info};

use super::{
    gateway::{listen_options, report_left, watch},
    process::Process,
};
use crate::{cli::GatewayArgs, config::Config, wiring};

type Ingesting = JoinHandle<Result<RunReport, IngestError>>;

pub(crate) async fn run(args: &GatewayArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let process = Process::begin()?;
    gatelog_gateway::describe_metrics();
    gatelog_spool::describe_metrics();
    gatelog_ingest::describe_metrics();
    let (of_gateway, of_ingest) = (Readiness::of("gateway"), Readiness::of("ingest"));
    process.serve_status(config, vec![of_gateway.clone(), of_ingest.clone()]).await?;

    // Both halves are put together before either begins.
    let ingest = wiring::ingest_parts(config, Arc::new(NoProgress), of_ingest.clone()).await?;
    let gateway = wiring::gateway(config).await?;
    let (answering, ingesting) = (Shutdown::default(), Shutdown::default());
    let spool = gateway.spool.clone();
    let running = gateway.start(listen_options(args, config)?, &answering).await?;
    info!(address = %running.address(), "answering requests");
    let mut ingested: Ingesting = tokio::spawn(gatelog_ingest::run(ingest, Mode::Daemon, ingesting.clone()));
    let early = tokio::select! {
        () = watch(&spool, &of_gateway, &process.stop) => None,
        early = &mut ingested => Some(early),
    };
    if early.is_some() {
        error!("ingest has ended by itself: stopping the gateway too");
        of_ingest.end("ended by itself");
        // What is left of it, such as its listing, has nobody to work for.
        ingesting.request();
        process.stop.request();
    }
    answering.request();
    report_left(&running.drained().await?);
    ingesting.request();
    let is_early = early.is_some();
    let ended = match early {
        Some(early) => early,
        None => ingested.await,
    };
    ended.context("ingest panicked")?.context("ingest")?;
    ensure!(!is_early, "ingest has ended by itself");
    Ok(ExitCode::SUCCESS)
}
