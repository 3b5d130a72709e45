//! A load generator for one HTTP/1.1 server: a rate to be kept, as fast as it goes, or streams held open.
//!
//! A thread per connection, blocking: the timers of an event loop are a millisecond coarse, which is more than what a
//! proxy adds. At a given rate latency counts from when a request was *due*, so a server that stalls is not spared the
//! requests that had to wait meanwhile (no coordinated omission).
//!
//! Every request has a number of its own, so that no cache can answer it. Load goes to this machine only.

mod answer;
mod chunks;
mod connection;
mod hold;
mod pace;
mod report;
mod template;

pub use hold::{Held, HoldPlan, hold};
pub use pace::Pace;
pub use report::{Micros, Report};
pub use template::{BadTarget, NUMBER, Target, Template};

use std::{
    io,
    net::SocketAddr,
    num::NonZeroUsize,
    thread,
    time::{Duration, Instant},
};

use self::{
    connection::Connection,
    pace::{Schedule, Turn},
    report::Tally,
};

/// Stack of a thread: what it needs is on the heap, and there may be a thousand of them.
const STACK_BYTES: usize = 128 << 10;

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server.
    pub address: SocketAddr,
    /// What it is asked.
    pub template: Template,
    /// Connections, each with one request under way at most.
    pub connections: NonZeroUsize,
    /// Number of the first request; every request takes one.
    pub first_number: u64,
    /// When requests are sent.
    pub pace: Pace,
    /// For how long new ones are sent.
    pub duration: Duration,
}

/// Connects, asks once on every connection without counting it, then loads the server.
///
/// # Errors
///
/// When a connection cannot be made or a thread cannot be started. What goes wrong with a request is counted.
pub fn run(plan: &Plan) -> io::Result<Report> {
    let count = plan.connections.get();
    let warm_up = u64::try_from(count).unwrap_or(u64::MAX);
    let schedule = Schedule::new(plan.pace, plan.duration, plan.first_number + warm_up);
    let mut workers = Vec::with_capacity(count);
    for number in (plan.first_number..).take(count) {
        let connection = Connection::open(plan.address)?;
        let mut worker =
            Worker { connection, template: plan.template.clone(), schedule: &schedule, tally: Tally::default() };
        worker.warm_up(number);
        workers.push(worker);
    }
    let start = Instant::now();
    let tally = thread::scope(|scope| {
        let threads = workers.into_iter().map(|worker| {
            thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, move || worker.work(start))
        });
        // All of them before the first is waited for.
        let threads = threads.collect::<io::Result<Vec<_>>>()?;
        let tallies = threads.into_iter().map(|thread| thread.join().expect("no worker panics"));
        io::Result::Ok(tallies.reduce(Tally::merge).unwrap_or_default())
    })?;
    let report = tally.report(start.elapsed());
    Ok(Report { warm_up, unsent: schedule.unsent(), next_number: schedule.next_number(), ..report })
}

/// One connection and what came of it.
struct Worker<'a> {
    connection: Connection,
    template: Template,
    schedule: &'a Schedule,
    tally: Tally,
}

impl Worker<'_> {
    /// A server has things to do on the first request of a connection, such as connecting itself.
    fn warm_up(&mut self, number: u64) {
        if let Err(broken) = self.connection.ask(self.template.numbered(number)) {
            self.tally.error(broken.label());
        }
    }

    fn work(mut self, start: Instant) -> Tally {
        while let Some(Turn { number, due }) = self.schedule.next(start) {
            let request = self.template.numbered(number);
            if let Some(due) = due {
                pace::wait_until(due);
            }
            let sent = Instant::now();
            match self.connection.ask(request) {
                Ok(answer) if answer.status < 400 => self.tally.answer(due.unwrap_or(sent), sent, &answer),
                Ok(answer) => self.tally.error(format!("status {}", answer.status)),
                Err(broken) => self.tally.error(broken.label()),
            }
        }
        self.tally.reconnects = self.connection.reconnects();
        self.tally
    }
}

#[cfg(test)]
mod tests;
