//! Tries the steps of a request until one answers.
//!
//! # Retries
//!
//! Only before the first byte of an answer. A step is tried again after a failed connection, 408, 429 and 5xx, as often as the
//! request allows, within its deadline and the retry budget of the process. The provider's own word on when to come back goes
//! before the computed wait; one that asks for longer than the cap is not asked again. The next step comes after a failed
//! connection, a timeout, 408 and 5xx.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use gatelog_model::TimestampMicros;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use crate::{
    bill::Bill,
    conversation::{Closing, Conversation, OpenRecord},
    error_body::GatewayError,
    logged::LoggedBody,
    metrics,
    plan::Step,
    retry::{asked_wait, is_fallback, is_retryable},
    upstream::{UpstreamBody, UpstreamError, UpstreamRequest},
};

/// What is read of an answer that is not passed on; errors are short.
const DRAINED_BYTES_MAX: usize = 256 * 1024;
/// How long reading it may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// What came of all tries.
pub(crate) enum Forwarded {
    /// A provider answered, well or not.
    Answer(Box<Answered>),
    /// None did; the records are closed.
    Failed { error: GatewayError, made: Made },
}

/// A provider's answer, its body still to come.
pub(crate) struct Answered {
    pub(crate) response: Response<UpstreamBody>,
    pub(crate) record: OpenRecord,
    pub(crate) made: Made,
}

/// The tries so far.
#[derive(Clone)]
pub(crate) struct Made {
    /// The step of the last one.
    pub(crate) step: Arc<Step>,
    /// Tries of all steps.
    pub(crate) attempts: u32,
    /// The record of the last one.
    pub(crate) log_id: Uuid,
    /// Time spent waiting for providers and between tries.
    pub(crate) upstream: Duration,
}

/// What to do after one try.
enum Next {
    Answer(Box<(Response<UpstreamBody>, OpenRecord)>),
    Again(Duration),
    Elsewhere(GatewayError),
    GiveUp(GatewayError),
}

/// Forwards a request along its steps, of which there is at least one.
pub(crate) async fn forward(conversation: &Arc<Conversation>, steps: &[Arc<Step>], bill: &mut Bill) -> Forwarded {
    let shared = &conversation.shared;
    shared.retry_budget.deposit();
    let mut forwarding = Forwarding {
        conversation,
        bill,
        deadline: conversation.arrived + shared.options.deadline,
        made: Made {
            step: Arc::clone(&steps[0]),
            attempts: 0,
            log_id: conversation.request_id,
            upstream: Duration::ZERO,
        },
    };
    let mut failure = GatewayError::upstream_unreachable();
    for (index, step) in steps.iter().enumerate() {
        let has_next = index + 1 < steps.len();
        if has_next && step.target.breaker.is_open() {
            metrics::passed_over(&step.target);
            continue;
        }
        match forwarding.try_step(step, has_next).await {
            Next::Answer(answer) => {
                let ((response, record), made) = (*answer, forwarding.made);
                return Forwarded::Answer(Box::new(Answered { response, record, made }));
            }
            Next::Elsewhere(error) => failure = error,
            Next::GiveUp(error) => {
                failure = error;
                break;
            }
            Next::Again(_) => unreachable!("a step ends its own retries"),
        }
    }
    Forwarded::Failed { error: failure, made: forwarding.made }
}

struct Forwarding<'a> {
    conversation: &'a Arc<Conversation>,
    bill: &'a mut Bill,
    deadline: Instant,
    made: Made,
}

impl Forwarding<'_> {
    /// Tries one step as often as it may be.
    async fn try_step(&mut self, step: &Arc<Step>, has_next: bool) -> Next {
        let mut attempt = 1;
        loop {
            match self.try_once(step, attempt, has_next).await {
                Next::Again(wait) => {
                    let started = Instant::now();
                    tokio::time::sleep(wait).await;
                    self.made.upstream += started.elapsed();
                    attempt += 1;
                }
                next => return next,
            }
        }
    }

    async fn try_once(&mut self, step: &Arc<Step>, attempt: u32, has_next: bool) -> Next {
        let log_id = if self.made.attempts == 0 { self.conversation.request_id } else { Uuid::now_v7() };
        self.made.attempts += 1;
        self.made.step = Arc::clone(step);
        self.made.log_id = log_id;
        let record = OpenRecord::new(Arc::clone(self.conversation), Arc::clone(step), Some(attempt), log_id);
        let started = Instant::now();
        let sent = self.send(step, &record).await;
        self.made.upstream += started.elapsed();
        match sent {
            Sent::Answered(response) => self.judge(step, attempt, has_next, response, record).await,
            Sent::TimedOut => {
                self.bill.unheard();
                self.failed(step, record, StatusCode::GATEWAY_TIMEOUT);
                match (has_next, Instant::now() < self.deadline) {
                    (_, false) => Next::GiveUp(GatewayError::upstream_timeout()),
                    (_, true) if self.may_retry(step, attempt, Duration::ZERO) => Next::Again(Duration::ZERO),
                    _ => Next::Elsewhere(GatewayError::upstream_timeout()),
                }
            }
            Sent::Unreachable(error) => {
                tracing::warn!(target = ?step.target.name, cause = error.cause(), "{error}");
                self.failed(step, record, StatusCode::BAD_GATEWAY);
                match error {
                    UpstreamError::Connect(_) | UpstreamError::Request => self.bill.refused(),
                    UpstreamError::Broken(_) => self.bill.unheard(),
                }
                let wait = step.retry.wait_after(attempt);
                if self.may_retry(step, attempt, wait) {
                    Next::Again(wait)
                } else {
                    Next::Elsewhere(GatewayError::upstream_unreachable())
                }
            }
        }
    }

    async fn send(&mut self, step: &Arc<Step>, record: &OpenRecord) -> Sent {
        let Ok(uri) = step.target.uri(&step.path) else {
            return Sent::Unreachable(UpstreamError::Request);
        };
        let mut headers = step.headers.clone();
        record.span().inject(&mut headers);
        let request = UpstreamRequest { method: step.method.clone(), uri, headers, body: step.body.clone() };
        self.bill.called(step);
        let until = step.timeout.map_or(self.deadline, |limit| self.deadline.min(Instant::now() + limit));
        match timeout_at(until, self.conversation.upstream.send(request)).await {
            Ok(Ok(response)) => Sent::Answered(response),
            Ok(Err(error)) => Sent::Unreachable(error),
            Err(_) => Sent::TimedOut,
        }
    }

    /// Passes an answer on, unless it is a failure and there is something left to try.
    async fn judge(
        &mut self,
        step: &Arc<Step>,
        attempt: u32,
        has_next: bool,
        response: Response<UpstreamBody>,
        record: OpenRecord,
    ) -> Next {
        let status = response.status();
        metrics::attempt(&step.target, status);
        if is_fallback(status) {
            step.target.breaker.failed()
        } else {
            step.target.breaker.succeeded()
        }
        let now = self.conversation.shared.clock.now();
        let next =
            if is_retryable(status) { self.after_failure(step, attempt, has_next, &response, now) } else { None };
        match next {
            Some(next) => {
                self.bill.refused();
                self.drain(response, record).await;
                next
            }
            None => Next::Answer(Box::new((response, record))),
        }
    }

    /// What else can be tried after this answer; `None` passes it on.
    fn after_failure(
        &self,
        step: &Step,
        attempt: u32,
        has_next: bool,
        response: &Response<UpstreamBody>,
        now: TimestampMicros,
    ) -> Option<Next> {
        let wait = asked_wait(response.headers(), now).unwrap_or_else(|| step.retry.wait_after(attempt));
        if self.may_retry(step, attempt, wait) {
            return Some(Next::Again(wait));
        }
        (has_next && is_fallback(response.status())).then(|| Next::Elsewhere(GatewayError::upstream_unreachable()))
    }

    /// Whether there may be another try after `wait`; takes it out of the retry budget if so.
    fn may_retry(&self, step: &Step, attempt: u32, wait: Duration) -> bool {
        let shared = &self.conversation.shared;
        let is_in_time = wait <= shared.options.retry_wait_max && Instant::now() + wait < self.deadline;
        if attempt >= step.retry.max_attempts || !is_in_time {
            return false;
        }
        let is_granted = shared.retry_budget.withdraw();
        if !is_granted {
            metrics::retry_denied();
        }
        is_granted
    }

    /// Closes the record of a try that had no answer.
    fn failed(&self, step: &Step, record: OpenRecord, status: StatusCode) {
        metrics::attempt(&step.target, status);
        step.target.breaker.failed();
        record.close_detached(&Closing { status: status.as_u16(), ..Closing::default() });
    }

    /// Reads an answer that is not passed on, for its record.
    async fn drain(&self, response: Response<UpstreamBody>, record: OpenRecord) {
        let status = response.status().as_u16();
        let ttft = Some(record.started().elapsed());
        let read = timeout(DRAIN_TIMEOUT, Limited::new(response.into_body(), DRAINED_BYTES_MAX).collect()).await;
        let body = read.ok().and_then(Result::ok).map_or_else(Bytes::new, |body| body.to_bytes());
        let response = Some(LoggedBody::of(&body, self.conversation.shared.options.log_body_bytes_max));
        record.close_detached(&Closing { status, ttft, response, ..Closing::default() });
    }
}

/// What came of sending a request.
enum Sent {
    Answered(Response<UpstreamBody>),
    TimedOut,
    Unreachable(UpstreamError),
}
