//! Objects in a bucket of S3, R2 or anything that speaks like them; the only user of the AWS SDK.
//!
//! # Retries
//!
//! The SDK's own are off. Every method of [`Store`] that answers at once is retried here by its [`RetryPolicy`]; reading
//! a body is not, because only the caller knows what it has done with the first half. Dropping a future stops its
//! retries.
//!
//! # What is checked
//!
//! A GET with an expected etag fails unless the answer carries that etag, whatever the server thinks of `If-Match`. A
//! body that ends early, runs over or comes without a length is an error. A PUT sends a checksum that the server
//! verifies.

mod body;
mod client;
mod counters;
mod error;
mod options;
mod retry;
mod store;
mod write;

pub use body::ObjectBody;
pub use counters::{CounterValues, Counters};
pub use error::{ErrorKind, ObjectError, Operation};
pub use options::{Checksums, Credentials, Secret, StoreOptions, Timeouts};
pub use retry::{BadRetryPolicy, RetryPolicy};
pub use store::{ListPage, ListedObject, ObjectMeta, PAGE_KEYS_MAX, Store};
pub use write::PutOutcome;
