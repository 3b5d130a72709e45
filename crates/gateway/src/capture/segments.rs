//! Text that nobody reads before its end, kept in segments: they are never moved, and those of slow bodies are compressed.
//!
//! A stream says the same around every few characters, so LZ4, at a microsecond a kilobyte, keeps it in a third.

use std::borrow::Cow;

use lz4_flex::block::{compress_prepend_size, decompress_size_prepended};

use super::Pace;

/// Text of one segment, unless it came in a larger piece. With less there is little to find in it for LZ4; with more, the text that
/// still waits for its segment to be full takes more memory than packing saves.
pub(super) const SEGMENT_BYTES: usize = 4 * 1024;
/// Most text that is compressed in one go, which takes a tenth of a millisecond of those who answer.
const PACKED_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug)]
enum Segment {
    Plain(Vec<u8>),
    Packed(Box<[u8]>),
}

/// Kept text, in the order in which it came.
#[derive(Debug, Default)]
pub(super) struct Segments {
    segments: Vec<Segment>,
    bytes: usize,
}

impl Segments {
    /// Bytes of the text.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the text out of `text`, and leaves room for the next one if it can.
    pub(super) fn take(&mut self, text: &mut Vec<u8>, pace: Pace) {
        self.bytes += text.len();
        let segment = if pace == Pace::Slow && text.len() <= PACKED_BYTES_MAX {
            let packed = compress_prepend_size(text).into_boxed_slice();
            text.clear();
            text.shrink_to(SEGMENT_BYTES);
            Segment::Packed(packed)
        } else {
            Segment::Plain(std::mem::take(text))
        };
        self.segments.push(segment);
    }

    /// The text, part by part.
    pub(super) fn texts(&self) -> impl Iterator<Item = Cow<'_, [u8]>> {
        self.segments.iter().map(|segment| match segment {
            Segment::Plain(text) => Cow::Borrowed(&text[..]),
            Segment::Packed(packed) => {
                Cow::Owned(decompress_size_prepended(packed).expect("it was compressed by this program"))
            }
        })
    }

    /// The text, and `rest` behind it, in exactly as much memory as that takes.
    pub(super) fn joined(&self, rest: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.bytes + rest.len());
        self.texts().for_each(|part| text.extend_from_slice(&part));
        text.extend_from_slice(rest);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_stream_takes_a_third_of_its_memory() {
        let mut segments = Segments::default();
        let mut text = Vec::new();
        let mut whole = Vec::new();
        for word in 0..400_u32 {
            let word = word.wrapping_mul(2_654_435_761);
            let frame = format!(
                "data: {{\"id\":\"chatcmpl-Bxyz123\",\"object\":\"chat.completion.chunk\",\"created\":1793000000,\
                 \"model\":\"gpt-4o-2024-11-20\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" {word:x}\"}}}}]}}\n\n"
            );
            text.extend_from_slice(frame.as_bytes());
            whole.extend_from_slice(frame.as_bytes());
            if text.len() >= SEGMENT_BYTES {
                segments.take(&mut text, Pace::Slow);
                assert!(text.is_empty() && text.capacity() <= 2 * SEGMENT_BYTES);
            }
        }
        let held = |segment: &Segment| match segment {
            Segment::Plain(_) => panic!("a slow stream is packed"),
            Segment::Packed(packed) => packed.len(),
        };
        let held: usize = segments.segments.iter().map(held).sum();
        assert!(held * 3 < segments.bytes(), "{held} of {}", segments.bytes());
        assert_eq!(segments.joined(&text), whole);
    }
}
