//! The body of an answer on its way to the caller.
//!
//! Bytes pass untouched. What is already there is sent on together; nothing waits for more to come. The last piece is
//! held back until the audit record of the answer is in the spool, so that no caller has a whole answer of which there
//! is no record.
//!
//! # Cancellation
//!
//! When the caller hangs up, hyper drops the body; that drops the provider's connection and closes the record with what had
//! come until then.

mod gathered;

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use gathered::Gathered;

use crate::{
    settle::{Ending, Passing, Settled},
    upstream::UpstreamBody,
};

/// Bytes that are gathered at most before they are sent on: a socket's send buffer takes about as much.
const GATHER_BYTES_MAX: usize = 64 * 1024;

/// What a provider may send after a stream has said that it is over: an empty line or two.
const REST_BYTES_MAX: usize = 64 * 1024;

/// The body of any answer of the gateway: its own text, or a provider's bytes.
pub(crate) type AnswerBody = Either<Full<Bytes>, PassingBody>;

/// Why a provider's body ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokenAnswer {
    /// The provider's connection broke; so does ours, or the caller would take the part for the whole.
    #[error("the provider broke off its answer")]
    Provider(#[source] hyper::Error),
    /// Nothing came for too long.
    #[error("the provider has been silent for {0:?}")]
    Silent(Duration),
    /// More came than an answer may have.
    #[error("the answer has more than {0} bytes")]
    TooLarge(u64),
    /// Strict audit: an answer without its record must not look whole.
    #[error("the audit record of the answer could not be written")]
    Audit(#[source] gatelog_spool::AppendError),
}

/// How long a provider may be silent and how much it may say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerBounds {
    /// Longest silence.
    pub(crate) idle_timeout: Duration,
    /// Most bytes.
    pub(crate) bytes_max: u64,
}

enum State {
    /// Bytes come and go.
    Passing(Box<Passing>),
    /// All is here; the record is being written.
    Closing(Settled),
    /// Nothing more is owed.
    Closed,
}

/// Why nothing more is gathered for now.
enum Stop {
    /// Nothing more has come yet.
    Wait,
    /// It is enough to be sent on.
    Full,
    /// Everything has come.
    End,
    /// It ends early.
    Broken(BrokenAnswer),
}

/// A provider's body, watched.
pub(crate) struct PassingBody {
    provider: UpstreamBody,
    state: State,
    /// What can be sent on; nothing while a task waits for the provider.
    ready: Option<Bytes>,
    trailers: Option<Frame<Bytes>>,
    broken: Option<BrokenAnswer>,
    /// What came before it broke could be sent.
    could_be_sent: bool,
    /// Bytes that are still to come, if the answer says so.
    remaining: Option<u64>,
    /// Bytes that came after all was said.
    rest_bytes: usize,
    bounds: AnswerBounds,
    silence: Pin<Box<Sleep>>,
}

impl PassingBody {
    pub(crate) fn new(provider: UpstreamBody, passing: Passing, bounds: AnswerBounds) -> Self {
        let remaining = provider.size_hint().exact();
        Self {
            provider,
            state: State::Passing(Box::new(passing)),
            ready: None,
            trailers: None,
            broken: None,
            could_be_sent: false,
            remaining,
            rest_bytes: 0,
            bounds,
            silence: Box::pin(sleep(bounds.idle_timeout)),
        }
    }

    fn take_ready(&mut self) -> Option<Frame<Bytes>> {
        self.ready.take().map(Frame::data)
    }

    /// Gathers what the provider has sent, of which `passed` bytes have passed before.
    fn gather(&mut self, gathered: &mut Gathered<'_>, passed: u64, context: &mut Context<'_>) -> Stop {
        loop {
            match Pin::new(&mut self.provider).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(piece) => {
                        if passed + (gathered.len() + piece.len()) as u64 > self.bounds.bytes_max {
                            return Stop::Broken(BrokenAnswer::TooLarge(self.bounds.bytes_max));
                        }
                        gathered.push(piece);
                        if self.provider.is_end_stream() {
                            return Stop::End;
                        }
                    }
                    Err(frame) => self.trailers = Some(frame),
                },
                Poll::Ready(Some(Err(error))) => return Stop::Broken(BrokenAnswer::Provider(error)),
                Poll::Ready(None) => return Stop::End,
                Poll::Pending => return Stop::Wait,
            }
            if gathered.len() >= GATHER_BYTES_MAX {
                return Stop::Full;
            }
        }
    }

    /// Takes what the provider sent. Returns what can be sent on now, `Ready(None)` when the state has changed.
    fn poll_provider(&mut self, context: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        let State::Passing(passing) = &self.state else { return Poll::Ready(None) };
        let passed = passing.bytes();
        let (stop, ready) = Gathered::gather(|gathered| self.gather(gathered, passed, context));
        self.ready = ready;
        let has_said_all = self.take_note();
        match stop {
            Stop::Broken(broken) => {
                self.broken = Some(broken);
                self.close(Ending::Broken);
            }
            Stop::End => self.close(Ending::Complete),
            Stop::Wait | Stop::Full if has_said_all => self.close(Ending::Complete),
            Stop::Wait | Stop::Full if self.ready.is_some() => return Poll::Ready(self.take_ready()),
            Stop::Wait | Stop::Full => {
                ready!(self.silence.as_mut().poll(context));
                self.broken = Some(BrokenAnswer::Silent(self.bounds.idle_timeout));
                self.close(Ending::Broken);
            }
        }
        Poll::Ready(None)
    }

    /// Takes note of what was gathered before it is sent on. Says whether nothing more will come.
    fn take_note(&mut self) -> bool {
        let State::Passing(passing) = &mut self.state else { return false };
        if let Some(ready) = &self.ready {
            passing.take(ready);
            self.remaining = self.remaining.map(|bytes| bytes.saturating_sub(ready.len() as u64));
            self.silence.as_mut().reset(Instant::now() + self.bounds.idle_timeout);
        }
        passing.is_complete() || self.remaining == Some(0)
    }

    fn close(&mut self, ending: Ending) {
        if let State::Passing(passing) = mem::replace(&mut self.state, State::Closed) {
            self.state = State::Closing(passing.close(ending));
        }
    }

    /// What is left once the record is written: the last piece, the trailers, whatever a provider sends after its end, and
    /// how it broke.
    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenAnswer>>> {
        if let Some(frame) = self.take_ready() {
            return Poll::Ready(Some(Ok(frame)));
        }
        if self.broken.is_none() {
            match ready!(self.poll_behind_last(context)) {
                Some(Err(broken)) => self.broken = Some(broken),
                other => return Poll::Ready(other),
            }
        }
        ready!(self.poll_sent(context));
        Poll::Ready(self.broken.take().map(Err))
    }

    /// Trailers, and what a provider sends after it has said everything.
    fn poll_behind_last(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenAnswer>>> {
        if let Some(frame) = self.trailers.take() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match Pin::new(&mut self.provider).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.rest_bytes += frame.data_ref().map_or(0, Bytes::len);
                let is_short = self.rest_bytes <= REST_BYTES_MAX;
                let frame = is_short.then_some(frame).ok_or(BrokenAnswer::TooLarge(REST_BYTES_MAX as u64));
                Poll::Ready(Some(frame))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(BrokenAnswer::Provider(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                ready!(self.silence.as_mut().poll(context));
                Poll::Ready(Some(Err(BrokenAnswer::Silent(self.bounds.idle_timeout))))
            }
        }
    }

    /// Pending once, in which hyper sends what it was given, as far as the caller's socket and window take it. When a body fails,
    /// hyper forgets what it has not sent: the head of the answer too, if all came at once.
    fn poll_sent(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if mem::replace(&mut self.could_be_sent, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Body for PassingBody {
    type Data = Bytes;
    type Error = BrokenAnswer;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenAnswer>>> {
        let body = &mut *self;
        loop {
            match &mut body.state {
                State::Passing(_) => {
                    if let Some(frame) = ready!(body.poll_provider(context)) {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                State::Closing(closing) => {
                    let written = ready!(closing.as_mut().poll(context));
                    body.state = State::Closed;
                    if let Err(error) = written {
                        body.ready = None;
                        // No pause to send in: of an answer without its record the caller gets no more.
                        body.could_be_sent = true;
                        body.broken = Some(BrokenAnswer::Audit(error));
                    }
                }
                State::Closed => return body.poll_rest(context),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // Never before the record is written, even of an empty body.
        matches!(self.state, State::Closed)
            && self.ready.is_none()
            && self.broken.is_none()
            && self.trailers.is_none()
            && self.provider.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.ready.as_ref().map_or(0, Bytes::len) as u64;
        match self.remaining {
            Some(bytes) => SizeHint::with_exact(bytes + held),
            None => SizeHint::default(),
        }
    }
}
