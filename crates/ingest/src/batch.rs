//! Decoded objects on their way to a commit.
//!
//! [`Assembly`] gathers decoded objects until they are worth sorting and writing together. [`PendingCommit`] gathers what
//! was written until it is committed, and knows the digests of its lines, so that a line repeated within one commit is
//! found before the database sees it.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use gatelog_catalog::{Claim, Lease, ObjectCommit, OutputFile};
use gatelog_lake::DataFileToAdd;
use gatelog_model::{Digest, LineDigest, ObjectId};
use gatelog_rollup::Rollup;
use tokio::sync::Notify;

use crate::{
    decode::{Chunk, ObjectEnd},
    report::CommitReport,
    window::CommitWindow,
};

/// An object decoded to its end.
#[derive(Debug)]
pub(crate) struct DecodedObject {
    pub(crate) claim: Claim,
    pub(crate) sha256: Digest,
    /// Id of the key ring that was tried.
    pub(crate) key_ring: Digest,
    pub(crate) chunk: Chunk,
    pub(crate) end: ObjectEnd,
}

/// Decoded objects that wait for company.
#[derive(Debug, Default)]
pub(crate) struct Assembly(Mutex<Gathered>);

#[derive(Debug, Default)]
struct Gathered {
    objects: Vec<DecodedObject>,
    held_bytes: usize,
}

impl Assembly {
    /// Adds an object; gives everything back to the caller once `seal_bytes` or `seal_objects` are there. An object that is
    /// enough by itself comes back alone.
    pub(crate) fn add(&self, object: DecodedObject, seal_bytes: usize, seal_objects: usize) -> Vec<DecodedObject> {
        let bytes = object.chunk.held_bytes();
        if bytes >= seal_bytes {
            return vec![object];
        }
        let mut held = self.held();
        held.held_bytes += bytes;
        held.objects.push(object);
        if held.held_bytes >= seal_bytes || held.objects.len() >= seal_objects {
            return std::mem::take(&mut *held).objects;
        }
        Vec::new()
    }

    /// Takes everything.
    pub(crate) fn take(&self) -> Vec<DecodedObject> {
        std::mem::take(&mut *self.held()).objects
    }

    fn held(&self) -> MutexGuard<'_, Gathered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Objects whose events lie, invisible, in the store, and all that makes them visible.
#[derive(Debug)]
pub(crate) struct SealedPart {
    pub(crate) window: CommitWindow,
    /// Which generation of pending digests its duplicates were found in.
    pub(crate) generation: u64,
    pub(crate) objects: Vec<ObjectCommit>,
    pub(crate) digests: Vec<(LineDigest, ObjectId)>,
    pub(crate) rollup: Rollup,
    pub(crate) lake_files: Vec<DataFileToAdd>,
    pub(crate) output_files: Vec<OutputFile>,
    pub(crate) report: CommitReport,
}

impl SealedPart {
    pub(crate) fn leases(&self) -> impl Iterator<Item = Lease> + '_ {
        self.objects.iter().map(|object| object.lease)
    }
}

/// Sealed parts that wait for their commit.
#[derive(Debug, Default)]
pub(crate) struct PendingCommit {
    state: Mutex<PendingState>,
    /// Rung when a part was added or taken.
    pub(crate) changed: Notify,
}

#[derive(Debug, Default)]
struct PendingState {
    parts: Vec<SealedPart>,
    digests: HashSet<LineDigest>,
    generation: u64,
}

impl PendingCommit {
    /// Claims digests for a part that is being sealed: gives the generation and those that another part has already.
    ///
    /// A part that leaves lines out because another has them is only right if that other part commits. So when any part is
    /// refused, [`PendingCommit::refuse`] starts a new generation and every part of the old one is done again.
    pub(crate) fn claim_digests(&self, digests: &[LineDigest]) -> (u64, Vec<bool>) {
        let mut state = self.lock();
        let taken = digests.iter().map(|digest| !state.digests.insert(*digest)).collect();
        (state.generation, taken)
    }

    pub(crate) fn add(&self, part: SealedPart) {
        self.lock().parts.push(part);
        self.changed.notify_waiters();
    }

    /// Takes every part.
    pub(crate) fn take(&self) -> Vec<SealedPart> {
        let parts = std::mem::take(&mut self.lock().parts);
        self.changed.notify_waiters();
        parts
    }

    /// Parquet bytes that wait.
    pub(crate) fn bytes(&self) -> u64 {
        self.lock().parts.iter().map(|part| part.report.lake_bytes).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().parts.is_empty()
    }

    /// The generation whose parts may be committed.
    pub(crate) fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// These digests are in the database now.
    pub(crate) fn committed(&self, digests: &[(LineDigest, ObjectId)]) {
        let mut state = self.lock();
        for (digest, _) in digests {
            state.digests.remove(digest);
        }
    }

    /// A part will not commit: gives every waiting part back, to be done again, and forgets all claimed digests.
    pub(crate) fn refuse(&self) -> Vec<SealedPart> {
        let mut state = self.lock();
        state.generation += 1;
        state.digests.clear();
        std::mem::take(&mut state.parts)
    }

    fn lock(&self) -> MutexGuard<'_, PendingState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
