//! What is gathered while an answer passes, and what is settled once it is over: record, budget, cache.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use gatelog_spool::AppendError;
use gatelog_usage::{ResponseFacts, StreamTap, read_response};
use http::{HeaderMap, StatusCode, header};

use crate::{
    bill::{Bill, Spent},
    cache::{Lead, StoredAnswer},
    capture::{Capture, Captured, Pace},
    conversation::{Closing, OpenRecord, STATUS_CLIENT_CLOSED},
    gateway::GatewayOptions,
    headers::is_event_stream,
    logged::LoggedBody,
    metrics,
};

/// Most bytes of an answer that are kept to read its usage from; embeddings of a full batch have about 12 MB.
const FACTS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long an answer may take, from its first byte, before what comes of it is packed. Most are over by then
/// and never pay for it; those that are not decide how much memory many open streams take.
const QUICK_MAX: Duration = Duration::from_secs(2);
/// What an answer that was cut is recorded as, where nothing in its text says so.
const STATUS_BROKEN: u16 = 502;

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It said everything.
    Complete,
    /// The provider broke off.
    Broken,
    /// The caller hung up.
    Cancelled,
}

/// The place of the answer in the cache.
pub(crate) struct CacheFill {
    pub(crate) lead: Lead,
    pub(crate) ttl: Duration,
    /// Of the answer, in memory of their own.
    pub(crate) headers: HeaderMap,
}

/// An answer that passes.
pub(crate) struct Passing {
    record: Option<OpenRecord>,
    bill: Option<Bill>,
    fill: Option<CacheFill>,
    status: StatusCode,
    capture: Capture,
    tap: Option<StreamTap>,
    ttft: Option<Duration>,
}

/// Resolves when the record is in the spool.
pub(crate) type Settled = Pin<Box<dyn Future<Output = Result<(), AppendError>> + Send>>;

impl Passing {
    /// `headers` are those of the provider's answer.
    pub(crate) fn new(
        record: OpenRecord,
        bill: Bill,
        fill: Option<CacheFill>,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Self {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        Self {
            tap: is_event_stream(headers).then(|| StreamTap::new(record.operation())),
            capture: Capture::new(FACTS_BYTES_MAX, length.unwrap_or(0)),
            record: Some(record),
            bill: Some(bill),
            fill,
            status,
            ttft: None,
        }
    }

    /// Takes a piece that passes.
    pub(crate) fn take(&mut self, piece: &[u8]) {
        let elapsed = self.record.as_ref().map(|record| record.started().elapsed());
        self.ttft = self.ttft.or(elapsed);
        if let Some(tap) = &mut self.tap {
            tap.push(piece);
        }
        let is_slow = elapsed.zip(self.ttft).is_some_and(|(elapsed, ttft)| elapsed - ttft > QUICK_MAX);
        self.capture.push(piece, if is_slow { Pace::Slow } else { Pace::Quick });
    }

    /// Bytes that passed so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.capture.bytes()
    }

    /// Whether the answer has said that it is over.
    pub(crate) fn is_complete(&self) -> bool {
        self.tap.as_ref().is_some_and(StreamTap::is_complete)
    }

    /// Settles everything. The record is queued when this returns; the future resolves when it is written.
    pub(crate) fn close(mut self, ending: Ending) -> Settled {
        let Some((record, closed)) = self.settle(ending) else { return Box::pin(std::future::ready(Ok(()))) };
        let shared = Arc::clone(&record.conversation().shared);
        let stored = self.stored(&closed, ending, &record);
        let strict = shared.options.strict_audit;
        let closing = closed.closing(&record, &shared.options);
        let appending = record.close(&closing);
        Box::pin(async move {
            if let Some((fill, answer)) = stored {
                shared.cache.put(fill.lead.key(), Arc::clone(&answer)).await;
                fill.lead.land(answer);
            }
            let Some(appending) = appending else { return Ok(()) };
            let written = appending.await;
            if let Err(error) = &written {
                metrics::record_lost();
                tracing::error!(%error, "an audit record was not written");
            }
            if strict { written } else { Ok(()) }
        })
    }

    /// Reads the facts and settles the bill; `None` if that was done before.
    fn settle(&mut self, ending: Ending) -> Option<(OpenRecord, Closed)> {
        let record = self.record.take()?;
        let body = std::mem::take(&mut self.capture).finish();
        let facts = match self.tap.take() {
            Some(tap) => tap.finish(),
            None => read_response(std::str::from_utf8(body.kept()).unwrap_or_default(), record.operation()),
        };
        if let Some(mut bill) = self.bill.take() {
            // A provider that refuses uses nothing, unless it says so.
            if ending == Ending::Complete && !self.status.is_success() && facts.tokens.is_empty() {
                bill.refused();
            }
            bill.settle(&Spent {
                tokens: &facts.tokens,
                model: facts.model.as_deref(),
                response_bytes: body.bytes(),
                is_stream: facts.streamed,
            });
        }
        let status = match ending {
            Ending::Cancelled => STATUS_CLIENT_CLOSED,
            // A stream that was cut shows it: its end is missing.
            Ending::Broken if !facts.streamed => STATUS_BROKEN,
            Ending::Complete | Ending::Broken => self.status.as_u16(),
        };
        metrics::answered(&record, ending, self.status, &facts);
        Some((record, Closed { facts, body, status, ttft: self.ttft }))
    }

    /// The answer for the cache, if it is whole and good.
    fn stored(
        &mut self,
        closed: &Closed,
        ending: Ending,
        record: &OpenRecord,
    ) -> Option<(CacheFill, Arc<StoredAnswer>)> {
        let mut fill = self.fill.take()?;
        let facts = &closed.facts;
        let is_whole = ending == Ending::Complete && facts.complete && facts.error.is_none();
        let body = closed.body.whole().filter(|_| is_whole && self.status == StatusCode::OK)?;
        let answer = StoredAnswer {
            status: self.status,
            headers: std::mem::take(&mut fill.headers),
            body,
            facts: facts.clone(),
            provider: record.step().target.name.to_str().unwrap_or_default().to_owned(),
            ttl: fill.ttl,
        };
        Some((fill, Arc::new(answer)))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if let Some((record, closed)) = self.settle(Ending::Cancelled) {
            let shared = Arc::clone(&record.conversation().shared);
            let closing = closed.closing(&record, &shared.options);
            record.close_detached(&closing);
        }
    }
}

/// What is known of an answer that is over.
struct Closed {
    facts: ResponseFacts,
    body: Captured,
    status: u16,
    ttft: Option<Duration>,
}

impl Closed {
    fn closing(&self, record: &OpenRecord, options: &GatewayOptions) -> Closing<'_> {
        let assembled = |body: Bytes| LoggedBody::assembled(&body, &self.facts, record.operation(), options);
        let as_sent = || self.body.logged(options.log_body_bytes_max);
        let response = || self.body.whole().and_then(assembled).unwrap_or_else(as_sent);
        Closing {
            status: self.status,
            ttft: self.ttft,
            model: self.facts.model.as_deref(),
            tokens: self.facts.tokens,
            streamed: self.facts.streamed,
            response: record.has_bodies().then(response),
            ..Closing::default()
        }
    }
}
