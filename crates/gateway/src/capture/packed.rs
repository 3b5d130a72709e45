//! Text that nobody reads before its end, compressed piece by piece.
//!
//! A stream says the same around every few characters, so LZ4, at a microsecond a kilobyte, keeps it in a third.

use lz4_flex::block::{compress_prepend_size, decompress_size_prepended};

/// Least text that is compressed together: with less there is little to find in it; with more, the piece that still waits takes
/// more memory than packing saves.
const PIECE_BYTES: usize = 4 * 1024;
/// Most text that is packed in one go, which takes a tenth of a millisecond of those who answer. What has more by the time it
/// becomes slow was quick for long enough, and stays as it is.
const PACKED_BYTES_MAX: usize = 64 * 1024;

/// Compressed text.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pieces: Vec<Box<[u8]>>,
    bytes: usize,
}

impl Packed {
    /// Bytes of the text.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the text when it is long enough and not too long, and leaves room for the next one.
    pub(super) fn take(&mut self, text: &mut Vec<u8>) {
        if !(PIECE_BYTES..=PACKED_BYTES_MAX).contains(&text.len()) {
            return;
        }
        self.pieces.push(compress_prepend_size(text).into_boxed_slice());
        self.bytes += text.len();
        text.clear();
        text.shrink_to(PIECE_BYTES);
    }

    /// The text, and `rest` behind it.
    pub(super) fn unpack(self, rest: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.bytes + rest.len());
        for piece in self.pieces {
            text.extend(decompress_size_prepended(&piece).expect("it was compressed here"));
        }
        text.extend_from_slice(rest);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_takes_a_third_of_its_memory() {
        let mut packed = Packed::default();
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
            packed.take(&mut text);
            assert!(text.len() < PIECE_BYTES && text.capacity() <= 2 * PIECE_BYTES);
        }
        let held: usize = packed.pieces.iter().map(|piece| piece.len()).sum();
        assert!(held * 3 < packed.bytes(), "{held} of {}", packed.bytes());
        assert_eq!(packed.unpack(&text), whole);
    }
}
