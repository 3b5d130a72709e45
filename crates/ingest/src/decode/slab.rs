//! Sealed lines, gathered so that many threads can unwrap their keys at once.

use std::{
    fmt, mem,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::BytesMut;
use gatelog_logpush::KeyRing;
use gatelog_model::{Digest, SourceObject};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder, prelude::*};

use super::{
    DecodeContext,
    line::{LineDecoder, LineOutcome},
};

/// Lines of one slab: enough to keep a dozen cores busy for a few hundred milliseconds, few enough to stay small.
const SLAB_LINES: usize = 512;
/// Text from the first line of a slab to its last, bytes; reached first by long lines. Lines keep what lies between them.
const SLAB_BYTES: u64 = 8 << 20;
/// Lines that one thread takes at a time: a few, because at the end of a slab the others wait for them.
const STRIDE_LINES: usize = 4;

/// The threads that unwrap keys: RSA never runs on the runtime's workers.
pub struct UnwrapPool(ThreadPool);

impl UnwrapPool {
    /// Starts `threads` of them.
    ///
    /// # Errors
    ///
    /// When the system refuses the threads.
    pub fn try_new(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let named = ThreadPoolBuilder::new().num_threads(threads.max(1)).thread_name(|index| format!("unwrap-{index}"));
        named.build().map(Self)
    }
}

impl fmt::Debug for UnwrapPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnwrapPool({} threads)", self.0.current_num_threads())
    }
}

/// Where a gathered line lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) offset: u64,
    pub(super) wanted: bool,
}

#[derive(Debug)]
struct GatheredLine {
    place: Place,
    digest: Digest,
    text: BytesMut,
}

/// Raw lines.
#[derive(Debug, Default)]
pub(super) struct Slab {
    lines: Vec<GatheredLine>,
}

impl Slab {
    pub(super) fn push(&mut self, place: Place, digest: Digest, text: BytesMut) {
        self.lines.push(GatheredLine { place, digest, text });
    }

    pub(super) fn is_full(&self) -> bool {
        self.lines.len() >= SLAB_LINES || self.text_bytes() >= SLAB_BYTES
    }

    fn text_bytes(&self) -> u64 {
        let (Some(first), Some(last)) = (self.lines.first(), self.lines.last()) else { return 0 };
        last.place.offset + last.text.len() as u64 - first.place.offset
    }

    /// Decodes every line on the pool; the answers are in the order of the lines.
    pub(super) fn decode(self, context: &DecodeContext, source: &Arc<SourceObject>) -> Vec<(Place, LineOutcome)> {
        if self.lines.is_empty() {
            return Vec::new();
        }
        let decoders = DecoderStock { context, keys: &context.keys, source, idle: Mutex::default() };
        let mut lines = self.lines;
        let strides = lines.par_chunks_mut(STRIDE_LINES);
        context.unwrap.0.install(|| strides.flat_map_iter(|stride| decoders.decode(stride)).collect())
    }
}

/// Decoders that are passed from stride to stride, so that each remembers which key worked last.
struct DecoderStock<'c> {
    context: &'c DecodeContext,
    keys: &'c Arc<KeyRing>,
    source: &'c Arc<SourceObject>,
    idle: Mutex<Vec<LineDecoder<'c>>>,
}

impl DecoderStock<'_> {
    fn decode(&self, stride: &mut [GatheredLine]) -> Vec<(Place, LineOutcome)> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let mut decoder = taken.unwrap_or_else(|| LineDecoder::new(&self.context.normalise, self.keys, self.source));
        let outcomes = stride
            .iter_mut()
            .map(|line| {
                let text = mem::take(&mut line.text);
                (line.place, decoder.decode(line.place.number, line.digest, text, line.place.wanted))
            })
            .collect();
        idle().push(decoder);
        outcomes
    }
}
