//! `gatelog gateway`.

use std::{process::ExitCode, time::Duration};

use gatelog_gateway::ListenOptions;
use gatelog_runtime::{Readiness, Shutdown};
use gatelog_spool::{Spool, SpoolStatus};
use tracing::{info, warn};

use super::process::Process;
use crate::{cli::GatewayArgs, config::Config, wiring};

/// How often readiness looks at the spool.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: &GatewayArgs, config: &Config) -> anyhow::Result<ExitCode> {
    let process = Process::begin()?;
    gatelog_gateway::describe_metrics();
    gatelog_spool::describe_metrics();
    let readiness = Readiness::default();
    process.serve_status(config, vec![readiness.clone()]).await?;

    let parts = wiring::gateway(config).await?;
    let spool = parts.spool.clone();
    let answering = Shutdown::default();
    let running = parts.start(listen_options(args, config)?, &answering).await?;
    info!(address = %running.address(), tls = config.gateway.tls.certificate_file.is_some(), "answering requests");
    watch(&spool, &readiness, &process.stop).await;
    answering.request();
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
