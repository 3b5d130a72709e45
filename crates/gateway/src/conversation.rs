//! What is the same for everything that one request of a caller leads to, and the record that each of it owes.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use gatelog_model::{TenantId, TimestampMicros, Tokens};
use gatelog_pricing::CustomCost;
use gatelog_spool::{Appending, Ticket};
use gatelog_traces::{AttemptSpan, RequestSpan};
use gatelog_usage::{OperationHint, operation_of};
use serde_json::value::RawValue;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{gateway::Shared, logged::LoggedBody, metrics, plan::Step, record::AuditRecord, spans, upstream::Upstream};

/// nginx's number for a caller that hung up; ingest knows it too.
pub(crate) const STATUS_CLIENT_CLOSED: u16 = 499;
/// What a record says when the gateway itself failed.
const STATUS_FAULT: u16 = 500;

/// What of a request is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collect {
    /// Everything.
    Whole,
    /// That it happened, without its texts.
    WithoutBodies,
    /// Nothing.
    Nothing,
}

/// One request of one caller.
pub(crate) struct Conversation {
    pub(crate) shared: Arc<Shared>,
    pub(crate) upstream: Upstream,
    /// The gateway's id, from the path.
    pub(crate) gateway: String,
    pub(crate) tenant: TenantId,
    pub(crate) metadata: Option<Box<RawValue>>,
    pub(crate) custom_cost: Option<(CustomCost, Box<RawValue>)>,
    pub(crate) event_id: String,
    pub(crate) request_id: Uuid,
    pub(crate) collect: Collect,
    pub(crate) arrived: Instant,
    /// The right to put records into the spool.
    pub(crate) ticket: Ticket,
    pub(crate) span: RequestSpan,
}

/// How a record is closed.
#[derive(Debug, Default)]
pub(crate) struct Closing<'a> {
    pub(crate) status: u16,
    pub(crate) ttft: Option<Duration>,
    /// The model that answered.
    pub(crate) model: Option<&'a str>,
    pub(crate) tokens: Tokens,
    pub(crate) cached: bool,
    pub(crate) rate_limited: bool,
    /// The answer is a stream of events.
    pub(crate) streamed: bool,
    pub(crate) response: Option<LoggedBody<'a>>,
}

/// A record that is owed: for one try at a provider, one answer out of the cache, one refusal.
///
/// However it is dropped, it is written: unclosed as of a caller that hung up, or as a fault if the gateway panics.
pub(crate) struct OpenRecord {
    conversation: Arc<Conversation>,
    step: Arc<Step>,
    attempt: Option<u32>,
    log_id: Uuid,
    at: TimestampMicros,
    started: Instant,
    is_owed: bool,
    span: AttemptSpan,
}

impl OpenRecord {
    /// Opens the record of try number `attempt`, or of something that needed none.
    pub(crate) fn new(conversation: Arc<Conversation>, step: Arc<Step>, attempt: Option<u32>, log_id: Uuid) -> Self {
        let at = conversation.shared.clock.now();
        let is_owed = conversation.collect != Collect::Nothing;
        let span = spans::open(&conversation, &step, attempt, log_id);
        Self { conversation, step, attempt, log_id, at, started: Instant::now(), is_owed, span }
    }

    pub(crate) fn span(&self) -> &AttemptSpan {
        &self.span
    }

    pub(crate) fn conversation(&self) -> &Arc<Conversation> {
        &self.conversation
    }

    pub(crate) fn step(&self) -> &Step {
        &self.step
    }

    /// What the request asked for.
    pub(crate) fn operation(&self) -> OperationHint {
        operation_of(&self.step.endpoint)
    }

    /// Whether it is to have the texts.
    pub(crate) fn has_bodies(&self) -> bool {
        self.conversation.collect == Collect::Whole
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Closes the record: it is queued for the spool when this returns, and written when the future resolves.
    pub(crate) fn close(mut self, closing: &Closing<'_>) -> Option<Appending> {
        let line = self.line(closing)?;
        Some(self.conversation.ticket.append(self.at, line))
    }

    /// Closes the record where nobody can wait for it.
    pub(crate) fn close_detached(mut self, closing: &Closing<'_>) {
        self.write_detached(closing);
    }

    fn write_detached(&mut self, closing: &Closing<'_>) {
        let Some(line) = self.line(closing) else { return };
        if let Err(error) = self.conversation.ticket.append_detached(self.at, line) {
            tracing::error!(%error, log.id = %self.log_id, "lost an audit record");
        }
    }

    /// The line, once.
    fn line(&mut self, closing: &Closing<'_>) -> Option<Vec<u8>> {
        spans::close(&self.span, closing);
        if !std::mem::take(&mut self.is_owed) {
            return None;
        }
        let shared = &self.conversation.shared;
        let sealed = shared.sealers.as_ref().map(gatelog_spool::SealerPool::take_in_place).transpose();
        let line = sealed.map_err(Into::into).and_then(|sealer| self.record(closing).to_line(sealer.as_ref()));
        line.inspect_err(|error| {
            metrics::record_lost();
            tracing::error!(%error, log.id = %self.log_id, "lost an audit record");
        })
        .ok()
    }

    fn record<'a>(&'a self, closing: &'a Closing<'a>) -> AuditRecord<'a> {
        let (conversation, step) = (&*self.conversation, &*self.step);
        let request = || LoggedBody::of(&step.body, conversation.shared.options.log_body_bytes_max);
        AuditRecord {
            at: self.at,
            log_id: self.log_id,
            event_id: &conversation.event_id,
            gateway: &conversation.gateway,
            provider: &step.target.provider,
            endpoint: &step.endpoint,
            deployment: step.deployment.as_deref(),
            region: step.target.region.as_deref(),
            model: closing.model.or(step.facts.model.as_deref()),
            metadata: conversation.metadata.clone(),
            custom_cost: conversation.custom_cost.as_ref().map(|(_, json)| json.clone()),
            step: step.number,
            attempt: self.attempt,
            status: closing.status,
            cached: closing.cached,
            rate_limited: closing.rate_limited,
            streamed: closing.streamed,
            duration_ms: millis(self.started.elapsed()),
            ttft_ms: closing.ttft.map(millis),
            tokens: closing.tokens,
            request: self.has_bodies().then(request),
            response: closing.response.as_ref().filter(|_| self.has_bodies()),
        }
    }
}

impl Drop for OpenRecord {
    fn drop(&mut self) {
        if self.is_owed {
            let status = if std::thread::panicking() { STATUS_FAULT } else { STATUS_CLIENT_CLOSED };
            self.write_detached(&Closing { status, ..Closing::default() });
        }
    }
}

/// Whole milliseconds, as far as the record's field goes: 24 days.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX).min(i32::MAX.unsigned_abs())
}

/// A guess of the bytes that the records of a request will take in the spool.
pub(crate) fn expected_record_bytes(request: &Bytes) -> u64 {
    (request.len() as u64).saturating_mul(4) / 3 + 16 * 1024
}
