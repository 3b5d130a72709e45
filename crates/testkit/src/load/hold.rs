//! Streams that are opened and read for a while, all at once.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpStream},
    num::NonZeroUsize,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{Micros, STACK_BYTES, Template, answer::Broken, connection::Connection};

/// Between two new streams, so that no listener's queue overflows.
const OPENING_PAUSE: Duration = Duration::from_millis(1);

/// What to hold.
#[derive(Debug, Clone)]
pub struct HoldPlan {
    /// The server.
    pub address: SocketAddr,
    /// What it is asked.
    pub template: Template,
    /// Number of the first request; every request takes one.
    pub first_number: u64,
    /// Streams at once.
    pub streams: NonZeroUsize,
    /// How long they are read once all have begun.
    pub hold: Duration,
    /// How long they may take to begin.
    pub opening_max: Duration,
}

/// What came of the streams.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Held {
    /// Streams that had begun before the hold.
    pub begun: u64,
    /// Streams that were still going when the hold was over.
    pub held: u64,
    /// From sending a request to the end of the answer's head.
    pub first_byte: Micros,
}

/// Opens streams, reads them until the time is over, calls `before_end` while all are still open, and hangs up.
///
/// # Errors
///
/// When a connection cannot be made or a thread cannot be started, and those of `before_end`. A stream that does not begin,
/// or ends early, is not an error: it is missing in the counts.
pub fn hold(plan: &HoldPlan, before_end: impl FnOnce(&Held) -> io::Result<()>) -> io::Result<Held> {
    thread::scope(|scope| {
        let (begun, first_bytes) = mpsc::channel();
        let (mut handles, mut readers) = (Handles(Vec::new()), Vec::new());
        for number in (plan.first_number..).take(plan.streams.get()) {
            let mut connection = Connection::open(plan.address)?;
            handles.0.push(connection.handle()?);
            let (mut template, begun) = (plan.template.clone(), begun.clone());
            let read = move || {
                let sent = Instant::now();
                // Nobody counts it any more once the hold is over.
                connection.ask_with(template.numbered(number), |at| {
                    let _over = begun.send(at - sent);
                })
            };
            readers.push(thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, read)?);
            thread::sleep(OPENING_PAUSE);
        }
        let mut first_bytes = collect(&first_bytes, plan.streams.get(), Instant::now() + plan.opening_max);
        thread::sleep(plan.hold);
        let held = readers.iter().filter(|reader| !reader.is_finished()).count();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let held =
            Held { begun: count(first_bytes.len()), held: count(held), first_byte: Micros::of(&mut first_bytes) };
        before_end(&held)?;
        drop(handles);
        for reader in readers {
            let _ended: Result<_, Broken> = reader.join().expect("no reader panics");
        }
        Ok(held)
    })
}

/// Connections that are hung up when this is dropped, so that nobody goes on reading them.
struct Handles(Vec<TcpStream>);

impl Drop for Handles {
    fn drop(&mut self) {
        for handle in &self.0 {
            // It may be closed already.
            let _closed = handle.shutdown(Shutdown::Both);
        }
    }
}

/// Waits for `count` times, until the deadline.
fn collect(times: &mpsc::Receiver<Duration>, count: usize, deadline: Instant) -> Vec<Duration> {
    let next = || times.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok();
    std::iter::from_fn(next).take(count).collect()
}
