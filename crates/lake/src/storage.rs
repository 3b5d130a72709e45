//! Iceberg's storage over the lake's bucket, counting every byte.

use std::{
    fmt,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream::BoxStream};
use iceberg::{
    Error, ErrorKind, Result,
    io::{
        FileIO, FileIOBuilder, FileMetadata, FileRead, FileWrite, InputFile, OutputFile, Storage, StorageConfig,
        StorageFactory,
    },
};
use serde::{Deserialize, Serialize};

use crate::ports::{ObjectIo, ObjectIoError};

/// The scheme of every location.
const SCHEME: &str = "s3://";

/// Bytes that went through one [`FileIO`].
#[derive(Debug, Default)]
pub struct Meter {
    read: AtomicU64,
    written: AtomicU64,
}

impl Meter {
    /// Bytes read so far.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    fn add_read(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn add_written(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Makes the location of a key.
pub(crate) fn location(bucket: &str, key: &str) -> String {
    format!("{SCHEME}{bucket}/{key}")
}

/// The bucket and the key of a location.
pub(crate) fn split_location(location: &str) -> Option<(&str, &str)> {
    location.strip_prefix(SCHEME)?.split_once('/')
}

/// One bucket as Iceberg's storage.
///
/// Iceberg asks that a storage can be serialised, to send it to other machines; we never do, and a connection cannot be
/// sent. The bucket is therefore skipped, and a storage made by deserialising refuses every call. A process-wide
/// registry would make that case work at the price of hidden global state.
#[derive(Clone, Serialize, Deserialize)]
pub struct S3Storage {
    bucket: String,
    #[serde(skip)]
    objects: Option<Arc<dyn ObjectIo>>,
    #[serde(skip)]
    meter: Arc<Meter>,
}

impl fmt::Debug for S3Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Storage").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

impl S3Storage {
    /// Iceberg's way to reach `bucket`, counting into `meter`.
    pub fn file_io(bucket: &str, objects: Arc<dyn ObjectIo>, meter: Arc<Meter>) -> FileIO {
        let storage = Self { bucket: bucket.to_owned(), objects: Some(objects), meter };
        FileIOBuilder::new(Arc::new(S3StorageFactory { storage })).build()
    }

    fn resolve<'a>(&self, path: &'a str) -> Result<(&Arc<dyn ObjectIo>, &'a str)> {
        let invalid = |why: &str| Error::new(ErrorKind::DataInvalid, format!("{why}: `{path}`"));
        let (bucket, key) = split_location(path).ok_or_else(|| invalid("not an s3:// location"))?;
        if bucket != self.bucket {
            return Err(invalid("location is not in the lake's bucket"));
        }
        let objects = self.objects.as_ref().ok_or_else(|| invalid("storage was deserialised and has no client"))?;
        Ok((objects, key))
    }
}

fn io_error(error: ObjectIoError) -> Error {
    let kind = match &error {
        ObjectIoError::NotFound { .. } => ErrorKind::DataInvalid,
        ObjectIoError::Failed { .. } => ErrorKind::Unexpected,
    };
    let retryable = error.retryable();
    Error::new(kind, "object store").with_retryable(retryable).with_source(error)
}

#[async_trait]
#[typetag::serde]
impl Storage for S3Storage {
    async fn exists(&self, path: &str) -> Result<bool> {
        let (objects, key) = self.resolve(path)?;
        Ok(objects.head(key).await.map_err(io_error)?.is_some())
    }

    async fn metadata(&self, path: &str) -> Result<FileMetadata> {
        let (objects, key) = self.resolve(path)?;
        let size = objects.head(key).await.map_err(io_error)?;
        let size = size.ok_or_else(|| io_error(ObjectIoError::NotFound { key: key.to_owned() }))?;
        Ok(FileMetadata { size })
    }

    async fn read(&self, path: &str) -> Result<Bytes> {
        let (objects, key) = self.resolve(path)?;
        let bytes = objects.get(key).await.map_err(io_error)?;
        self.meter.add_read(bytes.len());
        Ok(bytes)
    }

    async fn reader(&self, path: &str) -> Result<Box<dyn FileRead>> {
        Ok(Box::new(WholeRead { bytes: self.read(path).await? }))
    }

    async fn write(&self, path: &str, bytes: Bytes) -> Result<()> {
        let (objects, key) = self.resolve(path)?;
        let length = bytes.len();
        objects.put(key, bytes).await.map_err(io_error)?;
        self.meter.add_written(length);
        Ok(())
    }

    async fn writer(&self, path: &str) -> Result<Box<dyn FileWrite>> {
        self.resolve(path)?;
        Ok(Box::new(WholeWrite { storage: self.clone(), path: path.to_owned(), pending: Some(BytesMut::new()) }))
    }

    async fn delete(&self, path: &str) -> Result<()> {
        Err(no_deleting(path))
    }

    async fn delete_prefix(&self, path: &str) -> Result<()> {
        Err(no_deleting(path))
    }

    async fn delete_stream(&self, mut paths: BoxStream<'static, String>) -> Result<()> {
        match paths.next().await {
            Some(path) => Err(no_deleting(&path)),
            None => Ok(()),
        }
    }

    fn new_input(&self, path: &str) -> Result<InputFile> {
        Ok(InputFile::new(Arc::new(self.clone()), path.to_owned()))
    }

    fn new_output(&self, path: &str) -> Result<OutputFile> {
        Ok(OutputFile::new(Arc::new(self.clone()), path.to_owned()))
    }
}

/// Only the orphan job deletes, and it knows why it may: no library does so behind our back.
fn no_deleting(path: &str) -> Error {
    Error::new(ErrorKind::FeatureUnsupported, format!("`{path}` is not deleted: only the orphan job deletes"))
}

/// Hands out one ready storage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct S3StorageFactory {
    storage: S3Storage,
}

#[typetag::serde]
impl StorageFactory for S3StorageFactory {
    fn build(&self, _: &StorageConfig) -> Result<Arc<dyn Storage>> {
        Ok(Arc::new(self.storage.clone()))
    }
}

/// A file read at once. Ranges are cut from memory: metadata is small, and data files are read by other engines.
struct WholeRead {
    bytes: Bytes,
}

#[async_trait]
impl FileRead for WholeRead {
    async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let at = |offset: u64| usize::try_from(offset).ok().filter(|offset| *offset <= self.bytes.len());
        match (at(range.start), at(range.end)) {
            (Some(start), Some(end)) if start <= end => Ok(self.bytes.slice(start..end)),
            _ => Err(Error::new(ErrorKind::DataInvalid, format!("range {range:?} is beyond the end of the file"))),
        }
    }
}

/// A file that is put when it is closed.
struct WholeWrite {
    storage: S3Storage,
    path: String,
    /// `None` once closed.
    pending: Option<BytesMut>,
}

impl WholeWrite {
    fn closed(&self) -> Error {
        Error::new(ErrorKind::Unexpected, format!("`{}` is already closed", self.path))
    }
}

#[async_trait]
impl FileWrite for WholeWrite {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let closed = self.closed();
        self.pending.as_mut().ok_or(closed)?.extend_from_slice(&bytes);
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        let bytes = self.pending.take().ok_or_else(|| self.closed())?;
        self.storage.write(&self.path, bytes.freeze()).await
    }
}
