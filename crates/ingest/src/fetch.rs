//! One object from the store, whole, before a line of it is decoded.
//!
//! Fetching first and decoding after means that a connection lost in the middle costs a retry and nothing else: no half
//! object is ever decoded. Small objects wait in memory, large ones in an unnamed file.

use std::{
    fs::File,
    io::{Seek, Write},
    sync::Arc,
};

use gatelog_catalog::Claim;
use gatelog_model::Digest;
use gatelog_objects::{ObjectError, Store};
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use crate::options::IngestOptions;

/// An object's bytes, complete and of the etag that was claimed.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) claim: Claim,
    pub(crate) sha256: Digest,
    pub(crate) body: FetchedBody,
    /// Share of the fetch memory; given back when the object is decoded.
    pub(crate) _memory: OwnedSemaphorePermit,
}

/// Where the bytes wait.
#[derive(Debug)]
pub(crate) enum FetchedBody {
    Memory(Vec<u8>),
    Spooled(File),
}

/// An object could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    Store(#[from] ObjectError),
    #[error("the object has {found} bytes where the listing says {listed}")]
    Length { listed: u64, found: u64 },
    #[error("cannot spool the object to disk")]
    Spool(#[from] std::io::Error),
}

/// Fetches the claimed version.
pub(crate) async fn fetch(
    store: &Store,
    options: &IngestOptions,
    claim: Claim,
    memory: OwnedSemaphorePermit,
) -> Result<Fetched, (Claim, FetchError)> {
    match read(store, options, &claim).await {
        Ok((sha256, body)) => Ok(Fetched { claim, sha256, body, _memory: memory }),
        Err(error) => Err((claim, error)),
    }
}

async fn read(store: &Store, options: &IngestOptions, claim: &Claim) -> Result<(Digest, FetchedBody), FetchError> {
    let source = &claim.source;
    let mut object = store.get(&source.key, Some(&source.etag)).await?;
    // The listing is an independent witness: a body that was cut and framed anew looks whole by itself.
    if object.size_bytes != source.size_bytes {
        return Err(FetchError::Length { listed: source.size_bytes, found: object.size_bytes });
    }
    let mut hash = Sha256::new();
    let mut body = match usize::try_from(object.size_bytes) {
        Ok(size) if object.size_bytes <= options.spool_bytes => FetchedBody::Memory(Vec::with_capacity(size)),
        _ => FetchedBody::Spooled(tempfile::tempfile_in(&options.spool_dir)?),
    };
    while let Some(bytes) = object.next_chunk().await? {
        hash.update(&bytes);
        match &mut body {
            FetchedBody::Memory(held) => held.extend_from_slice(&bytes),
            // A page-cache write of a few hundred kilobytes: cheaper than a hand-over to another thread.
            FetchedBody::Spooled(file) => file.write_all(&bytes)?,
        }
    }
    if let FetchedBody::Spooled(file) = &mut body {
        file.rewind()?;
    }
    Ok((Digest(hash.finalize().into()), body))
}

/// How many bytes of the fetch memory an object takes.
pub(crate) fn memory_share(claim: &Claim, options: &IngestOptions) -> u32 {
    let held = if claim.source.size_bytes <= options.spool_bytes { claim.source.size_bytes } else { 1 << 20 };
    let most = u64::try_from(options.fetch_memory_bytes).unwrap_or(u64::MAX);
    u32::try_from(held.clamp(1, most)).unwrap_or(u32::MAX)
}

/// The claimed object as shared by all its events.
pub(crate) fn shared_source(claim: &Claim) -> Arc<gatelog_model::SourceObject> {
    Arc::new(claim.source.clone())
}
