//! Fetched objects to sealed parts.
//!
//! A small object is decoded whole and joins the assembly; whoever fills the assembly seals it. An object that exceeds one
//! chunk is sealed chunk by chunk into a part of its own with a commit of its own: no other object has to wait for it, and
//! if it cannot be read to its end, nothing of it becomes visible.

use std::{
    io::Read,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use gatelog_catalog::{CatalogError, Claim, Work};
use gatelog_logpush::{LineReader, ReadError};
use gatelog_model::{LineDigest, QuarantineReason};
use tokio::sync::{Mutex, mpsc};
use tracing::{error, warn};

use crate::{
    batch::{DecodedObject, SealedPart},
    decode::{Chunk, DecodeContext, DecodeError, ObjectEnd, Wanted, decode_object},
    error_chain,
    feed::{quarantine, retry_wait},
    fetch::{Fetched, FetchedBody, shared_source},
    report::CommitReport,
    seal::{SealError, SealedEvents, object_commit, redelivered_objects, seal, seal_events},
    shared::Shared,
    window::CommitWindow,
};

/// Objects that are sealed together at most: one UNNEST of the commit.
const SEAL_OBJECTS_MAX: usize = 50_000;

/// Decodes and seals until the queue closes; runs on a thread of its own.
pub(crate) fn decode_thread(shared: &Shared, queue: &Mutex<mpsc::Receiver<Fetched>>) {
    while let Some(fetched) = next_object(shared, queue) {
        let claim = fetched.claim.clone();
        let decoded = catch_unwind(AssertUnwindSafe(|| decode(shared, fetched)));
        let batch = match decoded {
            Ok(Ok(Decoded::Whole(object))) => shared.assembly.add(*object, shared.options.seal_bytes, SEAL_OBJECTS_MAX),
            Ok(Ok(Decoded::Large(part))) => {
                shared.pending.add(*part);
                Vec::new()
            }
            Ok(Err(error)) => {
                shared.runtime.block_on(decode_failed(shared, &claim, &error));
                Vec::new()
            }
            Err(_) => {
                error!(object.key = %claim.source.key, "decoding panicked: a bug, please report it");
                shared.runtime.block_on(quarantine(shared, &claim, QuarantineReason::DecoderPanicked, None));
                Vec::new()
            }
        };
        shared.decoding.leave(1);
        seal_and_queue(shared, batch);
    }
}

fn next_object(shared: &Shared, queue: &Mutex<mpsc::Receiver<Fetched>>) -> Option<Fetched> {
    shared.runtime.block_on(async { queue.lock().await.recv().await })
}

/// Seals a batch in the open window and hands it to the committer; on failure gives its objects back.
pub(crate) fn seal_and_queue(shared: &Shared, mut batch: Vec<DecodedObject>) {
    if batch.is_empty() {
        return;
    }
    let window = shared.runtime.block_on(shared.hold_window());
    match seal(shared, *window, &mut batch) {
        Ok(part) => shared.pending.add(part),
        Err(error) => {
            warn!(error = %error_chain(&error), objects = batch.len(), "cannot seal a batch, its objects are done again");
            let mut leases: Vec<_> = batch.into_iter().map(|object| object.claim.lease).collect();
            // Parts that left lines out because this batch had them must not commit without it.
            leases.extend(shared.pending.refuse().iter().flat_map(SealedPart::leases));
            shared.runtime.block_on(shared.release(&leases, retry_wait(1), "seal"));
        }
    }
}

enum Decoded {
    Whole(Box<DecodedObject>),
    Large(Box<SealedPart>),
}

/// An object could not be decoded or, being large, sealed.
#[derive(Debug, thiserror::Error)]
enum DecodeStageError {
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<CatalogError> for DecodeStageError {
    fn from(error: CatalogError) -> Self {
        Self::Seal(error.into())
    }
}

/// Decodes one object; a large one is sealed on the way.
fn decode(shared: &Shared, fetched: Fetched) -> Result<Decoded, DecodeStageError> {
    let Fetched { claim, sha256, body, _memory } = fetched;
    let context = DecodeContext {
        normalise: Arc::clone(&shared.normalise),
        keys: shared.current_keys(),
        unwrap: Arc::clone(&shared.unwrap),
        chunk_bytes: shared.options.chunk_bytes,
    };
    let mut first = None;
    let mut large: Option<LargeObject<'_>> = None;
    let mut failure = None;
    let emit = |chunk| {
        let mut take = |chunk| match &mut large {
            Some(large) => large.seal(chunk),
            None => match first.replace(chunk) {
                None => Ok(()),
                Some(previous) => {
                    let mut object = LargeObject::begin(shared)?;
                    object.seal(previous)?;
                    object.seal(first.take().unwrap_or_default())?;
                    large = Some(object);
                    Ok(())
                }
            },
        };
        take(chunk).map_err(|error| {
            failure = Some(error);
            DecodeError::Stopped
        })
    };
    let result = match body {
        FetchedBody::Memory(bytes) => {
            decode_claim(&context, &claim, &mut LineReader::in_memory(&bytes, shared.limits), emit)
        }
        FetchedBody::Spooled(file) => decode_claim(&context, &claim, &mut LineReader::new(file, shared.limits), emit),
    };
    if let Some(error) = failure {
        return Err(error);
    }
    let end = result?;
    let key_ring = context.keys.id();
    let object = DecodedObject { claim, sha256, key_ring, chunk: first.unwrap_or_default(), end };
    match large {
        None => Ok(Decoded::Whole(Box::new(object))),
        Some(large) => Ok(Decoded::Large(Box::new(large.finish(&object)?))),
    }
}

fn decode_claim(
    context: &DecodeContext,
    claim: &Claim,
    reader: &mut LineReader<impl Read>,
    emit: impl FnMut(Chunk) -> Result<(), DecodeError>,
) -> Result<ObjectEnd, DecodeError> {
    let source = shared_source(claim);
    match &claim.work {
        Work::Ingest => decode_object(context, &source, reader, Wanted::All, emit),
        Work::RetryRejects(rejects) => decode_object(context, &source, reader, Wanted::Rejected(rejects), emit),
    }
}

/// The part of an object that does not fit one chunk.
///
/// Its lines are looked up in the database but not among the parts that wait, and claim no digests there: the commit's own
/// check finds what another part commits meanwhile, and the object is done again.
struct LargeObject<'s> {
    shared: &'s Shared,
    window: CommitWindow,
    kept: Vec<u64>,
    digests: Vec<LineDigest>,
    sealed: SealedEvents,
}

impl<'s> LargeObject<'s> {
    fn begin(shared: &'s Shared) -> Result<Self, DecodeStageError> {
        let commit_seq = shared.runtime.block_on(shared.catalog.next_commit_seq())?;
        let window = CommitWindow { commit_seq, ingest_time: shared.clock.now() };
        Ok(Self { shared, window, kept: Vec::new(), digests: Vec::new(), sealed: SealedEvents::default() })
    }

    fn seal(&mut self, chunk: Chunk) -> Result<(), DecodeStageError> {
        let known = self.shared.runtime.block_on(self.shared.catalog.known_digests(&chunk.digests))?;
        let lines = chunk.events.into_iter().zip(chunk.digests);
        let (events, digests): (Vec<_>, Vec<_>) = lines.filter(|(_, digest)| !known.contains(digest)).unzip();
        self.kept.extend(events.iter().map(|event| event.source_line));
        self.digests.extend(digests);
        let sealed = seal_events(self.shared, self.window, events)?;
        self.sealed.rollup.merge(sealed.rollup);
        self.sealed.lake_files.extend(sealed.lake_files);
        self.sealed.output_files.extend(sealed.output_files);
        self.sealed.report.add(&sealed.report);
        Ok(())
    }

    fn finish(mut self, object: &DecodedObject) -> Result<SealedPart, DecodeStageError> {
        let redelivered = redelivered_objects(self.shared, std::slice::from_ref(object))?;
        if !redelivered.is_empty() {
            // Every line is there already; the files stay invisible and are removed as orphans.
            self.kept.clear();
            self.digests.clear();
            self.sealed = SealedEvents::default();
        }
        let mut report = CommitReport::default();
        let commit = object_commit(object, &self.kept, &mut report).map_err(SealError::from)?;
        report.add(&self.sealed.report);
        let id = object.claim.lease.object;
        Ok(SealedPart {
            window: self.window,
            generation: self.shared.pending.generation(),
            objects: vec![commit],
            digests: self.digests.into_iter().map(|digest| (digest, id)).collect(),
            rollup: self.sealed.rollup,
            lake_files: self.sealed.lake_files,
            output_files: self.sealed.output_files,
            report,
        })
    }
}

/// Decides what a failed decode means for the object.
async fn decode_failed(shared: &Shared, claim: &Claim, error: &DecodeStageError) {
    let broken = match error {
        DecodeStageError::Decode(DecodeError::Read(error)) => match error {
            ReadError::Corrupt { compressed_offset, .. } => {
                Some((QuarantineReason::CorruptGzip, Some(*compressed_offset)))
            }
            ReadError::Truncated { compressed_offset, .. } => {
                Some((QuarantineReason::TruncatedGzip, Some(*compressed_offset)))
            }
            ReadError::TooLarge { .. } => Some((QuarantineReason::TooLarge, None)),
            ReadError::Io(_) | ReadError::AlreadyFailed => None,
        },
        DecodeStageError::Decode(DecodeError::TooManyLines) => Some((QuarantineReason::TooManyLines, None)),
        DecodeStageError::Decode(DecodeError::Stopped) | DecodeStageError::Seal(_) => None,
    };
    match broken {
        Some((reason, offset)) => quarantine(shared, claim, reason, offset).await,
        None => {
            let wait = retry_wait(claim.attempt);
            warn!(object.key = %claim.source.key, error = %error_chain(error), retry_in = ?wait, "cannot decode object");
            shared.release(std::slice::from_ref(&claim.lease), wait, "decode").await;
        }
    }
}
