//! One bucket: listing and reading.

use std::{ops::Range, sync::Arc};

use aws_sdk_s3::{
    Client,
    operation::{get_object::GetObjectOutput, list_objects_v2::ListObjectsV2Output},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::{Counters, ErrorKind, ObjectBody, ObjectError, Operation, RetryPolicy, StoreOptions, client};

/// Most keys of a page; no store gives more.
pub const PAGE_KEYS_MAX: i32 = 1_000;

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its whole key.
    pub key: String,
    /// The store's opaque version tag, quotes removed.
    pub etag: String,
    /// Its size.
    pub size_bytes: u64,
    /// When it was written, if the store says so.
    pub last_modified: Option<DateTime<Utc>>,
}

/// Part of a listing, in byte order of the keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListPage {
    /// At most [`PAGE_KEYS_MAX`] objects.
    pub objects: Vec<ListedObject>,
    /// What to ask the next page with; `None` on the last.
    pub next: Option<String>,
}

/// An object's headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The store's opaque version tag, quotes removed.
    pub etag: String,
    /// Its size.
    pub size_bytes: u64,
    /// When it was written, if the store says so.
    pub last_modified: Option<DateTime<Utc>>,
}

/// A bucket; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) options: Arc<StoreOptions>,
    pub(crate) counters: Arc<Counters>,
}

impl Store {
    /// Prepares the client; the first request is what finds out whether the bucket can be reached.
    pub async fn connect(options: StoreOptions) -> Self {
        let client = client::connect(&options).await;
        Self { client, options: Arc::new(options), counters: Arc::default() }
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.options.bucket
    }

    /// What this store and its clones have done.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The policy of every method here, for callers that retry what spans several.
    pub fn retry(&self) -> &RetryPolicy {
        &self.options.retry
    }

    /// Lists keys that start with `prefix`, from the one after `start_after`, or from where a page ended.
    ///
    /// # Errors
    ///
    /// [`ObjectError`] with the prefix as key.
    pub async fn list_page(
        &self,
        prefix: &str,
        start_after: Option<&str>,
        continuation: Option<&str>,
    ) -> Result<ListPage, ObjectError> {
        let attempt = || async {
            let request = self.client.list_objects_v2().bucket(self.bucket()).prefix(prefix).max_keys(PAGE_KEYS_MAX);
            let request = request.set_start_after(start_after.map(str::to_owned));
            let answer = request.set_continuation_token(continuation.map(str::to_owned)).send().await;
            let page = answer.map_err(|error| ObjectError::from_sdk(Operation::List, prefix, error))?;
            read_page(prefix, page)
        };
        self.run(Operation::List, attempt).await
    }

    /// Asks for an object; its body is read from what comes back.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PreconditionFailed`] unless the object is at the etag `if_match`, whether the store looks at it or
    /// not; [`ErrorKind::NotFound`]; any other kind.
    pub async fn get(&self, key: &str, if_match: Option<&str>) -> Result<ObjectBody, ObjectError> {
        self.run(Operation::Get, || self.get_once(key, if_match)).await
    }

    /// Reads an object of at most `limit_bytes` into memory.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] above the limit; else as [`Store::get`]. A body that breaks off is asked for again.
    pub async fn get_bytes(&self, key: &str, limit_bytes: u64) -> Result<Bytes, ObjectError> {
        let attempt = || async { self.get_once(key, None).await?.collect(limit_bytes).await };
        self.run(Operation::Get, attempt).await
    }

    /// Reads the bytes `[range.start, range.end)` of an object.
    ///
    /// Shape: the answer has exactly the length of the range, which must not be empty nor reach beyond the object.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for an empty range or one the object does not have; else as [`Store::get`].
    pub async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, ObjectError> {
        let wanted_bytes = range.end.saturating_sub(range.start);
        if wanted_bytes == 0 {
            return Err(ObjectError::new(Operation::Get, key, ErrorKind::Invalid).because("the range is empty"));
        }
        let header = format!("bytes={}-{}", range.start, range.end - 1);
        let attempt = || async {
            let answer = self.client.get_object().bucket(self.bucket()).key(key).range(&header).send().await;
            let answer = answer.map_err(|error| ObjectError::from_sdk(Operation::Get, key, error))?;
            let body = self.read_answer(key, answer)?;
            if body.size_bytes != wanted_bytes {
                let text = format!("{} bytes answer `{header}`", body.size_bytes);
                return Err(ObjectError::new(Operation::Get, key, ErrorKind::Invalid).because(text));
            }
            body.collect(wanted_bytes).await
        };
        self.run(Operation::Get, attempt).await
    }

    /// Reads an object's headers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] or any other kind.
    pub async fn head(&self, key: &str) -> Result<ObjectMeta, ObjectError> {
        let attempt = || async {
            let answer = self.client.head_object().bucket(self.bucket()).key(key).send().await;
            let answer = answer.map_err(|error| ObjectError::from_sdk(Operation::Head, key, error))?;
            let size_bytes = answer.content_length().and_then(|length| u64::try_from(length).ok());
            match (answer.e_tag(), size_bytes) {
                (Some(etag), Some(size_bytes)) => {
                    let last_modified = answer.last_modified().and_then(to_chrono);
                    Ok(ObjectMeta { etag: strip_quotes(etag), size_bytes, last_modified })
                }
                _ => Err(lacks(Operation::Head, key)),
            }
        };
        self.run(Operation::Head, attempt).await
    }

    /// Retries an attempt and counts.
    pub(crate) async fn run<T, F>(&self, operation: Operation, mut attempt: impl FnMut() -> F) -> Result<T, ObjectError>
    where
        F: Future<Output = Result<T, ObjectError>>,
    {
        let counted = || {
            self.counters.request(operation);
            let answer = attempt();
            async { answer.await.inspect_err(|_| self.counters.failure()) }
        };
        self.options.retry.run(counted).await
    }

    async fn get_once(&self, key: &str, if_match: Option<&str>) -> Result<ObjectBody, ObjectError> {
        let request = self.client.get_object().bucket(self.bucket()).key(key);
        let answer = request.set_if_match(if_match.map(|etag| format!("\"{etag}\""))).send().await;
        let answer = answer.map_err(|error| ObjectError::from_sdk(Operation::Get, key, error))?;
        let body = self.read_answer(key, answer)?;
        match if_match {
            Some(wanted) if wanted != body.etag => {
                let text = format!("etag is `{}`, not `{wanted}`", body.etag);
                Err(ObjectError::new(Operation::Get, key, ErrorKind::PreconditionFailed).because(text))
            }
            _ => Ok(body),
        }
    }

    /// Without a length, a body that is cut short could not be told from a whole one.
    fn read_answer(&self, key: &str, answer: GetObjectOutput) -> Result<ObjectBody, ObjectError> {
        let size_bytes = answer.content_length().and_then(|length| u64::try_from(length).ok());
        let etag = answer.e_tag().map(strip_quotes);
        match (etag, size_bytes) {
            (Some(etag), Some(size_bytes)) => {
                Ok(ObjectBody::new(key, etag, size_bytes, answer.body, Arc::clone(&self.counters)))
            }
            _ => Err(lacks(Operation::Get, key)),
        }
    }
}

/// Removes the quotes (and the weakness mark) that an etag wears in headers and listings.
pub(crate) fn strip_quotes(etag: &str) -> String {
    etag.trim_start_matches("W/").trim_matches('"').to_owned()
}

fn lacks(operation: Operation, key: &str) -> ObjectError {
    ObjectError::new(operation, key, ErrorKind::Broken).because("the answer lacks an etag, a length or a key")
}

fn read_page(prefix: &str, page: ListObjectsV2Output) -> Result<ListPage, ObjectError> {
    let next = page.next_continuation_token;
    if page.is_truncated == Some(true) && next.is_none() {
        // Taking this for the last page would miss objects without a trace.
        let text = "the page says that there is more and not where";
        return Err(ObjectError::new(Operation::List, prefix, ErrorKind::Broken).because(text));
    }
    let read = |object: aws_sdk_s3::types::Object| {
        let last_modified = object.last_modified.as_ref().and_then(to_chrono);
        let etag = strip_quotes(&object.e_tag?);
        let size_bytes = u64::try_from(object.size?).ok()?;
        Some(ListedObject { key: object.key?, etag, size_bytes, last_modified })
    };
    let objects: Option<Vec<_>> = page.contents.unwrap_or_default().into_iter().map(read).collect();
    Ok(ListPage { objects: objects.ok_or_else(|| lacks(Operation::List, prefix))?, next })
}

fn to_chrono(at: &aws_smithy_types::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.secs(), at.subsec_nanos())
}
