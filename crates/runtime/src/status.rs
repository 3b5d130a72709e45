//! `/metrics`, `/healthz` and `/readyz`.
//!
//! Health says that the process runs; readiness that it can do its work, with the reason when it cannot.

use std::{
    future::IntoFuture as _,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{Router, http::StatusCode, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

use crate::Shutdown;

/// How often what histograms have recorded is folded into their buckets; until then every single value is held.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Why a worker is not ready, if it is not; shared between the worker that knows and the endpoint that tells.
#[derive(Debug, Clone)]
pub struct Readiness {
    worker: Option<&'static str>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    problem: Option<String>,
    /// Nothing changes it any more.
    is_final: bool,
}

impl Default for Readiness {
    /// Of a process with one worker. Not ready: nothing has been proved yet.
    fn default() -> Self {
        let state = State { problem: Some("starting".to_owned()), is_final: false };
        Self { worker: None, state: Arc::new(Mutex::new(state)) }
    }
}

impl Readiness {
    /// Of one of several workers, whose name stands before its reason.
    pub fn of(worker: &'static str) -> Self {
        Self { worker: Some(worker), ..Self::default() }
    }

    /// Ready from now on.
    pub fn set_ready(&self) {
        self.set(None, false);
    }

    /// Not ready, and why; `reason` is public and must hold no secret.
    pub fn set_unready(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()), false);
    }

    /// Never ready again, whatever a part of the worker still says that has not heard of its end.
    pub fn end(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()), true);
    }

    fn set(&self, problem: Option<String>, is_final: bool) {
        let mut state = self.state();
        if !state.is_final {
            *state = State { problem, is_final };
        }
    }

    /// The reason, if not ready.
    pub fn problem(&self) -> Option<String> {
        let problem = self.state().problem.clone()?;
        Some(self.worker.map_or_else(|| problem.clone(), |worker| format!("{worker}: {problem}")))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running status server.
#[derive(Debug)]
pub struct StatusServer {
    /// Where it listens; the port is real even when 0 was asked for.
    pub address: SocketAddr,
}

/// Serves the status endpoints until shutdown; ready when all of `readiness` are.
///
/// # Errors
///
/// When the address cannot be bound.
pub async fn serve_status(
    address: SocketAddr,
    metrics: PrometheusHandle,
    readiness: Vec<Readiness>,
    shutdown: &Shutdown,
) -> std::io::Result<StatusServer> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let kept = metrics.clone();
    let routes = Router::new()
        .route("/metrics", get(move || std::future::ready(metrics.render())))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(move || std::future::ready(ready_answer(&readiness))));
    let stop = shutdown.clone();
    // Not tracked: the endpoints answer until the very end, so that a drain can be watched. The request comes first: before
    // any task has started there is nothing to wait for.
    tokio::spawn(async move {
        let ended = async move {
            stop.requested().await;
            stop.drained().await;
        };
        let served = axum::serve(listener, routes).with_graceful_shutdown(ended);
        tokio::select! {
            ended = served.into_future() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "status endpoints stopped");
                }
            }
            () = keep_up(kept) => {}
        }
    });
    Ok(StatusServer { address })
}

/// Never ends. A process that nobody scrapes would otherwise hold every value that was ever recorded.
async fn keep_up(metrics: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}

fn ready_answer(readiness: &[Readiness]) -> (StatusCode, String) {
    let problems: Vec<String> = readiness.iter().filter_map(Readiness::problem).collect();
    if problems.is_empty() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", problems.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_final() {
        let readiness = Readiness::of("ingest");
        readiness.set_ready();
        assert_eq!(readiness.problem(), None);
        readiness.end("ended by itself");
        readiness.set_ready();
        readiness.set_unready("the store cannot be reached");
        assert_eq!(readiness.problem().as_deref(), Some("ingest: ended by itself"));
    }
}
