//! `gatelog run`: gateway and ingest in one process.
//!
//! The order of the end: the gateway answers what is open and ships its records; then ingest commits what it has. The status
//! endpoints answer until both are done. If ingest cannot go on, the gateway drains too: a supervisor starts both anew.

use std::{process::ExitCode, sync::Arc};

use anyhow::Context;
use gatelog_ingest::{IngestError, Mode, NoProgress, RunReport};
use gatelog_runtime::{Readiness, Shutdown, init_metrics, listen_for_signals, serve_status};
use tokio::{
    sync::oneshot,
    task::{JoinError, JoinHandle},
};
use tracing::{error, info};

use super::gateway::{listen_options, report_left, watch};
use crate::{cli::GatewayArgs, config::Config, wiring};

type Ingesting = JoinHandle<Result<RunReport, IngestError>>;

pub(crate) async fn run(args: &GatewayArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let process = Shutdown::default();
    listen_for_signals(&process).context("install the signal handlers")?;
    let metrics = init_metrics()?;
    gatelog_gateway::describe_metrics();
    gatelog_spool::describe_metrics();
    gatelog_ingest::describe_metrics();
    let (of_gateway, of_ingest) = (Readiness::of("gateway"), Readiness::of("ingest"));
    let both = vec![of_gateway.clone(), of_ingest.clone()];

    // Both halves are put together before either begins.
    let ingest = wiring::ingest_parts(config, Arc::new(NoProgress), of_ingest).await?;
    let gateway = wiring::gateway(config).await?;
    let (answering, ingesting) = (Shutdown::default(), Shutdown::default());
    // The endpoints answer until the tasks of the process have ended, and this one does so after everything else.
    let (ended, end) = oneshot::channel::<()>();
    process.spawn(async move { end.await.unwrap_or_default() });
    let status = serve_status(config.status.listen, metrics, both, &process)
        .await
        .with_context(|| format!("listen on `status.listen` {}", config.status.listen))?;
    info!(address = %status.address, "serving /metrics, /healthz and /readyz");

    let spool = gateway.spool.clone();
    let running = gateway.start(listen_options(args, config)?, &answering).await?;
    info!(address = %running.address(), "answering requests");
    let mut ingested: Ingesting = tokio::spawn(gatelog_ingest::run(ingest, Mode::Daemon, ingesting.clone()));
    let early = tokio::select! {
        () = watch(&spool, &of_gateway, &process) => None,
        early = &mut ingested => Some(early),
    };
    if early.is_some() {
        error!("ingest has ended by itself: stopping the gateway too");
        process.request();
    }
    answering.request();
    report_left(&running.drained().await?);
    ingesting.request();
    let outcome = match early {
        Some(early) => early,
        None => ingested.await,
    };
    drop(ended);
    ended_well(outcome)
}

fn ended_well(outcome: Result<Result<RunReport, IngestError>, JoinError>) -> anyhow::Result<ExitCode> {
    outcome.context("ingest panicked")?.context("ingest")?;
    Ok(ExitCode::SUCCESS)
}
