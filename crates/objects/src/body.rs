//! The body of an object, chunk by chunk.

use std::sync::Arc;

use aws_smithy_types::byte_stream::ByteStream;
use bytes::{Bytes, BytesMut};

use crate::{Counters, ErrorKind, ObjectError, Operation};

/// An answered GET whose body is still to be read.
///
/// Shape: the chunks together are exactly `size_bytes`, or the last call is an error.
#[derive(Debug)]
pub struct ObjectBody {
    /// The etag of what is being read, quotes removed.
    pub etag: String,
    /// How many bytes the body has.
    pub size_bytes: u64,
    key: String,
    received_bytes: u64,
    stream: ByteStream,
    counters: Arc<Counters>,
}

impl ObjectBody {
    pub(crate) fn new(key: &str, etag: String, size_bytes: u64, stream: ByteStream, counters: Arc<Counters>) -> Self {
        Self { etag, size_bytes, key: key.to_owned(), received_bytes: 0, stream, counters }
    }

    /// The next bytes; `None` once all have come.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Broken`] when the body breaks off, stalls for more than 20 s, or is not as long as announced: get the
    /// object again.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, ObjectError> {
        let Some(chunk) = self.stream.next().await else {
            return if self.received_bytes == self.size_bytes { Ok(None) } else { Err(self.broken_length()) };
        };
        let chunk = chunk.map_err(|error| self.broken(error))?;
        let length = u64::try_from(chunk.len()).expect("a chunk fits in memory");
        self.received_bytes = self.received_bytes.saturating_add(length);
        self.counters.read(length);
        if self.received_bytes > self.size_bytes {
            return Err(self.broken_length());
        }
        Ok(Some(chunk))
    }

    /// Reads everything into memory.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] above `limit_bytes`, before anything is read; else as [`ObjectBody::next_chunk`].
    pub async fn collect(mut self, limit_bytes: u64) -> Result<Bytes, ObjectError> {
        let capacity = usize::try_from(self.size_bytes).ok().filter(|_| self.size_bytes <= limit_bytes);
        let Some(capacity) = capacity else {
            let text = format!("{} bytes, at most {limit_bytes} are read", self.size_bytes);
            return Err(ObjectError::new(Operation::Get, &self.key, ErrorKind::TooLarge).because(text));
        };
        let mut whole = BytesMut::with_capacity(capacity);
        while let Some(chunk) = self.next_chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    fn broken_length(&self) -> ObjectError {
        self.broken(format!("{} of {} bytes came", self.received_bytes, self.size_bytes))
    }

    fn broken(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ObjectError {
        self.counters.failure();
        ObjectError::new(Operation::Get, &self.key, ErrorKind::Broken).because(source)
    }
}
