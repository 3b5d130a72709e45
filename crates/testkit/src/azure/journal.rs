//! What was asked and how it went: the truth that a proxy's own records are compared with.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use gatelog_model::Tokens;
use tokio_util::sync::CancellationToken;

use super::{
    call::Call,
    totals::{Counts, Totals},
};

/// Names of deployments and tenants that are counted one by one; requests under further names count in the sum only.
const NAMES_MAX: usize = 10_000;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallEnd {
    /// Not yet.
    Open,
    /// All of the answer was handed to the connection. Of a fast one the client may still have missed some.
    Finished,
    /// Cut on purpose.
    Cut,
    /// The client hung up before the end.
    Cancelled,
}

impl CallEnd {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Finished => "finished",
            Self::Cut => "cut",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The last calls and the sums of all.
#[derive(Debug)]
pub(super) struct Journal {
    calls_max: usize,
    /// Number of the next call; numbers are never used twice.
    next: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Consecutive numbers; the first is `first`.
    calls: VecDeque<Call>,
    first: u64,
    /// Calls with a smaller number came before a reset and count no more.
    since: u64,
    dropped: u64,
    sum: Counts,
    by_deployment: HashMap<Arc<str>, Counts>,
    by_tenant: HashMap<Arc<str>, Counts>,
}

impl Journal {
    pub(super) fn new(calls_max: usize) -> Self {
        Self { calls_max, next: AtomicU64::new(0), state: Mutex::default() }
    }

    /// Whether calls are kept at all; if not, making one is wasted time.
    pub(super) fn keeps_calls(&self) -> bool {
        self.calls_max > 0
    }

    /// Counts a call, and keeps it if there is one.
    pub(super) fn open(self: &Arc<Self>, names: Names, call: Option<Call>, stop: CancellationToken) -> OpenCall {
        let mut state = self.lock();
        // Under the lock, or numbers would not be consecutive.
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        state.count(&names, |counts| counts.calls += 1);
        if let Some(call) = call {
            if state.calls.len() >= self.calls_max {
                state.calls.pop_front();
                state.dropped += 1;
            }
            state.first = number - u64::try_from(state.calls.len()).expect("usize has at most 64 bits");
            state.calls.push_back(Call { number, ..call });
        }
        drop(state);
        OpenCall { journal: Arc::clone(self), number, names, answer: Answered::default(), stop, is_closed: false }
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.lock().calls.iter().cloned().collect()
    }

    pub(super) fn totals(&self) -> Totals {
        let state = self.lock();
        let named = |counts: &HashMap<Arc<str>, Counts>| -> BTreeMap<String, Counts> {
            counts.iter().map(|(name, counts)| (name.to_string(), *counts)).collect()
        };
        Totals {
            sum: state.sum,
            by_deployment: named(&state.by_deployment),
            by_tenant: named(&state.by_tenant),
            calls_dropped: state.dropped,
        }
    }

    /// Forgets everything; calls under way end uncounted.
    pub(super) fn reset(&self) {
        let mut state = self.lock();
        *state = State { since: self.next.load(Ordering::Relaxed), ..State::default() };
    }

    fn close(&self, call: &OpenCall, end: CallEnd) {
        let mut state = self.lock();
        if call.number < state.since {
            return;
        }
        state.count(&call.names, |counts| counts.close(call.answer.status, &call.answer.tokens, end));
        let index = call.number.checked_sub(state.first).and_then(|index| usize::try_from(index).ok());
        if let Some(kept) = index.and_then(|index| state.calls.get_mut(index)) {
            kept.end = end;
            kept.status = call.answer.status;
            kept.tokens = call.answer.tokens;
            kept.answer_id.clone_from(&call.answer.id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, names: &Names, change: impl Fn(&mut Counts)) {
        change(&mut self.sum);
        count_named(&mut self.by_deployment, &names.deployment, &change);
        if let Some(tenant) = &names.tenant {
            count_named(&mut self.by_tenant, tenant, &change);
        }
    }
}

fn count_named(named: &mut HashMap<Arc<str>, Counts>, name: &Arc<str>, change: impl Fn(&mut Counts)) {
    if let Some(counts) = named.get_mut(name) {
        change(counts);
    } else if named.len() < NAMES_MAX {
        change(named.entry(Arc::clone(name)).or_default());
    }
}

/// Under which names a call counts.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) deployment: Arc<str>,
    pub(super) tenant: Option<Arc<str>>,
}

/// What is known of an answer once it is made.
#[derive(Debug, Clone, Default)]
pub(super) struct Answered {
    pub(super) status: Option<u16>,
    pub(super) tokens: Tokens,
    pub(super) id: String,
}

/// A call under way. Dropped before it is closed, the client has hung up: hyper drops the answer with the connection.
#[derive(Debug)]
pub(super) struct OpenCall {
    journal: Arc<Journal>,
    number: u64,
    names: Names,
    answer: Answered,
    /// A server that stops cuts calls itself.
    stop: CancellationToken,
    is_closed: bool,
}

impl OpenCall {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn answered(&mut self, answer: Answered) {
        self.answer = answer;
    }

    /// Ends when the server stops: what waits for ever must not hold it up.
    pub(super) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Closes the call; the first time counts.
    pub(super) fn close(&mut self, end: CallEnd) {
        if !std::mem::replace(&mut self.is_closed, true) {
            self.journal.close(self, end);
        }
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.close(if self.stop.is_cancelled() { CallEnd::Cut } else { CallEnd::Cancelled });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(journal: &Arc<Journal>) -> OpenCall {
        let names = Names { deployment: "d".into(), tenant: Some("t".into()) };
        journal.open(names, Some(Call::default()), CancellationToken::new())
    }

    #[test]
    fn azure_journal_keeps_the_last_calls_and_counts_all() {
        let journal = Arc::new(Journal::new(3));
        let mut first = open(&journal);
        let mut others: Vec<OpenCall> = (0..4).map(|_| open(&journal)).collect();
        first.answered(Answered { status: Some(200), ..Answered::default() });
        first.close(CallEnd::Finished);
        others[3].answered(Answered { status: Some(200), id: "last".to_owned(), ..Answered::default() });
        others[3].close(CallEnd::Finished);
        drop(others);
        let calls = journal.calls();
        assert_eq!(calls.iter().map(|call| call.number).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(calls.iter().map(|call| call.end).collect::<Vec<_>>()[1..], [CallEnd::Cancelled, CallEnd::Finished]);
        assert_eq!(calls[2].answer_id, "last");
        let totals = journal.totals();
        assert_eq!((totals.calls_dropped, totals.sum.calls, totals.sum.finished), (2, 5, 2));
        assert_eq!((totals.sum.cancelled, totals.sum.open()), (3, 0));
        assert_eq!(totals.by_deployment["d"], totals.sum);
        assert_eq!(totals.by_tenant["t"], totals.sum);
    }

    #[test]
    fn azure_journal_does_not_count_what_ends_after_a_reset() {
        let journal = Arc::new(Journal::new(3));
        let before = open(&journal);
        journal.reset();
        let mut after = open(&journal);
        drop(before);
        after.close(CallEnd::Finished);
        assert_eq!(journal.calls().len(), 1);
        assert_eq!((journal.totals().sum.calls, journal.totals().sum.cancelled), (1, 0));
        assert_eq!(journal.calls()[0].end, CallEnd::Finished);
    }
}
