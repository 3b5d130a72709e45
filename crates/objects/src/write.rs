//! One bucket: writing and removing.

use aws_sdk_s3::{
    config::{Builder, timeout::TimeoutConfig},
    operation::put_object::PutObjectOutput,
    primitives::ByteStream,
};
use bytes::Bytes;

use crate::{ErrorKind, ObjectError, Operation, Store, store::strip_quotes};

/// What a conditional write found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// The object is new and ours.
    Created {
        /// Its etag, quotes removed.
        etag: String,
    },
    /// There was one. Perhaps our own: an attempt whose answer was lost counts as somebody else's here.
    Exists,
}

impl Store {
    /// Writes an object, whatever was there.
    ///
    /// Returns its etag. The request is signed over the SHA-256 of the bytes, so the store refuses any others. Attempts may
    /// be repeated: the object is the same after two writes as after one.
    ///
    /// # Errors
    ///
    /// [`ObjectError`]; afterwards the object may be there or not.
    pub async fn put(&self, key: &str, bytes: Bytes, content_type: &str) -> Result<String, ObjectError> {
        self.run(Operation::Put, || self.put_once(key, &bytes, content_type, false)).await
    }

    /// Writes an object unless there is one. Not every store decides a race between two writers: nothing that must happen
    /// once may rest on it.
    ///
    /// # Errors
    ///
    /// [`ObjectError`]; afterwards the object may be there or not.
    pub async fn put_if_absent(&self, key: &str, bytes: Bytes, content_type: &str) -> Result<PutOutcome, ObjectError> {
        let attempt = || async {
            match self.put_once(key, &bytes, content_type, true).await {
                Ok(etag) => Ok(PutOutcome::Created { etag }),
                Err(error) if error.kind == ErrorKind::PreconditionFailed => Ok(PutOutcome::Exists),
                Err(error) => Err(error),
            }
        };
        self.run(Operation::Put, attempt).await
    }

    /// Removes an object; one that is not there counts as removed.
    ///
    /// # Errors
    ///
    /// [`ObjectError`]; afterwards the object may be there or not.
    pub async fn delete(&self, key: &str) -> Result<(), ObjectError> {
        let attempt = || async {
            let answer = self.client.delete_object().bucket(self.bucket()).key(key).send().await;
            match answer.map_err(|error| ObjectError::from_sdk(Operation::Delete, key, error)) {
                Ok(_) => Ok(()),
                // Some stores answer 404 where S3 answers 204; a missing bucket has another code.
                Err(error) if error.code.as_deref() == Some("NoSuchKey") => Ok(()),
                Err(error) => Err(error),
            }
        };
        self.run(Operation::Delete, attempt).await
    }

    async fn put_once(
        &self,
        key: &str,
        bytes: &Bytes,
        content_type: &str,
        only_if_absent: bool,
    ) -> Result<String, ObjectError> {
        let mut request = self.client.put_object().bucket(self.bucket()).key(key).content_type(content_type);
        if only_if_absent {
            request = request.if_none_match("*");
        }
        let limit = TimeoutConfig::builder().operation_attempt_timeout(self.options.timeouts.upload(bytes.len()));
        let answer = request
            .body(ByteStream::from(bytes.clone()))
            .customize()
            .config_override(Builder::new().timeout_config(limit.build()))
            .send()
            .await
            .map_err(|error| ObjectError::from_sdk(Operation::Put, key, error))?;
        self.counters.written(bytes.len());
        read_etag(key, &answer)
    }
}

fn read_etag(key: &str, answer: &PutObjectOutput) -> Result<String, ObjectError> {
    let etag = answer.e_tag().map(strip_quotes).filter(|etag| !etag.is_empty());
    etag.ok_or_else(|| ObjectError::new(Operation::Put, key, ErrorKind::Broken).because("the answer lacks an etag"))
}
