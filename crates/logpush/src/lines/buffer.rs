//! The memory that an object's text is decoded into.

use std::ops::{Deref, DerefMut, Range};

use memmap2::MmapMut;

/// From here on memory is asked of the system in huge pages: about the size of one.
const HUGE_BYTES_MIN: usize = 2 << 20;

/// Zeroed memory for text.
///
/// The text of an object is tens of megabytes that are written once and then given back. In pages of 4 KB, handing them out
/// took 7 % of decoding and writing an object (2026-11); in huge pages it takes a fraction of that, on systems that have
/// them.
pub struct TextBuffer(Memory);

enum Memory {
    Heap(Vec<u8>),
    Mapped(MmapMut),
}

impl TextBuffer {
    /// Makes sure of this many bytes; what was in them may be gone.
    pub(super) fn make_room(&mut self, bytes: usize) {
        if self.len() < bytes {
            // The old memory goes first, so that both are never held.
            *self = Self::default();
            self.0 = zeroed(bytes);
        }
    }

    /// Gives the memory of these bytes back to the system, as far as that has whole pages of it; they may be anything
    /// afterwards.
    pub(super) fn forget(&mut self, bytes: Range<usize>) {
        let Memory::Mapped(held) = &mut self.0 else { return };
        #[cfg(target_os = "linux")]
        forget_pages(held, bytes);
    }

    /// Makes sure of this many bytes; what was in them stays.
    pub(super) fn grow(&mut self, bytes: usize) {
        match &mut self.0 {
            Memory::Heap(held) if held.len() < bytes => held.resize(bytes, 0),
            Memory::Mapped(held) if held.len() < bytes => {
                let mut grown = vec![0; bytes];
                grown[..held.len()].copy_from_slice(held);
                self.0 = Memory::Heap(grown);
            }
            Memory::Heap(_) | Memory::Mapped(_) => {}
        }
    }
}

/// Memory of which nothing was touched yet.
fn zeroed(bytes: usize) -> Memory {
    if bytes < HUGE_BYTES_MIN {
        return Memory::Heap(vec![0; bytes]);
    }
    let Ok(mapped) = MmapMut::map_anon(bytes) else { return Memory::Heap(vec![0; bytes]) };
    // Advice: a system that does not take it gives small pages.
    #[cfg(target_os = "linux")]
    let _ = mapped.advise(memmap2::Advice::HugePage);
    Memory::Mapped(mapped)
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "what is given back reads as zeros")]
fn forget_pages(held: &mut MmapMut, bytes: Range<usize>) {
    debug_assert!(bytes.start <= bytes.end && bytes.end <= held.len());
    // SAFETY: the memory is private and anonymous, so it stays mapped and reads as zeros, which are valid bytes; nobody
    // else refers to it, as it is borrowed mutably. It is advice: if it fails, the bytes stay what they were.
    let _as_it_was = unsafe {
        held.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, bytes.start, bytes.end - bytes.start)
    };
}

impl Default for TextBuffer {
    /// No memory.
    fn default() -> Self {
        Self(Memory::Heap(Vec::new()))
    }
}

impl Deref for TextBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Memory::Heap(held) => held,
            Memory::Mapped(held) => held,
        }
    }
}

impl DerefMut for TextBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Memory::Heap(held) => held,
            Memory::Mapped(held) => held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_is_gone_and_nothing_else() {
        let mut buffer = TextBuffer::default();
        buffer.make_room(4 * HUGE_BYTES_MIN);
        buffer.fill(7);
        buffer.forget(HUGE_BYTES_MIN..2 * HUGE_BYTES_MIN);
        let (before, rest) = buffer.split_at(HUGE_BYTES_MIN);
        let (forgotten, after) = rest.split_at(HUGE_BYTES_MIN);
        assert!(before.iter().chain(after).all(|byte| *byte == 7));
        assert!(cfg!(not(target_os = "linux")) || forgotten.iter().all(|byte| *byte == 0));
        buffer.fill(1);
        assert!(buffer.iter().all(|byte| *byte == 1), "it can be used again");
    }

    #[test]
    fn growing_keeps_what_is_there_in_either_memory() {
        for bytes in [10, HUGE_BYTES_MIN] {
            let mut buffer = TextBuffer::default();
            buffer.make_room(bytes);
            assert!(buffer.len() == bytes && buffer.iter().all(|byte| *byte == 0));
            buffer[bytes - 1] = 7;
            buffer.grow(bytes + 1);
            assert_eq!((buffer.len(), buffer[bytes - 1], buffer[bytes]), (bytes + 1, 7, 0));
            buffer.make_room(bytes);
            assert_eq!(buffer[bytes - 1], 7, "enough was there");
        }
    }
}
