//! Queues: a message is hidden for a while after it was pulled, and comes again until it is acknowledged.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::jobs::Refusal;

const BATCH_DEFAULT: usize = 5;
const BATCH_MAX: usize = 100;
const VISIBILITY_DEFAULT_MS: u64 = 30_000;
/// Twelve hours.
const VISIBILITY_MAX_MS: u64 = 43_200_000;

#[derive(Debug, Default)]
pub(super) struct Queues {
    queues: HashMap<String, Vec<Message>>,
    last_lease: u64,
    failures: u32,
    failure_status: u16,
}

#[derive(Debug)]
struct Message {
    body: Vec<u8>,
    kind: &'static str,
    attempts: u32,
    lease: String,
    hidden_until: Option<Instant>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pull {
    batch_size: Option<usize>,
    visibility_timeout_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ack {
    #[serde(default)]
    acks: Vec<Lease>,
    #[serde(default)]
    retries: Vec<Lease>,
}

#[derive(Debug, Deserialize)]
struct Lease {
    lease_id: String,
}

impl Queues {
    pub(super) fn send(&mut self, queue: &str, body: Vec<u8>, kind: &'static str) {
        let message = Message { body, kind, attempts: 0, lease: String::new(), hidden_until: None };
        self.queues.entry(queue.to_owned()).or_default().push(message);
    }

    pub(super) fn backlog(&self, queue: &str) -> usize {
        self.queues.get(queue).map_or(0, Vec::len)
    }

    pub(super) fn expire(&mut self, queue: &str) {
        for message in self.queues.entry(queue.to_owned()).or_default() {
            message.hidden_until = None;
        }
    }

    pub(super) fn fail(&mut self, times: u32, status: u16) {
        (self.failures, self.failure_status) = (times, status);
    }

    pub(super) fn pull(&mut self, queue: &str, pull: &Pull) -> Result<Value, Refusal> {
        self.or_fail()?;
        let size = pull.batch_size.unwrap_or(BATCH_DEFAULT);
        let hidden_ms = pull.visibility_timeout_ms.unwrap_or(VISIBILITY_DEFAULT_MS);
        if !(1..=BATCH_MAX).contains(&size) || hidden_ms > VISIBILITY_MAX_MS {
            return Err((400, 10_026, "batch_size or visibility_timeout_ms out of bounds".to_owned()));
        }
        let now = Instant::now();
        let messages = self.queues.entry(queue.to_owned()).or_default();
        let visible = messages.iter_mut().filter(|message| message.hidden_until.is_none_or(|until| until <= now));
        let mut taken = Vec::new();
        for message in visible.take(size) {
            self.last_lease += 1;
            message.attempts += 1;
            message.lease = format!("lease-{}", self.last_lease);
            message.hidden_until = Some(now + Duration::from_millis(hidden_ms));
            taken.push(message.to_json());
        }
        Ok(json!({ "message_backlog_count": messages.len(), "messages": taken }))
    }

    pub(super) fn acknowledge(&mut self, queue: &str, ack: &Ack) -> Result<Value, Refusal> {
        self.or_fail()?;
        let messages = self.queues.entry(queue.to_owned()).or_default();
        // A lease that ran out removes nothing: the message has another by then, or will come again.
        let now = Instant::now();
        messages.retain(|message| {
            let is_held = message.hidden_until.is_some_and(|until| until > now);
            !(is_held && ack.acks.iter().any(|lease| lease.lease_id == message.lease))
        });
        for message in messages.iter_mut().filter(|one| ack.retries.iter().any(|lease| lease.lease_id == one.lease)) {
            message.hidden_until = None;
        }
        Ok(json!({ "ackCount": ack.acks.len(), "retryCount": ack.retries.len(), "warnings": [] }))
    }

    fn or_fail(&mut self) -> Result<(), Refusal> {
        if self.failures == 0 {
            return Ok(());
        }
        self.failures -= 1;
        Err((self.failure_status, 10_013, "a failure on demand".to_owned()))
    }
}

impl Message {
    fn to_json(&self) -> Value {
        let body = match self.kind {
            "text" => String::from_utf8_lossy(&self.body).into_owned(),
            _ => STANDARD.encode(&self.body),
        };
        json!({
            "id": self.lease, "body": body, "attempts": self.attempts, "lease_id": self.lease, "timestamp_ms": 1_790_000_000_000_u64,
            "metadata": { "CF-Content-Type": self.kind, "CF-sourceMessageSource": "r2" },
        })
    }
}
