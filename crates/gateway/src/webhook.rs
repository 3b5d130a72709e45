//! Posts alerts of budgets to a webhook, in Slack's format.
//!
//! # Retries
//!
//! An alert that cannot be posted goes back to its queue and is due again after a wait that doubles with every try. Several
//! gateways share the queue; each alert is claimed by one of them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use gatelog_budget::{AlertQueue, ClaimedAlert, HolderId};
use gatelog_runtime::{Shutdown, client_tls};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use tokio::time::timeout;

use crate::{
    metrics,
    upstream::{Upstream, UpstreamRequest},
};

/// How often the queue is looked at.
const INTERVAL: Duration = Duration::from_secs(5);
/// Alerts taken at once.
const CLAIM_MAX: u32 = 20;
/// How long a claim holds: all of them, each with its timeout.
const CLAIM_FOR: Duration = Duration::from_secs(300);
/// How long one post may take.
const POST_TIMEOUT: Duration = Duration::from_secs(10);
/// First wait after a failed post.
const RETRY_BASE: Duration = Duration::from_secs(10);
/// Longest wait.
const RETRY_CAP: Duration = Duration::from_secs(3_600);

/// Posts alerts until it is asked to stop.
pub struct Webhook {
    url: Uri,
    client: Upstream,
    queue: Arc<dyn AlertQueue>,
    holder: HolderId,
}

/// The webhook cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum BadWebhook {
    /// Not an address.
    #[error("the webhook is no http or https address")]
    Address,
    /// No HTTP client.
    #[error("cannot set up the HTTPS client: are there CA certificates on this machine?")]
    Client(#[source] std::io::Error),
}

impl Webhook {
    /// `url` is a secret: whoever has it can post.
    ///
    /// # Errors
    ///
    /// [`BadWebhook`].
    pub fn new(url: &str, queue: Arc<dyn AlertQueue>, holder: HolderId) -> Result<Self, BadWebhook> {
        let url: Uri = url.parse().map_err(|_| BadWebhook::Address)?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.authority().is_none() {
            return Err(BadWebhook::Address);
        }
        Ok(Self { url, client: Upstream::new(&client_tls().map_err(BadWebhook::Client)?), queue, holder })
    }

    /// Runs until shutdown.
    pub async fn run(self, shutdown: Shutdown) {
        tokio::spawn(self.client.sweeping());
        while shutdown.sleep(INTERVAL).await {
            self.post_due().await;
        }
    }

    /// Posts what is due now.
    pub async fn post_due(&self) {
        let due = match self.queue.claim_alerts(self.holder, CLAIM_MAX, CLAIM_FOR).await {
            Ok(due) => due,
            Err(error) => return tracing::warn!(%error, "cannot look for budget alerts"),
        };
        for claimed in due {
            let marked = match self.post(&claimed).await {
                Ok(()) => {
                    metrics::alert_posted(true);
                    tracing::info!(alert.id = %claimed.claim.id, budget = %claimed.alert.budget, "posted a budget alert");
                    self.queue.mark_posted(&claimed.claim).await
                }
                Err(problem) => {
                    metrics::alert_posted(false);
                    tracing::warn!(alert.id = %claimed.claim.id, problem, "cannot post a budget alert");
                    self.queue.mark_failed(&claimed.claim, wait_after(claimed.claim.attempt)).await
                }
            };
            if let Err(error) = marked {
                tracing::warn!(%error, alert.id = %claimed.claim.id, "cannot note what became of a budget alert");
            }
        }
    }

    async fn post(&self, claimed: &ClaimedAlert) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = serde_json::json!({ "text": claimed.alert.slack_text() }).to_string();
        let request = UpstreamRequest { method: Method::POST, uri: self.url.clone(), headers, body: Bytes::from(body) };
        match timeout(POST_TIMEOUT, self.client.send(request)).await {
            Ok(Ok(response)) if response.status().is_success() => Ok(()),
            Ok(Ok(response)) => Err(format!("it answered {}", response.status())),
            Ok(Err(error)) => Err(error.cause()),
            Err(_) => Err(format!("no answer within {POST_TIMEOUT:?}")),
        }
    }
}

fn wait_after(attempt: u32) -> Duration {
    RETRY_BASE.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(RETRY_CAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        let waits = [1, 2, 3, 30].map(|attempt| wait_after(attempt).as_secs());
        assert_eq!(waits, [10, 20, 40, 3_600]);
    }
}
