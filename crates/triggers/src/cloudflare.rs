//! Notices from Cloudflare Queues.

use async_trait::async_trait;
use gatelog_cloudflare::Client;

use crate::{NoticeQueue, QueueError, Receipt, Received};

/// How long a message stays hidden: a listing and its record in the ledger take seconds.
const VISIBILITY_TIMEOUT_MS: u64 = 60_000;

/// A queue with an HTTP pull consumer.
#[derive(Debug)]
pub struct CloudflareQueue {
    client: Client,
    queue: String,
}

impl CloudflareQueue {
    /// `queue` is its id. The client's token reads and writes queues: an acknowledgement is a write.
    pub fn new(client: Client, queue: impl Into<String>) -> Self {
        Self { client, queue: queue.into() }
    }
}

#[async_trait]
impl NoticeQueue for CloudflareQueue {
    async fn receive(&self) -> Result<Received, QueueError> {
        let mut received = Received::default();
        for message in self.client.pull(&self.queue, VISIBILITY_TIMEOUT_MS).await? {
            received.add(Some(&message.body), message.lease);
        }
        Ok(received)
    }

    async fn acknowledge(&self, receipt: Receipt) -> Result<(), QueueError> {
        Ok(self.client.acknowledge(&self.queue, &receipt.0).await?)
    }
}
