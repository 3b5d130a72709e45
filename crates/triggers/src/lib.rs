//! Queues of event notifications: a bucket says that it got an object, so that the next listing need not be waited for.
//!
//! A notice is a hint and nothing more. It may be lost, late, repeated, about something else or made up; what there is, is
//! what a listing shows. So a notice only says where to list.

mod cloudflare;
mod notice;
mod sqs;

use async_trait::async_trait;
use gatelog_cloudflare::ApiError;

pub use cloudflare::CloudflareQueue;
pub use notice::{NotANotice, Notice, read};
pub use sqs::{SqsKeys, SqsOptions, SqsQueue};

/// A queue cannot be reached or does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Cloudflare Queues.
    #[error(transparent)]
    Cloudflare(#[from] ApiError),
    /// Amazon SQS.
    #[error("cannot {action} SQS queue `{queue}`: {problem}")]
    Sqs {
        /// What was being attempted.
        action: &'static str,
        /// The queue's URL.
        queue: String,
        /// What the service or the connection said.
        problem: String,
    },
}

/// What one look into a queue gave.
#[derive(Debug, Default)]
pub struct Received {
    /// What its messages say.
    pub notices: Vec<Notice>,
    /// Messages that say nothing about a new object, with the reason of each.
    pub others: Vec<NotANotice>,
    /// For all of these messages.
    pub receipt: Receipt,
}

/// By which messages are removed from their queue.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Receipt(Vec<String>);

impl Receipt {
    /// Whether there was no message.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Received {
    /// Adds what one message says; `None` for one without a body.
    fn add(&mut self, body: Option<&[u8]>, receipt: String) {
        match body.map_or(Err(NotANotice::Unreadable), read) {
            Ok(notices) => self.notices.extend(notices),
            Err(reason) => self.others.push(reason),
        }
        self.receipt.0.push(receipt);
    }
}

/// A queue of notices.
#[async_trait]
pub trait NoticeQueue: Send + Sync {
    /// Takes what there is, at most a hundred messages. May wait some seconds for the first. Messages come again unless they
    /// are [acknowledged](Self::acknowledge) within a minute or so.
    async fn receive(&self) -> Result<Received, QueueError>;

    /// Removes messages.
    async fn acknowledge(&self, receipt: Receipt) -> Result<(), QueueError>;
}
