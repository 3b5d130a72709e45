//! Decoded objects to invisible Parquet files: duplicates out, rollup folded, rows sorted, files written and stored.
//!
//! All of it runs on the caller's thread, which is no worker of the runtime and waits for the database and the store. A
//! large object's events are freed on the thread that made them, so its memory is used again.
//!
//! Order of writes: digests are claimed in memory, then looked up in the database, then files are stored. Nothing here is
//! visible, so a crash leaves files that nobody references, which `gatelog job orphans` removes.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use gatelog_catalog::{
    CatalogError, CommitKind, ObjectCommit, ObjectDigests, OutputFile, Resolved, ResolvedLine, Work,
};
use gatelog_columnar::{DayFile, Stamp, WriteError, WriteOptions, write_day_files};
use gatelog_lake::{DataFileToAdd, LakeError};
use gatelog_model::{Event, LineDigest, ObjectId, Reject, Tally, TimestampMicros, Unbalanced};
use gatelog_objects::ObjectError;
use gatelog_rollup::{Rollup, RollupOptions};
use gatelog_runtime::crash_point;

use crate::{
    batch::{DecodedObject, SealedPart},
    report::CommitReport,
    shared::Shared,
    window::CommitWindow,
};

/// A part could not be sealed; its objects are given back and done again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    #[error("cannot look up duplicates")]
    Duplicates(#[from] CatalogError),
    #[error("cannot write Parquet")]
    Write(#[from] WriteError),
    #[error("cannot store a data file")]
    Store(#[from] ObjectError),
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Unbalanced(#[from] Unbalanced),
    #[error("encoding panicked")]
    Panicked,
}

/// Files and totals of some events.
#[derive(Debug, Default)]
pub(crate) struct SealedEvents {
    pub(crate) rollup: Rollup,
    pub(crate) lake_files: Vec<DataFileToAdd>,
    pub(crate) output_files: Vec<OutputFile>,
    pub(crate) report: CommitReport,
}

/// Seals a batch of whole objects under the window that the caller holds open; takes the events out of them.
pub(crate) fn seal(
    shared: &Shared,
    window: CommitWindow,
    batch: &mut [DecodedObject],
) -> Result<SealedPart, SealError> {
    let redelivered = redelivered_objects(shared, batch)?;
    let digests: Vec<LineDigest> = batch
        .iter()
        .filter(|object| !redelivered.contains(&object.claim.lease.object))
        .flat_map(|object| object.chunk.digests.iter().copied())
        .collect();
    let (generation, repeated) = repeated_lines(shared, &digests)?;
    let mut repeated = repeated.into_iter();

    let mut part = SealedPart {
        window,
        generation,
        objects: Vec::with_capacity(batch.len()),
        digests: Vec::with_capacity(digests.len()),
        rollup: Rollup::default(),
        lake_files: Vec::new(),
        output_files: Vec::new(),
        report: CommitReport::default(),
    };
    let mut events = Vec::with_capacity(digests.len());
    for object in batch {
        let chunk = std::mem::take(&mut object.chunk);
        let whole = redelivered.contains(&object.claim.lease.object);
        let mut kept = Vec::new();
        for (event, digest) in chunk.events.into_iter().zip(chunk.digests) {
            if whole || repeated.next().expect("one answer for each digest that was asked about") {
                continue;
            }
            kept.push(event.source_line);
            part.digests.push((digest, object.claim.lease.object));
            events.push(event);
        }
        part.objects.push(object_commit(object, &kept, &mut part.report)?);
    }
    let sealed = seal_events(shared, window, events)?;
    part.rollup = sealed.rollup;
    part.lake_files = sealed.lake_files;
    part.output_files = sealed.output_files;
    part.report.add(&sealed.report);
    Ok(part)
}

/// Objects of which another, committed one had the same bytes or the same lines, however long ago.
pub(crate) fn redelivered_objects(shared: &Shared, batch: &[DecodedObject]) -> Result<HashSet<ObjectId>, CatalogError> {
    let whole: Vec<ObjectDigests> = batch
        .iter()
        .filter(|object| matches!(object.claim.work, Work::Ingest))
        .map(|object| ObjectDigests {
            object: object.claim.lease.object,
            sha256: object.sha256,
            lines_digest: object.end.lines_digest,
            lines: object.end.lines,
        })
        .collect();
    if whole.is_empty() { Ok(HashSet::new()) } else { shared.runtime.block_on(shared.catalog.known_objects(&whole)) }
}

/// For each digest, whether its line is there already: in a part that waits, or in the database.
fn repeated_lines(shared: &Shared, digests: &[LineDigest]) -> Result<(u64, Vec<bool>), CatalogError> {
    // In this order: a part that commits between the two steps is found by the second.
    let (generation, mut repeated) = shared.pending.claim_digests(digests);
    let known = shared.runtime.block_on(shared.catalog.known_digests(digests))?;
    for (repeated, digest) in repeated.iter_mut().zip(digests) {
        *repeated |= known.contains(digest);
    }
    Ok((generation, repeated))
}

/// The ledger's view of one object, given which of its lines are kept as events.
pub(crate) fn object_commit(
    object: &DecodedObject,
    kept: &[u64],
    report: &mut CommitReport,
) -> Result<ObjectCommit, Unbalanced> {
    let end = &object.end;
    let rejects = end.rejects.len() as u64;
    let tally = Tally {
        lines: end.lines,
        events: kept.len() as u64,
        duplicates: end.lines - rejects - kept.len() as u64,
        rejects,
    }
    .checked()?;
    let key_ring = Some(object.key_ring.to_string());
    report.objects += 1;
    report.lines += tally.lines;
    report.duplicates += tally.duplicates;
    report.count_rejects(&end.rejects);
    let kind = match &object.claim.work {
        Work::Ingest => CommitKind::Ingest {
            tally,
            sha256: object.sha256,
            lines_digest: end.lines_digest,
            rejects: end.rejects.clone(),
            key_ring,
        },
        Work::RetryRejects(retried) => {
            CommitKind::Retry { resolved: resolved_lines(retried, end, kept), still: end.rejects.clone(), key_ring }
        }
    };
    Ok(ObjectCommit { lease: object.claim.lease, kind })
}

/// Of the lines that were tried again: those no longer rejected, and what they became.
fn resolved_lines(retried: &[Reject], end: &crate::decode::ObjectEnd, kept: &[u64]) -> Vec<ResolvedLine> {
    let still: HashSet<u64> = end.rejects.iter().map(|reject| reject.line).collect();
    let kept: HashSet<u64> = kept.iter().copied().collect();
    retried
        .iter()
        .filter(|reject| !still.contains(&reject.line))
        .map(|reject| {
            let became = if kept.contains(&reject.line) { Resolved::Event } else { Resolved::Duplicate };
            ResolvedLine { line: reject.line, became }
        })
        .collect()
}

/// Folds, sorts, encodes and stores events; nothing becomes visible.
pub(crate) fn seal_events(
    shared: &Shared,
    window: CommitWindow,
    events: Vec<Event>,
) -> Result<SealedEvents, SealError> {
    let mut sealed = SealedEvents::default();
    if events.is_empty() {
        return Ok(sealed);
    }
    let options = RollupOptions { keep_users: shared.options.keep_users };
    for event in &events {
        sealed.rollup.add(event, &options);
        sealed.report.count_event(event);
    }
    let stamp = Stamp { commit_seq: window.commit_seq, ingest_time: window.ingest_time };
    let write = AssertUnwindSafe(|| write_day_files(events, stamp, WriteOptions::default()));
    for file in catch_unwind(write).map_err(|_| SealError::Panicked)?? {
        store_file(shared, window, &mut sealed, file)?;
    }
    Ok(sealed)
}

fn store_file(
    shared: &Shared,
    window: CommitWindow,
    sealed: &mut SealedEvents,
    file: DayFile,
) -> Result<(), SealError> {
    let path = shared.lake.new_data_path(file.day, window.commit_seq);
    let key = shared.lake.key(&path)?.to_owned();
    let lake_file = DataFileToAdd::new(path, &file);
    crash_point("seal.before_put");
    shared.runtime.block_on(shared.lake_store.put(&key, file.bytes, "application/vnd.apache.parquet"))?;
    crash_point("seal.after_put");
    sealed.report.files += 1;
    sealed.report.lake_bytes += lake_file.size_bytes;
    sealed.output_files.push(OutputFile {
        path: lake_file.path.clone(),
        day: TimestampMicros::start_of_day(file.day).date(),
        rows: file.rows,
        size_bytes: lake_file.size_bytes,
        sha256: file.sha256,
    });
    sealed.lake_files.push(lake_file);
    Ok(())
}
