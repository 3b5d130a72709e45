//! Connections that wait for their next request.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::{
    Uri,
    uri::{Authority, Scheme},
};
use tokio::time::Instant;

use super::wire::{Connection, Shared, Wire};

/// How long an idle connection is kept; Azure's front closes them after about two minutes.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Idle connections kept per provider host and worker.
const IDLE_PER_HOST_MAX: usize = 512;
/// How often connections that are idle for too long, or closed by the provider, are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(15);

/// What a connection leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Origin(Scheme, Authority);

impl Origin {
    /// `None` if the URI names none.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        Some(Self(uri.scheme()?.clone(), uri.authority()?.clone()))
    }
}

/// The connections of one client. Those of a worker are used on its thread alone, so nobody waits for the lock.
#[derive(Default)]
pub(super) struct Pool(Mutex<HashMap<Origin, Host>>);

/// At one origin.
#[derive(Default)]
struct Host {
    /// The one that was used last comes last.
    idle: Vec<Kept<Box<Wire>>>,
    shared: Option<Kept<Shared>>,
}

struct Kept<T> {
    connection: T,
    used: Instant,
}

impl<T> Kept<T> {
    fn now(connection: T) -> Self {
        Self { connection, used: Instant::now() }
    }

    fn is_recent(&self) -> bool {
        self.used.elapsed() < IDLE_TIMEOUT
    }
}

impl Pool {
    /// Whoever panicked with the lock left nothing half done.
    fn hosts(&self) -> MutexGuard<'_, HashMap<Origin, Host>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that can take a request, as far as is known here.
    pub(super) async fn take(&self, origin: &Origin) -> Option<Connection> {
        poll_fn(|context| Poll::Ready(self.take_usable(origin, context))).await
    }

    fn take_usable(&self, origin: &Origin, context: &mut Context<'_>) -> Option<Connection> {
        let mut hosts = self.hosts();
        let host = hosts.get_mut(origin)?;
        if let Some(shared) = host.live() {
            return Some(Connection::Http2(shared));
        }
        while let Some(mut kept) = host.idle.pop() {
            if kept.is_recent() && kept.connection.is_usable(context) {
                return Some(Connection::Http1(kept.connection));
            }
        }
        None
    }

    /// Keeps a connection for the next request, unless there are too many.
    pub(super) fn put(&self, origin: Origin, wire: Box<Wire>) {
        let mut hosts = self.hosts();
        let idle = &mut hosts.entry(origin).or_default().idle;
        if idle.len() < IDLE_PER_HOST_MAX {
            idle.push(Kept::now(wire));
        }
    }

    /// Lets others use a connection of HTTP/2. Returns what everybody uses now: if others were faster, theirs.
    pub(super) fn share(&self, origin: &Origin, shared: Shared) -> Shared {
        let mut hosts = self.hosts();
        let host = hosts.entry(origin.clone()).or_default();
        host.live().unwrap_or_else(|| host.shared.insert(Kept::now(shared)).connection.clone())
    }

    /// Closes what is idle for too long or closed by the provider.
    pub(super) fn sweep(&self) {
        // Nobody waits for an idle connection, so nobody is to be woken.
        let mut context = Context::from_waker(Waker::noop());
        self.hosts().retain(|_, host| {
            host.idle.retain_mut(|kept| kept.is_recent() && kept.connection.is_usable(&mut context));
            host.shared.take_if(|kept| !kept.is_recent() || kept.connection.is_closed());
            !host.idle.is_empty() || host.shared.is_some()
        });
    }
}

#[cfg(test)]
impl Pool {
    pub(super) fn idle(&self) -> usize {
        self.hosts().values().map(|host| host.idle.len()).sum()
    }

    /// Whether providers have closed all that is kept, which is something. It stays kept, but to ask drives it: who takes it next
    /// will find that out at once.
    pub(super) fn is_closed(&self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let mut hosts = self.hosts();
        assert!(hosts.values().any(|host| host.shared.is_some() || !host.idle.is_empty()), "nothing is kept");
        hosts.values_mut().all(|host| {
            let shared_is_closed = host.shared.as_ref().is_none_or(|kept| kept.connection.is_closed());
            shared_is_closed && !host.idle.iter_mut().any(|kept| kept.connection.is_usable(&mut context))
        })
    }
}

impl Host {
    /// The shared connection if it can be used, which it is now.
    fn live(&mut self) -> Option<Shared> {
        let kept = self.shared.as_mut().filter(|kept| kept.is_recent() && !kept.connection.is_closed())?;
        kept.used = Instant::now();
        Some(kept.connection.clone())
    }
}

/// Sweeps until the pool is gone.
pub(super) async fn sweeping(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let Some(pool) = pool.upgrade() else { break };
        pool.sweep();
    }
}
