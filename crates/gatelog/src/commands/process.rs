//! What every command that goes on until it is stopped begins with.

use anyhow::Context;
use gatelog_runtime::{PrometheusHandle, Readiness, Shutdown, init_metrics, listen_for_signals, serve_status};
use tokio::sync::oneshot;
use tracing::info;

use crate::config::Config;

/// A process that signals stop, and whose status endpoints answer until this is dropped.
pub(super) struct Process {
    /// Requested by a signal.
    pub(super) stop: Shutdown,
    metrics: PrometheusHandle,
    _end: oneshot::Sender<()>,
}

impl Process {
    /// Listens for signals and takes metrics from now on.
    pub(super) fn begin() -> anyhow::Result<Self> {
        let stop = Shutdown::default();
        listen_for_signals(&stop).context("install the signal handlers")?;
        let metrics = init_metrics()?;
        let (end, ended) = oneshot::channel();
        // The endpoints wait for the tasks of `stop`, and this one ends after everything else.
        stop.spawn(async move { ended.await.unwrap_or_default() });
        Ok(Self { stop, metrics, _end: end })
    }

    /// Serves `/metrics`, `/healthz` and `/readyz`.
    pub(super) async fn serve_status(&self, config: &Config, readiness: Vec<Readiness>) -> anyhow::Result<()> {
        let listen = config.status.listen;
        let status = serve_status(listen, self.metrics.clone(), readiness, &self.stop)
            .await
            .with_context(|| format!("listen on `status.listen` {listen}"))?;
        info!(address = %status.address, "serving /metrics, /healthz and /readyz");
        Ok(())
    }
}
