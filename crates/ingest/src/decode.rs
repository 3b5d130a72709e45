//! One object's bytes to events and rejects, in bounded chunks.
//!
//! Every line ends in exactly one of three places: an event, a reject with its reason, or (a `LogId` seen before in the
//! same object) a duplicate. Only a stream that cannot be read to its end is an error; the object is then not committed.
//!
//! Plain lines are decoded where they are read. From the first line with a sealed field on, lines are gathered in slabs
//! and decoded on the unwrap threads, because one RSA operation costs as much as a thousand plain lines.

mod body;
mod identity;
mod line;
mod slab;

use std::{io::Read, sync::Arc};

use gatelog_logpush::{KeyRing, Line, LineReader, ReadError};
use gatelog_model::{Digest, Event, LineDigest, Reject, RejectReason, SourceObject};

use crate::normalise::NormaliseContext;

use body::DecodedEvent;
pub use identity::LinesDigest;
use identity::{EventIdentity, Identities};
use line::{LineDecoder, LineOutcome};
use slab::Place;
pub use slab::UnwrapPool;

/// Most lines of one object. Logpush writes at most 1,000,000 (`max_upload_records`); twice that leaves room and bounds
/// what the digests of one object can hold in memory.
const OBJECT_LINES_MAX: u64 = 2_000_000;

/// What decoding needs besides the bytes; shared by all decoders.
#[derive(Debug)]
pub struct DecodeContext {
    /// How records become events.
    pub normalise: Arc<NormaliseContext>,
    /// The keys, as of the start of this object.
    pub keys: Arc<KeyRing>,
    /// Threads for sealed lines.
    pub unwrap: Arc<UnwrapPool>,
    /// A chunk is handed on when its events hold this many bytes.
    pub chunk_bytes: usize,
}

/// Which lines of the object are wanted.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// All of them: the object is new.
    All,
    /// Only these, which were rejected before; sorted by line number.
    Rejected(&'a [Reject]),
}

impl Wanted<'_> {
    fn contains(&self, line: u64) -> bool {
        match self {
            Self::All => true,
            Self::Rejected(rejects) => rejects.binary_search_by_key(&line, |reject| reject.line).is_ok(),
        }
    }
}

/// Some of an object's events with the digest that identifies each; `events.len() == digests.len()`.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Events in file order.
    pub events: Vec<Event>,
    /// Their identities, one each.
    pub digests: Vec<LineDigest>,
    own_bytes: usize,
    text_bytes: usize,
    keeps_text: bool,
}

impl Chunk {
    /// Bytes that the events keep in memory: their own, and if a body is a part of the object's text, all of that.
    pub fn held_bytes(&self) -> usize {
        self.own_bytes.saturating_add(if self.keeps_text { self.text_bytes } else { 0 })
    }
}

/// What is known once the last line was read.
#[derive(Debug, PartialEq, Eq)]
pub struct ObjectEnd {
    /// Lines wanted and read.
    pub lines: u64,
    /// Lines whose `LogId` was seen before in this object.
    pub duplicates: u64,
    /// Lines kept as rejects.
    pub rejects: Vec<Reject>,
    /// Order-independent digest of all lines, wanted or not.
    pub lines_digest: Digest,
    /// Uncompressed size.
    pub raw_bytes: u64,
}

/// An object that cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The stream is corrupt, cut short, too large, or cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// More lines than any Logpush object has.
    #[error("more than {OBJECT_LINES_MAX} lines")]
    TooManyLines,
    /// The receiver of the chunks gave up.
    #[error("stopped")]
    Stopped,
}

/// Decodes one object, handing on a chunk whenever `chunk_bytes` of events are there; the last chunk may be empty.
///
/// Shape: the events of all chunks + `duplicates` + `rejects` = `lines`.
///
/// # Errors
///
/// [`DecodeError`] when how many lines are missing is unknown; chunks handed on before then must be thrown away.
pub fn decode_object(
    context: &DecodeContext,
    source: &Arc<SourceObject>,
    reader: &mut LineReader<impl Read>,
    wanted: Wanted<'_>,
    mut emit: impl FnMut(Chunk) -> Result<(), DecodeError>,
) -> Result<ObjectEnd, DecodeError> {
    let mut object = ObjectDecoder::new(context, source, wanted);
    while let Some(line) = reader.next_line()? {
        object.take(line)?;
        if object.chunk.held_bytes() >= context.chunk_bytes {
            emit(object.take_chunk())?;
        }
    }
    object.flush_slab();
    let raw_bytes = reader.text_bytes();
    object.read_to(raw_bytes);
    emit(object.take_chunk())?;
    Ok(object.finish(raw_bytes))
}

/// The state between lines.
struct ObjectDecoder<'c> {
    context: &'c DecodeContext,
    wanted: Wanted<'c>,
    lines: LineDecoder<'c>,
    slab: slab::Slab,
    sealed_seen: bool,
    identities: Identities,
    chunk: Chunk,
    /// Where the chunk's text begins.
    chunk_start: u64,
    end: ObjectEnd,
    lines_read: u64,
    lines_digest: LinesDigest,
}

impl<'c> ObjectDecoder<'c> {
    fn new(context: &'c DecodeContext, source: &Arc<SourceObject>, wanted: Wanted<'c>) -> Self {
        Self {
            context,
            wanted,
            lines: LineDecoder::new(&context.normalise, &context.keys, source),
            slab: slab::Slab::default(),
            sealed_seen: false,
            identities: Identities::default(),
            chunk: Chunk::default(),
            chunk_start: 0,
            end: ObjectEnd {
                lines: 0,
                duplicates: 0,
                rejects: Vec::new(),
                lines_digest: Digest([0; 32]),
                raw_bytes: 0,
            },
            lines_read: 0,
            lines_digest: LinesDigest::default(),
        }
    }

    fn take(&mut self, line: Line) -> Result<(), DecodeError> {
        self.lines_read += 1;
        if self.lines_read > OBJECT_LINES_MAX {
            return Err(DecodeError::TooManyLines);
        }
        match line {
            Line::TooLong { number, offset, bytes } => {
                self.read_to(offset + bytes);
                // Its bytes were skipped, so its place stands in for them in the digest of all lines.
                self.lines_digest.add(&identity::digest_of_place(number, offset));
                let wanted = self.wanted.contains(number);
                self.flush_slab();
                let place = Place { number, offset, wanted };
                self.settle(place, LineOutcome::Rejected(RejectReason::LineTooLong));
            }
            Line::Text { number, offset, text } => {
                let digest = identity::digest_of_line(&text);
                self.lines_digest.add(&digest);
                self.read_to(offset + text.len() as u64);
                let wanted = self.wanted.contains(number);
                let place = Place { number, offset, wanted };
                if self.sealed_seen {
                    self.slab.push(place, digest, text);
                    if self.slab.is_full() {
                        self.flush_slab();
                    }
                } else {
                    let outcome = self.lines.decode(number, digest, text, wanted);
                    self.sealed_seen = self.lines.saw_sealed();
                    self.settle(place, outcome);
                }
            }
        }
        Ok(())
    }

    /// Counts text as read. What lies between lines counts too: a body keeps the memory around it, whatever is there.
    fn read_to(&mut self, offset: u64) {
        self.chunk.text_bytes = usize::try_from(offset - self.chunk_start).unwrap_or(usize::MAX);
    }

    fn take_chunk(&mut self) -> Chunk {
        self.chunk_start += self.chunk.text_bytes as u64;
        std::mem::take(&mut self.chunk)
    }

    /// Decodes what the slab holds, in order.
    fn flush_slab(&mut self) {
        let slab = std::mem::take(&mut self.slab);
        for (place, outcome) in slab.decode(self.context, self.lines.source()) {
            self.settle(place, outcome);
        }
    }

    /// Puts one line where it belongs. Lines that were not asked for still count among the identities, so that a retried
    /// line gets the ordinal it had the first time.
    fn settle(&mut self, place: Place, outcome: LineOutcome) {
        let identity = outcome.identity().map(|identity| self.identities.next(identity));
        if !place.wanted {
            return;
        }
        self.end.lines += 1;
        match outcome {
            LineOutcome::Rejected(reason) | LineOutcome::Sealed(_, reason) => {
                self.end.rejects.push(Reject { line: place.number, byte_offset: place.offset, reason });
            }
            LineOutcome::Event(_, event) => match identity.flatten() {
                Some(identity) => self.keep(*event, identity),
                None => self.end.duplicates += 1,
            },
            LineOutcome::Skipped(_) => unreachable!("only lines that were not asked for are skipped"),
        }
    }

    fn keep(&mut self, decoded: DecodedEvent, identity: EventIdentity) {
        let DecodedEvent { mut event, own_bytes, keeps_text } = decoded;
        identity.name(&mut event);
        self.chunk.own_bytes += own_bytes;
        self.chunk.keeps_text |= keeps_text;
        self.chunk.events.push(event);
        self.chunk.digests.push(identity.digest);
    }

    fn finish(mut self, raw_bytes: u64) -> ObjectEnd {
        self.end.raw_bytes = raw_bytes;
        self.end.lines_digest = self.lines_digest.finish();
        self.end
    }
}

#[cfg(test)]
mod tests;
