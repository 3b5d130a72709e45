//! Messages of a queue, pulled over HTTP.
//!
//! Source: the HTTP pull consumer of Cloudflare Queues. A pulled message is hidden for the visibility timeout and comes again
//! unless it is acknowledged; at-least-once, in any order.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{ApiError, Client};

/// Most messages that the API hands out at once.
pub const BATCH_MAX: u32 = 100;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it says.
    pub body: Vec<u8>,
    /// By which it is acknowledged.
    pub lease: String,
}

#[derive(Deserialize)]
struct Pulled {
    #[serde(default)]
    messages: Vec<Value>,
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
        Ok(pulled.messages.iter().filter_map(read).collect())
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
        self.post("acknowledge messages", &path, &body).await
    }
}

/// Reads one message by itself, so that an odd one does not take the others with it; without a lease it cannot be removed, and
/// comes again.
///
/// Bodies of the content types `json` and `bytes` are base64, those of `text` are not; what is not base64 is taken as it is.
fn read(message: &Value) -> Option<Message> {
    let lease = message["lease_id"].as_str()?.to_owned();
    let is_text = message["metadata"]["CF-Content-Type"] == "text";
    let body = match &message["body"] {
        Value::String(text) if is_text => text.clone().into_bytes(),
        Value::String(text) => STANDARD.decode(text).unwrap_or_else(|_| text.clone().into_bytes()),
        other => other.to_string().into_bytes(),
    };
    Some(Message { body, lease })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_reads_as_its_content_type_says() {
        let said = |body: Value, kind: Value| {
            let message = json!({ "id": "1", "body": body, "lease_id": "l", "metadata": kind, "attempts": 1 });
            read(&message).map(|message| String::from_utf8(message.body).unwrap())
        };
        let kind = |kind: &str| json!({ "CF-Content-Type": kind });
        assert_eq!(said(json!("e30="), kind("json")).as_deref(), Some("{}"));
        assert_eq!(said(json!("e30="), kind("bytes")).as_deref(), Some("{}"));
        assert_eq!(said(json!("e30="), json!(null)).as_deref(), Some("{}"));
        assert_eq!(said(json!("e30="), kind("text")).as_deref(), Some("e30="));
        assert_eq!(said(json!("{}"), kind("json")).as_deref(), Some("{}"));
        assert_eq!(said(json!({}), kind("json")).as_deref(), Some("{}"));
        assert_eq!(said(json!(null), json!([])).as_deref(), Some("null"));
        assert_eq!(read(&json!({ "body": "e30=" })), None);
        assert_eq!(read(&json!("odd")), None);
    }
}
