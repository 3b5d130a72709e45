//! Telling the store what was used and giving back what is idle.

use std::{future::Future, pin::pin, sync::Arc};

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tracing::warn;

use super::{
    Inner, Limiter,
    flight::{Flight, Syncing},
    ledger::Errand,
};
use crate::{LeaseReport, REPORTS_MAX, ReportAnswer};

/// One report that is to be sent, and the mark on its slice.
struct Outgoing {
    report: LeaseReport,
    syncing: Syncing,
}

#[derive(Default)]
struct Errands {
    reports: Vec<Outgoing>,
    openings: Vec<Flight>,
}

impl Limiter {
    /// Keeps the store informed until `shutdown` ends, then gives everything back.
    ///
    /// To be awaited to its end by whoever has one limiter per process. Reservations that are not settled within
    /// [`super::LimiterOptions::drain_timeout`] after `shutdown` count as used, so end the requests
    /// first. Must not be dropped half-way: the store may hold a transaction.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = pin!(shutdown);
        let options = self.inner.options.clone();
        let mut flush = ticks(options.flush_interval);
        let mut refresh = ticks(options.refresh_interval);
        let mut prune = ticks(options.prune_interval);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                _ = flush.tick() => {}
            }
            // Outside of `select!`, so that nothing is cancelled half-way.
            self.inner.flush(true).await;
            if is_due(&mut refresh) {
                self.inner.reload().await;
            }
            if is_due(&mut prune) {
                self.inner.prune().await;
            }
        }
        self.drain().await;
    }

    /// Tells the store now what was used, and gives back what is idle; [`Limiter::run`] does so all the time.
    pub async fn flush(&self) {
        self.inner.flush(true).await;
    }

    async fn drain(&self) {
        let deadline = Instant::now() + self.inner.options.drain_timeout;
        loop {
            self.inner.flush(false).await;
            if self.inner.tenants.shards().all(|shard| shard.is_settled()) {
                if let Some(notes) = &self.inner.notes {
                    notes.remove();
                }
                return;
            }
            if Instant::now() >= deadline {
                warn!("the store does not answer, or requests are not over: what is still leased counts as used");
                return;
            }
            // Short beside the deadline, long beside a request to the store.
            sleep(self.inner.options.drain_timeout / 50).await;
        }
    }
}

/// Ticks whose first comes at once and whose missed ones are not made up for.
fn ticks(period: std::time::Duration) -> tokio::time::Interval {
    let mut ticks = interval(period.max(std::time::Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Whether a tick has come, without waiting for it.
fn is_due(ticks: &mut tokio::time::Interval) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    ticks.poll_tick(&mut context).is_ready()
}

impl Inner {
    /// Sends what is to be told; a failure leaves it for the next time. `keep` is false at shutdown.
    async fn flush(self: &Arc<Self>, keep: bool) {
        self.tell(self.errands(keep)).await;
        self.tenants.shards().for_each(|mut shard| shard.tidy(Instant::now()));
    }

    async fn tell(self: &Arc<Self>, errands: Errands) {
        let Errands { mut reports, openings } = errands;
        for (request, syncing) in openings {
            self.fly(request, syncing).await;
        }
        while !reports.is_empty() {
            let rest = reports.split_off(reports.len().min(REPORTS_MAX));
            if !self.send(std::mem::replace(&mut reports, rest)).await {
                return;
            }
        }
    }

    fn errands(self: &Arc<Self>, keep: bool) -> Errands {
        let now = Instant::now();
        let mut errands = Errands::default();
        for mut shard in self.tenants.shards() {
            for (tenant, ledger) in shard.ledgers() {
                ledger.sweep(now, keep, || self.tenants.fresh_lease());
                for errand in ledger.errands() {
                    match errand {
                        Errand::Open(lease) => {
                            errands.openings.push(self.lease_request(tenant, ledger, lease, 0));
                        }
                        Errand::Report(report) => {
                            let budget = ledger.budget.clone();
                            let Some(slice) = ledger.slice(report.lease) else { continue };
                            let syncing = Syncing::mark(self, tenant, &budget, slice);
                            errands.reports.push(Outgoing { report, syncing });
                        }
                    }
                }
            }
        }
        errands
    }

    /// Sends one batch and takes the answers in; `false` when the store does not answer.
    async fn send(self: &Arc<Self>, batch: Vec<Outgoing>) -> bool {
        let reports: Vec<_> = batch.iter().map(|outgoing| outgoing.report).collect();
        let answers = match self.store.settle(self.holder, &reports).await {
            Ok(answers) => answers,
            Err(error) => {
                self.failed(&error);
                return false;
            }
        };
        self.store_is_up();
        for (outgoing, answer) in batch.iter().zip(answers) {
            let Outgoing { report, syncing } = outgoing;
            syncing.with_ledger(|ledger| match answer {
                ReportAnswer::Booked if !report.close => {
                    if let Some(slice) = ledger.slice(syncing.lease()) {
                        slice.acknowledge(&report.report, 0);
                    }
                }
                // Closed, or worth nothing any more: either way there is nothing left to tell.
                ReportAnswer::Booked | ReportAnswer::Fenced => {
                    ledger.forget(syncing.lease(), self.tenants.fresh_lease());
                }
            });
        }
        true
    }

    async fn prune(&self) {
        if let Err(error) = self.store.prune().await {
            self.failed(&error);
        }
    }
}
