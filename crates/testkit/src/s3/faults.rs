//! Rules for what goes wrong, and counts of what was asked.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use hyper::Method;

/// What happens to a request that meets a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Answered with this status and S3's error body for it, before anything is done.
    Status(u16),
    /// Held back this many milliseconds, then served.
    SlowMs(u64),
    /// The connection is closed before anything is done.
    ResetBefore,
    /// Done, but the connection is closed instead of the answer: the caller cannot know.
    ResetAfter,
    /// Headers and half of the body are sent, then the connection is closed.
    ResetMidBody,
    /// Half of the body is sent as if it were all: no length is announced, the framing is intact.
    TruncateBody,
    /// Served under another etag.
    WrongEtag,
    /// The first byte of what is sent up arrives as another one.
    AlterUpload,
}

/// Which requests meet a fault, and how many of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRule {
    /// Only this method; `None` means any.
    pub method: Option<Method>,
    /// Only if the path, or the query of a listing, contains this (percent-decoded); `None` means any.
    pub key_contains: Option<String>,
    /// What happens.
    pub kind: FaultKind,
    /// How many requests meet it; `None` means all.
    pub times: Option<u32>,
    /// How many matching requests pass before.
    pub after: u32,
}

impl FaultRule {
    /// A rule for every request.
    pub fn new(kind: FaultKind) -> Self {
        Self { method: None, key_contains: None, kind, times: None, after: 0 }
    }

    /// Only for GET (listings included).
    #[must_use]
    pub fn on_get(self) -> Self {
        self.on(Method::GET)
    }

    /// Only for PUT.
    #[must_use]
    pub fn on_put(self) -> Self {
        self.on(Method::PUT)
    }

    /// Only for this method.
    #[must_use]
    pub fn on(self, method: Method) -> Self {
        Self { method: Some(method), ..self }
    }

    /// Only where the path or query contains `part`.
    #[must_use]
    pub fn key_contains(self, part: impl Into<String>) -> Self {
        Self { key_contains: Some(part.into()), ..self }
    }

    /// Only the first `times` matching requests.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Only after `after` matching requests have passed.
    #[must_use]
    pub fn after(self, after: u32) -> Self {
        Self { after, ..self }
    }

    fn matches(&self, method: &Method, target: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.key_contains.as_ref().is_none_or(|part| target.contains(part))
    }

    /// Whether this matching request is hit; counts it.
    fn hits(&mut self) -> bool {
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        match &mut self.times {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// The rules in force, first match wins, and the counts.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Mutex<Vec<FaultRule>>,
    outage: AtomicBool,
    list: AtomicU64,
    get: AtomicU64,
    head: AtomicU64,
    put: AtomicU64,
    post: AtomicU64,
    delete: AtomicU64,
    injected: AtomicU64,
}

/// Requests by method; listings apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestCounts {
    /// Listings.
    pub list: u64,
    /// Other GETs.
    pub get: u64,
    /// HEADs.
    pub head: u64,
    /// PUTs.
    pub put: u64,
    /// POSTs.
    pub post: u64,
    /// DELETEs.
    pub delete: u64,
    /// Those of all these that met a fault.
    pub injected: u64,
}

impl Faults {
    /// Adds a rule after those in force.
    pub fn push(&self, rule: FaultRule) {
        self.rules().push(rule);
    }

    /// Drops every rule; an outage goes on.
    pub fn clear(&self) {
        self.rules().clear();
    }

    /// Whether everything is refused.
    pub fn is_outage(&self) -> bool {
        self.outage.load(Ordering::SeqCst)
    }

    pub(super) fn set_outage(&self, on: bool) {
        self.outage.store(on, Ordering::SeqCst);
    }

    pub(super) fn requests(&self) -> RequestCounts {
        let read = |count: &AtomicU64| count.load(Ordering::SeqCst);
        RequestCounts {
            list: read(&self.list),
            get: read(&self.get),
            head: read(&self.head),
            put: read(&self.put),
            post: read(&self.post),
            delete: read(&self.delete),
            injected: read(&self.injected),
        }
    }

    /// Counts a request and says what happens to it.
    pub(super) fn meet(&self, method: &Method, is_list: bool, target: &str) -> Option<FaultKind> {
        let count = match *method {
            Method::GET if is_list => &self.list,
            Method::GET => &self.get,
            Method::HEAD => &self.head,
            Method::PUT => &self.put,
            Method::DELETE => &self.delete,
            _ => &self.post,
        };
        count.fetch_add(1, Ordering::SeqCst);
        let hit = if self.is_outage() {
            Some(FaultKind::ResetBefore)
        } else {
            let mut rules = self.rules();
            rules.iter_mut().find_map(|rule| (rule.matches(method, target) && rule.hits()).then_some(rule.kind))
        };
        if hit.is_some() {
            self.injected.fetch_add(1, Ordering::SeqCst);
        }
        hit
    }

    fn rules(&self) -> MutexGuard<'_, Vec<FaultRule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FaultKind {
    /// How long the request is held back.
    pub(super) fn delay(self) -> Option<Duration> {
        match self {
            Self::SlowMs(ms) => Some(Duration::from_millis(ms)),
            Self::Status(_)
            | Self::ResetBefore
            | Self::ResetAfter
            | Self::ResetMidBody
            | Self::TruncateBody
            | Self::WrongEtag
            | Self::AlterUpload => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_hits_as_often_as_it_says_and_where_it_says() {
        let faults = Faults::default();
        faults.push(FaultRule::new(FaultKind::Status(503)).on_get().key_contains("a.gz").times(2).after(1));
        let meet = |method: Method, target: &str| faults.meet(&method, false, target).is_some();
        assert!(!meet(Method::PUT, "/b/a.gz"));
        assert!(!meet(Method::GET, "/b/other"));
        let hits: Vec<bool> = (0..4).map(|_| meet(Method::GET, "/b/a.gz")).collect();
        assert_eq!(hits, [false, true, true, false]);
        assert_eq!(faults.requests(), RequestCounts { get: 5, put: 1, injected: 2, ..RequestCounts::default() });
    }

    #[test]
    fn an_outage_hits_everything() {
        let faults = Faults::default();
        faults.set_outage(true);
        assert_eq!(faults.meet(&Method::DELETE, false, "/b/a"), Some(FaultKind::ResetBefore));
        faults.set_outage(false);
        assert_eq!(faults.meet(&Method::DELETE, false, "/b/a"), None);
    }
}
