//! `gatelog gateway`.

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use gatelog_gateway::ListenOptions;
use gatelog_runtime::{Readiness, Shutdown, init_metrics, listen_for_signals, serve_status};
use gatelog_spool::{Spool, SpoolStatus};
use tracing::{info, warn};

use crate::{cli::GatewayArgs, config::Config, wiring};

/// How often readiness looks at the spool.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: &GatewayArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::default();
    listen_for_signals(&shutdown).context("install the signal handlers")?;
    let metrics = init_metrics()?;
    gatelog_gateway::describe_metrics();
    gatelog_spool::describe_metrics();
    let readiness = Readiness::default();
    let status = serve_status(config.status.listen, metrics, vec![readiness.clone()], &shutdown)
        .await
        .with_context(|| format!("listen on `status.listen` {}", config.status.listen))?;
    info!(address = %status.address, "serving /metrics, /healthz and /readyz");

    let parts = wiring::gateway(config).await?;
    let spool = parts.spool.clone();
    let running = parts.start(listen_options(args, config)?, &shutdown).await?;
    info!(address = %running.address(), tls = config.gateway.tls.certificate_file.is_some(), "answering requests");
    watch(&spool, &readiness, &shutdown).await;
    report_left(&running.drained().await?);
    Ok(ExitCode::SUCCESS)
}

/// Says what a drained gateway could not ship.
pub(super) fn report_left(left: &SpoolStatus) {
    if left.records > 0 {
        warn!(records = left.records, "audit records are left in the spool; the next start ships them");
    }
}

pub(super) fn listen_options(args: &GatewayArgs, config: &Config) -> anyhow::Result<ListenOptions> {
    let section = &config.gateway;
    Ok(ListenOptions {
        listen: section.listen,
        insecure: args.insecure,
        tls: wiring::server_tls(&section.tls)?,
        connections_max: section.connections_max,
        drain: Duration::from_secs(section.drain_seconds),
    })
}

/// Keeps readiness true until shutdown: a gateway whose spool takes no records refuses requests.
pub(super) async fn watch(spool: &Spool, readiness: &Readiness, shutdown: &Shutdown) {
    loop {
        match spool.problem() {
            None => readiness.set_ready(),
            Some(problem) => readiness.set_unready(problem),
        }
        if !shutdown.sleep(WATCH_INTERVAL).await {
            return readiness.set_unready("stopping");
        }
    }
}
