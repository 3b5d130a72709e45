//! Messages of a queue, pulled over HTTP.
//!
//! Source: the HTTP pull consumer of Cloudflare Queues. A pulled message is hidden for the visibility timeout and comes again
//! unless it is acknowledged; at-least-once, in any order.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use crate::{ApiError, Client};

/// Most messages that the API hands out at once.
pub const BATCH_MAX: u32 = 100;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it says; `None` if that is not the base64 that its content type promises.
    pub body: Option<Vec<u8>>,
    /// By which it is acknowledged.
    pub lease: String,
    /// When it was sent, milliseconds since 1970.
    pub sent_ms: Option<i64>,
}

#[derive(Deserialize)]
struct Pulled {
    #[serde(default)]
    messages: Vec<PulledMessage>,
}

#[derive(Deserialize)]
struct PulledMessage {
    #[serde(default)]
    body: String,
    lease_id: String,
    timestamp_ms: Option<i64>,
    #[serde(default)]
    metadata: serde_json::Map<String, serde_json::Value>,
}

impl Client {
    /// Takes up to [`BATCH_MAX`] messages, none if there are none: the API does not wait.
    ///
    /// # Errors
    ///
    /// [`ApiError`].
    pub async fn pull(&self, queue: &str, visibility_timeout_ms: u64) -> Result<Vec<Message>, ApiError> {
        let body = json!({ "batch_size": BATCH_MAX, "visibility_timeout_ms": visibility_timeout_ms });
        let path = format!("/queues/{queue}/messages/pull");
        let pulled: Pulled = self.send("pull from the queue", Method::POST, &path, &body).await?;
        Ok(pulled.messages.into_iter().map(PulledMessage::read).collect())
    }

    /// Removes messages that were pulled.
    ///
    /// # Errors
    ///
    /// [`ApiError`]; they come again then.
    pub async fn acknowledge(&self, queue: &str, leases: &[String]) -> Result<(), ApiError> {
        let acks: Vec<_> = leases.iter().map(|lease| json!({ "lease_id": lease })).collect();
        let path = format!("/queues/{queue}/messages/ack");
        let body = json!({ "acks": acks, "retries": [] });
        let _counts: serde_json::Value = self.send("acknowledge messages", Method::POST, &path, &body).await?;
        Ok(())
    }
}

impl PulledMessage {
    /// Bodies of the content types `json` and `bytes` are base64, those of `text` are not.
    fn read(self) -> Message {
        let kind = self.metadata.get("CF-Content-Type").and_then(serde_json::Value::as_str).unwrap_or("json");
        let body = match kind {
            "text" => Some(self.body.into_bytes()),
            _ => STANDARD.decode(self.body).ok(),
        };
        Message { body, lease: self.lease_id, sent_ms: self.timestamp_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_reads_as_its_content_type_says() {
        let message = |body: &str, kind: Option<&str>| {
            let metadata = kind.map_or_else(|| json!({}), |kind| json!({ "CF-Content-Type": kind }));
            let message = json!({ "id": "1", "body": body, "lease_id": "l", "metadata": metadata, "attempts": 1 });
            serde_json::from_value::<PulledMessage>(message).unwrap().read().body
        };
        assert_eq!(message("e30=", Some("json")).as_deref(), Some(&b"{}"[..]));
        assert_eq!(message("e30=", Some("bytes")).as_deref(), Some(&b"{}"[..]));
        assert_eq!(message("e30=", None).as_deref(), Some(&b"{}"[..]));
        assert_eq!(message("{}", Some("text")).as_deref(), Some(&b"{}"[..]));
        assert_eq!(message("{}", Some("json")), None);
    }
}
