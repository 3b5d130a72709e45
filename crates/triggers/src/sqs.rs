//! Notices from Amazon SQS.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::{
    Client,
    config::{Builder, Credentials, retry::RetryConfig, timeout::TimeoutConfig},
    error::DisplayErrorContext,
    types::DeleteMessageBatchRequestEntry,
};
use aws_smithy_http_client::Builder as HttpClientBuilder;

use crate::{NoticeQueue, QueueError, Receipt, Received};

/// Most messages that SQS hands out or deletes at once.
const BATCH_MAX: u8 = 10;
/// Longest wait that SQS allows for the first message, seconds.
const WAIT_SECONDS: i32 = 20;
/// How long a message stays hidden, seconds: a listing and its record in the ledger take seconds.
const VISIBILITY_TIMEOUT_SECONDS: i32 = 60;
/// The wait and some.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(30);
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// How to reach a queue.
#[derive(Debug, Clone)]
pub struct SqsOptions {
    /// `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`.
    pub queue_url: String,
    /// Its region.
    pub region: String,
    /// Another service that speaks SQS; AWS without.
    pub endpoint: Option<String>,
    /// Who signs; the machine's own credentials (profile, container, instance) without.
    pub keys: Option<SqsKeys>,
}

/// A key pair.
#[derive(Clone)]
pub struct SqsKeys {
    /// The key's id.
    pub id: String,
    /// The key.
    pub secret: String,
}

impl std::fmt::Debug for SqsKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqsKeys(redacted)")
    }
}

/// A queue of SQS.
#[derive(Debug)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// Sets the client up; nothing is asked yet.
    pub async fn connect(options: &SqsOptions) -> Self {
        let version = BehaviorVersion::v2026_01_12();
        let region = Region::new(options.region.clone());
        let builder = match &options.keys {
            Some(SqsKeys { id, secret }) => Builder::new()
                .behavior_version(version)
                .region(region)
                .credentials_provider(Credentials::new(id, secret, None, None, "gatelog")),
            None => Builder::from(&aws_config::defaults(version).region(region).load().await),
        };
        let limits =
            TimeoutConfig::builder().connect_timeout(CONNECT_LIMIT).operation_attempt_timeout(ATTEMPT_LIMIT).build();
        // Whoever follows the queue tries again.
        let mut builder = builder.timeout_config(limits).retry_config(RetryConfig::disabled());
        if let Some(endpoint) = &options.endpoint {
            builder = builder.endpoint_url(endpoint);
            if endpoint.starts_with("http://") {
                // A machine without CA certificates must do for a service on it.
                builder = builder.http_client(HttpClientBuilder::new().build_http());
            }
        }
        Self { client: Client::from_conf(builder.build()), url: options.queue_url.clone() }
    }

    fn error(&self, action: &'static str, error: &impl std::error::Error) -> QueueError {
        QueueError::Sqs { action, queue: self.url.clone(), problem: DisplayErrorContext(error).to_string() }
    }
}

#[async_trait]
impl NoticeQueue for SqsQueue {
    async fn receive(&self) -> Result<Received, QueueError> {
        let request = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(BATCH_MAX.into())
            .wait_time_seconds(WAIT_SECONDS)
            .visibility_timeout(VISIBILITY_TIMEOUT_SECONDS);
        let answer = request.send().await.map_err(|error| self.error("receive from", &error))?;
        let mut received = Received::default();
        for message in answer.messages.unwrap_or_default() {
            // Without a handle it cannot be removed; it comes again with one.
            if let Some(handle) = message.receipt_handle {
                received.add(message.body.as_deref().map(str::as_bytes), handle);
            }
        }
        Ok(received)
    }

    async fn acknowledge(&self, receipt: Receipt) -> Result<(), QueueError> {
        for handles in receipt.0.chunks(usize::from(BATCH_MAX)) {
            let mut request = self.client.delete_message_batch().queue_url(&self.url);
            for (number, handle) in handles.iter().enumerate() {
                let entry = DeleteMessageBatchRequestEntry::builder().id(number.to_string()).receipt_handle(handle);
                request = request.entries(entry.build().map_err(|error| self.error("delete from", &error))?);
            }
            // Those that it says it could not delete come again, which is all that can be done about them.
            request.send().await.map_err(|error| self.error("delete from", &error))?;
        }
        Ok(())
    }
}
